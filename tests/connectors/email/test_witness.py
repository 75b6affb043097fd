"""A second parser (mail-parser) reads our captures to the same subjects, addresses, words and files."""

import base64
import json

import mailparser
import pytest

from deskwire.channels.email import mime
from deskwire.channels.email.heads import addresses
from tests.conformance import world
from tests.connectors.email.mails import mail, several


def whole_mails():
    """Yield the mails that captures bring along, and some made by hand."""
    for capture in world.captures("email"):
        if "events" not in (capture.expected or {}) or not capture.request.body.startswith(b"{"):
            continue
        notice = json.loads(capture.request.body)
        if "content" in notice and "charset" not in capture.name:
            coded = notice["receipt"]["action"].get("encoding") == "BASE64"
            yield capture.name, base64.b64decode(notice["content"]) if coded else notice["content"].encode()
    yield "latin-1", mail("Grüße aus Köln".encode("latin-1"), "text/plain; charset=iso-8859-1")
    yield "two texts", several(("text/plain", "above"), ("image/png; name=a.png", "aGVsbG8="), ("text/plain", "below"))


@pytest.mark.parametrize(
    ("name", "raw"), list(whole_mails()), ids=lambda given: given if isinstance(given, str) else ""
)
def test_the_witness_reads_the_same(name, raw):
    witness, head, found = mailparser.parse_from_bytes(raw), mime.heads(raw), mime.content(raw)
    assert " ".join((witness.subject or "").split()) == mime.words(head.first("subject"))
    assert [(given[1].lower(), given[0]) for given in witness.from_] == [
        (each.address, each.name) for each in addresses(head.first("from"))
    ]
    words = " ".join(" ".join(witness.text_plain).split())
    if words and name not in {
        "alternatives",
        "files",
    }:  # the plain part only points; the witness reads inner mails, too
        assert " ".join(found.whole.split()).startswith(words)
    signature = {each["filename"] for each in witness.attachments if each["mail_content_type"] in mime.SIGNATURES}
    named = {part.name for part in found.parts if part.type != "message/rfc822"} - {""}
    assert named <= {each["filename"] for each in witness.attachments}
    assert not signature & named
