"""Vtiger 8.0.0, played as it was seen: sessions, describe, a small query language, and what it spoils in silence.

A challenge voids the one before; a session that idles for half an hour is refused; errors come with HTTP 200, as an
empty HTTP 500 or as a page; 4-byte signs become `????`; what is too long is cut; public comments mail the contact;
pictures that it does not like are dropped with success. On PHP 8 it hands over no files; with `php = 7` it does so as
its code says and as was seen after a repair.
"""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import html
import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar

from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route

PREFIX = {"HelpDesk": "17", "ModComments": "30", "Contacts": "12", "Documents": "15", "Users": "19"}
GROUP = "20x3"
KEYS = {"HelpDesk": "cf_853", "ModComments": "cf_855", "Contacts": "cf_857"}
FIELDS: Mapping[str, tuple[str, ...]] = {
    "HelpDesk": ("ticket_no", "ticket_title", "ticketstatus", "ticketpriorities", "assigned_user_id", "contact_id",
                 "description", "source", "createdtime", "modifiedtime", "cf_853"),
    "ModComments": ("commentcontent", "related_to", "assigned_user_id", "customer", "is_private", "creator", "source",
                    "userid", "createdtime", "modifiedtime", "filename", "cf_855"),
    "Contacts": ("lastname", "mobile", "email", "emailoptout", "assigned_user_id", "source", "createdtime",
                 "modifiedtime", "cf_857"),
    "Documents": ("notes_title", "assigned_user_id", "filelocationtype", "filestatus", "filename", "filesize", "source",
                  "filetype", "createdtime", "modifiedtime"),
    "Users": ("first_name", "last_name"),
}  # fmt: skip
MANDATORY = {
    "HelpDesk": ("ticket_title", "ticketstatus", "ticketpriorities", "assigned_user_id"),
    "ModComments": ("commentcontent", "related_to", "assigned_user_id"),
    "Contacts": ("lastname", "assigned_user_id"),
    "Documents": ("notes_title", "assigned_user_id"),
}
REFERENCES = {"contact_id": "Contacts", "customer": "Contacts"}
LONGEST = {"ticket_title": 255, "lastname": 80, "notes_title": 255, "cf_853": 100, "cf_855": 100, "cf_857": 100}
COMMENT_BYTES = 65_535
PICTURES = (  # what PHP takes the beginning of a file for, as far as it is a picture
    (b"\xff\xd8\xff", "jpeg"), (b"\x89PNG", "png"), (b"GIF8", "gif"), (b"BM", "bmp"), (b"II*\0", "tiff"),
    (b"RIFF", "webp"),
    (b"\0\0\0\x18ftypheic", "heic"), (b"\0\0\0\x1cftypavif", "avif"), (b"<svg", "svg+xml"),
)  # fmt: skip
KEPT_PICTURES = {"jpeg", "png", "gif", "bmp"}
BAD_ENDINGS = {"php", "js", "html", "htm", "exe", "bin", "sh", "py", "pl"}  # some of `upload_badext`
UPLOAD, POST = 2 * 1024 * 1024, 8 * 1024 * 1024
BOT, AGENT = "19x5", "19x6"
TEXT = r"'(?:[^'\\]|'')+'"
CONDITION = re.compile(rf"([a-z_0-9]+)\s*(!=|>=|=|>|LIKE|IN)\s*(\({TEXT}(?:,{TEXT})*\)|{TEXT}|[0-9]+)")
QUERY = re.compile(
    rf"SELECT ([a-z_0-9,*]+) FROM ([A-Za-z]+)(?: WHERE ((?:{CONDITION.pattern})(?: AND (?:{CONDITION.pattern}))*))?"  # noqa: S608 - a grammar
    r"(?: ORDER BY ([a-z_]+)( DESC)?)?(?: LIMIT ([0-9]+),([0-9]+))?;"
)


