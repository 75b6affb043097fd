"""Fit the weights of a hot message's signs: `python tools/care_weights.py SENTENCES`; docs/care.md explains.

Reads our own labelled messages (`care_messages.jsonl`, those for fitting) and, as examples of what is cold, sentences
of the news: SENTENCES is the folder `language-testdata/sentences` of pemistahl/lingua-py. A third of the phrases is
hidden at random in each of six copies of a message, so that the signs that need no phrase get their due. Prints the
weights that `judge.WEIGHTS` declares, rounded there by hand, and how each language fares when it was left out.
"""

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from deskwire.care import judge
from deskwire.care.languages import Language
from deskwire.care.phrasebook import phrasebook
from deskwire.care.signs import counts, said

OURS = ("is", "fa", "sr", "sq", "pl", "en")
HOT = {"complaint", "urgent", "outage"}
HIDDEN = ("trouble", "urgent", "complaint", "perhaps", "many", "praise")
NAMES = [name for name in judge.WEIGHTS if name not in {"poor rating", "good rating", "company", "again", "sad"}]
COPIES, HIDE, NEWS = 6, 0.35, 0.2  # copies of a message, share of the phrases hidden, weight of a news sentence


class Sample(NamedTuple):
    """A message with its signs."""

    language: str
    hot: bool
    news: bool
    text: str


def samples(sentences: Path) -> list[Sample]:
    """Return what is fitted."""
    lines = (Path(__file__).parent / "care_messages.jsonl").read_text("utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["use"] == "fit"]
    found = [Sample(row["lang"].split("-")[0], row["label"] in HOT, news=False, text=row["text"]) for row in rows]
    for language in OURS:
        news = (sentences / f"{language}.txt").read_text("utf-8").splitlines()
        kept = [text for text in news if hashlib.sha256(text.strip().encode()).digest()[0] % 5 and len(text) < 120]
        found += [Sample(language, hot=False, news=True, text=text) for text in kept[:300]]
    return found


def signs(sample: Sample, hide: Callable[[int], int]) -> list[float]:
    """Return how often each sign is seen, after some phrases were hidden."""
    book = phrasebook(sample.language)
    if book is None:
        raise SystemExit(f"there are no phrases of {sample.language}")
    seen = said(sample.text, book, Language(sample.language))
    for section in HIDDEN:
        phrases = sorted(set(seen.found[section]))
        seen.found[section] = phrases[: hide(len(phrases))]
    count = counts(seen)
    return [float(count.get(name, 0)) for name in NAMES]


def fitted(rows: np.ndarray, hot: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """Return the weights and, last, the constant of a logistic regression."""

    def loss(guess: np.ndarray) -> tuple[float, np.ndarray]:
        logits = rows @ guess[:-1] + guess[-1]
        error = importance * (1 / (1 + np.exp(-logits)) - hot)
        whole = (importance * (np.logaddexp(0, logits) - hot * logits)).sum() + (guess[:-1] ** 2).sum() / 2
        return float(whole), np.r_[rows.T @ error + guess[:-1], error.sum()]

    return np.asarray(minimize(loss, np.zeros(rows.shape[1] + 1), jac=True).x)


def main() -> None:
    """Print the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sentences", type=Path)
    those = samples(parser.parse_args().sentences)
    chance = np.random.default_rng(3)
    copies = [(each, signs(each, lambda n: int(chance.binomial(n, 1 - HIDE)))) for each in those * COPIES]
    rows = np.array([row for _, row in copies])
    hot = np.array([float(each.hot) for each, _ in copies])
    importance = np.array([(NEWS if each.news else 1.0) / COPIES for each, _ in copies])
    weights = fitted(rows, hot, importance)
    for name, weight in zip(NAMES, weights, strict=False):
        print(f"{name:16}{weight:6.2f}   declared {judge.WEIGHTS[name]:.1f}")
    print(f"{'HOT':16}{-weights[-1]:6.2f}   declared {judge.HOT:.1f}")
    for language in OURS:
        left = np.array([each.language != language for each, _ in copies])
        other = fitted(rows[left], hot[left], importance[left])
        whole = [(each, np.array(signs(each, int)) @ other[:-1] + other[-1] > 0) for each in those]
        asked = [found for each, found in whole if each.language == language and each.hot]
        raised = [found for each, found in whole if each.language == language and not each.hot and not each.news]
        print(f"{language} left out: hot found {np.mean(asked):.2f}, cold and questions raised {np.mean(raised):.2f}")


if __name__ == "__main__":
    main()
