"""Where a model can come from, what happens when one place fails, and where nothing may go."""

import re
import shutil
import ssl
from pathlib import Path

import pytest
import trustme

from localqwq.errors import LocalqwqError
from localqwq.gguf.split import part_name
from localqwq.locations import config_directory, packs_directory
from localqwq.packs.download.addresses import Address, AddressRefused, check, check_peer
from localqwq.packs.download.certificates import trusted
from localqwq.packs.download.meter import Progress
from localqwq.packs.manifest import read_manifest, write_manifest
from localqwq.packs.pull import Installed, pull
from localqwq.packs.store.store import Store
from tests.hub_server import Fault, Hub, serving
from tests.packs.conftest import TOKEN, SplitGguf

FILE = "tiny-q8_0.gguf"
ENTRY = """
format = 1
name = "tiny"
title = "Tiny"
maker = "Someone"
base_model = "someone/Tiny"
summary = "A model for tests"
license = "Apache-2.0"
architecture = "qwen2"
parameters = 2_662_144
context = 2048
thinks = true
[sampling]
temp = 0.6
[config]
architectures = ["Qwen2ForCausalLM"]
hidden_size = 256
intermediate_size = 512
num_hidden_layers = 4
num_attention_heads = 4
num_key_value_heads = 2
vocab_size = 1166
max_position_embeddings = 2048
rms_norm_eps = 1e-6
rope_theta = 10000.0
tie_word_embeddings = true
hidden_act = "silu"
[[origins]]
hub = "huggingface"
repository = "someone/Tiny-GGUF"
files = "tiny-*.gguf"
quants = ["Q8_0", "Q4_K_M"]
[[origins]]
hub = "modelscope"
repository = "other/Tiny-GGUF"
files = "tiny-*.gguf"
quants = ["Q8_0", "Q4_K_M"]
"""


@pytest.fixture
def entry(hub: Hub, tiny: Path) -> str:
    """The name of an entry of the catalogue, whose files both hubs have."""
    folder = config_directory() / "catalogue"
    folder.mkdir(parents=True)
    (folder / "tiny.toml").write_text(ENTRY)
    hub.publish("other/Tiny-GGUF", tiny)
    return "tiny"


def expect_installed(installed: Installed, spec: str, source: Path) -> None:
    """One model is installed, and verified."""
    [model] = installed.models
    store = Store(packs_directory())
    assert model.spec == spec
    assert [check.problem for check in store.verify(spec)] == [None]
    assert model.path.read_bytes() == source.read_bytes()


def refusal(spec: str, origin: str | None = None) -> str:
    """Why a pull fails; nothing is installed then."""
    with pytest.raises(LocalqwqError) as caught:
        pull(spec, origin=origin)
    assert Store(packs_directory()).installed() == []
    assert TOKEN not in str(caught.value)
    assert "signature" not in str(caught.value)
    return str(caught.value)


def test_an_entry_of_the_catalogue(hub: Hub, tiny: Path, entry: str) -> None:
    """Its manifest says what the catalogue knows; once it is here nobody is asked again."""
    expect_installed(pull("tiny:Q8_0"), "tiny:Q8_0", tiny / FILE)
    manifest = read_manifest(packs_directory() / "tiny")
    assert (manifest.license, manifest.base_models) == ("Apache-2.0", ["someone/Tiny"])
    assert (manifest.source, manifest.sampling) == ("someone/Tiny-GGUF", {"temp": 0.6})
    assert manifest.source_revision == hub.branches["someone/Tiny-GGUF"]["main"]
    hub.requests.clear()
    assert pull("Tiny:q8_0").fetched == 0
    assert hub.requests == []


def test_the_other_hub_goes_on_where_the_first_failed(hub: Hub, tiny: Path, entry: str) -> None:
    """What has the same checksum is the same file: not a byte of it comes twice."""
    hub.faults[FILE] = [Fault(cut=1_000_000), Fault(status=403)]
    notes: list[str] = []
    installed = pull("tiny:Q8_0", on_progress=lambda progress: notes.append(progress.note))
    expect_installed(installed, "tiny:Q8_0", tiny / FILE)
    assert installed.source == "ModelScope"
    assert any(note.startswith("Hugging Face:") and "gated" in note for note in notes)
    assert hub.contents(FILE)[-1].startswith("1000000-")
    assert installed.fetched == (tiny / FILE).stat().st_size


