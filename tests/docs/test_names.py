"""What the documents name is there: parameters, metrics, alarms, log lines, items, options, files, figures."""

import argparse
import json
import re
import shlex

import pytest

from cli.main import _parsed, parser
from deskwire.operating.auditing import ADVICE
from deskwire.telemetry import FIELDS
from deskwire.watching.facts import MEASURED, facts_of
from deskwire.watching.watcher import metric_of
from tests.docs.test_docs import CODE, OPERATING, PAGES, ROOT, TEMPLATE, code
from tests.streams import image

NOW = [page for page in PAGES if "decisions" not in page.parts and page.name != "CHANGELOG.md"]  # those tell of before
OPERATORS = [ROOT / "docs" / name for name in ("operating.md", "security.md", "deploying.md", "parked-and-dead.md")]
SECURITY = (ROOT / "docs" / "security.md").read_text()
FOLDERS = ("layers", "cli", "functions", "tools", "sandbox")
READ = {".py", ".js", ".html", ".yaml", ".toml", ".json", ""}
# What stands on the pages and is others': Meta's permission, states and rights of AWS beyond the template's.
OTHERS = re.compile(
    r"instagram_business_manage_comments|(?:UPDATE_)?ROLLBACK_(?:COMPLETE|FAILED)"
    r"|(?:Create|Delete|Describe|Get|List|Pass|Put|Tag|Untag|Update)[A-Z]\w+"
)
METRICS = re.search(r"Metrics are in the namespace(.*?)\n\n", OPERATING, re.DOTALL)[1]
OUTCOMES = ("filed", "merged", "suppressed", "refused", "dead")
LOOKED_AT = {"BrokenRegistrations", "ExpiringTokens", "SilentConnections"}  # of each connection, once an hour
BY_CONNECTION = re.search(
    r"With the dimensions `stack`, `stage`, `channel` and `connection`(.*?)\n\n", OPERATING, re.DOTALL
)[1]


@pytest.fixture(scope="module")
def words():
    """Every word of what is deployed and run."""
    paths = [path for path in ROOT.iterdir() if path.is_file() and path.suffix in READ]
    for folder in FOLDERS:
        paths += [
            path
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and path.suffix in READ and "__pycache__" not in path.parts
        ]
    found = set()
    for path in paths:
        found.update(re.findall(r"[\w-]+", path.read_text(errors="replace")))
    return found | {part for word in found for part in word.split("-")}


def spans(page):
    """Return what stands between backticks."""
    return {span for part in page.read_text().split("```")[::2] for span in re.findall(r"`([^`]+)`", part)}


def commands(page):
    """Yield each line of `deskwire` in a page's blocks as arguments, and each in its text as what it begins with."""
    for part in page.read_text().split("```")[1::2]:
        for line in part.splitlines():
            for each in re.findall(r"(?:^|\| )deskwire (.+?)(?= \| |$)", line):
                yield shlex.split(each, comments=True), True
    for span in spans(page):
        if span.startswith("deskwire "):
            yield span.split()[1:], False


