"""A GGUF file as the source: byte for byte what llama.cpp's quantizer makes of it."""

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest

from localqwq.cli.main import main
from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from localqwq.gguf.types import BLOCKS
from localqwq.packs.manifest import read_manifest
from localqwq_convert.pipeline import convert
from localqwq_convert.quantizer import Quantizer
from localqwq_convert.recipes import TENSOR_TYPES
from localqwq_convert.report import Progress
from tests.checkpoints import LLAMA3_SCALING, YARN_SCALING, make_checkpoint
from tests.convert.imatrices import write_imatrix
from tests.convert.llama_quantize import quantize


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """llama.cpp keeps its log to itself."""
    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    yield
    llama_cpp.llama_log_set(llama_cpp.llama_log_callback(), ctypes.c_void_p(0))


SHAPES: dict[str, dict[str, Any]] = {
    "untied": {"layers": 2, "kv_heads": 1, "feed_forward": 256, "tied": False},
    "tied": {"layers": 1, "feed_forward": 256, "config": {"rope_scaling": YARN_SCALING}},
    "fallbacks": {"layers": 1, "hidden": 96, "heads": 3, "kv_heads": 3, "feed_forward": 256},
    "llama": {
        "architecture": "llama",
        "layers": 1,
        "feed_forward": 256,
        "config": {"rope_scaling": LLAMA3_SCALING},
    },
    "qwen3": {"architecture": "qwen3", "layers": 1, "feed_forward": 256},
}
TARGETS = ("F32", "F16", "BF16", "Q8_0", "Q6_K", "Q4_K_M", "Q4_0", "Q3_K_S", "TQ2_0", "TQ1_0")


def made(directory: Path, shape: str, quant: str) -> Path:
    """A GGUF file made of a small checkpoint."""
    checkpoint = make_checkpoint(directory / "m", dtype="F32", **SHAPES[shape])
    return convert(checkpoint, directory / "source", [quant]).outputs[0].path


def assert_same(ours: Path, theirs: Path) -> None:
    """Two files have the same bytes; a difference is said by key or tensor."""
    if ours.read_bytes() == theirs.read_bytes():
        return
    headers = [read_header(path) for path in (ours, theirs)]
    assert list(headers[0].metadata.items()) == list(headers[1].metadata.items()), ours
    kinds = [[(t.name, t.shape, t.type) for t in header.tensors] for header in headers]
    assert kinds[0] == kinds[1], ours
    raise AssertionError(f"{ours}: other data")


