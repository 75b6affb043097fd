"""Salesforce, played: contacts, cases, comments and files of one org over its REST API, and agents who comment.

Strict where the pages are: the assertion's signature, audience and three minutes, the session, known fields,
picklists, required fields, unique external ids, 4,000 bytes in a comment, 255 characters in a subject, 25 parts of a
composite request (played as one of which some may fail) and their references, 200 records in a collection (all or
none), calls of 24 hours, files that are internal by default only where there is a site. Unconfirmed, and played as the
connector's comments have it: that a case which lost a merge is found by `queryAll` with its `MasterRecordId`.
"""

from __future__ import annotations

import base64
import binascii
import html
import itertools
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any, ClassVar

from deskwire.helpdesks.salesforce.api import full
from sandbox.helpdesks.salesforce.soql import SoqlError, parsed
from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

VERSION = "v66.0"
PREFIXES = {"User": "005", "Contact": "003", "Case": "500", "CaseComment": "00a", "ContentVersion": "068",
            "ContentDocument": "069", "ContentDocumentLink": "06A", "Network": "0DB"}  # fmt: skip
FIELDS = {
    "User": {"Id", "Name", "Username", "UserType"},
    "Contact": {"Id", "LastName", "Email", "MobilePhone", "Deskwire_Id__c"},
    "Case": {
        "Id", "Subject", "Description", "Status", "Priority", "Origin", "ContactId", "Contact", "ParentId",
        "SuppliedName", "SuppliedEmail", "SuppliedPhone", "Deskwire_Key__c", "Deskwire_Tags__c", "IsClosed",
        "ClosedDate", "IsDeleted", "MasterRecordId", "LastModifiedDate", "CaseNumber", "CreatedDate",
        "Contact.Deskwire_Id__c", "Contact.Email", "Contact.MobilePhone", "OwnerId", "Owner.Name", "SystemModstamp",
    },
    "CaseComment": {
        "Id", "ParentId", "CommentBody", "IsPublished", "CreatedById", "CreatedDate", "SystemModstamp",
        "Parent.Deskwire_Key__c",
    },
    "ContentVersion": {"Id", "Title", "PathOnClient", "VersionData", "FirstPublishLocationId"},
    "ContentDocument": set(),
    "ContentDocumentLink": {
        "Id", "ContentDocumentId", "LinkedEntityId", "ShareType", "Visibility", "SystemModstamp",
        "ContentDocument.LatestPublishedVersionId", "ContentDocument.CreatedById", "ContentDocument.Title",
        "ContentDocument.FileExtension", "ContentDocument.ContentSize",
    },
    "Network": {"Id", "Status"},
}  # fmt: skip
READ_ONLY = {"Id", "IsClosed", "ClosedDate", "IsDeleted", "MasterRecordId", "LastModifiedDate", "CreatedById",
             "CreatedDate", "SystemModstamp", "Parent.Deskwire_Key__c", "CaseNumber",
             "Contact.Deskwire_Id__c", "Contact.Email", "Contact.MobilePhone"}  # fmt: skip
REQUIRED = {"Contact": "LastName", "CaseComment": "ParentId", "ContentVersion": "PathOnClient"}
UNIQUE = {"Contact": "Deskwire_Id__c", "Case": "Deskwire_Key__c"}
LENGTHS = {"Subject": 255, "Description": 32_000, "LastName": 80, "SuppliedName": 80, "SuppliedEmail": 80,
           "SuppliedPhone": 40, "Deskwire_Tags__c": 1000, "Title": 255, "PathOnClient": 500}  # fmt: skip
PICKLISTS = {
    "Status": {"New", "Working", "Escalated", "Closed"},
    "Priority": {"Low", "Medium", "High"},
    "Origin": {"Phone", "Email", "Web"},
}
COMMENT_BYTES = 4000
REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")

