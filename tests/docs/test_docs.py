"""What the documents say is there: links, commands, targets, parameters, alarms, reasons, log lines."""

import argparse
import re
from pathlib import Path
from urllib.parse import unquote

import botocore.session
import pytest
import yaml
from botocore import xform_name

from cli.checking import check
from cli.main import parser
from deskwire.care.acknowledge import Reason

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text()
OPERATING = (ROOT / "docs" / "operating.md").read_text()
CODE = "\n".join(path.read_text() for path in (ROOT / "layers" / "deskwire" / "deskwire").rglob("*.py"))


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms as nothing."""


Template.add_multi_constructor("!", lambda loader, suffix, node: None)
TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Template)


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(page):
    """Return the lines of code on a page: its fenced blocks and what stands between backticks."""
    parts = page.read_text().split("```")
    spans = [span for part in parts[::2] for span in re.findall(r"`([^`]+)`", part)]
    return "\n".join([*parts[1::2], *spans])


def commands():
    """Return the subcommands of `deskwire`."""
    action = next(each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    return set(action.choices)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = page if not path else (page.parent / unquote(path)).resolve()
        if not place.exists() or (anchor and anchor not in anchors(place)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(page):
    text = code(page)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z]+)\b", text, re.MULTILINE)) <= targets
    assert set(re.findall(r"^deskwire ([a-z-]+)\b", text, re.MULTILINE)) <= commands()


AWS_COMMAND = re.compile(r"\baws ([a-z0-9]+) ([a-z0-9-]+)((?:(?!\baws )[^|\n])*)")
OF_THE_CLI = {"query", "output", "region", "profile"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_aws_that_a_page_names_exists_with_its_options(page):
    known = botocore.session.get_session()
    for service, command, rest in AWS_COMMAND.findall(re.sub(r"\\?\n\s+", " ", code(page))):
        if service == "s3" or command == "wait":  # of the command line alone
            continue
        model = known.get_service_model(service.removesuffix("api"))
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        assert command in operations, f"aws {service} {command}"
        options = {xform_name(name, "-") for name in model.operation_model(operations[command]).input_shape.members}
        given = {each.removeprefix("no-") for each in re.findall(r"(?<=\s)--([a-z-]+)", rest)}
        assert given <= options | OF_THE_CLI, f"aws {service} {command}"


def test_the_readme_stays_short():
    assert len(README.splitlines()) < 250


def test_the_readme_s_configuration_has_no_fault_once_it_is_filled_in(tmp_path):
    file = tmp_path / "deskwire.yaml"
    written = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    file.write_text(written)
    assert {fault.reason for fault in check(file).faults} == {
        "“PAGE_ID” stands for the account's own id: put that here"
    }
    file.write_text(written.replace("PAGE_ID", "410000000000001"))
    checked = check(file)
    assert not checked.faults
    assert not checked.hints
    assert set(checked.secrets) == set(re.findall(r"--name deskwire/(\S+)", README))


def test_the_policy_of_the_operating_page_has_no_fault(tmp_path):
    file = tmp_path / "deskwire.yaml"
    file.write_text(re.search(r"```yaml\n(.*?)```", OPERATING, re.DOTALL)[1])
    assert not check(file).faults


def test_the_operating_page_knows_every_parameter_and_every_alarm():
    rows = re.findall(r"^\| (`.*?) \|", OPERATING, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert set(TEMPLATE["Parameters"]) <= told
    alarms = {name for name, made in TEMPLATE["Resources"].items() if made["Type"] == "AWS::CloudWatch::Alarm"}
    assert alarms == {name for name in told if name.endswith("Alarm")} - set(TEMPLATE["Parameters"])


def test_the_operating_page_knows_every_output_it_names_and_every_reason():
    outputs = set(re.findall(r"[oO]utputs? `(\w+)`", README + OPERATING)) | set(re.findall(r"output (\w+)", OPERATING))
    outputs |= set(re.findall(r"`(\w+(?:Address|Url|Name))`", README + OPERATING)) - {"FromAddress"}
    assert outputs - {"text"} <= set(TEMPLATE["Outputs"])
    rows = re.findall(r"^\| (`.*?) \|", OPERATING, re.MULTILINE)
    assert {str(reason) for reason in Reason} <= {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_log_lines_and_metrics_that_are_looked_for_are_written():
    queries = re.findall(r"message (?:= |in \[)([^|#\]]+)", OPERATING)
    messages = {message for query in queries for message in re.findall(r'"([^"]+)"', query.split(" and ")[0])}
    assert messages
    assert not [message for message in messages if f'"{message}"' not in CODE]
    metrics = re.search(r"Metrics are in the namespace(.*?)\n\n", OPERATING, re.DOTALL)[1]
    named = set(re.findall(r"`([A-Z]\w+)`", metrics)) - {"Deskwire"}
    outcomes = {"Filed", "Merged", "Suppressed", "Refused", "Dead"}
    written = set(re.findall(r'count\(\s*"(\w+)"', CODE)) | outcomes
    others = {name for name in named - written if f'"{name}"' in CODE}
    assert named == written | others
