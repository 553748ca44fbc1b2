"""What the kernels reach at best on this machine (`zkllm.measure.limits`), as one JSON line.

python -m scripts.bench.limits [--srs-log2 20]
"""

from __future__ import annotations

import argparse
import json

from zkllm._native import field_backend
from zkllm.measure.limits import limits
from zkllm.timings import available_cores


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--srs-log2", type=int, default=20, help="the development SRS to use (default 20)")
    given = parser.parse_args()
    machine = {"backend": field_backend(), "cores": available_cores()}
    print(json.dumps({**machine, "nanoseconds": limits(given.srs_log2)}))


if __name__ == "__main__":
    main()
