"""Whatever a signed webhook says, it is a hint that the rest of the program can use, or none."""

from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from tide.domain.keys import HeadKey, Hint, PoolKey, PullKey
from tide.web.hook_payloads import hint_of, place_of

EVENTS = st.sampled_from(
    ("check_run", "check_suite", "issues", "pull_request", "pull_request_review", "push", "status", "no_such_event")
)
FIELDS = ("repository", "full_name", "organization", "login", "pull_request", "number", "sha", "head_sha", "ref")
KEYS = st.sampled_from((*FIELDS, "check_run", "check_suite", "issue", "labels", "label", "name"))
SHA = "0123456789abcdef0123456789abcdef01234567"
# JSON may hold half a surrogate pair, which no encoder takes.
TEXTS = st.text(st.characters())
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXTS,
    st.sampled_from(("acme/rocket", "refs/heads/main", SHA, "tide/merge-blocker")),
    TEXTS.map(lambda text: f"refs/heads/{text}"),
    TEXTS.map(lambda text: f"acme/{text}"),
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12)
GOOD: dict[str, Any] = {
    "repository": {"full_name": "acme/rocket"},
    "pull_request": {"number": 7},
    "sha": SHA,
    "check_run": {"head_sha": SHA},
    "check_suite": {"head_sha": SHA},
    "ref": "refs/heads/main",
    "issue": {"labels": [{"name": "tide/merge-blocker"}]},
}


@given(EVENTS, st.dictionaries(KEYS, VALUES))
def test_a_hint_can_be_looked_up_or_is_none(event: str, changes: dict[str, Any]) -> None:
    payload = GOOD | changes
    hint = hint_of(event, payload, "tide/merge-blocker")
    assert hint is None or isinstance(hint, get_args(Hint))
    if hint is not None:
        # What Postgres and GitHub would not take must not get that far.
        assert "\x00" not in str(hint)
        str(hint).encode()
    if isinstance(hint, PullKey):
        assert 0 < hint.number < 2**31
    if isinstance(hint, HeadKey):
        assert len(hint.sha) in {40, 64}
    if isinstance(hint, PoolKey):
        assert hint.branch
    place_of(payload).encode()
