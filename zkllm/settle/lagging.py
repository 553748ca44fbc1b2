"""Behind one URL there may be several nodes, and none of them has to be as far as the one that answered last:
what the chain has shown once is looked for again before it is said not to be there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from zkllm.errors import SettlementError
from zkllm.settle.networks import Network

LOOKS = 15
PAUSE_SECONDS = 1.0
"""Together longer than nodes lag behind one another."""

T = TypeVar("T")


def shown(network: Network, look: Callable[[], T]) -> T:
    """What `look` finds, once that is true; else what it finds last, or says is wrong. A node of this machine
    is alone."""
    for _ in range(0 if network.local_node else LOOKS - 1):
        try:
            found = look()
            if found:
                return found
        except SettlementError:
            pass
        time.sleep(PAUSE_SECONDS)
    return look()
