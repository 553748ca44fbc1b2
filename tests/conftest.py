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


def skipped_in_ci(config: pytest.Config) -> list[str]:
    """A machine of CI has every tool, if not every instruction (`backends.py`): another test that is skipped
    there is a check that did not run."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter and os.environ.get("CI") else []
    return [r.nodeid for r in skipped if "the processor lacks" not in str(r.longrepr)]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if skipped_in_ci(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """At the end, after the warnings: what CI prints last is what is read."""
    if skipped := skipped_in_ci(config):
        terminalreporter.write_line(f"skipped in CI, which counts as failed: {', '.join(skipped)}")
