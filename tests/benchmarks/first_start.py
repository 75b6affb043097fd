"""converse's first start: what its import costs, beside that of the third-party packages it cannot do without.

Fresh processes, taking turns; the minimum of the rounds is compared. CPU time, for the wall clock of a busy machine
says nothing; Lambda's first start has about one core.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from . import page

ROOT = Path(__file__).parents[2]
ROUNDS = 7
BEFORE = """
import decimal, importlib, json, logging, os, re, resource, sys, time, traceback, warnings
began = time.process_time()
"""
AFTER = """
took = (time.process_time() - began) * 1000
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"cpu": took, "memory": used, "modules": len(sys.modules)}))
"""
CASES = {
    "converse": "import app",
    "its packages": """
import boto3, pydantic, requests
from aws_lambda_powertools.utilities.parameters import SecretsProvider
clients = [boto3.client(name) for name in ("dynamodb", "sqs", "secretsmanager")]
""",
}
ENVIRONMENT = {
    "PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'functions' / 'converse'}:{ROOT / 'layers' / 'deskwire'}",
    "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x", "DESKWIRE_TABLE": "t", "DESKWIRE_MAILBOX": "http://127.0.0.1:9/1/q.fifo",
    "DESKWIRE_PARKED": "http://127.0.0.1:9/1/p", "DESKWIRE_ARCHIVE": "a",
}  # fmt: skip


def measure(rounds=ROUNDS):
    """Return the least of each case: `{case: {"cpu": milliseconds, "memory": MiB, "modules": number}}`."""
    found = {name: [] for name in CASES}
    for number in range(rounds + 1):  # the first writes the bytecode
        for name, code in CASES.items():
            run = subprocess.run(
                [sys.executable, "-c", BEFORE + code + AFTER], env=ENVIRONMENT, capture_output=True, text=True,
                check=True,
            )  # fmt: skip
            if number:
                found[name].append(json.loads(run.stdout))
    return {name: {what: min(row[what] for row in rows) for what in rows[0]} for name, rows in found.items()}


def table(found):
    """Return it as Markdown."""
    ours, theirs = found["converse"], found["its packages"]
    return "\n".join([
        "| | converse | its packages alone |", "|---|---|---|",
        f"| CPU time, as a part | {ours['cpu'] / theirs['cpu']:.2f} | 1 |",
        f"| memory (MiB) | {ours['memory']:.0f} | {theirs['memory']:.0f} |",
        f"| modules | {ours['modules']} | {theirs['modules']} |",
    ])  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"into {page.PAGE.name}")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    found = measure(arguments.rounds)
    print(json.dumps(found, indent=1))
    print(table(found))
    if arguments.write:
        page.write("first_start", table(found))


if __name__ == "__main__":
    sys.exit(main())
