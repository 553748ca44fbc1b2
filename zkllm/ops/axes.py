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
