"""Proxies, companies' certificates, logins, storage hosts and servers of every kind."""

import errno
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from localqwq.errors import LocalqwqError
from localqwq.locations import config_directory, packs_directory
from localqwq.packs.download.addresses import Address, AddressRefused, check, check_peer
from localqwq.packs.download.certificates import trusted
from localqwq.packs.download.proxies import proxy_for, proxy_of
from localqwq.packs.download.retry import ATTEMPTS, CUTS, CUTS_S, LONGEST_S, Patience, wished_delay
from localqwq.packs.download.transfer import is_offline
from localqwq.packs.pull import pull
from localqwq.packs.store.store import Store
from tests.hub_server import Fault, Hub, serving
from tests.packs.test_pull_sources import ENTRY
from tests.proxies import Proxy, proxying

SPEC = "hf:someone/Tiny-GGUF:Q8_0"
FILE = "tiny-q8_0.gguf"
VARIABLES = (
    "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "HTTP_PROXY",
    "http_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
)  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A network without proxies and certificates of its own; nothing stays set."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("localqwq.packs.download.retry.FIRST_S", 0.0)
    trusted.cache_clear()
    close_client()
    yield
    trusted.cache_clear()
    close_client()


def close_client() -> None:
    """Have the hub's own client read the environment again."""
    from huggingface_hub.utils._http import close_session

    close_session()


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The certificate of a company that nobody else trusts."""
    path = tmp_path / "company.pem"
    company.cert_pem.write_to_path(str(path))
    return path


company = trustme.CA()


@pytest.fixture
def secure(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub by TLS, with a certificate of the company's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    company.issue_cert("127.0.0.1", "hub.example.org").configure_cert(context)
    with serving(context) as hub:
        hub.publish("someone/Tiny-GGUF", tiny)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def urls(hub: Hub) -> tuple[str, str]:
    """The file on the hub, and behind a plain URL."""
    return SPEC, f"{hub.url}/plain/someone/Tiny-GGUF/{FILE}"


def refusal(spec: str) -> str:
    """Why a pull fails."""
    with pytest.raises(LocalqwqError) as caught:
        pull(spec)
    assert "secret" not in str(caught.value)
    return str(caught.value)


def expect_pulled(tiny: Path, spec: str) -> None:
    """It comes, and is what it should be."""
    [model] = pull(spec).models
    assert model.path.read_bytes() == (tiny / FILE).read_bytes()
    Store(packs_directory()).remove(model.spec)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_of_a_company(
    secure: Hub, tiny: Path, authority: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Whichever variable names them, for the hub's client as for files."""
    for spec in urls(secure):
        words = refusal(spec)
        assert "has a certificate that is not valid here" in words
        assert "SSL_CERT_FILE or REQUESTS_CA_BUNDLE" in words
    close_client()
    trusted.cache_clear()
    monkeypatch.setenv(variable, str(authority))
    for spec in urls(secure):
        expect_pulled(tiny, spec)


