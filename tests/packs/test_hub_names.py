"""What people paste: one resolver understands it, or says that it does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.models.spec import resolve
from localqwq.packs.sources.file_names import model_of
from localqwq.packs.sources.hub_names import NamedOnHub, named_on_hub
from localqwq.packs.sources.request import understand

HF, MS = "huggingface", "modelscope"
FILE = "Q-Q4_K_M.gguf"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("hf:o/r", (HF, "o/r")),
        ("HF:o/r", (HF, "o/r")),
        ("hf:o/r/", (HF, "o/r")),
        ("hf:o/r:Q4_K_M", (HF, "o/r", None, None, "Q4_K_M")),
        ("hf:o/r:latest", (HF, "o/r")),
        ("hf:o/r@v1.0", (HF, "o/r", "v1.0")),
        ("hf:o/r@refs/pr/1", (HF, "o/r", "refs/pr/1")),
        ("hf:o/r@refs%2Fpr%2F1", (HF, "o/r", "refs/pr/1")),
        ("hf:o/r@v1.0:Q8_0", (HF, "o/r", "v1.0", None, "Q8_0")),
        ("hf:o/r:Q8_0@v1.0", (HF, "o/r", "v1.0", None, "Q8_0")),
        (f"hf:o/r/{FILE}", (HF, "o/r", None, FILE)),
        (f"hf:o/r/sub/{FILE}", (HF, "o/r", None, f"sub/{FILE}")),
        (f"hf://o/r/{FILE}", (HF, "o/r", None, FILE)),
        (f"hf://o/r@main/{FILE}", (HF, "o/r", "main", FILE)),
        ("huggingface:o/r", (HF, "o/r")),
        ("ms:o/r:Q8_0", (MS, "o/r", None, None, "Q8_0")),
        ("hf.co/o/r:Q4_K_M", (HF, "o/r", None, None, "Q4_K_M")),
        ("huggingface.co/o/r", (HF, "o/r")),
        ("https://huggingface.co/o/r", (HF, "o/r")),
        ("https://www.huggingface.co/o/r/", (HF, "o/r")),
        ("https://hf.co/o/r:Q8_0", (HF, "o/r", None, None, "Q8_0")),
        ("https://huggingface.co/o/r?library=llama-cpp-python#x", (HF, "o/r")),
        (f"https://huggingface.co/o/r?show_file_info={FILE}", (HF, "o/r", None, FILE)),
        ("https://huggingface.co/o/r/tree/main", (HF, "o/r", "main")),
        ("https://huggingface.co/o/r/tree/main/Q4_K_M", (HF, "o/r", "main", "Q4_K_M")),
        ("https://huggingface.co/o/r/tree/refs%2Fpr%2F1", (HF, "o/r", "refs/pr/1")),
        ("https://huggingface.co/o/r/tree/refs/pr/1", (HF, "o/r", "refs/pr/1")),
        (f"huggingface.co/o/r/blob/main/{FILE}", (HF, "o/r", "main", FILE)),
        (f"https://hf.co/o/r/blob/refs%2Fpr%2F1/{FILE}", (HF, "o/r", "refs/pr/1", FILE)),
        (f"https://hf.co/o/r/resolve/main/{FILE}?download=true", (HF, "o/r", "main", FILE)),
        ("https://huggingface.co/o/r/resolve/main/a%20b.gguf", (HF, "o/r", "main", "a b.gguf")),
        ("https://huggingface.co/o/r/discussions/3", (HF, "o/r")),
        ("https://modelscope.cn/models/o/r", (MS, "o/r")),
        ("modelscope.cn/models/o/r/summary", (MS, "o/r")),
        ("https://www.modelscope.cn/models/o/r/files", (MS, "o/r")),
        (f"https://modelscope.cn/models/o/r/resolve/master/{FILE}", (MS, "o/r", "master", FILE)),
        (f"https://www.modelscope.cn/models/o/r/file/view/master/{FILE}?status=2",
         (MS, "o/r", "master", FILE)),
        (f"https://modelscope.cn/api/v1/models/o/r/repo?Revision=v1&FilePath={FILE}",
         (MS, "o/r", "v1", FILE)),
        ("https://mirror.example.org/o/r", (HF, "o/r")),
        (f"https://mirror.example.org/o/r/resolve/main/{FILE}", (HF, "o/r", "main", FILE)),
    ],
)  # fmt: skip
def test_what_is_pasted(text: str, named: tuple[Any, ...]) -> None:
    """Prefixes, addresses of pages, of files, and of a mirror that is set up."""
    expected = NamedOnHub(*named)
    assert named_on_hub(text, "mirror.example.org") == expected


@pytest.mark.parametrize(
    "text",
    ["hf:o", "hf:o/r:Q4 K", "hf:", "qwq-32b", "./o/r", "https://example.org/o/r", "ftp://hf.co/o/r",
     "https://huggingface.co/datasets/o/r", "https://huggingface.co/o", "hf:o/r@", "hf:../r",
     "https://mirror.example.org/files/o/r/x.gguf", "C:/models/x.gguf"],
)  # fmt: skip
def test_what_names_nothing_on_a_hub(text: str) -> None:
    """It is something else, or a mistake."""
    assert named_on_hub(text, "mirror.example.org") is None


@pytest.mark.parametrize(
    "text",
    ["https://huggingface.co/datasets/o/r", "https://huggingface.co/o", "https://hf.co",
     "https://www.modelscope.cn/datasets/o/r"],
)  # fmt: skip
def test_other_pages_of_a_hub(text: str) -> None:
    """Nobody is asked for them."""
    with pytest.raises(LocalqwqError, match="is not the address of a model: name the page"):
        understand(text)


@given(
    st.sampled_from(["hf:", "hf.co/", "https://huggingface.co/", "modelscope.cn/models/"]),
    st.text(max_size=40),
)
def test_any_text_is_understood_or_not(beginning: str, text: str) -> None:
    """It is never an exception, and a repository is always one."""
    found = named_on_hub(beginning + text)
    if found is not None:
        owner, name = found.repository.split("/")
        assert owner.isascii() and name.isascii()
        assert ".." not in (owner, name)


@pytest.mark.parametrize(
    ("spec", "name", "quant"),
    [
        ("qwq", "qwq-32b", None),
        ("QwQ:32b", "qwq-32b", None),
        ("qwq:latest", "qwq-32b", None),
        ("ollama:qwq:32b", "qwq-32b", None),
        ("qwq:32b-q8_0", "qwq-32b", "Q8_0"),
        ("qwq:32b-fp16", "qwq-32b", "F16"),
        ("deepseek-r1:32b", "r1-distill-qwen-32b", None),
        ("deepseek-r1:70b", "r1-distill-llama-70b", None),
        ("deepseek-r1:8b-llama-distill-q4_K_M", "r1-distill-llama-8b", "Q4_K_M"),
        ("qwen2.5:7b", "qwen2.5-7b", None),
        ("qwen2.5:7b-instruct-q4_K_M", "qwen2.5-7b", "Q4_K_M"),
    ],
)
def test_names_of_ollama(spec: str, name: str, quant: str | None) -> None:
    """They mean the same model here; once pulled, it answers to them."""
    wish = understand(spec)
    assert (wish.name, wish.quant) == (name, quant)
    with pytest.raises(LocalqwqError, match=f"{name} is not installed: `localqwq pull {name}"):
        resolve(spec)


@pytest.mark.parametrize(
    "paths",
    [
        ("Model-Q4_K_M.gguf", "Q8_0/model.Q8_0-00001-of-00002.gguf", "MODEL_F16.gguf"),
        ("model-q4.gguf", "model-q8.gguf", "model.gguf", "model-4bit.gguf"),
        ("M-imatrix-Q4_K_M.gguf", "M.i1-IQ3_M.gguf", "M-UD-Q4_K_XL.gguf", "M-MXFP4_MOE.gguf"),
    ],
)
def test_names_of_one_model(paths: tuple[str, ...]) -> None:
    """Whatever tells its quantizations apart."""
    assert len({model_of(path) for path in paths}) == 1


def test_names_of_two_models() -> None:
    """Their sizes and versions tell them apart."""
    paths = ("Qwen3-8B-Q4_K_M.gguf", "Qwen3-14B-Q4_K_M.gguf", "Qwen3-8B-v2-Q4_K_M.gguf")
    assert len({model_of(path) for path in paths}) == 3
