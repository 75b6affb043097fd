"""deskwire.yaml: the example is right, and each thing a person can get wrong is told with its line."""

import json
import re
import textwrap
from pathlib import Path

import pytest
import yaml

from cli.checking import check
from cli.company import schema
from cli.needs import Need
from deskwire import registry
from deskwire.care.texts import Tag
from deskwire.configuration import Connection, Endpoint, HelpdeskConnection, Incidents

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deskwire.example.yaml"
TEXT = EXAMPLE.read_text()


@pytest.fixture
def faults_of(tmp_path):
    """Return (line, where, reason) of each fault of a text."""

    def run(text):
        file = tmp_path / "deskwire.yaml"
        file.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return [(fault.line, fault.where, fault.reason) for fault in check(file).faults]

    return run


def changed(old, new, count=1):
    """Return the example with one thing wrong, and the line of it."""
    assert TEXT.count(old) >= 1, old
    text = TEXT.replace(old, new, count)
    return text, TEXT[: TEXT.index(old)].count("\n") + 1


def test_the_example_is_right_and_says_nothing_odd():
    found = check(EXAMPLE)
    assert found.faults == ()
    assert found.hints == ()
    assert {type(definition) for definition in found.definitions} == {
        Endpoint,
        Connection,
        HelpdeskConnection,
        Incidents,
    }


def test_the_example_resolves_to_what_the_table_holds():
    found = {(type(each).__name__, each.name): each for each in check(EXAMPLE).definitions}
    endpoint = found["Endpoint", "zendesk-webhook"]
    assert (endpoint.side, endpoint.connectors, endpoint.helpdesk) == ("helpdesks", ("zendesk",), "zendesk")
    assert found["HelpdeskConnection", "zendesk"].endpoint == "zendesk-webhook"
    assert found["Endpoint", "meta"].connectors == ("facebook", "messenger")
    page = found["Connection", "reykjavik-page"]
    assert (page.helpdesk, page.policy.company, page.policy.acknowledge.public) == ("zendesk", "Northwind", False)
    mentions = found["Connection", "care-on-x"].policy
    assert (mentions.acknowledge.public, mentions.quiet_hours, mentions.texts) == (True, 12, page.policy.texts)
    contact = found["Connection", "contact"].policy
    assert (contact.quiet_hours, contact.texts) == (1, page.policy.texts)


def test_the_example_names_only_connectors_that_there_are():
    raw = yaml.safe_load(TEXT)
    named = {each["channel"] for each in raw["connections"].values()}
    assert named <= set(registry.channel_names())
    assert {each["connector"] for each in raw["helpdesks"].values()} <= set(registry.helpdesk_names())


def test_the_schema_for_editors_is_up_to_date():
    """`deskwire schema > docs/deskwire.schema.json` mends it."""
    assert json.loads((ROOT / "docs" / "deskwire.schema.json").read_text()) == schema()


def test_the_schema_command_prints_it(deskwire):
    assert json.loads(deskwire("schema").out) == schema()


