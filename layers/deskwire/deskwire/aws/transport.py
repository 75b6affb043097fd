"""Call AWS services for connectors, signed with the function's role; only those that a connector declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.web.rest import Answer, Call, Transport

from .credentials import CredentialSource
from .endpoints import Endpoints
from .signing import Scope, sign

# The names that differ from the host's: https://docs.aws.amazon.com/general/latest/gr/bedrock.html
SIGNED_AS = {"bedrock-runtime": "bedrock", "email": "ses"}
PATH = re.compile(r"/[A-Za-z0-9_~.%:@!$&'()*+,;=/-]*(\?[A-Za-z0-9_~.%:@!$&'()*+,;=/?-]*)?")


class SignedTransport:
    """Sends requests to AWS services in the function's own region."""

    def __init__(self, environ: Mapping[str, str], http: Transport, clock: Callable[[], datetime]) -> None:
        """Take the environment (region and credentials), the transport and the clock."""
        self._region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
        self._endpoints = Endpoints(environ, self._region)
        self._credentials = CredentialSource(environ)
        self._http = http
        self._clock = clock

    def __call__(
        self,
        services: Collection[str],
        service: str,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 10.0,
    ) -> Answer:
        """Send to `service`, which must be one of `services`, and return whatever status came within `timeout` seconds.

        The name is that of the service's host (`social-messaging`). Raises `ConfigurationError` for another service,
        `PermanentError` for what is no path, and what a `Transport` raises.
        """
        if service not in services:
            raise ConfigurationError(f"the connector does not declare the AWS service {service}")
        if not self._region:
            raise ConfigurationError("AWS_REGION is not set")
        if not PATH.fullmatch(path):
            raise PermanentError("the request cannot be written: it has no usable path")
        url = self._endpoints.service(service) + path
        now = self._clock()
        scope = Scope(SIGNED_AS.get(service, service), self._region, now)
        signed = sign(method, url, dict(headers or {}), body, self._credentials(now), scope)
        return self._http(Call(method, url, signed, body, timeout))
