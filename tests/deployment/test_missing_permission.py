"""A flow through the real functions, with one permission after the other taken away."""

import hashlib
import hmac
import json
import shutil
import time

import pytest
import requests

from deskwire.configuration import Endpoint, item
from sandbox.cloud.stack import NAME, ROOT, Stack

pytestmark = pytest.mark.stack

ROLE = "ReceiveRole"


def nobody_reads_the_mailbox(template):
    template["Resources"]["ConverseFunction"]["Properties"].pop("Events")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    directory = tmp_path_factory.mktemp("missing") / "run"
    with Stack(change=nobody_reads_the_mailbox, directory=directory, workers=1) as stack:
        yield stack
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def without(stack):
    """Take a statement away from receive's role, and give it back afterwards."""
    iam = stack.client("iam")
    resource = stack.client("cloudformation").describe_stack_resource(StackName=NAME, LogicalResourceId=ROLE)
    role = {"RoleName": resource["StackResourceDetail"]["PhysicalResourceId"], "PolicyName": "receive"}
    granted = iam.get_role_policy(**role)["PolicyDocument"]

    def take_away(sid):
        left = [statement for statement in granted["Statement"] if statement["Sid"] != sid]
        assert len(left) == len(granted["Statement"]) - 1
        iam.put_role_policy(**role, PolicyDocument=json.dumps(granted | {"Statement": left}))

    yield take_away
    iam.put_role_policy(**role, PolicyDocument=json.dumps(granted))


@pytest.fixture
def deliver(stack, request):
    """Deliver a captured, signed message to an endpoint of the test's own, for receive remembers endpoints."""
    name = f"meta-{hashlib.sha256(request.node.name.encode()).hexdigest()[:8]}"
    stack.client("secretsmanager").create_secret(
        Name=f"{stack.deployed.secrets_prefix}endpoints/{name}",
        SecretString=json.dumps({"app_secret": "an app's secret", "verify_token": "a token"}),
    )
    endpoint = Endpoint(name=name, side="channels", connectors=("messenger",), secret=name)
    stack.client("dynamodb").put_item(
        TableName=stack.deployed.table, Item={name: {"S": value} for name, value in item(endpoint).items()}
    )

    def send():
        capture = json.loads((ROOT / "events" / "messenger" / "text.json").read_text())
        told = json.loads(capture["body"])
        told["entry"][0]["time"] = int(time.time() * 1000)  # what is a month old is refused
        body = json.dumps(told).encode()
        signature = hmac.new(b"an app's secret", body, hashlib.sha256).hexdigest()
        headers = {"x-hub-signature-256": f"sha256={signature}", "content-type": "application/json"}
        return requests.post(
            f"{stack.deployed.api}/channels/{name}", data=body, headers=headers, timeout=30
        ).status_code

    return send


def waiting(stack):
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.deployed.mailbox, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


@pytest.mark.parametrize("sid", ["Enqueue", "ReadEndpoints", "Secrets"])
def test_without_a_permission_the_platform_is_asked_to_send_again(stack, without, deliver, sid):
    before = waiting(stack)
    without(sid)
    assert deliver() == 503
    assert waiting(stack) == before


def test_with_every_permission_the_message_is_on_the_mailbox(stack, deliver):
    before = waiting(stack)
    assert deliver() == 200
    assert waiting(stack) == before + 1
