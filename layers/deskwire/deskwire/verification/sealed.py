"""The rule for deliveries that nobody signs, and whose content is sealed with AES-256-GCM under a key of ours.

GCM authenticates: what opens was sealed by who has the key. So it is enough that one value of each item opens, and
trying several layouts lets no forgery in: each is one more guess at a tag of 128 bits. What lies unsealed beside it is
authenticated by nothing, and a sealed value may be sent again by who has seen it.

A delivery comes to an address with a secret in its query (`Address`). Who does not know that address is a stranger,
refused like any forger. Where the address is right and nothing opens, the key is another than the platform's, or the
layout is one that is not tried: a person is called, and the answer has the platform repeat the delivery.

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
    """What may belong to a sealed value and lie beside it: nonces, tags, and additional data."""

    nonces: tuple[bytes, ...] = ()
    tags: tuple[bytes, ...] = ()
    data: tuple[bytes, ...] = (b"",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed(Verification):
    """Sealed items, a JSON list of objects (or one, or the whole body sealed), at an address with a secret.

    Connectors see as the body what was opened, `{"items": [{"beside": {…}, "opened": [{"at", "beside", "value"}]}]}`:
    `beside` are the unsealed values of the item, or of the object in it that held the sealed value; `at` is the name
    under which that was; `value` is what it held, JSON where it was JSON. A delivery of which one item does not open is
    refused whole. `beside` and `field` say what `sign` leaves open, and under which name it puts what it seals.
    """

    opens: ClassVar[bool] = True
    address: Address
    secret: str
    field: str
    beside: tuple[str, ...] = ()

    @property
    def headers(self) -> tuple[str, ...]:
        """None: the proof is in the address and in the body."""
        return ()

    def names(self) -> tuple[str, ...]:
        """Return the address's secret and the key."""
        return (*self.address.names(), self.secret)

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Return what was opened. Raises `SignatureError` for another address, and `UnopenedError`."""
        # First: a stranger must not call a person for a key that is not stored yet.
        self.address.verify(request, secrets, context)
        keys = [key for key in map(_key, secrets.every(self.secret)) if key]
        if not keys:
            raise UnopenedError(f"“{self.secret}” is no key of {KEY} bytes in Base64")
        return {OPENED: json.dumps({"items": _Opener(keys).items(request.body)})}

    def cleared(self, request: Request) -> Request:
        """Return the request with what was opened as its body, and without the address's secret."""
        request = self.address.cleared(request)
        if OPENED not in request.facts:
            return request
        facts = dict(request.facts)
        return replace(request, body=facts.pop(OPENED).encode(), facts=facts)

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Seal the body, unless this key opens it, and add the address's secret.

        What is no list of items is sealed whole. The nonce follows from the content, so that the same content gives the
        same bytes.
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
    """Return a value as `sign` seals it: Base64 of nonce, ciphertext and tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = hmac.digest(key, plain, "sha256")[: NONCES[0]]
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, None)).decode()


def _key(secret: Secret) -> bytes | None:
    """Return a key; Pinterest's page shows one without the padding of Base64."""
    return next((each for each in _decoded(secret.reveal()) if len(each) == KEY), None)


def _decoded(text: str) -> Iterator[bytes]:
    """Yield the bytes that a text may stand for: hexadecimal, Base64 of either alphabet, padded or not."""
    text = "".join(text.split())
    if HEXADECIMAL.fullmatch(text):
        yield bytes.fromhex(text)
    text = text.translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    if BASE64.fullmatch(text) and len(text) % 4 != 1:
        yield base64.b64decode(text + "=" * (-len(text) % 4))


def _layouts(value: bytes, around: Around) -> Iterator[tuple[bytes, bytes]]:
    """Yield (nonce, ciphertext with its tag behind it) for each way in which a value may be laid out."""
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
    """Yield the same for a text that holds its nonce, ciphertext and tag as parts, in either order of the latter."""
    nonce, first, *others = parts
    if not others:
        yield nonce, first
        yield first, nonce
        return
    yield nonce, first + others[0]
    yield nonce, others[0] + first


class _Opener:
    """Opens the values of one delivery, with as many attempts as a delivery may cost."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._keys: list[AESGCM] = [AESGCM(key) for key in keys]
        self._left = MOST_ATTEMPTS

    def items(self, body: bytes) -> list[dict[str, Any]]:
        """Return each item, opened. Raises `UnopenedError` where there is none, or one of which nothing opens."""
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
        """Return the items of a body that is sealed as a whole, as text or as it is."""
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
        """Add what opens in an object; return its plain values, which what was opened right in it lies beside."""
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
        """Return what a text holds; None where it does not open."""
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
    """Return the bytes of an object's values whose name ends so."""
    texts = [value for name, value in found.items() if isinstance(value, str) and f"_{name}".lower().endswith(ends)]
    return tuple(each for text in texts[:2] for each in _decoded(text) if len(each) in {*NONCES, TAG})


def _value(plain: bytes) -> Any:  # noqa: ANN401 - JSON, of whatever type
    """Return what was sealed: an object, a list or a text where it was that in JSON, else the text as it is."""
    text = plain.decode("utf-8", "replace")
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return text
    try:
        return read(text).raw
    except PayloadError:
        return text
