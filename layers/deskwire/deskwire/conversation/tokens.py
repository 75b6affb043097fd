"""Share access tokens among all workers: sealed in the table, renewed by one worker at a time under a lease.

A token is encrypted with a key derived from the secret it was obtained with (docs/decisions/0032-tokens.md): only those
who may read that secret can read the token.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from deskwire.contracts.connector import Token
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.keys import compose
from deskwire.model.secret import Secret, Secrets
from deskwire.ports import AtMost, Clock, Conflict, Equals, Item, Key, Table, Update
from deskwire.timing import TOKEN_LEASE_SECONDS

from .table import seconds

EARLY = 300  # seconds before expiry (at most a tenth of its life) at which one worker renews while others still use it
KEEP_SECONDS = 400 * 86_400  # refresh tokens live for a year at most (TikTok, LinkedIn)
LOOK = 0.5  # seconds between two reads of a token that another worker is renewing
LOOKS = 10
STORES = 3  # attempts to store a renewed token: if all fail, a rotated refresh token is lost


class Seal:
    """AES-GCM encryption with a key derived by scrypt from a secret, which may be a password, and bound to a place."""

    def __init__(self, secret: Secret, place: str) -> None:
        """Derive the key; takes some 50 ms."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = hashlib.scrypt(secret.encode(), salt=place.encode(), n=2**14, r=8, p=1, dklen=32)
        self._cipher = AESGCM(key)
        self._place = place.encode()
        self.mark = hashlib.sha256(b"mark" + key).hexdigest()[:16]  # identifies the key that sealed a token

    def close(self, text: str) -> bytes:
        """Return the text encrypted."""
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, text.encode(), self._place)

    def open(self, sealed: bytes) -> str:
        """Return the decrypted text. Raises `ValueError` if it was sealed with another key."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], self._place).decode()
        except InvalidTag:
            raise ValueError("sealed with another key") from None


@dataclass(frozen=True, slots=True)
class Held:
    """A stored token. `renew_at` and `until` are Unix times; `held` is what the vendor takes to renew it."""

    access: Secret
    held: Secret
    number: int
    renew_at: int
    until: int


@dataclass(frozen=True, slots=True)
class SharedTokens:
    """The tokens of all connections, cached in this process."""

    table: Table
    clock: Clock
    pause: Callable[[float], None]
    _kept: dict[Key, tuple[str, Held]] = field(init=False, default_factory=dict)  # with the mark of its seal
    _seals: dict[tuple[str, str], Seal] = field(init=False, default_factory=dict)
    _locks: dict[Key, threading.Lock] = field(init=False, default_factory=dict)

    def of(self, owner: str, secrets: Secrets) -> ConnectionTokens:
        """Return the tokens of one connection."""
        return ConnectionTokens(self, owner, secrets)

    def get(self, key: Key, secret: Secret, remedy: str, renew: Callable[[Secret], Token]) -> Secret:
        """Return the access token, renewed if due. `remedy` tells a person what to do if it cannot be renewed."""
        with self._locks.setdefault(key, threading.Lock()):
            seal = self._seal(secret, key[0])
            mark, kept = self._kept.get(key, ("", None))
            if kept is None or mark != seal.mark or self._now() >= kept.renew_at:
                kept = self._shared(key, secret, seal, remedy, renew)
                self._kept[key] = seal.mark, kept
            return kept.access

    def refuse(self, key: Key, access: Secret) -> None:
        """Record that the vendor rejects this token, unless it has been renewed since."""
        _, kept = self._kept.get(key, ("", None))
        if kept is None or kept.access.reveal() != access.reveal():
            return
        self._kept.pop(key, None)
        with suppress(Conflict):
            self.table.update(Update(key, set={"refused": kept.number}, when=[("number", Equals(kept.number))]))

    def _shared(self, key: Key, secret: Secret, seal: Seal, remedy: str, renew: Callable[[Secret], Token]) -> Held:
        """Return the token of the table, renewed under the lease unless another worker renews it."""
        # It stays in the item until the renewal has a certain result. If a later renewal finds it, the vendor may have
        # issued a token that was never stored.
        mine = f"{seal.mark}/{uuid.uuid4().hex}"
        for _ in range(LOOKS):
            now = self._now()
            found = _opened(self.table.get(key), seal)
            if found is not None and now < found.renew_at:
                return found
            lease = Update(
                key,
                set={"lease": now + TOKEN_LEASE_SECONDS, "renewing": mine, "expires": now + KEEP_SECONDS},
                copy={"before": "renewing"},
                when=[("lease", AtMost(now))],
            )
            try:
                item = self.table.update(lease)
            except Conflict:
                if found is not None and now < found.until:
                    return found
                self.pause(LOOK)
                continue
            return self._renewed(item, secret, seal, remedy, renew)
        raise TemporaryError("another worker is renewing the access token", after=LOOK)

    def _renewed(self, item: Item, secret: Secret, seal: Seal, remedy: str, renew: Callable[[Secret], Token]) -> Held:
        """Renew under the lease in `item`, store the new token, and return it."""
        found = _opened(item, seal)
        doubtful = str(item["before"] or "").startswith(seal.mark)
        if found is not None and self._now() < found.renew_at:  # another worker finished between our read and our lease
            self._release(item, settled=True)
            return found
        held = secret if found is None else found.held
        try:
            token = renew(held)
        except TemporaryError as error:
            self._release(item, settled=not (error.ambiguous or doubtful))
            # Whatever became of the renewal, the message that needed the token has not been sent.
            raise TemporaryError(str(error), after=error.after) from None
        except (PermanentError, ConfigurationError) as error:
            self._release(item, settled=not doubtful)
            lost = "; a worker stopped before it could store what the vendor gave it" if doubtful else ""
            raise ConfigurationError(f"{error}{lost}: {remedy}") from None
        return self._stored(item, seal, token, held)

    def _stored(self, item: Item, seal: Seal, token: Token, held: Secret) -> Held:
        now, number = self._now(), int(item.get("number", 0)) + 1
        until = now + int(token.good_for)
        new = Held(token.access, token.refresh or held, number, until - int(min(EARLY, token.good_for / 10)), until)
        store = Update(
            (item["pk"], item["sk"]),
            set={"sealed": _sealed(new, seal), "mark": seal.mark, "number": number, "expires": now + KEEP_SECONDS},
            remove=("lease", "renewing", "before", "refused"),
            when=[("renewing", Equals(item["renewing"]))],
        )
        for last in (*[False] * (STORES - 1), True):
            try:
                self.table.update(store)
                break
            except Conflict:  # the lease ran out, and another worker has renewed after us
                raise TemporaryError("the access token was renewed by two workers", after=LOOK) from None
            except TemporaryError:
                if last:
                    raise
                self.pause(LOOK)
        return new

    def _release(self, item: Item, *, settled: bool) -> None:
        """Give the lease back; unless `settled`, keep the mark of the unfinished renewal."""
        gone = ("lease", "before", "renewing") if settled else ("lease", "before")
        with suppress(Conflict, TemporaryError):  # the lease runs out by itself
            when = [("renewing", Equals(item["renewing"]))]
            self.table.update(Update((item["pk"], item["sk"]), remove=gone, when=when))

    def _seal(self, secret: Secret, place: str) -> Seal:
        name = (hashlib.sha256(secret.encode()).hexdigest(), place)
        if name not in self._seals:
            self._seals[name] = Seal(secret, place)
        return self._seals[name]

    def _now(self) -> int:
        return seconds(self.clock())


@dataclass(frozen=True, slots=True)
class ConnectionTokens:
    """The shared tokens of one connection (`contracts.connector.Tokens`)."""

    store: SharedTokens
    owner: str
    secrets: Secrets

    def __call__(self, secret: str, renew: Callable[[Secret], Token]) -> Secret:
        """Return the access token obtained with the secret of this name."""
        remedy = f"sign in again and store the new “{secret}” in the secret “{self.secrets.entry}”"
        return self.store.get(self._key(secret), self.secrets.one(secret), remedy, renew)

    def refused(self, secret: str, access: Secret) -> None:
        """Have a token renewed that the vendor rejects."""
        self.store.refuse(self._key(secret), access)

    def _key(self, secret: str) -> Key:
        return f"A#{compose(self.owner, secret)}", "TOKEN"


def _sealed(held: Held, seal: Seal) -> bytes:
    fields = {
        "access": held.access.reveal(), "held": held.held.reveal(), "renew_at": held.renew_at, "until": held.until,
    }  # fmt: skip
    return seal.close(json.dumps(fields))


def _opened(item: Item | None, seal: Seal) -> Held | None:
    """Return the token in an item; None if there is none, or the connection's secret has changed."""
    if item is None or item.get("mark") != seal.mark:
        return None
    data = json.loads(seal.open(item["sealed"]))
    number, refused = item["number"], item.get("refused") == item["number"]
    renew_at, until = (0, 0) if refused else (data["renew_at"], data["until"])
    return Held(Secret(data["access"]), Secret(data["held"]), number, renew_at, until)
