"""`make faults`: plants each fault alone and runs its tests, which must fail. Exit status 1 when one survives."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from .faults import FAULTS
from .plant import ROOT, VARIABLE

FAILED = 1  # pytest's status for failed tests
WORKERS = min(2, os.cpu_count() or 1)


def caught(number):
    """Return whether the tests fail with the fault of this number."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly",
         *FAULTS[number].tests],
        cwd=ROOT, env={**os.environ, VARIABLE: str(number)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in {0, FAILED}, done.stdout + done.stderr
    return done.returncode == FAILED


def main(only):
    numbers = [number for number, fault in enumerate(FAULTS) if only in fault.name]
    survived = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for number, found in zip(numbers, pool.map(caught, numbers), strict=True):
            print(f"{'caught  ' if found else 'SURVIVED'}  {FAULTS[number]}", flush=True)
            if not found:
                survived.append(number)
    print(f"{len(numbers) - len(survived)} of {len(numbers)} caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
