"""``localqwq`` with made suites, for tests that kill it: ``python -m … FOLDER WORDS``."""

import sys
from pathlib import Path

from localqwq.cli.main import main
from localqwq.evals import runner
from localqwq.evals.suite import SUITES
from tests.evals import made_suites

if __name__ == "__main__":
    SUITES.update(made_suites.suites(Path(sys.argv[1])))
    runner._PAUSE = 0
    raise SystemExit(main(sys.argv[2:]))