@pytest.mark.parametrize("source", ["F32", "F16", "BF16", "Q8_0"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_files_as_llama_cpps_quantizer(tmp_path: Path, shape: str, source: str) -> None:
    """From every type that holds numbers well, in one pass; ours and theirs are the same."""
    path = made(tmp_path, shape, source)
    report = convert(path, tmp_path / "pack", TARGETS)
    assert report.parameters == sum(tensor.elements for tensor in read_header(path).tensors)
    for output in report.outputs:
        assert output.path.name == f"m-{output.quant}.gguf"
        quantize(path, tmp_path / "reference.gguf", output.quant, requantize=True)
        assert_same(output.path, tmp_path / "reference.gguf")


@pytest.mark.parametrize("source", ["Q4_K_M", "Q5_1", "IQ4_XS", "TQ1_0"])
def test_a_second_rounding_has_to_be_asked_for(tmp_path: Path, source: str) -> None:
    """With the option it is llama.cpp's; matrices that keep their type are copied."""
    path = made(tmp_path, "untied", source)
    with pytest.raises(LocalqwqError, match=r"is quantized already: .* --requantize"):
        convert(path, tmp_path / "pack", ["Q3_K_S"])
    assert not (tmp_path / "pack").exists()
    for output in convert(
        path, tmp_path / "pack", ["Q3_K_S", "Q4_K_M", "F16"], requantize=True
    ).outputs:
        quantize(path, tmp_path / "reference.gguf", output.quant, requantize=True)
        assert_same(output.path, tmp_path / "reference.gguf")


OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "pure": ({"pure": True}, {"pure": True}),
    "leave output": ({"leave_output": True}, {"leave_output": True}),
    "types": (
        {"tensor_types": ["ffn_down=MXFP4", "attn_q=Q6_K"]},
        {"overrides": [("ffn_down", "MXFP4"), ("attn_q", "Q6_K")]},
    ),
    "pure with types": (
        {"pure": True, "tensor_types": ["attn_v=Q8_0"]},
        {"pure": True, "overrides": [("attn_v", "Q8_0")]},
    ),
    "metadata": (
        {
            "settings": [
                "general.name=Other",
                "qwen2.context_length=4096",
                "a.number=7",
                "a.float=0.5",
                "a.text=str:7",
                "a.flag=true",
                "tokenizer.chat_template={{ x = 'y' }}",
            ]
        },
        {
            "metadata": {
                "general.name": "Other",
                "qwen2.context_length": 4096,
                "a.number": 7,
                "a.float": 0.5,
                "a.text": "7",
                "a.flag": True,
                "tokenizer.chat_template": "{{ x = 'y' }}",
            }
        },
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("from_checkpoint", [False, True])
def test_options_are_llama_cpps(tmp_path: Path, name: str, from_checkpoint: bool) -> None:
    """They mean the same from a file and from a checkpoint."""
    ours, theirs = OPTIONS[name]
    checkpoint = make_checkpoint(tmp_path / "m", **SHAPES["untied"])
    path = convert(checkpoint, tmp_path / "source", ["BF16"]).outputs[0].path
    source = checkpoint if from_checkpoint else path
    for output in convert(source, tmp_path / "pack", ["Q4_K_M", "Q8_0"], **ours).outputs:
        quantize(path, tmp_path / "reference.gguf", output.quant, **theirs)
        assert_same(output.path, tmp_path / "reference.gguf")


@pytest.mark.parametrize("quantization", ["TQ1_0", "TQ2_0"])
@pytest.mark.parametrize("shape", SHAPES)
def test_ternary_presets(tmp_path: Path, shape: str, quantization: str) -> None:
    """From a checkpoint, with their fallbacks."""
    checkpoint = make_checkpoint(tmp_path / "m", **SHAPES[shape])
    convert(checkpoint, tmp_path, ["BF16", quantization])
    quantize(tmp_path / "m-BF16.gguf", tmp_path / "reference.gguf", quantization)
    assert_same(tmp_path / f"m-{quantization}.gguf", tmp_path / "reference.gguf")


def test_an_importance_matrix(tmp_path: Path) -> None:
    """It is heeded, and named once, whatever the source says of an earlier one."""
    path = made(tmp_path, "untied", "BF16")
    values = {
        tensor.name: np.random.default_rng(3).lognormal(0, 2, tensor.shape[0]).astype(np.float32)
        for tensor in read_header(path).tensors
        if len(tensor.shape) > 1 and tensor.name != "token_embd.weight"
    }
    write_imatrix(tmp_path / "m.imatrix.gguf", values)
    first = convert(path, tmp_path / "pack", ["Q8_0"], imatrix=tmp_path / "m.imatrix.gguf")
    again = convert(
        first.outputs[0].path, tmp_path / "more", ["Q4_K_M"], imatrix=tmp_path / "m.imatrix.gguf"
    )
    metadata: dict[str, str | int | float | bool] = {
        "quantize.imatrix.file": str(tmp_path / "m.imatrix.gguf")[:127],
        "quantize.imatrix.dataset": "wiki.txt",
        "quantize.imatrix.entries_count": len(values),
        "quantize.imatrix.chunks_count": 7,
    }
    quantize(
        first.outputs[0].path,
        tmp_path / "reference.gguf",
        "Q4_K_M",
        imatrix=values,
        metadata=metadata,
        requantize=True,
    )
    assert_same(again.outputs[0].path, tmp_path / "reference.gguf")


def test_parts_are_one_model(tmp_path: Path) -> None:
    """In and out: the split keys are about the files, not about the model."""
    checkpoint = make_checkpoint(tmp_path / "m", **SHAPES["untied"])
    convert(checkpoint, tmp_path / "whole", ["BF16"])
    parts = convert(checkpoint, tmp_path / "parts", ["BF16"], split_max_bytes=1 << 20).outputs[0]
    assert len(parts.parts) > 1
    found = convert(parts.path, tmp_path / "a", ["Q4_K_M"]).outputs[0]
    expected = convert(tmp_path / "whole" / "m-BF16.gguf", tmp_path / "b", ["Q4_K_M"]).outputs[0]
    assert (found.path.name, found.sha256) == (expected.path.name, expected.sha256)
    again = convert(parts.path, tmp_path / "c", ["Q8_0"], split_max_bytes=1 << 20).outputs[0]
    direct = convert(checkpoint, tmp_path / "d", ["Q8_0"], split_max_bytes=1 << 20).outputs[0]
    assert [part.sha256 for part in again.parts] == [part.sha256 for part in direct.parts]
    with pytest.raises(LocalqwqError, match="name the first"):
        convert(parts.parts[1].path, tmp_path / "e", ["Q8_0"])


def test_the_pack_is_described(tmp_path: Path) -> None:
    """As far as the file says; a second one of the same weights joins it."""
    path = made(tmp_path, "tied", "BF16").rename(tmp_path / "m-BF16.gguf")
    direct = read_manifest(tmp_path / "source")
    convert(path, tmp_path / "pack", ["Q8_0"])
    convert(path, tmp_path / "pack", ["Q4_K_M"])
    found = read_manifest(tmp_path / "pack")
    assert found.quants == ["Q8_0", "Q4_K_M"]
    assert found.source == "m-BF16.gguf"
    same = ("name", "architecture", "parameters", "context", "rope")
    assert [getattr(found, key) for key in same] == [getattr(direct, key) for key in same]
    assert found.sampling == pytest.approx(direct.sampling)


def test_it_goes_on_after_an_interruption(tmp_path: Path) -> None:
    """The same file comes out; a source that changed in between is refused."""
    path = made(tmp_path, "untied", "BF16")
    expected = convert(path, tmp_path / "at once", ["Q4_K_M"]).outputs[0].sha256

    def break_off(state: Progress) -> None:
        if state.done_bytes > state.total_bytes / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(path, tmp_path / "pack", ["Q4_K_M"], resume=True, progress=break_off)
    skipped: list[int] = []
    found = convert(
        path,
        tmp_path / "pack",
        ["Q4_K_M"],
        resume=True,
        progress=lambda at: skipped.append(at.skipped_bytes),
    )
    assert found.outputs[0].sha256 == expected
    assert skipped[0] > 0


@pytest.mark.parametrize("name", [name for name in TENSOR_TYPES if BLOCKS[name][0] > 1])
def test_blocks_are_read_as_gguf_reads_them(name: str) -> None:
    """ggml's own functions, against the independent ones of the gguf package."""
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    # Bytes at random: every pattern is a block, some of them of infinities.
    size = BLOCKS[name][1] * 512 // BLOCKS[name][0]
    blocks = np.random.default_rng(2).integers(0, 256, (16, size), dtype=np.uint8)
    found = Quantizer().dequantize(blocks.reshape(-1), name).reshape(16, 512)
    with np.errstate(all="ignore"):
        expected = dequantize(blocks, GGMLQuantizationType[name])
    assert np.allclose(found, expected, rtol=1e-5, atol=0, equal_nan=True)
    assert np.isfinite(found).mean() > 0.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rope": "native"}, "--rope native is for checkpoints"),
        ({"merge": Path("base")}, "--merge is for a folder"),
        ({"leave_output": True}, "--leave-output has no effect"),
        ({"settings": ["general.file_type=1"]}, "identifies the file"),
        ({"settings": ["split.count=2"]}, "identifies the file"),
        ({"settings": ["tokenizer.ggml.tokens=a"]}, "its value is a list"),
        ({"settings": ["qwen2.block_count=many"]}, "cannot be 'many': it is of the type UINT32"),
        ({"settings": ["a.b=float:x"]}, "of the type FLOAT32"),
        ({"settings": ["a.b=float:1e60"]}, "of the type FLOAT32"),
        ({"settings": ["a.b=int:99999999999"]}, "of the type UINT32"),
        ({"settings": ["a.b=bool:maybe"]}, "of the type BOOL"),
        ({"settings": ["novalue"]}, "write KEY=VALUE"),
        ({"settings": ["=x"]}, "write KEY=VALUE"),
    ],
    ids=str,
)
def test_options_that_make_no_sense(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    """One sentence each, and nothing is written."""
    path = made(tmp_path, "tied", "BF16")
    with pytest.raises(LocalqwqError, match=words):
        convert(path, tmp_path / "pack", ["Q8_0"], **options)
    assert not (tmp_path / "pack").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All options on the command line, and a dry run that tells the size to the byte."""
    path = made(tmp_path, "untied", "Q4_K_M")
    command = ["convert", str(path), "-o", str(tmp_path / "pack"), "--quant", "Q3_K,F16"]
    command += ["--requantize", "--pure", "--leave-output", "--set", "general.name=Mine"]
    assert main([*command, "--dry-run"]) == 0
    planned = [line.split()[2] for line in capsys.readouterr().out.splitlines() if ".gguf" in line]
    assert main(command) == 0
    files = [tmp_path / "pack" / f"m-{quant}.gguf" for quant in ("Q3_K_M", "F16")]
    assert planned == [f"{file.stat().st_size:,}" for file in files]
    assert read_header(files[0]).metadata["general.name"] == "Mine"
    types = {tensor.name: tensor.type for tensor in read_header(files[0]).tensors}
    assert types["output.weight"] == "Q6_K"
    assert {types[f"blk.0.{name}.weight"] for name in ("attn_v", "ffn_down")} == {"Q3_K"}
    capsys.readouterr()
    assert main(["convert", str(tmp_path / "m"), "-o", str(tmp_path / "x"), "--requantize"]) == 1
    assert "--requantize is for GGUF files" in capsys.readouterr().err


def test_its_source_is_not_replaced(tmp_path: Path) -> None:
    """Not even by a file of the same content: it is the person's."""
    path = made(tmp_path, "tied", "Q8_0")
    with pytest.raises(LocalqwqError, match="would be replaced by what is made of it"):
        convert(path, path.parent, ["Q4_K_M", "Q8_0"])


def test_a_file_of_a_pack_has_its_pack(tmp_path: Path) -> None:
    """What is made of it joins the others, and elsewhere says where it came from."""
    path = made(tmp_path, "tied", "Q8_0")
    before = read_manifest(path.parent)
    notes: list[str] = []
    convert(path, path.parent, ["Q4_K_M"], note=notes.append)
    after = read_manifest(path.parent)
    assert (after.quants, notes) == (["Q8_0", "Q4_K_M"], [])
    assert len({file.weights for file in after.files}) == 1
    convert(path, tmp_path / "else", ["Q4_K_M"])
    convert(path, tmp_path / "changed", ["Q4_K_M"], settings=["general.sampling.temp=0.5"])
    elsewhere, changed = (read_manifest(tmp_path / name) for name in ("else", "changed"))
    assert elsewhere.source == changed.source == before.source == "m"
    assert (before.sampling["temp"], changed.sampling["temp"]) == (0.6, 0.5)


def test_damaged_files(tmp_path: Path) -> None:
    """Every length of a file ends in a sentence or in a whole pack."""
    path = made(tmp_path, "tied", "Q8_0")
    data = path.read_bytes()
    short = tmp_path / "short.gguf"
    for size in (0, 3, 24, 1000, len(data) - 40, len(data) // 2):
        short.write_bytes(data[:size])
        with pytest.raises(LocalqwqError):
            convert(short, tmp_path / "pack", ["Q4_0"])
    scale = bytearray(data)
    tensor = next(t for t in read_header(path).tensors if t.name == "blk.0.ffn_up.weight")
    scale[tensor.offset : tensor.offset + 2] = b"\x00\x7e"
    short.write_bytes(scale)
    for quant in ("Q8_0", "Q4_0"):
        with pytest.raises(LocalqwqError, match=r"blk\.0\.ffn_up\.weight.*infinities or NaNs"):
            convert(short, tmp_path / "pack", [quant])
