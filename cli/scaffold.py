"""`deskwire new`: begins a connector with all its files, so that the conformance suite passes from the first minute.

Plain text replacement: the templates say `__NAME__`, `__SLUG__`, `__CLASS__`, `__TITLE__` and `__TODAY__`. Captures are
signed by the new module's own rule, and expected results are what it makes of them: check them against the platform's
pages.
"""

from __future__ import annotations

import importlib.util
import json
import keyword
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deskwire import registry
from deskwire.model.secret import Secrets
from deskwire.web.request import Request

from .capturing import captured, expected
from .terminal import UserError, console

if TYPE_CHECKING:
    import argparse

    from deskwire.contracts.connector import Connector

TEMPLATES = Path(__file__).with_name("templates")
SECRET = {"signing_secret": "invented-signing-secret"}
ANOTHER = {"signing_secret": "another-invented-secret"}
REFUSED = "signed-with-another-secret"
RECEIVED = datetime(2026, 11, 2, 9, 20, 1, tzinfo=UTC)
PLAYED = {"channel": "platforms", "helpdesk": "helpdesks"}
RULES = {"channel": "C1 to C18", "helpdesk": "H1 to H11 and those of the C rules that hold for helpdesks"}


def run(args: argparse.Namespace) -> int:
    """Write the files and print the next steps."""
    root, side, name = Path(args.root), args.side, args.name
    _check(root, side, name)
    words = {
        "__NAME__": name, "__SLUG__": name.replace("_", "-"), "__CLASS__": _class(name),
        "__TITLE__": _title(name), "__TODAY__": _today(),
    }  # fmt: skip
    module = root / "layers" / "deskwire" / "deskwire" / f"{side}s" / f"{name}.py"
    test = root / "tests" / "connectors" / name / f"test_{name}.py"
    files = {module: _template(side, "module.py.txt", words), test: _template(side, "test.py.txt", words)}
    files |= _played(root, side, name, words)
    existing = [path for path in files if path.exists()]
    existing += [folder for folder in _folders(root, name) if folder.is_dir() and any(folder.glob("*.json"))]
    if existing:
        raise UserError(f"{existing[0]} is there already: nothing was written", status=2)
    for path, text in files.items():
        _write(path, text)
    try:
        files |= dict(_data(root, side, name, module, words))
    except Exception:
        for path in files:
            path.unlink(missing_ok=True)
        raise
    for path, text in files.items():
        _write(path, text)
    _tell(root, side, name, sorted(files))
    return 0


def _check(root: Path, side: str, name: str) -> None:
    if not (root / "layers" / "deskwire" / "deskwire" / f"{side}s").is_dir():
        raise UserError(f"{root.resolve()} is no checkout of Deskwire: go there, or give --root", status=2)
    if not registry.NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UserError(f"“{name}” is no name: use the product's in lower case, letters, digits and _", status=2)
    if name in {*registry.channel_names(), *registry.helpdesk_names()}:
        raise UserError(f"there is a connector “{name}” already", status=2)


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _title(name: str) -> str:
    return " ".join(part.capitalize() for part in name.split("_"))


def _today() -> str:
    today = date.today()  # noqa: DTZ011 - the day on which somebody at this desk looks things up
    return f"{today.year}, {today.month}, {today.day}"


def _template(side: str, name: str, words: Mapping[str, str]) -> str:
    text = (TEMPLATES / side / name).read_text(encoding="utf-8")
    for token, word in words.items():
        text = text.replace(token, word)
    return text


def _played(root: Path, side: str, name: str, words: Mapping[str, str]) -> dict[Path, str]:
    """Return the files of the folder that plays the platform or helpdesk in the sandbox."""
    folder = root / "sandbox" / PLAYED[side] / name
    files = {folder / "__init__.py": f'"""{words["__TITLE__"]}, played."""\n'}
    for template in sorted((TEMPLATES / side / "sandbox").glob("*.py.txt")):
        files[folder / template.name.removesuffix(".txt")] = _template(side, f"sandbox/{template.name}", words)
    return files


def _folders(root: Path, name: str) -> tuple[Path, Path, Path]:
    tests = root / "tests"
    return root / "events" / name, tests / "expected" / name, tests / "exchanges" / name


def _data(root: Path, side: str, name: str, module: Path, words: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield the captures, the expected results and the exchanges, each with its file."""
    connector = _load(side, name, module)
    events, folder, exchanges = _folders(root, name)
    yield events / "secrets.json", _json(SECRET)
    yield events / "needed.json", _template(side, "needed.json", {})
    captures = json.loads(_template(side, "captures.json", {}))
    for number, (what, body) in enumerate(captures.items()):
        request = Request(
            method="POST", endpoint=name, body=json.dumps(body, ensure_ascii=False).encode(),
            headers={"content-type": "application/json"}, received_at=RECEIVED + timedelta(seconds=number),
        )  # fmt: skip
        capture = captured(connector, request, Secrets(ANOTHER if what == REFUSED else SECRET))
        result = {"error": "SignatureError"} if what == REFUSED else expected(connector, capture, Secrets(SECRET), {})
        yield events / f"{what}.json", _json(capture)
        yield folder / f"{what}.json", _json(result)
    for what, exchange in json.loads(_template(side, "exchanges.json", words)).items():
        yield exchanges / f"{what}.json", _json(exchange)
    if (TEMPLATES / side / "asked.json").exists():
        yield exchanges / "needed.json", _template(side, "asked.json", {})


def _load(side: str, name: str, module: Path) -> Connector:
    spec = importlib.util.spec_from_file_location(f"deskwire.{side}s.{name}", module)
    if spec is None or spec.loader is None:
        raise UserError(f"{module} cannot be loaded")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    connector: Connector = getattr(loaded, _class(name))()
    return connector


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _tell(root: Path, side: str, name: str, files: list[Path]) -> None:
    out = console()
    for path in files:
        out.print(path.relative_to(root))
    out.print(f"""
{len(files)} files. All of it passes now, and all of it is invented. What to do next:

  1. The module's docstring: set-up, signature, secrets and limits as the platform's pages say, each with its link.
  2. `verification`, then a vector from outside in tests/connectors/{name}/test_{name}.py.
  3. Replace events/{name}/*.json by captured requests (invent the people in them), one after the other, and
     tests/expected/{name}/ by what each must become:  deskwire capture {name} text body.json --force  makes both.
  4. The contract's figures, each with its page and the day you read it, and `confirmed=False` off where it says so.
  5. tests/exchanges/{name}/: every call with the platform's own answers.
  6. sandbox/{PLAYED[side]}/{name}/: play the vendor as its pages say, strict where it is;  make sandbox  runs it, and
     deskwire send-capture events/{name}/<what>.json  delivers a capture into it.
  7. What the platform cannot do: `known_gaps = {{"C12": "why"}}` on the class.

The suite ({RULES[side]}) and all else that is asked of one connector. Renews the generated pages, says what is missing:
  make connector NAME={name}""")