def test_the_example_keeps_its_own_schema():
    jsonschema = pytest.importorskip("jsonschema")
    raw = yaml.load(TEXT, Loader=yaml.BaseLoader)  # every scalar a text, as the schema's keys are

    def typed(value):
        if isinstance(value, dict):
            return {key: typed(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [typed(inner) for inner in value]
        return yaml.safe_load(value) if re.fullmatch(r"true|false|[0-9]{1,3}", value) else value

    jsonschema.validate(typed(raw), schema())
    jsonschema.validate({"policies": {"p": {"hours": "never", "texts": {"private": {"en": "one"}}}}}, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"policies": {"p": {"hours": "sometimes"}}}, schema())


def test_the_example_begins_with_the_line_that_editors_look_for():
    assert TEXT.startswith("# yaml-language-server: $schema=docs/deskwire.schema.json\n")


WRONG = {
    "an unknown channel": ("channel: facebook", "channel: facebok", "did you mean “facebook”"),
    "an unknown channel of an endpoint": ("channels: [x]", "channels: [twitter]", "there is no channel “twitter”"),
    "an unknown connector of a helpdesk": ("connector: zendesk", "connector: zendesc", "did you mean “zendesk”"),
    "an unknown setting": ("captcha: turnstile", "captcha: turnstile\n      colour: red", None),
    "an unknown setting of a helpdesk": ("subdomain: northwind", "sub_domain: northwind", "did you mean “subdomain”"),
    "an unknown endpoint": ("endpoint: x\n", "endpoint: y\n", "there is no endpoint “y”"),
    "an endpoint that does not list the channel": ("endpoint: x\n", "endpoint: meta\n", "does not list x"),
    "a helpdesk's endpoint": ("endpoint: x\n", "endpoint: zendesk-webhook\n", "is the webhook of a helpdesk"),
    "an unknown policy": ("policy: mentions", "policy: mention", "did you mean “mentions”"),
    "an unknown default policy": ("policy: everyday\n", "policy: everyda\n", "did you mean “everyday”"),
    "an unknown default helpdesk": ("helpdesk: zendesk\n", "helpdesk: deskalope\n", "there is no helpdesk “deskalope”"),
    "an unknown mirror": ("helpdesk: zendesk\n", "helpdesk: zendesk\n  mirror: zendesc\n", "did you mean “zendesk”"),
    "an unknown mirror of a connection": ("    channel: x\n", "    channel: x\n    mirror: desk\n",
                                          "there is no helpdesk “desk”"),
    "a mirror that is the helpdesk": ("    channel: x\n", "    channel: x\n    mirror: zendesk\n", "is a second one"),
    "a default mirror that is the helpdesk": ("helpdesk: zendesk\n", "helpdesk: zendesk\n  mirror: zendesk\n",
                                              "is its helpdesk already"),
    "an unknown helpdesk of an endpoint": ("helpdesk: zendesk\n    secret", "helpdesk: zen\n    secret", "no helpdesk"),
    "a policy like none": ("like: everyday\n    ack", "like: weekdays\n    ack", "there is no policy “weekdays”"),
    "a policy like itself": ("like: everyday\n    ack", "like: mentions\n    ack", "like itself"),
    "channels that sign differently": ("channels: [facebook, messenger]", "channels: [facebook, messenger, x]",
                                       "sign differently"),
    "a channel named twice": ("channels: [x]", "channels: [x, x]", "named twice"),
    "a helpdesk that cannot be polled": ("secret: zendesk #", "poll: true\n    secret: zendesk #", "cannot be polled"),
    "no secret where one is needed": ("    secret: turnstile #", "    #", None),
    "a secret where none is needed": ("channel: webform\n", "secret: useless\n    channel: email\n", "leave it out"),
    "a name of no secret": ("secret: x-app", "secret: 'my key!'", "no name of a secret"),
    "a wrong name": ("\n  care-on-x:", "\n  Care on X:", "no name"),
    "a wrong type": ("quiet_hours: 12", "quiet_hours: often", "must be a number"),
    "a number out of its range": ("replies_per_day: 3", "replies_per_day: 300", "less than or equal to 20"),
    "a truth value of another word": ("public: true", "public: perhaps", "true or false"),
    "a list that is none": ("tags: [reykjavik]", "tags: reykjavik", "must be a list"),
    "a mapping that is none": ("    acknowledge:\n      public: true", "    acknowledge: public", "name: value"),
    "an unknown field": ("quiet_hours: 12", "quiethours: 12", "did you mean “quiet_hours”"),
    "the old name beside the new": ("quiet_hours: 12", "quiet_hours: 12\n    reopen_days: 3", "in `closed_tickets`"),
    "a setting that is the policy's now": ("subdomain: northwind", "subdomain: northwind\n      reopen_days: '3'",
                                           "stands in `closed_tickets` of the policy"),
    "an unknown section": ("\nhelpdesks:", "\nhelpdesk:", "did you mean “helpdesks”"),
    "a time that no clock shows": ("friday: [09:00-15:00]", "friday: [09:00-25:00]", "no clock shows"),
    "hours that are neither": ("week: # or: always, never", "week: sometimes\n      unused:", "always or never"),
    "an unknown time zone": ("Atlantic/Reykjavik", "Atlantic/Reykjavic", "no time zone"),
    "an unknown country": ("holidays: IS", "holidays: XX", "no holidays are known"),
    "a date that is none": ("2026-12-31: []", "2026-13-31: []", "date"),
    "an unknown placeholder": ("under {reference}. {usual", "under {refrence}. {usual", "is no placeholder"),
    "an unknown language": ("        pl:\n", "        polish:\n", "is no language"),
    "no text in the default language": ("default_language: en", "default_language: fr", None),
    "a text too long for the channel": ("Thank you, we are looking at it.", "Thank you. " * 30, "X takes 280"),
    "an alias of itself": ("tags: [reykjavik]", "tags: &tags [*tags]", "contains itself"),
    "a tag of YAML": ("replies_per_day: 3", "replies_per_day: !!python/none 3", "tags"),
    "a merge": ("quiet_hours: 12", "<<: {}\n    quiet_hours: 12", "like: NAME"),
    "an account that is a fraction": ('"900000000000000010"', "9.5", "must be a text"),
    "hCaptcha with an empty site key": (
        "captcha: turnstile", 'captcha: hcaptcha\n      captcha_sitekey: " "', "say the widget's site key"
    ),
    "a group of a connection that there is not": ("iceland: [", "iceland: [contacts, ", "did you mean “contact”"),
    "a captcha that there is not": ("captcha: turnstile", "captcha: recaptcha", "say one of turnstile, hcaptcha"),
    "an origin with a path": ("origins: https://www.northwind.example ", "origins: https://www.northwind.example/ ",
                              "is no origin"),
    "a host instead of an origin": ("origins: https://www.northwind.example ", "origins: www.northwind.example ",
                                    "is no origin"),
    "a captcha that is down, and nobody knows what then": (
        "captcha: turnstile", "captcha: turnstile\n      captcha_down: ignore", "say accept or refuse"
    ),
    "an empty setting": ("captcha: turnstile", 'captcha: ""', "is empty"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_fault_is_told_with_its_line(faults_of, what):
    old, new, reason = WRONG[what]
    text, line = changed(old, new)
    found = faults_of(text)
    assert found, "no fault is seen"
    if reason is None:
        return
    matching = [fault for fault in found if reason in fault[2]]
    assert matching, found
    lines = set(range(line, line + new.count("\n") + 1))
    assert {fault[0] for fault in matching} & lines, (line, found)


def test_hcaptcha_with_its_site_key_is_right_and_turnstile_needs_none(faults_of):
    text, _ = changed(
        "captcha: turnstile", "captcha: hcaptcha\n      captcha_sitekey: 10000000-ffff-ffff-ffff-000000000001"
    )
    assert faults_of(text) == []
    text, _ = changed("https://shop.northwind.example\n", "https://shop.northwind.example:8443 http://localhost:3000\n")
    assert faults_of(text) == []


def test_a_setting_that_its_connector_cannot_read_is_told(faults_of):
    text, line = changed("      fields: reference=4410021, rating=4410022 #", "      form: Complaints #")
    ((at, where, reason),) = faults_of(text)
    assert (at, where) == (line, "helpdesks.zendesk.settings.form")
    assert reason.startswith("is not Zendesk's id of it, a number")
    text, line = changed("fields: reference=4410021, rating=4410022", "fields: reference")
    ((at, where, reason),) = faults_of(text)
    assert (at, where) == (line, "helpdesks.zendesk.settings.fields")
    assert reason == "is not written as `reference=4410021, rating=4410022`"


def test_a_connection_s_field_that_its_helpdesk_cannot_read_is_told(faults_of):
    text, line = changed('    fields: { "4410023": website }', "    fields: { brand: Tea }")
    ((at, where, reason),) = faults_of(text)
    assert (at, where) == (line, "connections.contact.fields.brand")
    assert reason.startswith("is not Zendesk's id of it, a number")
    assert faults_of(text.replace("brand: Tea", 'brand: "4410071"')) == []
    named = text.replace("fields: reference=4410021", "fields: brand=4410021")
    assert faults_of(named) == []  # the setting makes a field of that name


def test_what_is_missing_is_told_where_it_is_missing(faults_of):
    text, line = changed('  contact-form:\n    channels: [webform]\n    secret: turnstile # {"captcha_secret": "…"}\n',
                         "  contact-form:\n    channels: [webform]\n")  # fmt: skip
    ((at, where, reason),) = faults_of(text)
    assert (at, where) == (line, "endpoints.contact-form")
    assert "captcha_secret" in reason
    text, _ = changed("      origins: https://www.northwind.example https://shop.northwind.example\n", "")
    ((at, where, reason),) = faults_of(text)
    assert text.splitlines()[at - 1].strip() == "settings:"
    assert reason == "the setting “origins” is missing"
    text, _ = changed("captcha: turnstile", "captcha: hcaptcha")
    ((at, where, reason),) = faults_of(text)
    assert (text.splitlines()[at - 1].strip(), where) == ("settings:", "endpoints.contact-form.settings")
    assert (
        reason == "the setting “captcha_sitekey” is missing: hcaptcha judges a token by it: say the widget's site key"
    )
    text, _ = changed("    account: contact #", "    #")
    ((at, where, reason),) = faults_of(text)
    assert (text.splitlines()[at - 1], reason) == ("  contact:", "“account” is missing")


def test_a_connection_without_any_helpdesk_is_told(faults_of):
    text, _ = changed("  helpdesk: zendesk\n  policy: everyday\n", "  policy: everyday\n")
    found = faults_of(text)
    assert len(found) == 5
    assert all("under `defaults`" in reason for _, _, reason in found)


def test_two_connections_of_one_account_are_told(faults_of):
    text, _ = changed("channel: messenger\n", "channel: facebook\n")
    ((line, where, reason),) = faults_of(text)
    assert where == "connections.reykjavik-messenger.account"
    assert text.splitlines()[line - 1].strip().startswith("account:")
    assert "belongs to “reykjavik-page” already" in reason


def test_a_key_given_twice_is_told_with_both_lines(faults_of):
    text, line = changed("quiet_hours: 12", "quiet_hours: 6\n    quiet_hours: 12")
    assert faults_of(text) == [(line + 1, "policies.everyday.quiet_hours", f"is given twice; first in line {line}")]


def test_an_opening_is_not_named_by_who_never_opens(faults_of):
    found = faults_of("""\
        policies:
          silent:
            hours: never
            texts:
              private:
                en: {open: Hello, closed: "See you on {opens_day} at {opens_at}"}
        """)
    assert [(line, where) for line, where, _ in found] == [(6, "policies.silent.texts.private.en.closed")]
    assert "nobody ever answers" in found[0][2]


def test_a_company_without_a_name_is_not_named(faults_of):
    ((line, _, reason),) = faults_of("policies:\n  p:\n    texts:\n      private:\n        en: Hello from {company}\n")
    assert line == 5
    assert "has no `company`" in reason


def test_an_automatic_answer_in_public_is_refused_where_the_platform_forbids_it(faults_of):
    text, _ = changed("    secret: google-account", "    policy: mentions\n    secret: google-account")
    ((line, _, reason),) = faults_of(text)
    assert text.splitlines()[line - 1].strip() == "public: true"
    assert "Google Business Profile allows no automatic answer in public" in reason
    assert "“reviews”" in reason


def test_a_text_that_is_inherited_is_told_where_it_is_written(faults_of):
    text, line = changed("en: Thank you, we are looking at it.", "en: " + "long " * 80)
    found = faults_of(text)
    assert [each[0] for each in found if "X takes 280" in each[2]] == [line]


def test_a_fault_of_a_policy_is_told_once_however_many_are_like_it(faults_of):
    text, line = changed("quiet_hours: 12", "quiet_hours: often")
    assert faults_of(text) == [(line, "policies.everyday.quiet_hours", "must be a number")]


def test_all_faults_are_told_at_once(faults_of):
    text = TEXT
    for what in ("an unknown channel", "an unknown policy", "a wrong type", "an unknown setting of a helpdesk",
                 "a wrong name"):  # fmt: skip
        text = text.replace(*WRONG[what][:2], 1)
    reasons = " ".join(reason for _, _, reason in faults_of(text))
    for part in ("facebok", "“mention”", "must be a number", "sub_domain", "is no name"):
        assert part in reasons


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"# nothing\n", "empty"),
        (b"[1, 2]", "the file must hold"),
        (b"just words", "the file must hold"),
        (b"a: [1", "not YAML"),
        (b"a: b: c", "not YAML"),
        (b"connections:\n\tx: 1\n", "not YAML"),
        (b"policies:\n  p: \xff\n", "not UTF-8"),
        (b"policies:\n  p: \x07\n", "control character"),
        (b"a: 1\n---\nb: 2\n", "not YAML"),
        (b"[" * 20_000, "nested too deeply"),
        (b"? [a]\n: b\n", "a key must be a text"),
        (b"connections: 7\n", "name: value"),
        (b"connections:\n  a: 7\n", "name: value"),
        (b"connections:\n  a:\n", "“channel” is missing"),
        (b"endpoints:\n  a: {}\n", "either `channels` or a `helpdesk`"),
    ],
)
def test_what_is_no_such_file_at_all_is_told(faults_of, content, reason):
    found = faults_of(content)
    assert any(reason in fault[2] for fault in found), found


