"""Weighted tables of letter groups: how they are hashed, stored and summed. No dependency, no floats until the end.

A table holds, for each class, one signed byte a bucket. `tools/care_model.py` writes it, with the same `grams` as here,
so that what was trained is what is asked.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from math import exp, sqrt

LONGEST = 4  # letters in a group
_HEAD = struct.Struct("<HHf")  # classes, bits of a bucket, the scale of a weight


def grams(words: Iterable[str], bits: int, *, whole: bool = False, seed: str = "") -> list[int]:
    """Return the buckets of the words' groups of one to four letters.

    `whole` adds each word and each pair of words; `seed` keeps the groups of one language apart from another's.
    """
    mask = (1 << bits) - 1
    found: list[str] = []
    before = ""
    for word in words:
        padded = f" {word} "
        length = len(padded)
        found += word
        for size in range(2, LONGEST + 1):
            found += [padded[start : start + size] for start in range(length - size + 1)]
        if whole:
            found += (f"={word}", f"{before}_{word}")
            before = word
    start = zlib.crc32(seed.encode())
    return [zlib.crc32(gram.encode(), start) & mask for gram in found]


@dataclass(frozen=True, slots=True)
class Table:
    """The weights of some classes: signed bytes, one a bucket and class, and one constant a class."""

    names: tuple[str, ...]
    bits: int
    scale: float
    constants: tuple[float, ...]
    weights: tuple[memoryview, ...]

    def scores(self, buckets: Sequence[int], among: Iterable[str] | None = None) -> dict[str, float]:
        """Return each class's logit for these buckets: 0 for all of them says nothing."""
        asked = self.names if among is None else tuple(name for name in self.names if name in set(among))
        factor = self.scale / sqrt(len(buckets) or 1)
        return {
            name: self.constants[place] + factor * sum(map(self.weights[place].__getitem__, buckets))
            for place, name in enumerate(self.names)
            if name in asked
        }


def shares(scores: dict[str, float]) -> dict[str, float]:
    """Return logits as shares that sum to one."""
    highest = max(scores.values(), default=0.0)
    powers = {name: exp(score - highest) for name, score in scores.items()}
    whole = sum(powers.values())
    return {name: power / whole for name, power in powers.items()}


def load(name: str) -> Table:
    """Read a table of this package: `language` or `polarity`. Takes 10 to 20 ms."""
    return unpacked(files(__package__).joinpath("tables", f"{name}.bin").read_bytes())


def packed(table: Table) -> bytes:
    """Return a table as the bytes that `load` reads."""
    head = _HEAD.pack(len(table.names), table.bits, table.scale)
    names = " ".join(table.names).encode()
    constants = struct.pack(f"<{len(table.names)}f", *table.constants)
    body = b"".join(bytes(row) for row in table.weights)
    return head + struct.pack("<H", len(names)) + names + constants + zlib.compress(body, 9)


def unpacked(data: bytes) -> Table:
    """Return the table that `packed` wrote."""
    count, bits, scale = _HEAD.unpack_from(data)
    place = _HEAD.size
    (length,) = struct.unpack_from("<H", data, place)
    place += 2
    names = tuple(data[place : place + length].decode().split(" "))
    place += length
    constants = struct.unpack_from(f"<{count}f", data, place)
    body = memoryview(zlib.decompress(data[place + 4 * count :])).cast("b")
    size = 1 << bits
    rows = tuple(body[index * size : (index + 1) * size] for index in range(count))
    return Table(names, bits, scale, constants, rows)
