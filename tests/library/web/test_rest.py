"""Calls go where they may, once, and an answer says what happens next."""

import json
import logging
import socket
import subprocess
import sys
import time
from contextlib import closing
from email.utils import formatdate

import pytest

from deskwire.model.errors import Concern, ConfigurationError, DeskwireError, PermanentError, TemporaryError
from deskwire.model.secret import Secret
from deskwire.web.rest import Answer, Call, Direct, Pooled, checked, with_hosts
from tests.conformance.world import shows

CLOSE = b""
VENDOR = "https://graph.facebook.com/v23.0/me/messages?a=1"


@pytest.fixture(params=[Direct, Pooled])
def bare(request):
    transport = request.param(limit=100_000)
    yield transport
    transport.close()


@pytest.fixture
def transport(bare, neighbour):
    return with_hosts(bare, {"graph.facebook.com": neighbour.base})


def post(**more):
    return Call.json("POST", VENDOR, {"text": "héllo 👋"}, headers={"Authorization": "Bearer very-secret"}, **more)


# ------------------------------------------------------------------------ what is sent


def test_a_call_arrives_as_it_was_written(transport, neighbour):
    answer = transport(post())
    head, _, body = neighbour.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "post /v23.0/me/messages?a=1 http/1.1"
    for line in (
        "host: graph.facebook.com",
        "authorization: bearer very-secret",
        "content-type: application/json",
    ):
        assert lines.count(line) == 1
    assert lines.count(f"content-length: {len(body)}") == 1
    assert lines.count("accept-encoding: identity") == 1
    assert body.decode() == '{"text":"héllo 👋"}'
    assert (answer.status, answer.body) == (200, b"{}")


def test_a_form_is_url_encoded_in_utf8(transport, neighbour):
    transport(Call.form("POST", VENDOR, {"message": "é & 👋", "b": "1"}))
    assert neighbour.requests[0].endswith(b"\r\n\r\nmessage=%C3%A9+%26+%F0%9F%91%8B&b=1")
    assert b"application/x-www-form-urlencoded" in neighbour.requests[0]


def test_an_empty_post_says_that_it_is_empty(transport, neighbour):
    transport(Call("POST", VENDOR))
    assert b"content-length: 0" in neighbour.requests[0].lower()


def test_the_path_of_the_stand_in_precedes_the_vendors(bare, neighbour):
    with_hosts(bare, {"Graph.Facebook.com": f"{neighbour.base}/facebook/"})(post())
    assert neighbour.requests[0].startswith(b"POST /facebook/v23.0/me/messages?a=1 ")


def test_one_connection_serves_many_calls(transport, neighbour, answer):
    neighbour.plays = [
        answer(b'{"a":1}'),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        answer(b"", "204 No Content"),
        answer(b"last"),
    ]
    assert [transport(post()).body for _ in range(4)] == [b'{"a":1}', b"abc", b"", b"last"]
    assert neighbour.connections == 1


def test_a_redirect_is_handed_back_not_followed(transport, neighbour, answer):
    neighbour.plays = [answer(b"", "302 Found", f"Location: {neighbour.base}/elsewhere")]
    assert transport(post()).status == 302
    assert len(neighbour.requests) == 1


def test_cookies_are_not_kept(transport, neighbour, answer):
    neighbour.plays = [answer(b"{}", "200 OK", "Set-Cookie: session=1; Path=/")]
    transport(post())
    transport(post())
    assert b"cookie" not in neighbour.requests[1].lower()


def test_headers_of_the_answer_are_lower_case(transport, neighbour, answer):
    neighbour.plays = [answer(b"{}", "200 OK", "X-Rate-Limit: 7")]
    assert transport(post()).headers["x-rate-limit"] == "7"


# ------------------------------------------------------------------------ a secret in the address

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5/PALDsaw x"  # as a bot's, with what would change a path
BOT = "https://graph.facebook.com/bot{token}/sendMessage?key={token}"


def bot_call(**more):
    return Call.json("POST", BOT, {"text": "hello"}, secrets={"token": Secret(TOKEN)}, **more)


