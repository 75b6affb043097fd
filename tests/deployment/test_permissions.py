"""Each role tried on the embedded AWS, which enforces it: what it may do works, everything else is refused."""

import shutil

import pytest

from deskwire.aws.clients import SesMail
from sandbox.cloud.stack import Stack

pytestmark = pytest.mark.stack

CALLS = {
    "send to the mailbox": lambda s: ("sqs", "send_message", mailbox(s) | {"MessageBody": "{}"}),
    "receive from the mailbox": lambda s: ("sqs", "receive_message", {"QueueUrl": s.mailbox}),
    "send to parked": lambda s: ("sqs", "send_message", {"QueueUrl": s.parked, "MessageBody": "{}"}),
    "receive from parked": lambda s: ("sqs", "receive_message", {"QueueUrl": s.parked}),
    "count the mailbox": lambda s: counting(s.mailbox),
    "count the dead letters": lambda s: counting(s.dead_letters),
    "count parked": lambda s: counting(s.parked),
    "purge the mailbox": lambda s: ("sqs", "purge_queue", {"QueueUrl": s.mailbox}),
    "get an endpoint": lambda s: ("dynamodb", "get_item", key(s, "E#meta")),
    "put an endpoint": lambda s: ("dynamodb", "put_item", {"TableName": s.table, "Item": key(s, "E#meta")["Key"]}),
    "update the configuration": lambda s: ("dynamodb", "update_item", key(s, "CONFIGURATION")),
    "get a thread": lambda s: ("dynamodb", "get_item", key(s, "T#thread")),
    "put a thread": lambda s: ("dynamodb", "put_item", {"TableName": s.table, "Item": key(s, "T#thread")["Key"]}),
    "update a rate": lambda s: ("dynamodb", "update_item", key(s, "R#form")),
    "update a thread": lambda s: ("dynamodb", "update_item", key(s, "T#thread")),
    "delete a thread": lambda s: ("dynamodb", "delete_item", key(s, "T#thread")),
    "get a token": lambda s: ("dynamodb", "get_item", key(s, "W#fact")),
    "put a token": lambda s: ("dynamodb", "put_item", {"TableName": s.table, "Item": key(s, "W#fact")["Key"]}),
    "count figures": lambda s: ("dynamodb", "update_item", key(s, "F#messenger/1")),
    "get figures": lambda s: ("dynamodb", "get_item", key(s, "F#messenger/1")),
    "query figures": lambda s: ("dynamodb", "query", query(s, "pk", "F#messenger/1")),
    "get a connection": lambda s: ("dynamodb", "get_item", key(s, "C#messenger/1")),
    "get the configuration": lambda s: ("dynamodb", "get_item", key(s, "CONFIGURATION")),
    "query counts": lambda s: ("dynamodb", "query", query(s, "pk", "Q#company")),
    "open an incident": lambda s: ("dynamodb", "put_item", {"TableName": s.table, "Item": key(s, "INCIDENTS")["Key"]}),
    "tell the alarms": lambda s: ("sns", "publish", {"TopicArn": s.alarms, "Message": "a"}),
    "query a thread": lambda s: ("dynamodb", "query", query(s, "pk", "T#thread")),
    "read an outbox": lambda s: ("dynamodb", "query", query(s, "pk", "V#thread")),
    "query what is due": lambda s: ("dynamodb", "query", query(s, "due_shard", "0") | {"IndexName": "due"}),
    "scan": lambda s: ("dynamodb", "scan", {"TableName": s.table}),
    "write a transaction": lambda s: (
        "dynamodb",
        "transact_write_items",
        {"TransactItems": [{"Put": {"TableName": s.table, "Item": key(s, "T#other")["Key"]}}]},
    ),
    "drop the table": lambda s: ("dynamodb", "delete_table", {"TableName": s.table}),
    "read an endpoint's secret": lambda _: (
        "secretsmanager",
        "get_secret_value",
        {"SecretId": "deskwire/endpoints/meta"},
    ),
    "read a secret": lambda _: ("secretsmanager", "get_secret_value", {"SecretId": "deskwire/meta"}),
    "read another's secret": lambda _: ("secretsmanager", "get_secret_value", {"SecretId": "elsewhere/meta"}),
    "change a secret": lambda _: (
        "secretsmanager",
        "put_secret_value",
        {"SecretId": "deskwire/meta", "SecretString": "x"},
    ),
    "put raw/": lambda s: ("s3", "put_object", {"Bucket": s.archive, "Key": "raw/a", "Body": "a"}),
    "put parked/": lambda s: ("s3", "put_object", {"Bucket": s.archive, "Key": "parked/a", "Body": "a"}),
    "put incoming/": lambda s: ("s3", "put_object", {"Bucket": s.archive, "Key": "incoming/a", "Body": "a"}),
    "put anywhere": lambda s: ("s3", "put_object", {"Bucket": s.archive, "Key": "a", "Body": "a"}),
    "get raw/": lambda s: ("s3", "get_object", {"Bucket": s.archive, "Key": "raw/seed"}),
    "get parked/": lambda s: ("s3", "get_object", {"Bucket": s.archive, "Key": "parked/seed"}),
    "get incoming/": lambda s: ("s3", "get_object", {"Bucket": s.archive, "Key": "incoming/seed"}),
    "lend a file": lambda s: ("s3", "put_object", {"Bucket": s.archive, "Key": "lent/a", "Body": "a"}),
    "get lent/": lambda s: ("s3", "get_object", {"Bucket": s.archive, "Key": "lent/seed"}),
    "put copied/": lambda s: ("s3", "put_object", {"Bucket": s.archive, "Key": "copied/a", "Body": "a"}),
    "get copied/": lambda s: ("s3", "get_object", {"Bucket": s.archive, "Key": "copied/seed"}),
    "delete copied/": lambda s: ("s3", "delete_object", {"Bucket": s.archive, "Key": "copied/seed"}),
    "list the archive": lambda s: ("s3", "list_objects_v2", {"Bucket": s.archive}),
    "get a key": lambda s: ("dynamodb", "get_item", key(s, "Y#key")),
    "put a key": lambda s: ("dynamodb", "put_item", {"TableName": s.table, "Item": key(s, "Y#key")["Key"]}),
    "query salts": lambda s: ("dynamodb", "query", query(s, "pk", "Z#object")),
    "destroy a salt": lambda s: ("dynamodb", "delete_item", key(s, "Z#object")),
    "note the end of the chain": lambda s: ("dynamodb", "update_item", key(s, "ARCHIVE")),
    "put a block": lambda s: (
        "s3",
        "put_object",
        {"Bucket": s.transcripts, "Key": "conversations/a", "Body": "a", "IfNoneMatch": "*"},
    ),
    "get a block": lambda s: ("s3", "get_object", {"Bucket": s.transcripts, "Key": "conversations/seed"}),
    "delete a block": lambda s: ("s3", "delete_object", {"Bucket": s.transcripts, "Key": "conversations/seed"}),
    "mail as the company": lambda _: ("sesv2", "send_email", mail("help@example.org")),
    "mail as another": lambda _: ("sesv2", "send_email", mail("sales@example.org")),
    "look at the receipt rules": lambda _: ("ses", "describe_active_receipt_rule_set", {}),
    "make receipt rules": lambda _: ("ses", "create_receipt_rule_set", {"RuleSetName": "deskwire"}),
    "look at the mail account": lambda _: ("sesv2", "get_account", {}),
    "look at an identity": lambda _: ("sesv2", "get_email_identity", {"EmailIdentity": "help@example.org"}),
    "list roles": lambda _: ("iam", "list_roles", {}),
}
ALLOWED = {
    "receive": {
        *("send to the mailbox", "send to parked", "get an endpoint", "update a rate", "read an endpoint's secret"),
        *("put raw/", "put parked/", "put incoming/", "read an outbox"),
    },
    "converse": {
        *("send to the mailbox", "receive from the mailbox", "count the mailbox"),
        *("get an endpoint", "get a thread", "put a thread", "update a rate", "update a thread"),
        *("query a thread", "read an outbox", "write a transaction", "read a secret", "read an endpoint's secret"),
        *("get a token", "put a token", "get figures", "query figures", "count figures", "get a connection"),
        *("get the configuration", "query counts", "query what is due", "open an incident"),
        *("get raw/", "get incoming/", "put raw/", "mail as the company"),
        *("lend a file", "get lent/", "put copied/", "get copied/"),
        *("look at the receipt rules", "look at the mail account", "look at an identity"),
    },
    "sweep": {"send to the mailbox", "query what is due", "get a connection", "get the configuration"},
    # The embedded AWS cannot tell the partitions of a transaction; test_template.py reads what the role says of them.
    "watch": {
        *("get a token", "put a token", "get figures", "query figures", "count figures", "get a connection"),
        "write a transaction",
        *("send to the mailbox", "get the configuration", "query counts", "open an incident", "tell the alarms"),
    },
    "archiving": {
        *("get a connection", "get a key", "put a key", "query salts", "destroy a salt", "note the end of the chain"),
        *("write a transaction", "put a block", "get a block"),
    },
}


