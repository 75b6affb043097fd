"""Measure the judgement of messages on a folder of labelled JSON lines: `make care DATA=…`; docs/care.md explains.

Reads `language.jsonl` (lang, text, source), `care-messages.jsonl` and `care_messages.jsonl` (lang, label, text) and
all others with the labels positive and negative, or complaint and other, whichever is there: `make care DATA=tools`
measures our own messages.
"""

import hashlib
import json
import sys
from bisect import bisect_left, bisect_right
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
    for name in ("care-messages.jsonl", "care_messages.jsonl"):
        those = rows(folder / name)
        for use in sorted({row.get("use", "") for row in those}):
            print(name, use)
            of_messages([row for row in those if row.get("use", "") == use])
    for path in sorted(folder.glob("*.jsonl")):
        of_moods(path.stem, rows(path))


def of_messages(those: list[dict[str, str]]) -> None:
    """Print how kinds are told apart, for each language and for all of them."""
    pairs = [
        (row["lang"], "hot" if row["label"] in HOT else row["label"], judge(row["text"], expected=OURS))
        for row in those
    ]
    for lang in (*sorted({lang for lang, _, _ in pairs}), "all"):
        found = [
            (label, "hot" if judged.heat == "hot" else judged.kind)
            for each, label, judged in pairs
            if lang in {each, "all"}
        ]
        print(
            f"{lang}: hot found {_share(found, {'hot'}):.2f}, cold raised {_share(found, {'praise', 'mention'}):.2f},",
            f"questions raised {_share(found, {'question'}):.2f}, macro-F1 {_macro_f1(found):.2f}",
        )
    thanked = [label == "praise" for _, label, judged in pairs if judged.kind == "praise"]
    if thanked:
        print(f"precision of thanks {sum(thanked) / len(thanked):.2f} of {len(thanked)}")


def of_moods(name: str, those: list[dict[str, str]]) -> None:
    """Print whether unhappy texts are told from happy ones, and complaints from others."""
    labels = {row.get("label", "") for row in those}
    if not labels & {"positive"} and labels != {"complaint", "other"}:
        return
    expected = OURS if name[:2] in {tag[:2] for tag in OURS} else (name[:2], "en")
    judged = [(row["label"], judge(row["text"], expected=expected)) for row in those]
    if labels == {"complaint", "other"}:
        right = sum(label == "complaint" and each.heat == "hot" for label, each in judged)
        told = sum(each.heat == "hot" for _, each in judged) + sum(label == "complaint" for label, _ in judged)
        rest = sum(label == "other" and each.heat == "cold" for label, each in judged)
        cold = sum(each.heat == "cold" for _, each in judged) + sum(label == "other" for label, _ in judged)
        scores = (2 * right / max(1, told), 2 * rest / max(1, cold))
        print(f"{name}: F1 of complaints {scores[0]:.2f}, macro {sum(scores) / 2:.2f}")
        return
    happy, unhappy = ([each.mood for label, each in judged if label == mood] for mood in ("positive", "negative"))
    thanked = [label for label, each in judged if each.kind == "praise"]
    print(f"{name}: AUC {_auc(happy, unhappy):.3f}; thanked for {len(thanked)}, unhappy {thanked.count('negative')}")


def _share(found: list[tuple[str, str]], labels: set[str]) -> float:
    """Return the share of the messages with these labels that were judged hot."""
    those = [kind == "hot" for label, kind in found if label in labels]
    return sum(those) / max(1, len(those))


def _macro_f1(found: list[tuple[str, str]]) -> float:
    kinds = ("hot", "question", "praise", "mention")
    scores = []
    for kind in kinds:
        right = sum(label == given == kind for label, given in found)
        told = sum(label == kind for label, _ in found) + sum(given == kind for _, given in found)
        scores.append(2 * right / max(1, told))
    return sum(scores) / len(kinds)


def _auc(happy: list[float], unhappy: list[float]) -> float:
    ranked = sorted(unhappy)
    above = sum(bisect_left(ranked, mood) + bisect_right(ranked, mood) for mood in happy) / 2
    return above / max(1, len(happy) * len(unhappy))


if __name__ == "__main__":
    main()
