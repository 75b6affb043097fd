"""An attachment's address leads to the platform's public hosts, or nowhere."""

import socket
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.secret import Secret
from deskwire.model.tickets import File
from deskwire.web import media
from deskwire.web.media import OFFICE, Network, called, fetch, public, safe_name
from deskwire.web.rest import Call

HOSTS = ["fbcdn.net", "*.fbsbx.com"]
PHOTO = "https://scontent.fbcdn.net/v/photo.jpg?oe=68C0FFEE"
PUBLIC = "157.240.1.1"


class Recorder(Network):
    """A network that resolves as told and connects nowhere; it remembers what was asked."""

    def __init__(self, *addresses, sandbox=None):
        self.looked_up, self.reached = [], []

        def resolve(host):
            self.looked_up.append(host)
            return list(addresses)

        def connect(address, seconds):
            self.reached.append(address)
            raise ConnectionRefusedError

        super().__init__(resolve, connect, sandbox or {})

    __slots__ = ("looked_up", "reached")

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)


HOSTILE_URLS = [
    # another scheme or port
    "http://scontent.fbcdn.net/a",
    "ftp://scontent.fbcdn.net/a",
    "file:///etc/passwd",
    "file://scontent.fbcdn.net/etc/passwd",
    "gopher://scontent.fbcdn.net/_GET",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "//scontent.fbcdn.net/a",
    "https:/scontent.fbcdn.net/a",
    "https:scontent.fbcdn.net/a",
    "https://scontent.fbcdn.net:22/",
    "https://scontent.fbcdn.net:80/",
    "https://scontent.fbcdn.net:0/",
    "https://scontent.fbcdn.net:65536/",
    "https://scontent.fbcdn.net:٤٤٣/",
    "https://scontent.fbcdn.net:443x/",
    # this machine, its neighbours and the metadata services, in every spelling
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost.localdomain/",
    "https://127.0.0.1/",
    "https://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
    "https://127.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0177.0.0.1/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/v2/credentials",
    "https://0xA9FEA9FE/",
    "https://2852039166/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1%25eth0]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://10.0.0.1/",
    "https://192.168.0.1/",
    "https://172.16.0.1/",
    "https://metadata.google.internal/",
    # the platform's name in the wrong place
    "https://scontent.fbcdn.net@169.254.169.254/",
    "https://scontent.fbcdn.net:443@169.254.169.254/",
    "https://user:password@scontent.fbcdn.net/",
    "https://@scontent.fbcdn.net/",
    "https://169.254.169.254#@scontent.fbcdn.net/",
    "https://169.254.169.254?@scontent.fbcdn.net/",
    "https://169.254.169.254\\@scontent.fbcdn.net/",
    "https://169.254.169.254\\.fbcdn.net/",
    "https://evil.example/.fbcdn.net",
    "https://evilfbcdn.net/",
    "https://fbcdn.net.evil.example/",
    "https://scontent.fbcdn.net.169.254.169.254.nip.io/",
    "https://fbcdn.net.",
    "https://.fbcdn.net/",
    "https://a..fbcdn.net/",
    "https://-a.fbcdn.net/",
    "https://net/",
    "https:///a",
    "https://",
    "",
    # characters that one reader takes for others
    "https://scontent。fbcdn。net/",
    "https://scontent.fbcdn.ne\u212a/",
    "https://①②⑦.⓪.⓪.①/",
    "https://fbсdn.net/",
    "https://xn--fbcdn-.net/",
    "https://169.254.169.254\t.fbcdn.net/",
    "https://evil.example\r\n.fbcdn.net/",
    "https://evil.example\x00.fbcdn.net/",
    "https://evil.example%00.fbcdn.net/",
    "https://evil.example%2f.fbcdn.net/",
    "https://evil.example%23.fbcdn.net/",
    "https://evil.example .fbcdn.net/",
    "https://*.fbcdn.net/",
    "https://" + "a" * 64 + ".fbcdn.net/",
    "https://" + "a." * 130 + "fbcdn.net/",
    "https://[scontent.fbcdn.net]/",
    "https://[v1.fbcdn.net]/",
    "\x00https://scontent.fbcdn.net/",
    " https://scontent.fbcdn.net/",
]


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_a_hostile_address_reaches_nothing(url):
    network = Recorder(PUBLIC)
    with pytest.raises(PermanentError) as caught:
        fetch(Call("GET", url), HOSTS, limit=10, network=network)
    assert (network.looked_up, network.reached) == ([], [])
    assert "password" not in str(caught.value)


