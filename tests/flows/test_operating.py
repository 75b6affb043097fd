"""The operator's commands on the deployed template, as somebody with the rights that docs/parked-and-dead.md prints."""

import base64
import json
import os
import re
import secrets
import subprocess
import sys
import uuid
from datetime import UTC, datetime

import pytest
import yaml

from deskwire import registry
from deskwire.letters import letter_of
from deskwire.web.request import Request
from sandbox.cloud.stack import NAME, REGION, ROOT
from sandbox.neighbours.platform import REFERENCE

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("flows")]

PAGE = (ROOT / "docs" / "parked-and-dead.md").read_text()
OPERATING = (ROOT / "docs" / "operating.md").read_text()
DEPLOYING = (ROOT / "docs" / "deploying.md").read_text()


def rights(stack, page=PAGE):
    """Return the statements of the page by their names, with what is deployed in place of the names."""
    deployed, sqs = stack.deployed, stack.client("sqs")
    described = stack.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
    account = described["StackId"].split(":")[4]

    def queue(url):
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    names = {
        "STACK_ARN": f"arn:aws:cloudformation:{REGION}:{account}:stack/{NAME}/*",
        "TABLE_ARN": f"arn:aws:dynamodb:{REGION}:{account}:table/{deployed.table}",
        "DEAD_LETTERS_ARN": queue(deployed.dead_letters),
        "PARKED_ARN": queue(deployed.parked),
        "MAILBOX_ARN": queue(deployed.mailbox),
        "ARCHIVE_ARN": f"arn:aws:s3:::{deployed.archive}",
        "TRANSCRIPTS_ARN": f"arn:aws:s3:::{deployed.transcripts}",
        "SECRETS_ARN": f"arn:aws:secretsmanager:{REGION}:{account}:secret:{deployed.secrets_prefix}*",
    }
    (written,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    for name, arn in names.items():
        written = written.replace(name, arn)
    assert "_ARN" not in written
    return {statement["Sid"]: statement for statement in json.loads(written)["Statement"]}


class Operator:
    """A user of the account with some of the rights, and the command as they run it."""

    def __init__(self, company, statements):
        self._company, self._statements = company, statements
        self._iam = company.stack.client("iam")
        self._name = f"operator-{uuid.uuid4().hex[:8]}"
        self._iam.create_user(UserName=self._name)
        key = self._iam.create_access_key(UserName=self._name)["AccessKey"]
        self._keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        self.without()

    def without(self, *names):
        left = [statement for name, statement in self._statements.items() if name not in names]
        assert len(left) == len(self._statements) - len(names)
        policy = json.dumps({"Version": "2012-10-17", "Statement": left})
        self._iam.put_user_policy(UserName=self._name, PolicyName="operator", PolicyDocument=policy)

    def __call__(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments, "--stack", NAME],
            cwd=ROOT,
            env={
                **os.environ, **self._company.stack.environment, **self._keys,
                "PYTHONPATH": f"{ROOT / 'layers' / 'deskwire'}:{ROOT}",
                "DESKWIRE_SANDBOX": json.dumps(self._company.hosts),
            },
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def answer(self, *arguments, status=0):
        """Return what a command prints as JSON."""
        run = self(*arguments, "--json")
        assert run.returncode == status, run.stderr
        return json.loads(run.stdout)

    def audited(self, *arguments):
        """Return what `audit` prints; its status says whether a person is needed."""
        run = self("audit", *arguments, "--json")
        found = json.loads(run.stdout)
        queues = found["queues"]
        assert run.returncode == int(bool(found["strays"] or queues["parked"] or queues["dead"])), run.stderr
        return found

    def listed(self, what, **wanted):
        """Return those of a list that have these values; a command that ended a moment ago may hide them yet."""
        return [each for each in self.answer(what) if wanted.items() <= each.items()]


@pytest.fixture(scope="module")
def operator(company):
    return Operator(company, rights(company.stack))


@pytest.fixture
def clerk(company, operator):
    """Somebody whose rights a test takes away."""
    return Operator(company, operator._statements)


@pytest.fixture
def customer(stories):
    """Somebody who wrote on Messenger: the message is filed and acknowledged, and too large for the mailbox."""
    meta, page, marker = stories.meta, stories.open_page(), stories.marker()
    who = meta.person("Marta Lindqvist")
    told = meta.writes(who, page, f"Where is my parcel {marker}?", unknown=secrets.token_urlsafe(100_000))
    assert stories.statuses(stories.deliver("meta", told.entry))[-1] == 200  # a busy machine: it is sent again
    ticket = stories.ticket(marker)
    stories.eventually(lambda: stories.said(f"messenger {who.psid(page)}"))
    stories.calm()
    return who.psid(page), marker, ticket


def letter(stories):
    """Return a letter that converse has not seen, and the words in it."""
    meta, page, marker = stories.meta, stories.open_page(), stories.marker()
    route = stories.company.routes["meta"]
    body = route.bundle([meta.writes(meta.person("Ivo Brandt"), page, f"Hello {marker}").entry])
    now = datetime.now(UTC)
    request = Request(method="POST", endpoint="meta", body=body, received_at=now)
    (event,) = registry.channel("messenger").parse(request)
    return letter_of(event, "meta", "channels", now.isoformat(), None), marker, body


def die(stories):
    """Lay a letter among the dead ones, as after five failures; return the words in it."""
    made, marker, _ = letter(stories)
    stories.company.stack.client("sqs").send_message(
        QueueUrl=stories.company.stack.deployed.dead_letters, MessageBody=made.body, MessageGroupId=made.group,
        MessageDeduplicationId=made.dedupe,
    )  # fmt: skip
    return marker


def park(stories, body):
    """Park a delivery to Meta's endpoint."""
    parked = {
        "endpoint": "meta", "side": "channels", "reason": "not JSON", "received_at": datetime.now(UTC).isoformat(),
        "content_type": "application/json", "headers": {}, "body": base64.b64encode(body).decode(),
    }  # fmt: skip
    url = stories.company.stack.deployed.parked
    return stories.company.stack.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(parked))["MessageId"]


