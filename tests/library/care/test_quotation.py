"""What a mail program puts below an answer is cut off; where that fails, the last net says so."""

from __future__ import annotations

import pytest

from deskwire.care.quotation import own_words, quoted_line

OWN = "It is on its way.\nYours, Anna"
OLD = "Customer: Marta Berg\nE-mail: marta@example.org\nPhone: +354 555 0100\n\nWhere is it?"
MARKED = "\n".join(f"> {line}" for line in OLD.split("\n"))
MARTA = {"name": "Marta Berg", "email": "marta@example.org", "phone": "+354 555 0100"}

# From, sent, to, subject as mail programs write them in each language.
HEADS = {
    "English": ("From", "Sent", "To", "Subject"),
    "Icelandic": ("Frá", "Sent", "Til", "Efni"),
    "German": ("Von", "Gesendet", "An", "Betreff"),
    "French": ("De", "Envoyé", "À", "Objet"),
    "Spanish": ("De", "Enviado", "Para", "Asunto"),
    "Portuguese": ("De", "Enviada", "Para", "Assunto"),
    "Italian": ("Da", "Inviato", "A", "Oggetto"),
    "Dutch": ("Van", "Verzonden", "Aan", "Onderwerp"),
    "Danish": ("Fra", "Sendt", "Til", "Emne"),
    "Swedish": ("Från", "Skickat", "Till", "Ämne"),
    "Finnish": ("Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"),
    "Polish": ("Od", "Wysłano", "Do", "Temat"),
    "Czech": ("Od", "Odesláno", "Komu", "Předmět"),
    "Slovak": ("Od", "Odoslané", "Komu", "Predmet"),
    "Hungarian": ("Feladó", "Elküldve", "Címzett", "Tárgy"),
    "Romanian": ("De la", "Trimis", "Către", "Subiect"),
    "Croatian": ("Šalje", "Poslano", "Prima", "Predmet"),
    "Greek": ("Από", "Στάλθηκε", "Προς", "Θέμα"),
    "Turkish": ("Kimden", "Gönderilme", "Kime", "Konu"),
    "Ukrainian": ("Від", "Надіслано", "Кому", "Тема"),
    "Russian": ("От", "Отправлено", "Кому", "Тема"),
    "Hebrew": ("מאת", "נשלח", "אל", "נושא"),
    "Arabic": ("من", "تاريخ", "إلى", "الموضوع"),
    "Chinese": ("发件人", "发送时间", "收件人", "主题"),
    "Japanese": ("差出人", "送信日時", "宛先", "件名"),
    "Serbian": ("Од", "Послато", "За", "Наслов"),
    "Albanian": ("Nga", "Dërguar", "Për", "Subjekti"),
    "Persian": ("از", "ارسال شده", "به", "موضوع"),
    "Korean of Outlook": ("보낸 사람", "보낸 날짜", "받는 사람", "제목"),
    "Korean": ("보낸사람", "보낸날짜", "받는사람", "제목"),
    "Estonian": ("Saatja", "Saadetud", "Adressaat", "Teema"),
    "Latvian": ("No", "Nosūtīts", "Kam", "Tēma"),
    "Lithuanian": ("Nuo", "Išsiųsta", "Kam", "Tema"),
}
SEPARATORS = (
    "-----Original Message-----", "-----Ursprüngliche Nachricht-----", "----- Message d'origine -----",
    "-----Oprindelig meddelelse-----", "*----- Původní zpráva -----*", "----- 原始邮件 -----", "--- Pôvodná správa ---",
    "---- On Mon, 02 Nov 2026 09:00:00 +0000 Marta <rt@example.com> wrote ----",
)  # fmt: skip
ATTRIBUTIONS = (
    "On 2 Nov 2026, at 09:00, Marta via RT <rt@example.com> wrote:",
    "On Mon, Nov 2, 2026 at 9:00 AM Marta Berg via RT with a name that is long\n<rt@example.com> wrote:",
    "Am 02.11.2026 um 09:00 schrieb Marta via RT:",
    "W dniu 2.11.2026 o 09:00, Marta via RT pisze:",
    "Le lun. 2 nov. 2026 à 09:00, Marta <rt@example.com> a écrit :",
    "El lun, 2 nov 2026 a las 9:00, Marta (<rt@example.com>) escribió:",
    "Em 02/11/2026 09:00, Marta escreveu:",
    "Il giorno lun 2 nov 2026 alle ore 09:00 Marta <rt@example.com> ha scritto:",
    "Op 2 nov. 2026 om 09:00 heeft Marta <rt@example.com> het volgende geschreven:",
    "Den mån 2 nov. 2026 kl 09:00 skrev Marta <rt@example.com>:",
    "Þann mán., 2. nóv. 2026 kl. 09:00 skrifaði Marta <rt@example.com>:",
    "ma 2. marrask. 2026 klo 9.00 Marta (rt@example.com) kirjoitti:",
    "Dne po 2. 11. 2026 9:00 uživatel Marta <rt@example.com> napsal:",
    "2026年11月2日(月) 9:00 Marta <rt@example.com>:",
    "пн, 2 нояб. 2026 г. в 09:00, Marta <rt@example.com>:",
    "\u202bבתאריך יום ב׳, 2 בנוב׳ 2026 ב-9:00 מאת \u202aMarta\u202c\u200f <\u202art@example.com\u202c\u200f>:",
)


