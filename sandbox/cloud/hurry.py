"""A change of the template with which a worker that died is followed within a minute: the soak's, and the page's."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.cloud.stack import ROOT, WORK

# Of a worker: seconds that converse may run, that it holds a thread, that its letters stay away, that sweep waits.
# As deployed they are 60, 150, 360 and 900; in the same order, so that who died is followed within a minute.
RUNS, HOLDS, AWAY, NET = 30, 40, 45, 120


def hurried(directory: Path) -> Callable[[dict[str, Any]], None]:
    """Return a change of the built template with which a worker that died is followed within a minute."""

    def change(template: dict[str, Any]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(WORK / "host" / "build" / "ConverseFunction.zip", directory / "converse.zip")
        with zipfile.ZipFile(directory / "converse.zip", "a") as archive:
            archive.write(ROOT / "sandbox" / "cloud" / "hurried.py", "hurried.py")
        converse = template["Resources"]["ConverseFunction"]["Properties"]
        converse |= {"CodeUri": str(directory / "converse"), "Handler": "hurried.handler", "Timeout": RUNS}
        converse["Environment"] = {"Variables": {"LEASE_SECONDS": str(HOLDS), "NET_SECONDS": str(NET)}}
        template["Resources"]["Mailbox"]["Properties"]["VisibilityTimeout"] = AWAY

    return change
