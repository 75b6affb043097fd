"""What a mail says: its words, its files and facts for the agent, whatever the mail program made of it.

Python's `email` does the parsing. Nothing here trusts it to succeed: each header and part is read for itself, and what
cannot be read costs no other part.
"""

from __future__ import annotations

import email.policy
import re
from binascii import a2b_uu
from collections.abc import Callable, Sequence
from email import errors, message_from_bytes
from email.generator import BytesGenerator
from email.message import Message
from io import BytesIO
from typing import Any, Final, TypeVar

from deskwire.care.quotation import own_words
from deskwire.contracts.channel import line
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.values import dataclass
from deskwire.web.markup import plain
from deskwire.web.media import MIME, UNKNOWN
from deskwire.web.reading import clean

from .heads import EMPTY_LINE, Heads, codec, decoded, repaired, words

Value = TypeVar("Value")

# The older policy: the modern one parses each structured field into a tree, which takes four times as long and fails
# on fields that break the rules. A part that is written out again comes out as it came.
POLICY: Final = email.policy.compat32
AS_IT_CAME: Final = email.policy.default.clone(refold_source="none")
MOST_FILES: Final = 60
MOST_TEXT: Final = 50_000  # characters: an event is an item of the table; what is longer comes as a file, too
DEEPEST: Final = 40
BODIES: Final = frozenset({"text/plain", "text/html", "text/markdown", "text/x-amp-html", "text/enriched"})
SIGNATURES: Final = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature",
                               "application/pgp-signature"})  # fmt: skip
SEALED: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
TNEF: Final = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
BROKEN: Final = (
    errors.CloseBoundaryNotFoundDefect, errors.MultipartInvariantViolationDefect, errors.NoBoundaryInMultipartDefect,
    errors.StartBoundaryNotFoundDefect,
)  # fmt: skip
SPACED: Final = re.compile(rb"^([!-9;-~]{1,80})[ \t]{1,20}:", re.MULTILINE)
# A text part that says nothing but that there is a better one.
PLACEHOLDER: Final = re.compile(r"html|plain[ -]?text|text version|e-?mail client|web ?browser", re.IGNORECASE)
FORWARDED: Final = re.compile(r"\s*(fwd?|wg|tr|rv|vs|doorst|i|fs|enc|pd|továbbítás)\s*:", re.IGNORECASE)
TYPE: Final = re.compile(r"[\s\"]*([\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127})")
CHARSET: Final = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{2,40})", re.IGNORECASE)
BOUNDARY: Final = re.compile(r"^--([^\r\n]{1,200}?)[ \t]{0,9}\r?\n(?=content-)", re.IGNORECASE | re.MULTILINE)
UUENCODED: Final = re.compile(
    r"^begin [0-7]{3,4} ([^\n]{1,200})\n((?:[!-`][ -`]{0,84}\n){1,600000})(?:[ `]?\n)?end[ ]*$", re.MULTILINE
)
# Where a text is signed within itself: RFC 9580, 7. Searched for one after another, so that no text takes long.
SIGNED: Final = re.compile(r"^-----BEGIN PGP SIGNED MESSAGE-----[ \t]{0,9}(?:\n|\Z)", re.MULTILINE)
SIGNATURE: Final = re.compile(r"^-----BEGIN PGP SIGNATURE-----[ \t]{0,9}(?:\n|\Z)", re.MULTILINE)
SIGNATURE_END: Final = re.compile(r"^-----END PGP SIGNATURE-----[ \t]{0,9}(?:\n|\Z)", re.MULTILINE)
ARMOUR: Final = re.compile(r"(?:[A-Za-z-]{1,40}: [^\n]{1,200}\n){0,9}[ \t]{0,9}\n")
META: Final = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
NAMED: Final = re.compile(r"name=\"?([^\";]{1,300})", re.IGNORECASE)
CALENDAR: Final = ("METHOD", "SUMMARY", "DTSTART", "LOCATION")
TEXT, WHOLE = "text", "mail"  # instead of a part's number: all the words, and the mail as it came
CUT_OFF: Final = "[the text goes on: all of it is attached]"
UNREADABLE: Final = "[this mail could not be read; it is attached as it came]"
WINMAIL: Final = "[winmail.dat: files in a format of Outlook's own, not opened here; ask for them as ordinary files]"
ENCRYPTED: Final = "[an encrypted mail ({way}): it cannot be read here; ask for it unencrypted]"
CLOSED: Final = "[signed in S/MIME's closed form: the words lie in the attached file and cannot be read here]"