def test_a_billion_laughs_are_cut_short(faults_of):
    text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for name, inner in zip("bcdefgh", "abcdefg", strict=True):
        text += f"{name}: &{name} [{', '.join([f'*{inner}'] * 10)}]\n"
    assert any("too large" in reason for _, _, reason in faults_of(text))


def test_words_that_old_yaml_took_for_something_else_are_words(tmp_path):
    file = tmp_path / "deskwire.yaml"
    text = TEXT.replace('account: "410000000000001" # the page\'s id', "account: 0123 # the page's id")
    text = text.replace("        pl:\n", "        no:\n").replace(" {usual_wait}", "")  # which knows no Norwegian yet
    file.write_text(text.replace("holidays: IS", "holidays: NO"))
    found = check(file)
    assert found.faults == ()
    page = next(each for each in found.definitions if isinstance(each, Connection) and each.name == "reykjavik-page")
    assert page.account == "0123"
    assert page.policy.hours.holidays == "NO"
    assert "no" in page.policy.texts.private


def test_a_number_is_taken_for_an_account_and_for_a_setting(tmp_path):
    file = tmp_path / "deskwire.yaml"
    file.write_text(TEXT.replace('"410000000000001"', "410000000000001").replace(
        "captcha: turnstile", "captcha: turnstile\n      address_rate: 50"))  # fmt: skip
    found = check(file)
    assert found.faults == ()
    assert {each.account for each in found.definitions if isinstance(each, Connection)} > {"410000000000001"}


