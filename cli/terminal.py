"""Output of the command: JSON lines for scripts, rich text for people, errors without a traceback."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

# A terminal obeys the C0 and C1 controls (titles, the clipboard, what stands above), or shows words in another order
# than they are in; much that splits text into lines takes the last two for line ends. Shown are their numbers.
CONTROLS = (*range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A),
            0x2028, 0x2029)  # fmt: skip
ESCAPED = {code: f"\\u{code:04x}" for code in CONTROLS if chr(code) not in "\n\t"}


class UserError(Exception):
    """An error that the person at the terminal can correct, printed as one sentence without a traceback."""

    def __init__(self, message: str, *, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def escaped(text: str) -> str:
    """Return a text with control and direction-changing characters shown as numbers, so that a terminal obeys none."""
    return text.translate(ESCAPED)


def json_line(value: object) -> None:
    """Print a value as one line of JSON, in UTF-8 whatever the locale; lone surrogates stay escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(ESCAPED)
    raw = (text + "\n").encode("utf-8", "backslashreplace")
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(raw.decode())
    else:
        buffer.write(raw)


def json_document(value: object) -> None:
    """Print a value as an indented JSON document."""
    print(json.dumps(value, ensure_ascii=True, indent=2))


def console() -> Console:
    """Return the console for people: with colours only on a terminal, and without interpreting markup in texts."""
    from rich.console import Console
    from rich.segment import Segment

    class Harmless(Console):
        """Escapes all printed text before it is coloured."""

        def render(self, renderable: Any, options: Any = None) -> Any:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(escaped(segment.text), segment.style)

    # What is piped is not cut: programs read whole lines.
    return Harmless(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 2000)


def complain(message: str) -> None:
    """Print an error on stderr."""
    sys.stderr.write(f"deskwire: {escaped(message)}\n")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings; long cells are wrapped on a terminal and kept whole in a pipe."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for heading in headings:
        grid.add_column(Text(heading), overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    console().print(grid)


class Parser(argparse.ArgumentParser):
    """An argument parser with coloured help on a terminal."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options.setdefault("allow_abbrev", False)
        super().__init__(*args, **options)

    def print_help(self, file: Any = None) -> None:
        """Print the help, with headings, options and commands highlighted on a terminal."""
        text = self.format_help()
        target: TextIO = file or sys.stdout
        if not target.isatty():
            target.write(text)
            return
        from rich.text import Text

        shown = Text(text)
        shown.highlight_regex(re.compile(r"^[a-z ]+:", re.MULTILINE), "bold")
        shown.highlight_regex(r"(?<![\w-])--?[a-z][a-z-]*", "cyan")
        shown.highlight_regex(re.compile(r"^  (?:\$ )?deskwire .*$", re.MULTILINE), "green")
        console().print(shown)
