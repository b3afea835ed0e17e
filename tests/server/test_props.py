"""What the server says about its model."""

import json
from dataclasses import asdict
from pathlib import Path

import httpx2

from localqwq import __version__
from localqwq.gguf.facts import read_facts
from localqwq.reasoning.template_probe import traits_of


def test_what_is_served(http: httpx2.Client, demo_gguf: Path) -> None:
    """The file's own facts, and what the server was started with."""
    props = http.get("/props").json()
    facts = read_facts(demo_gguf)
    assert props["model_alias"] == "demo:Q8_0"
    assert props["model_path"] == demo_gguf.name
    assert props["chat_template"] == facts.chat_template
    assert props["chat_template_tool_use"] is None
    assert props["chat_template_takes"] == asdict(traits_of(facts.chat_template or ""))
    assert props["chat_template_tool_use_takes"] == props["chat_template_takes"]
    assert props["chat_template_takes"]["tools"] is True
    assert props["quantization"] == facts.quant
    assert props["parameters"] == facts.parameters
    assert props["total_slots"] == 4
    assert props["context"] == {
        "tokens": 2048,
        "longest": 2048,
        "original": facts.longest_context,
        "rope_scaling": "model",
        "rope_factor": 1.0,
    }
    settings = props["default_generation_settings"]
    assert settings["n_ctx"] == 2048
    sampling = facts.sampling.as_dict()
    assert settings["params"] == json.loads(json.dumps(sampling))
    assert __version__ in props["build_info"]
    assert str(demo_gguf.parent) not in http.get("/props").text
