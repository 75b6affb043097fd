"""The tool that holds recorded exchanges against a vendor's published API description."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "described.py"
spec = importlib.util.spec_from_file_location("described", SCRIPT)
described = importlib.util.module_from_spec(spec)
sys.modules["described"] = described  # its dataclasses look themselves up
spec.loader.exec_module(described)

DESCRIPTION = """
openapi: 3.0.3
info: {title: Lamps, version: 2026-11-02}
servers: [{url: "https://{shop}.lamps.example/api"}]
paths:
  /lamps/{id}:
    parameters: [{$ref: '#/components/parameters/Deep'}]
    get:
      parameters: [{name: size, in: query, schema: {type: integer, maximum: 100}}]
      responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/Shown'}}}}}
  /lamps/new:
    post:
      requestBody: {content: {application/json: {schema: {properties: {lamp: {$ref: '#/components/schemas/Lamp'}}}}}}
      responses: {2XX: {content: {application/json: {schema: {$ref: '#/components/schemas/Shown'}}}}}
  /forms:
    post:
      requestBody: {content: {application/x-www-form-urlencoded: {schema: {properties: {watts: {type: integer}}}}}}
      responses: {'204': {description: nothing}}
components:
  parameters:
    Deep: {name: page, in: query, style: deepObject, schema: {type: object}}
  schemas:
    Shown: {type: object, properties: {lamp: {$ref: '#/components/schemas/Lamp'}}}
    Lamp:
      required: [id, name]
      allOf:
      - {type: object, properties: {id: {type: integer, readOnly: true}, name: {type: string, nullable: true}}}
      - type: object
        properties:
          color: {type: string, enum: [red, =]}
          made: {type: string, format: date}
          key: {type: string, writeOnly: true}
          tags: {type: array, items: {type: string}}
          free: {type: object, additionalProperties: true}
          inner: {$ref: '#/components/schemas/Lamp'}
"""


def step(method="POST", path="lamps/new", sent=None, status=201, shown=None):
    request = {"method": method, "url": f"https://acme.lamps.example/api/{path}"} | ({"body": sent} if sent else {})
    return {"request": request, "answer": {"status": status, "body": shown or {}}}


def faults(tmp_path, *steps, ending=""):
    (tmp_path / "lamps.yaml").write_text(DESCRIPTION)
    (tmp_path / "one.json").write_text(json.dumps({"steps": steps}))
    comparison = described.compared(*described.loaded([tmp_path], ending))
    return [each.partition(": ")[2] for each in (*comparison.faults, *comparison.elsewhere)]


@pytest.mark.parametrize(
    ("lamp", "said"),
    [
        ({"name": "Desk", "color": "red", "tags": ["a"], "free": {"any": 1}, "key": "k", "made": "2026-11-02"}, []),
        ({"name": None, "color": "="}, []),
        ({"name": "Desk", "colour": "red"}, ["lamp.colour: not described"]),
        ({"name": "Desk", "inner": {"name": "x", "other": 1}}, ["lamp.inner.other: not described"]),
        ({"name": 5, "color": "red"}, ["lamp.name: 5 is described as string"]),
        ({"color": "red"}, ["lamp: 'name' is a required property"]),
        ({"name": "Desk", "color": "blue"}, ["lamp.color: \"blue\" is none of ['red', '=']"]),
        ({"name": "Desk", "made": "yesterday"}, ['lamp.made: "yesterday" is not as format says: date']),
        ({"name": "Desk", "tags": "a"}, ['lamp.tags: "a" is described as array']),
        ({"name": "Desk", "id": 7}, ["lamp.id: not in this direction (read-only or write-only)"]),
    ],
)
def test_a_requests_body_is_held_against_its_schema(tmp_path, lamp, said):
    assert faults(tmp_path, step(sent={"lamp": lamp})) == said


@pytest.mark.parametrize(
    ("lamp", "said"),
    [
        ({"id": 7}, []),  # what is missing was not read
        ({"id": "7"}, ['lamp.id: "7" is described as integer']),
        ({"id": 7, "colour": "red"}, ["lamp.colour: not described"]),
        ({"id": 7, "key": "k"}, ["lamp.key: not in this direction (read-only or write-only)"]),
    ],
)
def test_an_answers_body_is_held_against_its_schema(tmp_path, lamp, said):
    assert faults(tmp_path, step(shown={"lamp": lamp})) == said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("lamps/7?size=100&page%5Bafter%5D=x", []),
        ("lamps/7?size=101", ["?size= the whole: 101 is not as maximum says: 100"]),
        ("lamps/7?sort=name", ["?sort= is not described"]),
        ("lamps/7/parts", ["the path is not described"]),
        ("lamps/7.json", []),
    ],
)
def test_paths_and_queries_are_held_against_the_description(tmp_path, path, said):
    assert faults(tmp_path, step("GET", path, status=200)) == said


def test_a_path_without_variables_goes_first_and_its_method_counts(tmp_path):
    assert faults(tmp_path, step("POST", "lamps/7", {"a": 1})) == ["the method is not described"]
    assert faults(tmp_path, step("POST", "lamps/new", {"lamp": {"name": "Desk"}})) == []


def test_an_ending_is_taken_only_where_it_is_named(tmp_path):
    sent = {"lamp": {"name": "Desk"}}
    assert faults(tmp_path, step(path="lamps/new.json", sent=sent), ending=".json") == []
    assert faults(tmp_path, step(path="lamps/new.json", sent=sent)) == ["the method is not described"]


def test_a_forms_values_are_read_as_what_they_are_described_as(tmp_path):
    assert faults(tmp_path, step(path="forms", sent={"watts": "7"}, status=204)) == []
    assert faults(tmp_path, step(path="forms", sent={"watts": "many"}, status=204)) == [
        'watts: "many" is described as integer'
    ]
    assert faults(tmp_path, step(path="forms", sent={"volts": "7"}, status=204)) == ["the whole.volts: not described"]


def test_a_success_that_is_not_described_is_told_and_an_error_is_not(tmp_path):
    assert faults(tmp_path, step(path="forms", status=202)) == ["this status is not described"]
    assert faults(tmp_path, step(path="forms", status=422, shown={"error": "RecordInvalid"})) == []