def test_a_hub_without_the_model(hub: Hub, tiny: Path, entry: str) -> None:
    """The other one is asked; where neither has it, the sentence says what both say."""
    del hub.branches["someone/Tiny-GGUF"], hub.commits["someone/Tiny-GGUF"]
    assert pull("tiny:Q8_0").source == "ModelScope"
    del hub.branches["other/Tiny-GGUF"], hub.commits["other/Tiny-GGUF"]
    Store(packs_directory()).remove("tiny")
    words = refusal("tiny:Q8_0")
    assert "Hugging Face: there is no someone/Tiny-GGUF" in words
    assert "ModelScope:" in words


def test_one_hub_by_name(hub: Hub, tiny: Path, entry: str) -> None:
    """``--from`` leaves no choice."""
    assert pull("tiny:Q8_0", origin="modelscope").source == "ModelScope"
    assert not any(request.startswith("GET /api/models/") for request in hub.requests)
    assert "has no Q2_K" in refusal_of_more("tiny:Q2_K", "huggingface")


def refusal_of_more(spec: str, origin: str) -> str:
    """Why a pull fails while something else is installed."""
    with pytest.raises(LocalqwqError) as caught:
        pull(spec, origin=origin)
    return str(caught.value)


def test_modelscope_by_name(hub: Hub, tiny: Path) -> None:
    """A repository there needs no entry."""
    hub.publish("other/Tiny-GGUF", tiny)
    expect_installed(pull("ms:other/Tiny-GGUF:Q8_0"), "Tiny:Q8_0", tiny / FILE)
    assert hub.authorized == []


def test_another_model_under_the_name(hub: Hub, tiny: Path, entry: str) -> None:
    """A repository whose content is not what the catalogue describes is refused."""
    path = config_directory() / "catalogue" / "tiny.toml"
    path.write_text(ENTRY.replace("2_662_144", "32_000_000_000"))
    assert "has a different model as tiny" in refusal("tiny:Q8_0")


def test_a_plain_url(hub: Hub, tiny: Path) -> None:
    """One file from anywhere, named after itself, resumed by its ETag."""
    hub.faults[FILE] = [Fault(cut=1_000_000)]
    url = f"{hub.url}/plain/someone/Tiny-GGUF/{FILE}"
    expect_installed(pull(url), "tiny:Q8_0", tiny / FILE)
    assert hub.requests[-1].endswith(f"bytes=1000000-{(tiny / FILE).stat().st_size - 1}")


def test_a_plain_url_whose_file_changes(hub: Hub, tiny: Path, tmp_path: Path) -> None:
    """Two halves of two files never become one."""
    hub.faults[FILE] = [Fault(cut=1_000_000), Fault(status=503, headers={"Retry-After": "0"})]
    newer = tmp_path / "newer"
    shutil.copytree(tiny, newer)
    with (newer / FILE).open("r+b") as stream:
        stream.write(b"GGUFgguf")
    url = f"{hub.url}/plain/someone/Tiny-GGUF/{FILE}"

    def watch(progress: Progress) -> None:
        if "answers 503" in progress.note:
            hub.publish("someone/Tiny-GGUF", newer)

    with pytest.raises(LocalqwqError) as caught:
        pull(url, on_progress=watch)
    assert "changed at its source" in str(caught.value)
    assert Store(packs_directory()).installed() == []
    assert list(packs_directory().glob(".downloads/*")) == []


