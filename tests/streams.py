"""The table's stream as Lambda delivers it, and the filter of the template that chooses from it."""

from __future__ import annotations

import base64
import json

import yaml

from deskwire.aws.table import encode
from deskwire.ports.memory import MemoryTable, _copied, _key
from tests.deployment.conftest import ROOT, CloudFormationLoader


class StreamingTable(MemoryTable):
    """The table with its stream, as DynamoDB writes one: nothing for a write that changes nothing."""

    def __init__(self, now):
        super().__init__()
        self.stream = []
        self.now = now

    def _write(self, write):
        key = _key(write)
        old = _copied(self.items.get(key))
        result = super()._write(write)
        new = self.items[key]
        if new != old:
            self._note(key, old, new)
        return result

    def _note(self, key, old, new):
        number = f"{len(self.stream) + 1:024}"
        images = {name: image(item) for name, item in (("OldImage", old), ("NewImage", new)) if item is not None}
        self.stream.append(
            {
                "eventID": f"event-{number}",
                "eventName": "MODIFY" if old else "INSERT",
                "dynamodb": {
                    "Keys": {"pk": {"S": key[0]}, "sk": {"S": key[1]}},
                    "SequenceNumber": number,
                    "ApproximateCreationDateTime": int(self.now().timestamp()),
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                    **images,
                },
            }
        )


def image(item):
    return {name: json.loads(json.dumps(encode(value), default=_base64)) for name, value in item.items()}


def _base64(value):
    return base64.b64encode(bytes(value)).decode()


def patterns(function="WatchFunction"):
    """Return the filters of the template."""
    template = yaml.load((ROOT / "template.yaml").read_text(), CloudFormationLoader)
    mapping = template["Resources"][function]["Properties"]["Events"]["Changes"]["Properties"]
    return [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]


def chosen(stream, function="WatchFunction"):
    """Return the records that reach the function."""
    filters = patterns(function)
    return [record for record in stream if any(matches(record, pattern) for pattern in filters)]


def matches(record, pattern):
    """Tell whether a record has what a pattern names (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html)."""
    for name, wanted in pattern.items():
        found = record.get(name)
        if isinstance(wanted, dict):
            if not matches(found or {}, wanted):
                return False
        elif found is None or not any(_fits(found, each) for each in wanted):
            return False
    return True


def _fits(found, wanted):
    match wanted:
        case {"prefix": prefix}:
            return found.startswith(prefix)
        case {"anything-but": refused}:
            return found not in refused
        case str():
            return found == wanted
    raise AssertionError(f"an operator that this matcher does not know: {wanted}")
