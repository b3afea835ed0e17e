"""The figures in the demo's README belong to its weights."""

from bench.demo_quality import QUANTIZATIONS, README, is_of_this_checkpoint
from localqwq.packs.publish.card_figures import PICTURE_NAME


def test_they_are_of_this_checkpoint() -> None:
    """Measured again whenever the weights change: ``python -m bench.demo_quality``."""
    text = README.read_text("utf-8")
    assert is_of_this_checkpoint(text)
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row in QUANTIZATIONS] == list(QUANTIZATIONS)
    assert README.with_name(PICTURE_NAME).is_file()