Row = dict[str, Any]


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """An error as Salesforce reports it."""

    def __init__(self, status: int, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.fields = status, code, message, list(fields)

    def reply(self) -> Reply:
        """Return the answer."""
        return Reply.json(self.status, [{"message": self.message, "errorCode": self.code, "fields": self.fields}])

    def of_collection(self) -> Row:
        """Return it as one result of a collection: the code has another name there."""
        error = {"statusCode": self.code, "message": self.message, "fields": self.fields}
        return {"success": False, "errors": [error]}


class Salesforce(Neighbour):
    """One org. `records` are its records by object and id, those in the recycle bin too."""

    name: ClassVar[str] = "salesforce"

    def __init__(
        self,
        client: str,
        username: str,
        key: RSAPublicKey,
        audience: str,
        *,
        clock: Clock | None = None,
        most: int = 10**6,
    ) -> None:
        """Play an org with an app of this consumer key and certificate, for this user; `most` calls in 24 hours."""
        super().__init__(clock)
        self.client, self.username, self.audience, self.most = client, username, audience, most
        self.encodes = False  # whether HTML's entities count among a comment's bytes
        self.sessions: set[str] = set()
        self.calls = 0
        self.key = key
        self.records: dict[str, dict[str, Row]] = {}
        self._numbers = itertools.count(1)
        self._asked_at = ""
        self.site: bool | None = None  # whether there is an Experience Cloud site; None: they are not enabled
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget every record and call; the users are made again."""
        self.records = {name: {} for name in PREFIXES}
        self.calls = 0
        self.site = None
        self.bot = self.user("Deskwire", self.username)
        self.agent = self.user("Agnes Agent", "agnes@northwind.example")
        self.guest = self.user("Portal Guest", "guest@northwind.example", kind="CspLitePortal")

    # ------------------------------------------------------------------------------------------------ log-in

    def authorize(self, asked: Asked) -> Reply | None:
        """Want a session that was given and has not ended."""
        if asked.header("authorization").removeprefix("Bearer ") in self.sessions:
            return None
        return Refused(401, "INVALID_SESSION_ID", "Session expired or invalid").reply()

    def admit(self, asked: Asked) -> Reply | None:
        """Count the calls of 24 hours."""
        del asked
        self.calls += 1
        if self.calls <= self.most:
            return None
        return Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.").reply()

    def decorate(self, asked: Asked, reply: Reply) -> Reply:
        """Say how many calls were made."""
        del asked
        usage = {"sforce-limit-info": f"api-usage={self.calls}/{self.most}"}
        return Reply(reply.status, reply.body, {**reply.headers, **usage})

    @route("POST", "/services/oauth2/token", public=True)
    def token(self, asked: Asked) -> Reply:
        """Give a session for an assertion that the app's certificate proves."""
        form = asked.form()
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return Reply.json(400, {"error": "unsupported_grant_type", "error_description": "grant type not supported"})
        why = self._unproved(form.get("assertion", ""))
        if why:
            return Reply.json(400, {"error": "invalid_grant", "error_description": why})
        session = f"00D5e000000PLAYED!{secrets.token_urlsafe(24)}"
        self.sessions.add(session)
        return Reply.json(200, {"access_token": session, "scope": "api", "instance_url": f"https://{asked.header('host')}",
                                "id": f"https://login.salesforce.com/id/00D5e000000PLAY/{self.bot}",
                                "token_type": "Bearer"})  # fmt: skip

    def _unproved(self, assertion: str) -> str:
        """Return what is wrong with an assertion, an empty string for nothing."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        signed, _, signature = assertion.rpartition(".")
        try:
            head, claims = (json.loads(_decoded(part)) for part in signed.split("."))
            self.key.verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
        except (ValueError, binascii.Error):
            return "invalid assertion"
        except InvalidSignature:
            return "invalid_client credentials"
        if head.get("alg") != "RS256":
            return "algorithm not supported"
        left = claims.get("exp", 0) - self.clock.now().timestamp()
        if not 0 < left <= 300:
            return "assertion expired, or valid for longer than three minutes"
        named = (claims.get("iss"), claims.get("sub"), claims.get("aud"))
        return "" if named == (self.client, self.username, self.audience) else "user hasn't approved this consumer"

    # ------------------------------------------------------------------------------------------------ people

    def user(self, name: str, username: str, *, kind: str = "Standard") -> str:
        """Add a user; return the id."""
        return str(self._made("User", {"Name": name, "Username": username, "UserType": kind})["Id"])

    def comments(self, case: str) -> list[Row]:
        """Return the comments of a case, the oldest first."""
        return [row for row in self.records["CaseComment"].values() if row["ParentId"] == full(case)]

    def agent_comments(self, case: str, text: str, *, public: bool = True, by: str = "") -> str:
        """Let an agent, or the user of that id, comment on a case; return the comment's id."""
        with self.lock:
            given = {"ParentId": full(case), "CommentBody": text, "IsPublished": public}
            return str(self._made("CaseComment", given, by=by or self.agent)["Id"])

    def agent_publishes(self, comment: str) -> None:
        """Let an agent publish a comment that was internal."""
        with self.lock:
            self.records["CaseComment"][comment] |= {"IsPublished": True, "SystemModstamp": self._now()}

    def agent_attaches(self, case: str, name: str, data: bytes, *, by: str = "", shared: bool = False) -> str:
        """Let an agent, or the user of that id, put a file on a case; return the link's id.

        https://help.salesforce.com/s/articleView?id=000384243&type=1: without a site customers are never kept out.
        """
        with self.lock:
            given = {"Title": name.rpartition(".")[0], "PathOnClient": name, "FirstPublishLocationId": case}
            given["VersionData"] = base64.b64encode(data).decode()
            version = self._made("ContentVersion", given, by=by or self.agent)
            link = next(row for row in self.records["ContentDocumentLink"].values() if row["version"] == version["Id"])
            if shared:
                self.agent_shares(link["Id"])
            return str(link["Id"])

    def agent_shares(self, link: str, visibility: str = "AllUsers") -> None:
        """Let an agent say who may see a file."""
        with self.lock:
            self.records["ContentDocumentLink"][link] |= {"Visibility": visibility, "SystemModstamp": self._now()}

    @property
    def told_all(self) -> bool:
        """Whether somebody has asked for published comments since the last one was written."""
        with self.lock:
            rows = self.records["CaseComment"].values()
            last = max((row["SystemModstamp"] for row in rows if row["CreatedById"] != self.bot), default="")
            return last <= self._asked_at

    def close(self, case: str) -> None:
        """Let an agent close a case."""
        with self.lock:
            self._changed("Case", full(case), {"Status": "Closed"})

    def merge(self, case: str, into: str, *, kept: bool = False) -> None:
        """Let an agent merge a case into another; it is deleted, or kept as the org's settings may have it."""
        with self.lock:
            lost = self.records["Case"][full(case)]
            lost |= {"MasterRecordId": full(into), "IsDeleted": not kept, "LastModifiedDate": self._now()}
            for row in self.comments(case):
                row["ParentId"] = full(into)

    def delete(self, case: str) -> None:
        """Let an agent delete a case: it lies in the recycle bin."""
        with self.lock:
            self.records["Case"][full(case)]["IsDeleted"] = True

    # --------------------------------------------------------------------------------------------------- API

    @route("GET", "/services/data/{version}/query")
    @route("GET", "/services/data/{version}/queryAll")
    def query(self, asked: Asked, version: str) -> Reply:
        """Answer a query; only `queryAll` shows what lies in the recycle bin."""
        try:
            _supported(version)
            tables = {name: fields for name, fields in FIELDS.items() if name != "Network" or self.site is not None}
            query = parsed(asked.parameter("q"), tables)
            if query.table == "ContentDocumentLink" and "LinkedEntityId" not in query.names():
                raise Refused(400, "MALFORMED_QUERY", "Implementation restriction: ContentDocumentLink needs a filter")  # noqa: TRY301
            rows = self._shown(query.table, deleted=asked.path.endswith("All"))
            found = query.run(rows, self._value)
            if "Parent.Deskwire_Key__c" in query.names():
                self._asked_at = self._now()
        except SoqlError as error:
            return Refused(400, error.code, str(error)).reply()
        except Refused as refused:
            return refused.reply()
        kind = {"attributes": {"type": query.table}}
        records = [kind | nested({name: self._value(row, name) for name in query.fields}) for row in found]
        return Reply.json(200, {"totalSize": len(records), "done": True, "records": records})

    @route("GET", "/services/data/{version}/sobjects/ContentVersion/{number}/VersionData")
    def blob(self, asked: Asked, version: str, number: str) -> Reply:
        """Return a file's bytes. Its media type is always the same, as integrations tell (unconfirmed)."""
        del asked
        try:
            _supported(version)
            data = base64.b64decode(self._standing("ContentVersion", full(number))["VersionData"])
        except Refused as refused:
            return refused.reply()
        return Reply(200, data, {"content-type": "application/octetstream"})

    @route("PATCH", "/services/data/{version}/sobjects/{name}/{number}")
    def change(self, asked: Asked, version: str, name: str, number: str) -> Reply:
        """Change a record's fields."""
        try:
            _supported(version)
            row = self._standing(name, full(number))
            self._check(name, {**row, **asked.json()}, asked.json())
            self._changed(name, full(number), asked.json())
        except Refused as refused:
            return refused.reply()
        return Reply(204)

    @route("POST", "/services/data/{version}/sobjects/{name}")
    def add(self, asked: Asked, version: str, name: str) -> Reply:
        """Create one record."""
        try:
            _supported(version)
            self._check(name, asked.json(), asked.json())
            made = self._made(name, asked.json())
        except Refused as refused:
            return refused.reply()
        return Reply.json(201, {"id": made["Id"], "success": True, "errors": []})

    @route("POST", "/services/data/{version}/composite")
    def composite(self, asked: Asked, version: str) -> Reply:
        """Make up to 25 requests, each of which may name what an earlier one answered."""
        given = asked.json()
        try:
            _supported(version)
        except Refused as refused:
            return refused.reply()
        answers: dict[str, Any] = {}
        parts = []
        for each in given["compositeRequest"]:
            reply = self._part(each, answers)
            body = json.loads(reply.body)
            if reply.status < 300:
                answers[each["referenceId"]] = body
            parts.append({"body": body, "httpHeaders": {}, "httpStatusCode": reply.status,
                          "referenceId": each["referenceId"]})  # fmt: skip
        return Reply.json(200, {"compositeResponse": parts})

    def _part(self, each: Row, answers: Mapping[str, Any]) -> Reply:
        for name in REFERENCE.findall(json.dumps([each["url"], each.get("body")], ensure_ascii=False)):
            if name[0] not in answers:
                text = f"Invalid reference specified. No value for {name[0]} found"
                return Refused(400, "PROCESSING_HALTED", text).reply()
        root = f"/services/data/{VERSION}/sobjects/"
        place, body = each["url"].removeprefix(root).split("/"), each["body"]
        try:
            if each["method"] == "POST" and len(place) == 1:
                self._check(place[0], body, body)
                return Reply.json(201, {"id": self._made(place[0], body)["Id"], "success": True, "errors": []})
            if each["method"] == "PATCH" and len(place) == 3:
                return self._upserted(place[0], place[1], place[2], body)
        except Refused as refused:
            return refused.reply()
        return Refused(404, "NOT_FOUND", "The requested resource does not exist").reply()

    def _upserted(self, name: str, key: str, value: str, body: Row) -> Reply:
        if UNIQUE.get(name) != key or key in body:
            return Refused(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible").reply()
        known = next((row for row in self._shown(name) if row.get(key) == value), None)
        self._check(name, {**(known or {key: value}), **body}, body)
        if known is None:
            made = self._made(name, {key: value, **body})
            return Reply.json(201, {"id": made["Id"], "success": True, "errors": [], "created": True})
        self._changed(name, known["Id"], body)
        return Reply.json(200, {"id": known["Id"], "success": True, "errors": [], "created": False})

    @route("POST", "/services/data/{version}/composite/sobjects")
    def create(self, asked: Asked, version: str) -> Reply:
        """Create records, all or none."""
        given = asked.json()
        try:
            _supported(version)
        except Refused as refused:
            return refused.reply()
        refusals: list[Refused | None] = []
        for each in given["records"]:
            body = {name: value for name, value in each.items() if name != "attributes"}
            try:
                self._check(each["attributes"]["type"], body, body)
                refusals.append(None)
            except Refused as refused:
                refusals.append(refused)
        if any(refusals):
            halted = Refused(
                400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back because not all records were valid"
            )
            return Reply.json(200, [(each or halted).of_collection() for each in refusals])
        rows = []
        for each in given["records"]:
            body = {name: value for name, value in each.items() if name != "attributes"}
            made = self._made(each["attributes"]["type"], body)
            rows.append({"id": made["Id"], "success": True, "errors": []})
        return Reply.json(200, rows)

    @route("GET", "/cases", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show every case to a person."""
        del asked
        shown = "".join(
            f"<h2>{case['Id']} {html.escape(case['Subject'])}</h2><p>{html.escape(case.get('Description', ''))}</p>"
            + "".join(f"<p>{html.escape(row['CommentBody'])}</p>" for row in self.comments(case["Id"]))
            for case in reversed(self.records["Case"].values())
        )
        return Reply.html(f'<!doctype html><html lang="en"><title>Salesforce</title>{shown}</html>')

    # --------------------------------------------------------------------------------------------- its rules

    def _now(self) -> str:
        moment = self.clock.now().astimezone(UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"

    def _shown(self, name: str, *, deleted: bool = False) -> Iterable[Row]:
        if name == "Network":
            return [{"Id": full("0DB5e000000001a"), "Status": "Live"}] if self.site else []
        return [row for row in self.records[name].values() if deleted or not row.get("IsDeleted")]

    def _standing(self, name: str, number: str) -> Row:
        row = self.records.get(name, {}).get(number)
        if row is None:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        if row.get("IsDeleted"):
            raise Refused(404, "ENTITY_IS_DELETED", "entity is deleted")
        return row

    def _value(self, row: Mapping[str, Any], name: str) -> Any:
        if name == "Parent.Deskwire_Key__c":
            return self.records["Case"][row["ParentId"]].get("Deskwire_Key__c")
        if name == "Owner.Name":
            return self.records["User"].get(row["OwnerId"], {"Name": "A queue"})["Name"]
        if name.startswith("ContentDocument."):
            return self.records["ContentDocument"][row["ContentDocumentId"]][name.removeprefix("ContentDocument.")]
        if name.startswith("Contact."):
            contact = self.records["Contact"].get(row.get("ContactId", ""), {})
            return contact.get(name.removeprefix("Contact."))
        return row.get(name)

    def _check(self, name: str, whole: Row, given: Row) -> None:
        """Raise `Refused` for what Salesforce would not save."""
        if name not in FIELDS or name in {"User", "ContentDocument", "Network"}:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        for field, value in given.items():
            self._check_field(name, field, value)
        needed = REQUIRED.get(name)
        if needed and not whole.get(needed):
            raise Refused(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{needed}]", needed)
        body = str(given.get("CommentBody", ""))
        if len((html.escape(body) if self.encodes else body).encode()) > COMMENT_BYTES:
            text = f"Case Comment: data value too large (max length={COMMENT_BYTES})"
            raise Refused(400, "STRING_TOO_LONG", text, "CommentBody")
        self._check_references(name, given)
        key = UNIQUE.get(name, "")
        for row in self.records[name].values():
            if key in given and row.get(key) == given[key] and not row.get("IsDeleted"):
                text = f"duplicate value found: {key} duplicates value on record with id: {row['Id']}"
                raise Refused(400, "DUPLICATE_VALUE", text, key)

    def _check_field(self, name: str, field: str, value: Any) -> None:
        if field not in FIELDS[name]:
            raise Refused(400, "INVALID_FIELD", f"No such column '{field}' on sobject of type {name}", field)
        if field in READ_ONLY:
            raise Refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {field}", field)
        most = LENGTHS.get(field)
        if most is not None and len(value) > most:
            raise Refused(400, "STRING_TOO_LONG", f"{field}: data value too large (max length={most})", field)
        if field in PICKLISTS and value not in PICKLISTS[field]:
            text = f"{field}: bad value for restricted picklist field: {value}"
            raise Refused(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, field)

    def _check_references(self, name: str, given: Row) -> None:
        places = {"CaseComment": "ParentId", "ContentVersion": "FirstPublishLocationId", "Case": "ParentId"}
        place = places.get(name, "")
        if place in given:
            parent = self.records["Case"].get(full(given[place]))
            if parent is None:
                raise Refused(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", place)
            if parent.get("IsDeleted"):
                raise Refused(400, "ENTITY_IS_DELETED", "entity is deleted", place)
        if "Contact" in given:
            wanted = given["Contact"]["Deskwire_Id__c"]
            if not any(row.get("Deskwire_Id__c") == wanted for row in self.records["Contact"].values()):
                text = f"Foreign key external ID: {wanted} not found for field Deskwire_Id__c in entity Contact"
                raise Refused(400, "INVALID_FIELD", text, "Contact")
        if name == "ContentVersion":
            try:
                base64.b64decode(given["VersionData"], validate=True)
            except (ValueError, KeyError):
                raise Refused(400, "JSON_PARSER_ERROR", "VersionData is no Base64") from None

    def _made(self, name: str, given: Row, *, by: str = "") -> Row:
        number = full(f"{PREFIXES[name]}5e{next(self._numbers):09d}a")
        now = self._now()
        row: Row = {"Id": number, "LastModifiedDate": now, "SystemModstamp": now, **given}
        if name == "Case":
            row = {
                "Status": "New",
                "OwnerId": self.bot,
                "CaseNumber": number[8:15],
                "CreatedDate": now,
                "IsClosed": False,
                "ClosedDate": None,
                "IsDeleted": False,
                "MasterRecordId": None,
            } | row
        if name == "CaseComment":
            row = {"IsPublished": False, "CreatedById": by or self.bot, "CreatedDate": now, "SystemModstamp": now} | row
            row["ParentId"] = full(str(row["ParentId"]))
        if name == "ContentVersion":
            self._published(row, by or self.bot)
        if "Contact" in row:
            wanted = row.pop("Contact")["Deskwire_Id__c"]
            contacts = self.records["Contact"].values()
            row["ContactId"] = next(each["Id"] for each in contacts if each.get("Deskwire_Id__c") == wanted)
        self.records[name][number] = row
        return row

    def _published(self, version: Row, by: str) -> None:
        """Make the document of a version, and its link with the record that it was put on."""
        stem, _, ending = version["PathOnClient"].rpartition(".")
        document = self._made("ContentDocument", {
            "LatestPublishedVersionId": version["Id"], "CreatedById": by, "Title": version.get("Title", stem),
            "FileExtension": ending, "ContentSize": len(base64.b64decode(version["VersionData"])),
        })  # fmt: skip
        self._made("ContentDocumentLink", {
            "ContentDocumentId": document["Id"], "LinkedEntityId": full(version["FirstPublishLocationId"]),
            "ShareType": "V", "Visibility": "InternalUsers" if self.site else "AllUsers", "version": version["Id"],
        })  # fmt: skip

    def _changed(self, name: str, number: str, given: Row) -> None:
        row, now = self.records[name][number], self._now()
        row |= {field: value for field, value in given.items() if field != "Contact"} | {"LastModifiedDate": now}
        row["SystemModstamp"] = now
        if "Status" in given:
            closed = given["Status"] == "Closed"
            row |= {"IsClosed": closed, "ClosedDate": now if closed else None}


def nested(row: Row) -> Row:
    """Return a row with what was asked of other records as records in it: `Owner.Name` in `Owner`."""
    whole: Row = {}
    for name, value in row.items():
        other, _, field = name.rpartition(".")
        if other:
            whole.setdefault(other, {})[field] = value
        else:
            whole[name] = value
    return whole


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _supported(version: str, *, most: int = 1, count: int = 1) -> None:
    """Raise `Refused` for another version of the API, and for more parts than a request may have."""
    if version != VERSION:
        raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
    if not 0 < count <= most:
        raise Refused(400, "LIMIT_EXCEEDED", f"Provided {count} parts. At most {most} are allowed.")