def test_the_table_of_hostile_addresses_is_long_enough():
    assert len(set(HOSTILE_URLS)) >= 60


NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8",
    "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8",
    "::ffff:0:10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "100::1", "2001::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "2002:808:808::", "2620:4f:8000::1", "3fff::1", "5f00::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "", "scontent.fbcdn.net", "127.1",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_platforms_name_that_resolves_to_a_private_address_is_not_connected_to(address):
    for answers in ([address], [PUBLIC, address], [address, PUBLIC]):
        network = Recorder(*answers)
        with pytest.raises(PermanentError, match="not public"):
            fetch(Call("GET", PHOTO), HOSTS, limit=10, network=network)
        assert network.reached == []


def test_a_name_that_resolves_to_nothing_is_not_connected_to():
    network = Recorder()
    with pytest.raises(PermanentError):
        fetch(Call("GET", PHOTO), HOSTS, limit=10, network=network)


@pytest.mark.parametrize(
    "address", ["157.240.1.1", "8.8.8.8", "1.1.1.1", "2a03:2880:f003::1", "2606:4700::1", "64:ff9b::8.8.8.8"]
)
def test_a_public_address_is_public(address):
    assert public(address)


def test_each_checked_address_is_tried_in_turn():
    network = Recorder(PUBLIC, "157.240.1.2", PUBLIC)
    with pytest.raises(TemporaryError):
        fetch(Call("GET", PHOTO), HOSTS, limit=10, network=network)
    assert network.reached == [(PUBLIC, 443), ("157.240.1.2", 443)]
    assert network.looked_up == ["scontent.fbcdn.net"]


@pytest.mark.parametrize("hosts", [[], [""], ["*"], ["."]])
def test_an_empty_list_allows_no_host(hosts):
    with pytest.raises(PermanentError):
        fetch(Call("GET", PHOTO), hosts, limit=10, network=Recorder(PUBLIC))


@pytest.mark.parametrize(
    "url", ["https://FBCDN.net/", "https://fbcdn.net:443/", "https://a.b.fbsbx.com/", "https://fbsbx.com/"]
)
def test_the_platforms_domain_and_all_below_it_are_reached(url):
    network = Recorder(PUBLIC)
    with pytest.raises(TemporaryError):
        fetch(Call("GET", url), HOSTS, limit=10, network=network)
    assert network.reached == [(PUBLIC, 443)]


# --------------------------------------------------------------------- through a real TLS connection


@pytest.fixture
def platform(tls_server, monkeypatch):
    """Yield a function that connects any address to a TLS server which is scontent.fbcdn.net to those who trust it."""
    seen = []

    def talk(secure):
        seen.append(secure.recv(65536))
        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\nPNG")

    address, certificate = tls_server("scontent.fbcdn.net", talk, sni=seen.append)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    media._context.cache_clear()
    yield lambda _address, seconds: socket.create_connection(address, seconds), seen
    media._context.cache_clear()


def test_the_name_is_checked_against_the_certificate_though_an_address_was_connected_to(platform):
    connect, seen = platform
    network = Network(lambda host: [PUBLIC], connect)
    found = fetch(Call("GET", PHOTO), HOSTS, limit=10, network=network)
    assert (found.name, found.type, found.data) == ("photo.jpg", "image/png", b"PNG")
    assert seen[0] == "scontent.fbcdn.net"
    assert b"Host: scontent.fbcdn.net\r\n" in seen[1]
    with pytest.raises(TemporaryError, match="certificate is not trusted"):
        fetch(Call("GET", "https://video.fbcdn.net/"), HOSTS, limit=10, network=network)


# --------------------------------------------------------------------------- through the sandbox's stand-in


@pytest.fixture
def network(neighbour):
    hosts = ("scontent.fbcdn.net", "lookaside.fbsbx.com")
    return Recorder(PUBLIC, sandbox=dict.fromkeys(hosts, neighbour.base))


def get(network, url=PHOTO, *, timeout=5.0, **call):
    return fetch(Call("GET", url, timeout=timeout, **call), HOSTS, limit=1000, network=network)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v/Reikningur nóvember.pdf?n=é ö", "/v/Reikningur%20n%C3%B3vember.pdf?n=%C3%A9%20%C3%B6"),
        ("/v/%C3%A9%20x.pdf?sig=a%2Bb+c", "/v/%C3%A9%20x.pdf?sig=a%2Bb+c"),
        ("/👋.png", "/%F0%9F%91%8B.png"),
        ("?q=a b", "/?q=a%20b"),
    ],
)
def test_blanks_and_letters_in_an_address_are_encoded(network, neighbour, answer, path, sent):
    neighbour.plays = [answer(b"x", "200 OK", "Content-Type: image/png")]
    get(network, f"https://scontent.fbcdn.net{path}")
    assert neighbour.requests[0].startswith(f"GET {sent} HTTP/1.1".encode())


