"""Real helpdesks in the sandbox: process groups that end with their owner, prepared once and then copied."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from sandbox.neighbours.desk import Desk, DeskError

CACHE = Path(__file__).parents[2] / ".sandbox"
START_LIMIT = 180.0  # seconds until the first answer
ANSWER_LIMIT = 180.0  # seconds until any other: on a busy machine a page takes long when it is asked for first
STOP_LIMIT = 10.0  # seconds from the polite signal to the other one

# Ends the server's process group when the pipe on its standard input closes: also when Python is killed.
LAUNCH = 'exec 3<&0; (cat <&3 >/dev/null; kill -TERM 0) & exec "$@" 3<&- </dev/null'


class Program:
    """A server that runs: it and all its children end with `stop`, or with this process."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], log: Path, directory: Path | None = None
    ) -> None:
        """Start it in a process group of its own; what it writes is added to `log`."""
        self.log = log
        with log.open("ab") as written:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", LAUNCH, "sh", *command],
                env=environment,
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def stop(self) -> None:
        """End it and all that it started."""
        if self._process.stdin:
            self._process.stdin.close()
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_LIMIT)
        self._signal(signal.SIGKILL)  # whatever of the group is left
        self._process.wait()

    def answered(self, title: str, ask: Callable[[], object], progress: Callable[[str], None]) -> None:
        """Wait until `ask` raises nothing. Raises `DeskError`, with the end of its log, and stops it."""
        started = told = time.monotonic()
        while True:
            try:
                ask()
            except (OSError, DeskError) as error:
                problem = str(error)
            except BaseException:
                self.stop()
                raise
            else:
                progress(f"{title} answers after {time.monotonic() - started:.1f} s")
                return
            now = time.monotonic()
            if self._process.poll() is not None or now - started > START_LIMIT:
                end = self.log.read_text(errors="replace")[-1500:]
                self.stop()
                msg = f"{title} did not start within {now - started:.0f} s ({problem}): {end}"
                raise DeskError(msg)
            if now - told > 2:
                told = now
                progress(f"waiting for {title}, {now - started:.0f} s")
            time.sleep(0.1)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def run(what: str, command: Sequence[str], environment: Mapping[str, str], directory: Path | None = None) -> str:
    """Return what a command wrote. Raises `DeskError` with the end of its complaint."""
    done = subprocess.run(
        command, env=environment, cwd=directory, capture_output=True, text=True, check=False, timeout=START_LIMIT
    )
    if done.returncode:
        msg = f"{what} failed: {(done.stderr or done.stdout)[-2000:]}"
        raise DeskError(msg)
    return done.stdout


def prepared(cache: Path, ingredients: Iterable[bytes], make: Callable[[Path], None]) -> Path:
    """Return the folder that `make` filled; it is filled once for the same ingredients, by one process."""
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    ready = cache / hashlib.sha256(b"\0".join(ingredients)).hexdigest()[:16]
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            making = cache / "making"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            make(making)
            making.rename(ready)
    return ready


def opened(request: urllib.request.Request, by: urllib.request.OpenerDirector | None = None) -> bytes:
    """Return the body of an answer, past any proxy. Raises `DeskError` with what an error says, or where none comes."""
    opener = by or urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWER_LIMIT) as answer:
            found: bytes = answer.read()
            return found
    except urllib.error.HTTPError as error:
        with error:
            msg = f"{request.full_url}: {error.code} {error.read()[:500].decode(errors='replace')}"
        raise DeskError(msg) from None
    except OSError as error:
        msg = f"{request.full_url}: no answer ({error}); its log is in its folder in .sandbox"
        raise DeskError(msg) from None


class Real(ABC):
    """One private instance of a real helpdesk under `home`; a context manager. `progress` receives a line per step."""

    def __init__(self, home: Path, progress: Callable[[str], None]) -> None:
        """Keep it under `home`; nothing is started before `start` (or `with`)."""
        self.home = home
        self.address = ""
        self.program: Program | None = None
        self._progress = progress

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it answers. Raises `DeskError` naming what went wrong."""

    def stop(self) -> None:
        """End it; the files stay."""
        program, self.program = self.program, None
        if program is not None:
            program.stop()


Instance = TypeVar("Instance", bound=Real)


class RealDesk(Desk, Generic[Instance]):
    """A `Desk` that runs a real helpdesk, by the real clock."""

    running: Instance

    @property
    def address(self) -> str:
        return self.running.address

    def __enter__(self) -> Self:
        shutil.rmtree(self.running.home, ignore_errors=True)
        self.running.home.mkdir(parents=True)
        self.running.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.running.stop()
