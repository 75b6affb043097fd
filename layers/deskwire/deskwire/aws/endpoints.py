"""Find the addresses of AWS's services: by region, or from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The partitions' suffixes, as in botocore's endpoints.json (compared in the test).
SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}
PLAIN_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class Endpoints:
    """The services' addresses; AWS_ENDPOINT_URL (or …_SQS, …_DYNAMODB, …_SECRETS_MANAGER, …_S3) overrides them.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """

    def __init__(self, environ: Mapping[str, str], region: str) -> None:
        """Take the environment and the region."""
        self._environ = environ
        self._region = region
        self._known: dict[str, str] = {}
        self._suffix = next((suffix for start, suffix in SUFFIXES.items() if region.startswith(start)), "amazonaws.com")

    def service(self, name: str) -> str:
        """Return a service's address, without a closing slash."""
        if name in self._known:
            return self._known[name]
        own = f"AWS_ENDPOINT_URL_{'SECRETS_MANAGER' if name == 'secretsmanager' else name.upper().replace('-', '_')}"
        given = self._environ.get(own) or self._environ.get("AWS_ENDPOINT_URL")
        found = given.rstrip("/") if given else f"https://{name}.{self._region}.{self._suffix}"
        return self._known.setdefault(name, found)

    def bucket(self, name: str) -> str:
        """Return a bucket's address, with a closing slash.

        A bucket has its own host, unless its name has dots (no certificate covers those) or the endpoint is not AWS's.
        """
        address = self.service("s3")
        own = f"https://s3.{self._region}.{self._suffix}"
        if address == own and PLAIN_BUCKET.fullmatch(name):
            return f"https://{name}.s3.{self._region}.{self._suffix}/"
        return f"{address}/{name}/"
