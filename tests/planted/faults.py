"""Mistakes of the everyday kind, each one line: a unit, an end, a missing part of a key, a second page, a stale read.

`before` becomes `after` in the source of `module`; one of `tests` must fail then. `make faults` plants them one by one.
The mistakes in what a crash leaves behind are tests/simulation/faults.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    name: str
    module: str  # after `deskwire.` or, with a colon before it, after `cli.`
    before: str
    after: str
    tests: tuple[str, ...]

    def __str__(self):
        return self.name


AWS = ("tests/library/aws", "tests/ports")
LEDGER = ("tests/library/conversation", "tests/stories")
ERASE = ("tests/stories/test_audit_stories.py", "tests/cli/test_erase.py", "tests/stories")
FLOOD = ("tests/stories/test_flood_stories.py",)
CARE = ("tests/library/care", "tests/stories/test_messages_stories.py")

FAULTS = (
    # ------------------------------------------------------------------------------------------- units and ends
    Fault("a time to live in milliseconds", "conversation.ledger",
          "seconds(self.clock()) + KEEP_SECONDS", "(seconds(self.clock()) + KEEP_SECONDS) * 1000", LEDGER),
    Fault("who writes on passes those who wait", "conversation.ledger", ', ("waiting", AtMost(0))]', "]", FLOOD),
    Fault("a page is taken up twice", "conversation.overflow", 'set={"pending": list(pending), "aside": aside}',
          'set={"pending": list(pending)}', FLOOD),
    Fault("what waits behind the list is forgotten by an erasure", "operating.erasing", "if pending or thread.waiting:",
          "if pending:", ("tests/stories/test_audit_stories.py",)),
    Fault("a rate is counted for ever", "aws.edge",
          '":expires": start + 2 * seconds', '":expires": start * 2 * seconds',
          AWS),
    Fault("a rate's span is no span", "aws.edge", "// seconds * seconds", "", AWS),
    Fault("metrics' time stamps in seconds", "telemetry", "int(self._now() * 1000)", "int(self._now())",
          ("tests/library/test_telemetry.py",)),
    Fault("a token is used to its very end", "conversation.tokens",
          "until - int(min(EARLY, token.good_for / 10))", "until + EARLY", ("tests/library/conversation",)),
    Fault("a token's end in minutes", "conversation.tokens",
          "now + int(token.good_for)", "now + int(token.good_for) // 60",
          ("tests/library/conversation",)),
    Fault("a fact's token never expires", "watching.watcher", '"expires": fact.at + TOKEN_SECONDS', '"kept": fact.at',
          ("tests/library/watching",)),
    Fault("a token of watch is forgotten before the stream", "watching.watcher", "3 * 86_400", "3 * 3_600",
          ("tests/library/watching", "tests/library/test_timing.py", "tests/deployment/test_template.py")),
    Fault("the outcome's time in seconds", "operating.replaying", '"done_at": seconds(self.clock()) * 1000',
          '"done_at": seconds(self.clock())', ("tests/cli/test_dead.py",)),
    Fault("the mailbox's age in milliseconds", ":piles", "found.sent_at // 1000", "found.sent_at",
          ("tests/cli/test_dead.py", "tests/cli/test_parked.py")),
    # -------------------------------------------------------------------- bytes taken for characters, text for numbers
    Fault("an entry is measured in characters", "conversation.entries", "len(text.encode()) > most", "len(text) > most",
          ("tests/library/conversation", "tests/stories", "tests/conformance")),
    Fault("a letter is measured in characters", "aws.light",
          "if letter.body.isascii() else len(letter.body.encode())", "", AWS),
    Fault("Zendesk's comments are ordered as text", "helpdesks.zendesk", "int(number) <= int(after)", "number <= after",
          ("tests/connectors/zendesk", "tests/stories/test_answers_stories.py")),
    Fault("two helpdesks share a ticket number", "conversation.table", "compose(helpdesk, ticket)", "compose(ticket)",
          LEDGER),
    Fault("two channels share an author", "conversation.table", 'f"P#{compose(channel, author)}"',
          'f"P#{compose(author)}"', LEDGER),
    Fault("two connections share a definition", "configuration", 'f"C#{compose(channel, account)}"',
          'f"C#{compose(account)}"', ("tests/library", "tests/cli/test_plan_apply.py")),
    Fault("two forms share a rate", "receiving.receiver", "compose(endpoint.name, name)", "name",
          ("tests/library/receiving", "tests/attacks/test_receive_attacks.py", "tests/connectors/webform")),
    Fault("two endpoints share the accounts of their pages", "receiving.receiver",
          "not set(accounts) <= set(known)", "False", ("tests/attacks/test_pages_under_attack.py",)),
    Fault("two accounts share what was sent", "conversation.table", 'f"O#{place}/{compose(platform_id)}"',
          'f"O#{compose(platform_id)}"', LEDGER),
    Fault("two hours share their figures", "watching.watcher",
          ":%Y-%m-%dT%H}", ":%Y-%m-%d}", ("tests/library/watching",)),
    # ------------------------------------------------------------------------------------------------- second pages
    Fault("a partition's second page", "aws.table",
          'if not answer.get("LastEvaluatedKey"):\n                return found',
          "if True:\n                return found", AWS),
    Fault("a table's second page", "aws.table", 'if not answer.get("LastEvaluatedKey"):\n                return\n',
          "if True:\n                return\n", AWS),
    Fault("the eleventh letter of a pile", "aws.operating", "if not messages:", "if True:",
          ("tests/library/aws", "tests/cli/test_dead.py", "tests/cli/test_parked.py")),
    Fault("the eleventh letter of a batch", "aws.queues",
          "range(0, len(letters), 10)", "range(0, min(len(letters), 10), 10)",
          AWS),
    Fault("the archive's second page", "aws.operating", "for page in pages:", "for page in [next(iter(pages))]:", AWS),
    Fault("two letters whose ids begin alike", ":operating",
          "each.id.startswith(name)]", "each.id.startswith(name)][:1]",
          ("tests/cli/test_chosen.py",)),
    # ---------------------------------------------------------------------------------- reads that lag, throttles
    Fault("an item is read as it was", "aws.table", "Key=_typed(key), ConsistentRead=True", "Key=_typed(key)", AWS),
    Fault("a partition is read as it was", "aws.table", "                ConsistentRead=True,\n", "", AWS),
    Fault("a throttle of S3 is taken for nothing there", "aws.queues", '{"NoSuchKey", "404"}',
          '{"NoSuchKey", "404", "SlowDown"}', AWS),
    Fault("a throttle of DynamoDB is taken for a conflict", "aws.table",
          'if code == "ConditionalCheckFailedException":',
          'if code in {"ConditionalCheckFailedException", "ThrottlingException"}:', AWS),
    Fault("a part of a batch that SQS refused", "aws.queues", 'if answer.get("Failed"):', "if False:", AWS),
    # ---------------------------------------------------------------------------- marking before doing, and doubt
    Fault("a dead letter is taken away before it is sent again", "operating.replaying",
          '            self.mailbox.send([Letter(found.group, digest(f"again {found.id}"), found.body)])\n'
          "            pile.remove(found)\n",
          "            pile.remove(found)\n"
          '            self.mailbox.send([Letter(found.group, digest(f"again {found.id}"), found.body)])\n',
          ("tests/library/test_replaying.py",)),
    Fault("a discarded letter is gone before why is kept", "operating.replaying", "        self.table.put(Put(kept))\n",
          "        pile.remove(found)\n        self.table.put(Put(kept))\n", ("tests/library/test_replaying.py",)),
    Fault("what could be read only in part is taken away", "operating.replaying",
          "        if not unreadable:\n", "        if True:\n",
          ("tests/cli/test_parked.py",)),
    Fault("a message is bare before its words are out of the helpdesk", "operating.erasing",
          "if message.done:\n            return (message.ticket or thread.ticket, message.entry)",
          "if True:\n            return (message.ticket or thread.ticket, message.entry)",
          (*ERASE, "tests/simulation")),
    # --------------------------------------------------------------------------------- the brake on automatic answers
    Fault("the day's automatic answers are not counted", "care.acknowledge",
          "situation.automatic_replies >= policy.replies_per_day",
          "situation.automatic_replies > policy.replies_per_day",
          CARE),
    Fault("yesterday's automatic answers count for ever", "conversation.acknowledging", "seconds(turn.now) - at < DAY",
          "True", LEDGER),
    Fault("an agent's answer keeps nobody quiet", "care.acknowledge", "if situation.answered_at is not None and",
          "if False and situation.answered_at is not None and", CARE),
    # ------------------------------------------------------------------------------- letters, tags, names, people
    Fault("STOP in capitals is no wish", "care.words", ".casefold()", "", CARE),
    Fault("sensitive words in public are tagged as in private", "care.triage",
          'tags += ("sensitive-in-public",)', 'tags += ("sensitive",)', CARE),
    Fault("a file's name with a path", "web.media", r're.split(r"[/\\]", text)[-1]', "text", ("tests/library/web",)),
    Fault("a file's name with what is invisible", "web.media", 'unicodedata.category(sign)[0] != "C"', "True",
          ("tests/library/web",)),
    Fault("one person's address on another's ticket", "conversation.entries", "author = author or thread.customer()",
          "author = thread.customer() or author", ("tests/library/conversation/test_customer.py",)),
    Fault("a configuration error is not counted", "dismissing", 'telemetry.count("ConfigurationErrors")', "None",
          ("tests/library/test_dismissing.py",)),
    # ------------------------------------------------------------------------------------ what erasing leaves behind
    Fault("the last reference stays", "operating.erasing", "for epoch in range(thread.epoch + 1)",
          "for epoch in range(thread.epoch)", ERASE),
    Fault("what a page could read stays", "operating.erasing", '[(row["pk"], row["sk"]) for row in',
          '[(row["pk"], row["sk"]) for row in [] and', ERASE),
    Fault("what is archived stays", "operating.erasing",
          'for prefix in ("raw/", "parked/"):', 'for prefix in ("raw/",):',
          ERASE),
    Fault("an id inside another's", "operating.erasing", r'rf"(?<![\w.@+-]){re.escape(name)}(?![\w@-])"',
          "re.escape(name)", ERASE),
)  # fmt: skip
