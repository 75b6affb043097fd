"""The settings and secrets that a connector needs, by its declarations.

A connector describes each name in words (`connection_settings`, `endpoint_secrets` …). The words carry two conventions:
a description with “optional” may be left out, one that begins with “or ” is an alternative to the name before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """The required names: one of each group."""

    groups: tuple[tuple[str, ...], ...]
    names: frozenset[str]

    @staticmethod
    def of(*declared: Mapping[str, str]) -> Need:
        """Return the needs of several declarations together."""
        groups: list[tuple[str, ...]] = []
        for each in declared:
            found: list[tuple[str, ...]] = []
            for name, words in each.items():
                if words.startswith("or ") and found:
                    found[-1] = (*found[-1], name)
                elif "optional" not in words:
                    found.append((name,))
            groups += [group for group in found if group not in groups]
        return Need(tuple(groups), frozenset(name for each in declared for name in each))

    def missing(self, given: Iterable[str]) -> list[str]:
        """Return the missing names, alternatives as `a or b`."""
        have = set(given)
        return [" or ".join(group) for group in self.groups if not have & set(group)]

    def unknown(self, given: Iterable[str]) -> list[str]:
        """Return names that the connector does not know."""
        return [name for name in given if name not in self.names]

    def __or__(self, other: Need) -> Need:
        """Return the needs of both."""
        groups = (*self.groups, *(group for group in other.groups if group not in self.groups))
        return Need(groups, self.names | other.names)
