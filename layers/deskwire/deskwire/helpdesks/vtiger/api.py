"""How Vtiger's web service is asked: the session that all workers share, its errors, its query language."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from urllib.parse import quote, urlencode

from deskwire.contracts.channel import Reach
from deskwire.contracts.connector import Token
from deskwire.families.lists import listed
from deskwire.families.selfhosted import address_of
from deskwire.model.errors import (
    Concern,
    ConfigurationError,
    DeskwireError,
    PayloadError,
    PermanentError,
    TemporaryError,
)
from deskwire.model.secret import Secret
from deskwire.model.tickets import File
from deskwire.model.values import dataclass, field
from deskwire.web.media import safe_name
from deskwire.web.multipart import TEXT, multipart
from deskwire.web.reading import Node
from deskwire.web.rest import Answer, Call, checked

from .words import readable

USER = re.compile(r"[^\s&=]{1,100}")
RECORD = re.compile(r"[0-9]{1,6}x[0-9]{1,18}")
PREFIX = re.compile(r"[0-9]{1,6}")
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
ERROR_CODE = re.compile(r"[A-Z_]{3,60}")
TIME = "%Y-%m-%d %H:%M:%S"
HOUR = 3600.0
LIFE = 86_000.0  # of a session's 86,400 seconds (as its code says; an idle one of 1,800 is refused and renewed)
HINT = "the “access_key”"
KEY_FIELD = "Deskwire Key"
SOURCE = "DESKWIRE"  # of what we write: Vtiger takes it on create, and has CRM or WEBSERVICE for all else

NO_SESSION = frozenset({"INVALID_SESSIONID", "SESSION_EXPIRED", "SESSION_LEFT_IDLE", "AUTHENTICATION_REQUIRED"})
NO_LOGIN = frozenset({"INVALID_USER_CREDENTIALS", "INVALID_AUTH_TOKEN", "AUTHENTICATION_FAILURE"})
# The codes: https://github.com/vtiger-crm/vtigercrm/blob/master/include/Webservices/WebServiceErrorCode.php
# What an older version has not, and a module that is switched off.
NOT_THERE = frozenset({"OPERATION_NOT_SUPPORTED", "UNKNOWN_OPERATION", "UNKOWN_ENTITY"})
# Of the account, whatever was sent: a right that is missing, a field that the company made mandatory.
OF_ACCOUNT = NO_LOGIN | NOT_THERE | {"ACCESSKEY_UNDEFINED", "ACCESS_DENIED", "MANDATORY_FIELDS_MISSING"}
OF_RECORD = frozenset({"INVALID_ID_ATTRIBUTE", "RECORD_NOT_FOUND", "REFERENCE_INVALID"})
AGAIN = frozenset({"INTERNAL_SERVER_ERROR", "DATABASE_QUERY_ERROR"})  # they hide every fault of the server's code
PAGE = "see docs/helpdesks/vtiger.md"
REMEDY = {
    "MANDATORY_FIELDS_MISSING": f"a field is mandatory that Deskwire does not fill: {PAGE}",
    "ACCESS_DENIED": f"the user's profile lacks a right, “owner” is nobody, or a field is missing: {PAGE}",
    **dict.fromkeys(NOT_THERE, f"this Vtiger is too old, or a module is switched off: {PAGE}"),
    **dict.fromkeys((*NO_LOGIN, "ACCESSKEY_UNDEFINED"), f"check “user” and {HINT}"),
}


class DeniedError(ConfigurationError):
    """Our user may not do this, or the record does not exist (`ACCESS_DENIED` is both)."""


class DuplicateError(ConfigurationError):
    """The module's duplicate prevention refused a record; Vtiger does not say which one is there already."""


class SilentError(TemporaryError):
    """HTTP 500 with an empty body: PHP gave up. The operation may have had its effect."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that Vtiger gave, and our user's record in it."""

    user: str
    name: Secret
    access: Secret  # both, as they are shared