@dataclass(frozen=True, slots=True, repr=False)
class Part:
    """One file of a mail."""

    name: str
    type: str
    data: Callable[[], bytes]

    @property
    def kind(self) -> AttachmentKind:
        """What the agent is told that it is."""
        return AttachmentKind.of(self.type)


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """What a mail says. `text` are the words to file, `whole` all of them; `cut`: `text` is without what it quotes.

    `broken`: its parts are not told apart as they should be, so something may be missing.
    """

    text: str
    whole: str
    cut: bool
    parts: Sequence[Part]
    facts: dict[str, str]
    broken: bool

    def attachments(self, stored: str) -> tuple[Attachment, ...]:
        """Return the files, each to be fetched from the stored mail by its number."""
        found = [
            Attachment(part.kind, id=f"{stored}#{number}", name=part.name, type=part.type)
            for number, part in enumerate(self.parts[:MOST_FILES])
        ]
        if self.broken or len(self.parts) > MOST_FILES:
            found.append(whole_mail(stored))
        return tuple(found)


def whole_mail(stored: str) -> Attachment:
    """Return a mail as it came, as a file."""
    return Attachment(AttachmentKind.FILE, id=f"{stored}#{WHOLE}", name="mail.eml", type="message/rfc822")


def whole_text(stored: str) -> Attachment:
    """Return all of a mail's words as a file."""
    return Attachment(AttachmentKind.FILE, id=f"{stored}#{TEXT}", name="whole text.txt", type="text/plain")


def content(raw: bytes, *, reply: bool = False) -> Content:
    """Return what a mail says; of a `reply` only the writer's own words are its `text`. Raises what `email` does."""
    reader = _Reader()
    message = message_from_bytes(b"".join(_apart_from_body(raw)), policy=POLICY)
    whole = "\n\n".join(text for text in reader.walk(message) if text.strip()).strip("\n")
    forwarded = FORWARDED.match(words(_field(message, "subject")))
    text = (own_words(whole) or whole) if reply and not forwarded else whole
    if "-----BEGIN PGP MESSAGE-----" in whole:
        reader.facts["Encrypted"] = "PGP, within the text"
    spoken = "\n\n".join(filter(None, (text, *reader.notes)))
    files = [Attachment(part.kind, name=part.name) for part in reader.parts]
    if reader.unseen and not spoken.strip():
        reader.broken = True
    if reader.broken:
        reader.facts["Form"] = "broken, so something may be missing; the mail is attached as it came"
    said, cut = line(spoken, files, "a mail without words"), text.strip() != whole.strip()
    return Content(said, whole, cut, reader.parts, reader.facts, reader.broken)


def heads(raw: bytes) -> Heads:
    """Return the fields of a mail's head."""
    return Heads(message_from_bytes(_apart_from_body(raw)[0] + b"\n\n", policy=POLICY).raw_items())


def _apart_from_body(raw: bytes) -> tuple[bytes, bytes]:
    """Return the bytes before the first empty line, as `email` reads them, and the rest.

    Lines end in CR and LF, in either alone where a program saved the mail so, or in CR CR LF where two of them did.
    Blanks before a field's colon are RFC 822's: `email` takes such a field for the body's first line.
    https://www.rfc-editor.org/rfc/rfc5322#section-4.5
    """
    doubled = raw.partition(b"\n")[0].endswith(b"\r\r")
    lines = raw.replace(b"\r\r\n", b"\r\n") if doubled else raw
    found = EMPTY_LINE.search(lines)
    end = found.start() if found else len(lines)
    return SPACED.sub(rb"\1:", lines[:end]), lines[end:]


