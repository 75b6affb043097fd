"""The keys that encrypt the archive's words: one for each person, one for the company's words in a conversation.

A key is made when the first line needs it, and stored only in the table. Destroying it erases words in a chain that
must not change. A line names its key by a random name, which identifies nobody once the key is gone.

Each line's words are encrypted with a key derived from that key and a salt, which is also stored only in the table:
destroying the salt erases one line, as a platform's terms or a deleted message require.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deskwire import registry
from deskwire.model.errors import TemporaryError
from deskwire.model.keys import compose, digest
from deskwire.ports import Absent, Condition, Conflict, Delete, Equals, Item, Key, Put, Table, Update
from deskwire.timing import KEEP_SECONDS

NONCE = 12  # bytes, as GCM has it
SALT = 16  # bytes
DAY = 86_400
ERASURES = 3  # attempts to destroy a key that is made or renewed this moment


def person(channel: str, author: str) -> str:
    """Return the owner's name for a person's words; the id may be spelt as in events or by an operator."""
    return digest(compose("person", channel, registry.identity(channel, author)))[:32]


def conversation(thread_key: str) -> str:
    """Return the owner's name for the company's words in a conversation."""
    return digest(compose("conversation", thread_key))[:32]


def owner_item(owner: str) -> Key:
    """Return the table's key for an owner's item: the name of their key, and until when their words were erased."""
    return (f"Y#{owner}", "OWNER")


def key_item(name: str) -> Key:
    """Return the table's key for an encryption key, by its name in the lines."""
    return (f"Y#{name}", "KEY")


def salt_item(about: str, line: str) -> Key:
    """Return the table's key for a line's salt, by the line's fields `object` and `id`."""
    return (f"Z#{about}", f"SALT#{line}")


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key and its name; its `repr` hides the key."""

    name: str
    secret: bytes = field(repr=False)

    def seal(self, line: str, words: Mapping[str, Any], salt: bytes, nonce: bytes) -> str:
        """Return the words encrypted for the line with this id, with a salt."""
        plain = json.dumps(words, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return base64.b64encode(nonce + self._of(salt).encrypt(nonce, plain, line.encode())).decode()

    def open(self, line: str, sealed: str, salt: bytes) -> Mapping[str, Any] | None:
        """Return the decrypted words of the line with this id; None if they were not encrypted so."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            plain = self._of(salt).decrypt(raw[:NONCE], raw[NONCE:], line.encode())
            words = json.loads(plain.decode("utf-8", "surrogatepass"))
        except (InvalidTag, ValueError):
            return None
        return words if isinstance(words, dict) else None

    def _of(self, salt: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self.secret, salt, "sha256"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys in the table. Use an instance for one batch only: a cached key may be destroyed meanwhile.

    `days`: how long lines are kept; a key is kept a month longer than the last line that needs it.
    """

    table: Table
    days: int
    random: Callable[[int], bytes] = secrets.token_bytes
    _known: dict[str, tuple[SealingKey | None, int, str]] = field(init=False, default_factory=dict)

    def key(self, owner: str, written: int, now: int) -> SealingKey | None:
        """Return the key for a message recorded at this time (Unix seconds); None if it was erased since.

        Raises `TemporaryError` if another worker makes or destroys it at this moment.
        """
        if owner not in self._known:
            self._known[owner] = self._found(owner, now)
        key, erased_at, expired = self._known[owner]
        if written <= erased_at:
            return None
        if key is None:
            key = self._made(owner, erased_at, expired, now)
            self._known[owner] = (key, erased_at, "")
        return key

    def salt(self, about: str, line: str, until: int) -> bytes:
        """Return the salt of a line's words, made on first use; it expires at `until` (Unix seconds)."""
        pk, sk = salt_item(about, line)
        made = self.random(SALT)
        try:
            self.table.put(Put({"pk": pk, "sk": sk, "salt": made, "expires": until}, when=[("pk", Absent())]))
        except Conflict as conflict:  # an earlier attempt made it: the line may be in the chain with that one
            made = bytes((conflict.item or {})["salt"])
        return made

    def until(self, now: int) -> int:
        """Return until when a line written now needs its key and its salt (Unix seconds)."""
        return now + (self.days + 31) * DAY

    def _found(self, owner: str, now: int) -> tuple[SealingKey | None, int, str]:
        """Return an owner's key, until when their words were erased, and the name of an expired key."""
        row = self.table.get(owner_item(owner)) or {}
        name, erased_at = str(row.get("key", "")), int(row.get("erased_at", 0))
        held = self.table.get(key_item(name)) if name else None
        if held is None:
            return None, erased_at, name
        if int(row.get("expires", 0)) < now + self.days * DAY:
            self._prolong(owner, held, now)
        return SealingKey(name, bytes(held["secret"])), erased_at, ""

    def _prolong(self, owner: str, held: Item, now: int) -> None:
        """Extend a key's expiry, once a month, unless it was destroyed meanwhile."""
        name, until = held["pk"][2:], {"expires": self.until(now)}
        renewed = [
            Update(owner_item(owner), set=until, when=[("key", Equals(name))]),
            Update(key_item(name), set=until, when=[("secret", Equals(held["secret"]))]),
        ]
        try:
            self.table.transact(renewed)
        except Conflict:
            raise TemporaryError("a key was destroyed meanwhile") from None

    def _made(self, owner: str, erased_at: int, expired: str, now: int) -> SealingKey:
        """Make an owner's key, unless an erasure was noted since the read: the words to seal are from before it."""
        made = SealingKey(self.random(16).hex(), self.random(32))
        pk, sk = key_item(made.name)
        held = {"pk": pk, "sk": sk, "secret": made.secret, "expires": self.until(now)}
        unnamed: Condition = Equals(expired) if expired else Absent()
        unerased: Condition = Equals(erased_at) if erased_at else Absent()
        owning = Update(
            owner_item(owner),
            set={"key": made.name, "expires": self.until(now)},
            when=[("key", unnamed), ("erased_at", unerased)],
        )
        try:
            self.table.transact([owning, Put(held)])
        except Conflict:
            raise TemporaryError("another worker makes or destroys the same key") from None
        return made


def named(table: Table, name: str) -> SealingKey | None:
    """Return the key with this name in the lines; None if it was destroyed."""
    held = table.get(key_item(name))
    return None if held is None else SealingKey(name, bytes(held["secret"]))


def name_of(table: Table, owner: str) -> str:
    """Return the name of an owner's key, "" if there is none."""
    return str((table.get(owner_item(owner)) or {}).get("key", ""))


def destroy(table: Table, owner: str, now: int, counted: Sequence[Update] = ()) -> None:
    """Destroy an owner's key, if there is one, and count it in the same write.

    Their words from before are never archived later: records still in the table's stream find the note about the
    erasure, which is kept for a month. Raises `TemporaryError`.
    """
    for _ in range(ERASURES):
        name = name_of(table, owner)
        noted = Update(
            owner_item(owner),
            set={"erased_at": now, "expires": now + KEEP_SECONDS},
            remove=["key"],
            when=[("key", Equals(name) if name else Absent())],
        )
        gone: list[Delete | Update] = [Delete(key_item(name)), *counted] if name else []
        try:
            table.transact([noted, *gone])
        except Conflict:
            continue
        return
    raise TemporaryError("a key is being made this moment: run it again")
