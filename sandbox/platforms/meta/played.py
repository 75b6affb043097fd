"""Meta as its documentation says: the Graph API for Pages and Messenger, and what it delivers when people write.

    with Meta({"410000000000001": "Northwind Outdoor"}, clock=clock) as meta:
        marta = meta.person("Marta Lindqvist")
        post = meta.posts("410000000000001", "The autumn range is here.")
        said = meta.comments(marta, post.id, "Where is my parcel?")      # Told(id, entry)
        sender.deliver(route, said.entry)                                 # signing, bundling, repeating: sandbox.sender
        …
        assert meta.sent[said.id] == ["It leaves today."]                 # what the public sees, by thread

Every method that plays somebody returns what happened: its id, and the `entry` of a delivery (`bundle` makes a body of
several). What the company posts comes back as an echo, through `echo`, before the company has its answer. Strict: the
page's token, Messenger's windows and tag, lengths, one private reply within seven days, removed objects, the budget of
calls; ids come back in either form, comments on replies land under the root.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sandbox.platforms.meta.graph import APP, Meta
from sandbox.platforms.meta.world import INBOX, MEDIA, Conversation, Message, Person, Thing, Told

GRAPH = "graph.facebook.com"
DIALOG = "www.facebook.com"
HOSTS = (GRAPH, DIALOG, *MEDIA)


def encode(payload: object) -> bytes:
    r"""Return a body as Meta writes it: lower-case `\u` escapes, also of `@` and `<`, and `\/`."""
    text = json.dumps(payload, separators=(",", ":"))
    return text.replace("/", "\\/").replace("@", "\\u0040").replace("<", "\\u003c").encode()


def bundle(entries: Sequence[Any]) -> bytes:
    """Return the body of one delivery: its entries may be of several pages."""
    return encode({"object": "page", "entry": list(entries)})


__all__ = [
    "APP",
    "GRAPH",
    "HOSTS",
    "INBOX",
    "Conversation",
    "Message",
    "Meta",
    "Person",
    "Thing",
    "Told",
    "bundle",
    "encode",
]
