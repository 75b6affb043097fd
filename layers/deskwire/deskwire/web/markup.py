"""Plain words into HTML that can be nothing but those words, and an agent's HTML into plain words."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser

JOINER = "\u2060"  # WORD JOINER: nobody sees it, nothing breaks at it, and no template engine reads across it
COMMANDS = ("{{", "{{", "{%", "%}", "}}", "}}")  # pairs of one sign twice: of three in a row, once breaks one pair
MENTION = re.compile(r"(?<![\w@])@(?=\w)")


def literal(text: str) -> str:
    """Return `text` with template marks (`{{…}}`, `{%…%}`) broken by an invisible joiner; it reads as before."""
    for mark in COMMANDS:
        text = text.replace(mark, mark[0] + JOINER + mark[1])
    return text


def inert(text: str) -> str:
    """Return `text` with template marks and mentions (`@name`) broken; an e-mail address stays as it is."""
    return MENTION.sub(f"@{JOINER}", literal(text))


def paragraph(text: str) -> str:
    """Return plain text as one paragraph of HTML, inert, its lines kept, its direction found by the reader."""
    escaped = html.escape(inert(text.replace("\r\n", "\n").replace("\r", "\n")), quote=False)
    # Of a run of spaces HTML shows one.
    escaped = re.sub(r" (?= )|^ ", "\N{NO-BREAK SPACE}", escaped, flags=re.MULTILINE)
    return f'<p dir="auto">{escaped.replace(chr(10), "<br>")}</p>'


BLOCKS = {"p", "div", "ul", "ol", "table", "tr", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
APART = {"p", "ul", "ol", "table", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"}  # by an empty line
SILENT = {"script", "style", "head", "title", "template"}


class _Parser(HTMLParser):
    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Take `<![…>` for a comment, as browsers do: html.parser fails on some of them."""
        del report
        return self.parse_bogus_comment(i)


class _Plain(_Parser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.silent = 0
        self.preformatted = 0
        self.lists: list[int | None] = []
        self.links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in SILENT:
            self.silent += 1
        elif tag == "br":
            self.out.append("\n")
        elif tag in {"ul", "ol"}:
            self.lists.append(0 if tag == "ol" else None)
            self._block(tag)
        elif tag == "li":
            self._item()
        elif tag in BLOCKS:
            self.preformatted += tag == "pre"
            self._block(tag)
        elif tag == "a":
            self.links.append((given.get("href") or "", len(self.out)))
        elif tag == "img" and given.get("alt"):
            self.out.append(f"[{given['alt']}]")
        elif tag == "td":
            self.out.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag == "a" and self.links:
            self._link(*self.links.pop())
        elif tag in BLOCKS:
            if tag in {"ul", "ol"} and self.lists:
                self.lists.pop()
            self.preformatted = max(0, self.preformatted - (tag == "pre"))
            self._block(tag)

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.out.append(data if self.preformatted else re.sub(r"[ \t\r\n\f]+", " ", data))

    def _block(self, tag: str) -> None:
        self.out.append("\x00\x00" if tag in APART and len(self.lists) < 2 else "\x00")

    def _item(self) -> None:
        depth, number = len(self.lists), self.lists[-1] if self.lists else None
        if number is not None:
            self.lists[-1] = number + 1
        mark = "-" if number is None else f"{number + 1}."
        self.out.append("\x00" + "\N{NO-BREAK SPACE}" * 2 * max(0, depth - 1) + f"{mark} ")

    def _link(self, target: str, since: int) -> None:
        shown = "".join(self.out[since:]).strip()
        bare = target.removeprefix("mailto:").removeprefix("tel:")
        if bare.startswith(("https://", "http://")) and bare.rstrip("/") != shown.rstrip("/"):
            self.out.append(f" ({bare})" if shown else bare)


def plain(markup: str) -> str:
    """Return the words of HTML as plain text: paragraphs and lists kept, a link's address after its words."""
    parser = _Plain()
    # Behind the last “>” no tag ends. Unescaped, html.parser looks for that end from every “<” again: quadratic.
    marked, end, rest = markup.replace("\x00", "").rpartition(">")
    parser.feed(marked + end + rest.replace("<", "&lt;"))
    parser.close()
    text = "".join(parser.out)
    # Not from within a run of spaces, which would be read again from each of its places.
    text = re.sub(r"(?<! ) *\x00[\x00 ]*", lambda found: "\n\n" if found[0].count("\x00\x00") else "\n", text)
    text = "\n".join(line.rstrip(" ") for line in text.replace(" \n ", "\n").split("\n"))
    text = re.sub(r"\n (?=\S)", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip(" \n").replace("\N{NO-BREAK SPACE}", " ")


class _Marked(_Parser):
    """Writes HTML again as it came, with the words of some paragraphs changed."""

    def __init__(self, change: Callable[[int, str], str]) -> None:
        super().__init__(convert_charrefs=False)
        self.change = change
        self.paragraphs = 0
        self.out: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.paragraphs += tag == "p"
        self.out.append(self.get_starttag_text() or "")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.out.append(self.change(self.paragraphs, data) if data.strip() else data)

    def handle_entityref(self, name: str) -> None:
        self.out.append(self.change(self.paragraphs, f"&{name};"))

    def handle_charref(self, name: str) -> None:
        self.out.append(self.change(self.paragraphs, f"&#{name};"))


def rewritten(markup: str, change: Callable[[int, str], str]) -> tuple[str, int]:
    """Return HTML with its words as `change(number of the paragraph, words)` gives them, and how many paragraphs."""
    parser = _Marked(change)
    marked, end, rest = markup.rpartition(">")  # as in `plain`
    parser.feed(marked + end)
    parser.close()
    if rest:
        parser.handle_data(rest)
    return "".join(parser.out), parser.paragraphs
