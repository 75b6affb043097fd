"""Passwords, order numbers beside names, and who is meant: what is private by the words around it."""

from __future__ import annotations

import re

from deskwire.care.words import unaccented

_SECRET_WORDS = (
    r"password|passcode|passwort|kennwort|wachtwoord|lösenord|losenord|adgangskode|passord|salasana|mot de passe|contraseñ\w*|clave|"
    r"senha|parola|şifre\w*|sifre\w*|heslo|hasł\w*|haslo|hasla|lykilorð\w*|aðgangsorð\w*|lozink\w*|šifr\w*|sifr\w*|fjalëkalim\w*|fjalekalim\w*|"
    r"\bpin(?:-\w{1,3})?\b|pin kod\w*|pin-?núm\w*|pin-?númer\w*|\bcvv?c?2?\b|парол\w*|лозинк\w*|шифр\w*|رمز(?: عبور| دوم| اول| کارتم| کارت| ورود)?\w*|پسورد\w*|"
    r"گذرواژه\w*|پین|كلمة (?:السر|المرور)"
)
_SECRET = re.compile(
    r"(?:\b|(?<=\s)|^)(?:"
    + _SECRET_WORDS
    + r")(?P<between>\s{0,3}(?:[:=]\s{0,3}|(?:\s{1,3}\w{1,12}){0,4}?\s{0,3}[:=]?\s{1,3}))(?P<value>\S{4,40})",
    re.IGNORECASE,
)

_ORDER = re.compile(
    r"(?:order|pöntun\w{0,8}|pantan\w{0,8}|pontun\w{0,8}|sending\w{0,8}|bókun\w{0,8}|booking|reservation|zamówieni\w{0,8}|zamowieni\w{0,8}|rezerwacj\w{0,8}|przesyłk\w{0,8}|paczk\w{0,8}|porudžbin\w{0,8}|"
    r"porudzbin\w{0,8}|narudžb\w{0,8}|narudzb\w{0,8}|pošiljk\w{0,8}|rezervacij\w{0,8}|поруџбин\w{0,8}|наруџб\w{0,8}|пошиљк\w{0,8}|porosi\w{0,8}|rezervim\w{0,8}|dërges\w{0,8}|سفارش\w{0,8}|رزرو|مرسوله|bestellung|bestellnummer|"
    r"buchung|commande|réservation|pedido|reserva|encomenda|ordine|prenotazione|bestelling|beställning|ordre|заказ\w{0,8}|sipariş\w{0,8}|objednávk\w{0,8}|"
    r"طلب\w{0,8})[^\n]{0,12}?(?:[#№]\s?)?(?<![\w-])(?=[\w-]{0,9}\d{3})[A-Z0-9][\w/-]{3,20}",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?i:my name is|name is|in the name of|under the name|\bname:|\bég heiti|nafnið mitt er|nafni[ðu]? er|á nafni\w*|undir nafninu|\bnafn:|"
    r"nazywam się|nazywam sie|na nazwisko|imię i nazwisko|imie i nazwisko|nazwisko:?|zovem se|ime i prezime|na ime|\bime:|moje ime je|ime mi je|зовем се|на име|"
    r"quhem|emri im është|emri im eshte|në emër të|ne emer te|me emrin|në emrin|\bemri:|اسم من|نام من|به نام|به اسم|نام:|بنام|"
    r"ich heiße|mein name ist|auf den namen|je m'appelle|je m’appelle|au nom de|me llamo|a nombre de|mi chiamo|a nome|meu nome|em nome de|"
    r"mijn naam is|op naam van|jag heter|jeg hedder|jeg heter|меня зовут|на имя|adım|ismim|adına|jmenuji se|اسمي|باسم)\s*:?\s*[^\W\d_]{2,}"
)
_FULL_NAME = re.compile(
    r"(?:^|[,(;:/–—-]\s?|\. )[A-ZÀ-ÞĀ-ŽЀ-Я][^\W\d_]+ [A-ZÀ-ÞĀ-ŽЀ-Я][^\W\d_]+(?:sson|sdóttir)?(?=$|[,.)!?;:/]|\s?[–—-]\s)",
    re.MULTILINE,
)
_SELF = frozenset(
    "i im ive my me mine eg min mitt minn minu minum mina minni mer mig er jeg jag mi mio mia mie meu minha ich mein meine meiner meinem mich je jai mon ma mes "
    "yo tengo estoy soy mijn ik mam jestem moj moja moje mojej mojego mi mnie mojemu mojim syn corka zona maz choruje biore "
    "imam sam sin cerka zena muz bolujem pijem uzimam mojoj mom mojom majka otac moju nam une kam jam im ime djali vajza nena babai vuaj "
    "من دارم هستم ام پدرم مادرم پسرم دخترم همسرم بچه ام мой моя мне я у меня имам моја мој "
    "ми мајка отац син кћерка ћерка имам сам мојој мом болујем пијем узимам benim ben anam babam oglum kizim".split()
)
# “Šifra” is also the code of an article.
_OF_AN_ARTICLE = re.compile(
    r"artik|proizvod|rob[ae]|артик|производ|роб[ае]|tovar|produkt|produs|urun|kund", re.IGNORECASE
)


def holds_password(text: str) -> bool:
    """Return whether a password or a code stands in a text, beside a word for it."""
    return any(_is_password(match) for match in _SECRET.finditer(text))


def _is_password(match: re.Match[str]) -> bool:
    value, between = match["value"].strip(".,;!?()«»\"'“”"), match["between"]
    if re.search(r"[.!?]", between) or "@" in value or _OF_AN_ARTICLE.search(between + value):
        return False
    return _looks_secret(value, marked=":" in between or "=" in between) or _comes_later(match)


def _looks_secret(value: str, *, marked: bool) -> bool:
    """Return whether this may be a password. `marked`: a colon or an equals sign stands before it."""
    digits = sum(c.isdigit() for c in value)
    if len(value) < 4:
        return False
    return digits >= 2 or (marked and (digits > 0 or re.search(r"[^\w\s]|[a-z][A-Z]", value) is not None))


def _comes_later(match: re.Match[str]) -> bool:
    """Return whether one of the next words may be the password: “my password, since May, is kitty99”."""
    after = match.string[match.start("value") : match.end() + 30]
    later = re.match(r"\S+(?: \S+){0,2} (?P<value>(?=\S*\d)\S{4,40})", after)
    return later is not None and not re.search(r"[.!?,]\s", later[0]) and any(c.isdigit() for c in later["value"])


def holds_named_order(text: str) -> bool:
    """Return whether the number of an order stands in a text, and the name of a person."""
    return _ORDER.search(text) is not None and (_NAMED.search(text) or _FULL_NAME.search(text)) is not None


def speaks_of_people(text: str) -> bool:
    """Return whether a text is about its writer or their family, in the first person."""
    return not _SELF.isdisjoint(unaccented(text).split())
