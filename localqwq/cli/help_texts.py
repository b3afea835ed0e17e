"""Help texts shared by several commands."""

MEASURED_MODEL = "a .gguf file, an installed NAME or NAME:QUANT, or demo"
MODEL = f"{MEASURED_MODEL} (default: the model in the settings, else the best that fits)"
SERVED_MODEL = f"{MEASURED_MODEL} (default: all installed ones, loaded on demand)"
ENDPOINT = "use this OpenAI-compatible server: a URL, or a name from the settings"
CONTEXT = "context length in tokens (default: what fits this machine)"
KV_CACHE = "type of the KV cache (default: the best that fits)"
JSON = "print one JSON document"
