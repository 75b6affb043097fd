"""Measure the judgement of messages on a folder of labelled JSON lines: `make care DATA=…`; docs/care.md explains.

Reads `language.jsonl` (lang, text, source) and `care-messages.jsonl` (lang, label, text), whichever is there.
"""

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

from deskwire.care.judge import judge
from deskwire.care.languages import detect

OURS = ("is", "fa", "sr-Latn", "sr-Cyrl", "sq", "pl", "en")
HOT = {"complaint", "urgent", "outage"}


def rows(path: Path) -> list[dict[str, str]]:
    """Return a file's objects; none where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> None:
    """Print the figures."""
    folder = Path(sys.argv[1])
    right: Counter[tuple[str, int]] = Counter()
    asked: Counter[tuple[str, int]] = Counter()
    for row in rows(folder / "language.jsonl"):
        trained = row["source"].startswith(("lingua", "xed"))
        if trained and hashlib.sha256(row["text"].strip().encode()).digest()[0] % 5:
            continue  # may have been trained on
        if row["lang"] in {"hr", "bs"}:
            continue  # counted as kin of sr-Latn
        length = sum(len(row["text"]) > most for most in (10, 25, 60))
        kind = "right" if row["lang"] in OURS else "strangers taken"
        found = detect(row["text"], expected=OURS)
        asked[kind, length] += 1
        right[kind, length] += found == row["lang"] if kind == "right" else found in OURS
    for kind in ("right", "strangers taken"):
        print(kind, *(f"{right[kind, length] / max(1, asked[kind, length]):.2f}" for length in range(4)))
    heat: Counter[tuple[str, str, str]] = Counter()
    for row in rows(folder / "care-messages.jsonl"):
        label = "hot" if row["label"] in HOT else row["label"]
        heat[row["lang"], label, judge(row["text"], expected=OURS).heat] += 1
    for lang, label in sorted({(lang, label) for lang, label, _ in heat}):
        print(
            lang,
            label,
            "judged hot",
            heat[lang, label, "hot"],
            "of",
            sum(heat[lang, label, h] for h in ("hot", "cold")),
        )


if __name__ == "__main__":
    main()