def mailbox(stack):
    return {"QueueUrl": stack.mailbox, "MessageGroupId": "thread", "MessageDeduplicationId": "event"}


def counting(queue):
    return ("sqs", "get_queue_attributes", {"QueueUrl": queue, "AttributeNames": ["ApproximateNumberOfMessages"]})


def key(stack, partition):
    return {"TableName": stack.table, "Key": {"pk": {"S": partition}, "sk": {"S": "s"}}}


def query(stack, name, value):
    return {
        "TableName": stack.table,
        "KeyConditionExpression": f"{name} = :value",
        "ExpressionAttributeValues": {":value": {"S": value}},
    }


class Recorded:
    """SES's client: keeps what the product sends it."""

    def send_email(self, **given):
        self.given = given
        return {"MessageId": "m"}


def mail(sender):
    """Return what the product asks SES for. AWS wants another right for a raw mail than for a simple one."""
    recorded = Recorded()
    send = SesMail()
    send._client = recorded
    send(sender=f"Somebody <{sender}>", recipient="customer@example.com", subject="a", text="a", headers={})
    raw = recorded.given["Content"]["Raw"]["Data"].decode()  # the probe is told in JSON; boto3 takes text as well
    return {**recorded.given, "Content": {"Raw": {"Data": raw}}}


