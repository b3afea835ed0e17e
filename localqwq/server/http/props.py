"""``GET /props``: what is served and how, under llama-server's names where it has them."""

from dataclasses import asdict
from typing import Any

from localqwq.engine.llama.version import llama_version
from localqwq.engine.load_options import LoadOptions
from localqwq.gguf.sampling import Sampling
from localqwq.server.engine.messages import State
from localqwq.server.engine.remote import RemoteEngine
from localqwq.version import __version__

_TOLD = (
    "context", "parallel", "gpu_layers", "devices", "tensor_split", "threads", "batch",
    "kv_type", "flash", "rope", "load_mode", "repack",
)  # fmt: skip
"""How the model is loaded; null leaves an option to the engine."""


def props(
    engine: RemoteEngine, state: State, name: str, sampling: Sampling, load: LoadOptions
) -> dict[str, Any]:
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
        "load": {option: getattr(load, option) for option in _TOLD},
        "build_info": f"localqwq {__version__}, llama-cpp-python {llama_version()}",
    }
