"""What customers wrote is shown, and no terminal obeys it."""

import json
import pathlib
import re

import pytest
from rich.panel import Panel
from rich.text import Text

from cli import terminal

HOSTILE = "hello \x1b]52;c;Y3VybA==\x07\x1b[2J\x1b[1;1H \x9b31m \x7f \r \u202eabc\u202c \u2066x\u2069 \u200f \u061c"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def shown_by_table():
    terminal.table(["words"], [[HOSTILE]])


def shown_by_print():
    terminal.console().print(HOSTILE)


def shown_as_text():
    terminal.console().print(Panel(Text(HOSTILE), title=HOSTILE))


def shown_as_json():
    terminal.json_line({"words": HOSTILE})


def shown_as_document():
    terminal.json_document({"words": HOSTILE})


def shown_as_complaint():
    terminal.complain(HOSTILE)


@pytest.mark.parametrize(
    "show", [shown_by_table, shown_by_print, shown_as_text, shown_as_json, shown_as_document, shown_as_complaint]
)
def test_no_way_of_showing_lets_a_control_through(capfd, show):
    show()
    out, err = capfd.readouterr()
    assert not OBEYED.findall(out + err)
    assert "hello" in out + err
    assert "\\u001b" in out + err


def test_json_says_the_same_words_after_all(capfd):
    terminal.json_line({"words": HOSTILE})
    assert json.loads(capfd.readouterr().out) == {"words": HOSTILE}


def test_ordinary_words_of_every_script_stay_as_they_are():
    assert terminal.escaped("Þökk 👩‍👩‍👧 متى\nשלום\tx") == "Þökk 👩‍👩‍👧 متى\nשלום\tx"


def test_no_command_makes_a_console_of_its_own():
    """Else what is shown there is not escaped."""
    files = [path for path in pathlib.Path(terminal.__file__).parent.glob("*.py") if path.name != "terminal.py"]
    assert files
    assert not [path.name for path in files if "Console(" in path.read_text()]