def test_a_stand_in_must_be_on_this_machine():
    with pytest.raises(ConfigurationError):
        get(Recorder(PUBLIC, sandbox={"scontent.fbcdn.net": "http://10.0.0.1/"}))


def test_a_host_that_nobody_plays_is_refused_and_never_called(neighbour):
    network = Recorder(PUBLIC, sandbox={"lookaside.fbsbx.com": neighbour.base})
    with pytest.raises(PermanentError, match="nobody plays"):
        get(network)
    assert not neighbour.requests


def test_a_redirect_within_the_platform_is_followed(network, neighbour, answer):
    neighbour.plays = [
        answer(b"", "302 Found", "Location: /elsewhere/b.png"),
        answer(b"", "307 Temporary Redirect", "Location: https://lookaside.fbsbx.com/c.png"),
        answer(b"PNG", "200 OK", "Content-Type: image/png"),
    ]
    found = get(network, headers={"Authorization": "Bearer very-secret"})
    assert found.name == "c.png"
    assert [b"very-secret" in request for request in neighbour.requests] == [True, True, False]
    assert b"Host: lookaside.fbsbx.com" in neighbour.requests[2]


def test_a_secret_in_the_path_is_sent_to_its_own_host_alone(network, neighbour, answer):
    neighbour.plays = [
        answer(b"", "302 Found", "Location: https://lookaside.fbsbx.com/{token}/c.png"),
        answer(b"PNG", "200 OK", "Content-Type: image/png"),
    ]
    url = "https://scontent.fbcdn.net/file/bot{token}/photos/1.png"
    assert get(network, url, secrets={"token": Secret("1:very-secret")}).data == b"PNG"
    assert [b"1:very-secret" in request for request in neighbour.requests] == [True, False]


def test_a_file_has_no_name_from_a_secret(network, neighbour, answer):
    neighbour.plays = [answer(b"x", "200 OK", "Content-Type: image/png")]
    found = get(network, "https://scontent.fbcdn.net/{token}", secrets={"token": Secret("very-secret")})
    assert found.name == "{token}.png"


@pytest.mark.parametrize("call", [Call("POST", PHOTO), Call("GET", PHOTO, body=b"x"), Call("DELETE", PHOTO)])
def test_a_download_changes_nothing(network, neighbour, call):
    with pytest.raises(PermanentError, match="GET"):
        fetch(call, HOSTS, network=network)
    assert neighbour.requests == []


# What a header can carry, without what is harmless as a relative address: it leads back to the platform.
HARMLESS = {"", "//scontent.fbcdn.net/a", "https:/scontent.fbcdn.net/a", "https:scontent.fbcdn.net/a", "https://"}
HARMLESS |= {"https:///a", " https://scontent.fbcdn.net/"}
REDIRECTS = [url for url in HOSTILE_URLS if url not in HARMLESS and not {"\r", "\x00"} & set(url)]


@pytest.mark.parametrize("location", [*REDIRECTS, "https://example.com/", "https://scontent.fbcdn.net/a\tb"])
def test_a_redirect_to_a_hostile_address_is_not_followed(network, neighbour, answer, location):
    raw = location.encode().decode("latin-1")
    neighbour.plays = [answer(b"", "302 Found", f"Location: {raw}")]
    with pytest.raises(PermanentError):
        get(network)
    assert len(neighbour.requests) == 1
    assert network.reached == []


def test_the_fourth_redirect_is_one_too_many(network, neighbour, answer):
    neighbour.plays = [answer(b"", "302 Found", "Location: /again")]
    with pytest.raises(PermanentError, match="redirects more than 3 times"):
        get(network)
    assert len(neighbour.requests) == 4


def test_an_attachment_of_just_the_limit_is_fetched(network, neighbour, answer):
    neighbour.plays = [answer(b"x" * 1000)]
    assert len(get(network).data) == 1000


@pytest.mark.parametrize("head", [b"Content-Length: 1001\r\n", b""])
def test_one_byte_more_is_too_large(network, neighbour, head):
    neighbour.plays = [lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + b"x" * 1001)]
    with pytest.raises(PermanentError, match="larger"):
        get(network)