@dataclass(slots=True)
class Session:
    """A session: when it began and was used last."""

    began: datetime
    used: datetime


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """An error as the web service reports it."""

    def __init__(self, code: str | int, message: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Vtiger(Neighbour):
    """One Vtiger with a user for Deskwire and an agent. `records` by id; `mails` holds what its workflows queued."""

    name: ClassVar[str] = "vtiger"

    def __init__(self, user: str, access_key: str, *, clock: Clock | None = None, port: int = 0) -> None:
        """Play a Vtiger that this user may use with this access key."""
        super().__init__(clock, port=port)
        self.records: dict[str, dict[str, str]] = {}
        self.files: dict[str, tuple[str, str, bytes]] = {}
        self.related: list[tuple[str, str]] = []
        self.mails: list[str] = []
        self.sessions: dict[str, Session] = {}
        self.createable = True
        self.zone: tzinfo = UTC  # of its times, `$default_timezone` of its configuration
        self.administrator = False  # who is none may not read `Users`
        self.php = 8  # of which `files_retrieve` is broken, as it was seen; 7 hands files over
        self.attached: dict[str, tuple[str, str, bytes]] = {}  # files of agents' comments by number
        self.unique: set[str] = set()  # modules whose duplicate prevention looks at the key
        self._gone: set[str] = set()
        self._user, self._key, self._token, self._token_ends = user, access_key, "", datetime.min.replace(tzinfo=UTC)
        self._numbers, self._tickets, self._tokens = itertools.count(101), itertools.count(1), itertools.count(1)
        self.records[AGENT] = {"id": AGENT, "first_name": "Agnes", "last_name": "Example"}

    def authorize(self, asked: Asked) -> Reply | None:
        """Ask for nothing here: an operation wants its session itself."""
        del asked
        return None

    def of(self, module: str) -> list[dict[str, str]]:
        """Return the records of a module, the oldest first."""
        return [row for number, row in self.records.items() if number.startswith(f"{PREFIX[module]}x")]

    def _now(self) -> str:
        return f"{self.clock.now().astimezone(self.zone):%Y-%m-%d %H:%M:%S}"

    def remove(self, number_: str) -> None:
        """Let somebody delete a record."""
        with self.lock:
            self._gone.add(number_)
            del self.records[number_]

    def agent_sets(self, ticket: str, **fields: str) -> None:
        """Let an agent change a ticket: its `ticketstatus`, or whose it is (`assigned_user_id`)."""
        with self.lock:
            self.records[ticket] |= {**fields, "modifiedtime": self._now()}

    def agent_comments(
        self,
        ticket: str,
        text: str,
        *,
        public: bool = True,
        files: tuple[tuple[str, str, bytes], ...] = (),
        **more: str,
    ) -> str:
        """Let an agent comment in the pages, with files (name, media type, bytes); returns the comment's id."""
        with self.lock:
            given = {"commentcontent": text, "related_to": ticket, "is_private": "0" if public else "1"}
            numbers = [str(next(self._numbers)) for _ in files]
            self.attached |= dict(zip(numbers, files, strict=True))
            given["filename"] = ",".join(numbers)
            return self._made("ModComments", {"source": "CRM", "assigned_user_id": AGENT, **given, **more}, AGENT)["id"]

    @route("GET", "/webservice.php")
    def reads(self, asked: Asked) -> Reply:
        """Answer an operation that reads."""
        given = {name: values[-1] for name, values in asked.query.items()}
        operations = {"getchallenge": self._challenge, "describe": self._describe, "query": self._query}
        if self.php < 8:
            operations["files_retrieve"] = self._files
        if given.get("operation") in {"create", "revise", "delete", "add_related"}:
            return self._answered(lambda _: self._refuse("ACCESS_DENIED"), given)
        if given.get("operation") == "login":
            return self._answered(lambda _: self._refuse("INVALID_AUTH_TOKEN"), given)
        found = operations.get(given.get("operation", ""))
        return Reply(500) if found is None else self._answered(found, given, session=found != self._challenge)

    @route("POST", "/webservice.php")
    def writes(self, asked: Asked) -> Reply:
        """Answer an operation that changes something."""
        if len(asked.body) > POST:
            return Reply(500)
        given, file = asked.form(), None
        if asked.header("content-type").startswith("multipart/"):
            given, file = parts(asked)
        operations = {
            "login": self._login,
            "create": lambda fields: self._create(fields, file),
            "revise": self._revise,
            "delete": self._delete,
            "add_related": self._relate,
        }
        found = operations.get(given.get("operation", ""))
        if found is None or (file is not None and given.get("elementType") == "ModComments"):
            return Reply(500)
        return self._answered(found, given, session=given["operation"] != "login")

    @route("GET", "/index.php", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show every ticket to a person."""
        del asked
        shown = "".join(
            f"<h2>{ticket['ticket_no']} {html.escape(ticket['ticket_title'])}</h2>"
            f"<p>{html.escape(ticket['description'])}</p>"
            + "".join(
                f'<p dir="auto">{html.escape(row["commentcontent"])}</p>'
                for row in self.of("ModComments")
                if row["related_to"] == ticket["id"]
            )
            for ticket in reversed(self.of("HelpDesk"))
        )
        return Reply.html(f'<!doctype html><html lang="en"><title>Vtiger</title>{shown}</html>')

    def _answered(
        self, operation: Callable[[dict[str, str]], Any], given: dict[str, str], *, session: bool = False
    ) -> Reply:
        try:
            if session:
                self._seen(given.get("sessionName", ""))
            result = operation(given)
        except Refused as error:
            told = {"code": error.code, "message": error.message}
            return Reply.json(200, {"success": False, "error": told})
        return result if isinstance(result, Reply) else Reply.json(200, {"success": True, "result": result})

    def _refuse(self, code: str) -> None:
        raise Refused(code)

    def _seen(self, name: str) -> None:
        now, found = self.clock.now(), self.sessions.get(name)
        if not name:
            raise Refused("AUTHENTICATION_REQUIRED", "Authencation required")
        if found is None:
            raise Refused("INVALID_SESSIONID", "Session Identifier provided is Invalid")
        if (now - found.began).total_seconds() > 86_400:
            raise Refused("SESSION_EXPIRED")
        if (now - found.used).total_seconds() > 1800:
            raise Refused("SESSION_LEFT_IDLE")
        found.used = now

    def _challenge(self, given: dict[str, str]) -> dict[str, Any]:
        if given.get("username") != self._user:
            raise Refused("ACCESS_DENIED", "username does not exists")
        self._token = f"6b0ae2{next(self._tokens):07x}"
        self._token_ends = self.clock.now() + timedelta(seconds=300)
        now = int(self.clock.now().timestamp())
        return {"token": self._token, "serverTime": now, "expireTime": now + 300}

    def _login(self, given: dict[str, str]) -> dict[str, Any]:
        proof = hashlib.md5(f"{self._token}{self._key}".encode(), usedforsecurity=False).hexdigest()
        late = self.clock.now() > self._token_ends
        if late or given.get("username") != self._user or given.get("accessKey") != proof:
            raise Refused("INVALID_USER_CREDENTIALS", "Invalid username or password")
        name, now = f"632239db{len(self.sessions) + 1:013x}", self.clock.now()
        self.sessions[name] = Session(now, now)
        return {"username": self._user, "sessionName": name, "userId": BOT, "version": "0.22", "vtigerVersion": "8.0.0"}

    def _describe(self, given: dict[str, str]) -> dict[str, Any]:
        module = self._module(given.get("elementType", ""))
        labels = {KEYS.get(module): "Deskwire Key"}
        fields = [{"name": name, "label": labels.get(name, name), "editable": True} for name in FIELDS[module]]
        return {"name": module, "createable": self.createable, "idPrefix": PREFIX[module], "fields": fields}

    def _module(self, name: str) -> str:
        if name not in PREFIX:
            raise Refused("ACCESS_DENIED", f"Permission to perform the operation is denied for name : {name}")
        return name

    def _query(self, given: dict[str, str]) -> list[dict[str, str]]:
        text = given.get("query", "")
        if "=''" in text.replace(" ", ""):
            raise Refused("INTERNAL_SERVER_ERROR")
        parsed = QUERY.fullmatch(text)
        if parsed is None:
            raise Refused("QUERY_SYNTAX_ERROR")
        module = self._module(parsed[2])
        if module == "Users" and not self.administrator:
            raise Refused("ACCESS_DENIED", "Permission to perform the operation is denied")
        columns = FIELDS[module] if parsed[1] == "*" else parsed[1].split(",")
        conditions = list(CONDITION.finditer(parsed[3] or ""))
        if not {*columns, *(each[1] for each in conditions)} <= {"id", *FIELDS[module]}:
            raise Refused("ACCESS_DENIED")
        for each in conditions:
            if each[1] == "id" and any(
                not text.startswith(f"'{PREFIX[module]}x") for text in re.findall(TEXT, each[3])
            ):
                raise Refused("INVALID_ID_ATTRIBUTE", "Id specified is incorrect")
        rows = [row for row in self.of(module) if all(meets(row, each[1], each[2], each[3]) for each in conditions)]
        groups = parsed.groups()
        order, descending, start, most = groups[-4:]
        if order:
            rows.sort(key=lambda row: number(row["id"]) if order == "id" else row[order], reverse=bool(descending))
        first = int(start or 0)
        return [
            {name: row.get(name, "") for name in {*columns, "id"}} | self._numbered(row)
            for row in rows[first : first + min(int(most or 100), 100)]
        ]

    def _numbered(self, row: Mapping[str, str]) -> dict[str, str]:
        """Return the ids of a comment's or document's files, as a row tells them."""
        if row["id"] in self.files:
            prefix, _, number_ = row["id"].partition("x")
            return {"imageattachmentids": f"{prefix}x{int(number_) + 1}"}
        numbers = [each for each in row.get("filename", "").split(",") if each in self.attached]
        prefix = row["id"].partition("x")[0]
        return {"imageattachmentids": ",".join(f"{prefix}x{each}" for each in numbers)} if numbers else {}

    def _files(self, given: dict[str, str]) -> list[dict[str, Any]]:
        prefix, _, number_ = given.get("id", "").partition("x")
        owners = [row for row in self.of("ModComments") if number_ in row["filename"].split(",")]
        if number_ not in self.attached or not owners:
            raise Refused("RECORD_NOT_FOUND", "Record you are trying to access is not found")
        if prefix != PREFIX["ModComments"]:
            raise Refused("INVALID_ID_ATTRIBUTE", "Id specified is incorrect")
        name, kind, data = self.attached[number_]
        contents = base64.b64encode(data).decode()
        told = {"fileid": number_, "filename": name, "filetype": kind, "filesize": len(data)}
        return [{**told, "filecontents": contents}]

    def _create(self, given: dict[str, str], file: tuple[str, str, bytes] | None) -> Any:
        module = self._module(given.get("elementType", ""))
        element = element_of(given)
        self._check(module, element)
        related = element.get("related_to", "")
        gone = module == "ModComments" and related not in self.records
        if gone:
            element["related_to"] = ""
        row = self._made(module, {"source": "WEBSERVICE", **element}, BOT)
        if file is not None and not self._uploaded(row, *file):
            return Reply(500)
        if gone and related in self._gone:
            raise Refused("INTERNAL_SERVER_ERROR", "Unknown Error while processing request")
        if gone:
            return Reply.html("Sorry! Attempt to access restricted file.")
        return row | self._numbered(row)

    def _uploaded(self, row: dict[str, str], name: str, kind: str, data: bytes) -> bool:
        """Keep the file of a document, or drop it in silence; False where PHP gives up over it."""
        if len(data) > UPLOAD:
            row |= {"filename": "", "filesize": "0", "filetype": ""}
            return True
        row |= {"filename": sanitized(name), "filesize": str(len(data)), "filetype": kind[:50]}
        picture = next((each for beginning, each in PICTURES if data.startswith(beginning)), "")
        if picture and (not {picture, kind.partition("/")[2]} <= KEPT_PICTURES or b"<?php" in data):
            return True
        if picture and kind == "image/jpeg" and not (picture == "jpeg" and data.endswith(b"\xff\xd9")):
            return False
        self.files[row["id"]] = (row["filename"], kind, data)
        return True

    def _check(self, module: str, element: dict[str, str]) -> None:
        for name in MANDATORY[module]:
            if not element.get(name):
                raise Refused("MANDATORY_FIELDS_MISSING", f"{name} does not have a value")
        for name, wanted in REFERENCES.items():
            if element.get(name) and not element[name].startswith(f"{PREFIX[wanted]}x"):
                raise Refused("REFERENCE_INVALID", f"Invalid reference specified for {name}")
            if element.get(name) and element[name] not in self.records:
                element[name] = ""
        if element.get("creator", BOT) != BOT or not self.createable:
            raise Refused("ACCESS_DENIED", "Permission to write is denied")
        if element["assigned_user_id"] not in {BOT, AGENT, GROUP}:
            raise Refused("ACCESS_DENIED", "Cannot assign record to the given user")
        kept = KEYS.get(module, "")
        if module in self.unique and any(row[kept].lower() == element[kept].lower() for row in self.of(module)):
            raise Refused(0, "Duplicate(s) detected!")

    def _made(self, module: str, given: Mapping[str, str], creator: str) -> dict[str, str]:
        now = self._now()
        kept = {name: stored(name, str(given.get(name, ""))) for name in FIELDS[module]}
        row = {**kept, "createdtime": now, "modifiedtime": now, "id": f"{PREFIX[module]}x{next(self._numbers)}"}
        if module == "HelpDesk":
            row["ticket_no"] = f"TT{next(self._tickets)}"
            self._mail(row["contact_id"])
        if module == "ModComments":
            row["creator"] = creator
            ticket = self.records.get(row["related_to"], {})
            if row["is_private"] != "1":
                self._mail(ticket.get("contact_id", ""))
        self.records[row["id"]] = row
        return row

    def _mail(self, contact: str) -> None:
        found = self.records.get(contact, {})
        if found.get("email") and found.get("emailoptout") != "1":
            self.mails.append(found["email"])

    def _revise(self, given: dict[str, str]) -> dict[str, str]:
        element = element_of(given)
        row = self._record(element.get("id", ""))
        row |= {name: stored(name, value) for name, value in element.items() if name in row and name != "id"}
        row["modifiedtime"] = self._now()
        return row

    def _record(self, number_: str) -> dict[str, str]:
        if number_ not in self.records:
            raise Refused("ACCESS_DENIED", "Permission to perform the operation is denied")
        return self.records[number_]

    def _delete(self, given: dict[str, str]) -> dict[str, str]:
        self._gone.add(self._record(given.get("id", ""))["id"])
        del self.records[given["id"]]
        return {"status": "successful"}

    def _relate(self, given: dict[str, str]) -> dict[str, str]:
        pair = self._record(given["sourceRecordId"])["id"], self._record(given["relatedRecordId"])["id"]
        if pair not in self.related:
            self.related.append(pair)
        return {"message": "successfull"}


def sanitized(name: str) -> str:
    """Return the name under which Vtiger stores a file."""
    parts_ = re.sub(r"[\s#%&?]+", "_", name).split(".")
    bad = [each.lower() in BAD_ENDINGS for each in parts_]
    kept = ".".join(each + "file" * spoilt for each, spoilt in zip(parts_, bad, strict=True))
    return f"{kept}.txt" if any(bad) else kept


def number(record: str) -> int:
    """Return the number in a record's id."""
    return int(record.partition("x")[2])


def meets(row: Mapping[str, str], name: str, sign: str, given: str) -> bool:
    """Return whether a row meets a condition; equality ignores case."""
    values: list[str] = [each.replace("''", "'")[1:-1] for each in re.findall(TEXT, given)] or [given]
    have, value = row.get(name, ""), values[0]
    if sign == "IN":
        return have.lower() in [each.lower() for each in values]
    if sign == "LIKE":
        return re.fullmatch(re.escape(value).replace("%", ".*"), have, re.IGNORECASE | re.DOTALL) is not None
    if sign in {">", ">="}:
        after = number(have) > number(value) if name == "id" else have > value
        return bool(after or (sign == ">=" and have == value))
    return (have.lower() == value.lower()) == (sign == "=")


def stored(name: str, text: str) -> str:
    """Return what Vtiger keeps of a value: no 4-byte sign, entities where a line has a script, cut in silence."""
    text = re.sub("[\U00010000-\U0010ffff]", "????", text)
    if re.search("script.*/script", text, re.IGNORECASE):
        text = text.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    if name == "commentcontent":
        return text.encode()[:COMMENT_BYTES].decode("utf-8", "ignore")
    return text[: LONGEST.get(name, 100_000)]


def element_of(given: Mapping[str, str]) -> dict[str, str]:
    """Return the element of a form; of broken JSON an empty one."""
    try:
        found = json.loads(given.get("element", ""))
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def parts(asked: Asked) -> tuple[dict[str, str], tuple[str, str, bytes] | None]:
    """Return the fields of a multipart form and its file: name, type, bytes."""
    head = f"Content-Type: {asked.header('content-type')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + asked.body, policy=email.policy.HTTP)
    fields: dict[str, str] = {}
    file = None
    for part in message.iter_parts():
        data = bytes(part.get_payload(decode=True))
        name = str(part.get_param("name", header="content-disposition"))
        if name == "filename":
            file = (str(part.get_filename()), part.get_content_type(), data)
        else:
            fields[name] = data.decode()
    return fields, file
