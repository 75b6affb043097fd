"""Looks at how SES receives for a mailbox and sends from it; sets up its receipt rule and where its bounces are told.

Receipt rules and an identity's topics are of SES's first interface alone, which speaks XML; all else is asked of the
second. https://docs.aws.amazon.com/ses/latest/APIReference/API_DescribeActiveReceiptRuleSet.html (once a second)
https://docs.aws.amazon.com/ses/latest/APIReference/API_CreateReceiptRule.html
https://docs.aws.amazon.com/ses/latest/APIReference/API_GetIdentityNotificationAttributes.html
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetConfigurationSetEventDestinations.html
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html

A region has one active set of rules, for all the company's mail: ours are added to it, and no other is changed.
converse may look; setting up is the operator's right alone.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from deskwire.care.addresses import bare
from deskwire.contracts.registration import Finding, Registered, Site, State, address
from deskwire.model.errors import PayloadError, PermanentError, TemporaryError
from deskwire.model.keys import digest
from deskwire.web.reading import Node
from deskwire.web.rest import Answer, checked, not_there

from .threads import Mailboxes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from deskwire.contracts.channel import Reach

SERVICE: Final = "email"  # SES's host in a region
VERSION: Final = "2010-12-01"
RIGHT: Final = "the right to look at SES (docs/channels/email.md)"
RULE: Final = "the receipt rule"
IDENTITY: Final = "the identity"
FROM: Final = "the MAIL FROM domain"
SENDING: Final = "sending"
KINDS: Final = ("Bounce", "Complaint")
LONGEST: Final = 63  # characters of a rule's name
PLAIN: Final = re.compile(r"[a-z0-9]+@[a-z0-9]+(\.[a-z0-9]+)*")  # no other address of this kind has the same words
SET: Final = "deskwire"  # of rules, made where a region has none that is active
VERIFY: Final = "SES, Identities: verify the domain by Easy DKIM, and publish the records that it shows"
RECORDS: Final = (
    "publish the MX and SPF records that SES shows for it (Identities, the domain, Custom MAIL FROM domain)"
)
PRODUCTION: Final = (
    "SES, Account dashboard: request production access; until then answers reach verified addresses alone"
)
PAUSED: Final = "SES, Account dashboard: says why it was paused, and what to do"
ELSEWHERE: Final = (
    "choose the topic among the identity's notifications if nobody else needs the other; else give the identity a "
    "default configuration set that tells the topic"
)


def findings(site: Site, reach: Reach) -> list[Finding]:
    """Return how receiving and sending stand."""
    topics = _topics(site)
    name, identity = _identity(reach)
    found = [_rule(_active(reach), site, reach), *_verified(name, identity)]
    if name:
        found += _notified(name, identity, topics, reach)
    return [*found, _account(reach)]


def set_up(site: Site, reach: Reach) -> Registered:
    """Make the receipt rule, and have bounces and complaints told to the topic where nobody is told of them yet."""
    did, topics, active = [], _topics(site), _active(reach)
    if _rule(active, site, reach).mends:
        did.append(_made(active, topics[0], site, reach))
    name, identity = _identity(reach)
    for kind, finding in zip(KINDS, _notified(name, identity, topics, reach) if name else (), strict=False):
        if finding.mends:
            wanted = {"Identity": name, "NotificationType": kind, "SnsTopic": topics[0]}
            _first("SetIdentityNotificationTopic", wanted, reach, what=f"setting the topic of {finding.what}")
            did.append(f"{finding.what} of {name} told to {topics[0]}")
    return Registered(did=did)


def _topics(site: Site) -> list[str]:
    return [each for each in site.settings.get("source", "").split() if ":sns:" in each]


# ------------------------------------------------------------------------------------------------------- receiving


def _active(reach: Reach) -> ET.Element:
    return _first("DescribeActiveReceiptRuleSet", {}, reach, what="looking at the receipt rules")


def _addresses(site: Site, reach: Reach) -> list[str]:
    """Return the mailbox's address and its further ones: mail may come by any of them."""
    account = reach.account.lower()
    known = Mailboxes.read(site.settings.get("mailboxes", "")).known
    return [account, *(each for each, owner in known.items() if owner == account != each)]


