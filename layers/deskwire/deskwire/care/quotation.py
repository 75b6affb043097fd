"""What a mail program puts below an answer: found, and cut off. Pure.

Headers are known by their labels, separators and attributions by their shape, which is the same in every language. The
figures that this was chosen by are in docs/decisions/0037-quotations.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# Labels of the head that Outlook and others write above what they quote: who it is from, and the rest.
FROM_LABELS = (
    "absender afsender afzender avsändare da dari de de_la expeditor expéditeur feladó fra from frá från "
    "gönderen kimden kimdən lähettäjä mittente nadawca nga no nuo od odesílatel odosielateľ posílá pošiljatelj "
    "remetente remitente saatja sendandi từ van von šalje από від од от отправитель מאת از من จาก 发件人 寄件者 差出人 "
    "보낸사람 보낸_사람"
)
OTHER_LABELS = (
    "a aan adressaat aihe an assunto asunto attachments bcc betreff cc copie címzett către dags data date "
    "dato datum datums do dw dátum dërguar efni elküldve emne enviada enviado envoyé fecha gesendet "
    "gönderilme importance inviato išsiųsta kam kime komu konu kopi kopie kopio kuupäev lähetetty naslov "
    "nosūtīts objet odesláno odoslané oggetto onderwerp organization para poslano poslato predmet prima "
    "päivämäärä předmět për reply-to saadetud sendt sent skickat subiect subject subjekti tarih teema "
    "tema temat til till to trimis tárgy tēma vastaanottaja verzonden viðtakandi wysłano za zadeva à ämne "
    "ημερομηνία θέμα προς στάλθηκε дата до за изпратено кому копия копія надіслано наслов относно "
    "отправлено послато предмет примено тема אל נושא נשלח תאריך إلى الموضوع تاريخ ارسال_شده به موضوع 主旨 "
    "主题 件名 发送时间 宛先 寄件日期 抄送 收件人 收件者 日期 送信日時 받는사람 받는_사람 보낸날짜 보낸_날짜 제목"
)
FROM = frozenset(label.replace("_", " ") for label in FROM_LABELS.split(" "))
OTHERS = frozenset(label.replace("_", " ") for label in OTHER_LABELS.split(" "))
COLONS = (":", "\uff1a")
LABEL = re.compile(r"([^\W\d_][^:\uff1a\n<>@]{0,24})[:\uff1a]")
# `-----Original Message-----` in any language: few words between dashes, and nothing else on the line.
SEPARATOR = re.compile(r"[-_=]{3,20}\s{0,3}[^\W\d_][^-_=\n:]{2,40}[-_=]{3,20}")
DATED_SEPARATOR = re.compile(r"-{3,20}\s{0,3}[^\W\d_][^\n]{2,200}-{3,20}")
RULE = re.compile(r"_{10,}|-{20,}")
# `On 2 Nov 2026, at 09:00, Anna <anna@example.org> wrote:` in any language: a date or an address, and a colon.
ADDRESS = re.compile(r"\w@[\w-]{1,63}\.\w")
IN_BRACKETS = re.compile(r"<[^<>\s]{1,64}@[\w-]{1,63}\.[^<>\s]{1,190}>")
DATED = re.compile(r"\d[./-]\d\d?[./-]\d\d|\d[:.h]\d\d|\b(?:19|20)\d\d\b|\d\s?[年月日]")
VERBS = (
    "escreve escreveu escribe escribió geschreven geschrieben kirjoitti kirjutas menulis napisal napisala "
    "napisao napisał napisała napsal napsala napísal napísala parašė pisze rakstīja rašė said schreef schrieb "
    "scris scritto scrive skreiv skrev skrifaði viết writes wrote yazd\u0131 écrit írta έγραψε написа написав "
    "написал писал пише пишет"
)
WROTE = frozenset(VERBS.split(" "))
WROTE_UNSPACED = ("כתב", "写道", "寫道", "のメール", "작성", "كتب")
LONGEST_ATTRIBUTION = 3  # lines over which a mail program breaks one
MOST = 400  # characters of it


def own_words(text: str) -> str:
    """Return a mail's text without what it quotes; empty where it holds nothing else.

    Lines marked with `>` go, what is written between and below them stays. Below a mail's head, a separator or an
    attribution without such lines, nothing is the writer's own.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    lengths = _attributions(lines)
    kept: list[str] = []
    place = 0
    while place < len(lines):
        if lines[place].lstrip().startswith(">"):
            place += 1
            continue
        if _ends(lines, place):
            break
        if lengths[place]:
            place += lengths[place]
            if not _marked(lines, place):
                break
            continue
        kept.append(lines[place])
        place += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _ends(lines: Sequence[str], place: int) -> bool:
    """Return whether the quoted mail begins at this line: its separator or its head."""
    line = _bare(lines[place])
    if SEPARATOR.fullmatch(line) or (DATED_SEPARATOR.fullmatch(line) and DATED.search(line)):
        return True
    if RULE.fullmatch(line):
        return _head(_following(lines, place + 1))
    return _head(_following(lines, place))


