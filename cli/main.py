"""The command `deskwire`, for operators and developers of connectors.

Each command is a module of its own, imported when it is asked for: `parse` starts without boto3, pydantic or rich.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from .terminal import Parser, UserError, complain

DESCRIPTION = """\
Connects the channels your customers write on to the helpdesk you already have.

  deskwire plan                     what would change
  deskwire apply                    change it
  deskwire parse facebook body.json what Deskwire makes of a webhook
  deskwire thread 7F3K2-9QXMA       what became of a customer's message
  deskwire audit                    whether anything is astray
"""
STATUS = """\
exit status:
  0  done; for `plan`: nothing to do
  1  something failed; for `parse`: at least one file could not be read whole
  2  the command line or deskwire.yaml is wrong: nothing was done
  3  `plan` only: there are changes to apply
  130 interrupted, or not confirmed
"""
TABLE_HELP = "the table's name (else DESKWIRE_TABLE)"
OWN_SETTING_HELP = "a setting of the connection (may be repeated; else those it needs are asked for)"
SETTING_HELP = "a setting of its endpoint (may be repeated; else settings.json beside the captures)"
STACK_HELP = "the deployed stack whose output TableName and SecretsPrefix are used"


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    common = Parser(add_help=False)
    common.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show an error's traceback")
    json_option, where = _json_option(), _where()
    root = Parser(prog="deskwire", description=DESCRIPTION, epilog=STATUS, parents=[common])
    root.add_argument("--version", action="version", version=f"deskwire {importlib.metadata.version('deskwire')}")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    def command(name: str, run: str, short: str, long: str = "", *parents: Parser) -> Parser:
        made: Parser = commands.add_parser(
            name, help=short, description=long or short, epilog=STATUS, parents=[common, *parents]
        )
        made.set_defaults(run=run)
        return made

    _configuration(
        command("plan", "cli.applying:plan", "show what deskwire.yaml would change", PLAN, json_option, where)
    )
    applying = command("apply", "cli.applying:apply", "write deskwire.yaml to the table, all of it or nothing", APPLY,
                       json_option, where)  # fmt: skip
    _configuration(applying)
    applying.add_argument("--yes", "-y", action="store_true", help="do not ask")
    checking = command("check", "cli.applying:check", "check deskwire.yaml, without AWS", "", json_option)
    checking.add_argument("file", nargs="?", default="deskwire.yaml", metavar="FILE", help="default: deskwire.yaml")
    command("schema", "cli.schema:run", "print the JSON schema of deskwire.yaml", SCHEMA)
    command("channels", "cli.abilities:channels", "list the channels and what each can do", "", json_option)
    command("helpdesks", "cli.abilities:helpdesks", "list the helpdesks and what each can do", "", json_option)
    parsing = command("parse", "cli.parsing:run", "say what Deskwire makes of a webhook's body", PARSE)
    parsing.add_argument("connector", metavar="CHANNEL", help="a channel or helpdesk (`deskwire channels` lists them)")
    parsing.add_argument("files", nargs="+", metavar="FILE", help="a raw body or a captured event; - is stdin")
    parsing.add_argument("--header", "-H", action="append", default=[], metavar="'NAME: VALUE'",
                         help="a header that came with a raw body (may be repeated)")  # fmt: skip
    parsing.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE", help=SETTING_HELP)
    _capture(command)
    sending = command("send-capture", "cli.sending:run", "let the running sandbox deliver a captured webhook", SENDING)
    sending.add_argument("files", nargs="+", metavar="FILE", help="a captured event: events/<connector>/<what>.json")
    sending.add_argument("--connector", default="", metavar="NAME", help="whose it is (else the file's folder says it)")
    writing = command("secrets", "cli.secrets:put", "write members of an entry of Secrets Manager", SECRETS, where)
    writing.add_argument("action", choices=["put"], help="the only one there is")
    writing.add_argument("name", metavar="NAME", help="as deskwire.yaml names it, without the prefix")
    writing.add_argument("members", nargs="+", metavar="KEY[=VALUE]", help="KEY alone: asked for, or read from stdin")
    _measuring(command)
    thread = command("thread", "cli.thread:run", "show a conversation: its messages, what was sent, its ticket", THREAD,
                     json_option, where)  # fmt: skip
    thread.add_argument("reference", metavar="REF", help="our reference, HELPDESK/TICKET, or a thread's key")
    thread.add_argument("--text", action="store_true", help="show what the customer and the agents wrote")
    _operating(command, json_option, where)
    _incidents(command, json_option, where)
    _archive(command, json_option, where)
    _reporting(command)
    _connecting(command, where)
    _examining(command, json_option, where)
    _rehearsing(command, json_option, where)
    new = command("new", "cli.scaffold:run", "begin a connector: module, captures, tests", NEW)
    new.add_argument("side", choices=["channel", "helpdesk"], help="the customers' side or the agents'")
    new.add_argument("name", metavar="NAME", help="the platform's product in lower case: telegram, gorgias")
    new.add_argument("--root", default=".", metavar="FOLDER", help="the checkout (default: here)")
    return root


def _json_option(**options: Any) -> Parser:
    made = Parser(add_help=False, **options)
    made.add_argument("--json", action="store_true", help="print JSON, for scripts")
    return made


def _where(*, several: bool = False, **options: Any) -> Parser:
    """Return the options that select the account and the table; `several`: more than one stack."""
    made = Parser(add_help=False, **options)
    made.add_argument("--table", metavar="NAME", help=TABLE_HELP)
    if several:
        made.add_argument("--stack", metavar="NAME", action="append", help=f"{STACK_HELP} (may be repeated)")
    else:
        made.add_argument("--stack", metavar="NAME", help=STACK_HELP)
    made.add_argument("--region", help="the AWS region (else as the AWS tools find it)")
    made.add_argument("--profile", help="the AWS profile (else as the AWS tools find it)")
    return made


def _capture(command: Callable[..., Parser]) -> None:
    """Add the command that makes a capture of a body."""
    made = command("capture", "cli.capturing:run", "make a signed capture and its expected result of a body", CAPTURE)
    made.add_argument("connector", metavar="NAME", help="a channel or helpdesk (`deskwire channels` lists them)")
    made.add_argument("what", metavar="WHAT", help="what happened: text, photo, text-again (a redelivery)")
    made.add_argument("file", metavar="FILE", help="a raw body or a captured event; - is stdin")
    made.add_argument("--header", "-H", action="append", default=[], metavar="'NAME: VALUE'",
                      help="a header that came with a raw body (may be repeated)")  # fmt: skip
    made.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE", help=SETTING_HELP)
    made.add_argument("--force", action="store_true", help="replace a capture of this name")
    made.add_argument("--root", default=".", metavar="FOLDER", help="the checkout (default: here)")


def _measuring(command: Callable[..., Parser]) -> None:
    """Add the commands that try the judgement of messages on files, without AWS."""
    judging = command("judge", "cli.judging:judge", "say what each message is, how it sounds and why", JUDGE)
    judging.add_argument("--languages", default="", metavar="TAGS", help="the company's languages: is,fa,sr-Latn,pl,en")
    judging.add_argument("--visibility", choices=["public", "private"], default="private", help="default: private")
    judging.add_argument("files", nargs="+", metavar="FILE", help="JSON lines with a text each; - is stdin")
    learning = command("learn", "cli.learning:learn", "fit the judgement to your own labelled messages", LEARN)
    learning.add_argument(
        "--languages", default="", metavar="TAGS", help="the company's languages: is,fa,sr-Latn,pl,en"
    )
    learning.add_argument(
        "--hot-tags", default="", metavar="TAGS", help="a line with one of these tags is hot: fault,angry"
    )
    learning.add_argument(
        "files", nargs="+", metavar="FILE", help="JSON lines with a text and a label each; - is stdin"
    )
    answers = command("answers", "cli.judging:answers", "say which declared answer messages would have got", ANSWERS)
    answers.add_argument("action", choices=["try"], help="the only one there is")
    answers.add_argument("--file", default="deskwire.yaml", metavar="YAML", help="default: deskwire.yaml")
    answers.add_argument("--hours", choices=["any", "open", "closed"], default="any", help="default: at any hour")
    answers.add_argument("files", nargs="+", metavar="FILE", help="JSON lines with a text each; - is stdin")


def _incidents(command: Callable[..., Parser], *parents: Parser) -> None:
    """Add the commands that list, update and close incidents, and try their detection on files."""
    made = command("incident", "cli.incidents:run", "list incidents, tell their members what is new, close one",
                   INCIDENT, *parents)  # fmt: skip
    actions = made.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    # The same options behind the action; one that is not given there keeps what stands before it.
    behind = [make(argument_default=argparse.SUPPRESS) for make in (_json_option, _where)]
    actions.add_parser("list", help="list the incidents, with what became of their updates", parents=behind)
    saying = actions.add_parser("say", help="tell every member what is new, once each", parents=behind)
    saying.add_argument("incident", metavar="INCIDENT", help="its name, as `list` shows it")
    saying.add_argument("--text", action="append", default=[], metavar="LANGUAGE=TEXT",
                        help="what is said, by language; the first is for who reads none of the others")  # fmt: skip
    saying.add_argument("--again", type=int, default=0, metavar="N",
                        help="go on with update N: for who is not told yet, or has joined since")  # fmt: skip
    saying.add_argument("--dry-run", action="store_true", help="say how many it is for, and say nothing to them")
    saying.add_argument("--yes", "-y", action="store_true", help="do not ask")
    saying.add_argument("--wait", type=int, default=60, metavar="SECONDS", help="for the report (default: 60)")
    closing = actions.add_parser("close", help="close one by hand", parents=behind)
    closing.add_argument("incident", metavar="INCIDENT", help="its name, as `list` shows it")
    trying = actions.add_parser("try", help="say which incidents messages would have opened")
    trying.add_argument("--languages", default="", metavar="TAGS", help="the company's languages: is,fa,sr-Latn,pl,en")
    trying.add_argument("files", nargs="+", metavar="FILE", help="JSON lines: at, customer, text; - is stdin")


def _reporting(command: Callable[..., Parser]) -> None:
    """Add the report of customers' waits."""
    made = command("report", "cli.report:run", "show how long customers wait, by channel, language, hour …", REPORT,
                   _where(several=True))  # fmt: skip
    made.add_argument("--since", default="7d", metavar="SPAN", help="24h, 7d or 90d (default: 7d)")
    made.add_argument("--format", choices=["text", "json", "csv", "html"], default="text", help="default: text")
    made.add_argument("--connection", action="append", default=[], metavar="NAME",
                      help="of this connection alone (may be repeated; else of all)")  # fmt: skip
    made.add_argument("--output", default="", metavar="FILE", help="write it to a file")


