"""receive's cold start and its warm cost, beside others that do the same: always as ratios of one run.

In fresh processes, taking turns: our function's import and its first signed delivery, against DynamoDB, Secrets
Manager and SQS played on loopback; a stock boto3 handler that makes the same three calls; and a floor, the standard
library without signatures. The minimum of the rounds is compared, which a busy machine disturbs least.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3

from . import page

ROOT = Path(__file__).parents[2]
ROUNDS = 15
SECRET = "app-secret"
DEFINITION = {"name": "meta", "side": "channels", "connectors": ["facebook", "messenger"], "secret": "endpoints/meta"}
MOMENT = int(time.time() * 1000)  # an old delivery is refused as a replay
BODY = json.dumps({"object": "page", "entry": [{"id": "41", "time": MOMENT, "messaging": [{
    "sender": {"id": "24"}, "recipient": {"id": "41"}, "timestamp": MOMENT,
    "message": {"mid": "m_1", "text": "Where is my parcel? " * 60},
}]}]})  # fmt: skip

BEFORE = """
import decimal, importlib, json, logging, os, re, sys, time, traceback, warnings
delivery = json.loads(os.environ["DELIVERY"])
began = time.perf_counter()
"""
AFTER = """
cold = (time.perf_counter() - began) * 1000
for _ in range(200): handler(delivery, None)
rounds, began = 1000, time.process_time()
for _ in range(rounds): handler(delivery, None)
warm = (time.process_time() - began) / rounds * 1000
print(json.dumps({"status": answer["statusCode"], "cold": cold, "warm": warm}))
"""
OTHERS = """
kept = {}
def handler(event, context):
    if not kept:
        kept["endpoint"], kept["secret"] = look()
    body = event["body"].encode()
    wanted = "sha256=" + hmac.new(kept["secret"].encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, event["headers"]["x-hub-signature-256"]):
        return {"statusCode": 401}
    found = [item for entry in json.loads(body)["entry"] for item in entry["messaging"]]
    send([{"Id": str(i), "MessageBody": json.dumps(item), "MessageGroupId": item["sender"]["id"],
           "MessageDeduplicationId": item["message"]["mid"]} for i, item in enumerate(found)])
    return {"statusCode": 200}
answer = handler(delivery, None)
"""
CASES = {
    "Deskwire": f"""
sys.path[:0] = [{str(ROOT / "functions" / "receive")!r}, {str(ROOT / "layers" / "deskwire")!r}]
from app import handler
answer = handler(delivery, None)
""",
    "boto3": f"""
sys.path.append({str(Path(boto3.__file__).parents[1])!r})
""" + """
import hashlib, hmac, boto3
table, secrets, queue = boto3.client("dynamodb"), boto3.client("secretsmanager"), boto3.client("sqs")
def look():
    item = table.get_item(TableName="t", Key={"pk": {"S": "E#meta"}, "sk": {"S": "ENDPOINT"}})["Item"]
    text = secrets.get_secret_value(SecretId="deskwire/endpoints/meta")["SecretString"]
    return json.loads(item["definition"]["S"]), json.loads(text)["app_secret"]
def send(entries):
    queue.send_message_batch(QueueUrl=os.environ["DESKWIRE_MAILBOX"], Entries=entries)
""" + OTHERS,
    "floor": """
import hashlib, hmac, http.client
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]))
def call(target, payload):
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
    connection.request("POST", "/", json.dumps(payload), headers)
    return json.loads(connection.getresponse().read())
def look():
    item = call("DynamoDB_20120810.GetItem", {"TableName": "t"})["Item"]
    text = call("secretsmanager.GetSecretValue", {"SecretId": "x"})["SecretString"]
    return json.loads(item["definition"]["S"]), json.loads(text)["app_secret"]
def send(entries):
    call("AmazonSQS.SendMessageBatch", {"QueueUrl": "q", "Entries": entries})
""" + OTHERS,
}  # fmt: skip


class _Amazon(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        target = self.headers.get("x-amz-target", "").partition(".")[2]
        if target == "GetItem":
            made = {"Item": {"pk": {"S": "E#meta"}, "definition": {"S": json.dumps(DEFINITION)}}}
        elif target == "GetSecretValue":
            made = {"SecretString": json.dumps({"app_secret": SECRET, "verify_token": "v"}), "Name": "x", "ARN": "arn"}
        else:
            made = {"Failed": [], "Successful": [
                {"Id": entry["Id"], "MessageId": "m", "SequenceNumber": "1",
                 "MD5OfMessageBody": hashlib.md5(entry["MessageBody"].encode()).hexdigest()}
                for entry in json.loads(sent)["Entries"]
            ]}  # fmt: skip
        body = json.dumps(made).encode()
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def measure(rounds=ROUNDS, say=lambda _: None, python=sys.executable):
    """Return the least milliseconds of each case: `{case: {"cold": …, "warm": …}}`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Amazon)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = {name: [] for name in CASES}
    try:
        for number in range(rounds + 1):  # the first writes the bytecode
            for name, code in CASES.items():
                run = subprocess.run(
                    [python, "-c", BEFORE + code + AFTER],
                    env=_environment(server.server_port), capture_output=True, text=True, check=True,
                )  # fmt: skip
                row = json.loads(run.stdout.splitlines()[-1])
                if row["status"] != 200:
                    raise RuntimeError(f"{name} answered {row['status']}")
                if number:
                    found[name].append(row)
            say(f"round {number} of {rounds}")
    finally:
        server.shutdown()
        server.server_close()
    return {name: {what: min(row[what] for row in rows) for what in ("cold", "warm")} for name, rows in found.items()}


def _environment(port):
    signature = hmac.new(SECRET.encode(), BODY.encode(), hashlib.sha256).hexdigest()
    delivery = {
        "version": "2.0", "routeKey": "POST /channels/{endpoint}", "rawPath": "/channels/meta", "rawQueryString": "",
        "headers": {"content-type": "application/json", "x-hub-signature-256": f"sha256={signature}"},
        "pathParameters": {"endpoint": "meta"}, "body": BODY, "isBase64Encoded": False,
        "requestContext": {"http": {"method": "POST", "path": "/channels/meta", "sourceIp": "127.0.0.1"},
                           "timeEpoch": int(time.time() * 1000), "requestId": "r", "domainName": "x"},
    }  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    return {
        "PATH": os.environ["PATH"], "DELIVERY": json.dumps(delivery), "PORT": str(port), "AWS_ENDPOINT_URL": address,
        "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x", "DESKWIRE_TABLE": "t", "DESKWIRE_MAILBOX": f"{address}/1/q.fifo",
        "DESKWIRE_PARKED": f"{address}/1/p", "DESKWIRE_ARCHIVE": "a", "LOG_LEVEL": "ERROR",
    }  # fmt: skip


def table(found):
    """Return the ratios as Markdown."""
    ours = found["Deskwire"]
    rows = [
        f"| {name} | {ours['cold'] / found[key]['cold']:.2f} | {ours['warm'] / found[key]['warm']:.2f} |"
        for name, key in (("a stock boto3 handler", "boto3"), ("the floor", "floor"))
    ]
    return "\n".join(["| Deskwire's time as a part of that of | cold | warm (CPU) |", "|---|---|---|", *rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"into {page.PAGE.name}")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--python", default=sys.executable, help="another one of the same version, built as Lambda's is"
    )
    arguments = parser.parse_args()
    found = measure(arguments.rounds, say=print, python=arguments.python)
    print(json.dumps(found, indent=1))
    print(table(found))
    if arguments.write:
        page.write("cold_receive", table(found))


if __name__ == "__main__":
    sys.exit(main())