def file(raw: bytes, place: str) -> tuple[str, str, bytes]:
    """Return the name, the type and the bytes of a mail's file. Raises `LookupError` where there is none."""
    if place == WHOLE:
        return "mail.eml", "message/rfc822", raw
    found = content(raw)
    if place == TEXT:
        return "whole text.txt", "text/plain", found.whole.encode()
    part = found.parts[int(place)] if place.isdecimal() else None
    if part is None:
        raise LookupError(place)
    return part.name, part.type, part.data()


class _Reader:
    """Goes through a mail once."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.notes: list[str] = []
        self.facts: dict[str, str] = {}
        self.broken = False
        self.unseen = False  # there is HTML, and no words were found in it: pictures elsewhere, say

    def walk(self, part: Message, depth: int = 0) -> list[str]:
        """Return the words of a part; keep its files, and notes on what cannot be opened."""
        kind, name = _type(part), _name(part)
        inside = _inside(part)
        # Two levels with one boundary, say: what stands behind the first end is nobody's part.
        self.broken |= any(isinstance(each, BROKEN) for each in part.defects) or "Content-" in str(part.epilogue or "")
        if kind.startswith("multipart/") and depth < DEEPEST:
            if not inside and (told := _apart(part, kind)):
                return self.walk(told, depth + 1)
            if inside:
                return self._multipart(part, kind, inside, depth)
        attached = _disposition(part) == "attachment" or bool(name)
        if (kind.startswith("multipart/") and not inside) or (kind in BODIES and not attached):
            if not _is_binary(part):
                return [self._text(part, kind)]
            kind = UNKNOWN
        self._file(part, kind, name)
        return []

    def _multipart(self, part: Message, kind: str, inside: list[Message], depth: int) -> list[str]:
        if kind == "multipart/alternative":
            return self._best([(_type(each), self.walk(each, depth + 1)) for each in inside])
        if kind == "multipart/signed":
            way = "PGP" if "pgp" in _parameter(part, "protocol") else "S/MIME"
            self.facts["Signature"] = f"{way}, not checked"
            inside = [each for each in inside if _type(each) not in SIGNATURES]
        if kind == "multipart/encrypted":
            self._sealed("PGP")
        return [text for each in inside for text in self.walk(each, depth + 1)]

    def _best(self, found: list[tuple[str, list[str]]]) -> list[str]:
        """Return the words of one of the alternatives: the plain ones, unless they only point to the others."""
        said = [(kind, texts) for kind, texts in found if any(text.strip() for text in texts)]
        if not said:
            return []
        longest = max((texts for _, texts in said), key=lambda texts: sum(map(len, texts)))
        first = next((texts for kind, texts in said if kind == "text/plain"), said[0][1])
        length, most = sum(map(len, first)), sum(map(len, longest))
        points = length < 400 and most > length and PLACEHOLDER.search(" ".join(first))
        return longest if points else first

    def _text(self, part: Message, kind: str) -> str:
        data = _bytes(part)
        charset = _charset(part)
        if kind == "text/html" and not charset and (found := META.search(data[:4096])):
            charset = found[1].decode("ascii", "replace")
        if charset and not codec(charset):
            self.facts["Character set"] = f"“{charset[:40]}” is not known; read as UTF-8 or Windows-1252"
        text = clean(decoded(data, charset)).replace("\r\n", "\n").replace("\r", "\n")
        if kind in {"text/html", "text/x-amp-html"}:
            said = plain(text)
            self.unseen |= bool(text.strip()) and not said.strip()
            return said
        text = self._unarmoured(UUENCODED.sub(self._uudecoded, text))
        if _parameter(part, "format") == "flowed":
            return unflowed(text, joined=_parameter(part, "delsp") == "yes")
        return text.strip("\n")

    def _unarmoured(self, text: str) -> str:
        """Return text without the frame and the signature of OpenPGP, where it is signed within the text.

        https://www.rfc-editor.org/rfc/rfc9580#section-7
        """
        begin = SIGNED.search(text)
        armour = begin and ARMOUR.match(text, begin.end())
        signature = armour and SIGNATURE.search(text, armour.end())
        end = signature and SIGNATURE_END.search(text, signature.end())
        if not (begin and armour and signature and end):
            return text
        self.facts.setdefault("Signature", "PGP, not checked")
        said = re.sub(r"^- ", "", text[armour.end() : signature.start()], flags=re.MULTILINE)
        return f"{text[: begin.start()]}{said}{text[end.end() :]}"

    def _uudecoded(self, found: re.Match[str]) -> str:
        """Keep a file that stands within the words, as programs older than MIME write it; return what to show there.

        https://pubs.opengroup.org/onlinepubs/9799919799/utilities/uuencode.html
        """
        try:
            # Some programs pad a row beyond what its first letter says.
            data = b"".join(a2b_uu(row[: ((ord(row[0]) - 32 & 63) * 4 + 5) // 3]) for row in found[2].splitlines())
        except ValueError:
            return found[0]
        self.parts.append(Part(clean(found[1]).strip(), UNKNOWN, lambda: data))
        return ""

    def _file(self, part: Message, kind: str, name: str) -> None:
        if kind in SIGNATURES:
            self.facts.setdefault("Signature", "not checked")
            return
        if kind in TNEF or name.lower() == "winmail.dat":
            self.notes.append(WINMAIL)
        elif kind in SEALED:
            self._sealed("S/MIME", closed="signed" in _parameter(part, "smime-type"))
        elif kind == "text/calendar":
            self._invitation(part)
        elif kind == "message/delivery-status":
            self._delivery(part)
        if not name and kind in {"message/rfc822", "message/global"}:
            inner = _inside(part)
            name = f"{words(_field(inner[0], 'subject')) or 'forwarded mail'}.eml" if inner else "forwarded mail.eml"
        self.parts.append(Part(name, kind if MIME.fullmatch(kind) else UNKNOWN, lambda: _bytes(part)))

    def _sealed(self, way: str, *, closed: bool = False) -> None:
        self.facts["Signature" if closed else "Encrypted"] = f"{way}, not opened"
        self.notes.append(CLOSED if closed else ENCRYPTED.format(way=way))

    def _invitation(self, part: Message) -> None:
        """Tell what a calendar's part is about: its first event.

        https://www.rfc-editor.org/rfc/rfc5545
        """
        text = re.sub(r"\r?\n[ \t]", "", clean(decoded(_bytes(part), _charset(part))))
        found: dict[str, str] = {}
        for row in text.splitlines():
            name, _, value = row.partition(":")
            found.setdefault(name.partition(";")[0].upper(), re.sub(r"\\([,;\\])", r"\1", value.strip()))
        said = " · ".join(found[name][:200] for name in CALENDAR if found.get(name))
        if said:
            self.facts["Invitation"] = said
            self.notes.append(f"[invitation: {said}]")

    def _delivery(self, part: Message) -> None:
        """Tell what a mail server reports.

        https://www.rfc-editor.org/rfc/rfc3464
        """
        names = ("action", "status", "final-recipient", "diagnostic-code")
        blocks = [[words(_field(each, name)) for name in names] for each in _inside(part)]
        said = "; ".join(", ".join(filter(None, block))[:300] for block in blocks if any(block))
        if said:
            self.facts["Delivery report"] = said[:900]


def unflowed(text: str, *, joined: bool = False) -> str:
    """Return text of the format “flowed” with its soft line breaks undone.

    https://www.rfc-editor.org/rfc/rfc3676
    """
    lines: list[list[str]] = []  # of what they are joined from: a long one, joined each time, would take for ever
    soft = False
    quoted = 0
    for row in text.strip("\n").split("\n"):
        depth = len(row) - len(row.lstrip(">"))
        bare = row[depth:]
        said = bare.removeprefix(" ")
        if soft and depth == quoted and bare != "-- ":
            if joined:
                lines[-1][-1] = lines[-1][-1][:-1]
            lines[-1].append(said)
        else:
            lines.append([f"{'>' * depth} {said}" if depth else said])
        soft, quoted = row.endswith(" ") and bare != "-- ", depth
    rows = ("".join(each) for each in lines)
    return "\n".join(row if row.endswith("-- ") else row.rstrip(" ") for row in rows)


def _guarded(read: Callable[[], Value], otherwise: Value) -> Value:
    """Return what `read` does: the parser of structured fields fails on some of what people's programs write."""
    try:
        return read()
    except Exception:  # noqa: BLE001 - of many kinds, in code that is not ours
        return otherwise