def test_a_url_by_tls(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encrypted bytes are the same bytes; a certificate of nobody's is refused."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setattr("localqwq.packs.download.retry.FIRST_S", 0.0)
    with serving(server) as hub:
        hub.publish("someone/Tiny-GGUF", tiny)
        url = f"{hub.url}/plain/someone/Tiny-GGUF/{FILE}"
        trusted.cache_clear()
        assert "has a certificate that is not valid" in refusal(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        trusted.cache_clear()
        hub.faults[FILE] = [Fault(cut=1_000_000)]
        expect_installed(pull(url), "tiny:Q8_0", tiny / FILE)
        assert hub.requests[-1].endswith(f"bytes=1000000-{(tiny / FILE).stat().st_size - 1}")
    trusted.cache_clear()


def test_a_pack_behind_a_url(hub: Hub, demo_pack: Path) -> None:
    """Its manifest says names, sizes and checksums."""
    hub.publish("someone/demo", demo_pack)
    base = f"{hub.url}/plain/someone/demo"
    installed = pull(f"{base}/")
    assert installed.models[0].name == "demo"
    assert read_manifest(packs_directory() / "demo").license == read_manifest(demo_pack).license


def test_a_pack_on_the_hub(hub: Hub, demo_pack: Path, tmp_path: Path) -> None:
    """A repository with a manifest is that pack; one that lies about its files is refused."""
    folder = tmp_path / "pack"
    shutil.copytree(demo_pack, folder)
    hub.publish("someone/demo", folder)
    file = demo_pack / "demo-Q8_0.gguf"
    expect_installed(pull("hf:someone/demo:Q8_0"), "demo:Q8_0", file)
    Store(packs_directory()).remove("demo")
    manifest = read_manifest(folder)
    files = [one.model_copy(update={"sha256": "0" * 64}) for one in manifest.files]
    write_manifest(folder, manifest.model_copy(update={"files": files}))
    assert "has a demo-Q8_0.gguf that does not match its pack.toml" in refusal(
        "hf:someone/demo:Q8_0"
    )
    (folder / "pack.toml").write_text("format = 2")
    assert "its pack.toml is not a valid manifest" in refusal("hf:someone/demo:Q8_0")


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        ('path = "demo-Q8_0.gguf"', 'path = "../../../demo-Q8_0.gguf"'),
        ('path = "demo-Q8_0.gguf"', 'path = "/tmp/demo-Q8_0.gguf"'),
        ('path = "demo-Q8_0.gguf"', 'path = "demo-q4_k_m.gguf"'),
        ('name = "demo"', 'name = "../demo"'),
        ('quant = "Q8_0"', 'quant = "Q4_K_M"'),
        ("format = 1", 'format = 1\nurl = "file:///etc/passwd"'),
        ("format = 1", 'format = 1\nname = "demo"'),
        (r"bytes = \d+", f"bytes = {1 << 62}"),
    ],
)
@pytest.mark.parametrize("spec", ["hf:someone/demo:Q8_0", "plain"])
def test_a_hostile_manifest(
    hub: Hub, demo_pack: Path, tmp_path: Path, spec: str, found: str, instead: str
) -> None:
    """It is refused in a sentence before anything but itself is fetched."""
    folder = tmp_path / "pack"
    shutil.copytree(demo_pack, folder)
    text = (folder / "pack.toml").read_text()
    changed = re.sub(found, instead, text, count=1)
    assert changed != text
    (folder / "pack.toml").write_text(changed)
    hub.publish("someone/demo", folder)
    words = refusal(f"{hub.url}/plain/someone/demo/" if spec == "plain" else spec)
    assert "its pack.toml is not a valid manifest" in words
    assert words.isprintable()
    assert not any(".gguf" in request for request in hub.requests)


def test_a_folder(hub: Hub, tiny: Path, entry: str) -> None:
    """A pack of the catalogue from a disk that somebody brought, without any hub."""
    hub.requests.clear()
    expect_installed(pull("tiny:Q8_0", origin=str(tiny)), "tiny:Q8_0", tiny / FILE)
    assert hub.requests == []


def test_split_models_are_one_thing(hub: Hub, tmp_path: Path, split_gguf: SplitGguf) -> None:
    """All parts come, under names that belong together, whatever the folder they were in."""
    folder = tmp_path / "repository"
    (folder / "F32").mkdir(parents=True)
    for path in split_gguf("Model-F32"):
        shutil.copy(path, folder / "F32" / path.name)
    hub.publish("someone/Model-GGUF", folder)
    [model] = pull("hf:someone/Model-GGUF").models
    assert [file.path.name for file in model.files] == [
        part_name("Model-F32", number, 3) for number in (1, 2, 3)
    ]
    (folder / "F32" / "Model-F32-00002-of-00003.gguf").unlink()
    Store(packs_directory()).remove("Model")
    assert "has no GGUF files" in refusal("hf:someone/Model-GGUF")


