"""The played platforms, seen through `Registers`: what is found, what is set up, and that it is done once."""

import re
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest

from deskwire import registry
from deskwire.aws.transport import SignedTransport
from deskwire.contracts.channel import Reach
from deskwire.contracts.registration import Site, State
from deskwire.conversation.registrations import check_registration, expiring, wrong
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.values import replace
from deskwire.web.rest import Answer
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Asked, Clock
from sandbox.platforms.email.books import TOPIC as MAIL_SOURCE
from sandbox.platforms.email.played import Mail
from sandbox.platforms.email.ses import refused, rule
from sandbox.platforms.google.played import Google
from sandbox.platforms.instagram.played import Instagram
from sandbox.platforms.linkedin.played import LinkedIn
from sandbox.platforms.meta.played import APP, Meta
from sandbox.platforms.pinterest.played import CLIENT, FORM, Pinterest
from sandbox.platforms.viber.played import Viber
from sandbox.platforms.whatsapp.played import ACCOUNT as WABA
from sandbox.platforms.whatsapp.played import APP as WHATSAPP_APP
from sandbox.platforms.whatsapp.played import WhatsApp
from sandbox.platforms.whatsappaws.books import NUMBER, OURS
from sandbox.platforms.whatsappaws.books import TOPIC as SOURCE
from sandbox.platforms.whatsappaws.played import SocialMessaging
from sandbox.platforms.x.played import ACCOUNT as X_ACCOUNT
from sandbox.platforms.x.played import SECRETS as X_SECRETS
from sandbox.platforms.x.played import X

ADDRESS = "https://hooks.northwind.example/channels/e"
OWN = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAINVENTED", "AWS_SECRET_ACCESS_KEY": "invented"}
WRONG = {State.MISSING, State.DIFFERENT}
STOP = {"StopAction": {"Scope": "RuleSet"}}
LOOKING = (b"Action=Describe", b"Action=Get")  # of SES
PAGE = "410000000000001"
TOPIC = "projects/acme-care/topics/reviews"
APP_SECRETS = Secrets({"app_secret": "invented-app-secret", "verify_token": "invented-verify"})


class Asking:
    """Hands each call to a player, without a socket, and keeps what was written."""

    def __init__(self, player):
        self.player = player
        self.written = []

    def __call__(self, call):
        parts = urlsplit(call.address)
        headers = {"host": parts.netloc, **{name.lower(): value for name, value in call.headers.items()}}
        asked = Asked(
            method=call.method, path=parts.path, query=parse_qs(parts.query), headers=headers, body=call.body,
            at=self.player.clock.now(),
        )  # fmt: skip
        looks = parts.path.lower().endswith(("/get_account_info", "token")) or call.body.startswith(LOOKING)
        if call.method != "GET" and not looks:
            self.written.append(f"{call.method} {parts.path}")
        reply = self.player.serve(asked)
        return Answer(reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.body)


class Account:
    """One connection at a player: what it finds there, and what setting up does."""

    def __init__(self, connector, player, site, account, secrets, settings=None):
        self.connector, self.player, self.site = connector, player, site
        self.asking = Asking(player)
        kept = {}

        def tokens(name, renew):
            if name not in kept:
                kept[name] = renew(Secrets(secrets).one(name)).access
            return kept[name]

        def refused(name, access):
            if kept.get(name) is access:
                del kept[name]

        tokens.refused = refused
        aws = SignedTransport(OWN, self.asking, player.clock.now)
        self.reach = Reach(
            account=account, settings=settings or {}, secrets=Secrets(secrets), http=self.asking,
            now=player.clock.now(), mail=None, remember=lambda _name, make: make()[0], tokens=tokens,
            aws=partial(aws, connector.aws_services),
        )  # fmt: skip

    def states(self):
        return {each.what: each.state for each in self.connector.registration(self.site, self.reach)}

    def wrong(self):
        return {what for what, state in self.states().items() if state is not State.RIGHT}

    def register(self):
        return self.connector.register(self.site, self.reach)


def clock():
    return Clock(held=True)


def meta(name, **settings):
    player = Meta({PAGE: "Northwind"}, clock=clock())
    player.app.checks = lambda url, token: (url, token) == (ADDRESS, "invented-verify")
    site = Site(address=ADDRESS, secrets=APP_SECRETS, settings=settings, channels=("facebook", "messenger"))
    return Account(registry.channel(name), player, site, PAGE, {"page_token": player.token(PAGE)})