def _rule(active: ET.Element, site: Site, reach: Reach) -> Finding:
    """Return how the rules that take the mailbox's mail stand: one of them must reach the endpoint.

    It need not take all addresses, which others may forward; ours does. Rules are followed in their order, each that
    fits, until one stops. https://docs.aws.amazon.com/ses/latest/dg/receiving-email-concepts.html
    """
    addresses = _addresses(site, reach)
    reaching: list[str] = []
    others: list[str] = []
    left = set(addresses)
    for rule in active.iterfind(".//{*}Rules/{*}member"):
        recipients = [each.text or "" for each in rule.iterfind("{*}Recipients/{*}member")]
        taken = {each for each in addresses if _takes(recipients, each)}
        if rule.findtext("{*}Enabled") != "true" or not taken:
            continue
        reaches = _reaches(rule, site.settings.get("source", "").split())
        (reaching if reaches else others).append(rule.findtext("{*}Name") or "")
        left -= taken if reaches else set()
        if rule.find("{*}Actions/{*}member/{*}StopAction") is not None:
            break
    remedy = "" if _bucket(site) and _topics(site) else _command(active, site, reach)
    if left and _name(reach) in reaching:
        found = f"“{_name(reach)}” does not take {', '.join(sorted(left))}"
        return Finding(what=RULE, state=State.DIFFERENT, found=found, remedy=remedy)
    if reaching:
        return Finding(what=RULE, found=", ".join(reaching))
    if others:
        found = f"“{others[-1]}” takes the mail, and tells another topic or none{_feeding(active, site, reach)}"
        return Finding(what=RULE, state=State.DIFFERENT, found=found, remedy=remedy)
    wanted = f"one for {reach.account}{_feeding(active, site, reach)}"
    return Finding(what=RULE, state=State.MISSING, wanted=wanted, remedy=remedy)


def _feeding(active: ET.Element, site: Site, reach: Reach) -> str:
    """Return in words which of the set's rules feed the endpoint, and why the mailbox's mail does not get there."""
    told: list[str] = []
    for rule in active.iterfind(".//{*}Rules/{*}member"):
        if _reaches(rule, site.settings.get("source", "").split()):
            recipients = [each.text or "" for each in rule.iterfind("{*}Recipients/{*}member")]
            taken = any(_takes(recipients, each) for each in _addresses(site, reach))
            on = rule.findtext("{*}Enabled") == "true"
            why = "is disabled" if not on else "comes too late" if taken else f"does not take {reach.account}"
            told.append(f"“{rule.findtext('{*}Name')}” feeds the endpoint, and {why}")
    return f" ({'; '.join(told)})" if told else ""


def _reaches(rule: ET.Element, sources: Sequence[str]) -> bool:
    """Return whether a rule's actions reach the endpoint: by a topic of its, or by a bucket that notifies it."""
    told = [each.text for each in rule.iterfind("{*}Actions/{*}member/*/{*}TopicArn")]
    told += [f"arn:aws:s3:::{each.text}" for each in rule.iterfind("{*}Actions/{*}member/{*}S3Action/{*}BucketName")]
    return any(each in sources for each in told)


def _takes(recipients: Sequence[str], mailbox: str) -> bool:
    """Return whether a rule for these (addresses, domains, domains' subdomains; none for all) takes a mailbox's mail.

    https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html
    """
    domain = mailbox.rpartition("@")[2]
    return not recipients or any(
        each.lower() in {mailbox, domain} or (each.startswith(".") and domain.endswith(each.lower()))
        for each in recipients
    )


def _bucket(site: Site) -> str:
    return site.settings.get("archive", "")


def _name(reach: Reach) -> str:
    """Return the name of the mailbox's rule, of letters, digits, `_` and `-`, 63 at most: no other mailbox's has it."""
    account = reach.account.lower()
    name = f"deskwire-{re.sub(r'[^a-z0-9]+', '-', account).strip('-')}"
    if len(name) <= LONGEST and PLAIN.fullmatch(account):
        return name
    return f"{name[: LONGEST - 9]}-{digest(account)[:8]}"