def test_an_endless_body_is_not_read_to_its_end(network, neighbour):
    sent = []

    def endless(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b"x" * 65536)
            sent.append(65536)

    neighbour.plays = [endless]
    with pytest.raises(PermanentError, match="larger"):
        get(network)
    assert sum(sent) < 32 * 1024 * 1024


def test_redirects_and_drips_share_one_deadline(network, neighbour, answer):
    def slow_redirect(sock):
        time.sleep(0.2)
        sock.sendall(answer(b"", "302 Found", "Location: /again", "Connection: close"))

    neighbour.plays = [slow_redirect]
    started = time.monotonic()
    with pytest.raises(TemporaryError):
        get(network, timeout=0.3)
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_a_compressed_attachment_is_refused(network, neighbour, answer, coding):
    neighbour.plays = [answer(b"x", "200 OK", f"Content-Encoding: {coding}")]
    with pytest.raises(PermanentError, match="compressed"):
        get(network)
    assert b"Accept-Encoding: identity" in neighbour.requests[0]


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        ("403 Forbidden", {}, PermanentError),
        ("403 Forbidden", {"Authorization": "x"}, ConfigurationError),
        ("401 Unauthorized", {"Authorization": "x"}, ConfigurationError),
        ("404 Not Found", {}, PermanentError),
        ("410 Gone", {}, PermanentError),
        ("429 Too Many Requests", {}, TemporaryError),
        ("500 Internal Server Error", {}, TemporaryError),
    ],
)
def test_a_refusal_says_what_happens_next(network, neighbour, answer, status, headers, error):
    neighbour.plays = [answer(b"", status, "Retry-After: 9")]
    with pytest.raises(error) as caught:
        get(network, headers=headers)
    if error is TemporaryError:
        assert (caught.value.after, caught.value.ambiguous) == (9, False)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("image/PNG; charset=binary", "image/png"),
        ("image/svg+xml", "image/svg+xml"),
        ("", "application/octet-stream"),
        ("image", "application/octet-stream"),
        ("image/png, text/html", "application/octet-stream"),
        ("<script>/x", "application/octet-stream"),
        ("image/" + "x" * 200, "application/octet-stream"),
        ("ima\u0660ge/png", "application/octet-stream"),
    ],
)
def test_the_content_type_is_well_formed(network, neighbour, answer, header, kind):
    header = header.encode().decode("latin-1")
    neighbour.plays = [answer(b"x", "200 OK", f"Content-Type: {header}")]
    assert get(network, "https://scontent.fbcdn.net/photo").type == kind


@pytest.mark.parametrize(
    ("url", "disposition", "name"),
    [
        (PHOTO, 'attachment; filename="r\u00e9sum\u00e9.pdf"', "résumé.pdf"),
        (PHOTO, "attachment; filename*=UTF-8''%E2%82%AC.pdf", "€.pdf"),
        (PHOTO, "attachment; filename=\"EUR.pdf\"; filename*=UTF-8''%E2%82%AC.pdf", "€.pdf"),  # RFC 6266, 4.3
        (PHOTO, "attachment; filename*=ISO-8859-1'en'caf%E9.pdf; filename=cafe.pdf", "café.pdf"),
        (PHOTO, "attachment; FileName=plain.pdf", "plain.pdf"),
        (PHOTO, 'attachment; filename*0="long "; filename*1=name.pdf', "long name.pdf"),
        (PHOTO, 'attachment; filename="=?UTF-8?B?w6kucGRm?="', "é.pdf"),
        (PHOTO, 'attachment; filename="%C3%A9.pdf"', "é.pdf"),
        (PHOTO, "attachment; filename*=idna''a.pdf; filename=b.pdf", "b.pdf"),  # no charset of a text
        (PHOTO, "attachment; filename*=punycode''%FF.pdf", "ÿ.pdf"),
        (PHOTO, "attachment; filename*=x-unknown''caf%C3%A9.pdf", "cafÃ©.pdf"),
        (PHOTO, 'attachment; filename="=?nonsense?Q?x?="', "=_nonsense_Q_x_=.png"),
        (PHOTO, 'attachment; filename="../../etc/passwd"', "passwd.png"),
        (PHOTO, "inline", "photo.jpg"),
        ("https://scontent.fbcdn.net/media.php", "", "media.php.png"),
        ("https://scontent.fbcdn.net/v2.1", "", "v2.1.png"),
        (PHOTO, "", "photo.jpg"),
        ("https://scontent.fbcdn.net/", "", "attachment.png"),
        ("https://scontent.fbcdn.net/..%2f..%2fb%00.png", "", "b.png"),
    ],
)
def test_the_file_name_is_the_platforms_or_the_next_best(network, neighbour, answer, url, disposition, name):
    neighbour.plays = [answer(b"x", "200 OK", f"Content-Disposition: {disposition}", "Content-Type: image/png")]
    assert get(network, url).name == name


