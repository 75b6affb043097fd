"""What a mail says, whichever program wrote it, and however it breaks the rules."""

import base64
import json
import time

import pytest

from deskwire.channels.email import heads, mime
from deskwire.channels.email.completing import completed
from deskwire.model.events import Event, Kind, Visibility
from deskwire.model.keys import ADD
from tests.connectors.email.mails import mail, several

WORDS = {  # those of the conformance suite's C13.words
    "joined emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇮🇸",
    "right to left": "שלום، مرحبا بكم \u200f١٢٣ — سلام",
    "combining marks": "e\u0301a\u0308 नमस्ते ক্ষ Z\u0351\u036b\u0343a\u0301lgo",
    "Icelandic": "Þetta er ágætt, æðisleg þjónusta í Reykjavík",
    "line breaks": "first\n\n  second\tthird\nfourth",
    "markup": "<b>not bold</b> & [link](https://example.org) {{ticket.id}} ${x} %s",
    "ten thousand": ("äöü 👍 " * 1_700).strip(),
    "one of each plane": "\u00e9\u4e2d\U0001f600\U00020000\ue000\ufffd\u2028",
}


def said(raw, *, reply=False):
    return mime.content(raw, reply=reply).text


def incoming(**more):
    given = {
        "channel": "email", "account": "help@northwind.example", "kind": Kind.MESSAGE, "object_id": "m", "verb": ADD,
        "thread": "t", "visibility": Visibility.PRIVATE, "complete": False, "stored": "mail-1",
    }  # fmt: skip
    return Event(**{**given, **more})


@pytest.mark.parametrize("what", WORDS)
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_every_word_of_every_language_comes_through_unharmed(what, encoding):
    words = WORDS[what]
    data = words.encode()
    body = {
        "8bit": data,
        "base64": base64.encodebytes(data),
        "quoted-printable": b"".join(f"={byte:02X}".encode() for byte in data),
    }[encoding]
    assert said(mail(body, encoding=encoding)) == words


@pytest.mark.parametrize(
    ("charset", "codec", "words"),
    [
        ("iso-8859-1", "latin-1", "Grüße"), ("windows-1252", "cp1252", "“Grüße” – 5 €"),
        ("ISO-8859-1", "cp1252", "“5 €”"),
        ("iso-2022-jp", "iso-2022-jp", "こんにちは"), ("gb2312", "gb18030", "你好世界"),
        ("koi8-r", "koi8-r", "Привет"),
        ("ks_c_5601-1987", "cp949", "안녕하세요"), ("iso-8859-8-i", "iso8859-8", "שלום"), ("utf-16", "utf-16", "Þór"),
        ('"utf-8"', "utf-8", "Þór"), ("us-ascii", "utf-8", "Þór"), ("us-ascii", "cp1252", "Þór"),
        ("utf-7", "utf-7", "Þór"),
        ("x-unknown", "utf-8", "Þór"), ("none-such", "cp1252", "Þór"), ("", "utf-8", "Þór"), ("hex", "utf-8", "Þór"),
        ("utf-8", "cp1252", "Þór"), ('"charset=koi8-r"', "koi8-r", "Привет"),
        *(("iso-2022-jp", codec, "ご注文の品が届きません") for codec in ("utf-8", "euc_jp", "cp932")),
    ],
)  # fmt: skip
def test_a_charset_is_read_by_its_name_or_guessed(charset, codec, words):
    assert said(mail(words.encode(codec), f"text/plain; charset={charset}")) == words


