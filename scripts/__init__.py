"""What the Makefile runs, in packages by purpose; each from the root, as `python -m scripts.bench.xl`.

This module and `scripts/audit` need no package: the audit has an environment of its own.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
