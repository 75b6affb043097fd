"""Shared by connectors for the company's own pages: CORS, rates, uploads, answers by mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from deskwire.care.addresses import no_person
from deskwire.contracts.actions import Upload
from deskwire.contracts.channel import LINK_SECRET
from deskwire.model.errors import ConfigurationError, PayloadError, PermanentError, UnknownAccount
from deskwire.verification.captcha import allowed_origin
from deskwire.web.request import Response

from . import forms

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.model.events import Attachment
    from deskwire.model.sending import Outgoing
    from deskwire.web.request import Request

TYPES: Final = "image/jpeg image/png image/gif image/webp image/heic application/pdf text/plain"
UPLOAD_BYTES: Final = 10 * 1024 * 1024
CONNECTION_SECRETS: Final = {
    LINK_SECRET: "a long random text of your own making, which signs one-time links (optional, for `private.link`)"
}
ENDPOINT_SETTINGS: Final = {
    "upload_types": "media types that may be uploaded, separated by spaces (optional, else pictures, PDF, text)",
    "upload_bytes": "the largest file (optional, else 10 MiB)",
}


def preflight(request: Request, *, allowed: str) -> Response | None:
    """Return the response to a CORS preflight: 204 for an allowed origin, 403 for another; None for other requests.

    `allowed` are the headers that the page may send. https://fetch.spec.whatwg.org/#http-cors-protocol
    """
    if request.method != "OPTIONS":
        return None
    if not allowed_origin(request, request.settings):
        return Response.json(403, {"status": "refused", "error": "origin"})
    return Response(
        204,
        headers={
            **answer_headers(request),
            "access-control-allow-methods": "POST, OPTIONS",
            "access-control-allow-headers": allowed,
            "access-control-max-age": "7200",
        },
    )


def answer_headers(request: Request) -> Mapping[str, str]:
    """Return the headers that let an allowed page's script read the response."""
    try:
        origin = allowed_origin(request, request.settings)
    except ConfigurationError:
        return {}
    return {"access-control-allow-origin": origin, "vary": "origin"} if origin else {}


def number(settings: Mapping[str, str], name: str, otherwise: int) -> int:
    """Return a numeric setting of the endpoint. Raises `ConfigurationError` for any other value."""
    try:
        return int(settings.get(name) or otherwise)
    except ValueError:
        raise ConfigurationError(f"the endpoint's setting “{name}” is no number") from None


def upload_types(settings: Mapping[str, str]) -> list[str]:
    """Return the media types that visitors may upload."""
    return (settings.get("upload_types") or TYPES).split()


def rejected(error: PayloadError, *, error_name: str, account: str) -> Response:
    """Return the response that tells a page which fields to correct; `account` is the field that names its account."""
    problems = error.problems if isinstance(error, forms.FormError) else {"body": "cannot be read"}
    if isinstance(error, UnknownAccount):
        problems = {account: "is not known"}
    fields = [{"field": name, "problem": why} for name, why in problems.items()]
    return Response.json(400, {"status": "refused", "error": error_name, "fields": fields})


def uploads(form: forms.Form, settings: Mapping[str, str]) -> tuple[Attachment, ...]:
    """Return a submission's uploaded files; a type that is not allowed is a problem of the form."""
    files, allowed = form.uploads(), upload_types(settings)
    if any(item.type not in allowed for item in files):  # what was asked for before may have been another type
        form.problems.setdefault("uploads", "are of a type that is not allowed")
    return files


def upload(form: forms.Form, settings: Mapping[str, str]) -> Upload:
    """Return the upload that a page announces by name, type and size. Raises `FormError`."""
    name, kind, size = forms.file_name(form.text("name")), form.text("type"), form.node["size"].number(0)
    if not name:
        form.problems["name"] = "is missing"
    if kind not in upload_types(settings):
        form.problems["type"] = "is not allowed"
    if not 0 < size <= number(settings, "upload_bytes", UPLOAD_BYTES):
        form.problems["size"] = "is not allowed"
    form.checked()
    return Upload(name, kind, size)


def mail(outgoing: Outgoing, recipient: str, reach: Reach, *, subject: str) -> str:
    """Mail an answer to a visitor's address, and return SES's id of the mail.

    An automatic answer is marked as such (RFC 3834). Raises `ConfigurationError` if the connection has no `sender`, and
    `PermanentError` for an invalid address, subject or sender.
    """
    sender = reach.settings.get("sender", "")
    if not sender:
        raise ConfigurationError("answers by e-mail need the connection's setting “sender”")
    if not forms.EMAIL.fullmatch(recipient):
        raise PermanentError("the visitor's address cannot be written to")
    if outgoing.automatic and no_person(recipient, {sender}):
        raise PermanentError("the visitor's address is a machine's or our own")
    headers: dict[str, str] = {}
    if outgoing.automatic:
        headers["Auto-Submitted"] = "auto-replied"
        # Exchange answers automatic mail unless told not to: [MS-OXCMAIL] 2.2.3.2.14.
        headers["X-Auto-Response-Suppress"] = "All"
    if forms.BREAKS.search(subject) or forms.BREAKS.search(sender):
        raise PermanentError("a line break in the subject or the sender would add headers to the mail")
    return reach.mail(sender=sender, recipient=recipient, subject=subject, text=outgoing.text, headers=headers)