@pytest.mark.parametrize(
    ("charset", "data", "words"),
    [
        # ①, ㈱ and 髙 are in rows that only Windows has; katakana of half width have an escape of their own.
        ("iso-2022-jp", b"\x1b$BCmJ8-!\x1b(B x \x1b$B-j|bOB\x1b(B", "注文① x ㈱髙和"),
        ("iso-2022-jp", b'\x1b(I12\x1b(B: \x1b$B$"\x1b(B', "ｱｲ: あ"),
        ("utf-8", "Где мой заказ?".encode() + b"\xc3", "Где мой заказ?\ufffd"),
        ("", "Þetta er ágætt".encode() + b"\xff!", "Þetta er ágætt\ufffd!"),
        ("shift_jis", "注文です".encode("shift_jis") + b"\xff", "注文です\ufffd"),
    ],
)
def test_a_text_with_a_few_signs_outside_its_charset_is_read_all_the_same(charset, data, words):
    assert said(mail(data, f"text/plain; charset={charset}")) == words


@pytest.mark.parametrize(
    ("field", "data", "words"),
    [
        ("text/plain charset=iso-8859-2", b"P\xf8\xedli\xb9", "Příliš"),
        ('text/html, charset="utf-8"', "<p>Þór</p>".encode(), "Þór"),
        ('"text/plain"; charset=utf-8', "Þór".encode(), "Þór"),
        ("text", b"Hello", "Hello"),
    ],
)
def test_a_content_type_is_read_however_it_is_punctuated(field, data, words):
    found = mime.content(mail(data, field))
    assert (found.text, list(found.parts)) == (words, [])


def test_a_picture_that_is_said_to_be_text_is_a_file():
    picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    found = mime.content(mail(base64.encodebytes(picture), "text/plain; charset=iso-8859-1", "base64"))
    assert (found.text, [each.data() for each in found.parts]) == ("[file]", [picture])


def test_an_unknown_charset_is_told():
    assert "none-such" in mime.content(mail("x", "text/plain; charset=none-such")).facts["Character set"]


def test_an_html_mail_without_a_charset_says_it_itself():
    body = '<html><head><meta charset="koi8-r"></head><body>Привет</body></html>'.encode("koi8-r")
    assert said(mail(body, "text/html")) == "Привет"


def test_the_plain_words_of_alternatives_are_taken_and_the_inline_image_is_a_file():
    related = several(
        ("text/html; charset=utf-8", '<p>Broken <img src="cid:leg" alt="leg"></p>'),
        ("image/png; name=leg.png", "aGVsbG8=", "Content-ID: <leg>", "Content-Transfer-Encoding: base64"),
        kind="related", boundary="inner",
    ).decode()  # fmt: skip
    inside = related.partition("\r\n\r\n")[2]
    plain, rich = ("text/plain", "Broken, see the picture"), ("multipart/related; boundary=inner", inside)
    found = mime.content(several(plain, rich, kind="alternative"))
    assert found.text == "Broken, see the picture"
    assert [(part.name, part.type, part.data()) for part in found.parts] == [("leg.png", "image/png", b"hello")]


def test_the_html_is_taken_where_the_plain_part_only_points_to_it():
    parts = (
        ("text/plain", "Your e-mail client does not show HTML."),
        ("text/html", "<p>Ten chairs of the green kind, as we had them before, please.</p>"),
    )
    assert said(several(*parts, kind="alternative")).startswith("Ten chairs")


def test_an_empty_plain_part_gives_way_to_the_html():
    parts = ("text/plain", " \r\n"), ("text/html", "<p>Ten chairs</p>")
    assert said(several(*parts, kind="alternative")) == "Ten chairs"


def test_text_below_and_above_a_picture_is_all_read():
    parts = ("text/plain", "above"), ("image/png", ""), ("text/plain", "below")
    assert said(several(*parts)) == "above\n\nbelow"