def instagram():
    player = Instagram("17841490000000001", "invented", clock=clock())
    secrets = {"instagram_token": "invented"}
    site = Site(address=ADDRESS, secrets=APP_SECRETS, channels=("instagram",))
    return Account(registry.channel("instagram"), player, site, "17841490000000001", secrets)


def whatsapp():
    player = WhatsApp({"440000000000012": "354"}, "invented", (), clock=clock())
    player.app.checks = lambda url, token: (url, token) == (ADDRESS, "invented-verify")
    site = Site(address=ADDRESS, secrets=APP_SECRETS, settings={"app_id": WHATSAPP_APP}, channels=("whatsapp",))
    secrets = {"access_token": "invented"}
    return Account(registry.channel("whatsapp"), player, site, "440000000000012", secrets, {"waba_id": WABA})


def viber():
    player = Viber({"invented": "bot"}, clock=clock())
    player.checks = lambda _token, url: url == ADDRESS
    return Account(registry.channel("viber"), player, Site(address=ADDRESS), "bot", {"auth_token": "invented"})


def x():
    player = X(clock())
    player.checks = lambda url: url == ADDRESS
    return Account(registry.channel("x"), player, Site(address=ADDRESS), X_ACCOUNT, X_SECRETS)


def linkedin():
    client = {"client_id": "78abc", "client_secret": "invented", "refresh_token": "invented"}
    page = "urn:li:organization:88000001"
    player = LinkedIn(client, [page], clock=clock())
    player.checks = lambda url: url == ADDRESS
    settings = {"application_id": "4710", "administrator_id": "Ab1"}
    return Account(registry.channel("linkedin"), player, Site(address=ADDRESS), page, client, settings)


def pinterest():
    hook = {"address_key": "invented-address-key", "cryptographic_key": "invented-key-that-is-stored-already"}
    player = Pinterest("730044120017", "invented", hook["cryptographic_key"], clock=clock())
    site = Site(address=ADDRESS, secrets=Secrets(hook))
    return Account(registry.channel("pinterest"), player, site, "730044120017", {"access_token": "invented"})


def pinterest_signed_in():
    """Return the ad account with the refresh token of a sign-in."""
    account = pinterest()
    secrets = {**CLIENT, "refresh_token": account.player.consents()}
    return Account(account.connector, account.player, account.site, account.reach.account, secrets)


def google():
    client = {"client_id": "78abc", "client_secret": "invented", "refresh_token": "invented"}
    site = Site(address=ADDRESS, settings={"topic": TOPIC})
    account = "accounts/100/locations/200"
    return Account(registry.channel("google"), Google(client, clock=clock()), site, account, client)


def whatsappaws():
    player = SocialMessaging({OURS: NUMBER}, {NUMBER: "6795550120"}, (), clock=clock())
    site = Site(address=ADDRESS, settings={"source": SOURCE}, channels=("whatsappaws",))
    return Account(registry.channel("whatsappaws"), player, site, NUMBER, {}, {"phone_number_id": OURS})


def email():
    player = Mail(MAIL_SOURCE, "inbound-mail", clock=clock())
    settings = {"source": MAIL_SOURCE, "archive": "archive"}
    site = Site(address=ADDRESS, settings=settings, channels=("email",))
    return Account(registry.channel("email"), player, site, "help@northwind.example", {})


def zendesk():
    player = Zendesk(clock())
    settings = {"subdomain": "acme", "email": "deskwire@acme.example"}
    secrets = {"api_token": "invented-zendesk-token"}
    return Account(registry.helpdesk("zendesk"), player, Site(address=ADDRESS), "zendesk", secrets, settings)


EVERY = {
    "facebook": lambda: meta("facebook", app_id=str(APP)),
    "messenger": lambda: meta("messenger", app_id=str(APP)),
    "whatsapp": whatsapp,
    "viber": viber,
    "x": x,
    "linkedin": linkedin,
    "google": google,
    "pinterest": pinterest,
    "whatsappaws": whatsappaws,
    "email": email,
}


@pytest.mark.parametrize("name", EVERY)
def test_what_is_missing_is_named_set_up_and_then_left_alone(name):
    account = EVERY[name]()
    assert account.wrong()
    assert account.asking.written == []
    assert account.register().did
    assert account.wrong() == set()
    account.asking.written.clear()
    assert not account.register().did
    assert account.asking.written == []


