"""SES's set-up, played as far as it is looked at: receipt rules, an identity and its topics, the account.

https://docs.aws.amazon.com/ses/latest/APIReference/Welcome.html (XML) and …/APIReference-V2/Welcome.html (JSON).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from sandbox.neighbours.neighbour import Asked, Reply

SCOPE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=\w+/\d{8}/[a-z0-9-]+/ses/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}"
)
TOPIC = re.compile(r"arn:aws:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}")
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")  # of a rule
RULES = {"CreateReceiptRuleSet", "CreateReceiptRule", "UpdateReceiptRule", "SetActiveReceiptRuleSet"}
NAMESPACE = "http://ses.amazonaws.com/doc/2010-12-01/"


def signed(asked: Asked) -> Reply | None:
    """Refuse a request that is not signed for SES."""
    if SCOPE.fullmatch(asked.header("authorization")) and asked.header("x-amz-date"):
        return None
    return Reply.json(403, {"message": "The request is not signed for this service"})


def rule(name: str, recipients: Sequence[str], topic: str, bucket: str = "archive") -> dict[str, Any]:
    """Return a receipt rule that stores mails and tells a topic."""
    action = {"S3Action": {"TopicArn": topic, "BucketName": bucket, "ObjectKeyPrefix": "originals/inbound-mail/"}}
    return {"Name": name, "Enabled": True, "Recipients": list(recipients), "Actions": [action], "ScanEnabled": True}


@dataclass(slots=True)
class Account:
    """One account in one region; `active` names the active set of rules, empty for none."""

    active: str = "deskwire"
    sets: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"deskwire": []})  # rules, by the set's name
    identities: dict[str, bool] = field(default_factory=lambda: {"northwind.example": True})  # name -> verified
    mail_from: tuple[str, str] = ("mail.northwind.example", "SUCCESS")
    by_set: str = ""  # the identity's default configuration set
    topics: dict[str, str] = field(default_factory=dict)  # by the kind of notice
    destinations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # of events, by configuration set
    production: bool = True
    sending: bool = True

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The rules of the active set."""
        return self.sets.get(self.active, [])

    @rules.setter
    def rules(self, rules: list[dict[str, Any]]) -> None:
        self.sets[self.active] = rules

    def asked(self, form: Mapping[str, str]) -> Reply:
        """Answer a form."""
        action = form.get("Action", "")
        if form.get("Version") != "2010-12-01":
            return refused("InvalidAction", "Could not find operation")
        if action == "DescribeActiveReceiptRuleSet":
            made = {"Metadata": {"Name": self.active, "CreatedTimestamp": "2026-11-01T00:00:00Z"}, "Rules": self.rules}
            return answered(action, made if self.active else {})
        if action in RULES:
            return self._rules(action, form)
        if action == "GetIdentityNotificationAttributes":
            told = {f"{kind}Topic": topic for kind, topic in self.topics.items()}
            value = {**told, "ForwardingEnabled": True}
            name = form.get("Identities.member.1", "")
            known = {"entry": {"key": name, "value": value}} if name in self.identities else {}
            return answered(action, {"NotificationAttributes": known})
        if action == "SetIdentityNotificationTopic":
            if form.get("Identity") not in self.identities or not TOPIC.fullmatch(form.get("SnsTopic", "")):
                return refused("InvalidParameterValue", "Invalid SNS topic or identity")
            if form.get("NotificationType") not in {"Bounce", "Complaint", "Delivery"}:
                return refused("ValidationError", "NotificationType")
            self.topics[form["NotificationType"]] = form["SnsTopic"]
            return answered(action, {})
        return refused("InvalidAction", f"Could not find operation {action}")

    def _rules(self, action: str, form: Mapping[str, str]) -> Reply:
        """Make a set of rules, make or change a rule, or set the set active."""
        name = form.get("RuleSetName", "")
        if action == "CreateReceiptRuleSet":
            if name in self.sets:
                return refused("AlreadyExists", f"Rule set already exists: {name}")
            self.sets[name] = []
            return answered(action, {})
        if name not in self.sets:
            return refused("RuleSetDoesNotExist", f"Rule set does not exist: {name}")
        if action == "SetActiveReceiptRuleSet":
            self.active = name
            return answered(action, {})
        made, rules = _unfolded(form, "Rule"), self.sets[name]
        if not NAME.fullmatch(str(made.get("Name", ""))) or not made.get("Actions"):
            return refused("ValidationError", "rule.name or rule.actions")
        known = [each["Name"] for each in rules]
        if (made["Name"] in known) is (action == "CreateReceiptRule"):
            code = "AlreadyExists" if action == "CreateReceiptRule" else "RuleDoesNotExist"
            return refused(code, f"Rule: {made['Name']}")
        self.sets[name] = (
            [made, *rules]
            if action == "CreateReceiptRule"
            else [made if each["Name"] == made["Name"] else each for each in rules]
        )
        return answered(action, {})

    def published(self, name: str) -> Reply:
        """Show whom a configuration set tells of events."""
        if name not in self.destinations:
            return Reply.json(404, {"message": f"Configuration set <{name}> does not exist."})
        return Reply.json(200, {"EventDestinations": self.destinations[name]})

    def shown(self, name: str) -> Reply:
        """Show an identity."""
        if name not in self.identities:
            return Reply.json(404, {"message": f"Email identity {name} does not exist."})
        domain, status = self.mail_from
        own = {"MailFromDomain": domain, "MailFromDomainStatus": status, "BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}
        more = {"ConfigurationSetName": self.by_set} if self.by_set else {}
        verified = self.identities[name]
        return Reply.json(200, {
            "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN", "FeedbackForwardingStatus": True,
            "VerifiedForSendingStatus": verified, "VerificationStatus": "SUCCESS" if verified else "PENDING",
            "MailFromAttributes": own if domain else {}, **more,
        })  # fmt: skip


def _unfolded(form: Mapping[str, str], name: str) -> dict[str, Any]:
    """Return the object that a form's fields give (`Rule.Recipients.member.1`)."""
    made: dict[str, Any] = {}
    for field_, value in form.items():
        if not field_.startswith(f"{name}."):
            continue
        *path, last = field_.removeprefix(f"{name}.").split(".")
        place = made
        for step in path:
            place = place.setdefault(step, {})
        place[last] = {"true": True, "false": False}.get(value, value)
    return {key: _listed(each) for key, each in made.items()}


def _listed(value: object) -> object:
    if not isinstance(value, dict):
        return value
    if set(value) == {"member"}:
        return [_listed(each) for _, each in sorted(value["member"].items())]
    return {key: _listed(each) for key, each in value.items()}


def answered(action: str, result: Mapping[str, Any]) -> Reply:
    """Return an answer in SES's XML."""
    inner = f"<{action}Result>{_inside(result)}</{action}Result>"
    told = f'<{action}Response xmlns="{NAMESPACE}">{inner}<ResponseMetadata/></{action}Response>'
    return Reply(200, told.encode(), {"content-type": "text/xml"})


def refused(code: str, message: str) -> Reply:
    """Return a refusal in SES's XML."""
    inner = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
    told = f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{inner}</Error></ErrorResponse>'
    return Reply(400, told.encode(), {"content-type": "text/xml"})


def _inside(value: object) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_inside(each)}</{name}>" for name, each in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_inside(each)}</member>" for each in value)
    return str(value).lower() if isinstance(value, bool) else escape(str(value))
