"""A script whose words a person dictates, one message at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sandbox.northwind.notes import Step, Talk
from sandbox.northwind.scenes import Way
from sandbox.northwind.script import Script

if TYPE_CHECKING:
    from sandbox.northwind.company import Company


class Dictated(Script):
    """The scenes' ways to write, and the conversations that were begun. Nothing is repeated by chance."""

    repeats = 0.0
    first = 900001  # a morning before it has used others

    def __init__(self, company: Company) -> None:
        """Take the company as it runs."""
        self._name = self._text = ""
        self._one = threading.Lock()  # a message is dictated at a time
        self._goes_on: dict[str, Step] = {}
        self.names_given: dict[str, str] = {}  # by the thread's key
        super().__init__(company)

    def called(self) -> Iterator[str]:
        while True:
            yield self._name

    def marked(self, kind: str = "any") -> tuple[str, str]:
        del kind
        return self._text, ""

    def begin(self, way: Way, account: str, name: str, text: str) -> Talk:
        """Let somebody of this name write, and return the conversation."""
        with self._one:
            self._name, self._text = name, text
            talk, goes_on = way.begin(account)
            self._goes_on[talk.key], self.names_given[talk.key] = goes_on, name
            return talk

    def go_on(self, key: str, text: str) -> None:
        """Let the customer of a conversation write again. Raises `KeyError` for one that was not begun here."""
        with self._one:
            self._text = text
            self._goes_on[key]()

    def may_go_on(self, key: str) -> bool:
        """Return whether a conversation was begun here."""
        return key in self._goes_on
