from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.app_keys import claims, pem, rsa_key
from tests.unit.adapters.github.loopback import NOW
from tide.adapters.github.app_key import AppIdentity, AppKey
from tide.domain.errors import Unauthorized


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "app.pem"
    path.write_text(pem(rsa_key()))
    return path


def test_a_token_names_the_app_and_bears_clocks_that_disagree(key_file: Path) -> None:
    found = claims(AppKey(AppIdentity("7", key_file)).token(NOW), rsa_key())
    assert found == {
        "iss": "7",
        "iat": int((NOW - timedelta(minutes=1)).timestamp()),
        "exp": int((NOW + timedelta(minutes=5)).timestamp()),
    }


def test_a_replaced_key_signs_the_next_token(key_file: Path) -> None:
    key = AppKey(AppIdentity("7", key_file))
    claims(key.token(NOW), rsa_key())
    key_file.write_text(f"\n{pem(rsa_key('two'))}\n\n")
    claims(key.token(NOW), rsa_key("two"))


def test_the_last_key_stays_while_the_file_is_broken(key_file: Path) -> None:
    key = AppKey(AppIdentity("7", key_file))
    key.check()
    key_file.write_text("half a key")
    claims(key.token(NOW), rsa_key())


def elliptic() -> str:
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is not a private key in PEM form"),
        ("ghp_not-a-key", "it is not a private key in PEM form"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "it is not a private key in PEM form"),
        (pem(rsa_key(), b"passphrase"), "it is protected by a passphrase"),
        (elliptic(), "it is not an RSA key"),
        (b"\xff\xfe", "it is not text"),
    ],
    ids=["empty", "a token", "broken", "protected", "elliptic", "binary"],
)
def test_what_is_no_key_is_told_in_one_line(tmp_path: Path, content: str | bytes, reason: str) -> None:
    path = tmp_path / "app.pem"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(Unauthorized) as caught:
        AppKey(AppIdentity("7", path)).check()
    assert str(caught.value) == f"no private key of a GitHub App can be read from {path}: {reason}"


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unauthorized, match="No such file"):
        AppKey(AppIdentity("7", tmp_path / "none")).check()


def test_nothing_shows_the_key(key_file: Path) -> None:
    key = AppKey(AppIdentity("7", key_file))
    key.check()
    assert "PRIVATE" not in f"{key!r} {key.name}"
