"""How Vtiger's web service is asked: the session that all workers share, its errors, its query language."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

from deskwire.contracts.channel import Reach
from deskwire.contracts.connector import Token
from deskwire.model.errors import ConfigurationError, DeskwireError, PayloadError, PermanentError, TemporaryError
from deskwire.model.secret import Secret
from deskwire.model.tickets import File
from deskwire.model.values import dataclass, replace
from deskwire.web.media import safe_name
from deskwire.web.reading import Node
from deskwire.web.rest import Answer, Call, checked

from .words import readable

SERVICE_ADDRESS = re.compile(
    r"https://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?"
)  # wider could send the key elsewhere
USER = re.compile(r"[^\s&=]{1,100}")
RECORD = re.compile(r"[0-9]{1,6}x[0-9]{1,18}")
PREFIX = re.compile(r"[0-9]{1,6}")
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
ERROR_CODE = re.compile(r"[A-Z_]{3,60}")
FILE_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,62}/[a-z0-9][a-z0-9.+-]{0,62}")
HOUR = 3600.0
LIFE = 86_000.0  # of a session's 86,400 seconds (as its code says; an idle one of 1,800 is refused and renewed)
HINT = "the “access_key”"
KEY_FIELD = "Deskwire Key"

NO_SESSION = frozenset({"INVALID_SESSIONID", "SESSION_EXPIRED", "SESSION_LEFT_IDLE", "AUTHENTICATION_REQUIRED"})
NO_LOGIN = frozenset({"INVALID_USER_CREDENTIALS", "INVALID_AUTH_TOKEN", "AUTHENTICATION_FAILURE"})
# Of the account, whatever was sent: a right that is missing, a field that the company made mandatory.
OF_ACCOUNT = NO_LOGIN | {"ACCESS_DENIED", "MANDATORY_FIELDS_MISSING", "AUTHENTICATION_REQUIRED"}
AGAIN = frozenset({"INTERNAL_SERVER_ERROR", "DATABASE_QUERY_ERROR", "DUPLICATE"})
REMEDY = {
    "MANDATORY_FIELDS_MISSING": "a field is mandatory that Deskwire does not fill: see docs/helpdesks/vtiger.md",
    "ACCESS_DENIED": "the user's profile lacks a right, or a field is missing: see docs/helpdesks/vtiger.md",
}


class DeniedError(ConfigurationError):
    """Our user may not do this, or not see it (`ACCESS_DENIED`)."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that Vtiger gave, and our user's record in it."""

    user: str
    name: Secret
    access: Secret  # both, as they are shared


@dataclass(frozen=True, slots=True)
class Service:
    """The web service of one Vtiger."""

    reach: Reach

    def rows(self, columns: str, module: str, *where: str, what: str, order: str = "", most: int = 100) -> list[Node]:
        """Return the rows of a module that meet all conditions; Vtiger gives at most 100, whatever is asked."""
        words = ["SELECT", columns, "FROM", module]
        words += ["WHERE", " AND ".join(where)] if where else []
        words += ["ORDER BY", order] if order else []
        return list(self.get("query", what, query=f"{' '.join(words)} LIMIT 0,{most};").items())

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
            kind, body = multipart(form, file)
            return Call("POST", self._address, {"Content-Type": kind}, body, timeout=60.0)

        return self._in_session(call, what, writes=True)

    def upload(self, element: Mapping[str, str], file: File, what: str) -> Node | None:
        """Return the document made of a file; None where Vtiger refuses it: HTTP 500 without a word (as was seen)."""
        refused = False

        def seen(call: Call) -> Answer:
            nonlocal refused
            answer = self.reach.http(call)
            refused = answer.status == 500 and not answer.body
            return answer

        watched = Service(replace(self.reach, http=seen))
        try:
            return watched.write("create", what, element, file=file, elementType="Documents")
        except TemporaryError:
            if refused:
                return None
            raise

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
            fields = {field["label"].text(""): field["name"].text("") for field in shown["fields"].items()}
            field, prefix = fields.get(KEY_FIELD, ""), shown["idPrefix"].identifier()
            if not FIELD_NAME.fullmatch(field):
                raise ConfigurationError(f"the module {name} has no text field “{KEY_FIELD}” that the user may see")
            if not PREFIX.fullmatch(prefix):
                raise TemporaryError(f"describing {name}: the answer has no prefix")
            return f"{prefix} {field}", HOUR

        prefix, _, field = self.reach.remember(f"vtiger/{self.reach.account}/module/{name}", look).partition(" ")
        return prefix, field

    @property
    def _address(self) -> str:
        address = self.reach.settings.get("address", "").removesuffix("/")
        if not SERVICE_ADDRESS.fullmatch(address):
            raise ConfigurationError("“address” is not written like https://crm.example.com (without webservice.php)")
        return f"{address}/webservice.php"

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

    A page in place of JSON and an empty body (HTTP 500) say nothing about what happened: `TemporaryError`, ambiguous.
    """
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
    """Return the error for a code: what happens next."""
    text = f"{what}: {code}"
    if code in AGAIN:  # after INTERNAL_SERVER_ERROR a comment was seen to exist
        return TemporaryError(text, ambiguous=writes)
    if code in OF_ACCOUNT:
        kind = DeniedError if code == "ACCESS_DENIED" else ConfigurationError
        return kind(f"{text}: {REMEDY.get(code, 'check “user” and ' + HINT)}")
    return PermanentError(text, code=code)


def record(node: Node, what: str, prefix: str = "") -> str:
    """Return the record's id in an answer. Raises `TemporaryError` (ambiguous) where there is none."""
    found = node.raw
    if isinstance(found, str) and RECORD.fullmatch(found) and (not prefix or found.startswith(f"{prefix}x")):
        return found
    raise TemporaryError(f"{what}: the answer names no record", ambiguous=True)


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


def multipart(form: Mapping[str, str], file: File) -> tuple[str, bytes]:
    """Return a content type and body with the form's fields and the file as `filename`."""
    kind = file.type if FILE_TYPE.fullmatch(file.type) else "application/octet-stream"
    parts = [(f'name="{name}"', "text/plain; charset=utf-8", value.encode()) for name, value in form.items()]
    parts.append((f'name="filename"; filename="{stored_name(file)}"', kind, file.data))
    boundary = hashlib.sha256(b"".join(data for _, _, data in parts)).hexdigest()
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\nContent-Type: {kind}\r\n\r\n".encode()
        + data
        + b"\r\n"
        for head, kind, data in parts
    )
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def stored_name(file: File) -> str:
    """Return a file's name without what would break out of its header."""
    return safe_name(readable(file.name))
