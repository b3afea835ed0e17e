"""The files of a certificate are checked before anything is loaded."""

from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from localqwq.errors import LocalqwqError
from localqwq.server.tls import Certificate


@pytest.fixture
def good(tmp_path: Path) -> Certificate:
    """A certificate for localhost, with its key."""
    issued = trustme.CA().issue_cert("localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return Certificate(chain, key)


def test_a_certificate_and_its_key(good: Certificate) -> None:
    """Nothing is wrong with them."""
    good.check()


def test_files_that_cannot_be_used(good: Certificate, tmp_path: Path) -> None:
    """One sentence names the file, and the way out."""
    other = trustme.CA().issue_cert("localhost").private_key_pem
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(other.bytes())
    empty = tmp_path / "empty.pem"
    empty.touch()
    for wrong, says in (
        (Certificate(tmp_path / "none.pem", good.key), "none.pem cannot be read: No such file"),
        (Certificate(good.chain, tmp_path), "cannot be read: Is a directory"),
        (Certificate(good.chain, foreign), "--tls-key"),
        (Certificate(good.key, good.chain), "--tls-cert"),
        (Certificate(empty, good.key), "empty.pem"),
        (Certificate(good.chain, empty), "empty.pem"),
    ):
        with pytest.raises(LocalqwqError, match=says):
            wrong.check()


def test_a_key_with_a_password(good: Certificate) -> None:
    """Nobody is asked for it on the terminal."""
    key = serialization.load_pem_private_key(good.key.read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    good.key.write_bytes(locked)
    with pytest.raises(LocalqwqError, match="has a password"):
        good.check()
