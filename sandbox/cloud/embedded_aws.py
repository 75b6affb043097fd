"""Starts MiniStack, with what a demonstration on one machine needs changed.

`sandbox.cloud.stack` runs this file in MiniStack's own environment, which has neither Deskwire nor its dependencies.

What is changed, and why:

* `DEDUPE_SECONDS` shortens SQS FIFO's memory of deduplication ids, which is five minutes and no option of MiniStack's.
  A demonstration then shows in seconds what Deskwire does when a platform sends again after the queue has forgotten.
* Requests over loopback count as sent over TLS. The template's queues, topic and bucket refuse plain HTTP
  (`aws:SecureTransport`), and MiniStack enforces that; between two processes of one machine there is nothing to hear.
* Policies see `dynamodb:LeadingKeys` and `ses:FromAddress`, which the template's roles depend on and MiniStack does not
  fill in.
* A policy that names a stack covers a request whose form names it. MiniStack looks for the name in the address alone.
* A batch of SQS needs the right to the single action, as on AWS (“SendMessage” covers SendMessageBatch; IAM knows no
  action of that name). MiniStack asks for a right that cannot be granted there.
* Sending to a queue and deleting from it wait for one another. MiniStack's poller rewrites the list of messages in a
  thread of its own; what a request adds between its reading and its writing would be lost (read in its source).
* A topic invokes its function asynchronously, as on AWS: what fails is tried again twice, and then goes to the
  function's failure destination. MiniStack tries once. Each notice that was taken leaves a file in `NOTICES`.
* A preflight reaches the function where the API has no CORS configuration of its own, as on AWS.
* A layer is unpacked once and then linked, read-only as on Lambda. MiniStack unpacks every layer anew for each worker,
  which takes seconds for a hundred megabytes and, on a small machine, longer than a platform waits.
* Several batches of a FIFO queue are handled at a time, as many as the mapping's MaximumConcurrency and `WORKERS`
  allow. MiniStack takes one; but its queue hands out no message of a group that has one in flight, so order holds.
* `WORKERS` bounds the processes of one function. MiniStack starts one for every request at once; past the bound a
  request waits its turn, as it would in a small account.
* SIGUSR1 kills one of the functions' processes with SIGKILL while it works, and says so in the log; the file `VICTIM`
  may name the function. On AWS nobody can; there a container just dies.
* It ends when its parent is gone, however that died.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import random
import re
import shutil
import signal
import threading
import time
import zipfile
from collections.abc import Callable
from contextvars import ContextVar
from email.utils import parseaddr
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import apigateway, lambda_svc, sns, sqs


def count_loopback_as_tls() -> None:
    """Let policies see the requests of this machine as sent over TLS."""
    pin = app.pin_request_origin

    def pin_request_origin(source_ip: str, secure_transport: bool) -> None:  # noqa: FBT001 - MiniStack's signature
        pin(source_ip, secure_transport or source_ip.startswith("127."))

    app.pin_request_origin = pin_request_origin


def fill_in_condition_keys() -> None:
    """Tell policies which partition keys a request names, and whom a mail is from."""
    known_of_dynamodb = iam_actions.dynamodb_service_context
    resource_of_ses = iam_actions._ses_v2_resource_arn  # noqa: SLF001 - MiniStack has no hooks for these
    resolve = iam_evaluator._resolve_condition_key  # noqa: SLF001
    sender: ContextVar[str | None] = ContextVar("sender", default=None)

    def dynamodb_service_context(body: bytes) -> dict[str, Any]:
        request = json.loads(body or b"{}")
        partition = (request.get("Key") or request.get("Item") or {}).get("pk") or queried(request)
        known: dict[str, Any] = known_of_dynamodb(body)
        return known | ({"dynamodb:LeadingKeys": [*partition.values()]} if partition else {})

    def queried(request: dict[str, Any]) -> dict[str, Any]:
        """Return the partition of a query. A transaction's stay unknown: all its items are checked with one context."""
        found = re.search(r"pk\s*=\s*(:\w+)", request.get("KeyConditionExpression", ""))
        return request["ExpressionAttributeValues"][found[1]] if found else {}

    def ses_v2_resource_arn(method: str, path: str, body: bytes, region: str, account: str) -> Any:
        if not path.endswith("/outbound-emails"):
            return resource_of_ses(method, path, body, region, account)
        sender.set(parseaddr(json.loads(body).get("FromEmailAddress", ""))[1])
        return f"arn:aws:ses:{region}:{account}:identity/{sender.get()}"

    def resolve_condition_key(key: str, context: Any) -> Any:
        return sender.get() if key.lower() == "ses:fromaddress" else resolve(key, context)

    iam_actions.dynamodb_service_context = dynamodb_service_context
    iam_actions._ses_v2_resource_arn = ses_v2_resource_arn  # noqa: SLF001
    iam_evaluator._resolve_condition_key = resolve_condition_key  # noqa: SLF001


