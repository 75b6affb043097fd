"""The rule for unsigned deliveries whose content is encrypted ("sealed") with AES-256-GCM under a key of ours.

GCM authenticates: a value that decrypts was encrypted with the key. So one such value in each item is enough, and
trying several layouts admits no forgery, as each is only one more guess at a tag of 128 bits. Plain values beside it
are not authenticated, and anyone who has seen a sealed value can send it again.

Deliveries come to an address with a secret in its query (`Address`). A request to another address is refused like any
forgery. If the address is right and nothing decrypts, our key differs from the platform's, or the layout is unknown:
that raises an alarm, and the response makes the platform repeat the delivery.

https://csrc.nist.gov/pubs/sp/800/38/d/final (GCM)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from deskwire.model.errors import PayloadError, UnopenedError
from deskwire.model.values import dataclass, replace
from deskwire.web.reading import read

from .rule import Context, Verification

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from deskwire.model.secret import Secret, Secrets
    from deskwire.web.request import Request

    from .address import Address

OPENED: Final = "opened"  # the fact that holds what was opened, until `cleared` makes it the body
KEY: Final = 32  # bytes of AES-256
TAG: Final = 16  # bytes; GCM allows shorter ones, which prove less
NONCES: Final = (12, 16)  # bytes: GCM's own 96 bits, and what some libraries make by default
SHORTEST: Final = NONCES[0] + TAG  # bytes of a value that holds its nonce and its tag
MOST_ITEMS: Final = 200
MOST_ATTEMPTS: Final = 50_000  # of one delivery: a third of a second
DEEPEST: Final = 8
HEXADECIMAL: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
BASE64: Final = re.compile(r"[A-Za-z0-9+/]+")
PARTS: Final = re.compile(r"[.:|]")  # between a nonce, a ciphertext and a tag that are one text
# How the name of such a field ends, after a “_” or as a whole, in any case.
NONCE_NAMES: Final = ("_iv", "_nonce", "_initialization_vector", "_initialisation_vector")
TAG_NAMES: Final = ("_tag", "_mac", "_authtag")
PLAIN: Final = (str, int, float, bool)


class Around(NamedTuple):
    """Values beside a sealed one that may belong to it: nonces, tags, and additional data."""

    nonces: tuple[bytes, ...] = ()
    tags: tuple[bytes, ...] = ()
    data: tuple[bytes, ...] = (b"",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed(Verification):
    """Sealed items at an address with a secret: a JSON list of objects, one object, or the whole body sealed.

    Connectors see the decrypted content as the body, `{"items": [{"beside": {…}, "opened": [{"at", "beside",
    "value"}]}]}`: `beside` are the plain values of the item, or of the object in it with the sealed value; `at` is the
    sealed value's name; `value` its content, parsed if it was JSON. If one item does not decrypt, the whole delivery is
    refused. `beside` and `field` are for `sign`: the names it leaves plain, and the name for what it seals.
    """

    opens: ClassVar[bool] = True
    address: Address
    secret: str
    field: str
    beside: tuple[str, ...] = ()

    @property
    def headers(self) -> tuple[str, ...]:
        """None: the proof is in the address and the body."""
        return ()

    def names(self) -> tuple[str, ...]:
        """Return the address's secret and the key."""
        return (*self.address.names(), self.secret)

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Return the decrypted content. Raises `SignatureError` for another address, and `UnopenedError`."""
        # First: a stranger must not call a person for a key that is not stored yet.
        self.address.verify(request, secrets, context)
        keys = [key for key in map(_key, secrets.every(self.secret)) if key]
        if not keys:
            raise UnopenedError(f"“{self.secret}” is no key of {KEY} bytes in Base64")
        return {OPENED: json.dumps({"items": _Opener(keys).items(request.body)})}

    def cleared(self, request: Request) -> Request:
        """Return the request with the decrypted content as its body, and without the address's secret."""
        request = self.address.cleared(request)
        if OPENED not in request.facts:
            return request
        facts = dict(request.facts)
        return replace(request, body=facts.pop(OPENED).encode(), facts=facts)

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Encrypt the body, unless this key decrypts it, and add the address's secret.

        A body that is not a list of items is encrypted as a whole. The nonce is derived from the content, so the same
        content gives the same bytes.
        """
        stored = secrets.one(self.secret)
        key = _key(stored) or hashlib.sha256(stored.encode()).digest()  # a stranger's
        request = self.address.sign(request, secrets, now)
        try:
            _Opener([key]).items(request.body)
        except UnopenedError:
            return replace(request, body=self._sealed(request.body, key))
        return request

    def _sealed(self, body: bytes, key: bytes) -> bytes:
        try:
            found = read(body).raw
        except PayloadError:
            found = None
        if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
            return seal(body, key).encode()
        return json.dumps([self._item(each, key) for each in found]).encode()

    def _item(self, item: Mapping[str, Any], key: bytes) -> dict[str, Any]:
        inside = {name: value for name, value in item.items() if name not in self.beside}
        left = {name: value for name, value in item.items() if name in self.beside}
        return left | {self.field: seal(json.dumps(inside, ensure_ascii=False).encode("utf-8", "surrogatepass"), key)}


def seal(plain: bytes, key: bytes) -> str:
    """Return an encrypted value: Base64 of nonce, ciphertext and tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = hmac.digest(key, plain, "sha256")[: NONCES[0]]
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, None)).decode()