def _operating(command: Callable[..., Parser], *parents: Parser) -> None:
    """Add the commands for strays, parked deliveries and dead letters, and for erasing a person."""
    auditing = command("audit", "cli.audit:run", "prove that every event has one outcome; name what is astray", AUDIT,
                       *parents)  # fmt: skip
    auditing.add_argument("--since", default="24h", metavar="SPAN", help="90m, 24h or 7d (default: 24h)")
    auditing.add_argument("--mend", action="store_true", help="put what is astray on the mailbox once more")
    for name, short, long in (
        ("parked", "list, replay or discard what no connector could read", PARKED),
        ("dead", "list, replay or discard what failed five times", DEAD),
    ):
        made = command(name, f"cli.{name}:run", short, long, *parents)
        made.add_argument("action", nargs="?", default="list", choices=["list", "show", "replay", "discard"],
                          help="default: list")  # fmt: skip
        made.add_argument("ids", nargs="*", metavar="ID", help="the beginning of an id, as `list` shows it")
        made.add_argument("--all", action="store_true", help="replay or discard everything that lies there")
        made.add_argument("--dry-run", action="store_true", help="say what a replay would do, and do nothing")
        made.add_argument("--reason", default="", help="why it is discarded; is kept")
        made.add_argument("--text", action="store_true", help="show customers' words")
    erasing = command("erase", "cli.erase:run", "erase a person's words, files, names and aliases", ERASE, *parents)
    erasing.add_argument("person", metavar="PERSON", help="CHANNEL/AUTHOR, our reference, HELPDESK/TICKET, or a thread")
    erasing.add_argument("--dry-run", action="store_true", help="say what is there, and erase nothing")
    erasing.add_argument("--yes", "-y", action="store_true", help="do not ask")


