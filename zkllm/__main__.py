import sys

from zkllm.cli import main

sys.exit(main())
