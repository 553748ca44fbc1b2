"""Standard output is for results: what threads of Ray's print there is not in them."""

from __future__ import annotations

import json
import sys
import threading

import pytest

from zkllm.cluster.quiet import results_only


def test_what_other_threads_print_is_not_seen(capsys: pytest.CaptureFixture[str]) -> None:
    with results_only():
        for name in ("ray_listen_error_messages", "ray_print_logs", "Thread-7"):
            other = threading.Thread(target=print, args=("(raylet) A worker died",), name=name)
            other.start()
            other.join()
        print(json.dumps({"ok": True}))
        sys.stdout.flush()
    print("after")
    assert capsys.readouterr().out == '{"ok": true}\nafter\n'


def test_a_closed_standard_output_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with results_only():
        assert sys.stdout is None
