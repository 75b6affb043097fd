"""The check of a callback address that Meta's dashboards make when it is entered."""

from __future__ import annotations

import http.client
from urllib.parse import urlencode, urlsplit

CHALLENGE = "1158201444"


def accepted(address: str, verify_token: str) -> bool:
    """Ask the address for the challenge; return whether Meta would accept the answer."""
    where = urlsplit(address)
    query = {"hub.mode": "subscribe", "hub.challenge": CHALLENGE, "hub.verify_token": verify_token}
    connection = http.client.HTTPConnection(where.netloc, timeout=30)
    try:
        connection.request("GET", f"{where.path}?{urlencode(query)}")
        answer = connection.getresponse()
        return answer.status == 200 and answer.read() == CHALLENGE.encode()
    finally:
        connection.close()