def know_stacks_by_their_form() -> None:
    """Let policies see which stack a request of CloudFormation is about."""
    extract = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: bytes, query: dict[str, Any], *args: Any
    ) -> Any:
        form = parse_qs(body.decode()) if service == "cloudformation" and body else {}
        return extract(service, method, path, headers, body, {**form, **query}, *args)

    iam_actions.extract_resource_arn = extract_resource_arn


def know_batches_by_their_action() -> None:
    """Let a batch be allowed by the action it consists of, as the service authorization reference has it."""
    extract = iam_actions.extract_iam_action

    def extract_iam_action(service: str, *args: Any, **keywords: Any) -> Any:
        action = extract(service, *args, **keywords)
        return action.removesuffix("Batch") if service == "sqs" and action else action

    iam_actions.extract_iam_action = extract_iam_action
    if hasattr(app, "extract_iam_action"):
        app.extract_iam_action = extract_iam_action


def share_layers(directory: Path, sources: str) -> None:
    """Unpack each layer once, below `directory`, and give every worker a link to it.

    With `sources`, the folder that holds our own package, its layer is that folder as it is now.
    """
    lock = threading.Lock()

    class ZipFile(zipfile.ZipFile):
        def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
            archive = Path(str(self.filename))
            if not archive.name.startswith("layer_"):
                super().extractall(path, members, pwd)
                return
            if sources and any(entry.filename.startswith("python/deskwire/") for entry in self.infolist()):
                archive.unlink()
                (Path(str(path)) / "python").symlink_to(sources)
                return
            contents = repr([(entry.filename, entry.CRC) for entry in self.infolist()])
            digest = hashlib.sha256(contents.encode()).hexdigest()
            shared = directory / digest[:16]
            with lock:
                if not shared.exists():
                    unpacking = directory / f"{digest[:16]}.part"
                    shutil.rmtree(unpacking, ignore_errors=True)
                    super().extractall(unpacking)
                    unpacking.rename(shared)
            archive.unlink()
            for entry in shared.iterdir():
                (Path(str(path)) / entry.name).symlink_to(entry)

    directory.mkdir(parents=True, exist_ok=True)
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": ZipFile})


def bound_workers(limit: int) -> None:
    """Let a request wait for one of `limit` processes of its function, until that is free again or has died."""
    slots: dict[str, threading.BoundedSemaphore] = {}
    execute = lambda_svc._execute_function_warm  # noqa: SLF001 - no option bounds it

    def bounded(function: Any, *args: Any) -> Any:
        name = (function.get("config") or function).get("FunctionName", "")
        with slots.setdefault(name, threading.BoundedSemaphore(limit)):
            return execute(function, *args)

    lambda_svc._execute_function_warm = bounded  # noqa: SLF001


def keep_every_message() -> None:
    """Let whatever changes a queue's list of messages hold the lock that MiniStack's poller holds."""
    lock = sqs._queues_lock = threading.RLock()  # noqa: SLF001 - no option sets it

    def held(handler: Callable[..., Any]) -> Callable[..., Any]:
        def handle(*args: Any) -> Any:
            with lock:
                return handler(*args)

        return handle

    for name in ("SendMessage", "SendMessageBatch", "DeleteMessage", "DeleteMessageBatch", "PurgeQueue"):
        sqs._HANDLERS[name] = held(sqs._HANDLERS[name])  # noqa: SLF001


def notify_as_lambda_does(taken: Path) -> None:
    """Let topics invoke functions as Lambda's asynchronous invocation does; leave a file in `taken` for each notice."""
    execute = lambda_svc._execute_function  # noqa: SLF001 - no option tells when one is done

    def executed(function: Any, event: Any) -> Any:
        result = execute(function, event)
        records = event.get("Records", ()) if isinstance(event, dict) else ()
        for notice in [record["Sns"] for record in records if "Sns" in record]:
            if not result.get("error"):
                (taken / notice["MessageId"]).touch()
        return result

    def deliver(function: str, envelope: str, _topic: str, subscription: str, *_: Any) -> None:
        found, configuration, _name = lambda_svc._get_func_record_for_ref(function)  # noqa: SLF001
        record = lambda_svc._execution_record_for_config(found, configuration)  # noqa: SLF001
        notice = {
            "EventVersion": "1.0", "EventSource": "aws:sns", "EventSubscriptionArn": subscription,
            "Sns": json.loads(envelope),
        }  # fmt: skip
        lambda_svc.invoke_async_with_retry(record, {"Records": [notice]})

    taken.mkdir(parents=True, exist_ok=True)
    lambda_svc._execute_function = executed  # noqa: SLF001
    sns._deliver_to_lambda = deliver  # noqa: SLF001


