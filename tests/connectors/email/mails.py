"""Mails to read, made by hand."""

HEAD = {
    "From": "Mira Dahl <mira.dahl@customer.example>",
    "To": "help@northwind.example",
    "Subject": "Parcel is late",
    "Message-ID": "<CAF81.0914@customer.example>",
    "Date": "Sat, 28 Nov 2026 10:14:01 +0100",
    "MIME-Version": "1.0",
}


def mail(body="Where is it?", kind="text/plain; charset=utf-8", encoding="8bit", **head):
    """Return a mail with these fields (`None` takes one away; `_` stands for a hyphen)."""
    given = {name.replace("_", "-"): value for name, value in head.items()}
    fields = {**HEAD, "Content-Type": kind, "Content-Transfer-Encoding": encoding, **given}
    rows = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    text = "\r\n".join(rows).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
    return text + (body if isinstance(body, bytes) else body.encode())


def several(*parts, kind="mixed", boundary="----=_part", **head):
    """Return a mail of these parts, each a (content type, body) or with more of its fields."""
    lines = []
    for each in parts:
        content, body, *more = each
        lines += [f"--{boundary}", f"Content-Type: {content}", *more, "", body]
    lines.append(f"--{boundary}--")
    return mail("\r\n".join(lines), f'multipart/{kind}; boundary="{boundary}"', **head)
