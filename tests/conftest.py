"""Shared by all tests."""

from __future__ import annotations

import os
import signal

import pytest

# A job in a shell's background starts with SIGINT ignored, and so would everything that the tests start. The
# tests of Ctrl-C need it as a terminal gives it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: at the end, no core waits for one of them."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A machine of CI has every tool, if not every instruction (`backends.py`): another test that is skipped
    there is a check that did not run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    skipped = [r for r in skipped if "the processor lacks" not in str(r.longrepr)]
    if os.environ.get("CI") and skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(
            f"\nskipped in CI, which counts as failed: {', '.join(r.nodeid for r in skipped)}"
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
