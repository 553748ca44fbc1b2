"""Shared by all tests."""

from __future__ import annotations

import signal

# A job in a shell's background starts with SIGINT ignored, and so would everything that the tests start. The
# tests of Ctrl-C need it as a terminal gives it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
