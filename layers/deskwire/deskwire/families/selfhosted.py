"""Shared by self-hosted helpdesks: the address setting."""

from __future__ import annotations

import re
from collections.abc import Mapping

from deskwire.model.errors import ConfigurationError

# Anything wider could send the credentials elsewhere.
ADDRESS = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?")


def address_of(settings: Mapping[str, str], example: str) -> str:
    """Return the setting `address` without a trailing slash.

    Raises `ConfigurationError`, quoting the example, if it is missing or malformed.
    """
    address = settings.get("address", "").removesuffix("/")
    if not ADDRESS.fullmatch(address):
        raise ConfigurationError(f"“address” is not written like {example}")
    return address