def test_certificates_that_are_not_there(
    secure: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that names nothing, or a file without certificates, is a sentence."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    for spec in urls(secure):
        assert "which does not exist: correct that variable" in refusal(spec)
    (tmp_path / "text.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "text.pem"))
    assert "cannot be read" in refusal(urls(secure)[1])


@pytest.fixture
def proxied(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The company's certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_with_a_password(
    secure: Hub, tiny: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """It is given, and is in no sentence."""
    with proxying(("someone", "s:ecret/1")) as proxy:
        monkeypatch.setenv(variable, f"http://someone:s%3Aecret%2F1@127.0.0.1:{proxy.port}")
        for spec in urls(secure):
            expect_pulled(tiny, spec)
        assert len(proxy.asked) >= 4
        for nobody in ("127.0.0.1", "example.org,127.0.0.0/8", "127.0.0.2/30 , ::1/128"):
            monkeypatch.setenv("NO_PROXY", nobody)
            close_client()
            proxy.asked.clear()
            for spec in urls(secure):
                expect_pulled(tiny, spec)
            assert proxy.asked == []
        monkeypatch.setenv("NO_PROXY", "127.0.1.0/24,10.0.0.0/8,no/range")
        close_client()
        expect_pulled(tiny, SPEC)
        assert proxy.asked


@pytest.mark.usefixtures("proxied")
def test_a_proxy_that_refuses(secure: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the proxy that is named, not the hub, and the way out."""

    def both(login: str, proxy: Proxy) -> list[str]:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{login}127.0.0.1:{proxy.port}")
        close_client()
        return [refusal(spec) for spec in urls(secure)]

    with proxying(("someone", "right")) as proxy:
        for words in both("", proxy):
            assert f"the proxy 127.0.0.1:{proxy.port} requires a name and a password" in words
        for words in both("someone:secret@", proxy):
            assert "rejects the name and password" in words
    with proxying() as proxy:
        proxy.status = 403
        for words in both("", proxy):
            assert f"the proxy 127.0.0.1:{proxy.port} does not allow a connection" in words
        proxy.status = 502
        for words in both("", proxy):
            assert f"the proxy 127.0.0.1:{proxy.port} answers 502" in words
    for words in both("", proxy):  # which has ended
        assert f"the proxy 127.0.0.1:{proxy.port} cannot be reached" in words


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy(
    secure: Hub, tiny: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """With and without a login; what it refuses is told as its own."""

    def set_to(login: str, proxy: Proxy) -> None:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{login}127.0.0.1:{proxy.port}")
        close_client()

    with proxying(socks=True) as proxy:
        set_to("", proxy)
        for spec in urls(secure):
            expect_pulled(tiny, spec)
        assert len(proxy.asked) >= 4
        proxy.status = 2
        assert "does not allow a connection" in refusal(urls(secure)[1])
        proxy.status = 4
        assert "cannot reach 127.0.0.1 (host unreachable)" in refusal(urls(secure)[1])
    with proxying(("someone", "right"), socks=True) as proxy:
        set_to("someone:right@", proxy)
        for spec in urls(secure):
            expect_pulled(tiny, spec)
        set_to("someone:secret@", proxy)
        assert "does not accept the name and password" in refusal(urls(secure)[1])
        set_to("", proxy)
        assert "requires a name and a password" in refusal(urls(secure)[1])
        for spec in urls(secure):
            assert f"the proxy 127.0.0.1:{proxy.port}" in refusal(spec)


def test_proxies_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Schemes may be left out; what is no address of a proxy is a sentence without its login."""
    assert (proxy_of("proxy:3128").host, proxy_of("proxy:3128").port) == ("proxy", 3128)
    assert proxy_of("https://a:b@proxy").login == ("a", "b")
    for wrong in ("ftp://me:secret@proxy", "http://me:secret@:1", "http://proxy:none"):
        with pytest.raises(LocalqwqError) as caught:
            proxy_of(wrong)
        assert "secret" not in str(caught.value)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    assert proxy_for(Address.of("http://127.0.0.1/a")) is None
    assert proxy_for(Address.of("https://example.org/a")) == proxy_of("http://proxy:1")


@pytest.mark.usefixtures("proxied")
def test_a_proxy_of_another_kind(secure: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told at once, and without its login."""
    monkeypatch.setenv("ALL_PROXY", "socks4://me:secret@127.0.0.1:9")
    for spec in urls(secure):
        assert "The proxy 127.0.0.1:9 in HTTPS_PROXY or ALL_PROXY" in refusal(spec)


def test_a_token_that_has_expired(
    hub: Hub, tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The sentence says which token it is, what the hub says, and how to log in."""
    hub.busy = [Fault(401, {"X-Error-Message": "Invalid credentials in Authorization header"})]
    words = refusal(SPEC)
    assert "does not accept the token in HF_TOKEN" in words
    assert "Invalid credentials in Authorization header" in words
    assert "hf auth login" in words
    hub.busy = [Fault(400, {"X-Error-Message": "Something \x1b[2J else"})]
    words = refusal(SPEC)
    assert "the hub answers 400: Something" in words
    assert words.isprintable()
    hub.always[FILE] = Fault(401)
    assert "does not accept the token" in refusal(SPEC)


def test_a_link_to_storage_that_has_expired(hub: Hub, tiny: Path) -> None:
    """The hub gives a fresh one; a storage that refuses for good is told after a few."""
    with serving() as storage:
        storage.publish("someone/Tiny-GGUF", tiny)
        hub.redirect = f"{storage.url}/plain/someone/Tiny-GGUF"
        storage.faults[FILE] = [Fault(cut=1_000_000), Fault(status=403)]
        expect_pulled(tiny, SPEC)
        assert len([one for one in hub.requests if "/resolve/" in one]) == 3
        storage.always[FILE] = Fault(status=403)
        hub.requests.clear()
        assert "keeps its files, answers 403" in refusal(SPEC)
        assert len([one for one in hub.requests if "/resolve/" in one]) == 3


def test_a_hub_that_is_busy_for_long(hub: Hub, tiny: Path) -> None:
    """It is asked as often as a file is, after what it wishes, and somebody is told."""
    limit = {"RateLimit": '"api";r=0;t=0'}
    hub.busy = [Fault(503), Fault(503), Fault(429, limit), Fault(503), Fault(503)]
    notes: list[str] = []
    pull(SPEC, on_progress=lambda progress: notes.append(progress.note))
    assert hub.busy == []
    hub.busy = [Fault(429, {"RateLimit": '"api";r=0;t=700'})]
    assert "the hub answers 429" in refusal("hf:someone/Tiny-GGUF:Q4_K_M")


def test_a_hub_that_cannot_be_reached_while_another_can(
    hub: Hub, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some networks reach one hub alone: the other one is not waited for as long."""
    asked: list[int] = []

    class Ends(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked.append(1)

    folder = config_directory() / "catalogue"
    folder.mkdir(parents=True)
    (folder / "tiny.toml").write_text(ENTRY)
    hub.publish("other/Tiny-GGUF", tiny)
    with socketserver.TCPServer(("127.0.0.1", 0), Ends) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        assert pull("tiny:Q8_0").source == "ModelScope"
        alone = len(asked)
        refusal("hf:someone/Tiny-GGUF:Q4_K_M")
        server.shutdown()
    assert alone == 3
    assert len(asked) - alone == ATTEMPTS


class Patient(threading.Event):
    """Notes how long it is waited for, and lets nobody wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        """Nothing happens meanwhile."""
        self.waited += timeout or 0.0
        return False


def test_a_machine_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told within seconds, each thing once: nothing has come yet that would be lost."""
    monkeypatch.setattr("localqwq.packs.download.retry.FIRST_S", 1.0)
    folder = config_directory() / "catalogue"
    folder.mkdir(parents=True)
    again = ENTRY[ENTRY.index("[[origins]]") :].partition("[[origins]]")[2].partition("[[")[0]
    (folder / "tiny.toml").write_text(f"{ENTRY}\n[[origins]]{again}")
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    monkeypatch.setenv("MODELSCOPE_DOMAIN", "scope.invalid")
    notes: set[str] = set()
    for spec in (SPEC, "tiny:Q8_0", "ms:other/Tiny-GGUF:Q8_0"):
        stop = Patient()
        with pytest.raises(LocalqwqError) as caught:
            pull(spec, stop=stop, on_progress=lambda progress: notes.add(progress.note))
        said = str(caught.value)
        assert "cannot be reached (is this machine online?)" in said
        assert max(said.count("hub.invalid"), said.count("scope.invalid")) == 1
        assert stop.waited < 5
    assert notes == {""}


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN])
def test_no_way_to_a_host(number: int) -> None:
    """It is a machine without a network; a host that refuses or is silent is there."""
    assert is_offline(OSError(number, "no way"))
    assert is_offline(socket.gaierror(socket.EAI_AGAIN, "no name"))
    assert not is_offline(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
    assert not is_offline(TimeoutError())


def test_who_waits_is_told(hub: Hub, tiny: Path) -> None:
    """What is waited for, and for how long."""
    hub.busy = [Fault(429, {"RateLimit": '"api";r=0;t=1'})]
    notes: list[str] = []
    pull(SPEC, on_progress=lambda progress: notes.append(progress.note))
    assert "the hub answers 429: asking again in 1 s." in notes


@pytest.mark.parametrize(
    ("retry_after", "rate_limit", "seconds"),
    [
        ("7", None, 7.0),
        (" 7 ", '"api";r=0;t=9', 7.0),
        ("soon", None, None),
        (None, '"api";r=0;t=55', 55.0),
        (None, '"api"; r=0; t=55', 55.0),
        (None, '"api";r=12;t=55', None),
        (None, '"pages";t=5', 5.0),
        (None, "limit=5", None),
        (None, None, None),
    ],
)
def test_what_servers_wish(
    retry_after: str | None, rate_limit: str | None, seconds: float | None
) -> None:
    """``Retry-After`` comes first; a limit that is not reached asks for nothing."""
    assert wished_delay(retry_after, rate_limit) == seconds


def test_a_pause_after_many_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that always breaks is not made anew without end and without a pause."""
    monkeypatch.setattr("localqwq.packs.download.retry.FIRST_S", 1.0)
    now = 0.0
    patience = Patience(clock=lambda: now)

    def cut() -> float | None:
        patience.progress()
        return patience.delay(None)

    assert {cut() for _ in range(CUTS - 1)} == {0.0}
    delays = [cut() for _ in range(20)]
    assert delays[0] == 1.0
    assert delays == sorted(delay or 0 for delay in delays)
    assert delays[-1] == LONGEST_S
    now = CUTS_S + 1
    assert cut() == 0.0


@pytest.mark.parametrize("lacks", ["no_head", "no_length"])
def test_servers_that_say_little(hub: Hub, tiny: Path, lacks: str) -> None:
    """The first byte's answer says how long a file is where HEAD is refused or says nothing."""
    setattr(hub, lacks, True)
    expect_pulled(tiny, urls(hub)[1])


def test_a_server_that_compresses(hub: Hub, tiny: Path) -> None:
    """It is refused at once, for whatever comes would not be the file."""
    hub.always[FILE] = Fault(headers={"Content-Encoding": "gzip"})
    for spec in urls(hub):
        assert "compresses the data (gzip)" in refusal(spec)
    assert hub.contents(FILE) == [f"0-{(tiny / FILE).stat().st_size - 1}"]


@pytest.mark.parametrize(
    "peer",
    ["10.1.2.3", "100.64.7.8", "172.16.0.1", "192.168.1.1", "198.18.0.9", "fd00::1", "fc00::5"],
)
def test_networks_that_people_name(peer: str) -> None:
    """Programs for private networks answer a name with such addresses: it is what was named."""
    asked = Address.of("https://models.example.org/a.gguf")
    check_peer(peer, asked, asked)
    by_number = Address.of(f"https://{f'[{peer}]' if ':' in peer else peer}/a.gguf")
    check(by_number, by_number)


@pytest.mark.parametrize(
    "peer",
    ["64:ff9b::a01:203", "64:ff9b:1::c0a8:1", "2002:a01:203::1", "::ffff:10.1.2.3", "100.64.7.8",
     "2002:7f00:1::", "64:ff9b::7f00:1"],
)  # fmt: skip
def test_private_addresses_in_disguise(peer: str) -> None:
    """A redirect that leads to this network by NAT64 or 6to4 leads to this network."""
    asked = Address.of("https://hub.example.org/a")
    with pytest.raises(AddressRefused):
        check_peer(peer, asked.redirected("https://cdn.example.org/"), asked)
    literal = f"https://[{peer}]/" if ":" in peer else f"https://{peer}/"
    with pytest.raises(AddressRefused):
        check(asked.redirected(literal), asked)


@pytest.mark.parametrize("peer", ["64:ff9b::808:808", "64:ff9b:1::808:808", "2002:808:808::1"])
def test_public_addresses_by_way_of_nat64(peer: str) -> None:
    """Networks without IPv4 reach every cache that way."""
    asked = Address.of("https://hub.example.org/a")
    check_peer(peer, asked.redirected("https://cdn.example.org/"), asked)
