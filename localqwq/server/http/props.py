"""``GET /props``: what is served and how, under llama-server's names where it has them."""

import importlib.metadata
from dataclasses import asdict
from typing import Any

from localqwq.gguf.sampling import Sampling
from localqwq.server.engine.messages import State
from localqwq.server.engine.remote import RemoteEngine
from localqwq.version import __version__


def props(engine: RemoteEngine, state: State, name: str, sampling: Sampling) -> dict[str, Any]:
    """Return the current properties; paths on this computer are not disclosed."""
    served = engine.served
    facts, scaling = served.facts, state.rope
    return {
        "model_alias": name,
        "model_path": facts.path.name,
        "architecture": facts.architecture,
        "parameters": facts.parameters,
        "quantization": facts.quant,
        "chat_template": facts.chat_template or "",
        "chat_template_tool_use": facts.tool_template,
        "chat_template_takes": asdict(served.traits),
        "chat_template_tool_use_takes": asdict(served.tool_traits),
        "total_slots": served.parallel,
        "default_generation_settings": {
            "n_ctx": state.context,
            "params": sampling.as_dict(),
        },
        "context": {
            "tokens": state.context,
            "longest": engine.longest,
            "original": facts.rope_original_context or facts.longest_context,
            "rope_scaling": scaling.kind,
            "rope_factor": scaling.factor,
        },
        "build_info": f"localqwq {__version__}, llama-cpp-python "
        f"{importlib.metadata.version('llama_cpp_python')}",
    }
