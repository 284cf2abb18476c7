import base64

import pytest

from tide.sandbox.registry import DEFAULT_LOGIN
from tide.sandbox.tokens import BadCredentialsError, Tokens


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.mark.parametrize(
    "authorization",
    ["token secret", "Bearer secret", basic("x-access-token", "secret"), basic("secret", "x-oauth-basic")],
)
def test_every_form_of_the_header_carries_the_token(authorization: str) -> None:
    tokens = Tokens()
    tokens.register("secret", "alice")
    assert tokens.caller(authorization).login == "alice"


def test_any_token_speaks_for_the_default_login() -> None:
    caller = Tokens().caller("token anything")
    assert (caller.login, caller.anonymous) == (DEFAULT_LOGIN, False)


def test_no_header_is_anonymous() -> None:
    assert Tokens().caller(None).anonymous


@pytest.mark.parametrize("authorization", ["token ", "token stolen", "Basic !", "Digest x", basic("", "")])
def test_what_is_no_good_is_refused(authorization: str) -> None:
    with pytest.raises(BadCredentialsError):
        Tokens(revoked={"stolen"}).caller(authorization)


def test_only_registered_tokens_may_be_good() -> None:
    tokens = Tokens(only_registered=True)
    tokens.register("secret", "alice")
    assert tokens.caller("token secret").login == "alice"
    with pytest.raises(BadCredentialsError):
        tokens.caller("token anything")
