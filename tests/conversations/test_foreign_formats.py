"""What other programs keep in their exports, and what becomes of it."""

import copy
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.conversations.imported import Imported
from localqwq.conversations.imports import Found, read, read_file
from localqwq.conversations.store import Store
from localqwq.conversations.tally import Kind
from localqwq.conversations.turns import Attachment, Turn, siblings
from localqwq.errors import LocalqwqError


def found(*items: dict[str, Any]) -> Found:
    """What an export with these conversations gives."""
    return read(json.dumps(items))


def only(*items: dict[str, Any]) -> Imported:
    """The one conversation in it."""
    (imported,) = found(*items).conversations
    return imported


def answer(imported: Imported) -> Turn:
    """The turn at which a conversation stands."""
    return next(turn for turn in imported.turns if turn.id == imported.head)


# Open WebUI


def webui(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A chat whose messages follow each other."""
    rows = {
        str(number): {"parentId": str(number - 1) if number else None, **message}
        for number, message in enumerate(messages)
    }
    history = {"messages": rows, "currentId": str(len(rows) - 1)}
    return {"title": "Chat", "chat": {"history": history}, **more}


ASKED = {"role": "user", "content": "Weather?"}
OUTPUT = [
    {
        "type": "reasoning",
        "duration": 4,
        "content": [{"type": "reasoning_text", "text": "I should look."}],
    },
    {
        "type": "function_call",
        "call_id": "c1",
        "name": "search",
        "arguments": '{"q": "weather"}',
    },
    {
        "type": "function_call_output",
        "call_id": "c1",
        "output": [{"type": "input_text", "text": "sunny\n21 °C"}],
    },
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "It is sunny."}]},
    {"type": "message", "content": [{"type": "output_text", "text": "Sunny, 21 °C."}]},
]
STEPS = 'I should look.\n\n→ search {"q": "weather"}\n\n←\nsunny\n21 °C\n\nIt is sunny.'


def test_answers_are_found_in_the_list_of_items() -> None:
    """From version 0.10 on the text of a message is empty."""
    reading = found(webui(ASKED, {"role": "assistant", "content": "", "output": OUTPUT}))
    turn = answer(reading.conversations[0])
    assert (turn.text, turn.thought) == ("Sunny, 21 °C.", STEPS)
    assert turn.measures.thought_seconds == 4.0
    assert reading.tally.came_in() == (
        "1 conversation imported: 1 prompt, 1 answer, 1 thought, 1 tool call"
    )


def test_a_message_that_has_both_is_read_once() -> None:
    """Some versions keep the text beside the items, or everything in the text."""
    both = {"role": "assistant", "content": "Sunny, 21 °C.", "output": OUTPUT}
    turn = answer(only(webui(ASKED, both)))
    assert (turn.text, turn.thought) == ("Sunny, 21 °C.", STEPS)


def test_calls_in_the_text_become_steps() -> None:
    """Between versions 0.6 and 0.10 they were elements with attributes."""
    content = (
        '<details type="reasoning" done="true" duration="3">\n<summary>Thought for 3 seconds'
        "</summary>\n&gt; I should look.\n</details>\n"
        '<details type="tool_calls" done="true" id="c1" name="search" '
        'arguments="&quot;{\\&quot;q\\&quot;: \\&quot;a &lt; b\\&quot;}&quot;" '
        'result="&quot;none&quot;" files="">\n<summary>Tool Executed</summary>\n</details>\n'
        '<details type="code_interpreter" done="true" output="{&quot;stdout&quot;: &quot;2&quot;}">'
        "\n<summary>Analyzed</summary>\n```python\nprint(1+1)\n```\n</details>\nThere is none."
    )
    reading = found(webui(ASKED, {"role": "assistant", "content": content}))
    turn = answer(reading.conversations[0])
    assert turn.text == "There is none."
    assert turn.thought == (
        'I should look.\n\n→ search {"q": "a < b"}\n\n← none\n\n→ code_interpreter\n'
        '```python\nprint(1+1)\n```\n\n← {"stdout": "2"}'
    )
    assert reading.tally.found[Kind.CALL] == 2


@pytest.mark.parametrize(
    ("content", "text", "thought"),
    [
        ("<think>\nHm.\n</think>\n\nYes.", "Yes.", "Hm."),
        ("Hm.\n</think>\nYes.", "Yes.", "Hm."),
        ("<thinking>Hm.</thinking><think>So.</think>Yes.", "Yes.", "Hm.\n\nSo."),
        ("<think>\nHm, and then", "", "Hm, and then"),
        ("<think></think>Yes.", "Yes.", ""),
        ("Use `</think>` here.", "Use `</think>` here.", ""),
        ("Tags: <think>x</think> end.", "Tags: <think>x</think> end.", ""),
        ("```\n</think>\n```", "```\n</think>\n```", ""),
    ],
)
def test_tags_at_the_beginning_are_thoughts(content: str, text: str, thought: str) -> None:
    """What a text says about tags stays in it."""
    turn = only(webui(ASKED, {"role": "assistant", "content": content})).turns[-1]
    assert (turn.text, turn.thought) == (text, thought)


def test_a_tree_may_be_given_from_above_only() -> None:
    """Each message names those behind it, and not the one before."""
    messages = {
        "a": {"role": "user", "content": "a", "childrenIds": ["b", "c"]},
        "b": {"role": "assistant", "content": "b", "childrenIds": []},
        "c": {"role": "assistant", "content": "c", "childrenIds": []},
    }
    imported = only({"chat": {"history": {"messages": messages, "currentId": "b"}}})
    turns = {turn.id: turn for turn in imported.turns}
    assert answer(imported).text == "b"
    assert [turn.text for turn in siblings(turns, answer(imported).id)] == ["b", "c"]
    mapping = {
        "r": {"message": None, "children": ["x"]},
        "x": {"message": said("user", "x"), "children": ["y"]},
        "y": {"message": said("assistant", "y"), "children": []},
    }
    assert answer(only({"mapping": mapping})).text == "y"


def test_sources_errors_and_models_are_kept() -> None:
    """Numbers in an answer lead to something, and a failed answer says why."""
    source = {
        "source": {"name": "Search"},
        "metadata": [
            {"source": "https://a.example/", "name": "A"},
            {"source": "https://b.example/"},
        ],
    }
    model = "hf.co/a-long-name-of-an-organisation/and-of-its-model-with-32B-parameters-GGUF:Q4_K_M"
    first = {"role": "assistant", "content": "So [1][2].", "sources": [source], "model": model}
    failed = {"role": "assistant", "content": "", "error": {"content": "Out of memory"}}
    imported = only(webui(ASKED, first, ASKED, failed))
    assert imported.turns[1].text == (
        "So [1][2].\n\n[1] A https://a.example/\n[2] Search https://b.example/"
    )
    assert imported.turns[1].model == model
    assert imported.turns[-1].note == "Out of memory"


def test_what_open_webui_does_not_hold_is_counted() -> None:
    """Pictures, files without their text, messages of unknown roles."""
    files = [
        {"type": "image", "url": "data:…"},
        {"type": "file", "name": "a.pdf", "file": {"data": {"content": "text"}}},
        {"type": "collection", "name": "b"},
    ]
    parts = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {}}]
    reading = found(
        webui(
            {"role": "user", "content": parts, "files": files}, {"role": "critic", "content": "x"}
        )
    )
    (imported,) = reading.conversations
    assert imported.turns[0].attachments == (Attachment("a.pdf", "text"),)
    assert reading.tally.left_out == Counter({Kind.PICTURE: 2, Kind.FILE: 1, Kind.UNKNOWN: 1})


# ChatGPT


def said(role: str, *parts: object, kind: str = "text", **more: Any) -> dict[str, Any]:
    """A message as ChatGPT exports it."""
    content = {"content_type": kind, "parts": list(parts)}
    return {"author": {"role": role}, "content": content, **more}


def chatgpt(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A conversation whose messages follow each other."""
    mapping = {
        str(number): {"parent": str(number - 1) if number else None, "message": message}
        for number, message in enumerate(messages)
    }
    return {"title": "Chat", "mapping": mapping, "current_node": str(len(messages) - 1), **more}


def test_documents_of_the_canvas_come_along() -> None:
    """As they were after each change."""

    def call(verb: str, **fields: Any) -> dict[str, Any]:
        return said("assistant", json.dumps(fields), recipient=f"canmore.{verb}_textdoc")

    done = said("tool", "Successfully created text document.") | {
        "author": {"role": "tool", "name": "canmore.create_textdoc"}
    }
    change = {"pattern": r"Dear Sir\.", "replacement": "Dear Madam.", "multiple": False}
    everything = {"pattern": ".*", "replacement": "print(1)", "multiple": True}
    reading = found(
        chatgpt(
            said("user", "Write"),
            call("create", name="Letter", type="document", content="Dear Sir.\n\nYours"),
            done,
            said("user", "To a lady"),
            call("update", updates=[change]),
            said("user", "A program"),
            call("create", name="Program", type="code/python", content="x"),
            said("user", "Again"),
            call("update", updates=[everything]),
            said("user", "And"),
            call("update", updates=[{"pattern": "(a+)+$", "replacement": ""}]),
        )
    )
    (imported,) = reading.conversations
    assert [turn.text for turn in imported.turns if turn.role == "assistant"] == [
        "**Letter**\n\nDear Sir.\n\nYours",
        "**Letter**\n\nDear Madam.\n\nYours",
        "**Program**\n\n```\nx\n```",
        "**Program**\n\n```\nprint(1)\n```",
        "",
    ]
    assert imported.turns[-1].thought.startswith("→ canmore.update_textdoc {")
    assert reading.tally.found[Kind.DOCUMENT] == 4


NEW, OLD = "\ue200cite\ue202turn0search0\ue202turn0news1\ue201", "【4†source】"


@pytest.mark.parametrize(
    ("text", "metadata", "shown"),
    [
        (
            f"Paris {NEW}.",
            {"content_references": [{"matched_text": NEW, "alt": "([W](https://w.example))"}]},
            "Paris ([W](https://w.example)).",
        ),
        (
            f"Paris {NEW}.",
            {
                "content_references": [
                    {
                        "matched_text": NEW,
                        "items": [
                            {"title": "A [x]", "url": "https://a.example"},
                            {"url": "https://b.example"},
                        ],
                    }
                ]
            },
            "Paris ([A x](https://a.example), https://b.example).",
        ),
        (f"Paris {NEW}.", {}, "Paris."),
        ("\ue203Paris\ue204 it is", {}, "Paris it is"),
        ('By \ue200entity\ue202["company","ACME","maker"]\ue201.', {}, "By ACME."),
        ("See \ue200url\ue202the page\ue202turn0search0\ue201.", {}, "See the page."),
        (
            f"One {OLD}, two【5†L1-L9】.",
            {
                "citations": [
                    {"start_ix": 19, "metadata": {"title": "B", "url": "https://b.example"}},
                    {"start_ix": 4, "metadata": {"title": "A", "url": "https://a.example"}},
                ]
            },
            "One ([A](https://a.example)), two ([B](https://b.example)).",
        ),
        (f"One {OLD}.", {"citations": [{"start_ix": "x"}]}, "One."),
        ("In Kanji 【重要】 stays.", {}, "In Kanji 【重要】 stays."),
    ],
)
def test_marks_of_sources_become_links_or_go(
    text: str, metadata: dict[str, Any], shown: str
) -> None:
    """Nobody sees the signs for private use that they are made of."""
    messages = said("user", "?"), said("assistant", text, metadata=metadata)
    assert answer(only(chatgpt(*messages))).text == shown


def test_what_chatgpt_keeps_elsewhere_is_read() -> None:
    """Code, results, instructions, the model of the conversation, and how long a thought took."""
    thoughts = {
        "author": {"role": "assistant"},
        "content": {"content_type": "thoughts", "thoughts": [{"summary": "Plan"}]},
    }
    recap = {
        "author": {"role": "assistant"},
        "content": {"content_type": "reasoning_recap", "content": "Thought for 12s"},
        "metadata": {"finished_duration_sec": 12},
    }
    code = {
        "author": {"role": "assistant"},
        "content": {"content_type": "code", "language": "python", "text": "1+1"},
        "recipient": "python",
    }
    output = {
        "author": {"role": "tool", "name": "python"},
        "content": {"content_type": "execution_output", "text": "2"},
    }
    quote = {
        "author": {"role": "tool", "name": "browser"},
        "content": {"content_type": "tether_quote", "url": "x", "text": "quoted"},
    }
    instructions = {
        "author": {"role": "user"},
        "content": {
            "content_type": "user_editable_context",
            "user_profile": "I am a cook.",
            "user_instructions": "Be brief.",
        },
        "metadata": {"is_visually_hidden_from_conversation": True},
    }
    reading = found(
        chatgpt(
            instructions,
            said("user", "How many?"),
            thoughts,
            recap,
            code,
            output,
            quote,
            said("assistant", "2."),
            default_model_slug="o3",
        )
    )
    (imported,) = reading.conversations
    turn = answer(imported)
    assert (turn.text, turn.model) == ("2.", "o3")
    assert turn.thought == "Plan\n\n→ python 1+1\n\n← 2\n\n← quoted"
    assert turn.measures.thought_seconds == 12.0
    assert imported.system == "I am a cook.\n\nBe brief."
    assert not reading.tally.left_out


def test_what_chatgpt_does_not_hold_is_counted() -> None:
    """Pictures leave a word, files their name; hidden and unknown messages are left out."""
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file://x"}
    speech = [
        {"content_type": "audio_transcription", "text": "spoken"},
        {"content_type": "audio_asset_pointer"},
    ]
    hidden = {"is_visually_hidden_from_conversation": True}
    attached = {
        "attachments": [
            {"name": "a.pdf", "mime_type": "application/pdf"},
            {"name": "x.png", "mime_type": "image/png"},
        ]
    }
    drawn = said("tool", picture, kind="multimodal_text")
    reading = found(
        chatgpt(
            said("user", picture, "What?", kind="multimodal_text", metadata=attached),
            said("assistant", "hidden", metadata=hidden),
            drawn,
            said("user", *speech, kind="multimodal_text"),
            said("critic", "x"),
            {"author": {"role": "assistant"}, "content": {"content_type": "hologram"}},
        ),
        {"title": "Nothing", "mapping": {"r": {"message": None}}},
        {"unknown": 1},
    )
    (imported,) = reading.conversations
    assert [turn.text for turn in imported.turns] == [
        "[picture]\n\nWhat?\n\n[file: a.pdf]",
        "[picture]",
        "spoken",
    ]
    assert reading.tally.left_out == Counter(
        {
            Kind.PICTURE: 2,
            Kind.RECORDING: 1,
            Kind.FILE: 1,
            Kind.HIDDEN: 1,
            Kind.UNKNOWN: 2,
            Kind.EMPTY: 1,
            Kind.OTHER: 1,
        }
    )
    assert reading.tally.stayed_out() == (
        "left out: 2 pictures, 1 voice recording, 1 file that is not in the export, 1 hidden "
        "message, 2 messages of unknown kinds, 1 empty conversation, 1 entry that is not a "
        "conversation"
    )


def test_messages_that_nothing_leads_to_are_counted() -> None:
    """Those in a ring, which no first message reaches."""
    ring = {"p": {"parent": "q", "message": said("user", "p")}} | {
        "q": {"parent": "p", "message": said("user", "q")}
    }
    reading = found({"mapping": {"a": {"message": said("user", "a")}} | ring})
    assert reading.tally.left_out == Counter({Kind.UNREACHED: 2})


# Claude


def claude(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A conversation as Claude exports it."""
    return {"uuid": "u", "name": "Chat", "chat_messages": list(messages), **more}


def test_claudes_conversations_are_read() -> None:
    """Thoughts, calls, documents and pasted texts, in the branch that was seen last."""
    root = "00000000-0000-4000-8000-000000000000"
    asked = {
        "uuid": "a",
        "parent_message_uuid": root,
        "sender": "human",
        "text": "",
        "content": [{"type": "text", "text": "Look"}],
        "created_at": "2026-03-29T07:06:35.552627Z",
        "attachments": [{"file_name": "", "extracted_content": "pasted"}, {"file_name": "x.pdf"}],
        "files": [{"file_name": "p.png"}, {"file_name": "x.pdf"}],
    }
    blocks: list[dict[str, Any]] = [
        {
            "type": "thinking",
            "thinking": "Hm.",
            "start_timestamp": "2026-03-29T07:06:36Z",
            "stop_timestamp": "2026-03-29T07:06:38Z",
        },
        {"type": "tool_use", "name": "web_search", "input": {"query": "q"}},
        {"type": "tool_result", "name": "web_search", "content": [{"type": "text", "text": "r"}]},
        {
            "type": "tool_use",
            "name": "artifacts",
            "input": {"id": "d", "type": "text/markdown", "title": "Doc", "content": "# One"},
        },
        {"type": "tool_result", "name": "artifacts", "content": [{"type": "text", "text": "OK"}]},
        {
            "type": "tool_use",
            "name": "artifacts",
            "input": {"id": "d", "command": "update", "old_str": "One", "new_str": "Two"},
        },
        {"type": "token_budget"},
        {"type": "text", "text": "Done."},
        {"type": "hologram"},
    ]
    first = {"uuid": "b", "parent_message_uuid": "a", "sender": "assistant", "content": blocks}
    other = {"uuid": "c", "parent_message_uuid": "a", "sender": "assistant", "text": "Other."}
    reading = found(
        claude(
            asked,
            first,
            other,
            current_leaf_message_uuid="b",
            model="claude-x",
            is_starred=True,
            created_at="2026-03-29T07:06:34Z",
            updated_at="2026-03-29T08:00:00Z",
        )
    )
    (imported,) = reading.conversations
    turn = answer(imported)
    assert turn.text == "**Doc**\n\n# One\n\n**Doc**\n\n# Two\n\nDone."
    assert turn.thought == 'Hm.\n\n→ web_search {"query": "q"}\n\n← r'
    assert (turn.model, turn.measures.thought_seconds) == ("claude-x", 2.0)
    assert imported.turns[0].attachments == (Attachment("Pasted text 1", "pasted"),)
    assert imported.turns[0].created == 1774767995.552627
    assert (imported.pinned, imported.updated - imported.created) == (True, 3206.0)
    assert [each.text for each in imported.turns if each.parent == 1] == [turn.text, "Other."]
    assert reading.tally.left_out == Counter({Kind.FILE: 1, Kind.PICTURE: 1, Kind.UNKNOWN: 1})
    assert (reading.tally.found[Kind.DOCUMENT], reading.tally.found[Kind.CALL]) == (2, 1)


def test_claudes_older_conversations_are_rows() -> None:
    """Without a tree, and with the text beside empty blocks."""
    imported = only(claude({"sender": "human", "text": "a"}, {"sender": "assistant", "text": "b"}))
    assert [(turn.parent, turn.text) for turn in imported.turns] == [(None, "a"), (1, "b")]


# Whatever is in them

JUNK = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    *(st.just({}), st.just([]), st.just("0"), st.just("tool_use")),
    *(st.just([{"a": None}]), st.just([[]]), st.just({"text": 1})),
)
SAMPLES: list[dict[str, Any]] = [
    webui(
        ASKED,
        {"role": "assistant", "content": "", "output": OUTPUT, "files": [{"file": {}}]},
        {"role": "assistant", "content": "[1]", "sources": [{"source": {}, "metadata": [{}]}]},
    ),
    chatgpt(
        said("user", {"content_type": "image"}, metadata={"attachments": [{"name": "x"}]}),
        said("assistant", '{"content": "x"}', recipient="canmore.create_textdoc"),
        said("assistant", '{"updates": [{"pattern": "x"}]}', recipient="canmore.update_textdoc"),
        said(
            "assistant",
            "a\ue200cite\ue202x\ue201【1†s】",
            metadata={
                "content_references": [{"matched_text": "\ue200cite\ue202x\ue201", "items": [{}]}],
                "citations": [{"start_ix": 1, "metadata": {"url": "x"}}],
            },
        ),
        {
            "author": {"role": "tool", "name": "x"},
            "content": {"content_type": "x", "text": "y"},
            "metadata": {"chatgpt_sdk": {"widget_state": '{"report_message": {}}'}},
        },
    ),
    claude(
        {
            "uuid": "a",
            "parent_message_uuid": "b",
            "sender": "human",
            "content": [{"type": "tool_use", "input": {}}, {"type": "tool_result", "content": []}],
            "attachments": [{"file_name": "x"}],
            "files": [{}],
        }
    ),
]


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SAMPLES), st.data())
def test_any_field_may_be_anything(sample: dict[str, Any], data: st.DataObject) -> None:
    """A field of another type than expected leaves something out and breaks nothing."""
    document = copy.deepcopy(sample)
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = document
        while True:
            keys = range(len(place)) if isinstance(place, list) else sorted(place)
            key = data.draw(st.sampled_from(list(keys)))
            deeper = isinstance(place[key], dict | list) and place[key]
            if not deeper or data.draw(st.integers(0, 5)) == 0:
                place[key] = copy.deepcopy(data.draw(JUNK))
                break
            place = place[key]
    try:
        reading = read(json.dumps([document]))
    except LocalqwqError:
        return
    with Store(Path(":memory:")) as store:
        for imported in reading.conversations:
            assert store.get(store.add_imported(imported)).path()
    assert reading.tally.came_in()


# Files


def test_a_zip_of_many_parts_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Empty parts are nothing, broken ones are named, and what macOS adds is not looked at."""
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2):
            item = chatgpt(said("user", f"question {number}"), conversation_id=f"id{number}")
            archive.writestr(f"export/conversations-00{number}.json", json.dumps([item]))
        archive.writestr("export/conversations-002.json", "")
        archive.writestr("export/conversations-003.json", "[]")
        archive.writestr("export/conversations-004.json", '[{"mapping"')
        again = chatgpt(said("user", "question 0"), conversation_id="id0")
        archive.writestr("export/conversations-005.json", json.dumps([again]))
        archive.writestr("export/conversations-006.json", "damaged")
        archive.writestr("__MACOSX/export/._conversations-000.json", b"\0\5")
        archive.writestr("export/._conversations.json", b"\0\5")
    path.write_bytes(path.read_bytes().replace(b"damaged", b"Damaged"))
    reading = read_file(path)
    assert [each.turns[0].text for each in reading.conversations] == ["question 0", "question 1"]
    assert list(reading.tally.problems) == [
        "export/conversations-004.json",
        "export/conversations-006.json",
    ]
    assert reading.tally.problems["export/conversations-006.json"] == "is damaged"
    assert "export/conversations-004.json, which is not JSON" in reading.tally.stayed_out()
    assert reading.tally.left_out == Counter({Kind.TWICE: 1})


def test_a_zip_in_which_all_is_broken_is_named(tmp_path: Path) -> None:
    """The sentence names the parts."""
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("conversations.json", "[")
    with pytest.raises(LocalqwqError, match=r"cannot be read: conversations\.json is not JSON"):
        read_file(path)


def test_lists_inside_of_an_object_are_found() -> None:
    """Some programs put a name around the list."""
    chat = webui(ASKED, {"role": "assistant", "content": "Sunny."})
    for name in ("conversations", "chats", "data"):
        assert len(read(json.dumps({name: [chat]})).conversations) == 1
    assert len(read(json.dumps(chat["chat"])).conversations) == 1