@pytest.mark.parametrize("language", HEADS)
@pytest.mark.parametrize("form", ["{}: {}", "*{}:* {}", "{}:{}", "      {}\N{NO-BREAK SPACE}: {}"])
@pytest.mark.parametrize("above", ["", "________________________________\n"])
def test_a_mails_head_ends_the_answer(language, form, above):
    values = ("Marta via RT <rt@example.com>", "2 November 2026 09:00", "Anna", "[example #12] Where?")
    head = "\n".join(form.format(label, value) for label, value in zip(HEADS[language], values, strict=True))
    text = f"{OWN}\n\n{above}{head}\n\n{OLD}"
    assert own_words(text) == OWN
    assert quoted_line(text, {})


def test_a_head_that_begins_with_its_date_ends_the_answer():
    head = "Date: Mon, 2 Nov 2026 09:00:00 +0000\nSubject: Where?\nFrom: rt@example.com\nTo: anna@example.com"
    assert own_words(f"{OWN}\n\n{head}\n\n{OLD}") == OWN


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_separator_ends_the_answer(separator):
    text = f"{OWN}\n\n{separator}\nFrom: Marta\n\n{OLD}"
    assert own_words(text) == OWN
    assert quoted_line(text, {})


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("between", ["\n", "\n\n"])
@pytest.mark.parametrize("quoted", [MARKED, OLD])
def test_an_attribution_goes_with_what_it_introduces(attribution, between, quoted):
    text = f"{OWN}\n\n{attribution}{between}{quoted}"
    assert own_words(text) == OWN
    assert quoted_line(text, {})


def test_an_answer_directly_above_its_attribution_stays():
    assert own_words(f"Hello\n02.11.2026 09:00 Marta <\nrt@example.com> wrote:\n{MARKED}") == "Hello"


def test_answers_between_and_below_marked_lines_stay():
    assert own_words(f"On Monday Marta wrote:\n{MARKED}\nHere.\n> and when?\nTomorrow.") == "Here.\nTomorrow."


@pytest.mark.parametrize(
    "text",
    [
        "Date: 2 November\nFrom: Reykjavík\nPlease book it.",
        "From: Reykjavík\nIt leaves at 9:00 from Elm Street.", "To: be or not", "It opens at 09:00:\n- Monday",
        "Write to help@example.org:\nthey know more", "Our prices of 2026:\nA 10\nB 12", "--- \nAnna", "a\n-----\nb",
        "Phone: +354 555 9999\nE-mail: help@example.org", "Sent: yes\nSubject: none", "1. Open it\n2. Press A", "",
    ],
)  # fmt: skip
def test_other_words_are_left_alone(text):
    assert own_words(text) == text.strip()
    assert quoted_line(text, MARTA) == ""


@pytest.mark.parametrize("line", OLD.split("\n")[:3])
@pytest.mark.parametrize("mark", ["", "> ", "*"])
def test_a_line_of_our_own_introduction_is_caught(line, mark):
    assert quoted_line(f"Hello\n{mark}{line}\nBye", MARTA) == f"{mark}{line}".strip()


def test_a_head_in_a_language_that_nobody_named_is_caught():
    head = "Kanka: Marta <marta@example.org>\nYatumwe: 2 Novemba 2026 09:00\nKuri: Anna\nIngingo: Where is it?"
    text = f"{OWN}\n\n{head}\n\nWhere is it?"
    assert own_words(text) == text
    assert quoted_line(text, MARTA).startswith("Kanka:")


@pytest.mark.parametrize(
    "text",
    [
        "Write to Anna: Anna <anna@example.org>",
        "Contact: Anna <anna@example.org>\nPhone: +354 555 0101\nThank you for waiting.",
        "Order: 4471\nSent: 2026-11-02\nArrives: tomorrow",
    ],
)
def test_an_answer_with_a_contact_is_no_mails_head(text):
    assert own_words(text) == text
    assert quoted_line(text, MARTA) == ""


def test_a_pasted_log_is_read_in_one_pass():
    """Each of its lines could begin an attribution: looked at from each of the others, forty lines never end."""
    log = "\n".join(f"2026-11-29 12:00:{number % 60:02} boat {number} left the harbour" for number in range(2000))
    assert own_words(log) == log
    assert quoted_line(log, MARTA) == ""
