"""The Chromium of the explorer's tests: $CHROMIUM, or the one on PATH.

    python -m scripts.explorer.chromium

prints its path, or says in a line how to get it, with exit code 1.
"""

from __future__ import annotations

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MISSING = "no Chromium: apt-get install chromium (make chromium does it for root), or set $CHROMIUM to one"


def chromium() -> str | None:
    """Its path; None where there is none."""
    named = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ((named,) if named else NAMES))
    return next((path for path in found if path is not None), None)


def main() -> int:
    found = chromium()
    print(found or MISSING, file=sys.stdout if found else sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
