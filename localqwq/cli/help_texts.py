"""Help texts shared by several commands."""

MODEL = (
    "a .gguf file, an installed NAME or NAME:QUANT, or demo (default: the model in the settings, "
    "else the best that fits)"
)
MEASURED_MODEL = "a .gguf file, an installed NAME or NAME:QUANT, or demo"
ENDPOINT = "use this OpenAI-compatible server: a URL, or a name from the settings"
CONTEXT = "context length in tokens (default: what fits this machine)"
KV_CACHE = "type of the KV cache (default: the best that fits)"
JSON = "print one JSON document"
