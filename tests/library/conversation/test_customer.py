"""Whom a ticket is for: who wrote it, with what is known of them and of nobody else."""

from deskwire.conversation.entries import customer
from deskwire.conversation.thread import Thread
from deskwire.model.events import Author

THREAD = Thread(
    pk="T#facebook/1/2", channel="facebook", account="1", thread="2",
    author={"id": "marta", "name": "Marta", "email": "marta@customer.example", "phone": "+3545550100"},
)  # fmt: skip


def test_who_wrote_is_named_with_nothing_of_the_thread_s_customer():
    found = customer(THREAD, None, Author("jon", "Jón"), proved=True)
    assert (found.name, found.email, found.phone) == ("Jón", "", "")
    assert "jon" in found.external_id


def test_without_an_author_it_is_for_the_thread_s_customer():
    found = customer(THREAD, None, None, proved=True)
    assert (found.name, found.email, found.phone) == ("Marta", "marta@customer.example", "+3545550100")
