"""``python -m localqwq`` does what the command ``localqwq`` does."""

import sys

from localqwq.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