def _key(secret: Secret) -> bytes | None:
    """Return the key's bytes; Pinterest's page shows it without the padding of Base64."""
    return next((each for each in _decoded(secret.reveal()) if len(each) == KEY), None)


def _decoded(text: str) -> Iterator[bytes]:
    """Yield the bytes that a text may encode: hexadecimal, Base64 of either alphabet, padded or not."""
    text = "".join(text.split())
    if HEXADECIMAL.fullmatch(text):
        yield bytes.fromhex(text)
    text = text.translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    if BASE64.fullmatch(text) and len(text) % 4 != 1:
        yield base64.b64decode(text + "=" * (-len(text) % 4))


def _layouts(value: bytes, around: Around) -> Iterator[tuple[bytes, bytes]]:
    """Yield (nonce, ciphertext followed by its tag) for each possible layout of a value."""
    for nonce in around.nonces:
        yield nonce, value
        yield nonce, value[TAG:] + value[:TAG]
        for tag in around.tags:
            yield nonce, value + tag
    for length in NONCES:
        nonce, rest = value[:length], value[length:]
        yield nonce, rest
        yield nonce, rest[TAG:] + rest[:TAG]
        yield value[-length:], value[:-length]
        for tag in around.tags:
            yield nonce, rest + tag


def _parted(parts: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the same for a text of separate nonce, ciphertext and tag; the latter two in either order."""
    nonce, first, *others = parts
    if not others:
        yield nonce, first
        yield first, nonce
        return
    yield nonce, first + others[0]
    yield nonce, others[0] + first


class _Opener:
    """Decrypts the values of one delivery, with a limited number of attempts."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._keys: list[AESGCM] = [AESGCM(key) for key in keys]
        self._left = MOST_ATTEMPTS

    def items(self, body: bytes) -> list[dict[str, Any]]:
        """Return the decrypted items. Raises `UnopenedError` if there is none, or if nothing in one decrypts."""
        try:
            found = read(body).raw
        except PayloadError:
            found = body.decode("ascii", "replace")
        if isinstance(found, str):
            return self._whole(found, body)
        listed = found if isinstance(found, list) else [found]
        if not 0 < len(listed) <= MOST_ITEMS:
            raise UnopenedError(f"a delivery holds 1 to {MOST_ITEMS} items, not {len(listed)}")
        return [self._item(each, number) for number, each in enumerate(listed)]

    def _whole(self, text: str, body: bytes) -> list[dict[str, Any]]:
        """Return the items of a body that is sealed as a whole, as text or as bytes."""
        plain = self._text(text, Around())
        if plain is None:
            plain = self._bytes(_layouts(body, Around()), Around())
        if plain is None:
            raise UnopenedError("nothing of the body opens with the key")
        value = _value(plain)
        listed = value if isinstance(value, list) else [value]
        if len(listed) > MOST_ITEMS:
            raise UnopenedError(f"a delivery holds at most {MOST_ITEMS} items, not {len(listed)}")
        return [{"beside": {}, "opened": [{"at": "", "beside": {}, "value": each}]} for each in listed]

    def _item(self, item: object, number: int) -> dict[str, Any]:
        opened: list[dict[str, Any]] = []
        beside: dict[str, Any] = {}
        if isinstance(item, dict):
            ids = [str(each) for each in item.values() if isinstance(each, str | int) and 0 < len(str(each)) <= 64]
            around = Around(data=(b"", *(each.encode("utf-8", "replace") for each in ids[:8])))
            beside = self._object(item, "", around, opened, 0)
        elif isinstance(item, str):
            self._found(item, "", around=Around(), into=opened)
        if not opened:
            raise UnopenedError(f"nothing of item {number} opens with the key")
        return {"beside": beside, "opened": opened}

    def _object(
        self, found: Mapping[str, Any], at: str, around: Around, into: list[dict[str, Any]], depth: int
    ) -> dict[str, Any]:
        """Add the decrypted values in an object; return its plain values."""
        nonces, tags = _named(found, NONCE_NAMES), _named(found, TAG_NAMES)
        # A value with its nonce is an object of its own, and its name that object's.
        own = Around(nonces or around.nonces, tags or around.tags, around.data)
        opened: list[dict[str, Any]] = []
        plain: dict[str, Any] = {}
        for name, value in found.items():
            place = at if nonces and at else name
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict) and depth < DEEPEST:
                    self._object(each, place, own, into, depth + 1)
                elif isinstance(each, str) and self._found(each, place, around=own, into=opened):
                    continue
                elif isinstance(each, PLAIN) and not isinstance(value, list):
                    plain[name] = each
        into.extend(each | {"beside": plain if depth else {}} for each in opened)
        return plain

    def _found(self, text: str, at: str, *, around: Around, into: list[dict[str, Any]]) -> bool:
        plain = self._text(text, around)
        if plain is None:
            return False
        into.append({"at": at, "beside": {}, "value": _value(plain)})
        return True

    def _text(self, text: str, around: Around) -> bytes | None:
        """Return the decrypted content of a text; None if it does not decrypt."""
        for value in _decoded(text):
            if around.nonces or len(value) >= SHORTEST:
                plain = self._bytes(_layouts(value, around), around)
                if plain is not None:
                    return plain
        parts = [next(_decoded(part), b"") for part in PARTS.split(text, 3)] if len(text) > SHORTEST else []
        return self._bytes(_parted(parts), around) if len(parts) in {2, 3} and all(parts) else None

    def _bytes(self, layouts: Iterator[tuple[bytes, bytes]], around: Around) -> bytes | None:
        from cryptography.exceptions import InvalidTag

        for nonce, sealed in layouts:
            if len(nonce) not in NONCES or len(sealed) < TAG:
                continue
            for key in self._keys:
                for data in around.data:
                    self._left -= 1
                    if self._left < 0:
                        raise UnopenedError(f"more than {MOST_ATTEMPTS} attempts to open a delivery")
                    try:
                        return key.decrypt(nonce, sealed, data)
                    except InvalidTag:
                        continue
        return None


def _named(found: Mapping[str, Any], ends: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return the bytes of an object's values whose names have one of these endings."""
    texts = [value for name, value in found.items() if isinstance(value, str) and f"_{name}".lower().endswith(ends)]
    return tuple(each for text in texts[:2] for each in _decoded(text) if len(each) in {*NONCES, TAG})


def _value(plain: bytes) -> Any:  # noqa: ANN401 - JSON, of whatever type
    """Return the decrypted value: an object, a list or a string if it is such JSON, else the text itself."""
    text = plain.decode("utf-8", "replace")
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return text
    try:
        return read(text).raw
    except PayloadError:
        return text
