"""Read notices delivered by AWS itself (SNS, S3, EventBridge) as requests, beside those of API Gateway.

The endpoint is named as the last part of the source's ARN: a topic's or bucket's name. `source` is that ARN, which the
rule `verification.arn.Arn` checks; a webhook's `source` is an IP address, so it cannot imitate one.
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deskwire.model.errors import PayloadError
from deskwire.web.request import Request

LAST_PART = re.compile(r"[:/]([A-Za-z0-9_.-]+)$")


def from_topics(event: Mapping[str, Any], now: datetime) -> list[Request]:
    """Return a request for each notice in a Lambda event. Raises `PayloadError` for anything else."""
    try:
        if "Records" not in event:
            return [_request(event["resources"][0], json.dumps(event), event["id"], now)]
        return [_record(record, now) for record in event["Records"]]
    except (KeyError, TypeError, AttributeError, IndexError):
        raise PayloadError("neither a request of API Gateway nor a notice of SNS, S3 or EventBridge") from None


def _record(record: Mapping[str, Any], now: datetime) -> Request:
    if record.get("EventSource") == "aws:sns":
        notice = record["Sns"]
        return _request(notice["TopicArn"], notice["Message"], notice["MessageId"], now)
    if record["eventSource"] != "aws:s3":
        raise KeyError
    return _request(
        record["s3"]["bucket"]["arn"], json.dumps(record), record["responseElements"]["x-amz-request-id"], now
    )


def _request(arn: str, body: str, identity: str, now: datetime) -> Request:
    name = LAST_PART.search(arn)
    if name is None or not arn.startswith("arn:"):
        raise KeyError
    headers = {"content-type": "application/json", "x-notice-id": identity}
    return Request(
        method="POST", endpoint=name[1], body=body.encode(), headers=headers, source=arn, url=arn, received_at=now
    )
