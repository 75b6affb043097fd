"""Prepares a private BottleCRM (`prepare`), or serves it (`serve PORT`)."""

import json
import sys
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
    for name, scopes in (("deskwire", SCOPES), ("agent", [])):
        user = User.objects.create_user(email=f"{name}@northwind.example", password="sandbox-only")  # noqa: S106 - of a program on this machine
        profile = Profile.objects.create(user=user, org=org, role="ADMIN", is_active=True)
        token, _ = PersonalAccessToken.generate(profile, name, scopes)
        made[name] = {"id": str(profile.pk), "user": str(user.pk), "token": token}
    print(json.dumps(made))


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
    make_server("127.0.0.1", port, get_wsgi_application(), Server, Silent).serve_forever()


django.setup()
if sys.argv[1] == "prepare":
    prepare()
else:
    serve(int(sys.argv[2]))