def archived(stories, marker):
    """Return the versions of what the archive holds, of those that have the words."""
    s3, bucket = stories.company.stack.client("s3"), stories.company.stack.deployed.archive
    versions = s3.list_object_versions(Bucket=bucket).get("Versions", [])
    bodies = [s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"]) for each in versions]
    return [each for each in bodies if marker.encode() in each["Body"].read()]


def test_the_audit_finds_every_event_with_its_outcome(operator, customer):
    found = operator.audited("--since", "24h")
    assert found["outcomes"]["filed"] >= 1
    assert found["strays"] == []
    assert set(found["queues"]) == {"mailbox", "parked", "dead"}


def test_the_reference_of_the_acknowledgement_leads_to_the_thread_and_stands_in_the_ticket(operator, stories, customer):
    psid, marker, ticket = customer
    (said,) = stories.said(f"messenger {psid}")
    reference = REFERENCE.search(said.text)[0]
    assert reference in ticket.comments[0].text
    found = operator.answer("thread", reference, "--text")
    assert marker in json.dumps(found)
    assert ticket.id in json.dumps(found)


def test_what_was_parked_is_listed_shown_replayed_and_discarded(operator, stories):
    _, marker, readable = letter(stories)
    mended, hopeless = park(stories, readable), park(stories, b"{")
    assert {mended, hopeless} <= {each["id"] for each in operator.answer("parked")}
    (shown,) = operator.answer("parked", "show", mended)
    assert marker not in json.dumps(shown)
    assert marker in json.dumps(operator.answer("parked", "show", mended, "--text"))
    (dry,) = operator.answer("parked", "replay", mended, "--dry-run")
    assert (dry["events"], dry["new"]) == (1, 1)
    assert not stories.filed(marker)
    operator.answer("parked", "replay", mended)
    stories.ticket(marker)
    (stays,) = operator.answer("parked", "replay", hopeless, status=1)
    assert stays["stays"]
    assert operator("parked", "discard", hopeless, "--reason", "a test of the platform's").returncode == 0
    assert not {mended, hopeless} & {each["id"] for each in operator.answer("parked")}
    assert operator.audited()["discarded"] >= 1


def test_what_died_is_listed_shown_replayed_and_discarded(operator, stories):
    marker = die(stories)
    (found,) = operator.listed("dead", state="never recorded")
    (shown,) = operator.answer("dead", "show", found["id"])
    assert marker not in json.dumps(shown)
    assert marker in json.dumps(operator.answer("dead", "show", found["id"], "--text"))
    operator.answer("dead", "replay", found["id"], "--dry-run")
    assert operator.listed("dead", id=found["id"])
    operator.answer("dead", "replay", found["id"])
    stories.ticket(marker)
    unwanted = die(stories)
    (found,) = operator.listed("dead", state="never recorded")
    assert operator("dead", "discard", found["id"], "--reason", "the account was sold").returncode == 0
    assert operator.answer("dead") == []
    assert not stories.filed(unwanted)
    assert operator.audited()["outcomes"]["dead"] >= 1


def test_a_person_is_erased_from_the_table_and_from_the_ticket(operator, stories, customer):
    psid, marker, ticket = customer
    assert archived(stories, marker)
    run = operator("erase", f"messenger/{psid}", "--yes")
    assert run.returncode == 0, run.stderr
    certificate = json.loads(run.stdout)
    assert certificate["complete"]
    assert psid not in run.stdout
    assert not stories.filed(marker)
    assert not archived(stories, marker)
    assert marker not in operator("thread", f"desk/{ticket.id}", "--text").stdout


def test_a_policy_is_tried_on_past_messages_by_somebody_who_may_only_read(company, stories, customer, tmp_path):
    _, marker, ticket = customer
    section = OPERATING.partition("### Trying a policy on past messages")[2].partition("\n### ")[0]
    reader = Operator(company, rights(company.stack, section))
    proposed = yaml.safe_load(company.rules.read_text(encoding="utf-8"))
    for policy in proposed["policies"].values():
        policy["acknowledge"] = {"private": False, "public": False}
    file = tmp_path / "proposed.yaml"
    file.write_text(yaml.safe_dump(proposed, allow_unicode=True))
    found = reader.answer("replay-policy", "--file", str(file), "--channel", "messenger", "--since", "24h")
    assert found["counts"]["acknowledgement"]["not sent"] >= 1
    assert f"desk/{ticket.id}" in {each["where"] for each in found["examples"]}
    assert marker not in json.dumps(found)
    assert reader("erase", "messenger/1", "--yes").returncode == 1


@pytest.mark.parametrize(
    ("statement", "command", "missing"),
    [
        ("FindTheStack", ["audit"], "cloudformation:DescribeStacks"),
        ("AuditAndReplay", ["audit"], "dynamodb:Scan"),
        ("LookThrough", ["parked"], "sqs:ReceiveMessage"),
        ("LookThrough", ["audit"], "sqs:GetQueueAttributes"),
        ("SendAgain", ["dead", "replay", "--all"], "sqs:SendMessage"),
        ("Erase", ["erase", "{person}", "--yes"], "dynamodb:DeleteItem"),
        ("EraseVersions", ["erase", "{person}", "--yes"], "s3:DeleteObjectVersion"),
        ("FindVersions", ["erase", "{person}", "--yes"], "s3:ListBucketVersions"),
        ("AskTheHelpdesk", ["erase", "{person}", "--yes"], "deskwire/desk"),
    ],
)
def test_without_a_right_the_command_says_which_is_missing(clerk, stories, customer, statement, command, missing):
    psid, _, _ = customer
    if "dead" in command:
        die(stories)
    clerk.without(statement)
    run = clerk(*(each.format(person=f"messenger/{psid}") for each in command))
    assert run.returncode == 1, run.stdout
    assert missing in run.stderr + run.stdout


def test_a_restored_table_is_imported_into_a_new_stack_and_then_kept(company):
    """As docs/deploying.md says, up to the change set that would make everything around the table."""
    stack, (written,) = company.stack, re.findall(r"```yaml\n(.*?)```", DEPLOYING, re.DOTALL)
    table, cloudformation = stack.client("dynamodb"), stack.client("cloudformation")
    named = {"Parameters": [{"ParameterKey": "TableName", "ParameterValue": "deskwire-restored"}]}
    what = {"ResourceType": "AWS::DynamoDB::Table", "LogicalResourceId": "Table",
            "ResourceIdentifier": {"TableName": "deskwire-restored"}}  # fmt: skip
    table.restore_table_to_point_in_time(
        SourceTableName=stack.deployed.table, TargetTableName="deskwire-restored", UseLatestRestorableTime=True
    )
    try:
        table.get_waiter("table_exists").wait(TableName="deskwire-restored", WaiterConfig={"Delay": 1})
        new = {"StackName": "deskwire2", **named}
        cloudformation.create_change_set(
            ChangeSetName="import", ChangeSetType="IMPORT", TemplateBody=written, ResourcesToImport=[what], **new
        )
        made(cloudformation, "import")
        cloudformation.execute_change_set(StackName="deskwire2", ChangeSetName="import")
        cloudformation.get_waiter("stack_import_complete").wait(StackName="deskwire2", WaiterConfig={"Delay": 1})
        cloudformation.create_change_set(
            ChangeSetName="whole", ChangeSetType="UPDATE", TemplateURL=stack.template,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"], **new,
        )  # fmt: skip
        changes = {each["LogicalResourceId"]: each for each in made(cloudformation, "whole")}
        assert (changes["Table"]["Action"], changes["Table"]["Replacement"]) == ("Modify", "False")
        assert {each["Action"] for name, each in changes.items() if name != "Table"} == {"Add"}
    finally:
        cloudformation.delete_stack(StackName="deskwire2")
        table.delete_table(TableName="deskwire-restored")


def made(cloudformation, name):
    """Return the changes of a set once it is made."""
    cloudformation.get_waiter("change_set_create_complete").wait(
        StackName="deskwire2", ChangeSetName=name, WaiterConfig={"Delay": 1}
    )
    found = cloudformation.describe_change_set(StackName="deskwire2", ChangeSetName=name)
    return [each["ResourceChange"] for each in found["Changes"]]
