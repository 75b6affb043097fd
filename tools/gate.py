"""Runs every check of `make test`, all of them even when one fails, and says at the end how each went."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
TOOLS = ROOT / ".venv" / "tools"
Steps = dict[str, list[str | Path]]


def sixteenth() -> str:
    """Return which sixteenth of the crash points is played: the same for a commit, another one for the next."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return str(int(head.stdout.strip() or "0", 16) % 16)


STEPS: Steps = {
    "format": [BIN / "ruff", "format", "--check"],
    "lint": [BIN / "ruff", "check"],
    "types": [BIN / "mypy"],
    "imports": [BIN / "lint-imports"],
    "template": [BIN / "cfn-lint", "template.yaml", "-a", "cfn_lint_serverless.rules"],
    "sam": [TOOLS / "sam" / "bin" / "sam", "validate", "--lint"],
    "checkov": [
        *(TOOLS / "checkov" / "bin" / "checkov", "--file", "template.yaml", "--framework", "cloudformation"),
        *("--compact", "--quiet", "--skip-download"),
    ],
    "build": [TOOLS / "sam" / "bin" / "sam", "build"],
    # Flows wait for their played neighbours, so they leave the cores to the other tests, beside which they run.
    "flows": [BIN / "pytest", "--durations=5", "tests/flows"],
    # Measuring the coverage doubles the time of most tests: `make coverage` does that.
    "tests": [
        *(BIN / "pytest", "-n", "auto", "--maxprocesses=4", "--dist=loadfile", "--no-loadscope-reorder"),
        *("--durations=5", "--ignore=tests/flows", "tests"),
    ],
    "simulation": [BIN / "python", "-m", "tests.simulation", "--sixteenth", sixteenth()],
}
SHOWN = ("tests", "simulation")  # minutes, on all cores: one after the other, and their progress is seen
BESIDE = "flows"  # runs beside the first of these
AT_ONCE = 2  # of the others


def run(name: str, command: list[str | Path]) -> tuple[int, float]:
    """Run one step; a quiet one shows its output only when it fails. Returns its status and how long it took."""
    print(f"· {name}", flush=True)
    began = time.monotonic()
    shown = name in SHOWN
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        stdout=None if shown else subprocess.PIPE,
        stderr=None if shown else subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0 and not shown:
        print(f"\n{name}:\n{done.stdout.decode(errors='replace')}", flush=True)
    return done.returncode, time.monotonic() - began


def passed(steps: Steps) -> bool:
    """Run the steps, the quick ones side by side, then the long ones. Returns whether all passed."""
    quick = {name: command for name, command in steps.items() if name not in {*SHOWN, BESIDE}}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started = {name: pool.submit(run, name, command) for name, command in quick.items()}
    results = {name: done.result() for name, done in started.items()}
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(run, BESIDE, steps[BESIDE]) if BESIDE in steps else None
        results |= {name: run(name, steps[name]) for name in SHOWN if name in steps}
        if beside is not None:
            results[BESIDE] = beside.result()
    print()
    for name, (status, seconds) in results.items():
        print(f"{'ok  ' if status == 0 else 'FAIL'}  {name:11} {seconds:6.1f} s")
    return not any(status for status, _ in results.values())


if __name__ == "__main__":
    sys.exit(not passed(STEPS))
