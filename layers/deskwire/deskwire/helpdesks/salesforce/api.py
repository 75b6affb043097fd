"""How Salesforce is asked: the token, record ids, SOQL, and what its errors mean.

Errors: https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes.html (a list of `errorCode`, `message`
and `fields`; in sObject Collections the code is called `statusCode`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from deskwire.contracts.channel import Reach
from deskwire.contracts.connector import Token
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.secret import Secret
from deskwire.model.values import dataclass
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, Call, checked

VERSION: Final = "v66.0"
KEY: Final = "private_key"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# A token's lifetime is the org's session time-out (two hours by default), which the answer does not tell; a call resets
# it. One that ends earlier is refused with INVALID_SESSION_ID, and renewed.
GOOD_FOR: Final = 3600.0
ASSERTION_SECONDS: Final = 180  # Salesforce takes an assertion of three minutes
HOUR: Final = 3600.0
QUARTER: Final = 900.0
HOST: Final = re.compile(r"(?:[a-z0-9-]{1,63}\.){1,8}(?:salesforce\.(?:com|mil)|sfcrmproducts\.cn)")
ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")
SUFFIX: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{2,60}|[a-z][a-z_]{2,60}")

# The transaction was rolled back, and the same request may be taken later.
BUSY: Final = frozenset({"UNABLE_TO_LOCK_ROW", "ENTITY_IS_LOCKED", "QUERY_TIMEOUT", "OPERATION_TOO_LARGE"})
# Calls of the last 24 hours, or too many long ones at once: neither says when to ask again.
LIMITED: Final = frozenset({"REQUEST_LIMIT_EXCEEDED", "TXN_SECURITY_METERING_ERROR"})
# The parent went, or is not to be seen any more.
GONE: Final = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"})
# What an administrator can mend: fields, picklists, rules and rights of the org. The company's own validation rule is
# one, too: what it refuses would be lost otherwise.
SET_UP: Final = frozenset({
    "API_CURRENTLY_DISABLED", "API_DISABLED_FOR_ORG", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "DUPLICATES_DETECTED",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION", "FIELD_FILTER_VALIDATION_EXCEPTION", "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "INSUFFICIENT_ACCESS_OR_READONLY", "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "INVALID_TYPE",
    "REQUIRED_FIELD_MISSING", "STORAGE_LIMIT_EXCEEDED", "UNSUPPORTED_API_VERSION",
})  # fmt: skip
# Said of the parts of a request that failed only because another part did.
HALTED: Final = frozenset({"PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK"})


@dataclass(frozen=True, slots=True)
class Api:
    """The REST API of one org, for one call of the connector."""

    reach: Reach

    @property
    def host(self) -> str:
        """The org's My Domain. Raises `ConfigurationError` for what is none."""
        host = self.reach.settings.get("domain", "").strip().lower()
        if not HOST.fullmatch(host):
            raise ConfigurationError("“domain” is not the org's My Domain, such as example.my.salesforce.com")
        return host

    def ask(self, method: str, path: str, payload: object = None, *, safe: bool = False) -> Answer:
        """Return whatever status came; where the token had ended, that of a second attempt with a new one."""
        url = f"https://{self.host}/services/data/{VERSION}/{path}"
        for last in (False, True):
            token = self.token()
            # A duplicate rule that only warns would refuse the contact of whoever wrote before under another name.
            headers = {
                "Authorization": f"Bearer {token.reveal()}",
                "Accept": "application/json",
                "Sforce-Duplicate-Rule-Header": "allowSave=true",
            }
            call = Call(method, url, headers)
            if payload is not None:
                made = Call.json(method, url, payload, headers=headers, timeout=60.0)
                call = Call(method, url, made.headers, made.body, made.timeout, safe=safe)
            answer = self.reach.http(call)
            if answer.status != 401 or "INVALID_SESSION_ID" not in codes(answer) or last:
                return answer
            self.renew(token)
        raise AssertionError  # pragma: no cover - the second round returns

    def token(self) -> Secret:
        """Return the session that all workers share, of a log-in where there is none."""
        return self.reach.tokens(KEY, self._renewed)

    def renew(self, token: Secret) -> None:
        """Note that a session has ended: the next call logs in."""
        self.reach.tokens.refused(KEY, token)

    def write(self, method: str, path: str, payload: object, what: str) -> Answer:
        """Return the answer that says yes; raise for any other what happens next."""
        return settled(self.ask(method, path, payload), what)

    def change(self, case: str, fields: Mapping[str, str], what: str) -> None:
        """Change a case's fields; a change that was made is answered without a word."""
        answer = self.write("PATCH", f"sobjects/Case/{case}", fields, what)
        if answer.body.strip():
            answer.node()  # a proxy's page is none

    def rows(self, soql: str, what: str, *, deleted: bool = False) -> list[Node]:
        """Return the rows of a query, which sees what was just written; those in the recycle bin only if asked for."""
        resource = "queryAll" if deleted else "query"
        body = settled(self.ask("GET", f"{resource}?q={quote(soql, safe='')}"), what).node()
        if not isinstance(body["records"].raw, list):
            raise TemporaryError(f"{what}: the answer has no records")
        return body["records"].rows()

    def me(self) -> str:
        """Return the id of Deskwire's own user."""

        def look() -> str:
            what = "looking for Deskwire's user"
            rows = self.rows(f"SELECT Id FROM User WHERE Username = '{quoted(self._username)}'", what)  # noqa: S608 - quoted
            number = next(filter(None, (id_of(row["Id"]) for row in rows)), "")
            if not number:
                raise ConfigurationError(f"{what}: “username” is no user of the org")
            return number

        # Asked outside `remember`, which holds a lock.
        name = f"salesforce/{self.reach.account}/me"
        known = self.reach.remember(name, lambda: ("", 0.0)) or look()
        return self.reach.remember(name, lambda: (known, HOUR))

    def composite(self, requests: Sequence[Mapping[str, Any]], what: str) -> list[Answer]:
        """Make several requests in one and return the answer to each; one that fails stops those that refer to it.

        What they hold must have gone through `unreferring`.
        """
        payload = {"allOrNone": False, "compositeRequest": list(requests)}
        body = self.write("POST", "composite", payload, what).node()
        rows = body["compositeResponse"].rows()
        if len(rows) != len(requests):
            raise TemporaryError(f"{what}: the answer has not a part for each request", ambiguous=True)
        return [Answer(row["httpStatusCode"].number(500), {}, json.dumps(row["body"].raw).encode()) for row in rows]

    def create(self, records: Sequence[Mapping[str, Any]], what: str) -> list[str]:
        """Create records, all or none of them, and return their ids."""
        body = self.write("POST", "composite/sobjects", {"allOrNone": True, "records": list(records)}, what).node()
        rows = body.rows()
        failures = [row for row in rows if row["success"].raw is not True]
        if failures:
            named = [found for row in failures for found in _codes(row["errors"])]
            raise failure([code for code in named if code not in HALTED] or named, what)
        ids = [id_of(row["id"]) for row in rows]
        if len(ids) != len(records) or not all(ids):
            raise TemporaryError(f"{what}: the answer does not name what was made", ambiguous=True)
        return ids

    @property
    def _username(self) -> str:
        name = self.reach.settings.get("username", "").strip()
        if not name:
            raise ConfigurationError("“username” is missing: the name of Deskwire's user")
        return name

    def _renewed(self, key: Secret) -> Token:
        """Log in with an assertion that the private key signs. Parallel log-ins do no harm."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        from deskwire.verification.oidc import made_token

        what, host = "logging in", self.host
        try:
            # Proving its primes takes a quarter of a second; a key that is wrong is refused by Salesforce.
            loaded = load_pem_private_key(key.encode(), None, unsafe_skip_rsa_key_validation=True)
        except ValueError:
            raise ConfigurationError("“private_key” is no private key in PEM") from None
        if not isinstance(loaded, RSAPrivateKey):
            raise ConfigurationError("“private_key” is no RSA key")
        login = "https://test.salesforce.com" if ".sandbox." in host else "https://login.salesforce.com"
        claims = {
            "iss": self.reach.settings.get("client_id", ""),
            "sub": self._username,
            "aud": self.reach.settings.get("audience", "") or login,
            "exp": int(self.reach.now.timestamp()) + ASSERTION_SECONDS,
        }
        form = {"grant_type": GRANT, "assertion": made_token(loaded, {"alg": "RS256"}, claims)}
        answer = self.reach.http(Call.form("POST", f"https://{host}/services/oauth2/token", form))
        if answer.status == 400:
            code = next(iter(codes(answer)), "refused")
            raise ConfigurationError(f"{what}: HTTP 400 ({code}): see docs/helpdesks/salesforce.md, “the app”")
        body = checked(answer, what=what, secret_hint=f"“{KEY}”").node()
        access = body["access_token"].text("")
        if not access:
            raise TemporaryError(f"{what}: the answer has no token")
        return Token(Secret(access), GOOD_FOR)


def codes(answer: Answer) -> list[str]:
    """Return the error codes of an answer, of the REST API or of the log-in."""
    try:
        return _codes(read(answer.body))
    except PayloadError:
        return []


def _codes(node: Node) -> list[str]:
    rows = node.rows() if isinstance(node.raw, list) else [node]
    found = [row[name].text("") for row in rows for name in ("errorCode", "statusCode", "error")]
    return [code for code in found if CODE.fullmatch(code)]


def settled(answer: Answer, what: str) -> Answer:
    """Return an answer of 2xx; raise for any other what happens next: by Salesforce's code, else by the status."""
    named = codes(answer) if answer.status >= 400 else []
    if (BUSY | LIMITED | GONE | SET_UP).intersection(named):
        raise failure(named, what)
    return checked(answer, what=what, secret_hint=f"“{KEY}” and the rights of Deskwire's user")


