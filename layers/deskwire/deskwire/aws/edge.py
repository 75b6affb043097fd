"""The ports of `receive` over the light client: endpoints and secrets cached for a minute, queues, archive, limits."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.keys import compose
from deskwire.model.secret import Secrets, secrets_from_json
from deskwire.ports import EndpointView, Letter
from deskwire.settings import ENDPOINTS

from .light import Light, batches

if TYPE_CHECKING:
    from deskwire.ports.outbox import Shown
    from deskwire.settings import Settings

ENDPOINT_AGE = timedelta(seconds=60)
UNKNOWN_AGE = timedelta(seconds=10)  # so that a wrong address costs a look every ten seconds, not every time
SECRET_AGE = timedelta(seconds=300)
# While Secrets Manager does not answer, secrets are used for so long after they were read: longer than its disturbances
# usually last, and no longer than one may wait until a secret that was taken back is refused.
SECRET_LASTS = timedelta(hours=1)
SECRET_AGAIN = timedelta(seconds=10)  # so that a disturbance costs a look every ten seconds, not every delivery
MOST_KEPT = 1000
UPLOAD_SECONDS = 600


class Edge:
    """Implements all ports of `receive`."""

    def __init__(self, light: Light, settings: Settings, now: Callable[[], datetime]) -> None:
        self._light = light
        self._settings = settings
        self._now = now
        self._endpoints: dict[str, tuple[datetime, EndpointView | None]] = {}
        self._secrets: dict[str, tuple[datetime, datetime, Secrets]] = {}  # when to look again, and how long it lasts

    @staticmethod
    def from_settings(settings: Settings, now: Callable[[], datetime]) -> Edge:
        """Return the ports for the running function."""
        return Edge(Light(os.environ), settings, now)

    def endpoint(self, name: str) -> EndpointView | None:
        """Return the endpoint, or None. Raises `TemporaryError`, `ConfigurationError`."""
        now = self._now()
        kept = self._endpoints.get(name)
        if kept is not None and now < kept[0]:
            return kept[1]
        key = {"pk": f"E#{compose(name)}", "sk": "ENDPOINT"}
        item = self._asked(lambda: self._light.get_item(self._settings.table, key))
        found = EndpointView.read(item["definition"]) if item else None
        if len(self._endpoints) >= MOST_KEPT:
            self._endpoints.clear()
        self._endpoints[name] = (now + (ENDPOINT_AGE if found else UNKNOWN_AGE), found)
        return found

    def secrets(self, name: str) -> Secrets:
        """Return an endpoint's secrets. Raises `ConfigurationError`, `TemporaryError`."""
        now = self._now()
        kept = self._secrets.get(name)
        if kept is not None and now < kept[0]:
            return kept[2]
        entry = f"{self._settings.secrets_prefix}{ENDPOINTS}{name}"
        try:
            text = self._asked(lambda: self._light.get_secret_value(entry))
        except TemporaryError:
            if kept is None or now >= kept[1]:
                raise
            self._secrets[name] = (now + SECRET_AGAIN, *kept[1:])
            return kept[2]
        found = secrets_from_json(text, entry=entry)
        self._secrets[name] = (now + SECRET_AGE, now + SECRET_LASTS, found)
        return found

    def send(self, letters: Sequence[Letter]) -> None:
        """Put the letters on the mailbox, up to ten per call. Raises `TemporaryError` if any may be missing."""
        for batch in batches(letters):
            if self._asked(partial(self._light.send_message_batch, self._settings.mailbox, batch)):
                raise TemporaryError("SQS did not take a part of the batch", ambiguous=True)

    def park(self, body: str) -> None:
        """Put a delivery on the parked queue. Raises `TemporaryError`."""
        self._asked(lambda: self._light.send_message(self._settings.parked, Letter("", "", body)))

    def keep(self, name: str, data: bytes) -> None:
        """Write an object to the archive. Raises `TemporaryError`."""
        self._asked(lambda: self._light.put_object(self._settings.archive, name, data))

    def fetch(self, name: str) -> bytes:
        """Refuse: `receive` only writes to the archive."""
        raise PermanentError(f"receive may not read {name.partition('/')[0]}/")

    def read(self, thread_key: str, after: str) -> list[Shown]:
        """Return what was sent into a thread after a cursor. Raises `PayloadError` for an invalid cursor."""
        from deskwire.ports import outbox

        pk, first = outbox.box(thread_key), outbox.place(outbox.number_of(after))
        items = self._asked(lambda: self._light.query(self._settings.table, pk, first, outbox.MOST))
        return outbox.shown(items)

    def allow(self, name: str, most: int, seconds: int) -> bool:
        """Count a request under `name`; return whether there are at most `most` in the present span of `seconds`.

        If the table cannot be reached, return True: the captcha still protects the form.
        """
        start = int(self._now().timestamp()) // seconds * seconds
        try:
            item = self._light.update_item(
                self._settings.table,
                {"pk": f"R#{compose(name, str(start))}", "sk": "RATE"},
                UpdateExpression="ADD #count :one SET expires = :expires",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues={":one": 1, ":expires": start + 2 * seconds},
                ReturnValues="UPDATED_NEW",
            )
        except TemporaryError:
            return True
        return int(item["count"]) <= most

    def presign(self, key: str, content_type: str, size: int) -> Mapping[str, Any]:
        """Return {url, fields} of a form by which a browser may upload one object of this type, up to this size."""
        made = self._light.presigned_post(
            self._settings.archive,
            key,
            content_type=content_type,
            max_bytes=size,
            expires=UPLOAD_SECONDS,
            now=self._now(),
        )
        return dict(made)

    def _asked(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the call returns
        """Make the call; turn a permanent refusal into a `ConfigurationError`."""
        try:
            return call()
        except PermanentError as error:
            raise ConfigurationError(f"AWS refuses: {error}") from None