def test_what_is_odd_is_noted_and_not_refused(tmp_path, deskwire):
    file = tmp_path / "deskwire.yaml"
    start = TEXT.index("  zendesk-webhook:")
    file.write_text(
        TEXT[:start] + "  spare:\n    channels: [x]\n    secret: spare\n" + TEXT[TEXT.index("\n# ---", start) :]
    )
    told = deskwire("check", file)
    assert told.status == 0
    assert "agents' answers do not reach customers" in told.err
    assert "no connection uses it" in told.err


def test_the_faults_are_told_as_compilers_do_and_nothing_else_is_done(deskwire, tmp_path):
    file = tmp_path / "deskwire.yaml"
    text, line = changed("policy: mentions", "policy: mention")
    file.write_text(text)
    for command in (["check"], ["plan"], ["apply", "--yes"]):  # no AWS is asked: there is none here
        told = deskwire(*command, file)
        assert told.status == 2
        assert f"{file}:{line}: connections.care-on-x.policy: there is no policy “mention”" in told.err
        told = deskwire(*command, file, "--json")
        assert told.status == 2
        (fault,) = json.loads(told.out)["faults"]
        assert (fault["line"], fault["where"]) == (line, "connections.care-on-x.policy")


def test_a_file_that_is_not_there_is_told(deskwire, tmp_path):
    told = deskwire("plan", tmp_path / "nothing.yaml")
    assert told.status == 2
    assert "No such file" in told.err


