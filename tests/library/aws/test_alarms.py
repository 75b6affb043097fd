"""The topic of the alarms on moto's SNS."""

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns import sns_backends

from deskwire.aws.alarms import SnsAlarms
from deskwire.model.errors import ConfigurationError, TemporaryError


def test_a_line_is_on_the_topic_with_a_subject_that_sns_takes():
    with mock_aws():
        client = boto3.client("sns")
        arn = client.create_topic(Name="alarms")["TopicArn"]
        SnsAlarms(client, arn).tell("Deskwire: incident open, “تطبيق” " + "a" * 100, "Incident 1 was opened.")
        (told,) = sns_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].topics[arn].sent_notifications
        assert told[1:3] == ("Incident 1 was opened.", "Deskwire: incident open, ??????? " + "a" * 66)


class Failing:
    def __init__(self, error):
        self.error = error

    def publish(self, **_):
        raise self.error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ClientError({"Error": {"Code": "AuthorizationError"}}, "Publish"), ConfigurationError),
        (ClientError({"Error": {"Code": "NotFound"}}, "Publish"), ConfigurationError),
        (ClientError({"Error": {"Code": "Throttled"}}, "Publish"), TemporaryError),
        (EndpointConnectionError(endpoint_url="https://sns"), TemporaryError),
    ],
)
def test_what_fails_says_what_happens_next(error, kind):
    with pytest.raises(kind, match="SNS"):
        SnsAlarms(Failing(error), "arn:aws:sns:eu-west-1:123456789012:alarms").tell("a", "b")
