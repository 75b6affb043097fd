"""Find the command's stack: its table and the prefix of its secrets. The only module here that imports boto3."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from deskwire.aws.table import DynamoTable
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.settings import load
from deskwire.web import rest

from .terminal import UserError

if TYPE_CHECKING:
    import argparse

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from deskwire.web.rest import Transport

CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True, slots=True)
class Place:
    """A deployed Deskwire."""

    session: boto3.session.Session
    name: str
    secrets_prefix: str
    api: str = ""  # the stack's own address; empty where no stack was named
    address: str = ""  # the one that the operator named: a domain of the company's
    archives: bool | None = None  # whether it has an archive of conversations; None where no stack was named

    @property
    def table(self) -> DynamoTable:
        """Its table."""
        return DynamoTable(self.session.client("dynamodb", config=CONFIG), self.name)

    @property
    def text(self) -> str:
        """It, in words."""
        return f"{self.name} ({self.session.region_name})"


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn AWS's refusals into a sentence for the person at the terminal."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        message = error.response.get("Error", {}).get("Message", "")
        raise UserError(f"{what}: AWS says {code}: {message}") from error
    except BotoCoreError as error:
        raise UserError(f"{what}: {error}") from error
    except (ConfigurationError, TemporaryError) as error:
        if NoCredentialsError.__name__ in str(error):
            raise UserError("no AWS credentials were found: give --profile, or log in") from error
        raise UserError(f"{what}: {error}; check the table's name, the region and your rights") from error


def place(args: argparse.Namespace) -> Place:
    """Return where `--stack`, `--table`, `--region`, `--profile` and the environment point. Raises `UserError`."""
    region = args.region or os.environ.get("AWS_REGION") or None
    with understood("no AWS session"):
        session = boto3.session.Session(region_name=region, profile_name=args.profile)
    if session.region_name is None:
        raise UserError("which AWS region? Give --region, or set AWS_REGION", status=2)
    if args.stack:
        return _of_stack(session, args.stack, args.table, getattr(args, "address", None) or "")
    environment = dict(os.environ) | ({"DESKWIRE_TABLE": args.table} if args.table else {})
    try:
        settings = load(environment)
    except ConfigurationError:
        raise UserError("which table? Give --stack or --table, or set DESKWIRE_TABLE", status=2) from None
    return Place(session, settings.table, settings.secrets_prefix, address=getattr(args, "address", None) or "")


def _of_stack(session: boto3.session.Session, stack: str, table: str | None, address: str) -> Place:
    with understood(f"the stack “{stack}” cannot be read"):
        client = session.client("cloudformation", config=CONFIG)
        found = client.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    outputs = {output.get("OutputKey", ""): output.get("OutputValue", "") for output in found}
    name = table or outputs.get("TableName", "")
    if not name:
        raise UserError(f"the stack “{stack}” has no output TableName: is it Deskwire's?")
    prefix = outputs.get("SecretsPrefix") or "deskwire/"
    archives = "TranscriptsName" in outputs
    return Place(session, name, prefix, api=outputs.get("ApiAddress", ""), address=address, archives=archives)


def outside(target: Place) -> Transport:
    """Return the transport to platforms and helpdesks; with the sandbox's AWS, only to those played on this machine.

    Raises `UserError` for the sandbox's AWS without played platforms: the real ones would be called.
    """
    sandbox = load({**os.environ, "DESKWIRE_TABLE": target.name}).sandbox
    aws = urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname
    if aws in {"127.0.0.1", "localhost", "::1"} and not sandbox:
        raise UserError(
            "this is the sandbox's AWS, but DESKWIRE_SANDBOX names no played platform or helpdesk: "
            "`source .sandbox/environment` first", status=2,
        )  # fmt: skip
    return rest.with_hosts(rest.Pooled(), sandbox)


def members(client: SecretsManagerClient, name: str) -> dict[str, bool] | str:
    """Return the names of a secret's members and whether each has a value; or why it cannot be read.

    Values do not leave this function.
    """
    try:
        text = client.get_secret_value(SecretId=name).get("SecretString", "")
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        return "missing" if code == "ResourceNotFoundException" else f"cannot be read ({code})"
    except BotoCoreError as error:
        return f"cannot be read ({type(error).__name__})"
    try:
        values = json.loads(text)
    except ValueError:
        return "is no JSON object"
    if not isinstance(values, dict):
        return "is no JSON object"
    return {member: _usable(value) for member, value in values.items()}


def _usable(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_usable(each) for each in value)
    return isinstance(value, str) and value != ""
