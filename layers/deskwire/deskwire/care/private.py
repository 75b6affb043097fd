"""What should not stand where everybody reads it: numbers by their checksums, contact details, passwords, health.

Precision goes before recall: a number without a checksum or a shape of its own is private only beside a word that says
what it is. Nothing that was found is repeated in a reason or a log, only its kind.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator

from .accounts import holds_card, holds_iban
from .words import unaccented

NAMES = {
    "card": "a card number",
    "iban": "a bank account number",
    "national": "a national identity number",
    "phone": "a telephone number",
    "email": "an e-mail address",
    "address": "a postal address",
    "password": "a password or a code",
    "order": "an order number with a name",
    "health": "something about health",
    "identity": "a word that goes with identity numbers",
}
_READ = 4000
_SEARCHED = 65536  # characters searched for cards and IBANs, which need no words beside them

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.[^\W\d_]{2,24}(?![\w@])")
_PHONE_WORDS = re.compile(
    r"phone|\btel\b|\btel\.|call me|number is|mobile|whatsapp|\bsms\b|\bsim[ia]|farsím|\bsím|gsm|hring|telefon|telef|numer|zadzwo|"
    r"dzwoni|komórk|komork|pozov|zovi|mob\b|mobil|broj|nazovi|celular|movil|móvil|cel\b|portable|numéro|numero|handy|"
    r"rufnummer|anrufen|ruf mich|erreich|cell|chiama|bel me|ring|тел|звон|номер|позов|број|моб|تلفن|شماره|موبایل|تماس|زنگ|همراه|"
    r"هاتف|جوال|رقم|tel:|numri|celul|telefono|puhelin",
    re.IGNORECASE,
)
_PLUS = re.compile(r"(?<![\w+])(?:\+|00)(?=[1-9])(?:[ ./()-]{0,2}\d){8,15}(?![\w-])")
_GROUPED = re.compile(
    r"(?<![\w.,/:#-])(?:\(?0\d{1,4}\)?[ ./-]\d{2,4}(?:[ .-]?\d{2,4}){1,4}|0\d{8,10}|\d{3}[ -]\d{3}[ -]\d{3}|"
    r"\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})(?![\w-]|[.,]\d| ?(?:zł|pln|kr|isk|€|eur|usd|din|rsd|lek|تومان|ریال))",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?<![\w.,/:#-])\d(?:[ -]?\d){6,11}(?![\w-]|[.,]\d| ?(?:zł|pln|kr|isk|€|eur|usd|din|rsd|lek|تومان|ریال))"
)
_DATE = re.compile(r"(?:19|20)\d\d[-./ ]?(?:0\d|1[0-2])[-./ ]?[0-3]\d|[0-3]?\d[-./ ][01]?\d[-./ ](?:19|20)\d\d")
_NO_PHONE = re.compile(
    r"order|pöntun|pantan|sending|zamówien|zamowien|paczk|przesył|porud|narud|pošilj|posilj|porosi|dërges|سفارش|پیگیری|مرسوله|"
    r"rechnung|bestell|commande|pedido|ordine|tracking|invoice|faktur|ticket|case|ref|номер заказа|заказ|поруџ|#|kennital|pesel|"
    r"jmbg|iban|konto|račun|racun|llogari|حساب|کارت|کد ملی",
    re.IGNORECASE,
)

_STREET = (
    r"\b\d{1,5}[a-z]?,? (?:[A-Z][\w'’.-]* ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Close|Court|Ct|Boulevard|Blvd|"
    r"Way|Square|Terrace|Crescent|Place|Gardens|Grove)\b",
    r"(?i:\bul\.|\bul\b|\bulic[aiey]|\bal\.|\baleja|\balei|\bos\.|\bosiedl\w*|\bpl\.|\bplac\w?) ?(?:[^\W\d_][\w.'-]*\.? ){0,3}"
    r"[^\W\d_][\w.'-]*,? ?(?:br\.? ?|nr\.? ?|m\. ?)?\d{1,4}[a-zA-Z]?\b",
    r"(?i:\bул\.|\bулиц\w+|\bпроспект|\bбулевар|\bпр\.) ?(?:[^\W\d_][\w.'-]* ){0,3}[^\W\d_][\w.'-]*,? ?(?:д\.? ?|бр\.? ?|дом )?\d{1,4}",
    r"\b(?:[Bb]ulevar|[Tt]rg|[Kk]eja?) (?:[^\W\d_][\w.'-]* ){0,3}[^\W\d_][\w.'-]*,? ?(?:br\.? ?)?\d{1,4}\b",
    r"\b[A-ZÁÉÍÓÚÝÞÆÖ][a-záéíóúýþæöð]*(?:g[aö]t[au]|veg(?:ur|i)?|stíg(?:ur)?|stræti|braut|tún[iu]?|gerði|holti?|hlíð|hæð|teig(?:ur|i)|"
    r"mýri|sund[i]?|hvamm(?:ur|i)|bakk[ai]|garð(?:ur|i)|höfð[ai]|tröð|múl[ai]|grund|hraun[i]?|vog(?:ur|i)|nes[i]?|lundi?|fell[i]?|vellir|völlum|skeið[i]?) \d{1,3}[a-zA-Z]?\b",
    r"\b(?i:rrug[aëe]n?|rr\.|bulevardi|lagjja|sheshi) (?:[\"“]?[^\W\d_][\w.'’”\"-]* ){0,3}[\"“]?[^\W\d_][\w.'’”\"-]*,? ?(?i:nr\.? ?|pall(?:ati|\.)? ?|numri ?|ndërtesa ?|banesa ?)*\d{1,4}",
    r"(?:خیابان|کوچه|بلوار|میدان|خیابون|بزرگراه|شهرک).{1,60}?(?:پلاک|شماره|واحد|کوچه|طبقه) ?\d{1,4}|پلاک ?\d{1,4}",
    r"\b[A-ZÄÖÜ][\wäöüß-]*(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|ufer|damm) ?\d{1,4} ?[a-z]?\b",
    r"\b[A-Z][\w-]*(?:straat|laan|plein|gracht|kade|dijk|gatan|vägen|gata|vej|gade|vei|veien|allé|katu|tie) \d{1,4} ?[a-zA-Z]?\b",
    r"\b\d{1,4}(?: ?bis| ?ter)?,? (?:rue|avenue|av\.|boulevard|bd|chemin|place|impasse|allée|quai) [^\W\d_][\w'’-]*",
    r"\b(?:[Cc]alle|C/|[Aa]venida|[Aa]vda\.|[Pp]laza|[Pp]aseo|[Rr]ua|[Tt]ravessa|[Pp]raça|[Vv]ia|[Vv]iale|[Cc]orso|[Pp]iazza) (?:[^\W\d_][\w'’.-]* ){0,4}"
    r"[^\W\d_][\w'’.-]*,? ?(?:n[º°.]? ?)?\d{1,4}\b",
    r"\b(?:[\wçğıöşüÇĞİÖŞÜ]+ ){1,3}(?:[Ss]okak|[Ss]ok\.|[Cc]addesi|[Cc]ad\.|[Ss]k\.|[Mm]ahallesi|[Mm]ah\.),? ?(?:[Nn]o ?:? ?)?\d{1,4}",
)
_ADDRESS = re.compile("|".join(f"(?:{each})" for each in _STREET))

_SECRET_WORDS = (
    r"password|passcode|passwort|kennwort|wachtwoord|lösenord|losenord|adgangskode|passord|salasana|mot de passe|contraseñ\w*|clave|"
    r"senha|parola|şifre\w*|sifre\w*|heslo|hasł\w*|haslo|hasla|lykilorð\w*|aðgangsorð\w*|lozink\w*|šifr\w*|sifr\w*|fjalëkalim\w*|fjalekalim\w*|"
    r"\bpin\b|pin kod\w*|pin-?núm\w*|pin-?númer\w*|\bcvv?c?2?\b|парол\w*|лозинк\w*|шифр\w*|رمز(?: عبور| دوم| اول| کارتم| کارت| ورود)?\w*|پسورد\w*|"
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
    "من دارم هستم ام پدرم مادرم پسرم دخترم همسرم بچه ام мой моя мне я у меня имам моја мој benim ben anam babam oglum kizim".split()
)


def find(text: str, language: str | None = None, *, health: Collection[str] = ()) -> list[str]:
    """Return the kinds of private matters a text holds, in the order of `NAMES`; `health` are words found elsewhere."""
    card, iban = holds_card(text[:_SEARCHED]), holds_iban(text[:_SEARCHED])
    text = "".join(
        str(unicodedata.digit(c)) if not c.isascii() and c.isdecimal() else c
        for c in unicodedata.normalize("NFC", text[:_READ])
    ).translate({0x200E: None, 0x200F: None, 0xA0: " ", 0x202F: " "})
    national = any(_national(text, (language or "").split("-")[0]))
    found = {
        "card": card,
        "iban": iban,
        "national": national,
        "phone": _phone(text, taken=card or iban or national),
        "email": _EMAIL.search(text) is not None,
        "address": _ADDRESS.search(text) is not None,
        "password": _password(text),
        "order": _ORDER.search(text) is not None and (_NAMED.search(text) or _FULL_NAME.search(text)) is not None,
        "health": bool(health) and not _SELF.isdisjoint(unaccented(text).split()),
    }
    return [kind for kind, holds in found.items() if holds]


def _phone(text: str, *, taken: bool) -> bool:
    for match in _PLUS.finditer(text):
        if not taken or 9 <= sum(c.isdigit() for c in match[0]) <= 13:
            return True
    for pattern, sure in ((_GROUPED, True), (_BARE, False)):
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - 30) : match.start()]
            digits = "".join(c for c in match[0] if c.isdigit())
            if _DATE.fullmatch(match[0]) or _NO_PHONE.search(before) or len(set(digits)) == 1:
                continue
            if taken and any(check(digits, "") for check in (_kennitala, _pesel, _jmbg)):
                continue
            if taken and not _PHONE_WORDS.search(before):
                continue
            if sure or _PHONE_WORDS.search(before):
                return True
    return False


def _password(text: str) -> bool:
    for match in _SECRET.finditer(text):
        value, between = match["value"].strip(".,;!?()«»\"'“”"), match["between"]
        if re.search(r"[.!?]", between) or "@" in value:
            continue
        marked = ":" in between or "=" in between
        digits = sum(c.isdigit() for c in value)
        if len(value) >= 4 and (
            (digits and (digits >= 2 or marked)) or (marked and re.search(r"[^\w\s]|[a-z][A-Z]", value))
        ):
            return True
        after = text[match.start("value") : match.end() + 30]
        later = re.match(r"\S+(?: \S+){0,2} (?P<value>(?=\S*\d)\S{4,40})", after)
        if later and not re.search(r"[.!?,]\s", later[0]) and any(c.isdigit() for c in later["value"]):
            return True
    return False


def _date(day: int, month: int) -> bool:
    return 1 <= day <= 31 and 1 <= month <= 12


def _weighted(digits: str, weights: str) -> int:
    return sum(int(a) * int(b) for a, b in zip(digits, weights, strict=False))


def _kennitala(d: str, _: str) -> bool:
    if len(d) != 10 or d[9] not in "890" or not _date(int(d[:2]) % 40, int(d[2:4])):
        return False
    return (11 - _weighted(d, "32765432") % 11) % 11 == int(d[8])


def _pesel(d: str, _: str) -> bool:
    return (
        len(d) == 11
        and _date(int(d[4:6]), int(d[2:4]) % 20)
        and (10 - _weighted(d, "1379137913") % 10) % 10 == int(d[10])
    )


def _jmbg(d: str, _: str) -> bool:
    if len(d) != 13 or not _date(int(d[:2]), int(d[2:4])) or d[4] not in "90":
        return False
    return (11 - _weighted(d, "765432765432") % 11) % 11 % 10 == int(d[12])


def _iranian(d: str, language: str) -> bool:
    if language != "fa" or len(d) != 10 or len(set(d)) == 1:
        return False
    rest = sum(int(digit) * (10 - place) for place, digit in enumerate(d[:9])) % 11
    return int(d[9]) == (rest if rest < 2 else 11 - rest)


def _nordic(d: str, language: str) -> bool:
    """Norway's 11 digits by both checks; Sweden's 10 or 12 by Luhn and date."""
    if len(d) == 11 and language in {"no", "nb", "nn"} and _date(int(d[:2]) % 40, int(d[2:4]) % 40):
        first, second = _weighted(d, "37618945") + 0, 0
        first = (int(d[0]) * 3 + int(d[1]) * 7 + int(d[2]) * 6 + int(d[3]) + int(d[4]) * 8 + int(d[5]) * 9) + (
            int(d[6]) * 4 + int(d[7]) * 5 + int(d[8]) * 2
        )
        second = _weighted(d, "5432765432")
        return (11 - first % 11) % 11 == int(d[9]) and (11 - second % 11) % 11 == int(d[10])
    short = d[2:] if len(d) == 12 and d[:2] in {"19", "20"} else d
    return language == "sv" and len(short) == 10 and _date(int(short[4:6]) % 60, int(short[2:4])) and _luhn(short)


def _luhn(d: str) -> bool:
    return sum(sum(divmod(int(c) * (2 if place % 2 else 1), 10)) for place, c in enumerate(reversed(d))) % 10 == 0


def _mod_11_10(d: str) -> bool:
    """The check of Germany's tax number and of Croatia's OIB."""
    rest = 10
    for digit in d[:10]:
        rest = ((int(digit) + rest) % 10 or 10) * 2 % 11
    return len(d) == 11 and (11 - rest) % 10 == int(d[10])


def _descending(d: str, weight: int) -> int:
    """Return the digits' sum by weights that begin with this one and fall to 2."""
    return sum(int(digit) * (weight - place) for place, digit in enumerate(d[: weight - 1]))


