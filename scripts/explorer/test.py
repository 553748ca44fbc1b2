"""The explorer's tests in a browser: makes a chain with claims and the page of it (`world`), and runs
explorer/test/browser with Node's test runner. Chromium has to be there: apt-get install chromium, or
$CHROMIUM.

    python -m scripts.explorer.test [--pictures DIR] [FILE ..]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts import ROOT
from scripts.explorer.chromium import MISSING, chromium
from zkllm.explorer import static_folder

TESTS = ROOT / "explorer/test/browser"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=Path, help="where pictures of every page go")
    parser.add_argument("files", nargs="*", type=Path, help="tests to run (default: all)")
    arguments = parser.parse_args()
    files = arguments.files or sorted(TESTS.glob("*.test.js"))
    browser = chromium()
    if browser is None:
        print(MISSING, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "page"
        command = [sys.executable, "-m", "scripts.explorer.world", "--out", str(site)]
        world = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert world.stdin is not None and world.stdout is not None
        try:
            line = world.stdout.readline()
            if not line:
                return world.wait() or 1
            said = json.loads(line) | {"site": str(site), "bare": str(static_folder())}
            environment = {**os.environ, "CHROMIUM": browser, "ZKLLM_EXPLORER_WORLD": json.dumps(said)}
            if arguments.pictures:
                environment["ZKLLM_EXPLORER_PICTURES"] = str(arguments.pictures.resolve())
            runner = ["node", "--test", "--test-reporter=spec", *map(str, files)]
            return subprocess.run(runner, cwd=ROOT, env=environment).returncode
        finally:
            world.stdin.close()
            world.wait()


if __name__ == "__main__":
    sys.exit(main())
