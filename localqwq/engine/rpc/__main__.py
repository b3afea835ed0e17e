"""Lend this machine's devices to another one: ``python -m localqwq.engine.rpc``."""

import sys

from localqwq.engine.rpc.lend import main

if __name__ == "__main__":
    sys.exit(main())
