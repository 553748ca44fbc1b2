"""The names of axes that operations agree on.

    l layers            n normalisations (2 l before attention, 2 l + 1 before the MLP, 2 L the last)
    t, u rows           m writes to the residual stream (2 l of attention, 2 l + 1 of the MLP)
    i certified rows    s (row, slot of the vocabulary)
    w, v the vocabulary's slot, and the index in it

The width is three axes: slot, head in the slot, feature of the head; the MLP's inner width is two.
"""

from __future__ import annotations

HEADS = ("c", "h")
WIDTH = (*HEADS, "e")
WIDTH_IN = ("kc", "kh", "ke")  # the width as a summed axis
INNER = ("fc", "f")

RESIDUAL = ("d", "r")
"""The width of the residual stream, where it is not that of all heads' features: slot, and index in it."""
SHARED, OWN = ("b",), ("g",)
"""Heads of keys and values; the queries' heads that share one of them. A query's head is b G + g."""
HEAD = ("z", "c", "j")
"""A head's features: half, slot, and index in it. Feature (1 / 2 of the head) z + j' is turned with its
neighbour in the other half, j' the index of (c, j)."""
PARTLY, PART = ("z", "j", "c"), ("z", "y", "c")
"""The same, and the features that are turned, where these are not all of a head's: those of each half with
the least j' = (j, c), whatever the slots are, so that y is j below a bound."""