def test_a_text_that_is_attached_is_a_file():
    found = mime.content(
        several(("text/plain", "See"), ("text/plain", "log", "Content-Disposition: attachment; filename=a.log"))
    )
    assert found.text == "See"
    assert [(part.name, part.data()) for part in found.parts] == [("a.log", b"log")]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("attachment; filename*=utf-8''%C3%A1b%C3%BAr%C3%B0.pdf", "ábúrð.pdf"),
        ('attachment; filename="=?utf-8?q?=C3=A1b=C3=BAr=C3=B0?=.pdf"', "ábúrð.pdf"),
        ('attachment; filename="ábúrð.pdf"', "ábúrð.pdf"),
        ("attachment; filename*0=long-; filename*1=name.pdf", "long-name.pdf"),
        ('attachment; filename="../../etc/passwd"', "../../etc/passwd"),  # `media.called` makes it harmless
        ("attachment", ""),
        ("attachment; filename*=none-such''a%FF.pdf", None),
        ('attachment; filename="a\x01b.pdf"', None),
    ],
)  # fmt: skip
def test_a_file_s_name_is_read_in_every_spelling(field, name):
    found = mime.content(several(("text/plain", "x"), ("application/pdf", "JV", f"Content-Disposition: {field}")))
    (part,) = found.parts
    assert name is None or part.name == name
    json.dumps(part.name).encode()


def test_a_forwarded_mail_is_a_file_with_its_bytes_and_its_words_are_not_the_customer_s():
    inner = "From: a@b.example\r\nSubject: =?utf-8?q?Fyrsta_br=C3=A9f?=\r\n\r\nTheir words\r\n"
    found = mime.content(several(("text/plain", "See below"), ("message/rfc822", inner)))
    assert found.text == "See below"
    (part,) = found.parts
    assert (part.name, part.type) == ("Fyrsta bréf.eml", "message/rfc822")
    assert b"Their words" in part.data()
    assert b"=?utf-8?q?Fyrsta_br=C3=A9f?=" in part.data()


@pytest.mark.parametrize(
    ("kind", "fact", "words"),
    [
        ("application/ms-tnef", "", "winmail.dat"),
        ("application/pkcs7-mime; smime-type=enveloped-data", "Encrypted", "cannot be read"),
        ("application/pkcs7-mime; smime-type=signed-data", "Signature", "cannot be read"),
    ],
)
def test_what_cannot_be_opened_is_attached_and_says_so(kind, fact, words):
    found = mime.content(mail("MIIB", kind, "base64"))
    assert words in found.text
    assert not fact or fact in found.facts
    assert found.parts[0].data() == base64.b64decode("MIIB")


def test_an_invitation_says_what_and_when():
    event = (
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Visit of\r\n  the fitter\r\nDTSTART:20261130T10"
    )
    found = mime.content(several(("text/plain", "Hello"), ("text/calendar", event)))
    assert found.facts["Invitation"] == "REQUEST · Visit of the fitter · 20261130T10"
    assert found.text.startswith("Hello\n\n[invitation: ")


def test_a_mail_server_s_report_tells_its_status():
    status = (
        "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1"
    )
    found = mime.content(several(("text/plain", "Undelivered"), ("message/delivery-status", status), kind="report"))
    assert found.facts["Delivery report"] == "failed, 5.1.1, rfc822; a@b.example"


QUOTED = (
    "Thanks, it came.\r\n\r\n"
    "On Sat, 28 Nov 2026 at 10:20, Northwind <help@northwind.example> wrote:\r\n> It is sent.\r\n"
)


def test_of_a_reply_the_new_words_are_filed_and_the_whole_is_kept():
    found = completed(incoming(reply_to="x@y"), mail(QUOTED))
    assert found.text == "Thanks, it came."
    assert found.facts["Left out"]
    assert [each.id for each in found.attachments] == ["mail-1#text"]
    assert "It is sent." in mime.file(mail(QUOTED), "text")[2].decode()


def test_what_our_own_mail_is_quoted_for_is_not_attached():
    found = completed(incoming(reply_to="x@y", keep={"ours": "yes"}), mail(QUOTED))
    assert (found.text, found.attachments) == ("Thanks, it came.", ())


def test_what_is_no_reply_or_is_forwarded_keeps_what_it_quotes():
    assert "It is sent." in completed(incoming(), mail(QUOTED)).text
    assert "It is sent." in completed(incoming(reply_to="x@y"), mail(QUOTED, Subject="Fwd: parcel")).text


