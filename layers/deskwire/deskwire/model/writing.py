"""JSON as we write it: compact, and ASCII, for SQS refuses some characters for ever."""

import json

# `json.dumps` with separators would make an encoder at each call.
write = json.JSONEncoder(separators=(",", ":")).encode
