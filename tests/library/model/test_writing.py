"""JSON as we write it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deskwire.model import writing
from deskwire.model.writing import write

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(VALUES)
@example({"text": 'a "b" \\ c', "list": [1, 2.5, None, True, {}], "": []})
@example("\x7f\x00\n\u2028é😀")
def test_what_we_write_is_what_the_standard_library_writes(value):
    assert write(value) == json.dumps(value, separators=(",", ":"))


def test_an_interpreter_without_the_c_encoder_writes_the_same(monkeypatch):
    value = {"text": "é", "list": [1, None]}
    monkeypatch.setattr(writing, "_pieces", None)
    assert write(value) == json.dumps(value, separators=(",", ":"))


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, {("a", "b"): 1}])
def test_what_json_has_no_form_for_is_refused(value):
    with pytest.raises(TypeError):
        write(value)
