"""The chat without a screen, on a terminal of its own and with a real engine."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from localqwq.conversations.store import Store
from localqwq.conversations.turns import Draft
from localqwq.locations import conversations_file, packs_directory, settings_file
from localqwq.packs.store.store import Store as Models
from localqwq.settings.file import SettingsFile
from localqwq.tui.plain.chat import ONCE_MORE
from tests.all_models import serving
from tests.chatting import engine_of
from tests.pseudo_terminal import Program, has_answer, program, stored_turns

LEADER = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "localqwq", *sys.argv[1:]])
"""
"""Makes the terminal the one whose Ctrl+C the program gets, as a shell does."""
INVITATION = "You: "


@contextmanager
def plain(*arguments: str, folder: Path | None = None) -> Iterator[Program]:
    """The chat on a terminal that only prints."""
    command = ["-c", LEADER, "chat", *arguments]
    with program(environment={"TERM": "dumb"}, folder=folder, command=command) as shown:
        yield shown


def says(shown: Program, words: str, typed: str = "") -> None:
    """Types something and waits for these words behind it, or behind those before."""
    said = shown.shows(words) if typed else shown.follows(words)
    if typed:
        shown.write(typed.encode())
    shown.until(said)


def leave(shown: Program) -> None:
    """Leaves, and the end is an ordinary one."""
    shown.write(b"/exit\n")
    shown.until(shown.has_ended)
    assert shown.process.returncode == 0


def test_a_conversation_is_read_line_by_line(demo_gguf: Path) -> None:
    """Thought and answer are announced, everything is stored, and nothing moves the cursor."""
    with plain(str(demo_gguf), "--ctx", "512") as shown:
        says(shown, INVITATION)
        says(shown, "End of the answer: ", "What is 12 + 30?\n")
        drawn = shown.drawn.decode().replace("\r\n", "\n")
        thought, answer = drawn.index("\nThinking.\n"), drawn.index("\nAnswer:\n12 + 30 = 42.\n")
        assert thought < drawn.index("\nThought for ") < answer
        assert "\x1b" not in drawn
        assert [turn.status for turn in stored_turns()] == ["done", "done"]
        leave(shown)
    with plain(str(demo_gguf), "--ctx", "512", "--plain") as shown:
        says(shown, "Conversation 1: “What is 12 + 30?”, 2 turns.")
        says(shown, "12 + 30 = 42.", "/read\n")
        says(shown, "Thought:", "/thought\n")
        says(shown, "needs the app's screen", "/settings\n")
        says(shown, "There is no command /nothing.", "/nothing\n")
        leave(shown)


def test_ctrl_c_stops_an_answer_and_twice_leaves(rambler: Path) -> None:
    """What is there is kept; Ctrl+C without an answer says how to leave."""
    with plain(str(rambler), "--ctx", "4096") as shown:
        says(shown, "Thinking.", "Go on\n")
        says(shown, "Stopped in the thought.", "\x03")
        assert [turn.status for turn in stored_turns()] == ["done", "stopped"]
        assert stored_turns()[-1].thought
        says(shown, "Thinking.", "/thoughts\n/regenerate\n")
        says(shown, "Asking for the answer.", "/answer_now\n")
        says(shown, "Stopped", "\x03")
        says(shown, ONCE_MORE, "\x03")
        shown.write(b"\x03")
        shown.until(shown.has_ended)
        assert shown.process.returncode == 0


def test_what_is_typed_early_is_done_in_its_order(demo_server: str) -> None:
    """Prompts wait for the answers before them; lines that come at once are one prompt."""
    with plain("--endpoint", demo_server) as shown:
        shown.write(b"What is 2 + 3?\n")
        shown.until(lambda: len(stored_turns()) == 2 and has_answer())
        shown.write(b"What is 3 + 4?\n/new\nA log:\n\n  What is 4 + 5?\n")
        shown.until(lambda: "A log" in stored_turns()[0].text and has_answer())
        assert stored_turns()[0].text == "A log:\n\n  What is 4 + 5?"
        says(shown, "Conversation 1: “What is 2 + 3?”, 4 turns.", "/open 1\n")
        says(shown, INVITATION)
        shown.write(b'"""\n/new is\n')
        says(shown, "Sent as one prompt: 2 lines.", 'a command"""\n')
        shown.until(lambda: len(stored_turns()) == 6 and has_answer())
        assert stored_turns()[4].text == "/new is\na command"
        leave(shown)


def test_turns_branch_and_go(demo_server: str) -> None:
    """Each command does here what it does in the app."""
    with plain("--endpoint", demo_server) as shown:
        says(shown, "End of the answer", "What is 12 + 30?\n")
        first = stored_turns()[-1].id
        says(shown, "End of the answer", "/regenerate\n")
        assert stored_turns()[-1].id != first
        says(shown, "Branch 1 of 2: ", "/older\n")
        assert stored_turns()[-1].id == first
        says(shown, "Branch 2 of 2: ", "/newer\n")
        says(shown, "End of the answer", "/edit What is 1 + 1?\n")
        assert stored_turns()[0].text == "What is 1 + 1?"
        says(shown, "/undo restores it.", "/remove\n")
        assert stored_turns()[0].text == "What is 12 + 30?"
        shown.write(b"/undo\n")
        shown.until(lambda: stored_turns()[0].text == "What is 1 + 1?")
        says(shown, "2,048 tokens of the context are used.", "/context\n")
        says(shown, "will be stored.", "/temporary\n")
        says(shown, "End of the answer", "What is 5 + 5?\n")
        assert stored_turns()[0].text == "What is 1 + 1?"
        says(shown, "1: What is 12 + 30?, ", "/conversations\n")
        says(shown, "1: What is 12 + 30?", "/conversations larger is 12\n/conversations 12\n")
        leave(shown)