def _connecting(command: Callable[..., Parser], *parents: Parser) -> None:
    """Add the command that connects an account."""
    made = command(
        "connect", "cli.connecting:run", "connect an account: sign in, store, subscribe, try", CONNECT, *parents
    )
    made.add_argument("channel", metavar="CHANNEL", help="a channel (`deskwire channels` lists them)")
    made.add_argument("--file", default="deskwire.yaml", metavar="YAML", help="default: deskwire.yaml")
    made.add_argument("--endpoint", default="", metavar="NAME", help="its endpoint (else the only one)")
    made.add_argument("--name", default="", metavar="NAME", help="of the connection (else made of the account's)")
    made.add_argument("--account", default="", metavar="ID", help="which account (else you are asked)")
    made.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE", help=OWN_SETTING_HELP)
    made.add_argument("--redirect", default="", metavar="URL", help="where the login page leads back to")
    made.add_argument("--paste", action="store_true", help="paste tokens instead of signing in")
    made.add_argument("--address", metavar="URL", help="where platforms reach Deskwire (see `deskwire plan`)")
    made.add_argument("--yes", "-y", action="store_true", help="do not ask before applying")


def _examining(command: Callable[..., Parser], *parents: Parser) -> None:
    """Add the command that tests a helpdesk."""
    made = command("doctor", "cli.doctor:run", "prove a helpdesk by a round trip with a test ticket", DOCTOR, *parents)
    made.add_argument("helpdesk", metavar="HELPDESK", help="its name in deskwire.yaml")
    made.add_argument("--read-only", action="store_true", help="open no ticket")
    made.add_argument("--yes", "-y", action="store_true", help="do not ask before opening the test ticket")