@dataclass(frozen=True, slots=True)
class Service:
    """The web service of one Vtiger, for one call of the connector."""

    reach: Reach
    modules: dict[str, tuple[str, str]] = field(default_factory=dict)  # prefix and key field, as far as asked for

    def rows(self, columns: str, module: str, *where: str, what: str, order: str = "", most: int = 100) -> list[Node]:
        """Return the rows of a module that meet all conditions; Vtiger gives at most 100, whatever is asked."""
        words = ["SELECT", columns, "FROM", module]
        words += ["WHERE", " AND ".join(where)] if where else []
        words += ["ORDER BY", order] if order else []
        return listed(self.get("query", what, query=f"{' '.join(words)} LIMIT 0,{most};"), what)

    def get(self, operation: str, what: str, **fields: str) -> Node:
        """Return the result of an operation that only reads."""
        query = urlencode({"operation": operation, **fields}, quote_via=quote)

        def call(session: Session) -> Call:
            url = f"{self._address}?{query}&sessionName={{session}}"
            return Call("GET", url, secrets={"session": session.name})

        return self._in_session(call, what, writes=False)

    def write(
        self,
        operation: str,
        what: str,
        element: Mapping[str, str] | None = None,
        *,
        file: File | None = None,
        **fields: str,
    ) -> Node:
        """Return the result of an operation that changes something: a form, with a file in parts."""
        given = {"operation": operation, **fields}
        if element is not None:
            given["element"] = json.dumps(element, ensure_ascii=False)

        def call(session: Session) -> Call:
            form = {**given, "sessionName": session.name.reveal()}
            if file is None:
                return Call.form("POST", self._address, form, timeout=30.0)
            kind, body = filled(form, file)
            return Call("POST", self._address, {"Content-Type": kind}, body, timeout=60.0)

        return self._in_session(call, what, writes=True)

    def create(self, module: str, what: str, element: Mapping[str, str], find: Callable[[], str]) -> str:
        """Create a record and return its id.

        A duplicate may be the record of an earlier attempt that got no answer: `find` returns that one, or an empty
        string.
        """
        prefix, _ = self.module(module)
        try:
            made = self.write("create", what, element, elementType=module)
        except DuplicateError:
            if found := find():
                return found
            raise
        return record(made["id"], what, prefix)

    def moment(self, node: Node) -> datetime | None:
        """Return a time; None where there is none."""
        shown = clock_of(node)
        return shown and shown.replace(tzinfo=zone_of(self.reach.settings)).astimezone(UTC)

    @property
    def user(self) -> str:
        """Our user's record: the creator of all that we write."""
        return self.session().user

    def session(self) -> Session:
        """Return the shared session, of a log-in by one worker where there is none."""
        access = self.reach.tokens("access_key", self._log_in)
        user, _, name = access.reveal().partition(" ")
        return Session(user, Secret(name), access)

    def module(self, name: str) -> tuple[str, str]:
        """Return a module's id prefix and the name of its key field. Raises `ConfigurationError` without one."""

        def look() -> tuple[str, float]:
            shown = self.get("describe", f"describing {name}", elementType=name)
            if not shown["createable"].truth():
                raise ConfigurationError(f"the user may not create {name}: give it a profile that can")
            fields = {each["label"].text(""): each["name"].text("") for each in shown["fields"].items()}
            key_field, prefix = fields.get(KEY_FIELD, ""), shown["idPrefix"].identifier()
            if not FIELD_NAME.fullmatch(key_field):
                raise ConfigurationError(f"the module {name} has no text field “{KEY_FIELD}” that the user may see")
            if not PREFIX.fullmatch(prefix):
                raise TemporaryError(f"describing {name}: the answer has no prefix")
            return f"{prefix} {key_field}", HOUR

        if name not in self.modules:
            kept = self.reach.remember(f"vtiger/{self.reach.account}/module/{name}", look)
            prefix, _, key_field = kept.partition(" ")
            self.modules[name] = prefix, key_field
        return self.modules[name]

    @property
    def _address(self) -> str:
        return f"{address_of(self.reach.settings, 'https://crm.example.com (without webservice.php)')}/webservice.php"

    def _in_session(self, call: Callable[[Session], Call], what: str, *, writes: bool) -> Node:
        for last in (False, True):
            session = self.session()
            result, code = outcome(self.reach.http(call(session)), what)
            if not code:
                return result
            if code in NO_SESSION:
                self.reach.tokens.refused("access_key", session.access)
                if not last:
                    continue
                raise TemporaryError(f"{what}: Vtiger takes no session ({code})", after=60)
            raise failure(code, what, writes=writes)
        raise AssertionError  # pragma: no cover - the second round returns or raises

    def _log_in(self, key: Secret) -> Token:
        """Return a new session. A lost race for the challenge looks like a wrong key: it is tried once more."""
        what, user = "logging in", self.reach.settings.get("user", "")
        if not USER.fullmatch(user):
            raise ConfigurationError("“user” is not the name of a user of Vtiger")
        try:
            for last in (False, True):
                asked = urlencode({"operation": "getchallenge", "username": user}, quote_via=quote)
                result, code = outcome(self.reach.http(Call("GET", f"{self._address}?{asked}")), what)
                if code == "ACCESS_DENIED":  # “username does not exists”
                    raise ConfigurationError(f"{what}: Vtiger knows no active user of that name: check “user”")
                if code:
                    raise failure(code, what, writes=False)
                # MD5 is what the web service asks for.
                proof = hashlib.md5(
                    f"{result['token'].text()}{key.reveal()}".encode(), usedforsecurity=False
                ).hexdigest()
                form = {"operation": "login", "username": user, "accessKey": proof}
                result, code = outcome(self.reach.http(Call.form("POST", self._address, form)), what)
                if code in NO_LOGIN and not last:
                    continue
                if code:
                    raise failure(code, what, writes=False)
                name = result["sessionName"].identifier()
                return Token(Secret(f"{record(result['userId'], what)} {name}"), LIFE)
        except PayloadError as error:
            raise TemporaryError(f"{what}: the answer cannot be read: {error}") from None
        raise AssertionError  # pragma: no cover - the second round returns or raises


