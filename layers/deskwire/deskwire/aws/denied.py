"""Describe AWS's refusals for the person who can mend them: the code and the missing permission."""

from __future__ import annotations

import re

from botocore.exceptions import BotoCoreError, ClientError

PERFORM = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")


def told(error: ClientError | BotoCoreError) -> str:
    """Return the error's code and action, without AWS's text, which also names account, user and resource."""
    if not isinstance(error, ClientError):
        return type(error).__name__
    known = error.response.get("Error", {})
    found = PERFORM.search(known.get("Message", ""))
    return f"{known.get('Code', '')} for {found[1] if found else error.operation_name}"
