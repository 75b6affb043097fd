"""The real template on an embedded AWS: builds it for this machine, starts MiniStack, deploys, and cleans up.

How the emulator differs from AWS, as far as Deskwire's flows and tests meet it (MiniStack 1.5.33, tried one by one):

* A function runs in a process of MiniStack's own Python, whatever `Runtime` says, and finds that environment's boto3
  where Lambda has its own. So the build is for that Python (`DESKWIRE_BUILD=host`), bytecode included.
* The functions' environment is the template's; MiniStack adds AWS_ENDPOINT_URL, AWS_REGION and credentials of the
  function's role. Addresses of the sandbox's platforms reach them through the template's parameter SandboxHosts.
* Every call a function signs is checked against its role (AUTH=true): SQS, DynamoDB, S3, Secrets Manager, SES;
  tests/deployment/test_permissions.py tries each action. X-Ray and logs are not called there.
* As many batches of the mailbox are handled at a time as there are `workers`, each of up to ten messages.
* `sandbox.cloud.embedded_aws` lists what we change in MiniStack, the dedupe window of five minutes among it.
* The HTTP API answers at /_aws/execute-api/{api}/$default/…; the functions see the path without that.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv" / "tools"
WORK = ROOT / ".sandbox"
REGION = "eu-west-1"
NAME = "deskwire"
# Services that MiniStack lacks (of SES, what looks at its set-up): the sandbox plays them under their own hosts.
PLAYED = {
    f"AWS_ENDPOINT_URL_{name.upper().replace('-', '_')}": f"https://{name}.{REGION}.amazonaws.com"
    for name in ("social-messaging", "bedrock-runtime", "comprehend", "email")
}

NOTICE_SECONDS = 25  # in which a notice of a topic is taken, its function tried again meanwhile
BUILT_FROM = ("template.yaml", "functions", "layers", "tools/lambda")


class StackError(RuntimeError):
    """The embedded AWS or the deployment failed; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What the deployed template gave: its outputs, with `api` as an address that works here."""

    api: str
    table: str
    mailbox: str
    dead_letters: str
    parked: str
    archive: str
    secrets_prefix: str
    receive: str
    converse: str
    sweep: str
    unwatched: str
    watch: str
    alarms: str
    archiving: str = ""  # the function `archive`, and its bucket, where conversations are archived
    transcripts: str = ""


def say_nothing(_: str) -> None:
    """Take a line of progress and keep it to itself."""


@contextlib.contextmanager
def built(progress: Callable[[str], None] = say_nothing) -> Iterator[Path]:
    """Build the template for this machine, unless nothing changed, and give the folder of the result.

    Nobody builds anew in there until the context ends. Raises `StackError` with what `sam build` said.
    """
    python = tool("ministack", "python")
    folder = WORK / "host"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        while True:
            fcntl.flock(lock, fcntl.LOCK_SH)
            digest = _digest(python)
            if _stamp(folder) == digest:
                break
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _stamp(folder) != digest:
                progress("building functions and layers for this machine")
                _build(python, folder)
                (folder / "sha256").write_text(digest)
        yield folder / "build"


def _stamp(folder: Path) -> str:
    stamp = folder / "sha256"
    return stamp.read_text() if stamp.exists() else ""


def _build(python: Path, folder: Path) -> None:
    (folder / "sha256").unlink(missing_ok=True)
    cache = folder / "cache" / _digest(python, ("tools/lambda",))
    if not cache.exists():  # SAM's cache knows the sources, not the Makefile
        shutil.rmtree(cache.parent, ignore_errors=True)
        cache.mkdir(parents=True)
    run = subprocess.run(
        [tool("sam", "sam"), "build", "--cached", "--build-dir", folder / "build", "--cache-dir", cache],
        cwd=ROOT,
        env=os.environ
        | {"DESKWIRE_BUILD": "host", "DESKWIRE_PYTHON": str(python), "SAM_CLI_TELEMETRY": "0", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise StackError(f"`sam build` failed; what it said:\n{run.stdout[-1000:]}{run.stderr[-3000:]}")
    _zip_artifacts(folder / "build")


def tool(environment: str, program: str) -> Path:
    """Return a program of an environment below .venv/tools. Raises `StackError` where it is not installed."""
    path = TOOLS / environment / "bin" / program
    if not path.exists():
        raise StackError(f"{path.relative_to(ROOT)} is missing; `make .venv/tools/{environment}/.stamp` installs it")
    return path


def _digest(python: Path, sources: tuple[str, ...] = BUILT_FROM) -> str:
    digest = hashlib.sha256(f"{python} {python.resolve()}".encode())
    for source in sources:
        path = ROOT / source
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _zip_artifacts(target: Path) -> None:
    """Put each built folder into a zip beside it, stored: nothing here travels far."""
    for folder in (entry for entry in target.iterdir() if entry.is_dir()):
        with zipfile.ZipFile(target / f"{folder.name}.zip", "w") as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, file.relative_to(folder))


class Stack:
    """The deployed template on an embedded AWS of its own, as a context manager.

    `sandbox_hosts` maps a vendor's host to the loopback address that plays it. `dedupe_seconds` is the queue's memory
    of ids (AWS: 300). `change` may alter the built template before it is deployed, as a test that takes a permission
    away does. With `live` the functions import the library from its sources, and `renew` lets them see a change.
    Everything lies in `directory`, which is emptied first.
    """

    def __init__(  # noqa: PLR0913 - by name only, each with its default
        self,
        *,
        sandbox_hosts: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        dedupe_seconds: float = 300,
        workers: int = 3,
        progress: Callable[[str], None] = say_nothing,
        change: Callable[[dict[str, Any]], None] | None = None,
        directory: Path | None = None,
        live: bool = False,
    ) -> None:
        self.live = live
        self.parameters = {
            "DeletionProtection": "false",
            "SandboxHosts": json.dumps(dict(sandbox_hosts or {})),
            **(parameters or {}),
        }
        self.dedupe_seconds = dedupe_seconds
        self.workers = workers
        self.progress = progress
        self.change = change
        self.directory = directory or WORK / "run"
        self.port = 0
        self.credentials = ("AKIADESKWIRESANDBOX1", secrets.token_urlsafe(30))
        self.deployed: Deployed
        self._process: subprocess.Popen[bytes] | None = None
        self._alone = contextlib.ExitStack()  # holds the directory against other runs

    def __enter__(self) -> Self:
        """Start; see `start`."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; see `stop`."""
        self.stop()

    def start(self) -> Self:
        """Build, start MiniStack, deploy. Raises `StackError`, after stopping what was started."""
        self._claim()
        try:
            with built(self.progress) as folder:
                self._start_ministack()
                self.deployed = self._deploy(folder)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End MiniStack and its workers. Its log stays in the directory."""
        process, self._process = self._process, None
        with self._alone:
            if process is None:
                return
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait(5)
            shutil.rmtree(self.directory / "tmp", ignore_errors=True)

    def _claim(self) -> None:
        """Keep other runs out of the directory until this one is stopped."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        lock = self._alone.enter_context(self.directory.with_suffix(".lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._alone.close()
            raise StackError(f"another run is using {self.directory}; wait until it has ended") from None

    @property
    def endpoint(self) -> str:
        """The address of every AWS service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def template(self) -> str:
        """The address of the template as it was deployed."""
        return f"{self.endpoint}/{NAME}-artifacts/template.json"

    @property
    def alive(self) -> bool:
        """Whether MiniStack runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs in its environment to take this for AWS, with every right."""
        key, secret = self.credentials
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            **PLAYED,
        }

    def client(self, service: str) -> Any:
        """Return a boto3 client of the service, with every right."""
        return self._session.client(
            service,
            endpoint_url=self.endpoint,
            config=Config(retries={"total_max_attempts": 2}, read_timeout=300, s3={"addressing_style": "path"}),
        )

    @cached_property
    def _session(self) -> boto3.session.Session:
        key, secret = self.credentials
        return boto3.session.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name=REGION)

    @property
    def log_file(self) -> Path:
        """Where MiniStack and the functions write."""
        return self.directory / "ministack.log"

    def logs(self) -> str:
        """Return what MiniStack wrote, the functions' own lines among it."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def sweep(self) -> dict[str, Any]:
        """Run sweep now, without waiting for its minute, and return what it answered. Raises `StackError`."""
        return self.invoke(self.deployed.sweep, {})

    def kill(self, function: str = "") -> None:
        """Kill one of a function's processes (of any function's, by default) while it works, as a container may die."""
        if self._process is not None and self.alive:
            self._victim.write_text(function)
            self._process.send_signal(signal.SIGUSR1)

    def renew(self) -> None:
        """Start the functions' processes anew, once each has finished what it does."""
        if self._process is not None and self.alive:
            self._process.send_signal(signal.SIGUSR2)

    def killed(self) -> Counter[str]:
        """Return how many processes of each function `kill` has killed."""
        functions = ("receive", "converse", "sweep", "watch", "archiving")
        names = {getattr(self.deployed, name): name for name in functions}
        return Counter(names[function] for function in re.findall(r"^KILLED (\S+)$", self.logs(), re.MULTILINE))

    def invoke(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke a function and return what it answered. Raises `StackError` with its error."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise StackError(f"{function} failed: {payload}")
        return payload if isinstance(payload, dict) else {"result": payload}

    def notify(self, topic: str, message: str) -> bool:
        """Publish to a topic (by its ARN) and return whether a function that it invokes took the notice in time."""
        identifier = self.client("sns").publish(TopicArn=topic, Message=message)["MessageId"]
        until = time.monotonic() + NOTICE_SECONDS
        while time.monotonic() < until:
            if (self._notices / identifier).exists():
                return True
            time.sleep(0.05)
        return False

    @property
    def _victim(self) -> Path:
        return self.directory / "victim"

    @property
    def _notices(self) -> Path:
        return self.directory / "notices"

    def _start_ministack(self) -> None:
        python = tool("ministack", "python")
        self.progress("starting the embedded AWS")
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory / "tmp").mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        key, secret = self.credentials
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.directory),
            "TMPDIR": str(self.directory / "tmp"),
            "LANG": "C.UTF-8",
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            # Requests that wait for a worker hold a thread; the worker's own calls need others.
            "MINISTACK_WORKER_THREADS": "512",
            "S3_DATA_DIR": str(self.directory / "s3"),
            "STATE_DIR": str(self.directory / "state"),
            "LAYERS_DIRECTORY": str(WORK / "layers"),
            "SOURCES": str(ROOT / "layers" / "deskwire") if self.live else "",
            "WORKERS": str(self.workers),
            "DEDUPE_SECONDS": str(self.dedupe_seconds),
            "NOTICES": str(self._notices),
            "VICTIM": str(self._victim),
            "OPENBLAS_NUM_THREADS": "1",
            **PLAYED,
        }
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [str(python), "-P", str(ROOT / "sandbox" / "cloud" / "embedded_aws.py")],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_healthy()

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5).close()  # noqa: S310 - our own
                return
            time.sleep(0.1)
        raise StackError(f"MiniStack did not start; its log ({self.log_file}) ends with:\n{self.logs()[-2000:]}")

    def _deploy(self, built: Path) -> Deployed:
        self.progress("deploying template.yaml")
        template = yaml.safe_load((built / "template.yaml").read_text())
        if self.change is not None:
            self.change(template)
        self._upload(built, template)
        cloudformation = self.client("cloudformation")
        known = template["Parameters"]
        unknown = sorted(set(self.parameters) - set(known))
        if unknown:
            raise StackError(f"template.yaml has no parameter {', '.join(unknown)}")
        cloudformation.create_stack(
            StackName=NAME,
            TemplateURL=self._upload_template(template),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        return self._outputs(self._wait_for_stack(cloudformation))

    def _upload(self, built: Path, template: dict[str, Any]) -> None:
        """Put each zip into a bucket and name it in the template, as `sam package` does."""
        s3 = self.client("s3")
        bucket = f"{NAME}-artifacts"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for name, resource in template["Resources"].items():
            where = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
            if attribute := where.get(resource["Type"]):
                archive = built / f"{resource['Properties'][attribute]}.zip"  # a test may have named another folder
                s3.put_object(Bucket=bucket, Key=f"{name}.zip", Body=archive.read_bytes())
                resource["Properties"][attribute] = f"s3://{bucket}/{name}.zip"

    def _upload_template(self, template: dict[str, Any]) -> str:
        """Put the template beside the zips and return its address: a request itself takes no more than 51,200 bytes."""
        body = json.dumps(template, default=str).encode()
        self.client("s3").put_object(Bucket=f"{NAME}-artifacts", Key="template.json", Body=body)
        return self.template

    def _wait_for_stack(self, cloudformation: Any) -> Any:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            stack = cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]
            if stack["StackStatus"] == "CREATE_COMPLETE":
                return stack
            if not stack["StackStatus"].endswith("_IN_PROGRESS") or "ROLLBACK" in stack["StackStatus"]:
                break
            time.sleep(0.2)
        raise StackError("the deployment failed:\n" + "\n".join(self._failures(cloudformation)))

    def _failures(self, cloudformation: Any) -> Iterator[str]:
        with contextlib.suppress(ClientError):
            for event in cloudformation.describe_stack_events(StackName=NAME)["StackEvents"]:
                if "FAILED" in event["ResourceStatus"] or "ROLLBACK" in event["ResourceStatus"]:
                    yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}"
        yield f"MiniStack's log is {self.log_file}"

    def _outputs(self, stack: Any) -> Deployed:
        values = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        api = values["ApiAddress"].split("://", 1)[1].split(".", 1)[0]
        return Deployed(
            api=f"{self.endpoint}/_aws/execute-api/{api}/$default",
            table=values["TableName"],
            mailbox=values["MailboxUrl"],
            dead_letters=values["DeadLettersUrl"],
            parked=values["ParkedUrl"],
            archive=values["ArchiveName"],
            secrets_prefix=values["SecretsPrefix"],
            receive=values["ReceiveFunctionName"],
            converse=values["ConverseFunctionName"],
            sweep=values["SweepFunctionName"],
            unwatched=values["UnwatchedUrl"],
            watch=values["WatchFunctionName"],
            alarms=values["AlarmTopicArn"],
            archiving=values.get("ArchiveFunctionName", ""),
            transcripts=values.get("TranscriptsName", ""),
        )


def main() -> None:
    """Start the stack alone, print where everything is, and keep it until interrupted."""
    with Stack(progress=lambda line: print(line, file=sys.stderr)) as stack:
        for name, value in {**stack.environment, "API": stack.deployed.api, "TABLE": stack.deployed.table}.items():
            print(f"{name}={value}")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
