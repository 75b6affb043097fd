"""Customers' words for a demonstration: short, of many languages and scripts, each with room for a number."""

from __future__ import annotations

import random
from collections.abc import Iterator

SENTENCES = (
    "Where is my parcel? Order {}",
    "The zip of the jacket from order {} broke on the first day",
    "Good morning, can I change the address of order {}?",
    "I was charged twice for {}, please look into it!",
    "Hvar er pakkinn minn? Pöntun {} átti að koma í gær",
    "Góðan daginn, rennilásinn á úlpunni bilaði, pöntun {}",
    "Get ég skilað tjaldinu úr pöntun {}? Það er of þungt",
    "أين طردي؟ رقم الطلب {} ولم يصل حتى الآن",
    "صباح الخير، السحّاب مكسور في الطلب {} وأريد استبداله",
    "איפה החבילה שלי? הזמנה {} עדיין לא הגיעה",
    "שלום, הרוכסן במעיל נשבר, מספר הזמנה {}",
    "Gdzie jest moja paczka? Zamówienie {} miało przyjść wczoraj",
    "¿Dónde está mi pedido {}? Lo espero desde el lunes",
    "The tent for our family 👨‍👩‍👧‍👦 arrived torn, order {} 😢🏳️‍🌈",
    "👩🏽‍🚒👍🏿 {} arrived, thank you ❤️‍🔥",
    "Ég skil þetta ekki 🤷🏼‍♀️ – {} vantar",
    'Is order {} <b>really</b> on its way? & when? "soon" isn\'t an answer',
    "Line one about {}\nand a second line, with a tab\tin it",
    "Z̷a̷l̷g̷o̷ and e\u0301 combining, order {}",
)
NAMES = (
    "Marta Lindqvist", "Jón Þór Ægisson", "Guðrún Sólveig", "ليلى حداد", "נועה כהן", "Oona Reyes", "Ivo Brandt",
    "Pavel Hruby", "Zoë O'Brien", "Nguyễn Thị Ánh", "Bob <script>", "Ana 🌻 Souza",
)  # fmt: skip
EMAILS = ("marta", "jon.thor", "layla", "noa", "oona", "ivo")


def sentences(source: random.Random) -> Iterator[str]:
    """Yield sentences for ever, each with one `{}`."""
    while True:
        yield from source.sample(SENTENCES, len(SENTENCES))
