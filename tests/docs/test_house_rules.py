"""The rules that tests/conftest.py lays on every test."""

import http.client
import socket

import pytest


def test_no_test_reaches_beyond_loopback():
    with pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(pytest.fail.Exception, match=r"graph\.facebook\.com"):
        http.client.HTTPSConnection("graph.facebook.com", timeout=1).connect()


def test_loopback_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()
