"""The certificate of a server that speaks TLS itself."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from localqwq.errors import LocalqwqError


@dataclass(frozen=True, slots=True)
class Certificate:
    """The two files of a certificate, in PEM."""

    chain: Path
    """The certificate, followed by those between it and its authority."""
    key: Path
    """Its private key, without a password."""

    def check(self) -> None:
        """Raise :class:`LocalqwqError` with a sentence if they cannot be used."""
        for path, what in ((self.chain, "certificate"), (self.key, "private key")):
            try:
                path.open("rb").close()
            except OSError as error:
                raise LocalqwqError(
                    f"The {what} {path} cannot be read: {error.strerror or error}."
                ) from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.chain, self.key, password=self._no_password)
        except ssl.SSLError as error:
            raise LocalqwqError(
                f"{self.chain} and {self.key} are not a certificate and its private key in PEM "
                f"({error.reason or error}): give the certificate to --tls-cert and the key to "
                "--tls-key."
            ) from None

    def _no_password(self) -> str:
        raise LocalqwqError(
            f"The private key {self.key} has a password, which a server cannot type: remove it, "
            "for example with `openssl pkey`."
        )
