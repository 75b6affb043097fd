import json

import pytest

from deskwire.families.ids import id_of, numbered, required_id
from deskwire.families.selfhosted import address_of
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.web.reading import read


@pytest.mark.parametrize(("value", "found"), [(7, "7"), ("7", "7"), (True, ""), (1.5, ""), (None, ""), ("7/x", "")])
def test_an_id_is_digits_or_nothing(value: object, found: str) -> None:
    assert id_of(read(json.dumps({"id": value}).encode())["id"]) == found


def test_an_answer_without_the_id_leaves_in_doubt_whether_it_happened() -> None:
    with pytest.raises(TemporaryError) as caught:
        required_id(read(b"{}")["id"], "opening a ticket")
    assert caught.value.ambiguous


@pytest.mark.parametrize("text", ["", "x", "-1", "١", "1/../2", "1\n", "1" * 30])
def test_no_id_but_a_number_reaches_an_address(text: str) -> None:
    with pytest.raises(PermanentError):
        numbered(text)


@pytest.mark.parametrize("address", ["https://desk.example.com", "https://desk.example.com:8443/help/"])
def test_an_address_is_taken_without_its_last_slash(address: str) -> None:
    assert address_of({"address": address}, "https://…") == address.removesuffix("/")


@pytest.mark.parametrize("address", ["", "http://desk.example.com", "https://a@b.example", "https://b.example?x=1"])
def test_an_address_that_could_send_credentials_elsewhere_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"https://desk\.example\.com"):
        address_of({"address": address}, "https://desk.example.com")
