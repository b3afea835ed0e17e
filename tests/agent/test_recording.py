"""A turn with tools is stored as it happens, outlives a kill, and goes on behind it."""

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import psutil
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.agent.blocking import run_blocking
from localqwq.agent.events import CallsMade
from localqwq.agent.functions import function_tool
from localqwq.agent.permission import Allowed, Decision, Denied
from localqwq.agent.recording import Recorder
from localqwq.agent.running import run
from localqwq.agent.turn import AgentTurn, PlannedCall
from localqwq.conversations.buffered import BufferedStore
from localqwq.conversations.exports import to_json, to_markdown
from localqwq.conversations.imports import read
from localqwq.conversations.rounds import INTERRUPTED, NOT_RUN
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Turn, messages
from tests.agent.backends import needs_sandbox
from tests.agent.scripted import Said, Script


def double(value: int) -> int:
    """Double a number."""
    return 2 * value


def decide(planned: PlannedCall) -> Decision:
    """Allow small numbers."""
    return Allowed() if planned.arguments["value"] < 5 else Denied("Too large.")


def recorded(store: Store | BufferedStore, script: Script, stop_after: int | None = None) -> Turn:
    """The turn as it is stored, after all events or after some."""
    begun = store.create("Do it.")
    answer = store.start_answer(begun.id, begun.path()[-1].id, "m")
    recorder = Recorder(store, answer)
    turn = AgentTurn(messages(begun.path()), [function_tool(double)])
    for number, event in enumerate(run_blocking(turn, script.chat, decide)):
        if number == stop_after:
            break
        recorder.take(event)
    return store.get(begun.id).turns[answer.id]


CALLS = st.lists(
    st.tuples(st.sampled_from(["double", "other"]), st.sampled_from(['{"value":1}', "{}", "["])),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25)
@given(st.lists(CALLS, max_size=4), st.sampled_from([Store, BufferedStore]))
def test_what_is_stored_is_what_the_model_read(
    rounds: list[Said], kind: type[Store] | type[BufferedStore]
) -> None:
    """Word for word: the next turn continues the same prompt."""
    script = Script(*rounds, "Done.")
    with kind(Path(":memory:")) as store:
        stored = recorded(store, script)
    assert stored.status == "done"
    assert messages([stored], keep_thoughts=True)[:-1] == script.read[-1][1:]
    assert messages([stored])[-1]["content"] in ("Done.", "So be it.")
    assert len(stored.rounds) == len(script.read) - 1


def test_every_step_is_there_at_once() -> None:
    """Whenever it ends: before the call it is running, afterwards it has its result."""
    script = Script([("double", '{"value": 4}'), ("double", '{"value": 7}')], "8.")
    seen = []
    for number in range(12):
        with Store(Path(":memory:")) as store:
            stored = recorded(store, Script(*script._answers), number)
            assert stored.status == ("done" if stored.text == "8." else "running")
            seen.append([call.status for one in stored.rounds for call in one.calls])
    assert seen[0] == []
    assert ["waiting", "waiting"] in seen
    assert ["running", "waiting"] in seen
    assert ["done", "waiting"] in seen
    assert seen[-1] == ["done", "denied"]


def test_an_end_before_a_decision() -> None:
    """The call did not run, which is certain: neither a person nor the model reads otherwise."""
    with Store(Path(":memory:")) as store:
        begun = store.create("Do it.")
        recorder = Recorder(store, store.start_answer(begun.id, begun.path()[-1].id, "m"))
        turn = AgentTurn(messages(begun.path()), [function_tool(double)])
        script = Script([("double", '{"value": 4}')], "8.")
        for event in run_blocking(turn, script.chat, decide):
            recorder.take(event)
            if isinstance(event, CallsMade):
                break
        stored = store.get(begun.id).path()[-1]
        assert [call.status for one in stored.rounds for call in one.calls] == ["waiting"]
        ended = store.finish(stored.id, "stopped", "", "", stored.measures)
        [call] = ended.rounds[0].calls
        assert (call.status, call.result) == ("not run", NOT_RUN)
        assert messages([ended], keep_thoughts=True)[1]["content"] == NOT_RUN
        one = store.last()
        assert one is not None
        assert NOT_RUN in to_markdown(one, True)
        [imported] = read(to_json(one, True)).conversations
        assert imported.turns[-1].rounds == ended.rounds


