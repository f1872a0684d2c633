"""The created certificates, checked with real TLS handshakes."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from config.errors import SettingsError
from scripts.certificates import (
    main,
    make_authority,
    make_client_certificate,
    make_server_certificate,
)
from tests.support.needs import need

need("openssl")


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The certificate of a new authority."""
    return make_authority(tmp_path / "made")


def shake_hands(
    server: Path, name: str, authority: Path, client: Path | None = None, *, ask: bool = False
) -> str | None:
    """Connect to a server with this certificate and exchange a few bytes.

    Args:
        server: the server's certificate; the key is beside it.
        name: the host name that the client expects.
        authority: the only one that client and server trust.
        client: the client's certificate.
        ask: whether the server requires one.

    Returns:
        the common name of the client, if it presented a certificate.
    """
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    serving.load_cert_chain(server, server.with_suffix(".key"))
    serving.verify_mode = ssl.CERT_REQUIRED if ask else ssl.CERT_NONE
    asking = ssl.create_default_context(cafile=authority)
    if client is not None:
        asking.load_cert_chain(client, client.with_suffix(".key"))
    near, far = socket.socketpair()
    shown: list[str | None] = []

    def serve() -> None:
        try:
            with serving.wrap_socket(far, server_side=True) as connection:
                subject: Any = (connection.getpeercert() or {}).get("subject", ())
                names = {key: value for part in subject for key, value in part}
                shown.append(names.get("commonName"))
                connection.sendall(b"word")
        except OSError:
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with asking.wrap_socket(near, server_hostname=name) as connection:
            assert connection.recv(4) == b"word"
    finally:
        near.close()
        thread.join(10)
    return shown[0]


@pytest.mark.parametrize("name", ["broker.example.org", "192.0.2.7", "2001:db8::7", "localhost", "127.0.0.1"])
def test_a_client_that_trusts_the_authority_trusts_the_server_under_all_its_names(
    name: str, tmp_path: Path
) -> None:
    hosts = ["--host", "broker.example.org", "--host", "192.0.2.7", "--host", "2001:db8::7"]
    main(["--directory", str(tmp_path / "made"), *hosts])
    shake_hands(tmp_path / "made" / "server.pem", name, tmp_path / "made" / "ca.pem")


@pytest.mark.parametrize("name", ["other.example.org", "192.0.2.8"])
def test_a_server_with_another_name_is_not_trusted(name: str, authority: Path) -> None:
    server = make_server_certificate(authority.parent, ["broker.example.org", "192.0.2.7"])
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(server, name, authority)


def test_a_server_of_another_authority_is_not_trusted(authority: Path, tmp_path: Path) -> None:
    another = make_authority(tmp_path / "another")
    server = make_server_certificate(another.parent)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, "localhost", authority)


def test_a_client_is_identified_by_its_name_and_cannot_pose_as_the_server(authority: Path) -> None:
    server = make_server_certificate(authority.parent)
    client = make_client_certificate(authority.parent, "VEH-0001")
    assert shake_hands(server, "localhost", authority, client, ask=True) == "VEH-0001"
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client, "localhost", authority)


def test_a_client_without_a_certificate_is_refused_where_one_is_required(authority: Path) -> None:
    server = make_server_certificate(authority.parent)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(server, "localhost", authority, ask=True)


def test_private_keys_are_readable_for_their_owner_only_and_no_other_file_is_left(authority: Path) -> None:
    directory = authority.parent
    make_server_certificate(directory)
    make_client_certificate(directory, "page")
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {
        "ca.pem": 0o644,
        "ca.key": 0o600,
        "server.pem": 0o644,
        "server.key": 0o600,
        "client-page.pem": 0o644,
        "client-page.key": 0o600,
    }
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_certificate_is_replaced_only_by_force_and_the_authority_never(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--directory", str(tmp_path)]
    main(arguments)
    files = ("ca.pem", "ca.key", "server.pem", "server.key")
    before = [(tmp_path / file).read_bytes() for file in files]
    capsys.readouterr()
    with pytest.raises(SystemExit, match="1"):
        main(arguments)
    assert capsys.readouterr().err == (
        f"certificates: expected {tmp_path / 'server.pem'} not to exist, it does; --force replaces it\n"
    )
    assert [(tmp_path / file).read_bytes() for file in files] == before
    main([*arguments, "--force"])
    after = [(tmp_path / file).read_bytes() for file in files]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False, False]
    shake_hands(tmp_path / "server.pem", "localhost", tmp_path / "ca.pem")
    with pytest.raises(SettingsError, match=r"ca\.pem not to exist, it does; remove it"):
        make_authority(tmp_path)


@pytest.mark.parametrize(
    "host",
    ["", "a b", "a,DNS:b.example", "x\n[extensions]", "-a", "300.1.1.1", "fe80::1%x\ny", "a..b", "ü.de"],
)
def test_an_invalid_host_is_reported_and_nothing_is_signed(host: str, authority: Path) -> None:
    with pytest.raises(SettingsError, match="expected a host name or an IP address, got "):
        make_server_certificate(authority.parent, [host])
    assert not list(authority.parent.glob("server*"))


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a\nb", "$ENV::HOME", ".hidden", "x" * 65])
def test_the_name_of_a_client_cannot_reach_another_file_or_the_configuration_of_openssl(
    name: str, authority: Path
) -> None:
    with pytest.raises(SettingsError, match="expected a client's name"):
        make_client_certificate(authority.parent, name)
    assert {file.name for file in authority.parent.iterdir()} == {"ca.pem", "ca.key"}


def test_errors_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def error(*arguments: str) -> str:
        with pytest.raises(SystemExit, match="1"):
            main(arguments)
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        return line

    (tmp_path / "file").touch()
    assert "cannot write to" in error("--directory", str(tmp_path / "file"))
    assert "expected the authority's" in error("--directory", str(tmp_path / "new"), "--client", "page")
    (tmp_path / "ca.pem").write_text("not PEM")
    (tmp_path / "ca.key").write_text("not PEM")
    assert "openssl x509 failed" in error("--directory", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "expected openssl on the PATH, found none" in error("--directory", str(tmp_path / "none"))
