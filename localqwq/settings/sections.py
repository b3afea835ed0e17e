"""The sections of the settings: the choices, their limits, and their meaning.

The settings screen and the commented file are generated from this: each field's docstring is its
help. ``None`` leaves a value to the model, its pack or the engine.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field

from localqwq.deferred_model import DeferredModel
from localqwq.device_lists import shares
from localqwq.durations import parsed_duration
from localqwq.settings.limits import MOST_BATCH, MOST_PARALLEL, MOST_THREADS
from localqwq.sizes import parsed_size

Display = Literal["closed", "tail", "open"]
Notify = Literal["notification", "bell", "off"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

_INT32_MAX = 2**31 - 1
_Value = TypeVar("_Value")
_Share = Annotated[float, Field(ge=0, le=1)]
_Penalty = Annotated[float, Field(ge=-100, le=100)]
_Count = Annotated[int, Field(ge=-1, le=_INT32_MAX)]


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _web_address(text: str) -> str:
    if not text.startswith(("http://", "https://", "unix:")):
        raise ValueError("must begin with http://, https:// or unix:")
    return text


def _shares(text: str) -> str:
    shares(text)
    return text


def _size(text: str) -> str:
    parsed_size(text)
    return text


def _duration(text: str) -> str:
    parsed_duration(text)
    return text


Name = Annotated[str, AfterValidator(_not_blank)]


class Section(DeferredModel):
    """Settings that belong together; unknown settings are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class SamplingSettings(Section):
    """How the next token is chosen. Empty: as the model's makers recommend.

    For QwQ-32B that is temperature 0.6, top-p 0.95, top-k 20 to 40, min-p 0, no penalties.
    """

    temperature: Annotated[float, Field(ge=0, le=100)] | None = Field(default=None, examples=[0.6])
    """Higher values give more varied answers. At 0, QwQ repeats itself endlessly."""
    top_p: _Share | None = Field(default=None, title="Top-p", examples=[0.95])
    """Choose only from the likeliest tokens that together reach this probability."""
    top_k: _Count | None = Field(default=None, title="Top-k", examples=[40])
    """Choose only from this many of the likeliest tokens; 0 or -1: all."""
    min_p: _Share | None = Field(default=None, title="Min-p", examples=[0.0])
    """Choose only from tokens at least this likely, relative to the likeliest one."""
    repeat_penalty: Annotated[float, Field(ge=0.01, le=100)] | None = Field(
        default=None, examples=[1.0]
    )
    """Divides the score of recently used tokens; 1: no penalty."""
    repeat_last_n: _Count | None = Field(default=None, title="Penalties look back", examples=[64])
    """How many recent tokens, the prompt's included, the three penalties consider; -1: all."""
    presence_penalty: _Penalty | None = Field(default=None, examples=[0.0])
    """Subtracted once from the score of each recently used token."""
    frequency_penalty: _Penalty | None = Field(default=None, examples=[0.0])
    """Subtracted from the score of each recently used token, as many times as it was used."""
    typical_p: _Share | None = Field(default=None, title="Typical-p", examples=[1.0])
    """Choose only from tokens about as surprising as the text is on average; 1: all."""
    xtc_probability: _Share | None = Field(default=None, title="XTC probability", examples=[0.0])
    """How often the likeliest tokens are left out, for variety; 0: never."""
    xtc_threshold: _Share | None = Field(default=None, title="XTC threshold", examples=[0.1])
    """XTC leaves out all tokens at least this likely except the least likely of them."""
    dry_multiplier: Annotated[float, Field(ge=0, le=100)] | None = Field(
        default=None, title="DRY multiplier", examples=[0.0]
    )
    """How strongly to avoid repeated phrases; 0: not at all."""
    dry_base: Annotated[float, Field(ge=1, le=100)] | None = Field(
        default=None, title="DRY base", examples=[1.75]
    )
    """How fast DRY's penalty grows with the length of the repeated phrase."""
    dry_allowed_length: Annotated[int, Field(ge=0, le=_INT32_MAX)] | None = Field(
        default=None, title="DRY allowed length", examples=[2]
    )
    """How many tokens may repeat before DRY's penalty applies."""
    dry_penalty_last_n: _Count | None = Field(default=None, title="DRY looks back", examples=[64])
    """How many recent tokens DRY considers; -1: all."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 2)] | None = Field(default=None, examples=[42])
    """The same seed and the same prompt give the same answer; empty: a new seed each time."""
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(
        default=None, title="Longest answer", examples=[32768]
    )
    """Maximum tokens of an answer, including its thought; empty: until the context is full."""


class ThinkingSettings(Section):
    """How long the model may think, and how its thought is shown."""

    budget: Annotated[int, Field(ge=-1, le=_INT32_MAX)] | None = Field(
        default=None, examples=[4096]
    )
    """Maximum tokens of thought before the answer; -1: no limit; empty: according to the effort."""
    effort: Effort | None = Field(default=None, examples=["medium"])
    """The budget as a word: none 0, minimal 256, low 1,024, medium 4,096 tokens, high, xhigh and
    max no limit; empty: no limit."""
    display: Display = "tail"
    """How much of a thought is shown: only its heading, its last lines, or all of it."""
    keep: bool = Field(default=False, title="Keep thoughts")
    """Whether earlier thoughts stay in the prompt. The model was trained without them, and they
    fill the context.
    """
    hand_over: str = Field(
        default="I have thought long enough and give my answer now.", max_length=2000
    )
    """The words inserted into a thought that is ended from outside, as if the model had said
    them.
    """
    loop_detection: bool = True
    """Whether to end a thought or an answer that keeps repeating itself."""


class Preset(Section):
    """A preset for one kind of task."""

    system: str = ""
    """The system prompt; empty: the general one."""
    prompt: str = ""
    """Text added below each prompt."""

    def asked(self, prompt: str) -> str:
        """Return the prompt as the model reads it."""
        return f"{prompt}\n\n{self.prompt}" if self.prompt else prompt


# Not checked, which would need the validator at every start.
PRESETS: Mapping[str, Preset] = {
    "general": Preset.model_construct(),
    "mathematics": Preset.model_construct(
        prompt="Please reason step by step, and put your final answer within \\boxed{}."
    ),
    "multiple choice": Preset.model_construct(
        prompt="Please show your choice in the `answer` field with only the choice letter, "
        'e.g., `"answer": "C"`.'
    ),
}
"""The built-in presets, in the words of QwQ-32B's model card."""


