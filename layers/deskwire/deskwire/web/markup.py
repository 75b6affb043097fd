"""Convert plain text into HTML that cannot be anything else, and agents' HTML into plain text."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import unquote

JOINER = "\u2060"  # WORD JOINER: nobody sees it, nothing breaks at it, and no template engine reads across it
COMMANDS = ("{{", "{{", "{%", "%}", "}}", "}}")  # pairs of one sign twice: of three in a row, once breaks one pair
# As people copy it (`https://…`), and as they type it: `www.tiktok.com/@northwind`.
PLACE = r"(?<![\w@.-])((?:[A-Za-z][A-Za-z0-9+.-]{0,30}://|(?:[\w-]{1,63}\.){1,4}[^\W\d_]{2,24}(?::\d{1,5})?/)\S+)"
ADDRESS = re.compile(PLACE)
MENTION = re.compile(rf"{PLACE}|(?<![\w@])@(?=\w)")  # after an address
FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # joiners, Hangul's, the blank of Braille
BRACES = {"{": "%7B", "}": "%7D"}


def unseen(sign: str) -> bool:
    """Return whether a character is invisible but not a blank: a control or format character, or a filler."""
    category = unicodedata.category(sign)
    selector = "\ufe00" <= sign <= "\ufe0f"
    return sign in FILLERS or selector or (category[0] == "C" and not sign.isspace())


def literal(text: str) -> str:
    """Return `text` with template marks (`{{…}}`, `{%…%}`) broken by an invisible joiner; it looks the same.

    In a URL, which must work when it is copied, the braces are percent-encoded instead.
    """
    return "".join(_broken(part, address=number % 2 == 1) for number, part in enumerate(ADDRESS.split(text)))


def _broken(text: str, *, address: bool) -> str:
    for mark in COMMANDS:
        text = text.replace(mark, "".join(BRACES.get(sign, sign) for sign in mark) if address else JOINER.join(mark))
    return text


def inert(text: str) -> str:
    """Return `text` with template marks and mentions (`@name`) broken; e-mail addresses and URLs are unchanged."""
    return MENTION.sub(lambda found: found[1] or f"@{JOINER}", literal(text))


def paragraph(text: str) -> str:
    """Return plain text as one paragraph of inert HTML, with its line breaks and automatic text direction."""
    escaped = html.escape(inert(text.replace("\r\n", "\n").replace("\r", "\n")), quote=False)
    # Of a run of spaces HTML shows one.
    escaped = re.sub(r" (?= )|^ ", "\N{NO-BREAK SPACE}", escaped, flags=re.MULTILINE)
    return f'<p dir="auto">{escaped.replace(chr(10), "<br>")}</p>'


APART = {"p", "ul", "ol", "dl", "table", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"}  # by an empty line
# What browsers show as a block: https://html.spec.whatwg.org/multipage/rendering.html#flow-content-3
BLOCKS = APART | {
    "address", "article", "aside", "button", "caption", "center", "dd", "details", "dialog", "dir", "div", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "legend", "main", "menu", "nav",
    "option", "search", "section", "summary", "tr",
}  # fmt: skip
LINE, PARAGRAPH = "\x00", "\x00\v\x00"  # where one begins or ends, until all is read
CELLS = {"td", "th"}
# Of links, that are shown where the words do not: whatever leads somewhere outside the page.
LINK_TARGET = re.compile(
    r"(?!(?:javascript|vbscript|data|blob|about|cid|file):)[a-z][a-z0-9+.-]{1,30}:.", re.IGNORECASE
)
# Not "head": mail programs forget to end it, and browsers then do so before the first words.
SILENT = {"script", "style", "title", "template"}


class _Parser(HTMLParser):
    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Treat `<![…>` as a comment, as browsers do: html.parser fails on some of them."""
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
            self.lists.append(_whole(given.get("start"), 1) if tag == "ol" else None)
            self._block(tag)
        elif tag == "li":
            self._item(given.get("value"))
        elif tag in BLOCKS:
            self.preformatted += tag == "pre"
            self._block(tag)
        elif tag == "a":
            self.links.append((given.get("href") or "", len(self.out)))
        elif tag == "img" and given.get("alt"):
            self.out.append(f"[{given['alt']}]")
        elif tag in CELLS:
            self.out.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag == "a" and self.links:
            self._link(*self.links.pop())
        elif tag in BLOCKS:
            self.preformatted = max(0, self.preformatted - (tag == "pre"))
            self._block(tag)
            if tag in {"ul", "ol"} and self.lists:
                self.lists.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.out.append(data if self.preformatted else re.sub(r"[ \t\r\n\f]+", " ", data))

    def _block(self, tag: str) -> None:
        if self.out and self.out[-1].startswith(LINE) and self.out[-1].endswith(" "):
            return  # right behind the mark of a list's point
        lists = len(self.lists) - (tag in {"ul", "ol"})
        self.out.append(PARAGRAPH if tag in APART and lists < 1 else LINE)

    def _item(self, value: str | None) -> None:
        depth, number = len(self.lists), self.lists[-1] if self.lists else None
        if number is not None:
            number = _whole(value, number)
            self.lists[-1] = number + 1
        mark = "-" if number is None else f"{number}."
        self.out.append(LINE + "\N{NO-BREAK SPACE}" * 2 * max(0, depth - 1) + f"{mark} ")

    def _link(self, target: str, since: int) -> None:
        if not LINK_TARGET.match(target.strip()):
            return
        shown = " ".join("".join(self.out[since:]).split())
        scheme, _, rest = target.partition(":")
        bare = unquote(rest.partition("?")[0]) if scheme.strip().lower() in {"mailto", "tel", "sms"} else target
        if _squeezed(bare) not in _squeezed(shown):
            self.out.append(f" ({bare})" if shown else bare)


def _squeezed(text: str) -> str:
    """Return an address or a telephone number for comparison, without the separators between digits."""
    return re.sub(r"[\s()/-]", "", text).lower()


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,6}", text) else otherwise


def plain(markup: str) -> str:
    """Return the text of HTML with its paragraphs and lists, and each link's address after its text."""
    parser = _Plain()
    # Behind the last “>” no tag ends. Unescaped, html.parser looks for that end from every “<” again: quadratic.
    marked, end, rest = markup.replace(LINE, "").rpartition(">")
    parser.feed(marked + end + rest.replace("<", "&lt;"))
    parser.close()
    text = "".join(parser.out)
    # Not from within a run of spaces, which would be read again from each of its places.
    text = re.sub(r"(?<! ) *\x00[\x00\v ]*", lambda found: "\n\n" if PARAGRAPH in found[0] else "\n", text)
    text = "\n".join(line.rstrip(" ") for line in text.replace(" \n ", "\n").split("\n"))
    text = re.sub(r"\n (?=\S)", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip(" \n").replace("\N{NO-BREAK SPACE}", " ")


class _Marked(_Parser):
    """Rewrites HTML unchanged, except the text of some paragraphs."""

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
    """Return HTML with its text replaced by `change(number of the paragraph, text)`, and the number of paragraphs."""
    parser = _Marked(change)
    marked, end, rest = markup.rpartition(">")  # as in `plain`
    parser.feed(marked + end)
    parser.close()
    if rest:
        parser.handle_data(rest)
    return "".join(parser.out), parser.paragraphs
