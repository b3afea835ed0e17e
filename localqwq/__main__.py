"""Run the ``localqwq`` command: ``python -m localqwq``."""

import sys

from localqwq.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
