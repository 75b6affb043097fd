"""Forms with files: what is written is what a parser reads, and nothing breaks out of its part."""

from email import message_from_bytes

import pytest

from deskwire.web.multipart import TEXT, multipart


def read(kind, body):
    """Return the parts as the standard library reads them: name, media type, data."""
    parsed = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    return [
        (part.get_param("name", header="content-disposition"), part.get_content_type(), part.get_payload(decode=True))
        for part in parsed.get_payload()
    ]


def test_fields_and_files_are_read_as_they_were():
    parts = [('name="tags[]"', TEXT, "þ 🌷".encode()), ('name="file"; filename="a.jpg"', "image/jpeg", b"\xff\x00\r\n")]
    assert read(*multipart(parts)) == [
        ("tags[]", "text/plain", "þ 🌷".encode()), ("file", "image/jpeg", b"\xff\x00\r\n"),
    ]  # fmt: skip


def test_a_file_that_holds_a_boundary_does_not_end_its_part():
    first, _ = multipart([('name="a"', TEXT, b"x")])
    hostile = f"\r\n--{first.rpartition('=')[2]}--\r\n".encode()
    assert read(*multipart([('name="a"', TEXT, hostile)])) == [("a", "text/plain", hostile)]


@pytest.mark.parametrize("kind", ["", "image", "image/jpeg\r\nX-Header: y", "text/html; charset=utf-8"])
def test_a_media_type_that_is_none_is_not_written(kind):
    assert read(*multipart([('name="a"', kind, b"x")])) == [("a", "application/octet-stream", b"x")]


def test_the_same_form_has_the_same_bytes():
    assert multipart([('name="a"', TEXT, b"x")]) == multipart([('name="a"', TEXT, b"x")])
