"""AWS, played by moto on loopback."""

import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="module")
def moto():
    """Yield the address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