def _wanted(bucket: str, topic: str, site: Site, reach: Reach) -> dict[str, object]:
    """Return the rule that the mailbox wants."""
    action = {"BucketName": bucket, "ObjectKeyPrefix": f"originals/{topic.rpartition(':')[2]}/", "TopicArn": topic}
    return {
        "Name": _name(reach), "Enabled": True, "ScanEnabled": True,
        "Recipients": _addresses(site, reach), "Actions": [{"S3Action": action}],
    }  # fmt: skip


def _made(active: ET.Element, topic: str, site: Site, reach: Reach) -> str:
    """Make the mailbox's rule, or set it right; without a `After` SES puts a new one first. Return what was done."""
    known, rule = _named(active), _wanted(_bucket(site), topic, site, reach)
    into = {"RuleSetName": known or SET}
    if not known:
        _new("CreateReceiptRuleSet", into, reach, what="making a set of receipt rules")
    wanted = {**into, **dict(_flat("Rule", rule))}
    if not _new("CreateReceiptRule", wanted, reach, what="making the receipt rule"):
        _first("UpdateReceiptRule", wanted, reach, what="setting the receipt rule right")
    if not known:
        _first("SetActiveReceiptRuleSet", into, reach, what="activating the set of receipt rules")
    return f"{RULE} {rule['Name']} set up"


def _named(active: ET.Element) -> str:
    return active.findtext(".//{*}Metadata/{*}Name") or ""


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield a value's fields as the first interface takes them: `Rule.Recipients.member.1`."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(f"{name}.{key}", each)
    elif isinstance(value, list):
        for number, each in enumerate(value, 1):
            yield from _flat(f"{name}.member.{number}", each)
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def _command(active: ET.Element, site: Site, reach: Reach) -> str:
    """Return the command that makes the rule, in the active set or in one that is to be made and set active."""
    known, topic = _named(active), next(iter(_topics(site)), "INBOUND_TOPIC_ARN")
    rule = json.dumps(_wanted("ARCHIVE_NAME", topic, site, reach))
    made = f"aws ses create-receipt-rule --rule-set-name {known or SET} --rule '{rule}'"
    if not known:
        made = (
            f"aws ses create-receipt-rule-set --rule-set-name {SET}; {made}; "
            f"aws ses set-active-receipt-rule-set --rule-set-name {SET}"
        )
    return f"set the endpoint's `archive` to the stack's output ArchiveName, and `deskwire apply` makes it; or: {made}"


# --------------------------------------------------------------------------------------------------------- sending


def _identity(reach: Reach) -> tuple[str, Node]:
    """Return the identity by which the mailbox sends, with its name ("" for none).

    An address may have one of its own, which goes first; else its domain's or a parent domain's holds.
    https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
    """
    own = bare(reach.settings.get("sender", "").partition(",")[0]) or reach.account.lower()
    labels = own.rpartition("@")[2].split(".")
    found = [("", Node({}))]
    for name in (own, *(".".join(labels[level:]) for level in range(max(len(labels) - 1, 1)))):
        answer = reach.aws(SERVICE, "GET", f"/v2/email/identities/{quote(name, safe='')}")
        if not_there(answer):
            continue
        identity = checked(answer, what="looking at the identity", secret_hint=RIGHT).node()
        if _is_verified(identity):
            return name, identity
        found.append((name, identity))
    return found[min(1, len(found) - 1)]


def _is_verified(identity: Node) -> bool:
    return identity["VerifiedForSendingStatus"].raw is True


def _verified(name: str, identity: Node) -> Iterator[Finding]:
    if not name:
        yield Finding(what=IDENTITY, state=State.MISSING, remedy=VERIFY)
        return
    if not _is_verified(identity):
        yield Finding(what=IDENTITY, state=State.DIFFERENT, found=f"{name} is not verified", remedy=VERIFY)
    else:
        yield Finding(what=IDENTITY, found=name)
    own = identity["MailFromAttributes"]
    domain, status = own["MailFromDomain"].text(""), own["MailFromDomainStatus"].text("")
    if not domain:
        yield Finding(what=FROM, found="SES's own, with which SPF does not align")
    elif status == "SUCCESS":
        yield Finding(what=FROM, found=domain)
    else:
        yield Finding(what=FROM, state=State.DIFFERENT, found=f"{domain} is {status.lower()}", remedy=RECORDS)


