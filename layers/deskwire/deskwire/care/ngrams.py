"""Weighted tables of letter groups: how they are hashed, stored and summed. No dependency, no floats until the end.

A table holds one byte for each bucket and class. `tools/care_model.py` writes it, with the same `grams` as here,
so that what was trained is what is asked.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from math import exp, sqrt
from operator import add

LONGEST = 4  # letters in a group
_ZERO = 128  # the byte of a weight that says nothing
_BEFORE_OVERFLOW = 256  # bytes of at most 255 whose sum fits in 16 bits
_HEAD = struct.Struct("<HHf")  # classes, bits of a bucket, the scale of a weight


def grams(words: Iterable[str], bits: int, *, whole: bool = False, pairs: bool = False, seed: str = "") -> list[int]:
    """Return the buckets of the words' groups of one to four letters.

    `whole` adds each word, `pairs` each pair of words; `seed` keeps the groups of one language apart from another's.
    """
    mask = (1 << bits) - 1
    start = zlib.crc32(seed.encode())
    found: list[int] = []
    before = ""
    for word in words:
        found += _of_word(word, mask, start, whole)
        if pairs:
            found.append(zlib.crc32(f"{before}_{word}".encode(), start) & mask)
            before = word
    return found


@lru_cache(maxsize=4096)
def _of_word(word: str, mask: int, start: int, whole: bool) -> tuple[int, ...]:  # noqa: FBT001 - a cached function's key
    padded = f" {word} "
    length = len(padded)
    found = [*word]
    for size in range(2, LONGEST + 1):
        found += [padded[place : place + size] for place in range(length - size + 1)]
    if whole:
        found.append(f"={word}")
    return tuple([zlib.crc32(gram.encode(), start) & mask for gram in found])


@dataclass(frozen=True, slots=True)
class Table:
    """The weights of some classes: one byte a bucket and class (128 is zero), bucket by bucket, and a constant a class.

    A bucket's bytes are added as two long integers, every other byte in each, so that the sums have room: one addition
    adds the weights of all classes, forty times as fast in Python as class by class.
    """

    names: tuple[str, ...]
    bits: int
    scale: float
    constants: tuple[float, ...]
    rows: bytes

    def scores(self, buckets: Sequence[int]) -> dict[str, float]:
        """Return each class's logit for these buckets: 0 for all of them says nothing."""
        count, rows, read = len(self.names), self.rows, int.from_bytes
        every_other = read(b"\xff\0" * ((count + 1) // 2), "little")
        sums = [0] * count
        for start in range(0, len(buckets), _BEFORE_OVERFLOW):
            even = odd = 0
            for bucket in buckets[start : start + _BEFORE_OVERFLOW]:
                row = read(rows[count * bucket : count * bucket + count], "little")
                even += row & every_other
                odd += row >> 8 & every_other
            sums[::2] = map(add, sums[::2], _parted(even, (count + 1) // 2))
            sums[1::2] = map(add, sums[1::2], _parted(odd, count // 2))
        factor = self.scale / sqrt(len(buckets) or 1)
        zero = _ZERO * len(buckets)
        return {
            name: constant + factor * (whole - zero)
            for name, constant, whole in zip(self.names, self.constants, sums, strict=True)
        }


def _parted(sums: int, count: int) -> tuple[int, ...]:
    """Return the numbers of 16 bits that stand side by side in a long integer."""
    return struct.unpack(f"<{count}H", sums.to_bytes(2 * count, "little"))


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
    return head + struct.pack("<H", len(names)) + names + constants + zlib.compress(table.rows, 9)


def unpacked(data: bytes) -> Table:
    """Return the table that `packed` wrote."""
    count, bits, scale = _HEAD.unpack_from(data)
    place = _HEAD.size
    (length,) = struct.unpack_from("<H", data, place)
    place += 2
    names = tuple(data[place : place + length].decode().split(" "))
    place += length
    constants = struct.unpack_from(f"<{count}f", data, place)
    return Table(names, bits, scale, constants, zlib.decompress(data[place + 4 * count :]))