def test_results_that_are_no_text() -> None:
    """Such as names of files in another encoding: they are stored as far as they are text."""

    def names() -> str:
        """Return a name."""
        return "a\udcffb"

    with Store(Path(":memory:")) as store:
        begun = store.create("Do it.")
        recorder = Recorder(store, store.start_answer(begun.id, begun.path()[-1].id, "m"))
        turn = AgentTurn(messages(begun.path()), [function_tool(names)])
        script = Script([("names", "{}")], "Done.")
        for event in run_blocking(turn, script.chat, lambda _: Allowed()):
            recorder.take(event)
        [one] = store.get(begun.id).path()[-1].rounds
    assert one.calls[0].result == "a?b"


def test_it_comes_back_from_a_file() -> None:
    """Equal from JSON; readable as Markdown."""
    with Store(Path(":memory:")) as store:
        recorded(store, Script([("double", '{"value": 4}')], "8."))
        one = store.last()
        assert one is not None
        [imported] = read(to_json(one, True)).conversations
        assert [turn.rounds for turn in imported.turns] == [turn.rounds for turn in one.path()]
        text = to_markdown(one, True)
    assert text.index("**double**") < text.index('{"value": 4}') < text.index("8.")


KILLED = """
import asyncio, sys
from contextlib import aclosing
from pathlib import Path
from localqwq.agent.builtin import builtin_tools
from localqwq.agent.events import CallBegan
from localqwq.agent.permission import Permissions
from localqwq.agent.recording import Recorder
from localqwq.agent.running import run
from localqwq.agent.turn import AgentTurn
from localqwq.conversations.store import Store
from localqwq.conversations.turns import messages
from tests.agent.scripted import Script


async def main():
    store = Store(Path(sys.argv[1]))
    begun = store.create("Do it.")
    answer = store.start_answer(begun.id, begun.path()[-1].id, "m")
    recorder = Recorder(store, answer)
    turn = AgentTurn(messages(begun.path()), builtin_tools(["calculator", "run_code"]))
    script = Script([("calculator", '{"expression": "6 * 7"}')], [("run_code", sys.argv[2])])
    permissions = Permissions(yes_to=["run_code"])
    async with aclosing(run(turn, script.chat_async, permissions.decide)) as events:
        async for event in events:
            recorder.take(event)

asyncio.run(main())
"""


@needs_sandbox()
def test_killed_in_the_middle_of_a_call(tmp_path: Path) -> None:
    """The conversation is whole, no process is left, and the turn goes on from there."""
    path, mark = tmp_path / "conversations.sqlite", f"mark-{tmp_path.name}-{id(tmp_path)}"
    code = json.dumps({"code": f"import time; '{mark}'; time.sleep(600)"})
    killed = subprocess.Popen([sys.executable, "-c", KILLED, str(path), code])

    def marked() -> list[psutil.Process]:
        """The processes of the call: the supervisor, and the program."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            words = process.info["cmdline"] or []
            is_one = any(mark in word for word in words) and process.pid != killed.pid
            if is_one and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    while len(marked()) < 2:
        assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    for process in marked():
        process.wait(30)
    with Store(path) as store:
        one = store.last()
        assert one is not None
        lost = one.path()[-1]
        assert lost.status == "lost"
        calls = [call for round_ in lost.rounds for call in round_.calls]
        assert [(call.status, call.result) for call in calls] == [
            ("done", "42"),
            ("interrupted", INTERRUPTED),
        ]
    turn = AgentTurn(messages(one.path()[:-1]), [function_tool(double)])
    turn.resume(lost.rounds)
    script = Script("It was 42.")

    async def allowed(_: PlannedCall) -> Decision:
        return Allowed()

    async def go_on() -> None:
        async with aclosing(run(turn, script.chat_async, allowed)) as events:
            async for _ in events:
                pass

    asyncio.run(go_on())
    read_then = script.read[0]
    assert [message["role"] for message in read_then] == ["user", *(["assistant", "tool"] * 2)]
    assert read_then[2]["content"] == "42"
    assert "interrupted" in read_then[4]["content"]
    assert turn.finish().rounds == 3