def _tax_number(d: str) -> bool:
    return d[0] != "0" and _mod_11_10(d)


def _turkish(d: str) -> bool:
    odd, even = sum(map(int, d[0:9:2])), sum(map(int, d[1:8:2]))
    return d[0] != "0" and (odd * 7 - even) % 10 == int(d[9]) and sum(map(int, d[:10])) % 10 == int(d[10])


def _cpf(d: str) -> bool:
    first, second = (_descending(d, weight) * 10 % 11 % 10 for weight in (10, 11))
    return len(set(d)) > 1 and first == int(d[9]) and second == int(d[10])


def _french(d: str) -> bool:
    return d[0] in "12" and 97 - int(d[:13]) % 97 == int(d[13:])


def _cnp(d: str) -> bool:
    return d[0] in "12345678" and _weighted(d, "279146358279") % 11 % 10 == int(d[12])


def _bsn(d: str) -> bool:
    return (_weighted(d, "98765432") - int(d[8])) % 11 == 0


def _birth_number(d: str) -> bool:
    return _date(int(d[4:6]), int(d[2:4]) % 50 % 20) and int(d) % 11 == 0


def _egn(d: str) -> bool:
    # Of the weights 2, 4, 8, 5, 10, 9, 7, 3, 6 the fifth is no digit: 10 is -1 modulo 11.
    total = _weighted(d, "2485") - int(d[4]) + _weighted(d[5:], "9736")
    return _date(int(d[4:6]), int(d[2:4]) % 20) and total % 11 % 10 == int(d[9])