def pass_preflights_on() -> None:
    """Let an OPTIONS request go to its route, unless the API answers it by a CORS configuration."""
    function = apigateway._handle_execute_in_scope  # noqa: SLF001 - no option sets it
    source = inspect.getsource(function)
    answered = 'if method == "OPTIONS":'
    if source.count(answered) != 1:
        raise RuntimeError("this MiniStack answers preflights elsewhere: mend pass_preflights_on")
    exec(source.replace(answered, 'if method == "OPTIONS" and cors_cfg:'), vars(apigateway))  # noqa: S102 - its own text


def take_batches_side_by_side(limit: int) -> None:
    """Let `limit` batches of a FIFO queue be in flight, of different groups, within the mapping's own bound."""
    bound = lambda_svc._sqs_esm_concurrency  # noqa: SLF001 - no option sets it

    def sqs_esm_concurrency(esm: Any, function: Any, config: Any, queue: Any = None) -> int:
        return min(limit, int(bound(esm, function, config, {**(queue or {}), "is_fifo": False})))

    lambda_svc._sqs_esm_concurrency = sqs_esm_concurrency  # noqa: SLF001


def kill_on_signal(victim: Path) -> None:
    """Let a process of the function that the file names, or of any, die in the midst of its work."""
    spawn = lambda_runtime.Worker._spawn  # noqa: SLF001 - no option tells when one is up

    def spawned(worker: Any) -> None:
        spawn(worker)
        worker.up = worker._proc  # noqa: SLF001

    def working() -> list[Any]:
        # Of one that dies before it is up MiniStack ends all of that function, and whatever they do.
        meant = victim.read_text() if victim.exists() else ""
        pools = list(lambda_runtime._workers.values())  # noqa: SLF001
        workers = [worker for pool in pools for worker in pool if meant in ("", worker.func_name)]
        return [each for each in workers if each.in_use and each._proc and each._proc is getattr(each, "up", None)]  # noqa: SLF001

    def kill() -> None:
        until = time.monotonic() + 2
        while time.monotonic() < until:
            chosen = random.choice(working() or [None])
            time.sleep(random.uniform(0, 0.3))  # somewhere in its work, unless that was over before
            if chosen in working():
                os.kill(chosen.up.pid, signal.SIGKILL)
                print(f"KILLED {chosen.func_name}", flush=True)
                return

    lambda_runtime.Worker._spawn = spawned  # noqa: SLF001
    signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=kill, daemon=True).start())


def renew_on_signal() -> None:
    """Start every function's processes anew, so that they import changed code; what works is let finish."""

    def renew() -> None:
        with lambda_runtime._lock:  # noqa: SLF001 - no option does it
            old = [worker for pool in lambda_runtime._workers.values() for worker in pool]  # noqa: SLF001
        until = time.monotonic() + 60
        while old and time.monotonic() < until:
            with lambda_runtime._lock:  # noqa: SLF001
                idle = [worker for worker in old if not worker.in_use]
                for pool in lambda_runtime._workers.values():  # noqa: SLF001
                    pool[:] = [worker for worker in pool if worker not in idle]
            lambda_runtime.kill_workers(idle)
            old = [worker for worker in old if worker not in idle]
            time.sleep(0.1)

    signal.signal(signal.SIGUSR2, lambda *_: threading.Thread(target=renew, daemon=True).start())


def end_with(parent: int, leave: Callable[[int], None] = os._exit) -> None:
    """End this process once `parent` no longer is its parent."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        leave(0)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    end_with(os.getppid())
    count_loopback_as_tls()
    fill_in_condition_keys()
    know_stacks_by_their_form()
    know_batches_by_their_action()
    share_layers(Path(os.environ["LAYERS_DIRECTORY"]), os.environ["SOURCES"])
    bound_workers(int(os.environ["WORKERS"]))
    keep_every_message()
    notify_as_lambda_does(Path(os.environ["NOTICES"]))
    pass_preflights_on()
    kill_on_signal(Path(os.environ["VICTIM"]))
    renew_on_signal()
    take_batches_side_by_side(int(os.environ["WORKERS"]))
    sqs._DEDUP_WINDOW_S = float(os.environ["DEDUPE_SECONDS"])  # noqa: SLF001 - no option sets it
    app.main()
