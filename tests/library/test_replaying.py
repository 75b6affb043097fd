"""Replaying and discarding do first, and take away afterwards: who is interrupted in between loses nothing."""

from datetime import UTC, datetime

import pytest

from deskwire.letters import timer
from deskwire.model.errors import TemporaryError
from deskwire.operating.replaying import Replayer
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryPile, MemoryTable

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


class Down:
    """A mailbox, or a table, that cannot be reached."""

    def send(self, _letters):
        raise TemporaryError("down")

    def put(self, _put):
        raise TemporaryError("down")


@pytest.fixture
def pile():
    return MemoryPile([timer("messenger/41/77", "due")])


def replayer(**ports):
    return Replayer(
        **{
            "table": MemoryTable(),
            "mailbox": MemoryMailbox(),
            "archive": MemoryArchive(),
            "clock": lambda: NOW,
            **ports,
        }
    )


def test_a_dead_letter_stays_until_the_mailbox_has_it(pile):
    lying = pile.look()
    with pytest.raises(TemporaryError):
        replayer(mailbox=Down()).replay_dead(pile, lying[0])
    pile.put_back(lying)
    assert len(pile.look()) == 1


def test_a_dead_letter_that_was_sent_again_is_gone(pile):
    mailbox = MemoryMailbox()
    replayer(mailbox=mailbox).replay_dead(pile, pile.look()[0])
    assert len(mailbox.letters) == 1
    assert not pile.lying


def test_a_letter_is_discarded_once_it_is_known_why(pile):
    lying = pile.look()
    with pytest.raises(TemporaryError):
        replayer(table=Down()).discard(pile, lying[0], "dead", "a test")
    pile.put_back(lying)
    assert len(pile.look()) == 1