def test_a_value_that_may_be_a_secret_is_not_repeated(faults_of):
    text, _ = changed("secret: x-app", "secret: 'S3cr3t value!'")
    assert not any("S3cr3t" in reason for _, _, reason in faults_of(text))


def test_optional_and_alternative_names_are_told_by_their_words():
    need = Need.of({"a": "needed", "b": "optional, else 7", "c": "an API token", "d": "or an OAuth token"})
    assert need.groups == (("a",), ("c", "d"))
    assert need.missing({"a", "d"}) == []
    assert need.missing({"b"}) == ["a", "c or d"]
    assert need.unknown({"a", "z"}) == ["z"]


def test_what_the_connectors_need_is_what_their_pages_say():
    """Whoever declares another name decides by its words whether it may be left out."""
    assert Need.of(registry.channel("webform").connection_settings).groups == (("sender",),)
    assert Need.of(registry.channel("webform").endpoint_settings).groups == (("origins",), ("captcha",))
    assert Need.of(registry.helpdesk("zendesk").connection_settings).groups == (("subdomain",),)
    assert Need.of(registry.helpdesk("zendesk").connection_secrets).groups == (("api_token", "oauth_token"),)
    assert Need.of(registry.helpdesk("requesttracker").connection_settings).groups == (("address",), ("queue",))