def _field(part: Message, name: str) -> str:
    return next((str(value) for key, value in part.raw_items() if key.lower() == name), "")


def _inside(part: Message) -> list[Message]:
    found: Any = part.get_payload()
    return [each for each in found if isinstance(each, Message)] if isinstance(found, list) else []


def _type(part: Message) -> str:
    given = TYPE.match(_field(part, "content-type"))  # some forget the semicolon behind it
    return given[1].lower() if given else _guarded(part.get_content_type, "text/plain")


def _apart(part: Message, kind: str) -> Message | None:
    """Return a multipart told apart by the boundary that its body has, where that is not the declared one."""
    body = part.get_payload()
    found = BOUNDARY.search(body) if isinstance(body, str) else None
    if found is None:
        return None
    boundary = found[1].replace("\\", r"\\").replace('"', r"\"")
    head = f'Content-Type: {kind}; boundary="{boundary}"\n\n'
    told = message_from_bytes(f"{head}{body}".encode("ascii", "surrogateescape"), policy=POLICY)
    return told if _inside(told) else None


def _disposition(part: Message) -> str:
    return _field(part, "content-disposition").partition(";")[0].strip().lower()


def _parameter(part: Message, name: str) -> str:
    return _guarded(lambda: str(part.get_param(name) or ""), "").lower()


