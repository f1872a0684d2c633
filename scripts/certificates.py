"""Certificates for the broker: ``make certificates``.

Makes an authority, unless it is there, and a certificate for the server, signed by it, with the
``openssl`` command. Clients are given ``ca.pem`` and nothing else; ``ca.key`` is shown to nobody.
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
"""Days a certificate is valid: what every common client still accepts of a private authority."""
AUTHORITY_DAYS = 3650

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
    """Make an authority: ``ca.pem``, and its private key ``ca.key`` that only its owner may read.

    It is never replaced: whatever it has signed would be void.

    Args:
        directory: made if it is missing, for its owner only.

    Returns:
        the certificate.

    Raises:
        SettingsError: a file is already there, cannot be written, or openssl is missing or fails.
    """
    return _make(directory, "ca", "Fleet telemetry authority", _AUTHORITY, AUTHORITY_DAYS, force=False)


def make_server_certificate(
    directory: Path, hosts: Sequence[str] = HOSTS, *, days: int = DAYS, force: bool = False
) -> Path:
    """Make ``server.pem`` and ``server.key``, signed by the authority of the directory.

    Args:
        directory: that of `make_authority`.
        hosts: every name and IP address by which clients reach the server; they refuse any other.
        days: how long it is valid from now.
        force: whether to replace the files.

    Returns:
        the certificate.

    Raises:
        SettingsError: as `make_authority`; or a host is neither a name nor an address.
    """
    names = ",".join(map(_alternative_name, hosts))
    extensions = (*_SIGNED, "extendedKeyUsage=serverAuth", f"subjectAltName={names}")
    # The name is only for people: clients compare the alternative ones, which have no limit of length.
    return _make(directory, "server", "Fleet telemetry broker", extensions, days, force=force)


def make_client_certificate(directory: Path, name: str, *, days: int = DAYS, force: bool = False) -> Path:
    """Make ``client-NAME.pem`` and its key, for a broker that asks for one; as `make_server_certificate`.

    Args:
        directory: that of `make_authority`.
        name: becomes the common name, which brokers can use as the user; letters, digits, ``._@-``.
        days: how long it is valid from now.
        force: whether to replace the files.
    """
    if not _CLIENT.fullmatch(name):
        raise SettingsError(
            f"expected a client's name of at most 64 letters, digits and ._@-, beginning with a letter or "
            f"digit, got {name!r}"
        )
    extensions = (*_SIGNED, "extendedKeyUsage=clientAuth")
    return _make(directory, f"client-{name}", name, extensions, days, force=force)


def _alternative_name(host: str) -> str:
    with contextlib.suppress(ValueError):
        if "%" not in host:  # a zone is of one machine
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
                f"expected no file {file} yet, there is one; "
                + ("remove it to begin anew" if stem == "ca" else "--force replaces it")
            )
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written beside and then moved: a run that is interrupted leaves no half of a file.
        with tempfile.TemporaryDirectory(dir=directory) as unfinished:
            made = Path(unfinished)
            (made / "cnf").write_text(_CONFIGURATION.format(name=name, extensions="\n".join(extensions)))
            if stem == "ca":
                _request(made, "-x509", "-extensions", "extensions", "-days", str(days))
            else:
                _request(made)
                _sign(made, directory, days)
            (made / "key").chmod(0o600)
            (made / "pem").chmod(0o644)
            (made / "key").replace(key)
            (made / "pem").replace(certificate)
    except OSError as error:
        raise SettingsError(f"cannot write to {directory}: {error.strerror or error}") from None
    return certificate


def _request(made: Path, *how: str) -> None:
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key")
    _openssl(made, "req", "-new", "-sha256", "-config", "cnf", *new_key, "-out", "pem", *how)


def _sign(made: Path, authority: Path, days: int) -> None:
    signer = [str((authority / file).resolve()) for file in ("ca.pem", "ca.key")]
    for file in signer:
        if not Path(file).is_file():
            raise SettingsError(f"expected the authority's {file}, found none; make it first")
    # Not a counter in a file, as openssl would keep: serial numbers must only differ.
    serial = f"0x{secrets.token_hex(15)}"
    by = ("-CA", signer[0], "-CAkey", signer[1], "-set_serial", serial, "-days", str(days), "-sha256")
    _openssl(made, "x509", "-req", "-in", "pem", *by, "-extfile", "cnf", "-extensions", "extensions",
             "-out", "signed")  # fmt: skip
    (made / "signed").replace(made / "pem")


def _openssl(directory: Path, *arguments: str) -> None:
    if shutil.which("openssl") is None:
        raise SettingsError(
            "expected openssl on the PATH, found none: apt-get install openssl, brew install openssl"
        )
    done = subprocess.run(["openssl", *arguments], cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "nothing")
        raise SettingsError(f"openssl {arguments[0]} failed: {said.strip()}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make what is asked for: authority and server certificate, or one for a client."""
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
        help="name or IP address of the server, beside this machine's own; may be repeated",
    )
    parser.add_argument("--client", metavar="NAME", help="make a certificate for this client instead")
    parser.add_argument("--force", action="store_true", help="replace a certificate; the authority stays")
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help="valid for so long (%(default)s)")
    parser.add_argument(
        "--directory", type=Path, default=DIRECTORY, metavar="DIR", help="to write to (%(default)s)"
    )
    options = parser.parse_args(arguments)
    if options.days < 1:
        parser.error(f"--days: expected 1 or more, got {options.days}")
    with exit_on_error("certificates"):
        directory, days, force = options.directory, options.days, options.force
        if options.client is not None:
            made = make_client_certificate(directory, options.client, days=days, force=force)
        else:
            if not (directory / "ca.pem").exists():
                make_authority(directory)
            hosts = (*HOSTS, *(options.host or ()))
            made = make_server_certificate(directory, hosts, days=days, force=force)
        print(f"made {made}, signed by {directory / 'ca.pem'}")


if __name__ == "__main__":
    main()