def test_the_pattern_of_a_language_is_the_care_room_s():
    from cli.wording import LANGUAGE

    assert LANGUAGE in str(Tag)


@pytest.mark.parametrize(
    "account",
    ["PAGE_ID", "<page id>", "…", "$PAGE_ID", "{{PAGE_ID}}", "your_page_id", "TODO", "xxxx", "urn:li:organization:ID",
     "accounts/{accountId}/locations/{locationId}"],
)  # fmt: skip
def test_an_account_left_as_the_readme_has_it_is_told(faults_of, account):
    text, _ = changed('account: "410000000000001"\n', f'account: "{account}"\n')
    found = faults_of(text)
    assert any(f"“{account}” stands for the account's own id" in reason for _, _, reason in found)


def test_incidents_are_watched_for_where_the_section_stands_alone_and_a_connection_is_in_one_group(faults_of, tmp_path):
    file = tmp_path / "deskwire.yaml"
    groups = TEXT[TEXT.index("  groups: #") : TEXT.index("# ---", TEXT.index("  groups: #"))]
    file.write_text(TEXT.replace(groups, "\n"))
    (found,) = [each for each in check(file).definitions if isinstance(each, Incidents)]
    assert found.scope("contact") == found.scope("reviews") == ("company", ())
    twice = TEXT.replace("    iceland: [", "    north: [contact]\n    iceland: [")
    assert [reason for _, _, reason in faults_of(twice)] == [
        "“contact” is in the group “north” already: a connection is counted once"
    ]
    silent = TEXT.replace(groups, "").replace("\nincidents:\n", "\n")
    file.write_text(silent)
    assert ["never said" in hint.reason for hint in check(file).hints] == [True, True]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("{ minutes: 60 }", "{ channels: [emial], minutes: 60 }", "policies.everyday.answer_within.1.channels.0"),
        ("      on: true\n", "      on: true\n      channels: [viber]\n", "policies.everyday.survey.channels.0"),
        ("move: {matters", "move: {channels: [x, meta], matters", "policies.everyday.private.move.channels.1"),
    ],
)
def test_a_channel_that_no_connection_is_of_is_told_once_with_those_that_there_are(faults_of, old, new, where):
    text, _ = changed(old, new)
    ((_, told, reason),) = faults_of(text)  # also for the policies that are like this one
    assert told == where
    assert "no connection is of the channel “" in reason
    assert "facebook, google, messenger, webform, x" in reason


