"""What is read in the output of a build."""

import pytest

from localqwq.installation.build_log import BuildLog, readable_time, seconds_left


def read(*lines: str) -> BuildLog:
    """A log that took these lines."""
    log = BuildLog()
    for line in lines:
        log.feed(f"{line}\n")
    return log


def test_stages_and_steps() -> None:
    """From the download to the last file, whatever builds inside the build count."""
    log = read("Collecting llama-cpp-python", "  Downloading llama_cpp_python-0.3.36.tar.gz")
    assert log.stage == "downloading its source"
    log = read("  *** Configuring CMake...", "  [3/87] /usr/bin/g++ -c a.cpp", "[9/20] glslc x")
    assert (log.stage, log.done, log.total) == ("compiling", 3, 87)
    log = read("[0/2] cmake -P VerifyGlobs.cmake", "  [1/411] g++ -c a.cpp", "[2/2] ar x")
    assert (log.done, log.total) == (1, 411)
    log = read("[ 12%] Building CXX object a.o", "  *** Installing project into wheel...")
    assert (log.stage, log.done, log.total) == ("packing", 12, 100)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fatal error: error writing to /tmp/x.s: No space left on device", "the disk is full"),
        ("g++: fatal error: Killed signal terminated program cc1plus", "out of memory"),
        ("ERROR: No matching distribution found for gguf", "check the network"),
        ("CMake Error at CMakeLists.txt:3 (project):", ""),
    ],
)
def test_known_causes(line: str, words: str) -> None:
    """A failure that people can mend is told in words; the lines of others are kept."""
    log = read("[1/87] g++ -c a.cpp", line, "ninja: build stopped: subcommand failed.")
    assert words in log.cause
    assert bool(log.cause) == bool(words)
    assert line in log.evidence()


def test_missing_parts_are_named() -> None:
    """As our CMake file prints them, with the toolkit's version where it has one."""
    assert read("  localqwq: missing cublas 13-0").missing == ("cublas", "13-0")
    assert read("  localqwq: missing glslc").missing == ("glslc", "")
    assert read("all is well").missing is None


def test_time_left() -> None:
    """Nothing is guessed from too little; then steps are taken to be alike."""
    assert seconds_left(0, 87, 5) is None
    assert seconds_left(2, 87, 3) is None
    assert seconds_left(29, 87, 60) == pytest.approx(120)
    assert seconds_left(87, 87, 60) == 0
    assert [readable_time(seconds) for seconds in (1, 38, 70, 200)] == [
        "5 s",
        "40 s",
        "1 min",
        "3 min",
    ]
