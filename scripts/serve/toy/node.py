"""`zkllm`, whose node has the toy's proofs: `python -m scripts.serve.toy.node serve ..`."""

from __future__ import annotations

import sys

from zkllm.cli import main
from zkllm.serve import computing

if __name__ == "__main__":
    computing.WORKER = "scripts.serve.toy.worker"
    sys.exit(main())