def _is_binary(part: Message) -> bool:
    """Return whether a part that is said to be text is none: a picture, say. No text but UTF-16 and 32 holds a NUL."""
    data = _bytes(part)[:4096]
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff")) or codec(_charset(part)).startswith(("utf-16", "utf-32"))
    return b"\0" in data and not wide


def _charset(part: Message) -> str:
    given = _guarded(lambda: str(part.get_content_charset() or ""), "")
    return given or next(iter(CHARSET.findall(_field(part, "content-type"))), "")


def _name(part: Message) -> str:
    """Return a file's name: of Content-Disposition, else of Content-Type; some write it as an encoded word."""
    found = words(_guarded(lambda: str(part.get_filename() or ""), ""))
    if "\ufffd" in found:  # letters of 8 bits, which are not allowed there
        for name in ("content-disposition", "content-type"):
            given = NAMED.search(repaired(_field(part, name)))
            if given:
                return words(given[1])[:300]
    return clean(found)[:300]


def _bytes(part: Message) -> bytes:
    """Return what a part holds. A forwarded mail is written out as it came."""
    data = _guarded(lambda: part.get_payload(decode=True), None)
    if isinstance(data, bytes):
        return data
    out = BytesIO()
    for number, each in enumerate(_inside(part)):
        if number:
            out.write(b"\n")
        writer: Any = BytesGenerator(out, mangle_from_=False, policy=AS_IT_CAME)  # typed for one kind of message
        writer.flatten(each)
    return out.getvalue()