def test_the_mail_that_is_tried_out_is_raw_as_the_product_s_mails_are():
    assert set(mail("help@example.org")["Content"]) == {"Raw"}


def refused(stack, role, call):
    service, name, arguments = CALLS[call](stack.deployed)
    answer = stack.invoke(getattr(stack.deployed, role), {"service": service, "call": name, "arguments": arguments})
    if answer["error"] in {"AccessDenied", "AccessDeniedException", "AuthorizationError"}:  # the last one is SNS's
        return True
    assert answer["error"] is None, answer
    return False


@pytest.fixture(scope="module")
def furnished(probes):
    secrets, s3 = probes.client("secretsmanager"), probes.client("s3")
    for name in ("deskwire/endpoints/meta", "deskwire/meta", "elsewhere/meta"):
        secrets.create_secret(Name=name, SecretString="made up")
    for prefix in ("raw", "parked", "incoming", "lent", "copied"):
        s3.put_object(Bucket=probes.deployed.archive, Key=f"{prefix}/seed", Body=b"a")
    s3.put_object(Bucket=probes.deployed.transcripts, Key="conversations/seed", Body=b"a")
    for sender in ("help@example.org", "sales@example.org", "customer@example.com"):
        probes.client("sesv2").create_email_identity(EmailIdentity=sender)
    return probes


@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_may_do_what_its_function_needs_and_nothing_else(furnished, role):
    allowed = {call for call in CALLS if not refused(furnished, role, call)}
    assert allowed == ALLOWED[role]


def test_a_permission_taken_away_is_missed(probing, tmp_path):
    """Proves that the embedded AWS enforces what the template grants, and not something else."""

    def change(template):
        probing(template)
        (policy,) = template["Resources"]["ReceiveRole"]["Properties"]["Policies"]
        document = policy["PolicyDocument"]
        document["Statement"] = [statement for statement in document["Statement"] if statement.get("Sid") != "Enqueue"]

    with Stack(change=change, directory=tmp_path / "run") as stack:
        assert refused(stack, "receive", "send to the mailbox")
        assert not refused(stack, "receive", "get an endpoint")
        assert not refused(stack, "converse", "send to the mailbox")
    shutil.rmtree(tmp_path / "run")
