"""`deskwire secrets put`: members of an entry, from the command line or unseen, beside those that are there."""

import io
import json

import boto3
import pytest
from moto import mock_aws

VALUE = "s3cr3t-value"


@pytest.fixture
def entries():
    """Return what Secrets Manager holds under a name."""
    with mock_aws():
        client = boto3.client("secretsmanager")
        yield lambda name: json.loads(client.get_secret_value(SecretId=f"deskwire/{name}")["SecretString"])


@pytest.fixture
def put(deskwire):
    def run(*arguments):
        return deskwire("secrets", "put", *arguments, "--table", "northwind", "--region", "eu-west-1")

    return run


def test_an_entry_is_made_and_later_extended_and_no_value_is_shown(put, entries):
    assert put("desk", f"api_token={VALUE}").status == 0
    told = put("desk", "signing_secret=another")
    assert entries("desk") == {"api_token": VALUE, "signing_secret": "another"}
    assert "deskwire/desk: signing_secret written" in told.out
    assert VALUE not in told.out + told.err
    assert "another" not in told.out + told.err


def test_a_member_named_twice_has_two_values_the_new_one_first(put, entries):
    put("meta-app", "app_secret=new", "app_secret=old")
    assert entries("meta-app") == {"app_secret": ["new", "old"]}


def test_what_is_piped_in_is_read_line_by_line(put, entries, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("first\nsecond\n"))
    assert put("meta-app", "app_secret", "verify_token").status == 0
    assert entries("meta-app") == {"app_secret": "first", "verify_token": "second"}


def test_at_a_terminal_a_value_is_typed_unseen(put, entries, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: {"api_token: ": VALUE}[prompt])
    told = put("desk", "api_token")
    assert entries("desk") == {"api_token": VALUE}
    assert VALUE not in told.out + told.err


@pytest.mark.parametrize("members", [["=value"], ["Token=x"], ["token="], ["token"]])
def test_a_member_without_a_name_or_a_value_is_refused(put, entries, monkeypatch, members):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert put("desk", *members).status == 2
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        entries("desk")


def test_an_entry_that_is_no_json_object_is_left_alone(put, entries):
    boto3.client("secretsmanager").create_secret(Name="deskwire/desk", SecretString="s3cr3t as it is")
    told = put("desk", f"api_token={VALUE}")
    assert told.status == 1
    assert "holds no JSON object" in told.err
    assert "s3cr3t" not in told.out + told.err