# The check of a country's number, by its length and the country's language.
_BY_COUNTRY: dict[tuple[int, str], Callable[[str], bool]] = {
    (11, "de"): _tax_number,
    (11, "hr"): _tax_number,
    (11, "tr"): _turkish,
    (11, "pt"): _cpf,
    (15, "fr"): _french,
    (13, "ro"): _cnp,
    (9, "nl"): _bsn,
    (10, "cs"): _birth_number,
    (10, "sk"): _birth_number,
    (10, "bg"): _egn,
}


def _others(d: str, language: str) -> bool:
    """Return whether digits are the number of the language's country."""
    check = _BY_COUNTRY.get((len(d), language))
    return check is not None and check(d)


_CHECKS: tuple[Callable[[str, str], bool], ...] = (_kennitala, _pesel, _jmbg, _iranian, _nordic, _others)
_NUMBER = re.compile(r"(?<![\w+./:-])\d(?:[ ./-]?\d){8,14}(?![\w-])")
_WITH_LETTERS = re.compile(
    r"(?<!\w)(?:(?P<dni>[XYZ]?\d{7,8}-?[A-Z])|(?P<fiscal>[A-Z]{6}\d\d[A-EHLMPR-T]\d\d[A-Z]\d{3}[A-Z])|"
    r"(?P<hetu>\d{6}[-+A]\d{3}[0-9A-FHJ-NPR-Y])|(?P<nid>[A-T]\d[0156]\d[0-3]\d{4}[A-W])|(?P<ssn>(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4})|"
    r"(?P<nino>(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D])|(?P<cpr>[0-3]\d[01]\d{3}-\d{4}))(?!\w)"
)


def _national(text: str, language: str) -> Iterator[bool]:
    for match in _NUMBER.finditer(text):
        digits = "".join(c for c in match[0] if c.isdigit())
        yield any(check(digits, language) for check in _CHECKS)
        before = unaccented(text[max(0, match.start() - 24) : match.start()])
        yield "کد ملی" in text[max(0, match.start() - 24) : match.start()] and _iranian(digits, "fa")
        yield any(word in before for word in ("tc kimlik", "cpf", "oib")) and _mod_11_10(digits)
    for match in _WITH_LETTERS.finditer(text):
        kind, value = match.lastgroup, match[0].replace("-", "")
        if kind == "dni":
            number = int("".join(c for c in value[:-1].translate(str.maketrans("XYZ", "012"))))
            yield "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == value[-1]
        elif kind == "hetu":
            yield "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(match[0][:6] + match[0][7:10]) % 31] == match[0][-1]
        elif kind == "nid":
            yield _date(int(value[4:6]), int(value[2:4]) % 50)
        elif kind == "cpr":
            yield language in {"da", "fo"} and _date(int(value[:2]), int(value[2:4]))
        else:
            yield True
