"""`deskwire schema`: the JSON schema of `deskwire.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import company
from .terminal import json_document

if TYPE_CHECKING:
    import argparse


def run(_: argparse.Namespace) -> int:
    """Print it."""
    json_document(company.schema())
    return 0
