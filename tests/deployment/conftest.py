"""The template as data, its builds, and a stack whose functions are probes."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml

from sandbox.cloud.stack import ROOT, Stack, tool


class CloudFormationLoader(yaml.SafeLoader):
    """Reads !Ref, !GetAtt, !Sub and the others as the dictionaries they abbreviate."""


def _long_form(loader, suffix, node):
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    construct = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else loader.construct_mapping
    return {name: construct(node, deep=True)}


CloudFormationLoader.add_multi_constructor("!", _long_form)


@pytest.fixture(scope="session")
def template():
    return yaml.load((ROOT / "template.yaml").read_text(), CloudFormationLoader)


@pytest.fixture(scope="session")
def resources(template):
    def of_type(kind):
        return {
            name: resource.get("Properties", {})
            for name, resource in template["Resources"].items()
            if resource["Type"] == kind
        }

    return of_type


@pytest.fixture(scope="session")
def lambda_build():
    """What `sam build` makes for Lambda, where an operator finds it."""
    run = subprocess.run(
        [tool("sam", "sam"), "build"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("DESKWIRE_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return ROOT / ".aws-sam" / "build"


@pytest.fixture(scope="session")
def probing(tmp_path_factory):
    """Change a built template so that every function is the probe, and nobody empties the mailbox."""
    directory = tmp_path_factory.mktemp("probe")
    with zipfile.ZipFile(directory / "probe.zip", "w") as archive:
        archive.write(Path(__file__).parent / "probe" / "app.py", "app.py")

    def change(template):
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = str(directory / "probe")
                resource["Properties"].pop("Events", None)
        template["Globals"]["Function"].pop("Layers")

    return change


@pytest.fixture(scope="session")
def probes(probing, tmp_path_factory):
    """A deployed stack whose functions do what they are told, with their own roles."""
    directory = tmp_path_factory.mktemp("probes") / "run"
    parameters = {"FromAddress": "help@example.org", "TranscriptDays": "400", "InboundTopic": "inbound-mail"}
    with Stack(change=probing, directory=directory, parameters=parameters, dedupe_seconds=2) as stack:
        yield stack
    shutil.rmtree(directory, ignore_errors=True)
