"""Download a file from an untrusted address, without being led anywhere else (SSRF).

All attachments are downloaded here, with or without credentials. The address comes from the customer or the platform,
so nothing in it is trusted: https on port 443 only, a host from the channel's list, a name that resolves only to public
addresses; the connection goes to exactly the address that was checked. Each redirect is checked in the same way.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import re
import socket
import ssl
import time
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from deskwire.model.errors import Concern, ConfigurationError, PermanentError, TemporaryError
from deskwire.model.tickets import File
from deskwire.model.values import dataclass, field, replace

from .markup import unseen
from .rest import AGENT, Answer, Call, checked, rerouted, stand_ins
from .wire import Opener, Reply, Wire, WireError, place, remaining, spelled

LIMIT = 20 * 1024 * 1024  # bytes: what helpdesks take, and what fits a function's memory ten times
MAX_REDIRECTS = 3
MAX_NAME = 120  # characters
BEHIND_HOST = re.compile(r"(https?://[^/?#\s\\]{1,300})([/?#].*)", re.DOTALL)
MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
UNKNOWN: Final = "application/octet-stream"
OFFICE: Final = "application/vnd.openxmlformats-officedocument"
# By media type, the usual extension first. https://www.iana.org/assignments/media-types
EXTENSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"), "image/png": (".png",), "image/gif": (".gif",),
    "image/webp": (".webp",), "image/heic": (".heic",), "image/heif": (".heif",), "image/avif": (".avif",),
    "image/bmp": (".bmp",), "image/tiff": (".tif", ".tiff"), "image/svg+xml": (".svg",),
    "video/mp4": (".mp4", ".m4v"), "video/quicktime": (".mov",), "video/webm": (".webm",), "video/3gpp": (".3gp",),
    "video/ogg": (".ogv",), "video/x-msvideo": (".avi",), "video/x-matroska": (".mkv",),
    "audio/mpeg": (".mp3",), "audio/ogg": (".ogg", ".oga", ".opus"), "audio/mp4": (".m4a",), "audio/aac": (".aac",),
    "audio/amr": (".amr",), "audio/wav": (".wav",), "audio/x-wav": (".wav",), "audio/webm": (".weba", ".webm"),
    "application/pdf": (".pdf",), "text/plain": (".txt", ".log"), "text/csv": (".csv",), "text/html": (".html", ".htm"),
    "text/vcard": (".vcf",), "text/calendar": (".ics",), "message/rfc822": (".eml",), "application/json": (".json",),
    "application/xml": (".xml",), "application/zip": (".zip",), "application/rtf": (".rtf",),
    "application/msword": (".doc",), "application/vnd.ms-excel": (".xls",), "application/vnd.ms-powerpoint": (".ppt",),
    f"{OFFICE}.wordprocessingml.document": (".docx",), f"{OFFICE}.spreadsheetml.sheet": (".xlsx",),
    f"{OFFICE}.presentationml.presentation": (".pptx",),
    "application/vnd.oasis.opendocument.text": (".odt",), "application/vnd.oasis.opendocument.spreadsheet": (".ods",),
}  # fmt: skip
# What programs write in place of a registered type.
ALSO: Final = {
    "image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png", "image/x-ms-bmp": "image/bmp",
    "image/heic-sequence": "image/heic", "image/heif-sequence": "image/heif", "audio/mp3": "audio/mpeg",
    "audio/x-m4a": "audio/mp4", "audio/m4a": "audio/mp4", "audio/opus": "audio/ogg", "audio/vnd.wave": "audio/wav",
    "audio/x-aac": "audio/aac", "audio/3gpp": "video/3gpp", "video/x-m4v": "video/mp4", "text/x-vcard": "text/vcard",
    "application/x-pdf": "application/pdf", "application/x-zip-compressed": "application/zip",
    "application/x-rtf": "application/rtf", "text/rtf": "application/rtf", "text/xml": "application/xml",
}  # fmt: skip
TYPES: Final = {end: kind for kind, ends in reversed(list(EXTENSIONS.items())) for end in ends}

# No file of Windows can have these names, whatever ends them:
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\.|$)", re.IGNORECASE)

# https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry, written out
# because `ipaddress.is_global` knows different parts of them in different Python versions. 168.63.129.16 is
# public, but serves virtual machines on Azure. Of IPv6 only what is denied inside GLOBAL_UNICAST.
DENIED: Final = tuple(ipaddress.ip_network(network) for network in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
    "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
    "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
))  # fmt: skip
GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str], Iterable[str]]  # a host's addresses; raises OSError
Connect = Callable[[tuple[str, int], float], socket.socket]


def resolved(host: str) -> list[str]:
    """Return every address of a host, in the system's order. Raises `OSError`."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True)
