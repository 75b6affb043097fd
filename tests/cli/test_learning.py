"""`deskwire learn`: labelled messages in, a section of the policy out, and nothing where nothing is learned."""

import json
import re
from zlib import crc32

import pytest
import yaml
from pydantic import ValidationError

from deskwire.care.policy import Policy
from deskwire.care.triage import triage

FLOWERS = ("roses", "tulips", "lilies", "peonies", "orchids", "daisies")
PLACES = ("Leeds", "York", "Bath", "Ely", "Truro", "Ripon", "Wells", "Derby", "Durham", "Exeter")
HOT = [f"The {flower} for {place} came mauve" for flower in FLOWERS for place in PLACES]
COLD = [f"The {flower} for {place} came today" for flower in FLOWERS for place in PLACES]


@pytest.fixture
def file(tmp_path):
    """Write lines into a file."""

    def write(*rows):
        path = tmp_path / "labelled.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        return path

    return write


def labelled(hot, cold):
    return [{"text": text} | hot for text in HOT] + [{"text": text} | cold for text in COLD]


@pytest.mark.parametrize(
    ("hot", "cold"),
    [
        ({"label": "complaint"}, {"label": "mention"}),
        ({"label": "hot"}, {"label": "cold"}),
        ({"tags": ["vip", "Fault"]}, {"tags": "vip closed"}),
        ({"rating": 1}, {"rating": 5}),
    ],
)
def test_what_is_learned_judges_the_companys_messages(deskwire, file, hot, cold):
    told = deskwire("learn", "--languages", "en", "--hot-tags", "fault, angry", file(*labelled(hot, cold)))
    assert told.status == 0, told
    assert "judged as usual:       hot found 0.00 (0 of 60), cold raised 0.00 (0 of 60)" in told.err
    assert re.search(r"by what others teach:  hot found (0\.[89]|1).*, cold raised 0\.0", told.err)
    policy = Policy.model_validate({"judging": yaml.safe_load(told.out)})
    found = triage("My lilacs were mauve", policy)
    assert (found.priority, found.tags) == ("high", ("hot", "complaint"))
    assert "the company's hot messages say “mauve”" in found.line
    assert triage("My lilacs were mauve", Policy()).priority == "normal"
    off = policy.model_copy(update={"judging": policy.judging.model_copy(update={"on": False})})
    assert triage("My lilacs were mauve", off).priority == "normal"


def test_what_teaches_nothing_is_not_printed(deskwire, file):
    rows = [{"text": text, "label": "hot" if crc32(text.encode()) % 2 else "cold"} for text in COLD + HOT]
    told = deskwire("learn", "--languages", "en", file(*rows))
    assert (told.status, told.out) == (1, "")
    assert "no better than luck explains" in told.err


def test_names_and_numbers_are_not_learned(deskwire, file):
    rows = labelled({"label": "hot"}, {"label": "cold"})
    rows[0]["text"] += " says Ada Quux of flat 4711"
    told = deskwire("learn", "--languages", "en", file(*rows))
    assert "mauve" in told.out
    assert not any(word in told.out for word in ("quux", "4711"))


@pytest.mark.parametrize(
    ("rows", "status", "reason"),
    [
        ([{"text": "a", "label": "hot"}], 1, "there are 1 different hot messages: 50 are the least: label more"),
        ([{"text": "a", "label": "angry"}], 2, "line 1: this does not say what the message was"),
        ([{"text": "a", "tags": ["x"]}], 2, "(with --hot-tags)"),
        ([{"text": "a", "rating": 3}], 1, "left out: 1 with a rating of 3"),
        ([{"text": 4, "label": "hot"}], 2, "“text” is missing or no string"),
    ],
)
def test_a_wrong_file_is_told(deskwire, file, rows, status, reason):
    told = deskwire("learn", file(*rows))
    assert (told.status, told.out) == (status, "")
    assert reason in told.err


@pytest.mark.parametrize(
    ("learned", "reason"),
    [
        ({"weights": {"wrath": 1}}, "“wrath” is no sign; there are trouble, urgent"),
        ({"words": {"Żal": 1}}, "“Żal” is never found: write one word of three letters or more, as “zal”"),
        ({"words": {"two words": 1}}, "“two words” is never found"),
        ({"words": {"mauve": 99}}, "less than or equal to 20"),
        ({"word": {}}, "Extra inputs are not permitted"),
    ],
)
def test_a_section_that_cannot_work_is_refused(learned, reason):
    with pytest.raises(ValidationError, match="(?s)" + reason.replace("(", r"\(")):
        Policy.model_validate({"judging": {"learned": learned}})
