"""A neighbour on loopback that answers as it is told, and remembers what it was asked."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest

Play = bytes | Callable[[socket.socket], None]


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode("latin-1") + body


class Neighbour:
    """Plays one of `plays` for each request: an empty one closes the connection, the last is repeated."""

    def __init__(self) -> None:
        self.plays: list[Play] = [answer()]
        self.requests: list[bytes] = []
        self.connections = 0
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            try:
                while (request := self._request(sock)) is not None:
                    self.requests.append(request)
                    play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
                    if callable(play):
                        play(sock)
                        return
                    if not play:
                        return
                    sock.sendall(play)
            except OSError:
                return

    def _request(self, sock: socket.socket) -> bytes | None:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (chunk := sock.recv(65536)):
                return None
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        while len(body) < length:
            if not (chunk := sock.recv(65536)):
                return None
            body += chunk
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(5)


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    playing = Neighbour()
    yield playing
    playing.close()


@pytest.fixture(name="answer")
def _answer() -> Callable[..., bytes]:
    return answer


@pytest.fixture
def tls_server(tmp_path):
    """Yield a function that starts a TLS server whose certificate, for `host`, no authority signed.

    It returns the server's address and the certificate's path. `talk` gets each connection, `sni` the name asked for.
    """
    running = []

    def start(host: str, talk: Callable[[ssl.SSLSocket], None], sni: Callable[[str], None] | None = None):
        key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost"
        names = ["-addext", f"subjectAltName=DNS:{host}", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run([*command.split(), *names], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if sni is not None:
            context.sni_callback = lambda _sock, name, _context: sni(name)
        listener = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(sock, server_side=True) as secure:
                        talk(secure)
                except OSError:
                    sock.close()

        thread = threading.Thread(target=serve)
        thread.start()
        running.append((listener, thread))
        return listener.getsockname(), certificate

    yield start
    for listener, thread in running:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