def _archive(command: Callable[..., Parser], *parents: Parser) -> None:
    """Add the commands for the archive of conversations."""
    made = command(
        "archive", "cli.archive:verify", "prove that the archive of conversations is whole", VERIFY, *parents
    )
    made.add_argument("action", choices=["verify"], help="the only one there is")
    made.add_argument("--since", default="", metavar="SPAN", help="24h or 30d (default: all that is kept)")
    made = command("find", "cli.archive:find", "search the archive of conversations", FIND, *parents)
    made.add_argument("words", nargs="+", metavar="WORDS", help="all of them must be there; quote a phrase")
    made.add_argument("--since", default="30d", metavar="SPAN", help="24h or 90d (default: 30d)")
    made.add_argument("--channel", default="", metavar="CHANNEL", help="this channel alone")
    made.add_argument("--person", default="", metavar="CHANNEL/AUTHOR", help="what this person wrote alone")


def _rehearsing(command: Callable[..., Parser], *parents: Parser) -> None:
    """Add the command that replays recorded messages with another policy."""
    made = command("replay-policy", "cli.rehearsing:run", "show what a changed policy would have done; sends nothing",
                   REHEARSE, *parents)  # fmt: skip
    made.add_argument("--since", default="7d", metavar="SPAN", help="90m, 24h or 7d (default: 7d)")
    made.add_argument("--file", default="deskwire.yaml", metavar="YAML", help="default: deskwire.yaml")
    made.add_argument("--channel", default="", metavar="CHANNEL", help="this channel alone")
    made.add_argument("--format", choices=["text", "json"], default="text", help="json is the same as --json")
    made.add_argument("--examples", type=int, default=20, metavar="N", help="most messages shown (default: 20)")
    made.add_argument("--words", action="store_true", help="show what the customers wrote")


