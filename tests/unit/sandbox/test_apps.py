from datetime import timedelta

import jwt
import pytest

from tests.app_keys import rsa_key
from tests.unit.sandbox.forges import START, Clock
from tide.sandbox.apps import App, Apps
from tide.sandbox.model import Repository
from tide.sandbox.state import Forge
from tide.sandbox.tokens import BadCredentialsError, Caller, Tokens

MINUTE = timedelta(minutes=1)


@pytest.fixture
def apps(forge: Forge) -> Apps:
    return Apps(forge)


@pytest.fixture
def app(apps: Apps) -> App:
    return apps.register(7, "mergers", rsa_key().public_key())


def signed(issuer: str = "7", issued: timedelta = -MINUTE, ends: timedelta = 5 * MINUTE, *, key: str = "one") -> str:
    claims = {"iss": issuer, "iat": int((START + issued).timestamp()), "exp": int((START + ends).timestamp())}
    return jwt.encode(claims, rsa_key(key), algorithm="RS256")


def caller(apps: Apps, token: str) -> Caller:
    return Tokens(apps).caller(f"Bearer {token}")


def test_a_signed_token_speaks_for_the_app(apps: Apps, app: App) -> None:
    found = caller(apps, signed())
    assert (found.app, found.login, found.account) == (app, "mergers[bot]", "app 7")


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (signed("8"), "could not be decoded"),
        (signed("x"), "could not be decoded"),
        (signed(key="two"), "could not be decoded"),
        ("a.b.c", "could not be decoded"),
        (signed(ends=-MINUTE), "must be a numeric value representing the future time"),
        (signed(ends=11 * MINUTE), "is too far in the future"),
        (signed(issued=MINUTE), "must be an Integer representing the time that the assertion was issued"),
    ],
    ids=["other app", "no number", "other key", "no token", "over", "too long", "from the future"],
)
@pytest.mark.usefixtures("app")
def test_a_token_that_is_no_good_is_told_in_githubs_words(apps: Apps, token: str, words: str) -> None:
    with pytest.raises(BadCredentialsError, match=words):
        caller(apps, token)


def test_without_apps_any_token_is_as_good_as_ever(apps: Apps) -> None:
    assert caller(apps, "a.b.c").login == "merge-bot"


def test_an_installation_sees_its_own_account_only(apps: Apps, app: App, repository: Repository) -> None:
    here, elsewhere = (caller(apps, apps.new_token(apps.install(app, org)).token) for org in ("acme", "umbra"))
    assert (here.sees(repository), elsewhere.sees(repository)) == (True, False)
    assert here.account != elsewhere.account


def test_an_installations_limits_are_the_same_for_all_its_tokens(apps: Apps, app: App) -> None:
    installed = apps.install(app, "acme")
    first, second = (caller(apps, apps.new_token(installed).token) for _ in range(2))
    assert first.account == second.account


def test_an_installations_token_is_over_after_an_hour(apps: Apps, app: App, clock: Clock) -> None:
    made = apps.new_token(apps.install(app, "acme"))
    clock.forward(minutes=59)
    assert caller(apps, made.token).installation is made.installation
    clock.forward(minutes=1)
    with pytest.raises(BadCredentialsError):
        caller(apps, made.token)


def test_what_was_suspended_or_removed_has_no_good_tokens(apps: Apps, app: App) -> None:
    installed = apps.install(app, "acme")
    token = apps.new_token(installed).token
    installed.suspended_at = START
    with pytest.raises(BadCredentialsError):
        caller(apps, token)
    installed.suspended_at = None
    assert caller(apps, token).installation is installed
    apps.uninstall(installed)
    with pytest.raises(BadCredentialsError):
        caller(apps, token)
