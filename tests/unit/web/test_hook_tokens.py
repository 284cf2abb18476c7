import hashlib
import hmac
from pathlib import Path

import pytest

from tide.domain.errors import ConfigError
from tide.web.hook_tokens import HookTokenFile, HookTokens

BODY = b'{"zen": "Keep it logically awesome."}'
SEVERAL = b"""\
'*':
  - value: everywhere
    created_at: 2026-01-01T00:00:00Z
acme:
  - value: old-of-acme
    created_at: 2025-01-01T00:00:00Z
  - value: new-of-acme
    created_at: 2026-01-01T00:00:00Z
acme/rocket:
  - value: 1234567890
"""


def signature(token: str, body: bytes = BODY) -> bytes:
    return hmac.new(token.encode(), body, hashlib.sha256).digest()


def test_the_signature_is_the_one_of_githubs_documentation() -> None:
    # docs: "Validating webhook deliveries", "Testing the webhook payload validation"
    tokens = HookTokens.parse(b"It's a Secret to Everybody\n")
    expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert tokens.signers(b"Hello, World!", bytes.fromhex(expected)) == {"*"}


@pytest.mark.parametrize("text", [b"hush-hush", b"  hush-hush \n", b"hush-hush\r\n"])
def test_one_token_counts_everywhere(text: bytes) -> None:
    tokens = HookTokens.parse(text)
    assert tokens.signers(BODY, signature("hush-hush")) == {"*"}
    assert tokens.scope_of("acme/rocket") == tokens.scope_of("acme") == tokens.scope_of("") == "*"


@pytest.mark.parametrize("token", ["@strange", "{brace", "%percent", "- dash", "12345678", "[list]", "'quoted'"])
def test_a_token_may_look_like_yaml(token: str) -> None:
    assert HookTokens.parse(token.encode()).signers(BODY, signature(token)) == {"*"}


@pytest.mark.parametrize(
    ("token", "signers"),
    [
        ("everywhere", {"*"}),
        ("old-of-acme", {"acme"}),
        ("new-of-acme", {"acme"}),
        ("1234567890", {"acme/rocket"}),
        ("nobody", set()),
    ],
)
def test_several_tokens_are_told_apart_by_where_they_count(token: str, signers: set[str]) -> None:
    assert HookTokens.parse(SEVERAL).signers(BODY, signature(token)) == signers


@pytest.mark.parametrize(
    ("place", "scope"),
    [("acme/rocket", "acme/rocket"), ("acme/orbit", "acme"), ("acme", "acme"), ("other/rocket", "*"), ("", "*")],
)
def test_the_narrowest_place_counts(place: str, scope: str) -> None:
    assert HookTokens.parse(SEVERAL).scope_of(place) == scope


def test_another_body_or_signature_is_nobodys() -> None:
    tokens = HookTokens.parse(SEVERAL)
    made = signature("everywhere")
    assert tokens.signers(BODY + b" ", made) == set()
    assert tokens.signers(BODY, made[:-1] + bytes([made[-1] ^ 1])) == set()
    assert tokens.signers(BODY, b"") == set()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" \n",
        b"\xff\xfe",
        b"one-token\nand-another\n",
        b"half: a-token\n",
        b"acme: [plain-token]\n",
        b"acme:\n  - value: ''\n",
        b"acme:\n  - created_at: 2026-01-01T00:00:00Z\n",
        b"acme:\n  - value: {nested-token: 1}\n",
        b"acme:\n\t- value: tab-token\n",
    ],
)
def test_what_is_no_secret_is_refused_without_being_shown(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hmac"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=r"no webhook secret can be read from .*hmac: .") as refused:
        HookTokenFile(path, lambda _token: None)
    assert "token:" not in str(refused.value)
    assert "-token" not in str(refused.value)


def test_a_missing_file_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        HookTokenFile(tmp_path / "missing", lambda _token: None)


def test_tokens_are_not_shown_by_their_values() -> None:
    assert "of-acme" not in repr(HookTokens.parse(SEVERAL))


def test_every_token_is_hidden_before_it_is_used(tmp_path: Path) -> None:
    path, hidden = tmp_path / "hmac", list[str]()
    path.write_bytes(SEVERAL)
    file = HookTokenFile(path, hidden.append)
    assert hidden == ["everywhere", "old-of-acme", "new-of-acme", "1234567890"]
    path.write_bytes(b"one-more")
    file.tokens()
    assert hidden[-1] == "one-more"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "hmac"
    path.write_bytes(b"first")
    file = HookTokenFile(path, lambda _token: None)
    path.write_bytes(b"second")
    assert file.tokens().signers(BODY, signature("second"))
    assert not file.tokens().signers(BODY, signature("first"))


def test_a_swapped_link_is_read_again(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
    path, swapped = tmp_path / "hmac", tmp_path / "swapped"
    path.symlink_to("first")
    file = HookTokenFile(path, lambda _token: None)
    swapped.symlink_to("second")
    swapped.rename(path)
    assert file.tokens().signers(BODY, signature("second"))


def test_the_last_tokens_stay_while_the_file_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "hmac"
    path.write_bytes(b"first")
    file = HookTokenFile(path, lambda _token: None)
    path.write_bytes(b"")
    assert file.tokens().signers(BODY, signature("first"))
    path.unlink()
    assert file.tokens().signers(BODY, signature("first"))
    path.write_bytes(b"second")
    assert file.tokens().signers(BODY, signature("second"))
