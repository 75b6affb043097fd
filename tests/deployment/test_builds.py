"""What `sam build` makes: complete, small enough, and with bytecode that Python really uses."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.cloud.stack import ROOT, built, tool

# importlib's magic number of Python 3.13 (3571), fixed since its release candidate.
MAGIC_OF_LAMBDA = (3571).to_bytes(2, "little") + b"\r\n"
FUNCTIONS = ["ReceiveFunction", "ConverseFunction", "SweepFunction", "WatchFunction"]
PACKAGES = [*FUNCTIONS, "DeskwireLayer", "DependenciesLayer"]

# Imports a module, and says which files of the build had to be compiled for it.
IMPORT = """
import importlib, importlib.machinery, json, os, sys
compiled = []
original = importlib.machinery.SourceFileLoader.source_to_code
def source_to_code(self, data, path, **options):
    if str(path).startswith(os.environ["BUILD"]):
        compiled.append(str(path))
    return original(self, data, path, **options)
importlib.machinery.SourceFileLoader.source_to_code = source_to_code
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(compiled))
"""


def imported(python, build, function, *modules):
    """Import as Lambda does: the function's folder, then the layers, nothing writable."""
    path = [build / function, build / "DependenciesLayer" / "python", build / "DeskwireLayer" / "python"]
    run = subprocess.run(
        [python, "-P", "-c", IMPORT, *modules],
        env={
            "BUILD": str(build),
            "PYTHONPATH": ":".join(map(str, path)),
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",  # Lambda sets both
            **dict.fromkeys(("DESKWIRE_TABLE", "DESKWIRE_ARCHIVE"), "name"),
            **dict.fromkeys(("DESKWIRE_MAILBOX", "DESKWIRE_PARKED"), "http://127.0.0.1/queue"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def read_only(tmp_path_factory):
    """The build for this machine, where nothing can be written (for root, at least, no bytecode is there to spare)."""
    directory = tmp_path_factory.mktemp("opt") / "build"
    with built() as host_build:
        for name in PACKAGES:
            shutil.copytree(host_build / name, directory / name)
    for path in [directory, *directory.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield directory
    for path in [directory, *directory.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_built_function_is_imported_without_compiling_anything(read_only, function):
    before = sorted(read_only.rglob("*.pyc"))
    assert imported(tool("ministack", "python"), read_only, function, "app") == []
    assert sorted(read_only.rglob("*.pyc")) == before


def test_every_module_of_the_library_is_imported_from_the_build(read_only):
    layer = read_only / "DeskwireLayer" / "python"
    modules = sorted(
        ".".join(file.relative_to(layer).with_suffix("").parts).removesuffix(".__init__")
        for file in layer.rglob("*.py")
    )
    assert "deskwire.model" in modules
    assert imported(tool("ministack", "python"), read_only, "ReceiveFunction", *modules) == []


def test_the_check_for_compiling_sees_a_module_without_bytecode(read_only, tmp_path):
    build = tmp_path / "build"
    shutil.copytree(read_only, build, ignore=shutil.ignore_patterns("cryptography*", "holidays"))
    for path in [build, *build.rglob("*")]:
        path.chmod(0o755)
    (cached,) = (build / "SweepFunction" / "__pycache__").glob("app.*.pyc")
    cached.unlink()
    assert imported(tool("ministack", "python"), build, "SweepFunction", "json", "app")[-1:] == [
        str(build / "SweepFunction" / "app.py")
    ]


def has_lambdas_python():
    candidates = ["python3.13", *map(str, Path.home().glob(".pyenv/versions/3.13*/bin/python3.13"))]
    for candidate in candidates:
        try:
            subprocess.run([candidate, "-c", ""], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return True
    return False


@pytest.mark.skipif(not has_lambdas_python(), reason="no Python 3.13 runs here, so the build carries no bytecode")
@pytest.mark.parametrize("package", PACKAGES)
def test_lambdas_build_carries_bytecode_that_survives_sams_time_stamps(lambda_build, package):
    sources = sorted((lambda_build / package).rglob("*.py"))
    assert sources
    for source in sources:
        cached = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        header = cached.read_bytes()[:8]
        assert header[:4] == MAGIC_OF_LAMBDA, source
        # PEP 552: bit 0 says "checked by hash, not by time", bit 1 "look at the source", which Lambda need not.
        assert header[4:] == b"\x01\x00\x00\x00", source


def test_lambdas_build_has_compiled_packages_for_lambda_only(lambda_build):
    libraries = [path.name for path in (lambda_build / "DependenciesLayer").rglob("*.so")]
    assert any("pydantic_core" in name for name in libraries)
    tagged = [name for name in libraries if "cpython" in name]
    assert tagged
    assert all("cpython-313-aarch64-linux-gnu" in name for name in tagged)


def test_lambdas_build_fits(lambda_build):
    unzipped = sum(path.stat().st_size for path in lambda_build.rglob("*") if path.is_file())
    assert unzipped < 150 * 1024 * 1024  # Lambda's limit is 250 MB with layers


def test_the_layers_carry_what_they_should_and_nothing_else(lambda_build):
    ours = {path.name for path in (lambda_build / "DeskwireLayer" / "python").iterdir()}
    assert ours == {"deskwire"}
    names = {path.name for path in (lambda_build / "DependenciesLayer" / "python").iterdir()}
    wanted = {"pydantic", "requests", "aws_lambda_powertools", "cryptography", "holidays", "phonenumbers"}
    assert wanted <= names
    assert not names & {"boto3", "botocore", "pip", "bin", "numpy"}  # boto3 comes with Lambda's runtime
    assert not [path for path in (lambda_build / "DependenciesLayer").rglob("tests") if path.is_dir()]
    for function in FUNCTIONS:
        assert {path.name for path in (lambda_build / function).iterdir()} - {"__pycache__"} == {"app.py"}


def test_the_layer_is_locked_with_hashes_and_names_no_index():
    text = (ROOT / "layers" / "dependencies" / "requirements.txt").read_text()
    pinned = re.findall(r"^[a-z0-9].*==", text, re.MULTILINE)
    assert len(pinned) > 10
    for requirement in text.split("\n\n")[0].replace("\\\n", " ").splitlines():
        assert "--hash=sha256:" in requirement, requirement
    for file in [*(ROOT / "requirements").glob("*.txt"), ROOT / "layers" / "dependencies" / "requirements.txt"]:
        assert not re.search(r"://|--(extra-)?index|--find-links", file.read_text()), file


def test_a_build_without_lambdas_python_warns_plainly_and_succeeds(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (source / "app.py").write_text("")
    run = subprocess.run(
        ["make", "--makefile", ROOT / "tools" / "lambda" / "Makefile", "build-SweepFunction", "LAMBDA_COMPILER="],
        cwd=source,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "ARTIFACTS_DIR": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0
    assert "WARNING: no Python 3.13 that runs was found" in run.stderr
    assert [path.name for path in target.iterdir()] == ["app.py"]