def test_files_are_attached_by_name(demo_server: str, tmp_path: Path) -> None:
    """One that is not there is told of before the prompt is sent; the prompt is kept."""
    (tmp_path / "sum.txt").write_text("12 + 30")
    with plain("--endpoint", demo_server, folder=tmp_path) as shown:
        says(shown, INVITATION)
        says(shown, "Attached: sum.txt, 7 characters.", "What is in @sum.txt?\n")
        says(shown, "End of the answer")
        [attachment] = stored_turns()[0].attachments
        assert (attachment.name, attachment.text) == ("sum.txt", "12 + 30")
        says(shown, "/send sends it.", "And in @nosuch.txt?\n")
        assert b"There is no file nosuch.txt. Not sent.\r\nKept: And in @nosuch.txt?" in shown.drawn
        with Store(conversations_file()) as store:
            shown.until(lambda: store.draft(1) == Draft("And in @nosuch.txt?"))
        says(shown, "End of the answer", "/send\n")
        assert stored_turns()[2].text == "And in @nosuch.txt?"
        leave(shown)


def test_an_answer_elsewhere_rings(rambler: Path) -> None:
    """It goes on while another conversation is open, and says where it is."""
    SettingsFile(settings_file()).change("sampling.max_tokens", 600)
    with plain(str(rambler), "--ctx", "4096", "--threads", "1") as shown:
        says(shown, "Thinking.", "Go on\n")
        engine = engine_of(psutil.Process(shown.process.pid))
        engine.suspend()  # it could be done before the other conversation is open
        says(shown, "A new conversation.", "/new\n")
        engine.resume()
        says(shown, "“Go on” has been answered. /open 1 opens it.\r\n")
        says(shown, "\a")
        says(shown, "Conversation 1: “Go on”, 2 turns.", "/open 1\n")
        leave(shown)


def test_a_pipe_is_read_in_order(demo_server: str) -> None:
    """Each line waits for what the one before it came to, and the end of the lines is the end."""
    lines = "What is 2 + 3?\n/read\n/new\nWhat is 3 + 4?\n"
    command = [sys.executable, "-m", "localqwq", "chat", "--plain", "--endpoint", demo_server]
    done = subprocess.run(
        command, input=lines, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout
    places = [
        said.index("2 + 3 = 5."),
        said.index("Prompt:"),
        said.rindex("A new conversation."),
        said.index("3 + 4 = 7."),
        said.rindex("End of the answer"),
    ]
    assert places == sorted(places)
    assert INVITATION not in said


def test_it_ends_with_a_signal_and_with_its_terminal(rambler: Path) -> None:
    """In the middle of a thought, which is kept."""
    with plain(str(rambler), "--ctx", "4096") as shown:
        says(shown, "Thinking.", "Go on\n")
        shown.process.send_signal(signal.SIGTERM)
        shown.until(shown.has_ended)
        assert shown.process.returncode == 128 + signal.SIGTERM
        assert stored_turns()[-1].status == "stopped"
    with plain(str(rambler), "--ctx", "4096") as shown:
        says(shown, "Thinking.", "Go on\n")
        shown.hang_up()
        assert shown.process.wait(30) == 128 + signal.SIGHUP
    assert stored_turns()[-1].status == "stopped"


def test_a_model_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """As on every command line."""
    with plain(str(tmp_path / "nothing.gguf")) as shown:
        shown.until(shown.has_ended)
        assert shown.process.returncode == 1
        assert b"error: " in shown.drawn
        assert b"nothing.gguf" in shown.drawn


def test_it_needs_no_textual() -> None:
    """What draws screens is not even imported."""
    code = "import sys, localqwq.tui.plain.chat; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not any(name.split(".")[0] == "textual" for name in modules.stdout.split())


def test_the_running_server_ends(demo_gguf: Path) -> None:
    """One line says so, and the model is loaded here for the next prompt."""
    for name in ("first", "second"):
        Models(packs_directory()).add(demo_gguf, name=name)
    with serving("default") as server, plain("second") as shown:
        says(shown, INVITATION)
        says(shown, "End of the answer: ", "What is 12 + 30?\n")
        assert server.states()["second:Q8_0"] == "ready"
        said = shown.follows(
            "The server that had the model has ended, so it is being loaded again."
        )
        server.kill()
        shown.until(said)
        says(shown, "End of the answer: ", "What is 12 + 30?\n")
        assert [turn.status for turn in stored_turns()] == ["done"] * 4
        leave(shown)
