"""Get credentials in Lambda: from the environment, or from the container's endpoint (after a SnapStart restore)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from deskwire.model.errors import ConfigurationError, PayloadError, TemporaryError
from deskwire.web.reading import read
from deskwire.web.wire import Wire, WireError

from .signing import Credentials

EARLY = timedelta(minutes=10)  # as botocore, refreshed this long before they expire
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html: plain http only to these
HOSTS = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"})


class CredentialSource:
    """Provides valid credentials; thread-safe."""

    def __init__(self, environ: Mapping[str, str], wire: Wire | None = None) -> None:
        """Take the environment's variables, and the transport to the endpoint."""
        self._environ = environ
        self._wire = wire or Wire()
        self._lock = threading.Lock()
        self._kept: Credentials | None = None
        self._expires: datetime | None = None

    def __call__(self, now: datetime) -> Credentials:
        """Return the credentials.

        Raises `ConfigurationError` if there are none, `TemporaryError` if the endpoint does not provide them.
        """
        with self._lock:
            if self._kept is None or (self._expires is not None and now >= self._expires - EARLY):
                self._kept, self._expires = self._load()
            return self._kept

    def forget(self) -> None:
        """Drop the cached credentials, after AWS rejected them as expired."""
        with self._lock:
            self._kept = None

    def _load(self) -> tuple[Credentials, datetime | None]:
        key, secret = self._environ.get("AWS_ACCESS_KEY_ID"), self._environ.get("AWS_SECRET_ACCESS_KEY")
        if key and secret:
            return Credentials(key, secret, self._environ.get("AWS_SESSION_TOKEN") or None), None
        if url := self._environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            return self._ask(url)
        raise ConfigurationError(
            "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run in Lambda"
        )

    def _ask(self, url: str) -> tuple[Credentials, datetime | None]:
        parts = urlsplit(url)
        if parts.scheme != "https" and not _near(parts.hostname or ""):
            raise ConfigurationError("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor a known local address")
        headers = {"Accept": "application/json"}
        if token := self._token():
            headers["Authorization"] = token
        try:
            reply = self._wire.exchange("GET", url, headers, b"", timeout=1.0, repeatable=True)
        except WireError as error:
            raise TemporaryError(f"no credentials: {error}") from None
        except ValueError as error:
            raise ConfigurationError(f"AWS_CONTAINER_CREDENTIALS_FULL_URI or its token: {error}") from None
        if reply.status != 200:
            raise TemporaryError(f"no credentials: the container's endpoint answered {reply.status}")
        try:
            given = read(reply.body)
            credentials = Credentials(
                given["AccessKeyId"].text(), given["SecretAccessKey"].text(), given["Token"].text("") or None
            )
            expires = given["Expiration"].iso()
        except PayloadError as error:
            raise TemporaryError(f"no credentials: {error}") from None
        if given["Expiration"] and expires is None:  # None stands for ever
            raise TemporaryError("no credentials: body.Expiration is no ISO 8601 time")
        return credentials, expires

    def _token(self) -> str:
        if path := self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            from pathlib import Path

            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise ConfigurationError("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read") from None
        return self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")


def _near(host: str) -> bool:
    try:
        return host in HOSTS or ip_address(host).is_loopback
    except ValueError:
        return False
