"""The explorer's tests in a browser: makes a chain with claims and the page of it (`world`), and runs
explorer/test/browser with Node's test runner. Chromium has to be there: apt-get install chromium, or
$CHROMIUM.

    python -m scripts.explorer.test [--pictures DIR] [FILE ..]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from scripts import ROOT
from scripts.explorer.chromium import MISSING, chromium
from scripts.explorer.running import TESTS, WorldError, running_world


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
    try:
        with running_world(browser) as environment:
            if arguments.pictures:
                environment["ZKLLM_EXPLORER_PICTURES"] = str(arguments.pictures.resolve())
            runner = ["node", "--test", "--test-reporter=spec", *map(str, files)]
            return subprocess.run(runner, cwd=ROOT, env=environment).returncode
    except WorldError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
