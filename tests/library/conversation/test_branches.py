"""No function of the conversation takes more branches than a reader keeps in mind."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import deskwire.conversation

MOST = 10
FOLDER = Path(deskwire.conversation.__file__).parent
ONE_EACH = (ast.If, ast.IfExp, ast.For, ast.While, ast.ExceptHandler, ast.comprehension, ast.match_case, ast.Assert)
FUNCTIONS = [
    (f"{path.stem}.{node.name}", node)
    for path in sorted(FOLDER.glob("*.py"))
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.FunctionDef)
]


def complexity(function):
    """Return McCabe's number, in which each `and`, `or` and condition of a comprehension counts, too."""
    found = 1
    for node in ast.walk(function):
        if isinstance(node, ONE_EACH):
            found += 1
        if isinstance(node, ast.comprehension):
            found += len(node.ifs)
        if isinstance(node, ast.BoolOp):
            found += len(node.values) - 1
    return found


@pytest.mark.parametrize(("name", "function"), FUNCTIONS, ids=[name for name, _ in FUNCTIONS])
def test_a_function_has_no_more_than_ten_branches(name, function):
    assert complexity(function) <= MOST


def test_each_kind_of_branch_is_counted():
    text = "def f(a, b):\n if a and b:\n  return [x for x in a if x or b]\n return 1 if a else 2"
    assert complexity(ast.parse(text).body[0]) == 7


def test_what_a_thread_will_be_is_asked_of_a_thread():
    """Not of a dictionary of changes, by a field's name and with the field as it was for a default."""
    assert [path.name for path in sorted(FOLDER.glob("*.py")) if "changes.get(" in path.read_text()] == []