@pytest.mark.parametrize("name", sorted(EVERY.keys() - {"google", "whatsappaws", "email"}))  # topics
def test_an_address_elsewhere_is_named_and_never_judged_where_none_is_wanted(name):
    account = EVERY[name]()
    account.register()
    account.site = Site(address="", secrets=account.site.secrets, settings=account.site.settings)
    assert account.wrong() == set()
    account.site = Site(address=f"{ADDRESS}-2", secrets=account.site.secrets, settings=account.site.settings)
    assert account.wrong()


def test_a_form_has_a_subscription_beside_that_of_the_ad_account():
    account = pinterest()
    account.register()
    account.reach = replace(account.reach, settings={"lead_form_id": FORM})
    assert account.wrong() == {"the subscription to leads"}
    account.register()
    assert [each["lead_form_id"] for each in account.player.subscriptions.values()] == [None, FORM]
    assert account.wrong() == set()


def test_a_new_address_key_and_a_new_key_replace_the_subscription():
    account = pinterest()
    account.register()
    secrets = Secrets({"address_key": "the-next-address-key"})
    account.site = replace(account.site, secrets=secrets)
    assert account.wrong() == {"the subscription to leads"}
    assert account.register().secrets["cryptographic_key"].reveal() == account.player.key
    (made,) = account.player.subscriptions.values()
    assert made["webhook_url"] == f"{ADDRESS}?key=the-next-address-key"
    assert account.wrong() == {"cryptographic_key"}  # until what it handed over is stored
    account.site = replace(
        account.site, secrets=Secrets({"address_key": "the-next-address-key", "cryptographic_key": "x"})
    )
    assert account.states()["cryptographic_key"] is State.DIFFERENT


def test_the_subscription_of_another_tool_stays():
    account = pinterest()
    account.player.subscribe(
        Asked(method="POST", path="", query={}, headers={}, body=b'{"webhook_url": "https://crm.example/hook?secret=1"}',
              at=account.player.clock.now()), "730044120017",
    )  # fmt: skip
    (found,) = account.connector.registration(account.site, account.reach)
    assert (found.state, found.found, found.mends) == (State.DIFFERENT, "https://crm.example/hook", False)
    assert not account.register().did
    assert len(account.player.subscriptions) == 1


def test_a_token_that_pinterest_rejects_is_renewed_and_what_helps_is_named():
    account = pinterest_signed_in()
    account.register()
    assert account.wrong() == set()
    account.player.expire()
    with pytest.raises(ConfigurationError, match=r"HTTP 401.*`deskwire connect pinterest` gets a new one"):
        account.states()
    with pytest.raises(ConfigurationError, match=r"renewing.*401.*check `client_id`.*`deskwire connect pinterest`"):
        account.states()  # the player's refresh token was used up: it is replaced at each use


def test_a_pasted_token_that_pinterest_rejects_names_what_helps():
    account = pinterest()
    account.player.expire()
    (finding,) = [
        each for each in check_registration(account.connector, account.site, account.reach) if each.what == "access"
    ]
    assert (finding.state, finding.found) == (State.DIFFERENT, "refused")
    assert "`deskwire connect pinterest` gets a new one" in finding.remedy


def test_an_instagram_account_is_subscribed_and_the_unknown_webhook_is_said_to_be_unknown():
    account = instagram()
    assert account.states()["the subscription of me"] is State.MISSING
    assert account.states()["the app's webhook"] is State.UNKNOWN
    account.register()
    assert account.states()["the subscription of me"] is State.RIGHT


def test_the_app_is_found_by_its_token_where_the_setting_is_left_out():
    account = meta("facebook")
    account.register()
    assert account.player.app.webhooks["page"]["callback_url"] == ADDRESS
    assert account.wrong() == set()


def test_a_subscription_keeps_the_fields_that_others_added():
    account = meta("facebook", app_id=str(APP))
    account.player.app.subscribed[PAGE] = ["leadgen", "feed"]
    account.register()
    assert {"leadgen", "mention", "messages"} <= set(account.player.app.subscribed[PAGE])


def test_a_dead_token_hides_nothing_behind_another_error():
    account = meta("messenger", app_id=str(APP))
    account.player.revoke(PAGE)
    (found,) = account.connector.registration(account.site, account.reach)
    assert (found.what, found.state) == ("page_token", State.DIFFERENT)
    assert "deskwire connect messenger" in found.remedy


