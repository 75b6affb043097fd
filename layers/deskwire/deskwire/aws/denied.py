"""What AWS would not do, in words for the person who can mend it: its code, and the right that is missing."""

from __future__ import annotations

import re

from botocore.exceptions import BotoCoreError, ClientError

PERFORM = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")


def told(error: ClientError | BotoCoreError) -> str:
    """Return the error's code and the action it was about. AWS's own words name more: account, user, resource."""
    if not isinstance(error, ClientError):
        return type(error).__name__
    known = error.response.get("Error", {})
    found = PERFORM.search(known.get("Message", ""))
    return f"{known.get('Code', '')} for {found[1] if found else error.operation_name}"