class PromptSettings(Section):
    """Instructions that the model gets in addition to your prompt."""

    system: str = Field(default="", title="System prompt")
    """System prompt of every conversation; empty: none, as QwQ's makers recommend."""
    preset: Name = "general"
    """The preset in use: general, mathematics, multiple choice, or one of your own."""
    presets: dict[Name, Preset] = Field(default_factory=dict)
    """Your own presets by name; one with a built-in preset's name replaces it."""

    def known(self) -> dict[str, Preset]:
        """Return all presets by name, the built-in ones first."""
        return {**PRESETS, **self.presets}

    def chosen(self) -> Preset:
        """Return the preset in use; the general one if there is none with that name."""
        return self.known().get(self.preset, PRESETS["general"])


class AppearanceSettings(Section):
    """How the app looks."""

    theme: Name = "localqwq"
    """Colours: localqwq, localqwq-light, localqwq-contrast, or one of Textual's own."""


class WorkSettings(Section):
    """What happens during long work."""

    notify: Notify = "notification"
    """How to tell you that an answer or a download is ready while the terminal is in the
    background: by a notification of the terminal, by its bell, or not at all.
    """
    keep_awake: bool = True
    """Whether to keep the machine awake during answers, downloads and conversions."""


class ModelSettings(Section):
    """How a model is loaded; an empty value chooses what suits this machine."""

    context: Annotated[int, Field(ge=1)] | None = Field(default=None, examples=[32768])
    """Tokens of context."""
    gpu_layers: Annotated[int, Field(ge=0)] | None = Field(
        default=None, title="Layers on devices", examples=[40]
    )
    """Number of layers on devices, including the output layer."""
    devices: str | None = Field(default=None, examples=["CUDA0"])
    """Devices that may hold layers, such as CUDA0,CUDA1; none: the processor alone."""
    tensor_split: Annotated[str, AfterValidator(_shares)] | None = Field(
        default=None, examples=["3,1"]
    )
    """Share of the layers for each of these devices, such as 3,1."""
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] | None = Field(default=None, examples=[8])
    """Threads on the processor."""
    batch: Annotated[int, Field(ge=1, le=MOST_BATCH)] | None = Field(default=None, examples=[512])
    """Maximum tokens of a prompt that are processed together."""
    kv: Literal["f16", "q8_0", "q4_0"] | None = Field(
        default=None, title="KV cache", examples=["q8_0"]
    )
    """Type of the KV cache."""
    flash: Literal["auto", "on", "off"] | None = Field(
        default=None, title="Flash attention", examples=["auto"]
    )
    """Flash attention: where it is faster (auto), always (on) or never (off)."""
    repack: Literal["auto", "on", "off"] | None = Field(
        default=None, title="Repack weights", examples=["auto"]
    )
    """Weights rearranged for the processor: where it is faster and memory is plentiful (auto),
    always (on) or never (off).
    """
    parallel: Annotated[int, Field(ge=1, le=MOST_PARALLEL)] | None = Field(
        default=None, examples=[2]
    )
    """Maximum simultaneous requests."""
    reserve: Annotated[str, AfterValidator(_size)] | None = Field(default=None, examples=["2G"])
    """Memory to leave free on each device and in main memory, such as 2G."""
    rope: Literal["auto", "on", "off"] | None = Field(default=None, examples=["auto"])
    """YaRN scaling, for contexts beyond the trained length: when a conversation needs it (auto),
    always (on) or never (off).
    """
    mmap: bool | None = Field(default=None, examples=[True])
    """Whether weights are mapped from the file instead of read into memory."""


