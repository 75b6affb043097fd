"""Measure declared answers on labelled questions: `make answers DATA=…`; docs/care.md explains.

Reads `en-banking77.jsonl` (label, text) and, as strangers, `en-complaints19.jsonl` and `en-airline.jsonl`, whichever is
there. Intents are halved by a hash of their name.
"""

import hashlib
import json
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path

from deskwire.care.answers import NEAR, Answer, Matcher
from deskwire.care.judge import judge

DRAWS = 12
DECLARED = 15  # answers a draw
STRANGERS = 100  # of each file of strangers, a draw
SETS = ((5, 0), (8, 0), (8, 2))  # questions of each answer, and of each other intent declared as unlike


def rows(path: Path) -> list[dict[str, str]]:
    """Return a file's objects; none where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> None:
    """Print the figures."""
    folder = Path(sys.argv[1])
    intents: dict[str, list[str]] = defaultdict(list)
    for row in rows(folder / "en-banking77.jsonl"):
        intents[row["label"]].append(row["text"])
    far = [[row["text"] for row in rows(folder / f"{name}.jsonl")] for name in ("en-complaints19", "en-airline")]
    print("half, questions, unlike: right of what could be answered | wrong: another answer, other intents, strangers")
    for half in (0, 1):
        names = sorted(name for name in intents if hashlib.sha256(name.encode()).digest()[0] % 2 == half)
        pool = {name: intents[name] for name in names if len(intents[name]) > max(known for known, _ in SETS)}
        for known, unlike in SETS:
            found: Counter[str] = Counter()
            for seed in range(DRAWS):
                found += draw(random.Random(100 + seed), pool, far, known, unlike)  # noqa: S311 - draws to be repeated
            tell(("first half", "second half")[half], known, unlike, found)


def draw(
    chance: random.Random, pool: dict[str, list[str]], far: list[list[str]], known: int, unlike: int
) -> Counter[str]:
    """Declare some of the intents, ask all else there is, and count what came of it."""
    declared = set(chance.sample(sorted(pool), DECLARED))
    questions = {name: chance.sample(those, len(those)) for name, those in pool.items()}
    others = [text for name, those in questions.items() if name not in declared for text in those[:unlike]]
    answers = {
        name: Answer.model_validate(
            {
                "questions": questions[name][:known],
                "unlike": others if name == min(declared) else (),
                "answer": {"en": "…"},
            }
        )
        for name in declared
    }
    matcher = Matcher(answers)
    found: Counter[str] = Counter()
    for name, those in questions.items():
        for text in those[known if name in declared else unlike :]:
            kind = "declared" if name in declared else "other"
            found[kind] += 1
            if given := matcher.match(text):
                found["right" if given.name == name else f"wrong {kind}"] += 1
            elif kind == "declared":
                found["hot"] += judge(text, expected=("en",)).heat == "hot"
    for texts in far:
        for text in chance.sample(texts, min(STRANGERS, len(texts))):
            found["far"] += 1
            found["wrong far"] += matcher.match(text) is not None
    return found


def tell(half: str, known: int, unlike: int, found: Counter[str]) -> None:
    """Print what a set of draws came to."""
    wrong = [found[f"wrong {kind}"] for kind in ("declared", "other", "far")]
    given = found["right"] + sum(wrong)
    print(
        f"{half}, {known}, {unlike}: {found['right']} of {found['declared']} ({found['right'] / found['declared']:.3f};"
        f" {found['hot']} were hot) | wrong {sum(wrong)} of {given} given ({sum(wrong) / max(1, given):.3f}): "
        f"{wrong[0]}, {wrong[1]} of {found['other']}, {wrong[2]} of {found['far']}; bar {NEAR}"
    )


if __name__ == "__main__":
    main()
