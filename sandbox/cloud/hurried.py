"""converse with less patience, for a run that kills workers: `hurry` lays it beside the built `app.py`.

The lease of a thread is a figure of the library's, not a setting; here it is shortened as the mailbox's visibility
time-out and the function's own time-out are, so that what a dead worker held is taken up again within a minute.
"""

from __future__ import annotations

import importlib
import os

from deskwire import timing

timing.LEASE_SECONDS = int(os.environ["LEASE_SECONDS"])
timing.NET_SECONDS = int(os.environ["NET_SECONDS"])

handler = importlib.import_module("app").handler
