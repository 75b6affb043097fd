"""The web form's rule: origin, media type, and a token that its provider must know."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl

import pytest

from deskwire.model.errors import ConfigurationError, SignatureError, TemporaryError
from deskwire.model.secret import Secret, Secrets
from deskwire.verification.captcha import Captcha, played_token
from deskwire.verification.rule import Context
from deskwire.web.request import Request
from deskwire.web.rest import Answer, Direct, with_hosts
from sandbox.neighbours.captcha import HOSTS, Captchas, Site
from sandbox.neighbours.neighbour import Clock, broken, error_inside, slow

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SITE = Site("0x4AAAinvented-key", "0x4AAAinvented-secret")
SECRETS = Secrets({"captcha_secret": SITE.secret})
RULE = Captcha()
ORIGINS = "https://shop.example.org https://www.example.org:8443 http://127.0.0.1:8000"


@pytest.fixture
def captchas():
    with Captchas(SITE, clock=Clock(NOW, held=True)) as played:
        direct = Direct()
        played.http = with_hosts(direct, dict.fromkeys(HOSTS, played.address))
        yield played
        direct.close()


def context(captchas, provider="turnstile", **more):
    sitekey = {"captcha_sitekey": SITE.sitekey} if provider == "hcaptcha" else {}
    return Context(NOW, captchas.http, {"origins": ORIGINS, "captcha": provider, **sitekey, **more})


def posted(token, provider="turnstile", origin="https://shop.example.org", **more):
    field = {"turnstile": "cf-turnstile-response", "hcaptcha": "h-captcha-response"}[provider]
    return Request(
        method="POST",
        endpoint="form",
        headers={"origin": origin, "content-type": "application/json"},
        body=json.dumps({"message": "hello", field: token, **more}).encode(),
        received_at=NOW,
    )


def solved(captchas, hostname="shop.example.org", action="contact"):
    return captchas.solve(SITE.sitekey, hostname, action)


@pytest.mark.parametrize("provider", ["turnstile", "hcaptcha"])
def test_a_solved_captcha_on_an_allowed_page_is_let_in(captchas, provider):
    facts = RULE.verify(posted(solved(captchas), provider), SECRETS, context(captchas, provider))
    assert facts == {"captcha": "passed"}


@pytest.mark.parametrize("provider", ["turnstile", "hcaptcha"])
def test_a_token_works_once(captchas, provider):
    request = posted(solved(captchas), provider)
    RULE.verify(request, SECRETS, context(captchas, provider))
    changed = dataclasses.replace(request, body=request.body.replace(b"hello", b"other"))
    with pytest.raises(SignatureError, match="used"):
        RULE.verify(changed, SECRETS, context(captchas, provider))


def test_the_very_same_post_after_a_lost_answer_passes_again_with_turnstile(captchas):
    request = posted(solved(captchas))
    for _ in range(3):
        assert RULE.verify(request, SECRETS, context(captchas)) == {"captcha": "passed"}


@pytest.mark.parametrize(("provider", "life"), [("turnstile", 300), ("hcaptcha", 120)])
def test_a_token_that_is_too_old_is_refused(captchas, provider, life):
    request = posted(solved(captchas), provider)
    captchas.clock.advance(life + 1)
    with pytest.raises(SignatureError, match="too old"):
        RULE.verify(request, SECRETS, context(captchas, provider))


@pytest.mark.parametrize("provider", ["turnstile", "hcaptcha"])
def test_a_token_of_another_site_with_the_same_key_is_refused(captchas, provider):
    with pytest.raises(SignatureError, match="another site"):
        RULE.verify(posted(solved(captchas, "evil.example"), provider), SECRETS, context(captchas, provider))


def test_a_token_of_one_allowed_page_does_not_count_on_another(captchas):
    with pytest.raises(SignatureError, match="another site"):
        RULE.verify(posted(solved(captchas, "www.example.org")), SECRETS, context(captchas))


def test_a_token_of_another_widget_of_the_site_is_refused(captchas):
    with pytest.raises(SignatureError, match="contact"):
        RULE.verify(posted(solved(captchas, action="login")), SECRETS, context(captchas))
    wanted = context(captchas, captcha_action="support")
    assert RULE.verify(posted(solved(captchas, action="support")), SECRETS, wanted)


def test_hcaptcha_is_asked_with_a_form_and_the_site_key(captchas):
    RULE.verify(
        posted(solved(captchas), "hcaptcha"), SECRETS, context(captchas, "hcaptcha", captcha_sitekey=SITE.sitekey)
    )
    asked = captchas.books.entries("POST", "/siteverify")[0].asked
    assert asked.header("content-type") == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(asked.body.decode()))["sitekey"] == SITE.sitekey
    with pytest.raises(SignatureError):  # it may as well be a token of another site
        RULE.verify(
            posted(solved(captchas), "hcaptcha"), SECRETS, context(captchas, "hcaptcha", captcha_sitekey="other")
        )


def test_the_played_hcaptcha_reads_no_json(captchas):
    """A trap of the real one: `missing-input-response`, or here, of everything."""
    from deskwire.web.rest import Call

    answer = captchas.http(
        Call.json("POST", "https://api.hcaptcha.com/siteverify", {"secret": SITE.secret, "response": solved(captchas)})
    )
    assert answer.node()["success"].truth() is False


@pytest.mark.parametrize(
    "origin",
    ["", "null", "https://shop.example.org.attacker.example", "https://attacker.example", "http://shop.example.org",
     "https://shop.example.org:444", "https://SHOP.example.org", "https://shop.example.org/", "https://www.example.org",
     "https://shop.example.org https://attacker.example", "https://shop.example.org,https://shop.example.org",
     "https://ѕhop.example.org", "*"],
)  # fmt: skip
def test_only_an_origin_that_is_listed_to_the_letter_is_let_in(captchas, origin):
    with pytest.raises(SignatureError, match="origin"):
        RULE.verify(posted(solved(captchas), origin=origin), SECRETS, context(captchas))
    assert not captchas.books.entries()  # the provider is not asked, the token not spent


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "text/plain; application/json", "application/x-www-form-urlencoded", "multipart/form-data",
     "application/json, text/plain", "application/json;charset=utf-16"],
)  # fmt: skip
def test_what_a_browser_sends_without_preflight_is_refused(captchas, kind):
    request = posted(solved(captchas))
    with pytest.raises(SignatureError, match="application/json"):
        RULE.verify(
            dataclasses.replace(request, headers={**request.headers, "content-type": kind}), SECRETS, context(captchas)
        )


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/json;charset=UTF-8", 'Application/JSON; charset="utf-8"']
)
def test_the_media_type_may_name_its_charset(captchas, kind):
    request = posted(solved(captchas))
    request = dataclasses.replace(request, headers={**request.headers, "content-type": kind})
    assert RULE.verify(request, SECRETS, context(captchas))


BODIES = ["", "{", "null", "[]", '"token"', "{}", '{"cf-turnstile-response": ["a"]}', '{"cf-turnstile-response": 7}',
          '{"cf-turnstile-response": ""}', '{"cf-turnstile-response": "a\\nb"}', '{"cf-turnstile-response": "é"}',
          json.dumps({"cf-turnstile-response": "a" * 2049})]  # fmt: skip


@pytest.mark.parametrize("body", [*(text.encode() for text in BODIES), b"\xff"])
def test_a_body_without_a_usable_token_is_refused_and_nobody_asked(captchas, body):
    with pytest.raises(SignatureError):
        RULE.verify(dataclasses.replace(posted("x"), body=body), SECRETS, context(captchas))
    assert not captchas.books.entries()


def test_a_made_up_token_is_refused(captchas):
    for token in ("0.invented", "played.e30.00", played_token(Secret("another"), "shop.example.org", "contact", NOW)):
        with pytest.raises(SignatureError):
            RULE.verify(posted(token), SECRETS, context(captchas))


@pytest.mark.parametrize(
    "fault",
    [
        broken(500),
        broken(503),
        error_inside({"success": False, "error-codes": ["internal-error"]}),
        slow(0.5),
    ],
)
@pytest.mark.parametrize("provider", ["turnstile", "hcaptcha"])
def test_while_the_provider_cannot_be_asked_people_are_let_in_and_marked(captchas, fault, provider, monkeypatch):
    monkeypatch.setattr("deskwire.verification.captcha.TIMEOUT", 0.2)
    captchas.faults.add(fault)
    facts = RULE.verify(posted(solved(captchas), provider), SECRETS, context(captchas, provider))
    assert facts == {"captcha": "unavailable"}


def test_an_unreachable_provider_lets_people_in_marked(captchas):
    def nobody(call):
        raise TemporaryError("no answer")

    where = dataclasses.replace(context(captchas), http=nobody)
    assert RULE.verify(posted("0.token"), SECRETS, where) == {"captcha": "unavailable"}


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, b'{"success": false, "error-codes": ["bad-request"]}'), (400, b"<html>Bad Request</html>"),
     (403, b"<html>you have been blocked</html>"), (404, b""), (413, b""), (429, b"slow down"), (200, b"<html>"),
     (200, b"[1]"), (403, b'{"error-codes": ["internal-error"]}'), (302, b"")],
)  # fmt: skip
@pytest.mark.parametrize("provider", ["turnstile", "hcaptcha"])
def test_whatever_else_a_provider_answers_is_a_refusal(captchas, status, body, provider):
    """Else a token that upsets the provider would be a way in."""
    where = dataclasses.replace(context(captchas, provider), http=lambda call: Answer(status, {}, body))
    with pytest.raises(SignatureError):
        RULE.verify(posted("0.token", provider), SECRETS, where)


@pytest.mark.parametrize("provider", ["turnstile", "hcaptcha"])
def test_a_setting_lets_nobody_in_while_the_provider_is_out_of_reach(captchas, provider):
    where = dataclasses.replace(
        context(captchas, provider, captcha_down="refuse"), http=lambda call: Answer(503, {}, b"")
    )
    with pytest.raises(TemporaryError):
        RULE.verify(posted("0.token", provider), SECRETS, where)


@pytest.mark.parametrize("named", [{"hostname": None}, {"hostname": "not-provided"}, {"hostname": ""}, {}])
def test_hcaptcha_without_a_hostname_is_judged_by_its_site_key(captchas, named):
    asked = []

    def http(call):
        asked.append(parse_qs(call.body.decode()))
        return Answer(200, {}, json.dumps({"success": True, "credit": False, **named}).encode())

    where = dataclasses.replace(context(captchas, "hcaptcha"), http=http)
    assert RULE.verify(posted("P1_abc", "hcaptcha"), SECRETS, where) == {"captcha": "passed"}
    assert asked[0]["sitekey"] == [SITE.sitekey]
    with pytest.raises(SignatureError):
        RULE.verify(posted("P1_abc"), SECRETS, dataclasses.replace(context(captchas), http=http))


def test_hcaptcha_needs_its_site_key(captchas):
    with pytest.raises(ConfigurationError, match="captcha_sitekey"):
        RULE.verify(posted("P1_abc", "hcaptcha"), SECRETS, context(captchas, "hcaptcha", captcha_sitekey=""))


def test_a_token_of_another_site_key_calls_nobody(captchas):
    mismatch = Answer(200, {}, b'{"success": false, "error-codes": ["sitekey-secret-mismatch"]}')
    where = dataclasses.replace(context(captchas, "hcaptcha"), http=lambda call: mismatch)
    with pytest.raises(SignatureError):
        RULE.verify(posted("P1_abc", "hcaptcha"), SECRETS, where)


@pytest.mark.parametrize("token", ["' OR 1=1--", "<script>", "../../etc/passwd%00", "a b", "a\nb", "a\u00e9", ""])
def test_what_no_provider_would_have_made_is_not_asked_about(captchas, token):
    def nobody(call):
        raise AssertionError

    with pytest.raises(SignatureError):
        RULE.verify(posted(token), SECRETS, dataclasses.replace(context(captchas), http=nobody))


def test_a_secret_that_the_provider_does_not_know_calls_a_person(captchas):
    with pytest.raises(ConfigurationError, match="captcha_secret"):
        RULE.verify(posted(solved(captchas)), Secrets({"captcha_secret": "old"}), context(captchas))


def test_during_a_rotation_either_secret_will_do(captchas):
    for values in (["old", SITE.secret], [SITE.secret, "old"]):
        assert RULE.verify(posted(solved(captchas)), Secrets({"captcha_secret": values}), context(captchas)) == {
            "captcha": "passed"
        }


@pytest.mark.parametrize("settings", [{"origins": ""}, {"captcha": ""}, {"captcha": "recaptcha"}])
def test_without_its_settings_nobody_is_let_in(captchas, settings):
    where = context(captchas)
    with pytest.raises(ConfigurationError):
        RULE.verify(
            posted(solved(captchas)), SECRETS, dataclasses.replace(where, settings={**where.settings, **settings})
        )


def test_the_sandbox_passes_what_the_rule_signs(captchas):
    bare = Request(method="POST", endpoint="form", body=b'{"message": "hello"}', received_at=NOW)
    signed = RULE.sign(bare, SECRETS, NOW)
    assert RULE.verify(signed, SECRETS, context(captchas)) == {"captcha": "passed"}
    with pytest.raises(SignatureError):
        RULE.verify(RULE.sign(bare, Secrets({"captcha_secret": "guessed"}), NOW), SECRETS, context(captchas))


def test_a_token_of_last_year_is_refused(captchas):
    signed = RULE.sign(posted("x"), SECRETS, NOW - timedelta(days=365))
    with pytest.raises(SignatureError):
        RULE.verify(signed, SECRETS, context(captchas))
