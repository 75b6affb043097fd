"""Helpdesks that a company runs itself, under an address of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from deskwire.model.errors import ConfigurationError

# Anything wider could send the credentials elsewhere.
ADDRESS = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?")


def address_of(settings: Mapping[str, str], example: str) -> str:
    """Return the setting `address` without a slash at its end.

    Raises `ConfigurationError`, quoting the example, where it is missing or written otherwise.
    """
    address = settings.get("address", "").removesuffix("/")
    if not ADDRESS.fullmatch(address):
        raise ConfigurationError(f"“address” is not written like {example}")
    return address
