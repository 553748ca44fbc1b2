"""Every cheat on queries and keys that are wider than words fires exactly its checks, and passes when these
are off."""

from __future__ import annotations

import numpy as np
import pytest

from .cheats import Cheat
from .cheats.llama import config
from .cheats.wide import AT, WIDE_CHEATS
from .scene import wide
from .test_tamper import fires_its_check, passes_without_its_check

pytestmark = pytest.mark.slow


def test_what_heads_read_is_wider_than_words() -> None:
    c, values = config(wide()), wide().values
    for name in AT:
        queries = np.array(values[name])[:, :, : c.group]
        assert np.abs(queries).max() >= 1 << c.act_bits, name
    assert np.abs(np.array(values["qkv"])[:, :, -1]).max() < 1 << c.act_bits - 1


@pytest.mark.parametrize("cheat", WIDE_CHEATS, ids=lambda c: c.name)
def test_cheat_fires_its_check(cheat: Cheat) -> None:
    fires_its_check(cheat)


@pytest.mark.parametrize("cheat", WIDE_CHEATS, ids=lambda c: c.name)
def test_cheat_passes_without_its_check(cheat: Cheat) -> None:
    """Nothing else masks the rule: a missing check would be noticed by the suite."""
    passes_without_its_check(cheat)