def _notified(name: str, identity: Node, topics: Sequence[str], reach: Reach) -> Iterator[Finding]:
    """Return whom SES tells of each kind of notice: by the identity's topic, or by its default configuration set."""
    asked = {"Identities.member.1": name}
    told = _first("GetIdentityNotificationAttributes", asked, reach, what="looking at the identity's notifications")
    by_set, kinds = identity["ConfigurationSetName"].text(""), set[str]()
    if by_set:
        kinds.update(_published(by_set, topics, reach))
    for kind in KINDS:
        what, found = f"{kind.lower()}s", told.findtext(f".//{{*}}entry/{{*}}value/{{*}}{kind}Topic") or ""
        if found in topics:
            yield Finding(what=what, found=found)
        elif kind.upper() in kinds:
            yield Finding(what=what, found=f"told by the configuration set {by_set}")
        else:
            yield address(what, found, topics[0] if topics else "", ELSEWHERE if found else "")


def _published(name: str, topics: Sequence[str], reach: Reach) -> Iterable[str]:
    """Yield the kinds of events that a configuration set tells a topic of ours; of a set that is gone, none."""
    answer = reach.aws(SERVICE, "GET", f"/v2/email/configuration-sets/{quote(name, safe='')}/event-destinations")
    if not_there(answer):
        return
    shown = checked(answer, what="looking at the configuration set", secret_hint=RIGHT).node()
    for each in shown["EventDestinations"].rows():
        if each["Enabled"].raw is True and each["SnsDestination"]["TopicArn"].text("") in topics:
            yield from (kind.text("") for kind in each["MatchingEventTypes"].rows())


def _account(reach: Reach) -> Finding:
    """Return whether SES sends. Its sandbox is where every account begins and a trial runs: no alarm rings for it."""
    answer = reach.aws(SERVICE, "GET", "/v2/email/account")
    account = checked(answer, what="looking at the account", secret_hint=RIGHT).node()
    if account["SendingEnabled"].raw is False:
        return Finding(what=SENDING, state=State.DIFFERENT, found="paused by SES", remedy=PAUSED)
    if account["ProductionAccessEnabled"].raw is False:
        return Finding(what=SENDING, state=State.LIMITED, found="in SES's sandbox", remedy=PRODUCTION)
    return Finding(what=SENDING, found="to everybody")


# --------------------------------------------------------------------------------------------- SES's first interface


def _new(action: str, given: Mapping[str, str], reach: Reach, *, what: str) -> bool:
    """Make something; return whether it was not there yet."""
    try:
        _first(action, given, reach, what=what)
    except PermanentError as error:
        if error.code != "AlreadyExists":
            raise
        return False
    return True


def _first(action: str, given: Mapping[str, str], reach: Reach, *, what: str) -> ET.Element:
    """Return what SES's first interface answers."""
    body = urlencode({"Action": action, "Version": VERSION, **given}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = reach.aws(SERVICE, "POST", "/", body, kind)
    code = _refusal(answer)
    if code in {"Throttling", "ThrottlingException"}:
        raise TemporaryError(f"{what}: SES takes one such request a second", after=1.0)
    if code and answer.status == 400:
        raise PermanentError(f"{what}: HTTP 400 ({code})", status=400, code=code)
    checked(answer, what=what, secret_hint=RIGHT)
    try:
        return ET.fromstring(answer.body)  # noqa: S314 - AWS's own answer, over TLS
    except ET.ParseError:
        raise PayloadError(f"{what}: SES's answer is no XML") from None


def _refusal(answer: Answer) -> str:
    """Return the code of an error in SES's XML, empty for none."""
    if answer.status < 400:
        return ""
    try:
        return ET.fromstring(answer.body).findtext(".//{*}Error/{*}Code") or ""  # noqa: S314 - as above
    except ET.ParseError:
        return ""