def _configuration(made: Parser) -> None:
    made.add_argument("file", nargs="?", default="deskwire.yaml", metavar="FILE", help="default: deskwire.yaml")
    made.add_argument("--address", metavar="URL", help="where platforms reach it (else as noted, else the stack's own)")
    made.add_argument("--no-platforms", action="store_true", help="leave the platforms alone")
    made.add_argument("--steps", action="store_true", help="print what is done by hand at every platform")
    made.add_argument("--no-secrets", action="store_true", help="do not look whether the secrets are there")


PLAN = """\
Compares deskwire.yaml with the table and shows what `apply` would add, change and remove, which secrets are missing,
and how each connection stands at its platform: webhook, fields, permissions, tokens. Writes nothing.

  deskwire plan --stack deskwire
  deskwire plan company.yaml --table deskwire-Table-1ABC --json
"""
APPLY = """\
Writes deskwire.yaml to the table in one transaction: all of it or nothing. What an earlier apply wrote and the file
no longer has is removed. Two people cannot apply at once: the second is told to look at the plan again. Then sets the
webhooks up at the platforms where they are not as wanted, and prints what is to be done there by hand.

  deskwire apply --stack deskwire
  deskwire apply --stack deskwire --yes --json
"""
CONNECT = """\
Walks you through connecting an account, or renewing its token: prints the login page, takes the code it leads you back
with, stores the account's token, writes the connection into deskwire.yaml, applies the file (which sets the webhook up
at the platform), and tries whether the platform will reach Deskwire. Facebook, Messenger, Instagram, Google and
LinkedIn sign in; for the others, and with --paste, you are asked for each token. No token is shown.

  deskwire connect facebook --stack deskwire
  deskwire connect whatsapp --account 440000000000012 --stack deskwire
"""
DOCTOR = """\
Proves a helpdesk: first what can be read (webhook, rights, signing in), then a marked test ticket is opened, extended,
found again, read back and closed, and its words taken out where the helpdesk can. Each step has a line, with what to
mend where it failed. What cannot be closed by the connector is named, to be closed by hand.

  deskwire doctor zendesk-main --stack deskwire
  deskwire doctor zendesk-main --read-only --json --stack deskwire
"""
SCHEMA = """\
Prints the JSON schema of deskwire.yaml. Editors with the YAML language server complete and check by it when the file
begins with  # yaml-language-server: $schema=docs/deskwire.schema.json
"""
PARSE = """\
Says what Deskwire would make of a webhook: one JSON object per event on a line. Needs no AWS and no secret, and
verifies nothing. Each FILE is a raw body, or a captured API Gateway event (a JSON object with requestContext.http).
A file that cannot be read gives a line {"error": …, "file": …}, and the exit status 1 at the end.

  deskwire parse facebook events/facebook/*.json
  curl -s … | deskwire parse x -
  deskwire parse google body.json --header 'x-goog-pubsub-message-id: 7'
  deskwire parse webform body.json --setting captcha=turnstile

Settings of the endpoint are those of settings.json beside a capture, as in conformance; --setting adds or replaces one.
"""
JUDGE = """\
Reads JSON lines {"text": …} and prints each with its judgement: language (BCP 47 or null), heat (hot, cold), kind
(complaint, urgent, outage, question, praise, mention), mood (-1 to 1), private (what should not stand in public) and
reasons in words. Other members pass through. A line that is no such object is told with file and line, and then
nothing is printed and the exit status is 2.

  deskwire judge --languages is,fa,sr-Latn,sr-Cyrl,sq,pl,en messages.jsonl
  deskwire judge --visibility public - < posts.jsonl
"""
LEARN = """\
Reads JSON lines with a text and what it was: “label” (complaint, urgent, outage or hot; question, praise, mention or
cold), or “tags” with --hot-tags, or “rating” (1 and 2 are hot, 4 and 5 cold). Prints what belongs under `judging` of
the policy: weights of the signs and points of your own words. On stderr: how messages are judged today, and how by
what the others teach. Where that is no better than luck explains, nothing is printed and the exit status is 1. Nothing
leaves this machine; read the words before you keep them. 1,000 messages take some 10 seconds.

  deskwire learn --languages pl,en labelled.jsonl > learned.yaml
  deskwire learn --hot-tags fault,angry,lawyer exported-tickets.jsonl
"""
INCIDENT = """\
An incident is more trouble than the hour's usual explains; the section `incidents` of deskwire.yaml has it watched for.
`say` tells each of its members once, inside the channel's windows, in their language, and reports who was told, who was
not and why. A second `say` is a further update. `try` reads JSON lines {"at": ISO time, "customer": …, "text": …} in
order of time (UTC where it has no offset) and prints what would have been opened and closed; it needs no AWS.

  deskwire incident list --stack deskwire
  deskwire incident say 20261102-3f9c1 --text "en=It works again." --text "pl=Już działa." --dry-run --stack deskwire
  deskwire incident close 20261102-3f9c1 --stack deskwire
  deskwire incident try --languages pl,en last-month.jsonl
"""
ANSWERS = """\
Reads JSON lines {"text": …} (and, where known, channel and language) and prints each with the name of the answer of
deskwire.yaml that it would have got, or null, and how near the question was.

  deskwire answers try --file deskwire.yaml questions.jsonl
"""
CAPTURE = """\
Signs a body by the connector's own rule, with the invented secrets of events/NAME/secrets.json, as received now. Writes
events/NAME/WHAT.json and what the connector makes of it today, tests/expected/NAME/WHAT.json: compare that with the
vendor's pages.

  deskwire capture telegram text body.json
  curl -s … | deskwire capture telegram text-again -
"""
THREAD = """\
Shows what became of a conversation. Customers' words are hidden unless --text.

  deskwire thread 7F3K2-9QXMA           the reference the customer was told
  deskwire thread zendesk-main/4711     a ticket: the helpdesk's name in deskwire.yaml, and its number
  deskwire thread facebook/104/104_77   a thread's key
"""
SENDING = """\
Lets the sandbox that runs in this checkout (`make sandbox`) sign a captured webhook freshly, by the rule of its
connector, and deliver it. Says how it was answered, and what became of each event. An account that is in no
connection of the sandbox gets one. The same capture sent again is a redelivery: it is filed once.

  deskwire send-capture events/messenger/text.json
  deskwire send-capture my-capture.json --connector messenger
"""
SECRETS = """\
Writes members of an entry of Secrets Manager beside those that are there; makes the entry where there is none. Shows
no value. A member named twice has two values, the new one first, as during a rotation.

  deskwire secrets put endpoints/meta-app app_secret verify_token --stack deskwire     asks for both
  vault read … | deskwire secrets put desk api_token --stack deskwire        a line of stdin for each
"""
REPORT = """\
Shows what was filed, answered, solved and opened again, and how long customers waited: by channel, connection,
language, priority, kind, hour and day, and whether one channel waits longer for the same kind of message. A ticket
counts in the hour in which its customer wrote. No customer's words are in it. docs/reporting.md explains each figure.

  deskwire report --stack deskwire --since 7d
  deskwire report --stack deskwire --since 30d --format html --output report.html
"""
VERIFY = """\
Follows the chain of the archive of conversations line by line and names the first that was changed, removed, inserted
or swapped; the exit status is then 1. Prints the number and the hash of the last line: who notes them elsewhere can
prove later that all until then is as it was. Reads no words and needs no key.

  deskwire archive verify --stack deskwire
  deskwire archive verify --since 30d --json --stack deskwire
"""
FIND = """\
Searches the archive of conversations by words, whatever the case and the accents; a word is found by its beginning.
Needs the right to read the table's keys (docs/archive.md). What was erased, taken back or may not be kept is counted,
and not found.

  deskwire find parcel 7731 --stack deskwire
  deskwire find "never arrived" --channel messenger --since 90d --json --stack deskwire
"""
AUDIT = """\
Walks through the table and counts how every event since then ended. What has no outcome, and nobody goes on with, is
named: connection, age, state, the digest by which logs name it, thread, and what to do. Then the exit status is 1, and
also while anything is parked or dead: a monitor can run it. With --json, `in_order` says the same.

  deskwire audit --stack deskwire --since 24h
  deskwire audit --stack deskwire --mend
"""
PARKED = """\
What a platform truly sent and no connector could read waits here for two weeks. Once the connector is mended and
deployed, replay it: it is read again, and what had arrived before is not filed twice. Words are hidden unless --text.

  deskwire parked --stack deskwire
  deskwire parked show 3f2a --text --stack deskwire
  deskwire parked replay --all --dry-run --stack deskwire
  deskwire parked discard 3f2a --reason "a test of the platform's" --stack deskwire
"""
DEAD = """\
Letters of the mailbox that failed five times. Look at converse's log, mend the cause, replay. Words are hidden
unless --text. Of one conversation at most ten letters are shown at once.

  deskwire dead --stack deskwire
  deskwire dead replay --all --stack deskwire
  deskwire dead discard 9c01 --reason "the account was sold" --stack deskwire
"""
ERASE = """\
Erases a person from table, archive, parked deliveries and dead letters, and asks the helpdesk to redact what they
wrote. Prints a certificate without personal data, which is kept, and says what is left to be done by hand. May be run
again: it goes on where it stopped. Helpdesks' own records (profile, subject of the ticket) stay a matter of theirs.

  deskwire erase messenger/24900000000000017 --stack deskwire
  deskwire erase 7F3K2-9QXMA --stack deskwire --dry-run
"""
REHEARSE = """\
Plays the recorded messages of the last days once more, with the rules that are applied and with those of the file, and
shows where they differ: acknowledgements, declared answers, tickets, priorities, tags, what is hidden. Nothing is sent
and nothing is written; the table is only read. Customers' words are hidden unless --words.

  deskwire replay-policy --since 7d --stack deskwire
  deskwire replay-policy --file proposed.yaml --channel messenger --format json --stack deskwire
"""
NEW = """\
Begins a connector: a module, captures signed with an invented secret, expected results, an exchange and tests. The
result passes the suite as it is; make it true step by step.

  deskwire new channel telegram
  deskwire new helpdesk gorgias
"""


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments; accept ids after options as well, where argparse does not."""
    reader = parser()
    args, left = reader.parse_known_args(arguments)
    if left and hasattr(args, "ids") and not any(each.startswith("-") for each in left):
        args.ids += left
    elif left:
        reader.error(f"unrecognized arguments: {' '.join(left)}")
    return args


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    from deskwire.model.errors import DeskwireError

    try:
        args = _parsed(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    debug = getattr(args, "debug", False)
    try:
        module, _, function = args.run.partition(":")
        status = int(getattr(importlib.import_module(module), function)(args))
        sys.stdout.flush()
    except UserError as error:
        return _failed(str(error), error.status, debug=debug)
    except DeskwireError as error:
        return _failed(str(error), 1, debug=debug)
    except BrokenPipeError:  # `deskwire parse … | head`: what is left has no reader
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _failed("interrupted", 130, debug=debug)
    except Exception as error:  # noqa: BLE001 - a person gets a sentence; --debug shows where it was
        return _failed(
            f"{type(error).__name__} in Deskwire itself; run it again with --debug to see where", 1, debug=debug
        )
    return status


def _failed(message: str, status: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    complain(message)
    return status


if __name__ == "__main__":
    sys.exit(main())