def test_a_secret_in_the_path_is_filled_in_by_the_transport_and_cannot_leave_its_place(transport, neighbour):
    transport(bot_call())
    filled = b"110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5%2FPALDsaw%20x"
    assert neighbour.requests[0].startswith(b"POST /bot" + filled + b"/sendMessage?key=" + filled + b" HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "play",
    [
        CLOSE,
        b"nonsense",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nbroken header\r\n\r\n{}",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000,
    ],
)
def test_a_secret_in_the_path_is_in_no_repr_log_or_error(transport, neighbour, caplog, play):
    caplog.set_level(logging.DEBUG)
    neighbour.plays = [play]
    call = bot_call(timeout=2)
    said = [repr(call), str(call), f"{call:}", repr([call])]
    try:
        said.append(repr(checked(transport(call), what="sending")))
    except DeskwireError as error:
        while error is not None:
            said += [str(error), repr(error)]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert len(neighbour.requests) == 1
    assert not shows("\n".join([*said, caplog.text]), TOKEN)
    assert "AAHdqTcvCH1vGWJxfSeofSAs0K5" not in "\n".join([*said, caplog.text])


@pytest.mark.parametrize("url", ["https://{token}.example/a", "https://graph.facebook.com/a", "https://x/a#{token}"])
def test_a_secret_without_a_place_in_path_or_query_is_a_mistake(url):
    with pytest.raises(ValueError, match="no place for"):
        Call("GET", url, secrets={"token": Secret(TOKEN)})


# ------------------------------------------------------------------------ where it may not go


@pytest.mark.parametrize(
    "url",
    [
        "http://graph.facebook.com/",
        "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
        "http://localhost/",
        "file:///etc/passwd",
        "ftp://graph.facebook.com/",
        "https://",
        "https:///path",
        "graph.facebook.com/",
        "https://user:password@graph.facebook.com/",
        "https://graph.facebook.com\\@evil.example/",
        "https://evil.example\\.facebook.com/",
        "https://graph.facebook.com/ HTTP/1.1\r\nX: y",
        "https://graph.facebook.com:port/",
        "https://[::1/",
        "https://fäcebook.com/",
        "",
    ],
)
def test_only_https_addresses_are_called(bare, url):
    with pytest.raises(PermanentError) as caught:
        bare(Call("GET", url, {"Authorization": "very-secret"}))
    assert "secret" not in str(caught.value)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("header", [{"X": "a\r\nBcc: b"}, {"X": "a\nb"}, {"X: y\r\nZ": "a"}, {"X": "snow☃"}, {"": "a"}])
def test_a_header_cannot_break_out_of_its_line(transport, neighbour, header):
    with pytest.raises(PermanentError):
        transport(Call("GET", VENDOR, header))
    assert neighbour.requests == []


@pytest.mark.parametrize(
    "base",
    [
        "http://10.0.0.1",
        "https://evil.example",
        "http://127.0.0.1.evil.example",
        "//127.0.0.1",
        "http://127.0.0.1/?a",
        "ftp://127.0.0.1",
        "",
        "http://a@127.0.0.1/",
        "http://[fe80::1]/",
    ],
)
def test_a_stand_in_must_be_on_this_machine(bare, base):
    with pytest.raises(ConfigurationError):
        with_hosts(bare, {"graph.facebook.com": base})


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:8000", "http://127.9.9.9", "http://localhost:1", "http://[::1]:8000/x"]
)
def test_every_loopback_address_may_stand_in(bare, base):
    with_hosts(bare, {"graph.facebook.com": base})


def test_without_stand_ins_nothing_is_wrapped(bare):
    assert with_hosts(bare, {}) is bare


def test_a_host_that_nobody_plays_is_refused_and_never_called(neighbour):
    called = []
    transport = with_hosts(called.append, {"graph.facebook.com": neighbour.base})
    with pytest.raises(PermanentError, match=r"nobody plays api\.x\.com"):
        transport(Call("GET", "https://api.x.com/2"))
    assert not called


