"""Amazon Bedrock's Converse and Amazon Comprehend's DetectSentiment, played: strict about what they are asked.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
https://docs.aws.amazon.com/comprehend/latest/APIReference/API_DetectSentiment.html
The model is of the most credulous kind: what a customer's message tells it to answer, it answers. Otherwise it goes by
`SIGNS`. Comprehend does, too, and is sure.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route

SCOPE = (
    r"AWS4-HMAC-SHA256 Credential=\S+/\d{{8}}/[a-z0-9-]+/{}/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{{64}}"
)
MESSAGE = re.compile(r"<message>\n(.*)\n</message>", re.DOTALL)
OBEYED = re.compile(
    r"(?:answer|label|say)\W+(?:that\W+this\W+is\W+|it\W+(?:as\W+)?|with\W+)?[\"“']?([a-z]+)", re.IGNORECASE
)
SIGNS = {
    "complaint": ("ate the lily", "upside down", "expected more", "for the third", "disappoint"),
    "urgent": ("smells of gas", "cannot breathe"),
    "question": ("?",),
    "praise": ("lovely", "delight"),
}
MOODS = {"complaint": "unhappy", "urgent": "unhappy", "praise": "happy"}
LANGUAGES = frozenset({"en", "es", "fr", "de", "it", "pt", "ar", "hi", "ja", "ko", "zh", "zh-TW"})


def label(text: str) -> str:
    """Return the kind that the played machines find in a text."""
    return next((kind for kind, signs in SIGNS.items() if any(sign in text.lower() for sign in signs)), "mention")


class Machines(Neighbour):
    """Both services of one region."""

    name: ClassVar[str] = "machines"

    def __init__(self, *models: str, clock: Clock | None = None) -> None:
        """Know these models."""
        super().__init__(clock)
        self.models = models
        self.read: list[str] = []  # the words that came, as they came

    def authorize(self, asked: Asked) -> Reply | None:
        """Take what is signed for the service."""
        service = "comprehend" if asked.path == "/" else "bedrock"
        if not re.fullmatch(SCOPE.format(service), asked.header("authorization")):
            return _refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        return None

    @route("POST", "/model/{model}/converse")
    def converse(self, asked: Asked, model: str) -> Reply:
        """Label a message by calling the one tool."""
        if model not in self.models:
            return _refused(403, "AccessDeniedException", "You don't have access to the model with the specified ID.")
        body: dict[str, Any] = asked.json()
        (tool,) = body["toolConfig"]["tools"]
        schema = tool["toolSpec"]["inputSchema"]["json"]
        (message,) = body["messages"]
        text = message["content"][0]["text"]
        words = MESSAGE.fullmatch(text)
        if words is None or body["toolConfig"]["toolChoice"] != {"any": {}}:
            return _refused(400, "ValidationException", "The model returned the following errors: malformed input")
        self.read.append(words[1])
        told = OBEYED.search(words[1])
        kinds = schema["properties"]["kind"]["enum"]
        kind = told[1].lower() if told and told[1].lower() in kinds else label(words[1])
        use = {
            "toolUseId": "tooluse_1",
            "name": tool["toolSpec"]["name"],
            "input": {"kind": kind, "mood": MOODS.get(kind, "neutral")},
        }
        tokens = {"inputTokens": (len(body["system"][0]["text"]) + len(text)) // 4 + 120, "outputTokens": 18}
        answer = {
            "output": {"message": {"role": "assistant", "content": [{"toolUse": use}]}},
            "stopReason": "tool_use",
            "usage": {**tokens, "totalTokens": sum(tokens.values())},
            "metrics": {"latencyMs": 310},
        }
        return Reply.json(200, answer)

    @route("POST", "/")
    def detect_sentiment(self, asked: Asked) -> Reply:
        """Say how a text sounds."""
        if asked.header("x-amz-target") != "Comprehend_20171127.DetectSentiment":
            return _refused(400, "UnknownOperationException", "")
        body = asked.json()
        if body["LanguageCode"] not in LANGUAGES:
            return _refused(400, "UnsupportedLanguageException", "")
        if not 0 < len(body["Text"].encode()) <= 5000:
            return _refused(400, "TextSizeLimitExceededException", "")
        self.read.append(body["Text"])
        mood = MOODS.get(label(body["Text"]), "neutral")
        sounds = {"unhappy": "Negative", "happy": "Positive", "neutral": "Neutral"}[mood]
        score = {name: 0.97 if name == sounds else 0.01 for name in ("Mixed", "Negative", "Neutral", "Positive")}
        return Reply.json(200, {"Sentiment": sounds.upper(), "SentimentScore": score})


def _refused(status: int, kind: str, message: str) -> Reply:
    return Reply.json(status, {"message": message}, {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/"})