def outcome(answer: Answer, what: str) -> tuple[Node, str]:
    """Return the result, or the code of an error, which Vtiger reports with HTTP 200.

    A page in place of JSON and an empty body say nothing about what happened: `TemporaryError`, ambiguous. With HTTP
    500 and an empty body it is a `SilentError`.
    """
    if answer.status == 500 and not answer.body.strip():
        raise SilentError(f"{what}: HTTP 500 without a word", ambiguous=True)
    body = checked(answer, what=what, secret_hint=HINT).node()
    try:
        if body.object()["success"].truth():
            return body["result"], ""
        code = body["error"].object()["code"].raw
    except PayloadError:
        raise TemporaryError(f"{what}: the answer is none of the web service", ambiguous=True) from None
    if code in (0, "0"):  # “Duplicate(s) detected!” has a number for a code
        return body["error"], "DUPLICATE"
    return body["error"], code if isinstance(code, str) and ERROR_CODE.fullmatch(code) else "UNKNOWN"


def failure(code: str, what: str, *, writes: bool) -> DeskwireError:
    """Return the error for a code: what happens next.

    What is read holds nothing of the customer's, so whatever refuses it speaks of the account (or of the record).
    """
    text = f"{what}: {code}"
    if code in AGAIN:  # after INTERNAL_SERVER_ERROR a comment was seen to exist
        return TemporaryError(text, ambiguous=writes, concerns=Concern.TICKET)
    if code == "DUPLICATE":
        return DuplicateError(f"{text}: only “{KEY_FIELD}” may be unique in its duplicate prevention: {PAGE}")
    if code == "ACCESS_DENIED":
        return DeniedError(f"{text}: {REMEDY[code]}")
    if code in OF_ACCOUNT or not (writes or code in OF_RECORD):
        return ConfigurationError(f"{text}: {REMEDY.get(code, PAGE)}")
    return PermanentError(text, code=code)


def record(node: Node, what: str, prefix: str = "") -> str:
    """Return the record's id in an answer. Raises `TemporaryError` (ambiguous) where there is none."""
    found = node.raw
    if isinstance(found, str) and RECORD.fullmatch(found) and (not prefix or found.startswith(f"{prefix}x")):
        return found
    raise TemporaryError(f"{what}: the answer names no record", ambiguous=True, concerns=Concern.TICKET)


def value(node: Node) -> str:
    """Return a field's value, empty where there is none.

    Vtiger 8.0.0 was seen to give all values as text. Numbers and truth values are unconfirmed, and read as the same.
    """
    found = node.raw
    return str(int(found)) if isinstance(found, bool | int) else node.text("")


def is_of(node: Node, prefix: str) -> bool:
    """Return whether this is the id of a record of the module with that prefix."""
    found = node.text("")
    return RECORD.fullmatch(found) is not None and found.startswith(f"{prefix}x")


def clock_of(node: Node) -> datetime | None:
    """Return what Vtiger's clock showed, as if its zone was UTC: the web service tells and compares times as stored."""
    try:
        return datetime.strptime(node.text(""), TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def zone_of(settings: Mapping[str, str]) -> tzinfo:
    """Return the zone of Vtiger's times: `$default_timezone` of its config.inc.php, whatever its users' are (seen)."""
    from zoneinfo import ZoneInfo

    name = settings.get("time_zone", "UTC")
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ConfigurationError(f"there is no time zone “{name}”: write it like Europe/Warsaw") from None


def known(text: str) -> str:
    """Return a record's id that goes into a query. Raises `PermanentError` for anything else."""
    if not RECORD.fullmatch(text):
        raise PermanentError("that is no record of Vtiger")
    return text


def quoted(value: str) -> str:
    """Return a value as a string of the query language, where a quote is doubled.

    Raises `PermanentError` for a backslash, with which nothing is found: before a quote it ends the string elsewhere.
    """
    if "\\" in value:
        raise PermanentError("a backslash cannot be looked for in Vtiger")
    return "'" + value.replace("'", "''") + "'"


def filled(form: Mapping[str, str], file: File) -> tuple[str, bytes]:
    """Return a content type and body with the form's fields and the file as `filename`."""
    parts = [(f'name="{name}"', TEXT, value.encode()) for name, value in form.items()]
    return multipart([*parts, (f'name="filename"; filename="{stored_name(file)}"', file.type, file.data)])


def stored_name(file: File) -> str:
    """Return a file's name without what would break out of its header."""
    return safe_name(readable(file.name))
