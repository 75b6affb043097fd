"""What a stranger sends in Zendesk's name."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from deskwire import registry
from deskwire.model.secret import Secrets
from deskwire.web.request import Request
from sandbox.neighbours.desk import WEBHOOK
from sandbox.northwind.notes import Intruder
from sandbox.northwind.scenes import Scenes, scene


class Signalling(Scenes):
    """The scenes."""

    @scene(morning=1)
    def stale_signal(self) -> None:
        """A webhook of the helpdesk, captured and sent again an hour later."""
        marker, at = f"{next(self.numbers)}", datetime.now(UTC) - timedelta(hours=1)
        body = json.dumps({"ticket_id": marker}).encode()
        headers = {"content-type": "application/json", "x-zendesk-webhook-invocation-id": "01STALE"}
        request = Request(method="POST", endpoint=WEBHOOK, body=body, headers=headers, received_at=at)
        signed = registry.helpdesk("zendesk").verification.sign(request, Secrets(self.company.secrets[WEBHOOK]), at)
        address = urlsplit(self.company.stack.deployed.api)
        connection = http.client.HTTPConnection(address.netloc, timeout=29)
        try:
            connection.request("POST", f"{address.path}/helpdesks/{WEBHOOK}", signed.body, dict(signed.headers))
            status = connection.getresponse().status
        finally:
            connection.close()
        self.script.notes.intruders.append(Intruder("zendesk", "signed an hour ago", marker, status=status))
