import sys

from zkllm.cli import run_alone

sys.exit(run_alone("settle", "python -m zkllm.settle"))