def test_a_reply_of_nothing_but_a_quotation_is_filed_as_it_is():
    assert "It is sent." in completed(incoming(reply_to="x@y"), mail("> It is sent.\r\n")).text


def test_a_very_long_text_is_cut_and_attached_whole():
    found = completed(incoming(), mail("word " * 40_000))
    assert len(found.text) < 60_000
    assert found.text.endswith(mime.CUT_OFF)
    assert found.attachments[-1].id == "mail-1#text"


def test_a_mail_whose_parts_cannot_be_told_apart_is_attached_as_it_came_beside_what_was_read():
    inner = "multipart/alternative; boundary=b", "--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b--"
    raw = several(inner, ("application/zip; name=a.zip", "UEs="), boundary="b")
    found = completed(incoming(), raw)
    assert found.text == "Hello"
    assert found.facts["Form"].startswith("broken")
    assert [each.id for each in found.attachments] == ["mail-1#mail"]
    assert mime.content(mail()).broken is False


@pytest.mark.parametrize(
    "declared", ['multipart/mixed\r\n\tboundary="=_part"', 'multipart/mixed; boundary="other"', "multipart/mixed"]
)
def test_parts_are_told_apart_by_the_boundary_that_is_there_not_by_the_declared_one(declared):
    raw = several(("text/plain", "Hello"), ("application/zip; name=a.zip", "UEs="), boundary="=_part")
    found = completed(incoming(), raw.replace(b'multipart/mixed; boundary="=_part"', declared.encode()))
    assert found.text == "Hello"
    assert [(each.id, each.name) for each in found.attachments] == [("mail-1#0", "a.zip"), ("mail-1#mail", "mail.eml")]


@pytest.mark.parametrize("end", ["`\nend", " \nend", "end"])
def test_a_uuencoded_file_within_the_words_is_a_file(end):
    raw = mail(f"Here it is.\n\nbegin 644 list of boats.txt\n$86YN80  \n{end}\n\nYours, Mira")
    found = mime.content(raw)
    assert found.text == "Here it is.\n\n\n\nYours, Mira"
    assert mime.file(raw, "0") == ("list of boats.txt", "application/octet-stream", b"anna")


@pytest.mark.parametrize(
    "markup", ['<p><img src="https://example.org/offer.png"></p>', "<title>Order<body>Where is it?"]
)
def test_html_in_which_no_words_are_found_is_attached_as_it_came(markup):
    found = completed(incoming(), mail(markup, "text/html"))
    assert found.text == "[a mail without words]"
    assert [each.id for each in found.attachments] == ["mail-1#mail"]
    assert completed(incoming(), mail("", "text/html")).attachments == ()


def test_what_only_begins_like_a_uuencoded_file_is_words():
    words = "We\nbegin 644 days from now\nwith a new boat\nend"
    assert said(mail(words)) == words


def test_a_mail_that_cannot_be_read_is_attached_whole_and_says_so(monkeypatch):
    monkeypatch.setattr(mime, "message_from_bytes", lambda *_, **__: 1 / 0)
    found = completed(incoming(), mail())
    assert (found.text, found.complete) == (mime.UNREADABLE, True)
    assert [(each.id, each.type) for each in found.attachments] == [("mail-1#mail", "message/rfc822")]


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\n\n", b"\xff\xfe\x00", b"From: a@b\n\n\x00", b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b"Content-Type: text/plain; charset\n\nx",
        b"Content-Type: ;;;;\nContent-Transfer-Encoding: what\n\nx", b"Content-Type: message/rfc822\n\n",
        b"Content-Transfer-Encoding: base64\n\n====", b'Content-Type: multipart/mixed; boundary=""\n\n--\nx',
        b"Content-Disposition: attachment; filename*=utf-8'\n\nx", b"Content-Type: message/partial\n\nx",
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 3000,
    ],
)  # fmt: skip
def test_nonsense_becomes_a_message_all_the_same(raw):
    found = completed(incoming(), raw)
    assert found.complete
    assert found.text.strip()
    json.dumps(found.to_json()).encode()


