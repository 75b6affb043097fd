"""Which number somebody's words name, and in which words they are asked."""

import pytest
from pydantic import ValidationError

from deskwire.care.measure import measure
from deskwire.care.policy import OPT_OUT, Policy
from deskwire.care.survey import ASK, Rating, Survey, rating_in
from deskwire.contracts.terms import Unit


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ("4", 4), ("4.", 4), (" 5!! ", 5), ("1/5", 1), ("3 / 5", 3), ("5 thanks", 5), ("5 Dziękuję bardzo!", 5),
        ("2 ★★", 2), ("⭐⭐⭐", 3), ("★", 1), ("۵", 5), ("٤", 4), ("3️⃣", 3), ("5 ❤️", 5), ("5\nthank you", 5),
    ],
)  # fmt: skip
def test_a_number_alone_or_with_thanks_is_a_rating(text, stars):
    assert rating_in(text) == Rating(stars)


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        ("2, nobody called", Rating(2, "nobody called")),
        ("1 - I am still waiting", Rating(1, "I am still waiting")),
        ("4\n\nBest regards\nMarta", Rating(4, "Best regards\nMarta")),
        ("3: could be faster", Rating(3, "could be faster")),
    ],
)
def test_words_that_are_set_off_go_on_beside_it(text, rating):
    assert rating_in(text) == rating


@pytest.mark.parametrize(
    "text",
    ["", "0", "6", "45", "4.5", "4,5", "4/6", "4 of them", "4th", "4 pm", "2 or 3", "1, 2, 3", "no", "I give 5", "-4",
     "⭐⭐⭐⭐⭐⭐", "4x", "4 tents please", "½", "²", "①"],
)  # fmt: skip
def test_whatever_is_not_sure_is_none(text):
    assert rating_in(text) is None


def test_the_question_is_asked_in_the_customers_language_or_the_companys_or_english():
    own = Survey(ask={"de": "Wie war es, 1 bis 5?"})
    assert own.question("de", "en")[1].open == "Wie war es, 1 bis 5?"
    assert own.question("sr-Cyrl", "en")[0] == "sr-Cyrl"
    assert own.question("", "is")[0] == "is"
    assert own.question("ja", "fi")[0] == "en"


def test_our_questions_are_there_in_every_language_we_ship_texts_in_and_fit_every_platform():
    assert {tag.split("-")[0] for tag in ASK} >= set(OPT_OUT)
    assert all(measure(text, Unit.BYTES) <= 1000 for text in ASK.values())
    for text in ASK.values():
        assert [int(sign) for sign in text if sign.isdigit()] == [1, 5]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"period_days": 0}, "period_days"),
        ({"thanks": {"pl": "Dziękujemy"}}, "survey.thanks has no text in the default language"),
        ({"low": {"up_to": 5}}, "up_to"),
        ({"asks": True}, "asks"),
    ],
)
def test_a_mistake_in_the_rules_is_named(given, why):
    with pytest.raises(ValidationError, match=why):
        Policy.model_validate({"survey": given})
