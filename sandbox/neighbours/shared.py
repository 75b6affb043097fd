"""A host that several platforms play: two folders may be products of one vendor, behind one address of its."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import ClassVar

from sandbox.neighbours.neighbour import Asked, Neighbour, Reply
from sandbox.neighbours.platform import Platform


class Shared(Neighbour):
    """Passes each request on to the player that says it is for it, else to the one that says so of none."""

    name: ClassVar[str] = "shared"

    def __init__(self, players: Sequence[Neighbour]) -> None:
        """Stand before these players; faults and books stay with each."""
        super().__init__(players[0].clock)
        self.players = players
        self._others = next((each for each in players if type(each).plays is Neighbour.plays), players[0])

    def authorize(self, asked: Asked) -> Reply | None:
        """Leave it to the player."""
        del asked
        return None

    def serve(self, asked: Asked) -> Reply | None:
        """Return what the player answers."""
        player = next((each for each in self.players if each.plays(asked)), self._others)
        return player.serve(asked)


def shared(platforms: Iterable[Platform], children: contextlib.ExitStack) -> dict[str, str]:
    """Start what stands before each host that several platforms play; return its address by host."""
    players: dict[str, list[Neighbour]] = {}
    for each in platforms:
        for host in each.hosts:
            players.setdefault(host, []).append(each.player)
    return {
        host: children.enter_context(Shared(several)).address for host, several in players.items() if len(several) > 1
    }
