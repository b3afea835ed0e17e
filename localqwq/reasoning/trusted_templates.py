"""Chat templates that were read and found harmless, so that they need no process of their own.

Each goes over the messages and the tools a fixed number of times and repeats nothing that it finds
there, so that time and memory grow only with the conversation. Others may be as harmless, but
whoever made the file decides what they do.
"""

import hashlib

_TRUSTED = frozenset(
    {
        # QwQ-32B, and the demo
        "cb2d7aa140bed098f4ac8ab1a403980e6768d58ec95ef701668fc7dd017e0762",
        # QwQ-32B-Preview
        "0ea596a118301cd1017adceb54953b67baaa8f2cc6403f5944a33db9195d1691",
        # DeepSeek-R1-Distill
        "dd2675619a64a449cdcdd2b93e605a0a50764cee41e344f244752bc93643936c",
        # DeepSeek-R1-0528-Qwen3
        "2df56cbc7fd7babd2c1bb3ca7e25a7424155ee693a1a609e6b0e5236b98c4263",
        # Qwen2.5
        "55b2f4a26ac9ee719330a61a0c39d9e538b0e9322212f048326318cff4f8674a",
        # Qwen3, built in
        "d0178d1fc9359053655c9faa7d6eeb44980c2b620677e81235d87e66e9504b6d",
        # Qwen3, as published
        "87a2728cb8dc9fe424d624542f6060ec05a1d285ebbec578bb078900e33396b5",
        # Llama 3.2
        "d82792f95932f1c9cef5c4bd992f171225e3bf8c7b609b4557c9e1ec96be819f",
        # SmolLM2
        "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788",
    }
)
"""SHA-256 of their texts without white space around them."""


def is_trusted(template: str) -> bool:
    """Return whether a template is, to the letter, one of those that were read."""
    text = template.strip().encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest() in _TRUSTED
