"""What an agent says in private and to whom, and what might have been meant so."""

from __future__ import annotations

import pytest

from deskwire.conversation.spoken import Spoken, Writer, addressed, labels, spoken

UNSEEN = ("\u200b", "\ufeff", "\u2060", "\u00ad", "\ufe0f", "\u3164", "\u202e", "\u034f")


@pytest.mark.parametrize(
    "head", ["#private ", "#Private: ", "#PRIVATE\n", "#private,", "#private\u00a0", " \n#private "]
)
@pytest.mark.parametrize("before", ["", *UNSEEN, "".join(UNSEEN)])
def test_the_word_at_the_beginning_makes_an_answer_private(head, before):
    assert spoken(f"{before}{head}Hello #1") == Spoken("Hello #1", private=True)


@pytest.mark.parametrize(
    "text",
    [
        "#privatelabel is out now", "#privately yours", "Hi #private", "Hello Marta,\n\n#private it is in Elm Street",
        "# private Hi", "#privat Hallo", "#pirvate Hi", "#prvate Hi", "\uff03private Hi", "#pri\u200bvate Hi",
        "[private] Hi", "(Private) Hi", "private: Hi", "Privat: Hallo", "*#private* Hi", "#private-label",
        "@private Hi", "/private Hi", "!Private Hi", "#priv Hi", "#p r i v a t e Hi", "Hola #privado", "#privée",
    ],
)  # fmt: skip
def test_anything_near_it_may_have_been_meant(text):
    found = spoken(text)
    assert found.unsure
    assert not found.private


@pytest.mark.parametrize(
    "text",
    [
        "Hi",
        "#priority order 4471",
        "your private data are safe",
        "Privately owned",
        "#1 #print #sale",
        "a/private road",
        "@privilege",
        "",
        "\u200b",
    ],
)
def test_other_words_are_said_to_everybody(text):
    assert not spoken(text).unsure
    assert not spoken(text).private


@pytest.mark.parametrize("head", ["#public ", "#Public: ", "#PUBLIC\n", "#public,", "#public\u00a0", " \n#public "])
@pytest.mark.parametrize("before", ["", *UNSEEN])
def test_the_word_for_everybody_at_the_beginning_is_taken_off(head, before):
    assert spoken(f"{before}{head}Call +354 555 0100") == Spoken("Call +354 555 0100", public=True)


@pytest.mark.parametrize(
    "text",
    ["#publicly: call", "#pubilc call", "#publik call", "# public call", "\uff03public call", "#pub\u200blic call",
     "#public it is in your #private area", "#public #private call"],
)  # fmt: skip
def test_what_is_nearly_that_word_is_not_taken_for_it(text):
    found = spoken(text)
    assert found.unsure
    assert not found.public


@pytest.mark.parametrize("text", ["Our #public page", "#publish it", "public: yes", "#1 #public"])
def test_the_word_elsewhere_says_nothing(text):
    assert spoken(text) == Spoken(text)


MARTA, BOB = Writer("301111", "Marta Lindqvist", "c1", 1), Writer("302222", "Bob Stranger", "c2", 2)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Marta Lindqvist: Elm Street", "Elm Street"),
        ("@Marta Lindqvist: Elm Street", "Elm Street"),
        ("marta: Elm Street", "Elm Street"),
        ("Marta, it goes to Elm Street", "Marta, it goes to Elm Street"),
    ],
)
def test_an_answer_names_its_addressee_at_its_head(text, left):
    assert addressed(text, [BOB, MARTA]) == (MARTA, left)
    assert addressed(text, [MARTA, BOB]) == (MARTA, left)


@pytest.mark.parametrize("text", ["Elm Street", "Hello Marta: Elm Street", "Martana: hi", "", ":", "Anna: hi"])
def test_an_answer_that_names_nobody_is_for_nobody(text):
    assert addressed(text, [BOB, MARTA])[0] is None


@pytest.mark.parametrize("name", ["Marta Lindqvist", "marta lindqvist", "Marta"])
def test_who_takes_the_name_of_another_gets_nothing_by_it(name):
    intruder = Writer("309999", name, "c9", 9)
    assert addressed("Marta: Elm Street", [MARTA, intruder])[0] is None
    told = dict(zip(labels([MARTA, intruder]).values(), labels([MARTA, intruder]), strict=True))
    assert addressed(f"{told[MARTA]}: Elm Street", [MARTA, intruder])[0] == MARTA
