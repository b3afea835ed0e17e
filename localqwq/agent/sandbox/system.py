"""What every program in the sandbox may use of the system."""

from pathlib import Path

SYSTEM = tuple(
    map(
        Path,
        (
            "/usr",
            "/bin",
            "/sbin",
            "/lib",
            "/lib64",
            "/opt",
            "/etc/alternatives",
            "/etc/ld.so.cache",
            "/etc/ld.so.conf",
            "/etc/ld.so.conf.d",
            "/etc/localtime",
            "/etc/ssl/openssl.cnf",
            "/etc/pki/tls/openssl.cnf",
            "/nix/store",
        ),
    )
)
"""Programs and libraries; without the rest of ``/etc``, which describes this machine.

Node does not start if it may not read OpenSSL's settings.
"""
NETWORK = tuple(
    map(
        Path,
        (
            "/etc/resolv.conf",
            "/etc/hosts",
            "/etc/host.conf",
            "/etc/nsswitch.conf",
            "/etc/gai.conf",
            "/etc/services",
            "/etc/protocols",
            "/etc/ssl/certs",
            "/etc/ssl/cert.pem",
            "/etc/ca-certificates",
            "/etc/pki/tls",
            "/etc/pki/ca-trust/extracted",
        ),
    )
)
"""What else programs with network need: names of hosts and certificates, without private keys."""
DEVICES = tuple(map(Path, ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")))