def _following(lines: Sequence[str], place: int) -> list[str]:
    """Return the next four lines that are not empty."""
    return [line for line in lines[place : place + 8] if line.strip()][:4]


def _head(lines: Sequence[str]) -> bool:
    """Return whether the lines are the head of a mail: who it is from, and something else of it right below.

    Outlook.com begins with the date and the subject: then an address has to stand in who it is from.
    """
    first, *rest = [(_label(line), line) for line in lines] or [("", "")]
    if first[0] in FROM:
        return any(label in OTHERS for label, _ in rest)
    return first[0] in OTHERS and any(label in FROM and ADDRESS.search(line) for label, line in rest)


def _headlike(lines: Sequence[str]) -> bool:
    """Return whether the lines look like the head of a mail in a language that is not named here.

    Then a label stands before an address in angle brackets, and below it two more, one of them before a date.
    """
    first, *rest = [(_label(line), line) for line in lines] or [("", "")]
    below = [line for label, line in rest if label]
    return bool(first[0] and IN_BRACKETS.search(first[1])) and len(below) > 1 and any(map(DATED.search, below))


def _label(line: str) -> str:
    found = LABEL.match(_bare(line))
    return found[1].strip(" *\xa0\u202f").casefold() if found else ""  # French writes a space before the colon


def _bare(line: str) -> str:
    """Return a line's beginning without marks of a quotation or of bold letters around it."""
    return line[:MOST].strip("> *\t\xa0")


def _attributions(lines: Sequence[str]) -> list[int]:
    """Return for each line how many, from it on, say who wrote what is quoted below; 0 where they do not.

    Each depends on those below it. From the last line up, each is looked at once; a pasted log, in which every line has
    a date, would else be looked at again from each of its lines.
    """
    found = [0] * len(lines)
    for place in reversed(range(len(lines))):
        found[place] = _attribution(lines, place, found)
    return found


def _attribution(lines: Sequence[str], place: int, below: Sequence[int]) -> int:
    """Return how many lines, from this one on, are an attribution; `below` holds the same for the lines after it."""
    if len(lines[place]) > MOST or not _tells(lines[place]):
        return 0
    said = ""
    for length in range(1, LONGEST_ATTRIBUTION + 1):
        if place + length > len(lines) or not lines[place + length - 1].strip():
            return 0
        if length > 1 and below[place + length - 1] and DATED.search(lines[place + length - 1]):
            return 0  # it begins there
        said = f"{said} {lines[place + length - 1].strip()}"
        if len(said) > MOST:
            return 0
        if said.rstrip("*_ ").endswith(COLONS):
            return length if _tells(said) >= (1 if _marked(lines, place + length) else 2) else 0
    return 0


def _tells(said: str) -> int:
    """Return how many of these a text holds: an address, a date or time, a verb of writing."""
    words = {word.strip(":,.'\"<>)") for word in said.casefold().replace("(", " ").split()}
    wrote = not words.isdisjoint(WROTE) or any(word in said for word in WROTE_UNSPACED)
    return sum((bool(ADDRESS.search(said)), bool(DATED.search(said)), wrote))


def _marked(lines: Sequence[str], place: int) -> bool:
    """Return whether the next line that is not empty is marked as quoted."""
    return next((line.lstrip() for line in lines[place:] if line.strip()), "").startswith(">")


def quoted_line(text: str, customer: Mapping[str, str]) -> str:
    """Return a line that no answer to a customer holds: of the ticket's introduction, or of a mail's head. Else "".

    The last net, for what `own_words` or a helpdesk of its own did not cut off. `customer` is who the ticket is for.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    for place, (line, length) in enumerate(zip(lines, _attributions(lines), strict=True)):
        if _ends(lines, place) or _introduces(line, customer) or _headlike(_following(lines, place)):
            return line.strip()
        if length and (place + length < len(lines)):
            return line.strip()
    return ""


def _introduces(line: str, customer: Mapping[str, str]) -> bool:
    """Return whether a line is one of those that introduce the customer to the agents."""
    label, _, value = line.lstrip("> *").partition(":")
    of = {"Customer": ("name", "handle"), "E-mail": ("email",), "Phone": ("phone",)}.get(label.strip(" *"), ())
    return any(customer.get(name) and customer[name] in value for name in of)
