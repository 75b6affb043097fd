"""The archive of conversations as deployed: function, role, bucket and stream; the operator's commands on it."""

import json
import re

import pytest

from deskwire.transcripts.chain import NAME
from sandbox.cloud.stack import ROOT
from sandbox.helpdesks.zendesk.played import Zendesk
from tests.flows.test_operating import Operator, rights

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("flows")]

PAGE = (ROOT / "docs" / "archive.md").read_text()


@pytest.fixture(scope="module")
def clerk(company):
    """Somebody with the rights that docs/archive.md prints."""
    return Operator(company, rights(company.stack, PAGE))


@pytest.fixture(scope="module")
def operator(company):
    return Operator(company, rights(company.stack))


def lines(stories):
    """Return the lines of the archive, as they lie in the bucket."""
    s3, bucket = stories.company.stack.client("s3"), stories.company.stack.deployed.transcripts
    names = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    assert all(NAME.fullmatch(name) for name in names)
    bodies = [s3.get_object(Bucket=bucket, Key=name)["Body"].read() for name in names]
    return [json.loads(raw) for body in bodies for raw in body.splitlines()]


def found(clerk, *words):
    """Return what `deskwire find` prints, none where it finds nothing."""
    run = clerk("find", *words, "--json")
    assert run.returncode in {0, 1}, run.stderr
    assert run.returncode == int(not run.stdout.strip()), run.stderr
    return [json.loads(each) for each in run.stdout.splitlines()]


def written(stories, name="Marta Lindqvist"):
    """Return who wrote on Messenger and was answered, and the words of both."""
    meta, page, asked, told = stories.meta, stories.open_page(), stories.marker(), stories.marker()
    who = meta.person(name)
    delivery = stories.deliver("meta", meta.writes(who, page, f"Where is my parcel {asked}?").entry)
    assert stories.statuses(delivery) == [200]
    ticket = stories.ticket(asked)
    stories.calm()
    stories.company.desk.zendesk.agent_replies(int(ticket.id), f"It is on its way {told}")
    place = f"messenger {who.psid(page)}"
    stories.eventually(lambda: any(told in each.text for each in stories.said(place)))
    stories.calm()
    return who.psid(page), asked, told


def test_what_was_said_is_archived_found_erased_and_the_chain_stays_provable(company, stories, clerk, operator):
    assert isinstance(company.desk.zendesk, Zendesk)
    psid, asked, told = written(stories)
    (message,) = stories.eventually(lambda: found(clerk, asked))
    (answer,) = stories.eventually(lambda: found(clerk, told))
    assert (message["kind"], message["outcome"], message["words"]["author"]["id"]) == ("message", "filed", psid)
    assert (answer["kind"], answer["outcome"]) == ("answer", "sent")
    assert answer["conversation"] == message["conversation"]
    before = lines(stories)
    assert {asked, told, psid} & set(re.findall(r"[\w-]+", json.dumps(before))) == set()
    assert {"acknowledgement", "answer", "message"} <= {line["kind"] for line in before}
    proved = clerk.answer("archive", "verify")
    assert proved["whole"]
    assert proved["lines"] >= len(before)

    run = operator("erase", f"messenger/{psid}", "--yes")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["counts"]["keys"] == 2  # the person's, and that of the conversation with them alone
    assert found(clerk, asked) == found(clerk, told) == []
    assert lines(stories)[: len(before)] == before
    again = clerk.answer("archive", "verify")
    assert again["whole"]
    assert again["lines"] >= proved["lines"]


@pytest.fixture(scope="module")
def asked(stories, clerk):
    """The words of a message that is archived."""
    _, asked, _ = written(stories, "Ivo Brandt")
    stories.eventually(lambda: found(clerk, asked))
    return asked


@pytest.mark.parametrize(
    ("statement", "command", "action"),
    [
        ("FindTheStack", ("archive", "verify"), "cloudformation:DescribeStacks"),
        ("FindBlocks", ("archive", "verify"), "s3:ListBucket"),
        ("ReadBlocks", ("find", "parcel"), "s3:GetObject"),
        ("ReadKeys", ("find", "parcel"), "dynamodb:GetItem"),
        ("ReadTheEnd", ("archive", "verify"), "dynamodb:GetItem"),
    ],
)
def test_without_a_right_the_command_names_it(company, asked, statement, command, action):
    clerk = Operator(company, rights(company.stack, PAGE))
    assert clerk(*command).returncode == 0
    clerk.without(statement)
    run = clerk(*command)
    assert run.returncode == 1, run.stdout
    assert action in run.stderr


def test_an_auditor_proves_the_chain_and_reads_no_word(company, asked):
    auditor = Operator(company, rights(company.stack, PAGE))
    auditor.without("ReadKeys")
    assert auditor.answer("archive", "verify")["whole"]
    assert asked not in auditor("find", asked).stdout
