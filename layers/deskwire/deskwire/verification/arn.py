"""AWS's own notices: genuine if they come from the topic, bucket or resource named in the endpoint's settings.

AWS itself checks who may invoke receive (the Lambda permission in template.yaml), so the source's name is sufficient
proof. Only `receiving.topics` sets it; an HTTP request has an IP address in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from deskwire.model.errors import ConfigurationError, SignatureError
from deskwire.model.values import dataclass, replace

from .rule import Context, Verification

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request


@dataclass(frozen=True, slots=True)
class Arn(Verification):
    """Accepts notices from the ARNs in the endpoint's setting `setting`, separated by spaces."""

    setting: str = "source"

    @property
    def headers(self) -> tuple[str, ...]:
        """None: the proof is where the notice comes from."""
        return ()

    def names(self) -> tuple[str, ...]:
        """Return no secret's name."""
        return ()

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Check that the source is one of the endpoint's; return no facts."""
        del secrets
        arns = [arn for arn in context.settings.get(self.setting, "").split() if arn.startswith("arn:")]
        if not arns:
            raise ConfigurationError(
                f"the endpoint's setting “{self.setting}” names no ARN: from where is it notified?"
            )
        if request.source not in arns:
            raise SignatureError(f"the notice is not from an ARN in the endpoint's setting “{self.setting}”")
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Return the request as AWS would send it from the first of the endpoint's sources."""
        del secrets, now
        source = next(iter(request.settings.get(self.setting, "").split()), "")
        return replace(request, source=source)
