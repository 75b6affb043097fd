"""Put the messages of a flooded thread aside on pages, as its list of pending messages is bounded.

An item of DynamoDB holds 400 KB (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html),
and one message's key may take a kilobyte of that. Messages for a thread whose list is full are therefore put on pages,
in order; the worker that takes the thread moves the next page to the list once it has room. The thread counts the
messages put aside (`aside`, the number of the next one) and those that still wait (`waiting`).
"""

from __future__ import annotations

from dataclasses import dataclass

from deskwire.model.errors import Concern
from deskwire.ports import Absent, AbsentOr, AtMost, Clock, Conflict, Equals, Table, Update
from deskwire.timing import KEEP_SECONDS, NET_SECONDS

from .decide import MOST
from .ledger import Busy, shard
from .recorded import RECORDED
from .table import message_item, page_item, seconds, thread_item
from .thread import Thread

PAGE = 100  # messages


@dataclass(frozen=True, slots=True)
class Overflow:
    """Reads and writes threads' pages. `owner` names this worker."""

    table: Table
    clock: Clock
    owner: str

    def put_aside(self, thread_key: str, key: str, number: int) -> None:
        """Put a recorded message on a page as the thread's `number`th; once, however often its letter is redelivered.

        The thread becomes due if it was not. Raises `Busy` if another worker changed the thread meanwhile.
        """
        now = seconds(self.clock())
        try:
            self.table.transact(
                [
                    Update(
                        message_item(thread_key, key),
                        set={"aside": number},
                        when=[("aside", Absent()), ("state", Equals(RECORDED))],
                    ),
                    Update(page_item(thread_key, number // PAGE), append={"keys": key}),
                    Update(
                        thread_item(thread_key),
                        set={"aside": number + 1},
                        add={"waiting": 1},
                        initial={"due_at": now + NET_SECONDS, "due_shard": str(shard(thread_key))},
                        when=[
                            ("aside", Equals(number) if number else AbsentOr(0)),
                            ("lease_until", AtMost(now)),
                            ("alias_of", Absent()),
                        ],
                    ),
                ]
            )
        except Conflict:
            item = self.table.get(message_item(thread_key, key)) or {}
            if "aside" not in item and item.get("state") == RECORDED:
                raise Busy("another worker changed the thread", after=1, concerns=Concern.TICKET) from None

    def take_page(self, thread: Thread) -> Thread:
        """Move the next page to the list of a taken thread if that has room; return the thread. Raises `Busy`."""
        if not thread.waiting or len(thread.pending) >= MOST:
            return thread
        number = (thread.aside - thread.waiting) // PAGE
        place = page_item(thread.key, number)
        page = self.table.get(place) or {}
        keys = tuple(page.get("keys", ()))
        # A page is moved as a whole: the next message put aside begins another one.
        aside = max(thread.aside, (number + 1) * PAGE)
        pending = (*thread.pending, *keys)
        try:
            self.table.transact(
                [
                    Update(place, set={"expires": seconds(self.clock()) + KEEP_SECONDS}),
                    Update(
                        thread_item(thread.key),
                        set={"pending": list(pending), "aside": aside},
                        add={"waiting": -len(keys)},
                        when=[("lease_owner", Equals(self.owner))],
                    ),
                ]
            )
        except Conflict:
            raise Busy("another worker took the thread", concerns=Concern.TICKET) from None
        return thread.model_copy(
            update={
                "pending": pending,
                "was_clean": (*thread.was_clean, *keys),  # none was begun
                "aside": aside,
                "waiting": thread.waiting - len(keys),
            }
        )
