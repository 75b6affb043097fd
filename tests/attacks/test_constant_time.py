"""What a stranger guesses at is compared in constant time, everywhere: read from the code itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import deskwire

PACKAGE = Path(deskwire.__file__).parent
# What makes a value that nobody may learn by measuring: a secret shown, a MAC made, a signature computed.
SOURCES = {"reveal", "_signature"}
MAKERS = {"hmac.digest", "hmac.new", "hmac.HMAC"}


def bears(node, names):  # noqa: C901, PLR0911 - one line for each kind of expression
    """Tell whether an expression is something secret or made of it (what a call returns for it is not)."""
    match node:
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=function):
            name = ast.unparse(function)
            if name in MAKERS or re.fullmatch(r"secrets\.(one|every)", name):
                return True
            if not isinstance(function, ast.Attribute):
                return False
            return function.attr in SOURCES or bears(function.value, names)
        case ast.BinOp(left=left, right=right):
            return bears(left, names) or bears(right, names)
        case ast.Subscript(value=value) | ast.Attribute(value=value) | ast.Starred(value=value):
            return bears(value, names)
        case ast.FormattedValue(value=value) | ast.NamedExpr(value=value):
            return bears(value, names)
        case ast.JoinedStr(values=values) | ast.BoolOp(values=values):
            return any(bears(value, names) for value in values)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return any(bears(part, names) for part in parts)
        case ast.ListComp(elt=element) | ast.SetComp(elt=element) | ast.GeneratorExp(elt=element):
            return bears(element, names)
    return False


def tainted(function):
    """Return the names in a function that hold something secret, followed through assignments and loops."""
    names = set()
    for _ in range(4):
        for node in ast.walk(function):
            match node:
                case ast.Assign(targets=targets, value=value) if bears(value, names):
                    pass
                case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value) if (
                    value is not None and bears(value, names)
                ):
                    targets = [target]
                case ast.For(target=target, iter=source) | ast.comprehension(target=target, iter=source) if bears(
                    source, names
                ):
                    targets = [target]
                case _:
                    continue
            names |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return names


def comparisons(tree):
    """Yield (line, text) of each comparison by ==, != or in of something secret."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        names = tainted(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Compare) and any(
                isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for operator in node.ops
            ):
                sides = [node.left, *node.comparators]
                if any(bears(side, names) for side in sides):
                    yield node.lineno, ast.unparse(node)


# Only these decide whether somebody is let in; connections' tokens (behind the queue) are sent, never compared.
DOORS = ["verification", "receiving", "families", "channels", "helpdesks"]
FILES = sorted(path for door in DOORS for path in (PACKAGE / door).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_secret_is_compared_openly(path):
    assert list(comparisons(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_the_rules_compare_in_constant_time():
    text = "".join((PACKAGE / "verification" / name).read_text(encoding="utf-8") for name in ("rule.py", "hmac.py"))
    assert text.count("hmac.compare_digest(") == 2


def test_an_open_comparison_would_be_found():
    code = """
def verify(self, request, secrets):
    for key in secrets.every(self.secret):
        wanted = self._signature(key, "", request.body)
        if given == wanted:
            return {}
"""
    assert [text for _, text in comparisons(ast.parse(code))] == ["given == wanted"]
    assert list(comparisons(ast.parse("def f(a):\n    return a == hmac.digest(b'', b'', 'sha256')")))
    assert list(comparisons(ast.parse("def f(a, s):\n    return a in (s.reveal(),)")))


def test_all_secrets_of_a_rotation_are_compared_whichever_fits():
    """No early end: which of two secrets fits cannot be told from the time either."""
    tree = ast.parse((PACKAGE / "verification" / "hmac.py").read_text(encoding="utf-8"))
    verify = next(
        node for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "verify" and "compare_digest" in ast.unparse(node)
    )  # fmt: skip
    lists = [node for node in ast.walk(verify) if isinstance(node, ast.ListComp)]
    assert any("compare_digest" in ast.unparse(node) for node in lists)