class Network:
    """The functions to look up a name and to connect; `sandbox` maps hosts as in `rest.with_hosts`."""

    resolve: Resolve = resolved
    connect: Connect = socket.create_connection
    sandbox: Mapping[str, str] = field(default_factory=dict)


def fetch(call: Call, hosts: Collection[str], *, limit: int = LIMIT, network: Network | None = None) -> File:
    """Return the file that a GET downloads: at most `limit` bytes, within the call's `timeout` over all redirects.

    `hosts` are the allowed domains, with their subdomains. The call may carry credentials, which are not sent on to
    another host after a redirect. The file gets a safe name and a well-formed media type.

    Raises `PermanentError` for an address that is not allowed, a refusal, or too many bytes; `TemporaryError` for an
    outage; `ConfigurationError` if the credentials are refused.
    """
    if call.method != "GET" or call.body:
        raise PermanentError("a download is a GET without a body")
    network = network or Network()
    sandbox = stand_ins(network.sandbox)
    deadline = time.monotonic() + call.timeout
    credentials = bool(call.headers or call.secrets)
    call = replace(call, url=encoded(call.url), headers={"User-Agent": AGENT, **call.headers})
    internet = Wire(_context, opener=_opener(network), limit=limit)
    loopback = Wire(limit=limit)
    try:
        for _ in range(MAX_REDIRECTS + 1):
            parts = accepted(call.url, hosts)
            sent = rerouted(call, sandbox)
            reply = _get(loopback if sent.sandboxed else internet, sent, deadline)
            if reply.status not in {301, 302, 303, 307, 308}:
                return _file(reply, parts, credentials=credentials)
            url = urljoin(call.url, spelled(reply.headers.get("location", "")))
            if urlsplit(url).hostname != parts.hostname:
                call, credentials = Call("GET", url, {"User-Agent": AGENT}), False
            call = replace(call, url=url, secrets={})
    except ValueError as error:
        raise PermanentError(f"the attachment's address cannot be followed: {error}") from None
    finally:
        internet.close()
        loopback.close()
    raise PermanentError(f"the attachment's address redirects more than {MAX_REDIRECTS} times")


def encoded(url: str) -> str:
    """Return a URL with blanks and non-ASCII letters in its path and query percent-encoded as UTF-8.

    Platforms put file names there unencoded. The host, control characters and encoded parts are unchanged.
    """
    found = BEHIND_HOST.fullmatch(url)
    return found[1] + re.sub(r"[^!-~\x00-\x1f\x7f]", lambda sign: quote(sign[0]), found[2]) if found else url


def accepted(url: str, hosts: Collection[str]) -> SplitResult:
    """Return the parts of an allowed URL. Raises `PermanentError` if it is not allowed, `ValueError` if invalid."""
    (scheme, host, port), parts = place(url)
    if scheme != "https" or port != 443:
        raise PermanentError("the attachment's address is not https on port 443")
    if not NAME.fullmatch(host):
        raise PermanentError("the attachment's address has no host name, or an odd one")
    domains = (domain.removeprefix("*").strip(".").lower() for domain in hosts)
    if not any(host == domain or host.endswith(f".{domain}") for domain in domains):
        raise PermanentError("the attachment lies on a host that is not the platform's")
    return parts