def failure(named: Sequence[str], what: str) -> Exception:
    """Return the error that these codes of Salesforce mean."""
    text = f"{what}: Salesforce says {', '.join(named[:3]) or 'no, and not why'}"
    if LIMITED.intersection(named):
        return TemporaryError(text, after=QUARTER)
    if (BUSY | GONE).intersection(named):  # the next attempt looks at the case again
        return TemporaryError(text, after=5, concerns=Concern.TICKET)
    if SET_UP.intersection(named):
        return ConfigurationError(f"{text}: see docs/helpdesks/salesforce.md")
    return PermanentError(text, status=400, code=next(iter(named), ""))


def full(number: str) -> str:
    """Return a record's id in its form of 18 characters, which no change of case makes another's; "" for none.

    https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm: the three
    last characters say which of the others are capitals.
    """
    if not ID.fullmatch(number):
        return ""
    short, parts = number[:15], (number[:5], number[5:10], number[10:15])
    suffix = "".join(SUFFIX[sum(2**at for at, each in enumerate(part) if each.isupper())] for part in parts)
    return short + suffix if number[15:] in {"", suffix} else ""


def id_of(node: Node) -> str:
    """Return the record id that an answer holds, or an empty string."""
    return full(node.text("")) if isinstance(node.raw, str) else ""


def numbered(text: str) -> str:
    """Return a record's id, once checked to be nothing else: it becomes part of a query or an address."""
    number = full(text)
    if not number:
        raise PermanentError("the id is none of Salesforce's")
    return number


def unreferring(text: str) -> str:
    """Return a text in which nothing refers to another part of a composite request, as `@{…}` would."""
    return text.replace("@{", "@ {")


def quoted(value: str) -> str:
    """Return a text as it stands between quotes in SOQL."""
    return value.replace("\\", "\\\\").replace("'", "\\'")