def test_a_token_s_end_and_lost_permissions_are_told():
    account = meta("facebook", app_id=str(APP))
    account.register()
    worth = account.player.app.of(account.player.token(PAGE))
    worth.ends, worth.scopes = account.reach.now + timedelta(days=3), ["pages_messaging"]
    found = {each.what: each for each in account.connector.registration(account.site, account.reach)}
    assert abs(found["page_token"].ends - worth.ends) < timedelta(seconds=1)
    assert "pages_manage_metadata" in found["the permissions of page_token"].found
    assert found["the permissions of page_token"].remedy


def test_a_wrong_app_secret_is_told_and_the_rest_is_still_looked_at():
    account = meta("facebook", app_id=str(APP))
    account.site = Site(address=ADDRESS, secrets=Secrets({"app_secret": "other"}), settings={"app_id": str(APP)})
    states = account.states()
    assert states["the app's webhook"] is State.UNKNOWN
    assert states[f"the subscription of {PAGE}"] is State.MISSING


def test_an_address_that_fails_the_check_is_an_error_that_says_so():
    account = meta("facebook", app_id=str(APP))
    account.player.app.checks = lambda _url, _token: False
    with pytest.raises(PermanentError, match="setting the app's webhook"):
        account.register()


def test_a_number_that_goes_elsewhere_is_brought_back():
    account = whatsapp()
    account.register()
    account.player.overrides["440000000000012"] = "https://elsewhere.example"
    assert account.wrong() == {"the number's own webhook"}
    account.register()
    assert account.wrong() == set()


def test_a_number_that_comes_by_itself_leaves_the_app_s_webhook_to_others():
    account = whatsapp()
    account.register()
    account.player.app.webhooks["whatsapp_business_account"]["callback_url"] = "https://elsewhere.example"
    account.player.overrides["440000000000012"] = ADDRESS
    assert account.wrong() == set()
    assert not account.register().did


def test_x_switched_off_is_switched_on_again_and_another_webhook_is_a_person_s():
    account = x()
    account.register()
    account.player.webhooks[0]["valid"] = False
    assert account.wrong() == {"the app's webhook"}
    account.register()
    assert account.wrong() == set()
    account.player.webhooks[0]["url"] = "https://elsewhere.example"
    with pytest.raises(ConfigurationError, match="delete it at X first"):
        account.register()


def test_linkedin_s_consent_that_ended_is_told():
    account = linkedin()
    account.register()
    account.player.consent_ends = account.player.clock.now()
    (found,) = account.connector.registration(account.site, account.reach)
    assert (found.what, found.state) == ("refresh_token", State.DIFFERENT)


def test_google_s_other_topic_is_a_person_s_and_other_types_stay():
    account = google()
    account.player.settings["100"] = {
        "pubsubTopic": "projects/other-tool/topics/t",
        "notificationTypes": ["NEW_REVIEW"],
    }
    (found,) = account.connector.registration(account.site, account.reach)
    assert (found.state, found.found) == (State.DIFFERENT, "projects/other-tool/topics/t")
    assert "no other tool needs this one" in found.remedy
    assert not account.register().did
    account.player.settings["100"] = {"pubsubTopic": TOPIC, "notificationTypes": ["GOOGLE_UPDATE"]}
    assert account.wrong() == {"the types of notifications"}
    account.register()
    assert account.player.settings["100"]["notificationTypes"] == ["NEW_REVIEW", "UPDATED_REVIEW", "GOOGLE_UPDATE"]


def test_google_s_topic_without_types_belongs_to_nobody():
    account = google()
    account.player.settings["100"] = {"pubsubTopic": "projects/other-tool/topics/t", "notificationTypes": []}
    assert account.states() == {"the account's notifications": State.MISSING}
    account.register()
    assert account.wrong() == set()


def test_google_s_topic_that_nobody_named_is_asked_for():
    account = google()
    account.site = Site(address=ADDRESS)
    (found,) = account.connector.registration(account.site, account.reach)
    assert (found.state, found.mends) == (State.MISSING, False)
    assert "set `topic`" in found.remedy
    assert not account.register().did
    account.player.settings["100"] = {"pubsubTopic": TOPIC, "notificationTypes": ["NEW_REVIEW"]}
    assert account.states() == {"the account's notifications": State.UNKNOWN}


def test_another_topic_of_a_number_at_aws_is_named_and_replaced():
    account = whatsappaws()
    account.player.destinations = [{"eventDestinationArn": "arn:aws:sns:eu-west-1:000000000000:other"}]
    assert account.wrong() == {"the account's event destination"}
    account.register()
    assert account.player.destinations == [{"eventDestinationArn": SOURCE}]
    account.site = Site(address=ADDRESS, settings={"source": f"arn:aws:s3:::archive {SOURCE}"})
    assert account.wrong() == set()
    account.site = Site(address=ADDRESS)
    assert account.states()["the account's event destination"] is State.UNKNOWN
    assert not account.register().did