def public(address: str) -> bool:
    """Return whether an IP address is on the public Internet, also if it wraps an IPv4 address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        # An IPv4-only site looks like this in a network of IPv6 with NAT64; the older wrappings (IPv4-mapped,
        # IPv4-compatible, 6to4, Teredo) have no honest use in a public name and fall through to refusal.
        if found in NAT64:
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        elif found not in GLOBAL_UNICAST:
            return False
    return found.is_global and not any(found in network for network in DENIED)


def safe_name(text: str, *, fallback: str = "attachment") -> str:
    """Return a file name of at most 120 characters, without path, invisible or direction-changing characters."""
    last = re.split(r"[/\\]", text)[-1]
    kept = "".join("_" if sign in '<>:"|?*' else sign for sign in last if unicodedata.category(sign)[0] != "C")
    kept = " ".join(unicodedata.normalize("NFC", kept).split()).strip(". ")
    kept = kept if any(not unseen(sign) and not sign.isspace() for sign in kept.rpartition(".")[0] or kept) else ""
    kept = f"_{kept}" if DEVICE.match(kept) else kept
    if len(kept) > MAX_NAME:
        stem, dot, extension = kept.rpartition(".")
        ending = dot + extension if dot and len(extension) <= 10 else ""
        kept = (stem if ending else kept)[: MAX_NAME - len(ending)].rstrip(". ") + ending
    return kept or fallback


def called(file: File, name: str) -> File:
    """Return the file with a safe name, whose extension fits its type; a generic type is derived from the name.

    A name with a known extension keeps it, whatever the type: `photo.jpeg`, or `report.csv` as text/plain.
    """
    shown, given = safe_name(name), file.type.partition(";")[0].strip().lower()  # without `; codecs=opus`
    known = TYPES.get("." + shown.rpartition(".")[2].lower()) if "." in shown else None
    kind = known if known and given in {UNKNOWN, "binary/octet-stream", ""} else given
    ending = "" if known else EXTENSIONS.get(ALSO.get(kind, kind), ("",))[0]
    return File(safe_name(shown + ending), kind or UNKNOWN, file.data)


@functools.cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _opener(network: Network) -> Opener:
    """Return an opener that connects to the address it has checked itself, so that no second look-up can differ."""

    def open_checked(host: str, port: int, seconds: float) -> socket.socket:
        addresses = list(dict.fromkeys(network.resolve(host)))
        if not addresses or not all(map(public, addresses)):
            raise PermanentError("the attachment's host resolves to an address that is not public")
        deadline = time.monotonic() + seconds
        for address in addresses[:-1]:
            try:
                return network.connect((address, port), remaining(deadline) / 2)
            except OSError:
                continue
        return network.connect((addresses[-1], port), remaining(deadline))

    return open_checked


def _get(wire: Wire, call: Call, deadline: float) -> Reply:
    try:
        left = remaining(deadline)
        reply = wire.exchange("GET", call.address, call.headers, b"", timeout=left, repeatable=True)
    except WireError as error:
        if error.oversize:
            raise PermanentError("the attachment is larger than allowed") from None
        raise TemporaryError(f"the attachment could not be fetched: {error}", concerns=Concern.HOST) from None
    except TimeoutError:
        raise TemporaryError("the attachment could not be fetched in time", concerns=Concern.HOST) from None
    return reply


def _file(reply: Reply, parts: SplitResult, *, credentials: bool) -> File:
    try:
        checked(Answer(reply.status, reply.headers, reply.body), what="fetching an attachment")
    except TemporaryError as error:  # fetching twice harms nobody, so nothing is in doubt
        raise error.retold(ambiguous=False, concerns=Concern.HOST) from None
    except ConfigurationError:
        if credentials:
            raise
        # No account is asked: a signed link that expired, or is gone.
        raise PermanentError("the attachment's link has expired", status=reply.status) from None
    if reply.headers.get("content-encoding", "identity") != "identity":
        raise PermanentError("the attachment comes compressed, which was not asked for")
    given = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = given if MIME.fullmatch(given) else UNKNOWN
    name = _disposition(reply.headers.get("content-disposition", "")) or unquote(parts.path)
    return called(File("", kind, reply.body), name)


def _disposition(header: str) -> str:
    """Return the file's name in a Content-Disposition: `filename*` (RFC 5987) before the plain one (RFC 6266, 4.3)."""
    message = Message()
    message["content-disposition"] = header.replace("\r", " ").replace("\n", " ")
    found = message.get_params([], "content-disposition")
    given: list[Any] = [value for name, value in found if name.lower() == "filename"]
    extended = next((value for value in given if isinstance(value, tuple)), None)  # whose charset was told
    plain = next((value for value in given if isinstance(value, str)), "")
    if extended is not None:
        try:
            return collapse_rfc2231_value(extended)
        except UnicodeError:  # of charsets that are no charset of a text, as `idna`
            plain = plain or str(extended[2])
    return _written(plain)


def _written(name: str) -> str:
    """Decode a plain file name from raw UTF-8, an RFC 2047 word or percent-encoding, which senders use regardless."""
    with contextlib.suppress(UnicodeError):
        name = name.encode("latin-1").decode()  # headers are read as Latin-1
    with contextlib.suppress(ValueError, LookupError):
        name = str(make_header(decode_header(name))) if "=?" in name else name
    return unquote(name)
