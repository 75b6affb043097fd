"""What the connector reads of Redmine's answers, without a Redmine."""

import json

from deskwire.helpdesks.redmine import Redmine
from deskwire.web.rest import Answer
from tests.connectors.living import reach_of


def test_answers_are_told_apart_by_their_number_and_not_by_its_digits():
    numbers = (9, 10, 99, 100)
    journals = [
        {"id": number, "user": {"id": 5, "name": "Agnes"}, "notes": f"answer {number}", "private_notes": False,
         "created_on": "2026-11-21T08:00:00Z", "details": []}
        for number in numbers
    ]  # fmt: skip
    issue = {"issue": {"id": 7, "journals": journals, "attachments": []}}

    def redmine(call):
        return Answer(200, {}, json.dumps({"user": {"id": 1}} if "users/current" in call.url else issue).encode())

    reach = reach_of(redmine, {"address": "https://redmine.example.com", "project": "help"}, {"api_key": "invented"})
    for after, left in (("", numbers), ("9", (10, 99, 100)), ("99", (100,)), ("100", ())):
        assert [reply.order for reply in Redmine().replies("7", after, reach)] == list(left)
