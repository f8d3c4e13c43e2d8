"""A private authority with a server and a client certificate: tests prove TLS both ways."""

import subprocess
from pathlib import Path

_CONFIG = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def make_certificates(folder: Path) -> None:
    """Write `ca.pem`, `server.pem`, `client.pem` and their keys, `ca.key` …, valid for 30 days."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "openssl.cnf").write_text(_CONFIG, encoding="utf-8")
    _make(folder, "ca", "authority")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key"]
    _make(folder, "server", "server", *signed)
    _make(folder, "client", "client", *signed)


def _make(folder: Path, name: str, section: str, *signed: str) -> None:
    command = ["openssl", "req", "-x509", "-config", "openssl.cnf", "-extensions", section]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "30", "-subj", f"/CN=rmqsync tests {name}", *signed]
    command += ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl made no certificate for {name}:\n{done.stderr[-2000:]}")