# ------------------------------------------------------------------------ when it fails


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_refused_connection_is_certain(bare):
    transport = with_hosts(bare, {"graph.facebook.com": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(TemporaryError) as caught:
        transport(post())
    assert not caught.value.ambiguous


def test_a_certificate_of_nobody_is_certain(bare, tls_neighbour):
    with pytest.raises(TemporaryError, match="certificate is not trusted") as caught:
        bare(Call("POST", f"https://localhost:{tls_neighbour}/"))
    assert not caught.value.ambiguous


@pytest.fixture
def tls_neighbour(tls_server):
    """Return the port of a server whose certificate no authority signed."""
    (_, port), _ = tls_server("localhost", lambda _secure: None)
    return port


def test_silence_after_the_request_is_doubtful(transport, neighbour):
    neighbour.plays = [lambda sock: time.sleep(0.5)]
    started = time.monotonic()
    with pytest.raises(TemporaryError) as caught:
        transport(post(timeout=0.2))
    assert caught.value.ambiguous
    assert time.monotonic() - started < 0.45


def test_an_answer_that_drips_is_cut_off(transport, neighbour):
    def drip(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(40):
            sock.sendall(b"x")
            time.sleep(0.05)

    neighbour.plays = [drip]
    started = time.monotonic()
    with pytest.raises(TemporaryError) as caught:
        transport(post(timeout=0.3))
    assert caught.value.ambiguous
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "play",
    [
        CLOSE,
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n" + b"x" * 100_001,
    ],
)
def test_a_broken_answer_is_doubtful(transport, neighbour, play):
    def once(sock):
        sock.sendall(play)

    neighbour.plays = [once]
    with pytest.raises(TemporaryError) as caught:
        transport(post())
    assert caught.value.ambiguous
    assert len(neighbour.requests) == 1


def test_a_dead_kept_connection_is_noticed_before_it_is_used(transport, neighbour, answer):
    neighbour.plays = [lambda sock: sock.sendall(answer()), answer(b"again")]
    transport(post())
    time.sleep(0.05)  # the neighbour has closed by now
    assert transport(post()).body == b"again"
    assert len(neighbour.requests) == 2


def test_a_post_is_not_repeated_when_a_kept_connection_ends_after_it(transport, neighbour, answer):
    neighbour.plays = [answer(), CLOSE, answer(b"again")]
    transport(post())
    with pytest.raises(TemporaryError) as caught:
        transport(post())
    assert caught.value.ambiguous
    assert len(neighbour.requests) == 2


@pytest.mark.parametrize("call", [Call("GET", VENDOR), Call("POST", VENDOR, safe=True)])
def test_a_repeatable_call_is_repeated_once(transport, neighbour, answer, call):
    neighbour.plays = [answer(), CLOSE, answer(b"again")]
    transport(call)
    assert transport(call).body == b"again"
    assert len(neighbour.requests) == 3


def test_a_request_that_was_not_handed_over_whole_is_repeated(neighbour, answer):
    from deskwire.web.wire import Wire

    wire = Wire()
    wire.exchange("POST", neighbour.base, {}, b"1", timeout=5, repeatable=False)
    ((where, [(sock, since)]),) = wire._idle.items()
    left, right = socket.socketpair()
    left.shutdown(socket.SHUT_WR)  # sending fails, and there is nothing to read that would show it beforehand
    wire._idle[where] = [(left, since)]
    assert wire.exchange("POST", neighbour.base, {}, b"2", timeout=5, repeatable=False).status == 200
    assert [request[-1:] for request in neighbour.requests] == [b"1", b"2"]
    for one in (sock, left, right):
        one.close()
    wire.close()


def test_connections_that_idled_long_are_not_trusted(neighbour, monkeypatch):
    transport = with_hosts(direct := Direct(), {"graph.facebook.com": neighbour.base})
    transport(post())
    monkeypatch.setattr("deskwire.web.wire.IDLE", -1.0)
    transport(post())
    assert neighbour.connections == 2
    direct.close()


def test_threads_do_not_share_a_connection_at_a_time(bare, neighbour, answer):
    from concurrent.futures import ThreadPoolExecutor

    transport = with_hosts(bare, {"graph.facebook.com": neighbour.base})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: transport(post()).status, range(80)))
    assert answers == [200] * 80
    assert neighbour.connections <= 8


def test_a_compressed_answer_does_not_explode(transport, neighbour, answer):
    import gzip

    neighbour.plays = [answer(gzip.compress(b"0" * 10_000_000), "200 OK", "Content-Encoding: gzip")]
    with pytest.raises(TemporaryError):
        transport(post())


