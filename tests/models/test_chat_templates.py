"""Templates in place of a model's own; what is wrong with one is told before it is needed."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.engine.engine import Engine
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.request import GenerationRequest
from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.models.chat_templates import chosen_template, described, template_problem
from localqwq.packs.catalogue import entries
from localqwq.reasoning.events import Finish
from localqwq.reasoning.messages import FunctionCall, Message
from localqwq.reasoning.template_probe import traits_of
from localqwq.server.supervision.deaths import speaks_of_shortage
from tests.checkpoints import make_checkpoint

PLAIN = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
BROKEN = "{% for m in messages %}{{ m.content }}"
BUILT_IN = r"qwq, qwen2\.5, qwen3, qwq-32b-preview, r1-0528, r1-distill\."
SAYS = "with --chat-template: a file, or the name of a model in the catalogue."


def test_templates_that_are_built_in(demo_gguf: Path) -> None:
    """There is one for each model of the catalogue, and it works."""
    names = [model.name for model in entries()]
    assert len(names) > 10
    for name in names:
        traits = traits_of(chosen_template(name))
        assert traits.problem is None
        assert traits.calls
    assert chosen_template("QwQ") == read_facts(demo_gguf).chat_template


def test_files(tmp_path: Path) -> None:
    """Jinja, or the JSON that checkpoints have it in; nothing else."""
    jinja, settings = tmp_path / "a.jinja", tmp_path / "tokenizer_config.json"
    jinja.write_text(PLAIN, encoding="utf-8")
    settings.write_text(
        json.dumps({"chat_template": PLAIN, "more": "x" * 99_999}), encoding="utf-8"
    )
    assert chosen_template(str(jinja)) == chosen_template(str(settings)) == PLAIN
    for wrong in (b"\xff", b"", b"x" * 70_000, b"{}"):
        (tmp_path / "b.json").write_bytes(wrong)
        with pytest.raises(LocalqwqError, match=r"b\.json is not a"):
            chosen_template(str(tmp_path / "b.json"))
    listed = [{"name": "tool_use", "template": BROKEN}, {"name": "default", "template": PLAIN}]
    settings.write_text(json.dumps({"chat_template": listed}), encoding="utf-8")
    assert chosen_template(str(settings)) == PLAIN
    settings.write_text(json.dumps({"chat_template": listed[:1]}), encoding="utf-8")
    with pytest.raises(LocalqwqError, match="no text as its chat_template"):
        chosen_template(str(settings))
    jinja.write_text(" \n")
    with pytest.raises(LocalqwqError, match="is empty"):
        chosen_template(str(jinja))
    with pytest.raises(LocalqwqError, match=r"no chat template 'c\.jinja': .* of " + BUILT_IN):
        chosen_template("c.jinja")


def test_what_is_wrong_with_a_template() -> None:
    """A sentence with the way out; with each of the two templates that a model may have."""
    assert template_problem(PLAIN, None) is None
    assert template_problem(None, PLAIN) is None
    for one in ((BROKEN, None), (PLAIN, BROKEN), (None, None), ("{{ 'x' * 10 ** 10 }}", None)):
        assert (template_problem(*one) or "").endswith(SAYS)


def test_a_template_that_takes_all_memory_is_no_lack_of_memory() -> None:
    """Loading the model again with less would not help."""
    problem = template_problem("{{ 'x' * 10 ** 10 }}", None)
    assert problem is not None
    assert "too much memory" in problem
    assert not speaks_of_shortage(problem)


def test_it_is_told_at_load(demo_gguf: Path) -> None:
    """Not at the first question."""
    with pytest.raises(LocalqwqError, match="chat template does not work"):
        Engine.load(demo_gguf, LoadOptions(context=256, chat_template=BROKEN))


def test_another_template_for_a_model(demo_gguf: Path) -> None:
    """It is used, and nothing of the file's own."""
    with Engine.load(demo_gguf, LoadOptions(context=256, chat_template=PLAIN)) as engine:
        assert engine.facts.chat_template == PLAIN
        assert not engine.traits.tools
        request = GenerationRequest(messages=[{"role": "user", "content": "Hi"}], max_tokens=1)
        prompt = engine.prepare(request).prompt
        assert b"".join(map(engine.piece, prompt.tokens)) == b"<user>Hi<assistant>"
        assert isinstance(list(engine.generate(request))[-1], Finish)


def test_it_is_told_at_convert_and_add(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr; the conversion goes on, and another template helps."""
    checkpoint = make_checkpoint(tmp_path / "small")
    path = checkpoint / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    templates = [{"name": "default", "template": BROKEN}, {"name": "tool_use", "template": PLAIN}]
    path.write_text(json.dumps(settings | {"chat_template": templates}), encoding="utf-8")
    pack = tmp_path / "pack"
    assert main(["convert", str(checkpoint), "-o", str(pack), "--quant", "Q8_0"]) == 0
    assert SAYS in capsys.readouterr().err
    facts = read_facts(pack / "small-Q8_0.gguf")
    assert (facts.chat_template, facts.tool_template) == (BROKEN, PLAIN)
    assert main(["models", "add", str(pack)]) == 0
    assert SAYS in capsys.readouterr().err
    jinja = tmp_path / "a.jinja"
    jinja.write_text(PLAIN, encoding="utf-8")
    other = tmp_path / "other"
    command = ["convert", str(checkpoint), "-o", str(other), "--quant", "Q8_0"]
    assert main([*command, "--chat-template", str(jinja)]) == 0
    assert SAYS not in capsys.readouterr().err
    facts = read_facts(other / "small-Q8_0.gguf")
    assert (facts.chat_template, facts.tool_template) == (PLAIN, PLAIN)
    assert described(facts).startswith("no tools (they are described in the system prompt)")


def test_the_template_of_qwen3() -> None:
    """Thoughts stay behind the last question alone, and thinking can be turned off."""
    call: FunctionCall = {"name": "f", "arguments": '{"a": 1}'}
    messages: list[Message] = [
        {"role": "user", "content": "First"},
        {"role": "assistant", "content": "Yes", "reasoning_content": "Hm"},
        {"role": "user", "content": "Second"},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "Well",
            "tool_calls": [{"id": "1", "type": "function", "function": call}],
        },
        {"role": "tool", "content": "3", "tool_call_id": "1"},
    ]
    with closing(TemplateRenderer(chosen_template("qwen3-8b"), bos="", eos="")) as renderer:
        on = "".join(renderer.render(messages, []))
        off = "".join(renderer.render(messages[:1], [], {"enable_thinking": False}))
    assert on == (
        "<|im_start|>user\nFirst<|im_end|>\n<|im_start|>assistant\nYes<|im_end|>\n"
        "<|im_start|>user\nSecond<|im_end|>\n<|im_start|>assistant\n<think>\nWell\n</think>\n\n"
        '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\n3\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert off.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
