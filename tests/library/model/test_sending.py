"""What was sent always has the platform's id of it."""

from __future__ import annotations

import pytest

from deskwire.model.errors import TemporaryError
from deskwire.model.sending import Sent


@pytest.mark.parametrize("ids", [(), ("",), ("m_1", "")])
def test_what_has_no_id_is_not_known_to_be_sent(ids):
    with pytest.raises(TemporaryError) as raised:
        Sent(ids)
    assert raised.value.ambiguous