# ------------------------------------------------------------------------ what it means


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_is_handed_on(status):
    assert checked(answer := Answer(status), what="sending") is answer


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 529])
def test_an_outage_is_temporary_and_doubtful(status):
    with pytest.raises(TemporaryError) as caught:
        checked(Answer(status), what="sending")
    assert caught.value.ambiguous


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_secret_calls_a_person_and_says_which(status):
    with pytest.raises(ConfigurationError, match=f"sending: HTTP {status}: check the page's token"):
        checked(Answer(status), what="sending", secret_hint="the page's token")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 402, 405, 406, 407, 410, 421, 423, 426])
def test_what_speaks_of_the_account_calls_a_person_and_says_what_to_look_at(status):
    with pytest.raises(ConfigurationError, match=f"sending: HTTP {status}: .{{20}}") as caught:
        checked(Answer(status), what="sending")
    assert "credentials" not in str(caught.value) or status == 407


def test_every_status_has_one_meaning():
    """Only what speaks of the request itself is final."""
    final = {status for status in range(300, 600) if isinstance(_error(status), PermanentError)}
    assert final == {400, 404, 413, 414, 416, 422}
    again = {status for status in range(300, 500) if isinstance(_error(status), TemporaryError)}
    assert again == {408, 409, 425, 429}


def _error(status):
    try:
        return checked(Answer(status, {}, b"{}"), what="sending")
    except DeskwireError as error:
        return error


@pytest.mark.parametrize("status", [411, 415, 418, 424, 431, 451, 499])
def test_a_status_that_nobody_expects_keeps_what_waits_and_calls_a_person(status):
    with pytest.raises(ConfigurationError, match=f"sending: HTTP {status}: no message is the reason"):
        checked(Answer(status), what="sending")


@pytest.mark.parametrize("body", [b"<html>Not Found</html>", b"\n<!DOCTYPE html>", b"404 page not found\n", b""])
def test_a_page_of_404_says_nothing_of_the_message(body):
    with pytest.raises(ConfigurationError, match="sending: HTTP 404: a web server's page"):
        checked(Answer(404, {}, body), what="sending")


def test_a_conflict_passes_and_holds_up_its_own_ticket_alone():
    for headers, seconds in (({}, 30), ({"retry-after": "7"}, 7)):
        with pytest.raises(TemporaryError) as caught:
            checked(Answer(409, headers), what="sending")
        assert (caught.value.after, caught.value.ambiguous, caught.value.concerns) == (seconds, True, Concern.TICKET)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_any_other_refusal_is_final(status):
    body = b'{"error":{"message":"Customer said hello","type":"OAuthException","code":190,"error_subcode":463}}'
    with pytest.raises(PermanentError) as caught:
        checked(Answer(status, {}, body), what="sending")
    assert caught.value.status == status
    assert caught.value.code == "OAuthException/190/463"
    assert "Customer" not in str(caught.value)


DATE = "Sat, 21 Nov 2026 08:00:00 GMT"
EPOCH = 1795248000


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({}, None),
        ({"retry-after": "93"}, 93),
        ({"retry-after": "30, 30"}, 30),
        ({"retry-after": "5, 30"}, 30),
        ({"x-user-limit-24hour-remaining": "0", "x-user-limit-24hour-reset": "7200", "x-rate-limit-reset": "60"}, 7200),
        ({"x-user-limit-24hour-remaining": "9", "x-user-limit-24hour-reset": "7200", "x-rate-limit-reset": "60"}, 60),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 08:02:00 GMT"}, 120),
        ({"retry-after": "Sat, 21 Nov 2026 07:00:00 GMT"}, 0),
        ({"retry-after": "99999999"}, 86400),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "soon", "ratelimit-reset": "41"}, 41),
        ({"ratelimit-reset": "41", "x-rate-limit": "700"}, 41),
        ({"x-rate-limit-reset": str(EPOCH + 600)}, 600),
        ({"x-ratelimit-reset": str((EPOCH + 60) * 1000)}, 60),
        ({"x-ratelimit-reset": str(EPOCH + 60), "x-ratelimit-reset-after": "0.25"}, 0.25),
        ({"retry-after": "7", "ratelimit-reset": "41"}, 7),
    ],
)
def test_too_many_requests_says_how_long_to_wait(headers, after):
    with pytest.raises(TemporaryError) as caught:
        checked(Answer(429, {"date": DATE, **headers}), what="sending")
    assert caught.value.after == after
    assert not caught.value.ambiguous


