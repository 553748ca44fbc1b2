"""py_ecc's BN254, without what importing it does to Python.

It raises the recursion limit to 100,000. A JSON text that is nested as deeply (a key, a file of a checkpoint,
a node's answer) then runs over the C stack, and the process dies instead of raising RecursionError.
"""

from __future__ import annotations

import sys

from py_ecc import optimized_bn128 as bn

RECURSION_LIMIT = 3000
"""More than the few hundred that multiplications of py_ecc take; a stack of 1 MiB has room for it."""

sys.setrecursionlimit(min(sys.getrecursionlimit(), RECURSION_LIMIT))

__all__ = ["bn"]
