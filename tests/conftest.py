"""No test leaves this machine: sockets connect to loopback only, and AWS finds no real credentials."""

import ipaddress
import os
import socket

import pytest
from hypothesis import HealthCheck, settings

from .planted.plant import plant

plant()
# A busy machine is no failure.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_getaddrinfo = socket.getaddrinfo


def _check(host):
    if isinstance(host, bytes):
        host = host.decode()
    if host in {None, "", "localhost"} or host.endswith(".localhost"):
        return
    try:
        if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            return
    except ValueError:
        pass
    # Not an OSError: code under test would take it for a neighbour's outage and retry.
    pytest.fail(f"a test tried to reach {host}; only loopback is allowed", pytrace=True)


def _checked(original):
    def connect(self, address):
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            _check(address[0])
        return original(self, address)

    return connect


def _checked_getaddrinfo(host, *args, **kwargs):
    _check(host)
    return _getaddrinfo(host, *args, **kwargs)


def pytest_addoption(parser):
    # `pytest tests/conformance --connector x`, `pytest tests/attacks --connector x`
    parser.addoption("--connector", action="append", help="run what concerns this connector only (may be repeated)")


def pytest_configure(config):
    socket.socket.connect = _checked(_connect)
    socket.socket.connect_ex = _checked(_connect_ex)
    socket.getaddrinfo = _checked_getaddrinfo
    os.environ.update(
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_DEFAULT_REGION="eu-west-1",
        AWS_REGION="eu-west-1",
    )
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)


def pytest_unconfigure(config):
    socket.socket.connect = _connect
    socket.socket.connect_ex = _connect_ex
    socket.getaddrinfo = _getaddrinfo