def test_an_unfinished_account_at_aws_and_another_number_s_id_are_a_person_s():
    account = whatsappaws()
    account.register()
    account.player.status = "INCOMPLETE"
    account.reach = replace(account.reach, account="440000000000099")
    assert account.wrong() == {"the number", "the linked account"}
    assert not any(each.mends for each in account.connector.registration(account.site, account.reach))
    account.reach = replace(account.reach, settings={"phone_number_id": "phone-number-id-0"})
    with pytest.raises(ConfigurationError, match="no such number in this region"):
        account.connector.registration(account.site, account.reach)


def test_a_mailbox_gets_a_rule_of_its_own_before_all_others():
    account = email()
    ses = account.player.ses
    ses.rules = [{**rule("theirs", [], "arn:aws:sns:eu-west-1:000000000000:other"), "Actions": [STOP]}]
    account.site = replace(account.site, settings={
        **account.site.settings, "mailboxes": "help@northwind.example=info@northwind.example shop@northwind.example",
    })  # fmt: skip
    account.register()
    mine, theirs = ses.rules
    assert theirs["Actions"] == [STOP]
    assert mine == {
        "Name": "deskwire-help-northwind-example", "Enabled": True, "ScanEnabled": True,
        "Recipients": ["help@northwind.example", "info@northwind.example"],
        "Actions": [{"S3Action": {
            "BucketName": "archive", "ObjectKeyPrefix": "originals/inbound-mail/", "TopicArn": MAIL_SOURCE,
        }}],
    }  # fmt: skip
    mine["Enabled"] = False
    assert account.wrong() == {"the receipt rule"}
    account.register()
    assert [each["Enabled"] for each in ses.rules] == [True, True]
    assert account.wrong() == set()


def test_mailboxes_whose_addresses_differ_in_a_sign_alone_have_rules_of_their_own():
    account = email()
    accounts = ["c.are@northwind.example", "c-are@northwind.example", f"{'c' * 60}.a@northwind.example",
                f"{'c' * 60}.b@northwind.example"]  # fmt: skip
    for each in accounts:
        account.reach = replace(account.reach, account=each)
        account.register()
    assert sorted(mailbox for each in account.player.ses.rules for mailbox in each["Recipients"]) == sorted(accounts)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]", each["Name"]) for each in account.player.ses.rules)


def test_our_rule_gets_an_address_that_the_mailbox_has_got_since():
    account = email()
    account.register()
    mailboxes = "help@northwind.example=info@northwind.example"
    account.site = replace(account.site, settings={**account.site.settings, "mailboxes": mailboxes})
    (found,) = [each for each in account.connector.registration(account.site, account.reach) if each.state in WRONG]
    assert "info@northwind.example" in found.text
    account.player.ses.rules = [*account.player.ses.rules, rule("theirs", ["info@northwind.example"], MAIL_SOURCE)]
    assert account.wrong() == set()
    account.player.ses.rules = account.player.ses.rules[:1]
    account.register()
    assert account.player.ses.rules[0]["Recipients"] == ["help@northwind.example", "info@northwind.example"]
    assert account.wrong() == set()


def test_of_several_rules_the_one_that_feeds_the_endpoint_is_named_with_what_is_wrong():
    account = email()
    ses = account.player.ses
    other = {**rule("theirs", [], "arn:aws:sns:eu-west-1:000000000000:other"), "Actions": [STOP]}
    feeding = rule("shared", ["northwind.example"], MAIL_SOURCE)

    def told(*rules):
        ses.rules = [*rules]
        return next(each.text for each in account.connector.registration(account.site, account.reach))

    assert told(feeding, rule("all", [], MAIL_SOURCE), other) == "the receipt rule: shared, all"
    assert "“shared” feeds the endpoint, and comes too late" in told(other, feeding)
    assert "“shared” feeds the endpoint, and is disabled" in told({**feeding, "Enabled": False})
    elsewhere = rule("sales", ["sales@northwind.example"], MAIL_SOURCE)
    assert "“sales” feeds the endpoint, and does not take help@northwind.example" in told(elsewhere)