def test_a_name_in_raw_utf_8_is_read(network, neighbour, answer):
    header = 'Content-Disposition: attachment; filename="résumé 👋.pdf"'.encode().decode("latin-1")
    neighbour.plays = [answer(b"x", "200 OK", header, "Content-Type: application/pdf")]
    assert get(network).name == "résumé 👋.pdf"


@pytest.mark.parametrize(
    ("name", "kind", "wanted", "told"),
    [
        ("photo", "image/heic", "photo.heic", "image/heic"),
        ("photo.HEIC", "application/octet-stream", "photo.HEIC", "image/heic"),
        ("letter", f"{OFFICE}.wordprocessingml.document", "letter.docx", f"{OFFICE}.wordprocessingml.document"),
        ("letter.docx", "", "letter.docx", f"{OFFICE}.wordprocessingml.document"),
        ("letter.docx", "application/zip", "letter.docx", "application/zip"),
        ("voice.oga", "audio/ogg", "voice.oga", "audio/ogg"),
        ("sound", "audio/ogg", "sound.ogg", "audio/ogg"),
        ("sound", "audio/ogg; codecs=opus", "sound.ogg", "audio/ogg"),
        ("photo", "IMAGE/HEIC", "photo.heic", "image/heic"),
        ("photo", "image/jpg", "photo.jpg", "image/jpg"),
        ("voice", "audio/x-m4a", "voice.m4a", "audio/x-m4a"),
        ("all", "application/x-zip-compressed", "all.zip", "application/x-zip-compressed"),
        ("burst", "image/heic-sequence", "burst.heic", "image/heic-sequence"),
        ("film.avi", "application/octet-stream", "film.avi", "video/x-msvideo"),
        ("\u3164.webp", "image/webp", "attachment.webp", "image/webp"),
        ("notes.csv", "text/plain", "notes.csv", "text/plain"),
        ("x", "application/octet-stream", "x", "application/octet-stream"),
        ("x", "", "x", "application/octet-stream"),
        ("", "video/mp4", "attachment.mp4", "video/mp4"),
        ("a" * 200, "image/png", "a" * 116 + ".png", "image/png"),
    ],
)
def test_a_name_ends_as_its_type_asks(name, kind, wanted, told):
    file = called(File("", kind, b"x"), name)
    assert (file.name, file.type) == (wanted, told)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("C:\\windows\\system32\\a.exe", "a.exe"),
        ("/etc/passwd", "passwd"),
        ("..", "attachment"),
        (".htaccess", "htaccess"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("a\r\nBcc: x", "aBcc_ x"),
        ('<img src="x">.png', "_img src=_x__.png"),
        ("a\u0000b\ud800c.txt", "abc.txt"),
        ("مرحبا 👋.jpg", "مرحبا 👋.jpg"),
        ("x" * 500 + ".jpeg", "x" * 115 + ".jpeg"),
        ("x" * 500 + "." + "y" * 50, "x" * 120),
        ("e\u0301.txt", "é.txt"),
        ("NUL", "_NUL"),
        ("con.txt", "_con.txt"),
        ("aux .jpg", "_aux .jpg"),
        ("COM1.log", "_COM1.log"),
        ("console.txt", "console.txt"),
        ("auxiliary", "auxiliary"),
        ("com10.txt", "com10.txt"),
        ("", "attachment"),
        ("\u3164", "attachment"),
        ("\u2800\u115f .png", "attachment"),
    ],
)
def test_a_file_name_is_made_harmless(text, name):
    assert safe_name(text) == name


@given(st.text(st.characters(), max_size=300))
def test_no_text_makes_a_dangerous_file_name(text):
    name = safe_name(text)
    assert 0 < len(name) <= 120
    assert not set(name) & set('/\\<>:"|?*')
    assert not [sign for sign in name if unicodedata.category(sign)[0] == "C"]
    assert name.strip(". ") == name
    assert safe_name(name) == name


def test_the_bytes_are_not_in_the_repr(network, neighbour, answer):
    neighbour.plays = [answer(b"very-secret")]
    assert "secret" not in repr(get(network))
