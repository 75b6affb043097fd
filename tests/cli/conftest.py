"""The command as people run it: in this process, or as a program of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import main

ROOT = Path(__file__).parents[2]


class Told:
    """What a run of the command said."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    def __repr__(self):
        return f"exit {self.status}\n{self.out}\n{self.err}"


@pytest.fixture
def deskwire(capfd):
    """Run the command in this process."""

    def run(*arguments):
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Told(status, out, err)

    return run


@pytest.fixture
def program():
    """Run the command as a program."""

    def run(*arguments, given=b"", environment=None, folder=ROOT):
        path = os.pathsep.join([str(ROOT / "layers" / "deskwire"), str(ROOT)])
        done = subprocess.run(
            [sys.executable, "-m", "cli", *map(str, arguments)],
            input=given,
            capture_output=True,
            timeout=60,
            check=False,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, **(environment or {})},
        )
        return Told(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