def test_what_stops_before_our_rule_keeps_the_mail_away():
    account = email()
    account.register()
    ses = account.player.ses
    ses.rules = [rule("theirs", [], "arn:aws:sns:eu-west-1:000000000000:other"), *ses.rules]
    assert account.wrong() == set()
    ses.rules[0]["Actions"].append(STOP)
    assert account.wrong() == {"the receipt rule"}


@pytest.mark.parametrize("left", [{}, {"deskwire": []}])
def test_a_region_without_an_active_set_of_rules_gets_one(left):
    account = email()
    ses = account.player.ses
    ses.active, ses.sets = "", dict(left)
    assert "the receipt rule deskwire-help-northwind-example set up" in account.register().did
    assert ses.active == "deskwire"
    assert account.wrong() == set()


def test_an_unknown_bucket_leaves_the_rule_to_a_person_with_the_command_that_makes_it():
    account = email()
    account.site = Site(settings={"source": MAIL_SOURCE})
    account.register()
    (found,) = [each for each in account.connector.registration(account.site, account.reach) if each.state in WRONG]
    assert found.remedy.startswith("set the endpoint's `archive` to the stack's output ArchiveName")
    assert "or: aws ses create-receipt-rule --rule-set-name deskwire --rule" in found.remedy
    assert '"Recipients": ["help@northwind.example"]' in found.remedy
    assert f'"ObjectKeyPrefix": "originals/inbound-mail/", "TopicArn": "{MAIL_SOURCE}"' in found.remedy
    account.player.ses.active = ""
    (found,) = [each for each in account.connector.registration(account.site, account.reach) if each.what == found.what]
    assert "create-receipt-rule-set" in found.remedy
    assert "set-active-receipt-rule-set" in found.remedy


@pytest.mark.parametrize(
    ("recipients", "stands"),
    [
        ([], True), (["HELP@northwind.example"], True), (["northwind.example"], True), ([".example"], True),
        (["info@northwind.example"], False), ([".northwind.example"], False), (["wind.example"], False),
    ],
)  # fmt: skip
def test_a_rule_takes_the_mail_of_its_recipients(recipients, stands):
    account = email()
    account.register()
    account.player.ses.rules = [rule("mailboxes", recipients, MAIL_SOURCE)]
    assert account.wrong() == (set() if stands else {"the receipt rule"})


def test_a_mailbox_that_is_forwarded_a_bucket_that_notifies_and_another_sender_are_right():
    account = email()
    account.register()
    ses = account.player.ses
    ses.rules = [rule("forwarded", ["in@mail.northwind.example"], MAIL_SOURCE)]
    assert account.wrong() == {"the receipt rule"}
    mailboxes = "help@northwind.example=in@mail.northwind.example"
    account.site = Site(settings={"source": MAIL_SOURCE, "mailboxes": mailboxes})
    assert account.wrong() == set()
    ses.rules = [rule("stored", [], "")]
    account.site = Site(settings={"source": f"{MAIL_SOURCE} arn:aws:s3:::archive"})
    assert account.wrong() == set()
    ses.rules = [{**rule("small", [], ""), "Actions": [{"SNSAction": {"TopicArn": MAIL_SOURCE, "Encoding": "Base64"}}]}]
    assert account.wrong() == set()
    account.reach = replace(account.reach, settings={"sender": "Care <care@other.example>, help@northwind.example"})
    assert account.wrong() == {"the identity"}


def test_the_most_special_verified_identity_is_the_sender_s():
    account = email()
    account.register()
    ses = account.player.ses
    ses.identities = {"help@northwind.example": False, "northwind.example": True}
    account.register()
    assert account.wrong() == set()
    account.reach = replace(account.reach, settings={"sender": "Care <care@mail.northwind.example>"})
    assert account.wrong() == set()
    ses.identities = {"northwind.example": False}
    assert account.wrong() == {"the identity"}


def test_a_configuration_set_tells_bounces_too():
    account = email()
    account.register()
    ses = account.player.ses
    ses.topics, ses.by_set = {}, "care"
    assert account.wrong() == {"bounces", "complaints"}  # the set is gone
    told = {"Enabled": True, "MatchingEventTypes": ["BOUNCE", "COMPLAINT"], "SnsDestination": {"TopicArn": MAIL_SOURCE}}
    ses.destinations["care"] = [{**told, "Enabled": False}, {**told, "MatchingEventTypes": ["BOUNCE"]}]
    assert account.wrong() == {"complaints"}
    ses.destinations["care"].append(told)
    assert account.wrong() == set()
    assert not account.register().did
    ses.destinations["care"] = [{**told, "SnsDestination": {"TopicArn": f"{MAIL_SOURCE}-of-others"}}]
    account.register()
    assert account.wrong() == set()
    assert ses.topics == {"Bounce": MAIL_SOURCE, "Complaint": MAIL_SOURCE}


