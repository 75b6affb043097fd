"""A desk in eighty lines for Deskwire's connector `generic`: prints what customers write, sends what you type.

    WEBHOOK=https://…/helpdesks/my-desk TO_DESK=whsec_… FROM_DESK=whsec_… python3 generic_server.py 8080

To answer the customer of ticket 1, type: 1 Your parcel is on its way. It forgets everything when it stops; a real desk
keeps `taken` in its database, written in the same transaction as what it took.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TO_DESK, FROM_DESK = (base64.b64decode(os.environ[name].removeprefix("whsec_")) for name in ("TO_DESK", "FROM_DESK"))
tickets, taken, lock = [], {}, threading.Lock()


def signature(key, identity, stamp, body):
    signed = f"{identity}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def take(message):
    """Return the status and the answer to a message that was not taken before."""
    data = message["data"]
    if message["type"] == "ticket.created":
        tickets.append([])
        print(f"ticket {len(tickets)}: {data['subject']} ({data['customer']['name']})", flush=True)
        return 201, {"id": str(len(tickets))}
    if not data["ticket"].isdecimal() or not 0 < int(data["ticket"]) <= len(tickets):
        return 409, {"gone": "deleted"}  # Deskwire opens another
    messages = tickets[int(data["ticket"]) - 1]
    if message["type"] == "ticket.updated":
        print(f"ticket {data['ticket']}: {data['priority']} {data['tags']}", flush=True)
        return 200, {}
    if message["type"] == "message.redacted":
        messages[int(data["message"]) - 1] = ""
        return 200, {"redacted": True}
    messages.append(data["text"])
    print(f"ticket {data['ticket']}: {data['text']}", flush=True)
    return 201, {"id": str(len(messages))}


class Desk(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        identity, stamp, given = (self.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        wanted = signature(TO_DESK, identity, stamp, body).encode()
        genuine = any(hmac.compare_digest(wanted, each.encode()) for each in given.split(" "))
        if not genuine or abs(time.time() - int(stamp)) > 300:
            return self.answer(401, {"error": "the signature is missing, wrong or too old"})
        with lock:  # what comes again is answered as before, and nothing else happens
            status, answer = taken.get(identity) or take(json.loads(body))
            if status < 300:
                taken[identity] = status, answer
        return self.answer(status, answer)

    def answer(self, status, answer):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())


def send(ticket, text):
    """Send an agent's answer. A real desk repeats what is not answered 2xx: same id and body, a new time stamp."""
    identity, stamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    data = {"id": identity, "ticket": ticket, "text": text, "author": "Agnes", "public": True}
    body = json.dumps({"type": "answer.created", "timestamp": now, "data": data}).encode()
    signed = signature(FROM_DESK, identity, stamp, body)
    headers = {"webhook-id": identity, "webhook-timestamp": stamp, "webhook-signature": signed}
    headers["content-type"] = "application/json"
    urllib.request.urlopen(urllib.request.Request(os.environ["WEBHOOK"], body, headers), timeout=15).close()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Desk)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on port {server.server_address[1]}", flush=True)
    for line in sys.stdin:
        send(*line.strip().split(" ", 1))
