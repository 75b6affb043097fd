"""Postal and e-mail addresses, by the words and shapes that streets have in a language."""

from __future__ import annotations

import re

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.[^\W\d_]{2,24}(?![\w@])")
# No word is longer than 31 letters here: without a bound, a text that is one word takes time by its square.
_STREET = (
    r"\b\d{1,5}[a-z]?,? (?:[A-Z][\w'’.-]{0,30} ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Close|Court|Ct|Boulevard|Blvd|"
    r"Way|Square|Terrace|Crescent|Place|Gardens|Grove)\b",
    r"(?i:\bul\.|\bul\b|\bulic[aiey]|\bal\.|\baleja|\balei|\bos\.|\bosiedl\w{0,30}|\bpl\.|\bplac[u]?\b) ?(?:[^\W\d_][\w.'-]{0,30}\.? ){0,3}"
    r"[^\W\d_][\w.'-]{0,30},? ?(?:br\.? ?|nr\.? ?|m\. ?)?\d{1,4}[a-zA-Z]?\b",
    r"(?i:\bул\.|\bулиц\w{1,30}|\bпроспект|\bбулевар|\bпр\.) ?(?:[^\W\d_][\w.'-]{0,30} ){0,3}[^\W\d_][\w.'-]{0,30},? ?(?:д\.? ?|бр\.? ?|дом )?\d{1,4}",
    r"\b(?:[Bb]ulevar|[Tt]rg|[Kk]eja?) (?:[^\W\d_][\w.'-]{0,30} ){0,3}[^\W\d_][\w.'-]{0,30},? ?(?:br\.? ?)?\d{1,4}\b",
    r"\b[A-ZÁÉÍÓÚÝÞÆÖ][a-záéíóúýþæöð]{0,30}(?:g[aö]t[au]|veg(?:ur|i)?|stíg(?:ur)?|stræti|braut|tún[iu]?|gerði|holti?|hlíð|hæð|teig(?:ur|i)|"
    r"mýri|sund[i]?|hvamm(?:ur|i)|bakk[ai]|garð(?:ur|i)|höfð[ai]|tröð|múl[ai]|grund|hraun[i]?|vog(?:ur|i)|nes[i]?|lundi?|fell[i]?|"
    r"vellir|völlum|skeið[i]?|borg|byggð|brekk[au]|brún|kinn|klettur|kletti|klöpp|móa[r]?|móum|mörk|rim[ai]|skóg(?:ar|um)|smár[ai]|"
    r"stekk(?:ur|jum)|tang[ai]|barð[i]?|berg[i]?|flöt|leiti|læk(?:ur|jum)|vang(?:ur|i)|engi) \d{1,3}[a-zA-Z]?\b",
    r"\b(?i:rrug[aëe]n?|rr\.|bulevardi|lagjja|sheshi) (?:[\"“]?[^\W\d_][\w.'’”\"-]{0,30} ){0,3}[\"“]?[^\W\d_][\w.'’”\"-]{0,30},? ?(?i:nr\.? ?|pall(?:ati|\.)? ?|numri ?|ndërtesa ?|banesa ?)*\d{1,4}",
    r"(?:خیابان|کوچه|بلوار|میدان|خیابون|بزرگراه|شهرک).{1,60}?(?:پلاک|شماره|واحد|کوچه|طبقه) ?\d{1,4}|پلاک ?\d{1,4}",
    r"\b[A-ZÄÖÜ][\wäöüß-]{0,30}(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|ufer|damm) ?\d{1,4} ?[a-z]?\b",
    r"\b[A-Z][\w-]{0,30}(?:straat|laan|plein|gracht|kade|dijk|gatan|vägen|gata|vej|gade|vei|veien|allé|katu|tie) \d{1,4} ?[a-zA-Z]?\b",
    r"\b\d{1,4}(?: ?bis| ?ter)?,? (?:rue|avenue|av\.|boulevard|bd|chemin|place|impasse|allée|quai) [^\W\d_][\w'’-]{0,30}",
    r"\b(?:[Cc]alle|C/|[Aa]venida|[Aa]vda\.|[Pp]laza|[Pp]aseo|[Rr]ua|[Tt]ravessa|[Pp]raça|[Vv]ia|[Vv]iale|[Cc]orso|[Pp]iazza) (?:[^\W\d_][\w'’.-]{0,30} ){0,4}"
    r"[A-ZÀ-Þ][\w'’.-]{0,30},? ?(?:n[º°.]? ?)?\d{1,4}\b",
    r"\b(?:[\wçğıöşüÇĞİÖŞÜ]{1,30} ){1,3}(?:[Ss]okak|[Ss]ok\.|[Cc]addesi|[Cc]ad\.|[Ss]k\.|[Mm]ahallesi|[Mm]ah\.),? ?(?:[Nn]o ?:? ?)?\d{1,4}",
    # A word, a number, a postcode and a place: “Kwiatowa 8, 00-950 Warszawa”, “Brekkubyggð 33, 210 Garðabær”.
    r"\b[^\W\d_][\w'’.-]{1,30} \d{1,4} ?[a-zA-Z]?(?:/\d{1,4})?, ?(?:[A-Z]{1,2}-)?(?!(?:19|20)\d\d )(?:\d{2}-\d{3}|\d{3} ?\d{2}|\d{3,5}) [A-ZÀ-ÞĀ-ŽЀ-Я]\w{1,30}",
)
_ADDRESS = re.compile("|".join(f"(?:{each})" for each in _STREET))
# A shop at an address is no secret: “Is your shop at 12 Baker Street open?”
_SHOP = re.compile(
    r"(?:shop|store|branch|office|restaurant|hotel|caf[eé]|pharmacy|búð|verslun|apótek|sklep|salon|apteka|oddział|radnj|prodavnic|"
    r"apotek|poslovnic|радњ|продавниц|апотек|пословниц|dyqan|farmaci|degë|فروشگاه|شعبه|داروخانه|laden|filiale|magasin|boutique|tienda|"
    r"negozio|loja|winkel|butik|магазин|mağaza)\w{0,5}(?: (?:at|in|on|á|við|í|przy|na|w|u|у|на|te|në|در|in der|rue))? ?$",
    re.IGNORECASE,
)
_BEFORE = 30  # characters before an address in which a shop may be named


def holds_email(text: str) -> bool:
    """Return whether an e-mail address stands in a text."""
    return _EMAIL.search(text) is not None


def holds_address(text: str) -> bool:
    """Return whether a postal address stands in a text that is not called a shop's."""
    return any(
        not _SHOP.search(text[max(0, each.start() - _BEFORE) : each.start()]) for each in _ADDRESS.finditer(text)
    )