def test_ses_in_its_sandbox_is_told_and_rings_nobody():
    account = email()
    account.register()
    account.player.ses.production = False
    (found,) = [
        each
        for each in check_registration(account.connector, account.site, account.reach)
        if each.state is not State.RIGHT
    ]
    assert (found.text, found.state) == ("sending: in SES's sandbox", State.LIMITED)
    assert "request production access" in found.remedy
    assert not found.mends
    assert wrong([found]) == []
    assert expiring([found]) == []


@pytest.mark.parametrize(
    ("code", "error"), [("Throttling", TemporaryError), ("InvalidSnsTopic", PermanentError)]
)  # fmt: skip
def test_a_refusal_of_ses_says_what_happens_next(monkeypatch, code, error):
    account = email()
    monkeypatch.setattr(type(account.player.ses), "asked", lambda *_: refused(code, "no"))
    with pytest.raises(error, match="receipt rules"):
        account.connector.register(account.site, account.reach)


def test_what_keeps_mail_from_being_sent_is_a_person_s():
    account = email()
    account.register()
    ses = account.player.ses
    ses.sending, ses.identities, ses.mail_from = (
        False,
        {"northwind.example": False},
        ("mail.northwind.example", "FAILED"),
    )
    ses.topics["Bounce"] = "arn:aws:sns:eu-west-1:000000000000:other"
    assert account.wrong() == {"the identity", "the MAIL FROM domain", "bounces", "sending"}
    assert not account.register().did
    ses.identities = {}
    assert account.states()["the identity"] is State.MISSING
    assert not account.register().did


ZENDESK_SECRETS = Secrets({"signing_secret": "invented-zendesk-signing", "events_secret": "invented-zendesk-signing-1"})


def test_zendesk_gets_two_webhooks_and_a_trigger_and_hands_over_their_secrets():
    account = zendesk()
    assert account.wrong() == {"the webhook", "the webhook of events"}
    done = account.register()
    assert len(done.did) == 5
    assert {name: secret.reveal() for name, secret in done.secrets.items()} == {
        name: ZENDESK_SECRETS.one(name).reveal() for name in ("signing_secret", "events_secret")
    }
    assert account.wrong() == {"signing_secret", "events_secret"}  # until they are stored
    account.site = Site(address=ADDRESS, secrets=ZENDESK_SECRETS)
    assert account.wrong() == set()
    account.asking.written.clear()
    assert not account.register().did
    assert account.asking.written == []


def test_zendesk_s_webhooks_and_trigger_are_switched_on_again():
    account = zendesk()
    account.register()
    account.site = Site(address=ADDRESS, secrets=ZENDESK_SECRETS)
    for webhook in account.player.made_webhooks.values():
        webhook["status"] = "inactive"
    next(iter(account.player.made_triggers.values()))["active"] = False
    assert account.wrong() == {"the webhook", "the webhook of events", "the trigger"}
    account.register()
    assert account.wrong() == set()


def test_zendesk_s_webhook_of_an_older_version_gets_one_of_events_beside_it():
    account = zendesk()
    account.register()
    (first, second) = account.player.made_webhooks
    del account.player.made_webhooks[second]
    account.site = Site(address=ADDRESS, secrets=Secrets({"signing_secret": "invented-zendesk-signing"}))
    assert account.wrong() == {"the webhook of events"}
    done = account.register()
    assert [*done.secrets] == ["events_secret"]
    assert account.player.made_webhooks[first]["subscriptions"] == ["conditional_ticket_events"]


def test_one_webhook_of_zendesk_s_events_made_by_hand_is_enough():
    account = zendesk()
    account.register()
    account.player.made_triggers.clear()
    (made,) = [each for each in account.player.made_webhooks.values() if len(each["subscriptions"]) > 1]
    made["subscriptions"] = ["zen:event-type:ticket.comment_added", "zen:event-type:ticket.status_changed"]
    account.player.made_webhooks = {made["id"]: made}
    account.site = Site(address=ADDRESS, secrets=Secrets({"signing_secret": "invented-zendesk-signing"}))
    assert account.states()["the webhook of events"] is State.DIFFERENT
    assert account.register().did == ["the webhook of events subscribed to agent_assignment_changed"]
    assert account.wrong() == set()
    assert not account.player.made_triggers


