"""JSON as we write it."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from deskwire.model.writing import quoted, write


@given(st.text())
@example('{"text":"a \\"b\\" \\\\ c"}')
@example("\x7f\x00\n\u2028é😀")
def test_a_quoted_text_is_the_json_that_is_written_otherwise(text):
    assert quoted(text) == write(text) == json.dumps(text)
