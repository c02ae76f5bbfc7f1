"""Entry point of the set-up: ``kit.py COMMAND [arguments]``; started by ``launch``."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from kit import cli, console  # noqa: E402 - found through the line above

if __name__ == "__main__":
    sys.exit(console.guarded(cli.main))
