"""Programs for which the permissions of files count, whoever runs the tests."""

import ctypes
import os
import sys

_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2


def main(command: list[str]) -> None:
    """Becomes the command, without the right to write everywhere that root has on Linux."""
    if sys.platform == "linux" and os.geteuid() == 0:
        library = ctypes.CDLL(None, use_errno=True)
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            if library.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "the right cannot be given up")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
