"""`deskwire secrets put`: write members of a secret in Secrets Manager, without showing them."""

from __future__ import annotations

import getpass
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from .aws import CONFIG, place, understood
from .terminal import UserError, console

if TYPE_CHECKING:
    import argparse

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from .aws import Place

NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,400}")
KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")


def put(args: argparse.Namespace) -> int:
    """Add the members to those present, and print their names."""
    if not NAME.fullmatch(args.name):
        raise UserError(f"“{args.name}” is no name of a secret", status=2)
    values = _values(args.members)
    deployed = place(args)
    name = written(deployed, args.name, values)
    console().print(f"{name}: {', '.join(values)} written; the functions read it within five minutes")
    return 0


def written(deployed: Place, entry: str, values: Mapping[str, str | list[str]], *, without: Sequence[str] = ()) -> str:
    """Add members to those a secret has, `without` some; return its full name. Raises `UserError`."""
    name = f"{deployed.secrets_prefix}{entry}"
    with understood(f"the secret “{name}” cannot be written"):
        client = deployed.session.client("secretsmanager", config=CONFIG)
        known = _known(client, name)
        kept = {member: value for member, value in (known or {}).items() if member not in without}
        text = json.dumps(kept | dict(values))
        if known is None:
            client.create_secret(Name=name, SecretString=text)
        else:
            client.put_secret_value(SecretId=name, SecretString=text)
    return name


def _values(members: list[str]) -> dict[str, str | list[str]]:
    """Return the members; one given twice has two values, as during a rotation, the new one first."""
    values: dict[str, str | list[str]] = {}
    for member in members:
        key, given, value = member.partition("=")
        if not KEY.fullmatch(key):
            raise UserError("a member is written KEY=VALUE, or KEY alone to be asked for its value", status=2)
        value = value if given else _asked(key)
        if not value:
            raise UserError(f"“{key}” has no value: nothing was written", status=2)
        before = values.get(key)
        values[key] = value if before is None else [*([before] if isinstance(before, str) else before), value]
    return values


def _asked(key: str) -> str:
    """Return a value typed without echo, or the next line of stdin if it is piped."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{key}: ")
    return sys.stdin.readline().rstrip("\r\n")


def _known(client: SecretsManagerClient, name: str) -> dict[str, Any] | None:
    """Return the present secret, or None. Raises `UserError` if it is not a JSON object."""
    try:
        text = client.get_secret_value(SecretId=name).get("SecretString", "")
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
            return None
        raise
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UserError(f"the secret “{name}” holds no JSON object: mend or delete it first")
    return found