def test_without_a_date_our_own_clock_is_used():
    with pytest.raises(TemporaryError) as caught:
        checked(Answer(503, {"retry-after": formatdate(time.time() + 60, usegmt=True)}), what="sending")
    assert caught.value.after == pytest.approx(60, abs=3)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"error":"RecordNotFound","description":"Not found"}', "RecordNotFound"),
        ('{"error":{"code":403,"status":"PERMISSION_DENIED","message":"x"}}', "PERMISSION_DENIED/403"),
        ('{"errors":[{"code":226,"message":"x"}]}', "226"),
        ('{"title":"Unauthorized","type":"https://api.twitter.com/2/problems/x","status":"429"}', "429"),
        ('{"error":"the customer wrote this"}', ""),
        ('{"error":{"code":"a\\nb"}}', ""),
        ('{"code":"' + "a" * 65 + '"}', ""),
        ('{"code":true}', ""),
        ("<html>oh no</html>", ""),
        ("[]", ""),
        ("[1]", ""),
        ("[" * 5000, ""),
        ("1" * 5000, ""),
        ("null", ""),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), ""),
    ],
)
def test_only_codes_are_taken_from_an_error(body, code):
    with pytest.raises(PermanentError) as caught:
        checked(Answer(400, {}, body.encode("latin-1")), what="sending")
    assert caught.value.code == code


def test_a_page_in_place_of_json_is_doubtful():
    with pytest.raises(TemporaryError) as caught:
        Answer(200, {}, b"<html>Customer text</html>").node()
    assert caught.value.ambiguous
    assert "Customer" not in str(caught.value)


def test_json_is_read_by_the_typed_reader():
    assert Answer(200, {}, json.dumps({"id": 7}).encode()).node()["id"].identifier() == "7"


# ------------------------------------------------------------------------ what shows


def test_neither_call_nor_answer_shows_secrets_or_words():
    text = repr(post()) + repr(Answer(200, {"x": "very-secret"}, b"words"))
    assert text == "Call(POST graph.facebook.com/v23.0/me/messages)Answer(200, 5 bytes)"


def test_no_failure_quotes_the_query_or_a_header(transport, neighbour):
    neighbour.plays = [CLOSE]
    call = Call("POST", VENDOR + "&token=very-secret", {"Authorization": "very-secret"}, b"very-secret")
    with pytest.raises(TemporaryError) as caught:
        transport(call)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_importing_the_two_wires_loads_the_standard_library_only():
    code = """
import sys
before = set(sys.modules)
import deskwire.aws.light, deskwire.web.rest, deskwire.web.media
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(loaded - sys.stdlib_module_names))
"""
    path = {"PYTHONPATH": "layers/deskwire"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path)
    assert done.stdout.split() == ["deskwire"]


@pytest.fixture
def vendor(neighbour):
    with closing(Direct()) as direct:
        yield with_hosts(direct, {"vendor.example": neighbour.base})


BROKEN = {
    "no status line": b"hello\r\n\r\n",
    "HTTP/2": b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nContent-Length 2\r\n\r\n{}",
    "a blank before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\n{}",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a coding we do not know": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk's length that is no number": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n",
    "a chunk longer than it says": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}{}\r\n0\r\n\r\n",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 101 + b"\r\n",
    "an endless header": b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 200_000,
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_no_http_is_in_doubt(neighbour, vendor, answer):
    neighbour.plays = [answer]
    with pytest.raises(TemporaryError) as caught:
        vendor(Call("POST", "https://vendor.example/x", body=b"{}"))
    assert caught.value.ambiguous


WHOLE = {
    "an interim answer first":
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "a folded header": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}",
    "chunks with extensions and trailers":
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX-T: 1\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
def test_an_answer_is_read_as_rfc_9112_says_and_the_connection_kept(neighbour, vendor, answer):
    neighbour.plays = [answer]
    for _ in range(2):
        assert vendor(Call("GET", "https://vendor.example/x")).body == b"{}"
    assert neighbour.connections == 1


def test_a_connection_with_more_than_its_answer_is_not_used_again(neighbour, vendor):
    neighbour.plays = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"]
    for _ in range(2):
        assert vendor(Call("GET", "https://vendor.example/x")).body == b"{}"
    assert neighbour.connections == 2
