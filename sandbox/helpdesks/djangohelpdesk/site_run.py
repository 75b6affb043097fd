"""Prepares a private django-helpdesk (`prepare`), or serves it (`serve PORT`)."""

import json
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.core.wsgi import get_wsgi_application


def prepare() -> None:
    """Make the tables, two members of staff and a queue; print what was made as JSON."""
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("loaddata", "emailtemplate.json", verbosity=0)
    from django.contrib.auth import get_user_model
    from django.contrib.sites.models import Site
    from helpdesk.models import Queue
    from rest_framework.authtoken.models import Token

    Site.objects.update_or_create(pk=1, defaults={"domain": "desk.northwind.example", "name": "Northwind"})
    made: dict[str, object] = {}
    for name, first, last in (("deskwire", "Deskwire", ""), ("agent", "Agnes", "Agent")):
        address = f"{name}@northwind.example"
        user = get_user_model().objects.create_user(name, address, "sandbox-only", is_staff=True)
        user.first_name, user.last_name = first, last
        user.save()
        made[name] = {"id": str(user.pk), "token": Token.objects.create(user=user).key}
    made["queue"] = str(Queue.objects.create(title="Social media", slug="social").pk)
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
