"""Two runs must not empty each other's directory."""

import pytest

from sandbox.cloud.stack import Stack, StackError


def test_a_directory_that_another_run_uses_is_left_alone_until_that_has_ended(tmp_path):
    one, other = Stack(directory=tmp_path / "run"), Stack(directory=tmp_path / "run")
    one._claim()
    with pytest.raises(StackError, match="another run"):
        other.start()
    one.stop()
    other._claim()
    other.stop()
