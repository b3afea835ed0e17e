"""Models as rows, downloads as words, and which model is recommended: pure functions."""

import time
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from localqwq.hardware.machine import Machine
from localqwq.models.offers import Offer, Offered
from localqwq.models.stock import Installed, Stock
from localqwq.packs.catalogue import Entry, entries
from localqwq.packs.download.meter import Progress
from localqwq.packs.download.unfinished import Unfinished
from localqwq.planning.memory import GIB
from localqwq.planning.plan import plan
from localqwq.planning.speed import Speed
from localqwq.tui.session.downloads import Download, State
from localqwq.tui.widgets.models.progress import duration, in_short, lines
from localqwq.tui.widgets.models.rows import Row, View, every, in_brief, sections
from tests.machines import gpu, qwq

TEXT = st.text(max_size=60)
STATES: list[State] = ["running", "pausing", "paused", "failed"]


def progress(done: int, total: int, rate: float) -> Progress:
    """A download on its way."""
    return Progress("downloading", "qwq-32b:Q4_K_M", "Hugging Face", done, total, rate=rate)


@given(TEXT, TEXT, st.integers(0, 1 << 45), st.integers(3, 200), st.booleans(), st.booleans())
def test_a_row_is_never_wider_than_the_list(
    name: str, remark: str, size: int, width: int, used: bool, default: bool
) -> None:
    """Whatever a model is called, and whatever is said of it."""
    row = Row("key", name, size, remark, Installed(name), used=used, default=default)
    drawn = row.draw(width)
    assert drawn.cell_length <= width
    assert drawn.plain.isprintable()


@given(
    st.sampled_from(STATES),
    st.one_of(st.none(), st.builds(progress, *[st.integers(0, 1 << 40)] * 2, st.floats(0, 1e9))),
    st.integers(0, 1 << 40),
    st.integers(0, 1 << 40),
    st.integers(20, 100),
)
def test_every_download_can_be_told(
    state: State, told: Progress | None, came: int, total: int, width: int
) -> None:
    """Bars have the width that there is, and no state is without words."""
    download = Download("qwq-32b:Q4_K_M", state, told, came, "It did not come.")
    assert in_short(download, total)
    said = lines(download, total, width)
    assert all(said)
    assert all(cell_len(line) == width for line in said if line[0] in "█░")


def test_a_stalled_download_shows_no_speed() -> None:
    """The rate of the last bytes says nothing once they have stopped coming."""
    told = replace(progress(1 << 20, 1 << 30, 1e6), at=time.monotonic())
    download = Download("qwq-32b:Q4_K_M", "running", told)
    assert "977 KiB/s" in in_short(download, 0)
    download.progress = replace(told, at=told.at - 42)
    assert in_short(download, 0) == "↓ 0%, nothing received for 42 s"
    assert "nothing received for 42 s" in lines(download, 0, 60)[1]


def test_durations_are_as_long_as_needed() -> None:
    """Seconds, minutes, hours; never zero."""
    assert [duration(seconds) for seconds in (0.2, 42, 95, 7500)] == [
        "1 s",
        "42 s",
        "2 min",
        "2 h 05 min",
    ]


def offered(entry: Entry, speed: float | None, *, memory: int = 64) -> Offered:
    """A model in Q4_K_M, on a machine where it is so fast."""
    machine = Machine("a processor", 8, 16, memory * GIB, memory * GIB)
    made = plan(qwq(), machine)
    offer = Offer(entry, "Q4_K_M", replace(made, speed=Speed(speed, None)))
    return Offered(entry, (offer,), offer)


def recommended(*found: Offered) -> str | None:
    """The name of the model that somebody new is told to begin with."""
    one = Stock(offered=found).recommended
    return one.entry.name if one else None


def test_the_largest_quick_model_that_thinks_is_recommended() -> None:
    """Where none is quick, the smallest; where none fits, none."""
    known = {entry.name: entry for entry in entries()}
    large, small = known["qwq-32b"], known["r1-distill-qwen-1.5b"]
    answers = offered(known["qwen2.5-32b"], 100.0)
    assert recommended(offered(small, 90.0), offered(large, 30.0), answers) == "qwq-32b"
    assert recommended(offered(small, 9.0), offered(large, 0.5)) == "r1-distill-qwen-1.5b"
    assert recommended(offered(small, 0.9), offered(large, 0.1)) == "r1-distill-qwen-1.5b"
    assert recommended(offered(small, None), offered(large, None)) == "r1-distill-qwen-1.5b"
    assert recommended(offered(large, 30.0, memory=4), answers) is None


def test_a_verdict_in_few_cells() -> None:
    """Where the layers are, how much context, how fast; or by how much it is too large."""
    machine = Machine("a processor", 8, 16, 64 * GIB, 60 * GIB, (gpu(23 * GIB),))
    assert in_brief(plan(qwq(), machine)).startswith("65/65 on GPU, 2")
    assert in_brief(plan(qwq(), replace(machine, devices=()))) == "processor, 32k"
    small = replace(machine, devices=(), ram_available=8 * GIB)
    assert in_brief(plan(qwq(), small)).startswith("too large by ")


def test_what_is_downloaded_stays_where_it_is_seen() -> None:
    """The row shows the quantization that comes, whatever else would be best."""
    entry = next(entry for entry in entries() if entry.name == "qwq-32b")
    sizes = dict.fromkeys(("Q8_0", "Q4_K_M", "Q2_K"), 1 << 34)
    entry = entry.model_copy(update={"bytes": sizes})
    offers = tuple(Offer(entry, quant) for quant in entry.bytes)
    stock = Stock(offered=(Offered(entry, offers, offers[1]),))
    paused = Download("qwq-32b:Q8_0", "paused", came=1 << 33)
    [row] = every(sections(stock, View(downloads={"qwq-32b:Q8_0": paused})))
    assert (row.name, row.remark) == ("qwq-32b:Q8_0", "‖ paused at 50%")
    [row] = every(sections(stock, View(quants={"qwq-32b": "Q2_K"})))
    assert row.name == "qwq-32b:Q2_K"


def test_an_interrupted_download_of_a_stranger_is_seen() -> None:
    """It takes room, so it can be thrown away; one of the catalogue has its own row."""
    entry = next(entry for entry in entries() if entry.name == "qwq-32b")
    offers = (Offer(entry, "Q8_0"),)
    one, other = Unfinished("theirs", "Q8_0", 1 << 30), Unfinished("qwq-32b", "Q8_0", 1 << 30)
    stock = Stock(offered=(Offered(entry, offers, offers[0]),), unfinished=(one, other))
    downloads = {item.spec: Download(item.spec, "paused") for item in (one, other)}
    found = sections(stock, View(downloads=downloads))
    assert [(section.title, [row.name for row in section.rows]) for section in found] == [
        ("To download: models that think before they answer", ["qwq-32b:Q8_0"]),
        ("Interrupted downloads from elsewhere", ["theirs:Q8_0"]),
    ]
