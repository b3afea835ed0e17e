"""All settings, and which of them a conversation may override."""

from typing import Any

from pydantic import Field, field_validator

from localqwq.settings.sections import (
    AgentSettings,
    AppearanceSettings,
    EndpointSettings,
    ModelSettings,
    Name,
    PromptSettings,
    ResponseSettings,
    SamplingSettings,
    Section,
    ServingSettings,
    StateSettings,
    ThinkingSettings,
    WorkSettings,
)

OVERRIDABLE = ("sampling", "thinking", "prompts.system", "prompts.preset", "agent.tools")
"""Sections and settings that a conversation may override."""


class Settings(Section):
    """All settings. The defaults apply if the settings were never opened."""

    model: str | None = Field(default=None, examples=["qwq-32b:Q4_K_M"])
    """The model to start with: the path of a .gguf file, NAME, NAME:QUANT, or demo; empty: the best
    installed one that fits.
    """
    endpoint: str | None = Field(default=None, examples=["my-server"])
    """The name of the endpoint to use; empty: the model on this machine."""
    # Not checked, which would need each section's validator at every start.
    sampling: SamplingSettings = SamplingSettings.model_construct()
    thinking: ThinkingSettings = ThinkingSettings.model_construct()
    prompts: PromptSettings = PromptSettings.model_construct()
    appearance: AppearanceSettings = AppearanceSettings.model_construct()
    work: WorkSettings = WorkSettings.model_construct()
    agent: AgentSettings = AgentSettings.model_construct()
    states: StateSettings = StateSettings.model_construct()
    serving: ServingSettings = ServingSettings.model_construct()
    responses: ResponseSettings = ResponseSettings.model_construct()
    models: dict[Name, ModelSettings] = Field(default_factory=dict)
    """How models are loaded, by NAME or NAME:QUANT, such as `[models."qwq-32b"]`."""
    keys: dict[Name, Name] = Field(default_factory=dict)
    """Keys of commands, by the command's id, such as `answer_now = "ctrl+y"`."""
    endpoints: list[EndpointSettings] = Field(default_factory=list)
    """Servers to chat with."""

    @field_validator("endpoints")
    @classmethod
    def _names_are_told_apart(cls, endpoints: list[EndpointSettings]) -> list[EndpointSettings]:
        if len({endpoint.name for endpoint in endpoints}) < len(endpoints):
            raise ValueError("must have different names")
        return endpoints

    def named_endpoint(self, name: str | None) -> EndpointSettings | None:
        """Return the endpoint with that name."""
        return next((known for known in self.endpoints if known.name == name), None)


def is_overridable(key: str) -> bool:
    """Return whether a conversation may override ``key``, such as ``sampling.top_p``."""
    return key in OVERRIDABLE or key.partition(".")[0] in OVERRIDABLE


def value_of(settings: Settings, key: str) -> Any:
    """Return the value of a setting by its key, such as ``sampling.top_p``."""
    found: Any = settings
    for name in key.split("."):
        found = getattr(found, name)
    return found
