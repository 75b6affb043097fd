"""A mail's words, files and facts, put into its event."""

from __future__ import annotations

from deskwire.model.events import Event
from deskwire.model.values import replace

from . import mime, reports
from .automatic import REPORTS, automatic, bulk
from .heads import Heads


def completed(event: Event, raw: bytes) -> Event:
    """Return the event with the words of the mail, as it lies in the archive. No mail is lost for its form.

    A mail server's report on a mail of ours may turn out to be one only here. Of a reply only the new words are filed.
    What it quotes is ours where our token was in the address, and else comes along as a file.
    """
    try:
        heads = mime.heads(raw)
        if not event.own and (report := reports.about(heads, raw)):
            return reports.reported(event, report)
        event = _marked(event, heads)
        found = mime.content(raw, reply=bool(event.reply_to or event.keep.get("ours")))
    except Exception:  # noqa: BLE001 - whatever `email` fails at
        return replace(event, complete=True, text=mime.UNREADABLE, attachments=(mime.whole_mail(event.stored),))
    if not event.own and not event.no_automatic_reply and any(part.type in REPORTS for part in found.parts):
        event = replace(event, no_automatic_reply="it holds a report of a mail server")
    text, files = found.text, found.attachments(event.stored)
    facts = {**event.facts, **found.facts}
    if len(text) > mime.MOST_TEXT:
        text = f"{text[: mime.MOST_TEXT]}\n\n{mime.CUT_OFF}"
        files += (mime.whole_text(event.stored),)
    elif found.cut:
        facts["Left out"] = "what the mail quotes"
        if not event.keep.get("ours"):
            files += (mime.whole_text(event.stored),)
    return replace(event, complete=True, text=text, attachments=files, facts=facts)


def _marked(event: Event, heads: Heads) -> Event:
    """Return the event with the marks of a machine or a list: the notice's fields end after ten kilobytes."""
    if event.own or event.no_automatic_reply:
        return event
    mark = automatic(heads) or bulk(heads)
    return replace(event, no_automatic_reply=mark, facts={**event.facts, "Automatic mail": mark}) if mark else event