def test_a_token_goes_to_its_hub_alone(hub: Hub, tiny: Path) -> None:
    """Redirects lead elsewhere without it."""
    with serving() as caches:
        caches.publish("someone/Tiny-GGUF", tiny)
        hub.redirect = f"{caches.url}/plain/someone/Tiny-GGUF"
        expect_installed(pull("hf:someone/Tiny-GGUF:Q8_0"), "Tiny:Q8_0", tiny / FILE)
        assert len(hub.authorized) == 2
        assert caches.authorized == []
        assert any(FILE in request for request in caches.requests)


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a sentence."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("MODELSCOPE_URL_SCHEME", "http://")
    monkeypatch.setenv("MODELSCOPE_DOMAIN", "127.0.0.1:9")
    monkeypatch.setattr("localqwq.packs.download.retry.FIRST_S", 0.0)
    assert refusal("hf:someone/Tiny-GGUF:Q8_0") == (
        "hf:someone/Tiny-GGUF:Q8_0 cannot be downloaded from Hugging Face: http://127.0.0.1:9 "
        "cannot be reached. Pull it again later."
    )
    assert "the connection to http://127.0.0.1:9 was lost" in refusal("ms:someone/Tiny-GGUF:Q8_0")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nothing", "has no nothing: its nearest names are "),
        ("nothing", ". `localqwq models` lists all of it"),
        ("qwq-32b:Q9_X", "Q9_X is not a quantization: name one such as Q4_K_M"),
        ("qwq:32b-q9_x", "q9_x is not a quantization"),
        ("hf:someone/Some-GGUF:Q9_X", "Q9_X is not a quantization"),
        ("qwq-32b:TQ1_0", "qwq-32b has no TQ1_0: choose one of "),
        ("qwq:33b", "did you mean qwq-32b?"),
        ("QwQ-32:Q8_0", "did you mean qwq-32b?"),
        ("qwen2.5", "did you mean qwen2.5-7b, qwen2.5-3b or qwen2.5-32b?"),
        ("hf:Model", "hf:Model is not a repository: write hf:OWNER/REPOSITORY, or "),
        ("ms:a/b:Q4 K", "or ms:OWNER/REPOSITORY:QUANT"),
        ("someone/Model", "write hf:someone/Model"),
        ("./nowhere", "There is no file or folder ./nowhere"),
        ("http://example.org/a-Q8_0.gguf", "is plain HTTP"),
        ("https://me:secret@example.org/a-Q8_0.gguf", "contains a password"),
        ("https://exämple.org/a.gguf", "characters that a URL may not have"),
        ("https://[bad/a.gguf", "is not a URL"),
    ],
)
def test_what_cannot_be_asked_for(spec: str, words: str) -> None:
    """A sentence, and no connection."""
    message = refusal(spec)
    assert words in message
    assert "secret" not in message


@pytest.mark.parametrize(
    "location",
    [
        "http://cdn.example.org/x", "https://10.1.2.3/x", "https://127.0.0.1/x", "https://[::1]/x",
        "https://169.254.169.254/latest", "https://[fd00::1]/x", "https://[::ffff:192.168.0.1]/x",
        "https://100.64.0.1/x", "https://0.0.0.0/x", "ftp://example.org/x", "file:///etc/passwd",
        "https://me:you@example.org/x",
    ],
)  # fmt: skip
def test_redirects_that_are_refused(location: str) -> None:
    """Plain HTTP, private networks, this machine, other schemes, passwords."""
    asked = Address.of("https://hub.example.org/a")
    with pytest.raises(AddressRefused):
        check(asked.redirected(location), asked)


def test_redirects_that_are_followed() -> None:
    """To other public hosts, within the hub, and on loopback where the hub itself is there."""
    asked = Address.of("https://hub.example.org/a/b")
    check(asked.redirected("https://8.8.8.8/x?sign=1"), asked)
    check(asked.redirected("../c"), asked)
    assert asked.redirected("../c").url() == "https://hub.example.org/c"
    here = Address.of("http://127.0.0.1:80/a")
    check(here.redirected("http://127.0.0.1:90/x"), here)
    with pytest.raises(AddressRefused):
        check_peer("192.168.0.7", asked.redirected("https://cdn.example.org/"), asked)
    check_peer("192.168.0.7", asked, asked)
    check_peer("198.18.0.7", asked.redirected("https://cdn.example.org/"), asked)


def test_a_redirect_of_a_real_server_to_a_private_address(hub: Hub, tiny: Path) -> None:
    """It is refused before anything is sent there, and the next source is asked."""
    hub.redirect = "https://10.11.12.13/x"
    words = refusal("hf:someone/Tiny-GGUF:Q8_0")
    assert "private network" in words