def test_what_is_signed_within_the_text_is_filed_without_the_armour():
    signed = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nWhere is it?\n\n- -- \nMira\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAd\n=AbCd\n-----END PGP SIGNATURE-----\n\n_____\nour list"
    )
    found = mime.content(mail(signed))
    assert found.text == "Where is it?\n\n-- \nMira\n\n_____\nour list"
    assert found.facts["Signature"] == "PGP, not checked"
    whole = signed.partition("-----BEGIN PGP SIGNATURE-----")[0].strip()
    assert said(mail(whole)) == whole  # cut off: as it came


def test_soft_line_breaks_are_undone():
    assert mime.unflowed("Long \nline\n> quoted \n> words\n-- \nMe") == "Long line\n> quoted words\n-- \nMe"
    assert mime.unflowed("Lo \nng", joined=True) == "Long"


def test_a_flowed_paragraph_of_any_length_is_joined_in_time():
    began = time.process_time()
    assert mime.unflowed("a \n" * 800_000).count("a ") == 799_999
    assert time.process_time() - began < 5  # measured: 0.3 s; 37 s where each line is joined to all before it


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("=?utf-8?q?=C3=9E?= =?utf-8?q?=C3=B3r?=", "Þór"), ("=?utf-8?b?w54=?=\r\n =?utf-8?b?w7M=?=r", "Þór"),
        ("=?utf-8?b?w?= =?utf-8?b?54=?=", None), ("=?none-such?q?a=DE?=", "aÞ"), ("=?utf-8?q?a b?=", "a b"),
        ("plain =?utf-8?q?=C3=9E?= end", "plain Þ end"), ("a\r\n\tb", "a b"), ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        ("=?iso-2022-jp?B?GyRCJDMbKEI=?=", "こ"), ("Þór", "Þór"), ("=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),
    ],
)  # fmt: skip
def test_encoded_words_are_read(value, words):
    found = heads.words(value)
    assert words is None or found == words
    assert "\n" not in found


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("Mira <Mira@X.example>", [("mira@x.example", "Mira")]),
        ("mira@x.example (Mira)", [("mira@x.example", "Mira")]),
        ('"Dahl, Mira" <m@x.example>, b@x.example', [("m@x.example", "Dahl, Mira"), ("b@x.example", "")]),
        ("Dahl, Mira <m@x.example>", [("m@x.example", "Mira")]), ("undisclosed-recipients:;", []), ("", []),
        ("nobody", []),
        ("Team: a@x.example, b@x.example;", [("a@x.example", ""), ("b@x.example", "")]),
        ("=?utf-8?q?=C3=9E=C3=B3r?= <t@x.example>", [("t@x.example", "Þór")]), ("<>", []), ("a@b@c", []),
        ("m@x.example <evil@y.example>", [("evil@y.example", "m@x.example")]),
    ],
)  # fmt: skip
def test_addresses_are_read_as_people_s_programs_write_them(value, wanted):
    assert [(each.address, each.name) for each in heads.addresses(value)] == wanted


def test_a_machine_s_mark_that_the_notice_cut_off_is_read_from_the_mail():
    found = completed(incoming(), mail("I am away", Auto_Submitted="auto-replied"))
    assert found.no_automatic_reply == found.facts["Automatic mail"] == "Auto-Submitted: auto-replied"
    assert completed(incoming(), mail("I am here")).no_automatic_reply == ""


@pytest.mark.parametrize("kind", ["message/delivery-status", "message/feedback-report"])
def test_a_report_is_known_by_its_part_where_the_mail_is_not_marked_as_one(kind):
    report = several(("text/plain", "It was not delivered"), (kind, "Action: failed\r\n\r\nStatus: 5.1.1"))
    found = completed(incoming(), report)
    assert found.no_automatic_reply == "it holds a report of a mail server"
    assert [each.type for each in found.attachments] == [kind]
