"""kill -9 of the app between a call and its result: whole after the restart, and it goes on."""

from pathlib import Path

from localqwq.conversations.rounds import StoredCall
from localqwq.conversations.store import LOST_NOTE
from localqwq.conversations.turns import Turn
from localqwq.locations import conversations_file, settings_file
from tests.chatting import chat, served
from tests.pseudo_terminal import program, stored_turns

ASKING = """
from dataclasses import replace
from localqwq.agent.tool import Effect
from localqwq.agent.tools import calculator
from localqwq.__main__ import main
calculator.TOOL = replace(calculator.TOOL, effect=Effect.CHANGE)
raise SystemExit(main())
"""
"""The app with a calculator that needs permission."""


def calls(turn: Turn) -> list[StoredCall]:
    """The calls of an answer."""
    return [call for one in turn.rounds for call in one.calls]


def kill_at_the_question(server: str) -> None:
    """Start the app, ask, and kill it once the call waits for permission."""
    with program("chat", "--endpoint", server, command=("-c", ASKING)) as app:
        app.until(app.shows("sk something"))
        app.write(b"What is 47 times 86?\r")
        app.until(lambda: len(found := stored_turns()) == 2 and bool(calls(found[1])))


async def test_a_call_that_waited_for_permission(demo_server: str) -> None:
    """It is there as not run, with the thought before it; the answer goes on behind it."""
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text('[sampling]\ntemperature = 0.0\n[agent]\ntools = ["calculator"]\n')
    kill_at_the_question(demo_server)
    _, lost = stored_turns()
    assert (lost.status, lost.note) == ("lost", LOST_NOTE)
    [call] = calls(lost)
    assert (call.name, call.status) == ("calculator", "not run")
    assert "calculator" in lost.rounds[0].thought
    async with chat(served(demo_server), Path(conversations_file())) as again:
        await again.until(again.is_idle)
        await again.until(lambda: "calculator · 47 * 86 → not run" in again.text())
        await again.pilot.press("f8")
        await again.until(lambda: len(again.conversation().turns) == 3 and again.is_idle())
        answer = again.turns()[-1]
        assert answer.status == "done"
        assert answer.text
        assert calls(answer)[0] == call
        await again.until(lambda: "‹ 2/2 ›" in again.text())
