"""Prepares a private BottleCRM (`prepare`), or serves it (`serve PORT`)."""

import json
import os
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import crm  # noqa: F401 - its task queue, before any task
import django
from django.core.wsgi import get_wsgi_application

SCOPES = [
    "profile:read", "cases:read", "cases:write", "activities:read", "attachments:read", "contacts:read", "tags:read",
    "tags:write", "users:read",
]  # fmt: skip


def prepare() -> None:
    """Make the tables, an organisation, Deskwire's user and an agent; print what was made as JSON."""
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
    from common.models import Org, PersonalAccessToken, Profile, User

    org = Org.objects.create(name="Northwind", default_country="PL")
    made: dict[str, object] = {}
    admin = None
    for name, scopes in (("deskwire", SCOPES), ("agent", [])):
        user = User.objects.create_user(email=f"{name}@northwind.example", password="sandbox-only")  # noqa: S106 - of a program on this machine
        profile = Profile.objects.create(user=user, org=org, role="ADMIN", is_active=True)
        admin = user
        token, _ = PersonalAccessToken.generate(profile, name, scopes)
        made[name] = {"id": str(profile.pk), "user": str(user.pk), "token": token}
    from webhooks.models import WebhookEndpoint

    # An address that BottleCRM takes, without a look-up; nothing is sent there: see `kept`.
    endpoint = WebhookEndpoint.objects.create(
        org=org, created_by=admin, url="https://1.1.1.1/helpdesks/bottlecrm",
        events=["ticket.created", "ticket.updated", "ticket.comment_added"],
    )  # fmt: skip
    print(json.dumps(made | {"webhook": {"secret": endpoint.secret}}))


def kept(_url: str, body: bytes, headers: dict[str, str], _timeout: float) -> int:
    """Keep a webhook in a file: BottleCRM itself delivers to public addresses alone."""
    with (Path(os.environ["SANDBOX_HELPDESK_HOME"]) / "webhooks.jsonl").open("a") as file:
        file.write(json.dumps({"headers": headers, "body": body.decode()}) + "\n")
    return 200


class Server(ThreadingMixIn, WSGIServer):
    """Each request in a thread of its own."""

    daemon_threads = True
    request_queue_size = 128


class Silent(WSGIRequestHandler):
    """Says nothing of each request."""

    def log_message(self, *_: object) -> None:
        """Do nothing."""


def serve(port: int) -> None:
    """Serve until the process ends."""
    from webhooks import ssrf

    ssrf.post = kept
    make_server("127.0.0.1", port, get_wsgi_application(), Server, Silent).serve_forever()


django.setup()
if sys.argv[1] == "prepare":
    prepare()
else:
    serve(int(sys.argv[2]))