class AgentSettings(Section):
    """Which tools a model may call, and how far it may go before it has to answer."""

    tools: list[Name] = Field(default_factory=list, title="Tools", examples=[["calculator"]])
    """Tools that the app offers to the model in conversations, such as calculator; `/tools` chooses
    others for one conversation, and `ask` has `--tools`.
    """
    max_rounds: Annotated[int, Field(ge=1, le=1000)] = Field(default=24, title="Rounds")
    """How often the model may call tools and read their results in one turn."""
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(
        default=None, title="Tokens", examples=[65536]
    )
    """Tokens generated in one turn after which the model has to answer; empty: no limit."""
    max_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        default=None, title="Seconds", examples=[3600.0]
    )
    """Seconds since the prompt after which the model has to answer; empty: no limit."""
    mcp_files: list[Name] = Field(
        default_factory=list, title="Files of MCP servers", examples=[["~/.cursor/mcp.json"]]
    )
    """Files of other programs whose MCP servers are used in addition to those in mcp.json; localqwq
    never writes to them.
    """
    keep_thoughts: bool = Field(default=False, title="Keep thoughts between calls")
    """Whether the thought stays in the context between the calls of one turn even if the model's
    chat template leaves it out, as QwQ's does. Templates with a place for it always keep it.
    """


class ServingSettings(Section):
    """`localqwq serve` without a model: all installed ones, loaded when a request names them."""

    idle: Annotated[str, AfterValidator(_duration)] = Field(default="10m", title="Sleep after")
    """Time without a request after which a model leaves memory, such as 10m or 1h30m; never: it
    stays until another model needs the memory.
    """
    unknown: Literal["default", "refuse"] = Field(default="default", title="Unknown models")
    """What answers requests for a model that is not installed: the default model, or an error that
    lists the installed ones.
    """
    pinned: list[Name] = Field(default_factory=list, examples=[["qwq-32b"]])
    """Models that stay in memory once they are loaded."""
    aliases: dict[Name, Name] = Field(default_factory=dict)
    """Other names of models, such as `"gpt-*" = "qwq-32b"`; * stands for any text."""


class StateSettings(Section):
    """The KV cache on disk, so that conversations continue without being processed again."""

    disk: Annotated[str, AfterValidator(_size)] = Field(default="16G", title="Space on disk")
    """Maximum size of the KV cache on disk, such as 16G; 0G: nothing is kept on disk."""
    daily_writes: Annotated[str, AfterValidator(_size)] = Field(
        default="32G", title="Written in a day"
    )
    """Maximum amount written in a day, since writing wears out drives."""
    quiet: Annotated[float, Field(ge=0, le=86_400)] = Field(default=10.0, title="Written after")
    """Seconds without a request until finished turns are written, so that a crash does not lose
    them.
    """


class ResponseSettings(Section):
    """Responses that `localqwq serve` stores, so that programs can continue them by their id."""

    disk: Annotated[str, AfterValidator(_size)] = Field(default="256M", title="Space on disk")
    """Maximum size of all responses together, such as 256M; the least recently used are deleted
    first. 0M: none are stored.
    """
    days: Annotated[float, Field(gt=0, le=36_500)] = Field(default=30.0, title="Kept for")
    """Days after its last use for which a response is kept."""


class EndpointSettings(Section):
    """A server that speaks OpenAI's protocol: vLLM, llama-server, Ollama, or a provider."""

    name: Name
    """Your name for it, as in `--endpoint NAME`."""
    url: Annotated[str, AfterValidator(_web_address)] = Field(title="Address")
    """Its address, with or without /v1, such as https://example.org/api/v1; or unix:PATH."""
    key_env: str = Field(default="", title="Key's variable", examples=["MY_PROVIDER_API_KEY"])
    """The environment variable that holds the API key. The key itself is never stored here;
    empty or not set: the keyring's entry for localqwq and this name, if there is one.
    """
    model: str | None = Field(default=None, examples=["qwq-32b"])
    """The model to use there; empty: the first one listed."""
    opens_thought: bool | None = None
    """Whether answers begin inside the thought, without `<think>`, as they do behind servers that
    leave the tags in the text; empty: detected from the answers, and remembered.
    """
