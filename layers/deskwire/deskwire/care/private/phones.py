"""Where telephone numbers stand in a text: international ones, grouped ones, and bare digits after a word for them.

Which digits a number may have depends on the country, which no message names; so a shape that prices, dates and numbers
of orders may have, too, counts only after such a word, and nothing counts after a word for something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORDS = re.compile(
    r"phone|\btel\b|\btel\.|call me|number is|mobile|whatsapp|\bsms\b|\btext me|\bsím|\bsim[ia]|farsím|\bs[.:] ?$|gsm|hring|telefon|telef|"
    r"numer|zadzwo|dzwoni|komórk|komork|\bkom\.|jestem pod|pozov|zovi|mob\b|mobil|broj|javite|nazovi|celular|movil|móvil|cel\b|portable|"
    r"numéro|numero|handy|rufnummer|anrufen|ruf mich|erreich|cell|chiama|bel me|ring|тел|звон|номер|позов|број|моб|зови|јави|تلفن|شماره|"
    r"شمارم|موبایل|تماس|زنگ|همراه|واتساپ|هاتف|جوال|رقم|tel:|numri|celul|telefono|puhelin|merrni|shkruani",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"order|pöntun|pantan|sending|zamówien|zamowien|paczk|przesył|porud|narud|pošilj|posilj|porosi|dërges|سفارش|پیگیری|رهگیری|مرسوله|"
    r"rechnung|bestell|commande|pedido|ordine|tracking|invoice|faktur|ticket|case|ref|номер заказа|заказ|поруџ|пошиљ|#|kennital|\bkt\b|"
    r"pesel|jmbg|јмбг|iban|konto|račun|racun|рачун|llogari|حساب|کارت|کد ملی|کدملی|بارکد|barcode|barkod|strikamerki|\bean\b|\bsku\b|isbn|"
    r"kupon|coupon|voucher|gjafabréf|\bkod\b|kodi|kod |šifra|шифра|vörunúmer|\bnip\b|\bkrs\b|\bregon\b|model|serial|versi|version|ورژن|نسخه",
    re.IGNORECASE,
)
_AFTER = r"(?![\w-]|[.,]\d| ?(?:zł|pln|kr|isk|€|eur|usd|din|rsd|lek|تومان|ریال|km|kg|cm|mm|g\b|%))"
_PLUS = re.compile(r"(?<![\w+])(?:\+|00)(?=[1-9])(?:[ ./()-]{0,2}\d){8,15}(?![\w-])")
_GROUPED = re.compile(
    r"(?<![\w.,/:#-])(?:\(?0\d{1,4}\)?[ ./-]\d{2,4}(?:[ .-]?\d{2,4}){1,4}|0\d{8,10}|\d{3}[ -]\d{3}[ -]\d{3}|"
    r"\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})" + _AFTER,
    re.IGNORECASE,
)
_BARE = re.compile(r"(?<![\w.,/:#-])\d(?:[ -]?\d){6,11}" + _AFTER, re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)\d\d[-./ ]?(?:0\d|1[0-2])[-./ ]?[0-3]\d|[0-3]?\d[-./ ][01]?\d[-./ ](?:19|20)\d\d")
_BEFORE = 30  # characters before digits in which a word may say what they are


def phones(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places (first and one past the last character) of telephone numbers."""
    for match in _PLUS.finditer(text):
        yield match.span()
    for match in _GROUPED.finditer(text):
        if not _is_other(match):
            yield match.span()
    for match in _BARE.finditer(text):
        if not _is_other(match) and _WORDS.search(_before(match)):
            yield match.span()


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - _BEFORE) : match.start()]


def _is_other(match: re.Match[str]) -> bool:
    """Return whether digits are something else: a date, a number of an order, one digit again and again."""
    digits = set(match[0]) & set("0123456789")
    return len(digits) == 1 or bool(_DATE.match(match[0]) or _OTHER.search(_before(match)))
