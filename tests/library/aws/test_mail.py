"""Mail by SES: a mail goes out at most once, and each answer says what happens next."""

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

from deskwire.aws import clients
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError

MAIL = {"sender": "help@northwind.example", "recipient": "marta@example.org", "subject": "Re: It", "text": "Hello",
        "headers": {}}  # fmt: skip


class Body:
    def __init__(self, body):
        self.body = body

    def stream(self):
        yield self.body


@pytest.fixture
def ses(monkeypatch):
    """Returns a function: send a mail to an SES that answers so; and the list of what it was asked."""
    for name, value in (("ACCESS_KEY_ID", "A"), ("SECRET_ACCESS_KEY", "s"), ("DEFAULT_REGION", "eu-west-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    clients._session.cache_clear()
    asked = []

    def send(status, kind=""):
        def answered(request, **_):
            asked.append(request.url)
            if isinstance(status, type):
                raise status(endpoint_url=request.url)
            body = b'{"MessageId": "1"}' if status == 200 else b'{"message": "to marta@example.org"}'
            return AWSResponse(request.url, status, {"x-amzn-errortype": kind}, Body(body))

        session = clients._session()
        session.events.register("before-send.sesv2", answered)
        try:
            return clients.SesMail()(**MAIL)
        finally:
            session.events.unregister("before-send.sesv2", answered)

    yield send, asked
    clients._session.cache_clear()


@pytest.mark.parametrize("status", [ReadTimeoutError, ConnectionClosedError, 500, 503])
def test_a_mail_that_may_have_gone_out_is_sent_once_and_in_doubt(ses, status):
    send, asked = ses
    with pytest.raises(TemporaryError) as caught:
        send(status, "InternalFailure")
    assert (len(asked), caught.value.ambiguous) == (1, True)


@pytest.mark.parametrize("status", [429, ConnectTimeoutError])
def test_a_mail_that_was_not_taken_certainly_did_not_go_out(ses, status):
    send, asked = ses
    with pytest.raises(TemporaryError) as caught:
        send(status, "TooManyRequestsException")
    assert (len(asked), caught.value.ambiguous) == (1, False)


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "MessageRejected", PermanentError),
        (400, "MailFromDomainNotVerifiedException", ConfigurationError),
        (403, "AccessDeniedException", ConfigurationError),
    ],
)
def test_what_ses_refuses_says_what_happens_next_and_quotes_nobody(ses, status, kind, error):
    send, _ = ses
    with pytest.raises(error) as caught:
        send(status, kind)
    assert "marta" not in str(caught.value)


def test_a_mail_that_went_out_has_an_id(ses):
    send, _ = ses
    assert send(200) == "1"
