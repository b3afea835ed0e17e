"""The trusted certificates: the system's, or those that a company's network needs."""

import os
import ssl
from functools import cache
from pathlib import Path

from localqwq.errors import LocalqwqError

_OWN = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""The variables that OpenSSL and httpx2 read."""
_OTHERS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The variables that other programs read for the same purpose."""
ADVICE = (
    "if a company's network replaces certificates, set SSL_CERT_FILE or REQUESTS_CA_BUNDLE to the "
    "file with the company's"
)


def adopt_other_programs() -> None:
    """Make httpx2, and so the hub's own client, trust what other programs are set to trust.

    Raises:
        LocalqwqError: a variable names a path that does not exist.
    """
    own = [name for name in _OWN if os.environ.get(name)]
    for name in own or [name for name in _OTHERS if os.environ.get(name)][:1]:
        path = Path(os.environ[name])
        if not path.exists():
            raise LocalqwqError(
                f"{name} names {path}, which does not exist: correct that variable, or unset it."
            )
        if not own:
            os.environ["SSL_CERT_DIR" if path.is_dir() else "SSL_CERT_FILE"] = str(path)


@cache
def trusted() -> ssl.SSLContext:
    """Return the context that checks TLS connections.

    Raises:
        LocalqwqError: a variable names a file without certificates.
    """
    import httpx2  # knows where certificates are on every platform

    adopt_other_programs()
    try:
        return httpx2.create_ssl_context()
    except (ssl.SSLError, OSError) as error:
        place = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        raise LocalqwqError(
            f"The certificates at {place} cannot be read ({error}): name another file with "
            "SSL_CERT_FILE."
        ) from error
