"""The agents' pages: every ticket, and one with its conversation and a box to answer in. Everything is escaped."""

from __future__ import annotations

from html import escape

from sandbox.helpdesks.zendesk.account import DONE, Account, Comment, Ticket, User, stamp

STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#1f73b7}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:64rem;padding:1rem 1.25rem 4rem}
header{display:flex;gap:1rem;align-items:baseline;border-block-end:1px solid var(--line);padding-block-end:.5rem}
header strong{font-size:1.1rem} a{color:var(--accent)} small,.dim{opacity:.7}
table{border-collapse:collapse;width:100%} td,th{padding:.45rem .6rem;text-align:start;vertical-align:top}
tr+tr td{border-block-start:1px solid var(--line)} th{font-weight:600;border-block-end:2px solid var(--line)}
.badge{display:inline-block;border-radius:.4rem;padding:0 .5rem;font-size:.85rem;border:1px solid var(--line)}
.new{background:#f5ca0033}.open{background:#e35b6633}.pending{background:#3091ec33}.solved,.closed{background:#8883}
article{border:1px solid var(--line);border-radius:.6rem;margin-block:1rem;padding:.6rem 1rem;overflow-wrap:anywhere}
article.agent{border-inline-start:.35rem solid var(--accent)}
article.note{background:#f5ca0022;border-inline-start:.35rem solid #d9a400}
article p{margin:.3rem 0} article footer{font-size:.9rem} h1{font-size:1.35rem;overflow-wrap:anywhere}
form{display:grid;gap:.6rem;margin-block-start:1.5rem} textarea{font:inherit;min-height:7rem;padding:.6rem}
button,select{font:inherit;padding:.4rem .9rem} form div{display:flex;gap:.8rem;flex-wrap:wrap}
"""


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body>'
        f'<header><strong>Zendesk</strong><small>played by the sandbox</small><a href="/agent/tickets">All tickets</a>'
        f"</header><main>{body}</main></body></html>"
    )


def _status(ticket: Ticket) -> str:
    return f'<span class="badge {escape(ticket.status)}">{escape(ticket.status)}</span>'


def tickets(account: Account) -> str:
    """Return the page of all tickets: unsolved ones as they are to be answered, then the others, the latest first."""
    done = (found for found in account.tickets.values() if not found.deleted and found.status in DONE)
    shown = [*account.queue(), *sorted(done, key=_changed, reverse=True)]
    rows = "".join(
        f'<tr><td><a href="/agent/tickets/{found.id}">#{found.id}</a></td><td>{_status(found)}</td>'
        f"<td>{escape(found.priority or '')}</td>"
        f"<td><bdi>{escape(found.subject) or '<small>no subject</small>'}</bdi> {_tags(found)}</td>"
        f'<td dir="auto">{escape(_name(account, found.requester_id))}</td><td>{len(found.comments)}</td>'
        f'<td class="dim">{stamp(found.updated_at)}</td></tr>'
        for found in shown
    )
    names = ("Ticket", "Status", "Priority", "Subject", "Requester", "Comments", "Updated")
    head = f"<tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"
    body = f"<h1>{len(shown)} tickets</h1><table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return _page("Tickets", body if shown else "<h1>No tickets yet</h1>")


def _tags(ticket: Ticket) -> str:
    return " ".join(f'<span class="badge">{escape(tag)}</span>' for tag in ticket.tags)


def ticket(account: Account, found: Ticket, bot: User) -> str:
    """Return the page of one ticket."""
    facts = [
        _status(found),
        f"from <bdi>{escape(_name(account, found.requester_id))}</bdi>",
        f"priority {escape(found.priority or '—')}",
        _tags(found),
    ]
    if found.followup_of:
        facts.append(f'follows <a href="/agent/tickets/{found.followup_of}">#{found.followup_of}</a>')
    fields = "".join(
        f"<br><small>field {key}: <bdi>{escape(str(v))}</bdi></small>" for key, v in found.custom_fields.items()
    )
    talk = "".join(_comment(account, comment, bot) for comment in found.comments)
    title = f"#{found.id} {found.subject}"
    head = f'<h1 dir="auto">{escape(title)}</h1><p>{" · ".join(facts)}{fields}</p>'
    return _page(title, head + talk + (_form(found) if found.status != "closed" else "<p>This ticket is closed.</p>"))


def _comment(account: Account, comment: Comment, bot: User) -> str:
    author = account.users.get(comment.author_id)
    kind = "note" if not comment.public else "customer" if author is None or author.role == "end-user" else "agent"
    files = "".join(
        f'<li><a href="/attachments/token/{escape(file.token)}/">{escape(file.name)}</a> '
        f"<small>{escape(file.type)}, {len(file.data):,} bytes</small></li>"
        for file in comment.files
    )
    said = {"note": "internal note", "agent": "answer", "customer": "customer"}[kind]
    who = "Deskwire" if author is bot else _name(account, comment.author_id)
    return (
        f'<article class="{kind}"><footer><strong><bdi>{escape(who)}</bdi></strong> · {said} · '
        f'<span class="dim">{stamp(comment.created_at)}</span></footer><div dir="auto">{comment.html}</div>'
        f"{f'<ul>{files}</ul>' if files else ''}</article>"
    )  # `comment.html` is what the account keeps: its own few tags, everything else escaped


def _form(found: Ticket) -> str:
    states = "".join(f"<option>{state}</option>" for state in ("open", "pending", "solved"))
    return (
        f'<form method="post" action="/agent/tickets/{found.id}"><label for="text">Answer as Agnes Example</label>'
        '<textarea id="text" name="text" dir="auto" required></textarea><div>'
        '<select name="kind" aria-label="Kind"><option value="public">Public reply</option>'
        '<option value="note">Internal note</option></select>'
        f'<select name="status" aria-label="Status">{states}</select>'
        "<button>Send</button></div></form>"
    )


def _changed(found: Ticket) -> tuple[str, int]:
    return stamp(found.updated_at), found.id


def _name(account: Account, number: int) -> str:
    user = account.users.get(number)
    return user.name if user else f"deleted user {number}"
