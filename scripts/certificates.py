"""Certificates for the broker: ``make certificates``.

Creates a certificate authority, unless there is one, and a certificate for the server signed by it, with the
``openssl`` command. Clients need only ``ca.pem``; keep ``ca.key`` secret.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from config.errors import SettingsError, exit_on_error

DIRECTORY = Path(".broker")
HOSTS = ("localhost", "127.0.0.1", "::1")
DAYS = 825
"""Days a certificate is valid: the most that all common clients accept."""

AUTHORITY_DAYS = 3650
"""Days the authority is valid."""

_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*")
_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_AUTHORITY = (
    "basicConstraints=critical,CA:TRUE,pathlen:0",
    "keyUsage=critical,keyCertSign,cRLSign",
    "subjectKeyIdentifier=hash",
)
_SIGNED = (
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    "subjectKeyIdentifier=hash",
    "authorityKeyIdentifier=keyid",
)
_CONFIGURATION = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[extensions]
{extensions}
"""


def make_authority(directory: Path) -> Path:
    """Create a certificate authority: ``ca.pem``, and its private key ``ca.key`` for its owner only.

    An existing one is never replaced: every certificate that it signed would become invalid.

    Args:
        directory: created if it is missing, for its owner only.

    Returns:
        the certificate.

    Raises:
        SettingsError: a file exists already or cannot be written, or openssl is missing or fails.
    """
    return _make(directory, "ca", "Fleet telemetry authority", _AUTHORITY, AUTHORITY_DAYS, force=False)


def make_server_certificate(
    directory: Path, hosts: Sequence[str] = HOSTS, *, days: int = DAYS, force: bool = False
) -> Path:
    """Create ``server.pem`` and ``server.key``, signed by the authority in the directory.

    Args:
        directory: that of `make_authority`.
        hosts: every name and IP address that clients connect to; they reject any other.
        days: validity from now on.
        force: whether to replace existing files.

    Returns:
        the certificate.

    Raises:
        SettingsError: as in `make_authority`; or a host is neither a name nor an address.
    """
    names = ",".join(map(_alternative_name, hosts))
    extensions = (*_SIGNED, "extendedKeyUsage=serverAuth", f"subjectAltName={names}")
    # The common name is only for people: clients check the alternative names, whose length is not limited.
    return _make(directory, "server", "Fleet telemetry broker", extensions, days, force=force)


def make_client_certificate(directory: Path, name: str, *, days: int = DAYS, force: bool = False) -> Path:
    """Create ``client-NAME.pem`` and its key, for a broker that requires client certificates.

    Args:
        directory: that of `make_authority`.
        name: becomes the common name, which brokers can use as the user name; letters, digits, ``._@-``.
        days: validity from now on.
        force: whether to replace existing files.

    Returns:
        the certificate.

    Raises:
        SettingsError: as in `make_authority`; or the name has other characters.
    """
    if not _CLIENT.fullmatch(name):
        raise SettingsError(
            "expected a client's name of at most 64 letters, digits and ._@- that starts with a letter or "
            f"digit, got {name!r}"
        )
    extensions = (*_SIGNED, "extendedKeyUsage=clientAuth")
    return _make(directory, f"client-{name}", name, extensions, days, force=force)


def _alternative_name(host: str) -> str:
    with contextlib.suppress(ValueError):
        if "%" not in host:  # a zone index means something on one machine only
            return f"IP:{ipaddress.ip_address(host)}"
    if not _HOST.fullmatch(host) or re.fullmatch(r"[\d.]+", host):
        raise SettingsError(f"expected a host name or an IP address, got {host!r}; see --host")
    return f"DNS:{host}"


def _make(
    directory: Path, stem: str, name: str, extensions: Sequence[str], days: int, *, force: bool
) -> Path:
    certificate, key = directory / f"{stem}.pem", directory / f"{stem}.key"
    for file in (certificate, key):
        if file.exists() and not force:
            raise SettingsError(
                f"expected {file} not to exist, it does; "
                + ("remove it to start over" if stem == "ca" else "--force replaces it")
            )
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written elsewhere and then moved: an interrupted run leaves no incomplete file.
        with tempfile.TemporaryDirectory(dir=directory) as unfinished:
            work = Path(unfinished)
            (work / "cnf").write_text(_CONFIGURATION.format(name=name, extensions="\n".join(extensions)))
            if stem == "ca":
                _request(work, "-x509", "-extensions", "extensions", "-days", str(days))
            else:
                _request(work)
                _sign(work, directory, days)
            (work / "key").chmod(0o600)
            (work / "pem").chmod(0o644)
            (work / "key").replace(key)
            (work / "pem").replace(certificate)
    except OSError as error:
        raise SettingsError(f"cannot write to {directory}: {error.strerror or error}") from None
    return certificate


def _request(work: Path, *how: str) -> None:
    _openssl(
        work, "req", "-new", "-sha256", "-config", "cnf", *_NEW_KEY, "-keyout", "key", "-out", "pem", *how
    )


def _sign(work: Path, authority: Path, days: int) -> None:
    signer = [str((authority / file).resolve()) for file in ("ca.pem", "ca.key")]
    for file in signer:
        if not Path(file).is_file():
            raise SettingsError(
                f"expected the authority's {file}, found none; create it first, without --client"
            )
    # Random instead of the counter that openssl keeps in a file: serial numbers only have to differ.
    serial = f"0x{secrets.token_hex(15)}"
    by = ("-CA", signer[0], "-CAkey", signer[1], "-set_serial", serial, "-days", str(days), "-sha256")
    _openssl(work, "x509", "-req", "-in", "pem", *by, "-extfile", "cnf", "-extensions", "extensions",
             "-out", "signed")  # fmt: skip
    (work / "signed").replace(work / "pem")


def _openssl(directory: Path, *arguments: str) -> None:
    if shutil.which("openssl") is None:
        raise SettingsError(
            "expected openssl on the PATH, found none; install it: apt-get install openssl, "
            "brew install openssl"
        )
    done = subprocess.run(["openssl", *arguments], cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "nothing")
        raise SettingsError(f"openssl {arguments[0]} failed: {said.strip()}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Create authority and server certificate, or a client certificate."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.certificates",
        description=__doc__,
        epilog="examples:\n"
        "  python -m scripts.certificates --host broker.example.org --host 192.0.2.7\n"
        "  python -m scripts.certificates --host broker.example.org --force    # before it expires\n"
        "  python -m scripts.certificates --client dataflow",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--host",
        action="append",
        metavar="NAME",
        help="name or IP address of the server besides localhost; may be repeated",
    )
    parser.add_argument("--client", metavar="NAME", help="create a certificate for this client instead")
    parser.add_argument(
        "--force", action="store_true", help="replace an existing certificate, but never the authority"
    )
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help="validity (default: %(default)s)")
    parser.add_argument(
        "--directory",
        type=Path,
        default=DIRECTORY,
        metavar="DIR",
        help="directory to write to (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if options.days < 1:
        parser.error(f"--days: expected 1 or more, got {options.days}")
    with exit_on_error("certificates"):
        directory, days, force = options.directory, options.days, options.force
        if options.client is not None:
            certificate = make_client_certificate(directory, options.client, days=days, force=force)
        else:
            if not (directory / "ca.pem").exists():
                make_authority(directory)
            hosts = (*HOSTS, *(options.host or ()))
            certificate = make_server_certificate(directory, hosts, days=days, force=force)
        print(f"created {certificate}, signed by {directory / 'ca.pem'}")


if __name__ == "__main__":
    main()