def test_an_answer_for_a_channel_without_a_connection_is_odd(tmp_path):
    file = tmp_path / "deskwire.yaml"
    file.write_text(changed("channels: [messenger, webform] # left", "channels: [messenger, viber] # left")[0])
    assert [(fault.where, fault.reason) for fault in check(file).hints] == [
        ("answers.opening-hours.channels.1", "is never said there: no connection is of this channel")
    ]


ANSWERED = """\
policies:
  p:
    answering: {ask: {private: {en: "Was that it?"}}}
answers:
  hours:
    questions: ["When are you open?"]
    answer: {en: Nine to six.}
"""


def test_a_question_that_two_answers_have_is_told(faults_of):
    more = "  other:\n    questions: [when are you open]\n    answer: {en: At nine.}\n    channels: [carrier-pigeon]\n"
    told = {where: reason for _, where, reason in faults_of(ANSWERED + more)}
    assert told.keys() == {"answers.other.questions", "answers.other.channels"}
    assert "too: neither can be told" in told["answers.other.questions"]


def test_more_answers_than_an_item_of_the_table_holds_are_told(faults_of):
    more = "".join(
        f'  a{number}:\n    questions: ["number {number}"]\n    answer: {{en: {"x" * 2000}}}\n' for number in range(130)
    )
    ((_, where, reason),) = faults_of(ANSWERED + more)
    assert where == "answers"
    assert "leave some out" in reason


def test_answers_go_to_the_connections_that_may_say_them():
    found = {each.channel: each for each in check(EXAMPLE).definitions if isinstance(each, Connection)}
    assert set(found["messenger"].answers) == {"opening-hours"}
    assert found["messenger"].matcher.match("When are you open?", channel="messenger") is not None
    assert not found["x"].answers


def test_an_answer_that_no_policy_asks_about_is_odd(tmp_path):
    file = tmp_path / "deskwire.yaml"
    file.write_text(ANSWERED)
    assert [fault.where for fault in check(file).hints] == ["answers.hours"]


LINK = "{page: https://shop.example.org/contact, channel: webform, account: %s, says: {en: Write to us here}}"


@pytest.mark.parametrize(
    ("account", "secret", "reason"),
    [("contact", "forms", ""), ("contact", "", "it has none"), ("another", "forms", "no connection is that")],
)
def test_a_one_time_link_leads_to_a_connection_that_can_sign_it(faults_of, account, secret, reason):
    text = TEXT.replace("      move: {", f"      link: {LINK % account}\n      move: {{")
    text = text.replace(
        "    endpoint: contact-form\n", "    endpoint: contact-form\n" + f"    secret: {secret}\n" * bool(secret)
    )
    found = faults_of(text)
    assert [reason in said for _, _, said in found] == [True] * (len(found) if reason else 0)
    assert bool(found) == bool(reason)
    assert {where for _, where, _ in found} <= {"policies.everyday.private.link"}


def test_the_secret_of_a_page_that_a_link_leads_to_must_hold_what_signs_it(tmp_path, deskwire):
    text = TEXT.replace("    endpoint: contact-form\n", "    endpoint: contact-form\n    secret: forms\n")
    file = tmp_path / "deskwire.yaml"
    file.write_text(text)
    assert check(file).secrets["forms"].groups == ()
    file.write_text(text.replace("      move: {", f"      link: {LINK % 'contact'}\n      move: {{"))
    assert check(file).secrets["forms"].missing([]) == ["link_secret"]
    assert "the secret forms must hold link_secret" in deskwire("check", file).out
    assert json.loads(deskwire("check", file, "--json").out)["secrets"]["forms"] == ["link_secret"]