def options(command):
    """Return the options of a command, those of its actions among them."""
    found = set()
    for action in command._actions:
        found.update(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                found |= options(each)
    return found


@pytest.mark.parametrize("page", NOW, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_command_understands_what_a_page_says_to_it(page):
    (known_commands,) = (each.choices for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    for arguments, whole in commands(page):
        if whole:
            assert _parsed(arguments), arguments
        else:
            given = {each.partition("=")[0] for each in arguments if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", each)}
            command = known_commands.get(arguments[0])
            assert given <= options(command or parser()), arguments


@pytest.mark.parametrize("page", OPERATORS, ids=lambda page: page.name)
def test_every_name_on_an_operator_s_page_is_in_the_code(page, words):
    named = {span for span in spans(page) if re.fullmatch(r"[A-Za-z]\w*", span)}
    policies = {name for name in named if name.endswith("_ARN")} | set(re.findall(r'"Sid": "(\w+)"', page.read_text()))
    assert not {name for name in named - words - policies if not OTHERS.fullmatch(name) and not derived(name)}


def derived(name):
    """Return whether a metric is made of a figure's name."""
    return name in {metric_of(each) for each in re.findall(r'"([a-z_]+)"', CODE)}


@pytest.mark.parametrize("page", NOW, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_parameter_variable_alarm_and_target_that_a_page_names_is_there(page):
    text = code(page)
    alarms = {name for name, made in TEMPLATE["Resources"].items() if made["Type"] == "AWS::CloudWatch::Alarm"}
    assert set(re.findall(r"\b[A-Z]\w+Alarm\b", text)) <= alarms | set(TEMPLATE["Parameters"])
    overrides = " ".join(re.findall(r"--parameter-overrides ([^\n`]+)", text))
    assert set(re.findall(r"\b([A-Z]\w+)=", overrides)) <= set(TEMPLATE["Parameters"])
    sources = [*(ROOT / "cli").rglob("*.py"), *(ROOT / "sandbox").rglob("*.py"), ROOT / "tools" / "lambda" / "Makefile"]
    written = CODE + "".join(path.read_text() for path in (*sources, ROOT / "template.yaml", ROOT / "Makefile"))
    for variable in set(re.findall(r"\bDESKWIRE_[A-Z]+\b", text)):
        assert variable in written, variable
    makefile = (ROOT / "Makefile").read_text()
    for variable in re.findall(r"^make [a-z-]+ ([A-Z]+)=", text, re.MULTILINE):
        assert f"$({variable})" in makefile, variable


@pytest.mark.parametrize("page", NOW, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_is_there(page):
    paths = re.findall(r"`((?:tests|cli|layers|sandbox|functions|docs|tools|events)/[\w./-]*\w)/?`", page.read_text())
    gone = {path for path in paths if not (ROOT / path).exists()}
    assert not {path for path in gone if not re.search(r"NAME|telegram|gorgias|quill", path)}  # the examples'


def test_the_defaults_on_the_page_are_the_template_s():
    rows = dict(re.findall(r"^\| (`[A-Z].*?) \| (.*?) \|", OPERATING.partition("### Alarms")[0], re.MULTILINE))
    told = {
        name: default
        for names, defaults in rows.items()
        for name, default in zip(re.findall(r"`(\w+)`", names), defaults.split(", "), strict=True)
    }
    assert told == {name: str(made["Default"]) or "none" for name, made in TEMPLATE["Parameters"].items()}


def test_the_queries_that_the_page_names_are_on_it():
    (queries,) = re.findall(r"For CloudWatch Logs Insights:\n\n```(.*?)```", OPERATING, re.DOTALL)
    named = {
        name
        for page in OPERATORS
        for name in re.findall(
            r"quer(?:y|ies)\W[^“`|.]{0,25}“([^”]+)”", page.read_text().replace("](#reading-the-logs)", "")
        )
    }
    assert len(named) > 6
    assert not {name for name in named if name not in queries}
    described = {line for made in TEMPLATE["Resources"].values() if made["Type"] == "AWS::CloudWatch::Alarm"
                 for line in re.findall(r'lines "([^"]+)"', made["Properties"]["AlarmDescription"])}  # fmt: skip
    assert described
    assert not {line for line in described if f'"{line}"' not in CODE}


def test_the_page_names_every_field_that_a_log_line_may_have():
    fields = re.search(r"Each line is JSON with(.*?)\n\n", OPERATING, re.DOTALL)[1]
    assert set(re.findall(r"`(\w+)`", fields)) == FIELDS | {"level", "message", "stage"}


def figures():
    """Return the figures that watch counts of a connection: of each outcome, a rating, an answer, what is overdue."""
    thread, since = "messenger/104/77", json.dumps([0, "en", "", "", {"first_after": 60}])
    ended = {"kind": "message", "received_at": "2026-11-02T09:00:00+00:00", "done_at": 0, "figures": since, "rating": 5}
    told = [change(f"T#{thread}", f"M#{thread}/m1", ended | {"state": state}) for state in OUTCOMES]
    told.append(change(f"T#{thread}", "S#reply/1", {"state": "sent", "figures": since, "first_after": 60}))
    told.append(change(f"T#{thread}", "M#reminder/overdue/1", {"state": "recorded"}))
    told.append(change("N#7F3K2-9QXMA", "THREAD", {"thread": thread, "figures": since}))
    return {name for each in told for fact in facts_of(each) for name in fact.counts} | MEASURED


def change(pk, sk, item):
    keys = {"pk": pk, "sk": sk}
    return {"dynamodb": {"Keys": image(keys), "NewImage": image(keys | item), "ApproximateCreationDateTime": 0}}


def test_the_page_names_every_figure_that_is_a_metric_of_a_connection():
    assert set(re.findall(r"`([A-Z]\w+)`", BY_CONNECTION)) == {metric_of(name) for name in figures()} | LOOKED_AT


def test_the_figures_of_the_costs_are_counted():
    alarms = [made for made in TEMPLATE["Resources"].values() if made["Type"] == "AWS::CloudWatch::Alarm"]
    usual = [made for made in alarms if "Condition" not in made]
    assert f"{len(usual)} alarms" in OPERATING
    named = set(re.findall(r"`([A-Z]\w+)`", METRICS)) - {"Deskwire"}
    assert f"most of the {len(named)}, " in OPERATING
    assert f"up to {len(figures() | LOOKED_AT)} for each connection" in OPERATING


def test_every_alarm_says_when_it_is_over():
    for name, made in TEMPLATE["Resources"].items():
        if made["Type"] == "AWS::CloudWatch::Alarm":
            assert made["Properties"].keys() >= {"AlarmActions", "OKActions"}, name


def test_every_state_that_the_audit_names_is_explained():
    page = (ROOT / "docs" / "parked-and-dead.md").read_text()
    table = page.partition("## `deskwire parked`")[0]
    assert set(re.findall(r"^\| ([a-z ]+?) \|", table, re.MULTILINE)) - {"state"} == set(ADVICE)


def test_the_security_page_knows_every_kind_of_item_and_every_place_of_the_archive():
    kept = SECURITY.partition("## What is kept where")[2].partition("\n## ")[0]
    items = set(re.findall(r'return \(f?"([A-Z])#', CODE)) | set(re.findall(r'"pk": f"([A-Z])#', CODE))
    assert items
    assert not {letter for letter in items if f"`{letter}#" not in kept}
    places = set(re.findall(r'"(raw|parked|incoming|originals|lent)/', CODE))
    assert places
    assert not {place for place in places if f"`{place}/`" not in kept}