def test_zendesk_s_agent_who_may_not_look_raises_no_alarm():
    account = zendesk()
    account.player.administrator = False
    account.player.account.records.named("brands", 71, "Northwind Tea")
    account.reach.settings["brand"] = "71"
    assert account.states() == {"the webhook": State.UNKNOWN, "the brand 71": State.RIGHT}
    assert not account.register().did


def test_zendesk_s_fields_that_are_gone_are_named():
    account = zendesk()
    account.reach.settings["fields"] = "reference=4410021"
    account.player.account.records.ticket_field(4410022)
    assert account.states()["the ticket fields"] is State.DIFFERENT
    account.player.account.records.ticket_field(4410021)
    assert account.states()["the ticket fields"] is State.RIGHT


def test_each_record_that_zendesk_s_settings_name_is_looked_for():
    account = zendesk()
    account.site = Site(address=ADDRESS, secrets=ZENDESK_SECRETS, fields={"tea": {"brand": "72", "4410023": "tea"}})
    account.register()
    records = account.player.account.records
    settings = {"form": "51", "brand": "71", "group": "61", "organization": "81", "values": "4410023=coffee"}
    account.reach.settings.update(settings)
    told = {"the form 51", "the brand 71", "the brand 72", "the group 61", "the organization 81"}
    records.form(52)
    records.ticket_field(4410023, "Product", "tagger", options=("coffee",))
    assert {each: state for each, state in account.states().items() if each in told} == dict.fromkeys(
        told, State.MISSING
    )
    assert account.states()["the value of field 4410023"] is State.DIFFERENT  # “tea” of the connection
    records.form(51, active=False)
    records.named("brands", 71, "Northwind Coffee")
    records.named("brands", 72, "Northwind Tea")
    records.named("groups", 61, "Care", deleted=True)
    records.named("organizations", 81, "Northwind")
    records.ticket_field(4410023, "Product", "tagger", options=("coffee", "tea"))
    assert account.wrong() == {"the form 51", "the group 61"}
    records.form(51, in_all_brands=False, restricted_brand_ids=[71])
    records.named("groups", 61, "Care")
    assert account.wrong() == {"the form 51 in the brand 72"}
    assert not account.register().did  # a person's


def test_what_zendesk_requires_to_solve_a_ticket_and_nothing_fills_is_named_without_an_alarm():
    account = zendesk()
    records = account.player.account.records
    records.ticket_field(4410023, "Product", required=True)
    records.ticket_field(4410024, "Kind", "tickettype", required=True)
    records.ticket_field(4410025, "Colour", required=True)
    records.ticket_field(4410026, "Subject", "subject", required=True)
    records.form(51, 4410023, 4410024, 4410026, default=True)

    def empty():
        return [each for each in account.connector.registration(account.site, account.reach) if "requi" in each.what]

    (found,) = empty()
    assert (found.text, found.state) == (
        "the required fields: nothing here fills “Product” (4410023), “Kind” (4410024)",
        State.UNKNOWN,
    )
    assert found.remedy.endswith("until they are filled by `values: 4410023=…` and `type: question`")
    account.reach.settings.update({"type": "question", "values": "4410023=coffee"})
    assert empty() == []
    account.site = Site(address=ADDRESS, fields={"tea": {"form": "52"}})
    records.form(52, 4410025)
    (found,) = empty()
    assert found.text == "the required fields of tea: nothing here fills “Colour” (4410025)"


def test_a_field_that_a_condition_of_zendesk_s_form_requires_is_named_where_the_condition_is_met():
    account = zendesk()
    records = account.player.account.records
    for number, title in ((4410023, "Product"), (4410024, "Roast")):
        records.ticket_field(number, title, required=number == 4410024)
    solving = {"type": "SOME_STATUSES", "statuses": ["solved"]}
    child = {"id": 4410024, "is_required": False, "required_on_statuses": solving}
    records.ticket_field(4410027, "Always", required=True)
    condition = {"parent_field_id": 4410023, "value": "coffee", "child_fields": [child]}
    records.form(51, 4410023, 4410024, default=True, agent_conditions=[condition])
    account.reach.settings["values"] = "4410023=tea"
    assert "the required fields" not in account.states()
    account.reach.settings["values"] = "4410023=coffee"
    assert account.states()["the required fields"] is State.UNKNOWN
