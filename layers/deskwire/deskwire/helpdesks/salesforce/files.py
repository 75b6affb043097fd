"""The files of agents' answers: what an agent shows to customers on the case, and then comments.

A comment has no files; they stand with the case, each link saying who may see it. “AllUsers” means a customer's eyes
only where the org has an Experience Cloud site: without one, every file on a record is “AllUsers” by default, with one
it is “InternalUsers” until an agent shares it. So nothing goes out unless the company says so, and there is a site.
https://help.salesforce.com/s/articleView?id=000384243&type=1
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from deskwire.families.attached import attached
from deskwire.model.errors import ConfigurationError
from deskwire.model.events import Attachment
from deskwire.model.tickets import File
from deskwire.web.reading import Node
from deskwire.web.rest import Call

from .api import HOUR, VERSION, Api, id_of, numbered

SETTING: Final = "files"
SHARED: Final = "shared"
TO_CUSTOMERS: Final = "AllUsers"
NOTE: Final = "snote"  # a note written in Salesforce, no file
# https://developer.salesforce.com/docs/platform/object-reference/references/standard-objects/object-contentdocumentlink.html
# The author of a link is not told, so the file's own counts; its time is when it was linked, or shared with customers.
OF_DOCUMENT: Final = ("LatestPublishedVersionId", "CreatedById", "Title", "FileExtension", "ContentSize")
COLUMNS: Final = ", ".join(["Visibility", "SystemModstamp", *(f"ContentDocument.{name}" for name in OF_DOCUMENT)])


def along(
    api: Api, case: str, comments: Sequence[Node], *, cut: bool, read: Collection[str] = ()
) -> dict[str, list[Attachment]]:
    """Return the files of comments, by the comment's id: each goes with its author's first one after it.

    `comments` are published, the oldest first; `cut`: there are older ones, of which a file may have been. `read` are
    those that were read before: they took their files, also where an older comment was published since.
    """
    if api.reach.settings.get(SETTING, "") != SHARED or not comments:
        return {}
    _site(api)
    written = [(id_of(row["CreatedById"]), row["CreatedDate"].iso(), id_of(row["Id"])) for row in comments]
    soql = f"SELECT {COLUMNS} FROM ContentDocumentLink WHERE LinkedEntityId = '{case}'"  # noqa: S608 - letters, digits
    found: dict[str, list[Attachment]] = {}
    for link in api.rows(soql, "reading the files of a case"):
        shared_at, document = link["SystemModstamp"].iso(), link["ContentDocument"]
        author, version = id_of(document["CreatedById"]), id_of(document["LatestPublishedVersionId"])
        if link["Visibility"].raw != TO_CUSTOMERS or shared_at is None or not author or not version:
            continue
        if document["FileExtension"].text("").lower() == NOTE or document["ContentSize"].number(0) <= 0:
            continue
        if cut and shared_at <= (written[0][1] or shared_at):
            continue
        after = [comment for by, at, comment in written if by == author and at is not None and at >= shared_at]
        if comment := next((each for each in after if each in read), next(iter(after), "")):
            found.setdefault(comment, []).append(attached(version, _name(document)))
    return found


def _site(api: Api) -> None:
    """Raise `ConfigurationError` for an org in which nobody has to share a file for customers to be meant."""

    def look() -> str:
        rows = api.rows("SELECT Id FROM Network LIMIT 1", "looking for an Experience Cloud site")
        if not any(id_of(row["Id"]) for row in rows):
            raise ConfigurationError(
                "“files: shared” wants an Experience Cloud site that Deskwire's user may see: without one every file "
                "on a case counts as shared"
            )
        return SHARED

    # Asked outside `remember`, which holds a lock.
    name = f"salesforce/{api.reach.account}/site"
    known = api.reach.remember(name, lambda: ("", 0.0)) or look()
    api.reach.remember(name, lambda: (known, HOUR))


def _name(document: Node) -> str:
    title, ending = document["Title"].text("") or "file", document["FileExtension"].text("").lower()
    return title if not ending or title.lower().endswith(f".{ending}") else f"{title}.{ending}"


def loaded(api: Api, attachment: Attachment) -> File:
    """Return the bytes of a file's version, with a new session where the one at hand has ended."""
    url = f"https://{api.host}/services/data/{VERSION}/sobjects/ContentVersion/{numbered(attachment.id)}/VersionData"
    token = api.token()
    try:
        return api.reach.fetch(Call("GET", url, {"Authorization": f"Bearer {token.reveal()}"}), [api.host])
    except ConfigurationError:
        api.renew(token)
    return api.reach.fetch(Call("GET", url, {"Authorization": f"Bearer {api.token().reveal()}"}), [api.host])
