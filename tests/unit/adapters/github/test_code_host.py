import asyncio
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.unit.adapters.github import nodes
from tests.unit.adapters.github.loopback import Connection, Seen, bad_gateway, closed_port, cut_short, refused
from tide.adapters.github.calls import CallKind
from tide.adapters.github.search import PAGE_SIZE
from tide.domain.actions import Target
from tide.domain.errors import (
    BadAnswer,
    NotFound,
    RateLimited,
    Transient,
    Unauthorized,
    Unavailable,
)
from tide.domain.keys import PullKey, RepoKey
from tide.domain.outcomes import Merged, NotMerged, Refusal
from tide.domain.pulls import ContextState, MergeMethod, RepoSettings
from tide.ports.code_host import Commit, PartlyRead, Searches, StatusPost

ROCKET = RepoKey("acme", "rocket")
SHA = "c" * 40


def key(number: int) -> PullKey:
    return PullKey("acme", "rocket", number)


def head_page(*contexts: nodes.Node | None, after: str | None = None) -> Response:
    head = {"__typename": "Commit"} | nodes.commit(contexts, after=after)
    return nodes.answer({"repository": {"object": head}})


async def test_all_pages_of_a_search_are_read_and_counted(connection: Connection) -> None:
    connection.loopback.reply(nodes.found([nodes.pull(1), nodes.pull(2)], 3, "two"), nodes.found([nodes.pull(3)], 3))
    async with connection.github() as host:
        found = await host.search_pulls("is:pr repo:acme/rocket")
        assert host.calls.counts == {CallKind.GRAPHQL: 2}
        assert host.calls.points == 2
    assert [pull.number for pull in found.pulls] == [1, 2, 3]
    assert found.complete
    first, second = connection.loopback.seen
    assert first.path == "/graphql"
    assert first.variables == {"query": "is:pr repo:acme/rocket sort:created-asc", "first": PAGE_SIZE, "after": None}
    assert second.variables["after"] == "two"


async def test_contexts_beyond_the_first_hundred_are_read(connection: Connection) -> None:
    hundred = [nodes.status(f"ci-{number:03}") for number in range(100)]
    connection.loopback.reply(
        nodes.found([nodes.with_contexts(1, hundred, after="100")], 1),
        head_page(*[nodes.check_run(f"run-{number:03}") for number in range(100)], after="200"),
        head_page(nodes.status("last", "FAILURE")),
    )
    async with connection.github() as host:
        (pull,) = (await host.search_pulls("is:pr")).pulls
    assert len(pull.contexts) == 201
    assert pull.contexts_known
    assert {context.name: context.state for context in pull.contexts}["last"] is ContextState.FAILURE
    asked = [seen.variables for seen in connection.loopback.seen[1:]]
    assert asked == [{"owner": "acme", "name": "rocket", "oid": nodes.HEAD, "after": at} for at in ("100", "200")]


async def test_a_head_that_is_not_listed_is_read_itself(connection: Connection) -> None:
    listed = {"nodes": [{"commit": nodes.commit([nodes.status("old")], oid="f" * 40)}]}
    connection.loopback.reply(nodes.found([nodes.pull(1, commits=listed)], 1), head_page(nodes.status("new")))
    async with connection.github() as host:
        (pull,) = (await host.search_pulls("is:pr")).pulls
    assert [context.name for context in pull.contexts] == ["new"]
    assert connection.loopback.seen[1].variables["after"] is None


@pytest.mark.parametrize(
    "failing",
    [
        nodes.answer({"repository": {"object": None}}),
        nodes.answer({"repository": None}, nodes.error("FORBIDDEN", "no", "repository")),
        refused(404, "Not Found"),
    ],
)
async def test_contexts_that_cannot_be_read_are_not_known(connection: Connection, failing: Response) -> None:
    connection.loopback.reply(
        nodes.found([nodes.with_contexts(1, [nodes.status("a")], after="1"), nodes.pull(2)], 2), failing
    )
    async with connection.github() as host:
        found = await host.search_pulls("is:pr")
    assert [(pull.number, pull.contexts_known) for pull in found.pulls] == [(1, False), (2, True)]
    assert found.complete


@pytest.mark.parametrize(("listed", "is_known"), [([], True), (None, False)])
async def test_no_contexts_are_told_from_hidden_ones(
    connection: Connection, listed: list[nodes.Node] | None, *, is_known: bool
) -> None:
    page = {"totalCount": 0, "pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": listed}
    head = {"oid": nodes.HEAD, "statusCheckRollup": {"contexts": page}}
    connection.loopback.reply(nodes.found([nodes.pull(1, commits={"nodes": [{"commit": head}]})], 1))
    async with connection.github() as host:
        (pull,) = (await host.search_pulls("is:pr")).pulls
    assert (pull.contexts, pull.contexts_known) == ((), is_known)


async def test_contexts_that_go_on_nowhere_are_not_known(connection: Connection) -> None:
    page = {"totalCount": 2, "pageInfo": {"hasNextPage": True, "endCursor": None}, "nodes": [nodes.status("a")]}
    connection.loopback.reply(
        nodes.found([nodes.with_contexts(1, [nodes.status("a")], after="1"), nodes.pull(2)], 2),
        nodes.answer(
            {
                "repository": {
                    "object": {"__typename": "Commit", "oid": nodes.HEAD, "statusCheckRollup": {"contexts": page}}
                }
            }
        ),
    )
    async with connection.github() as host:
        found = await host.search_pulls("is:pr")
    assert [(pull.number, pull.contexts_known) for pull in found.pulls] == [(1, False), (2, True)]


async def test_a_part_that_may_not_be_seen_holds_only_its_pull_request(connection: Connection) -> None:
    hidden = nodes.error("FORBIDDEN", "Resource not accessible", "search", "nodes", 0, "commits", "nodes", 0)
    connection.loopback.reply(nodes.found([nodes.pull(1), nodes.pull(2)], 2, None, hidden))
    async with connection.github() as host:
        found = await host.search_pulls("is:pr")
    assert [(pull.number, pull.contexts_known) for pull in found.pulls] == [(1, False), (2, True)]


async def test_a_null_among_the_results_makes_the_search_incomplete(connection: Connection) -> None:
    hidden = nodes.error("FORBIDDEN", "protected by SAML", "search", "nodes", 0)
    issue = {"__typename": "Issue"}
    connection.loopback.reply(
        nodes.found([None, nodes.pull(2), issue, nodes.pull(3, headRefOid=None)], 4, None, hidden)
    )
    async with connection.github() as host:
        found = await host.search_pulls("is:pr")
    assert [pull.number for pull in found.pulls] == [2]
    assert not found.complete
    assert found.error == "2 results could not be read: protected by SAML"


@pytest.mark.parametrize(
    "search",
    [
        None,
        {"nodes": []},
        {"nodes": None, "issueCount": 0, "pageInfo": {"hasNextPage": False}},
        {"nodes": [], "issueCount": "many", "pageInfo": {"hasNextPage": False}},
        {"nodes": [], "issueCount": 0, "pageInfo": None},
        {"nodes": [], "issueCount": 9, "pageInfo": {"hasNextPage": True, "endCursor": None}},
    ],
)
async def test_a_search_answered_in_another_form_is_an_error_of_github(
    connection: Connection, search: nodes.Node | None
) -> None:
    connection.loopback.reply(*[nodes.answer({"search": search})] * 2)
    async with connection.github() as host:
        with pytest.raises(BadAnswer):
            await host.search_pulls("is:pr")
        with pytest.raises(BadAnswer):
            await host.search_blockers("is:issue")


async def test_a_search_that_fails_half_way_keeps_what_it_has(connection: Connection) -> None:
    connection.loopback.reply(nodes.found([nodes.pull(1)], 2, "one"), *[bad_gateway()] * 4)
    async with connection.github() as host:
        found = await host.search_pulls("is:pr")
    assert [pull.number for pull in found.pulls] == [1]
    assert not found.complete
    assert "502 Bad Gateway" in found.error


async def test_a_query_is_tried_again_after_what_may_pass(connection: Connection) -> None:
    slow = nodes.answer({"search": None}, {"message": "Something went wrong while executing your query."})
    connection.loopback.reply(bad_gateway(), cut_short(), slow, nodes.found([nodes.pull(1)], 1))
    async with connection.github() as host:
        assert (await host.search_pulls("is:pr")).complete
        assert host.calls.counts[CallKind.GRAPHQL] == 4


async def test_a_query_that_github_does_not_understand_is_not_repeated(connection: Connection) -> None:
    connection.loopback.reply(nodes.answer(None, {"message": "Field 'x' doesn't exist"}))
    async with connection.github() as host:
        with pytest.raises(BadAnswer, match="Field 'x' doesn't exist"):
            await host.search_pulls("is:pr")
    assert len(connection.loopback.seen) == 1


async def test_a_limit_told_by_graphql_is_honoured(connection: Connection) -> None:
    limited = nodes.answer(None, {"type": "RATE_LIMITED", "message": "API rate limit exceeded"})
    limited.headers["Retry-After"] = "20"
    connection.loopback.reply(limited, nodes.found([], 0))
    async with connection.github() as host:
        assert (await host.search_pulls("is:pr")).complete
    assert connection.clock.slept == [21]


async def test_pull_requests_are_read_one_by_one_and_then_together(connection: Connection) -> None:
    for number in (1, 2):
        connection.loopback.reply(nodes.answer({"repository": {"pullRequest": nodes.pull(number)}}))
    connection.loopback.reply(
        nodes.answer({"nodes": [nodes.pull(1, state="MERGED"), None]}, nodes.error("NOT_FOUND", "gone", "nodes", 1))
    )
    async with connection.github() as host:
        first = await host.read_pulls([key(1), key(2), key(1)])
        second = await host.read_pulls([key(2), key(1)])
    assert [pull and pull.number for pull in first.values()] == [1, 2]
    assert list(second) == [key(2), key(1)]
    assert second[key(2)] is None
    merged = second[key(1)]
    assert merged is not None
    assert merged.is_merged
    assert connection.loopback.seen[2].variables == {"ids": ["PR_1", "PR_2"]}


async def test_many_pull_requests_are_read_a_page_at_a_time(connection: Connection) -> None:
    everything = [nodes.pull(number) for number in range(1, 81)]
    connection.loopback.reply(nodes.found(everything, 80))

    def by_id(seen: Seen) -> Response:
        return nodes.answer({"nodes": [nodes.pull(int(name.removeprefix("PR_"))) for name in seen.variables["ids"]]})

    connection.loopback.reply(by_id, by_id)
    async with connection.github() as host:
        await host.search_pulls("is:pr")
        read = await host.read_pulls([key(number) for number in range(1, 81)])
    assert all(pull and pull.key == name for name, pull in read.items())
    assert [len(seen.variables["ids"]) for seen in connection.loopback.seen[1:]] == [PAGE_SIZE, 80 - PAGE_SIZE]


@pytest.mark.parametrize(
    "gone",
    [
        nodes.answer(
            {"repository": {"pullRequest": None}}, nodes.error("NOT_FOUND", "no", "repository", "pullRequest")
        ),
        nodes.answer({"repository": None}, nodes.error("NOT_FOUND", "no", "repository")),
    ],
)
async def test_a_pull_request_that_does_not_exist_is_none(connection: Connection, gone: Response) -> None:
    connection.loopback.reply(gone)
    async with connection.github() as host:
        assert await host.read_pulls([key(9)]) == {key(9): None}


async def test_a_pull_request_that_may_not_be_seen_is_an_error(connection: Connection) -> None:
    forbidden = nodes.error("FORBIDDEN", "protected by SAML", "repository", "pullRequest")
    connection.loopback.reply(nodes.answer({"repository": {"pullRequest": None}}, forbidden))
    async with connection.github() as host:
        with pytest.raises(PartlyRead, match="acme/rocket#9: GraphQL: protected by SAML"):
            await host.read_pulls([key(9)])


async def test_pull_requests_that_cannot_be_read_are_told_from_those_that_can(connection: Connection) -> None:
    connection.loopback.reply(
        nodes.found([nodes.pull(number) for number in (1, 2, 3, 4)], 4),
        nodes.answer(
            {"nodes": [nodes.pull(1), None, nodes.pull(3, headRefOid=None), None]},
            nodes.error("FORBIDDEN", "protected by SAML", "nodes", 1),
            nodes.error("NOT_FOUND", "gone", "nodes", 3),
        ),
    )
    async with connection.github() as host:
        await host.search_pulls("is:pr")
        with pytest.raises(PartlyRead, match="and 1 more") as raised:
            await host.read_pulls([key(number) for number in (1, 2, 3, 4)])
    assert {name.number: pull and pull.number for name, pull in raised.value.found.items()} == {1: 1, 4: None}
    assert {name.number: "SAML" in why for name, why in raised.value.lost.items()} == {2: True, 3: False}


async def test_a_pull_request_of_a_renamed_repository_is_not_there_under_the_old_name(connection: Connection) -> None:
    renamed = {"name": "engine", "nameWithOwner": "acme/engine", "owner": {"login": "acme"}}
    connection.loopback.reply(nodes.answer({"repository": {"pullRequest": nodes.pull(9, repository=renamed)}}))
    async with connection.github() as host:
        assert await host.read_pulls([key(9)]) == {key(9): None}


async def test_a_commit_has_its_tree_and_parents(connection: Connection) -> None:
    told = {"sha": SHA, "tree": {"sha": "t"}, "parents": [{"sha": "p"}, {"sha": "q"}], "message": "…"}
    connection.loopback.reply(JSONResponse(told))
    async with connection.github() as host:
        assert await host.commit(ROCKET, SHA) == Commit(SHA, "t", ("p", "q"))
    assert connection.loopback.seen[0].path == f"/repos/acme/rocket/git/commits/{SHA}"


async def test_settings_say_what_a_repository_allows(connection: Connection) -> None:
    told = {"allow_merge_commit": False, "allow_squash_merge": True, "allow_rebase_merge": False, "archived": True}
    connection.loopback.reply(JSONResponse(told), JSONResponse({"archived": False}))
    async with connection.github() as host:
        assert await host.repo_settings(ROCKET) == RepoSettings(
            allow_merge=False, allow_squash=True, allow_rebase=False, is_archived=True
        )
        assert await host.repo_settings(ROCKET) == RepoSettings()


async def test_blockers_are_open_issues_with_the_branches_of_their_titles(connection: Connection) -> None:
    connection.loopback.reply(
        nodes.answer(
            {
                "search": {
                    "issueCount": 3,
                    "pageInfo": {"hasNextPage": True, "endCursor": "next"},
                    "nodes": [nodes.issue(3, "Broken branch:release-1"), nodes.issue(4, "Fixed", state="CLOSED")],
                }
            }
        ),
        nodes.found([nodes.issue(5, "All stop")], 3),
    )
    async with connection.github() as host:
        found = await host.search_blockers("is:issue")
    assert [(one.repo, one.blocker.number, one.blocker.title, one.blocker.branches) for one in found] == [
        (ROCKET, 3, "Broken", ("release-1",)),
        (ROCKET, 5, "All stop", ()),
    ]
    assert connection.loopback.seen[1].variables == {"query": "is:issue", "after": "next"}


@pytest.mark.parametrize(
    "partial",
    [
        nodes.found([None], 1),
        nodes.found([nodes.issue(1, "x")], 1, None, nodes.error("FORBIDDEN", "no", "search", "nodes", 0, "title")),
        nodes.found([nodes.issue(1, "x")], 1001, "next"),
    ],
)
async def test_blockers_read_in_part_are_an_error(connection: Connection, partial: Response) -> None:
    connection.loopback.reply(partial)
    async with connection.github() as host:
        with pytest.raises((Unavailable, Unauthorized, BadAnswer)):
            await host.search_blockers("is:issue")


async def test_a_status_is_posted_as_github_wants_it(connection: Connection) -> None:
    connection.loopback.reply(JSONResponse({}, 201), JSONResponse({}, 201))
    async with connection.github() as host:
        await host.post_status(ROCKET, SHA, StatusPost("tide", ContextState.SUCCESS, "x" * 150, "https://ci.example"))
        await host.post_status(ROCKET, SHA, StatusPost("tide", ContextState.EXPECTED, ""))
        assert host.calls.counts == {CallKind.REST_WRITE: 2}
    first, second = connection.loopback.seen
    assert (first.method, first.path) == ("POST", f"/repos/acme/rocket/statuses/{SHA}")
    assert first.body == {
        "context": "tide",
        "state": "success",
        "description": "x" * 140,
        "target_url": "https://ci.example",
    }
    assert second.body == {"context": "tide", "state": "pending", "description": ""}


@pytest.mark.parametrize(
    ("answer", "takes_more"),
    [
        (refused(404, "Not Found"), True),
        (
            JSONResponse(
                {
                    "message": "Validation Failed",
                    "errors": ["This SHA and context has reached the maximum number of statuses."],
                },
                422,
            ),
            False,
        ),
    ],
)
async def test_a_status_that_can_no_longer_be_set_is_let_be(
    connection: Connection,
    answer: Response,
    takes_more: bool,  # noqa: FBT001 - a row of the table
) -> None:
    connection.loopback.reply(answer)
    async with connection.github() as host:
        assert await host.post_status(ROCKET, SHA, StatusPost("tide", ContextState.SUCCESS, "")) is takes_more
    assert len(connection.loopback.seen) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(422, "No commit found for SHA"), BadAnswer),
        (refused(403, "Resource not accessible"), Unauthorized),
        (refused(401, "Bad credentials"), Unauthorized),
        (bad_gateway(), Unavailable),
        (refused(429, "slow down", {"Retry-After": "1"}), RateLimited),
    ],
)
async def test_a_status_that_is_refused_is_an_error_at_once(
    connection: Connection, answer: Response, kind: type[Exception]
) -> None:
    connection.loopback.reply(answer)
    async with connection.github() as host:
        with pytest.raises(kind):
            await host.post_status(ROCKET, SHA, StatusPost("tide", ContextState.SUCCESS, ""))
    assert len(connection.loopback.seen) == 1
    assert connection.clock.slept == []


async def test_a_merge_pins_the_head(connection: Connection) -> None:
    connection.loopback.reply(JSONResponse({"sha": "landed", "merged": True, "message": "merged"}))
    async with connection.github() as host:
        assert await host.merge(ROCKET, Target(7, SHA, MergeMethod.SQUASH)) == Merged("landed")
    (seen,) = connection.loopback.seen
    assert (seen.method, seen.path) == ("PUT", "/repos/acme/rocket/pulls/7/merge")
    assert seen.body == {"sha": SHA, "merge_method": "squash"}


async def test_a_refused_merge_is_an_outcome(connection: Connection) -> None:
    connection.loopback.reply(refused(409, "Head branch was modified. Review and try the merge again."))
    async with connection.github() as host:
        answer = await host.merge(ROCKET, Target(7, SHA))
    assert answer == NotMerged(Refusal.HEAD_MODIFIED, "Head branch was modified. Review and try the merge again.")


@pytest.mark.parametrize("unclear", [bad_gateway(), cut_short(), JSONResponse({"message": "oops"}, 500), None])
async def test_a_merge_whose_answer_is_lost_is_sent_once(connection: Connection, unclear: Response | None) -> None:
    connection.loopback.reply(unclear)
    async with connection.github(request_timeout=timedelta(seconds=0.3)) as host:
        with pytest.raises(Unavailable):
            await host.merge(ROCKET, Target(7, SHA))
    assert len(connection.loopback.seen) == 1


async def test_a_limited_merge_does_not_wait(connection: Connection) -> None:
    connection.loopback.reply(refused(403, "secondary rate limit", {"Retry-After": "1"}))
    async with connection.github() as host:
        for _ in range(2):
            with pytest.raises(RateLimited):
                await host.merge(ROCKET, Target(7, SHA))
    assert len(connection.loopback.seen) == 1
    assert connection.clock.slept == []


async def test_a_cancelled_call_stays_cancelled(connection: Connection) -> None:
    connection.loopback.reply(None)
    async with connection.github() as host:
        call = asyncio.create_task(host.commit(ROCKET, SHA))
        await connection.loopback.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_the_start_is_fine_with_a_good_token_and_good_addresses(connection: Connection) -> None:
    connection.loopback.reply(JSONResponse({"resources": {}}), nodes.answer({}))
    async with connection.github() as host:
        await host.verify()
    assert [seen.path for seen in connection.loopback.seen] == ["/rate_limit", "/graphql"]


async def test_a_server_without_limits_is_fine(connection: Connection) -> None:
    connection.loopback.reply(refused(404, "Rate limiting is not enabled."), nodes.answer({}))
    async with connection.github() as host:
        await host.verify()


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (refused(401, "Bad credentials"), Unauthorized, "GitHub refuses the token in"),
        (refused(404, "Not Found"), NotFound, "rate_limit: Not Found"),
        (Response("<html>", media_type="text/html"), BadAnswer, "hardly GitHub's"),
        (bad_gateway(), Transient, "502"),
    ],
)
async def test_a_wrong_token_or_address_is_told_in_one_line_at_once(
    connection: Connection, answer: Response, kind: type[Exception], words: str
) -> None:
    connection.loopback.reply(answer)
    async with connection.github() as host:
        with pytest.raises(kind, match=words) as caught:
            await host.verify()
    assert "\n" not in str(caught.value)
    assert len(connection.loopback.seen) == 1


async def test_an_unreachable_github_is_told_at_once(connection: Connection) -> None:
    nowhere = closed_port()
    async with connection.github(endpoints=(nowhere,)) as host:
        with pytest.raises(Unavailable, match=nowhere):
            await host.verify()
        assert host.calls.counts == {CallKind.REST_GET: 1}


def _known(seen: Seen) -> Response:
    """Answer whatever is asked about pull requests by their ids; none of them has changed."""
    return nodes.answer(_as_known(seen))


def _as_known(seen: Seen) -> dict[str, Any]:
    asked = {"nodes" if name == "ids" else name: ids for name, ids in seen.variables.items() if isinstance(ids, list)}
    return {name: [nodes.pull(int(one.removeprefix("PR_"))) for one in ids] for name, ids in asked.items()}


def _answer_no_look(connection: Connection) -> list[PullKey]:
    """Let a search find 120 pull requests, and no look at any of them be answered; give which they are."""
    numbers = range(1, 121)
    connection.loopback.reply(nodes.found(list(map(nodes.pull, numbers)), len(numbers)))
    connection.loopback.otherwise = lambda seen: bad_gateway() if "first" in seen.variables else _known(seen)
    return list(map(key, numbers))


async def test_less_is_looked_at_after_a_look_that_github_did_not_answer(connection: Connection) -> None:
    keys = _answer_no_look(connection)
    async with connection.github() as host:
        await host.search_pulls("is:pr")
        failed = await host.follow_pulls(keys)
        assert [*failed.pulls] == keys
        seen_so_far = len(connection.loopback.seen)
        connection.loopback.otherwise = _known
        followed = await host.follow_pulls(keys)
    assert followed.pulls == failed.pulls
    (look,) = connection.loopback.seen[seen_so_far:]
    assert [len(look.variables[name]) for name in ("first", "second", "third")] == [50, 50, 20]


async def test_more_is_looked_at_again_little_by_little(connection: Connection) -> None:
    keys = _answer_no_look(connection)
    async with connection.github() as host:
        await host.search_pulls("is:pr")
        await host.follow_pulls(keys)
        connection.loopback.otherwise = _known
        for _ in range(3):
            await host.follow_pulls(keys)
    assert [len(seen.variables["first"]) for seen in connection.loopback.seen[-3:]] == [50, 55, 60]


async def test_a_look_at_few_that_github_did_not_answer_makes_no_other_one_shorter(connection: Connection) -> None:
    keys = _answer_no_look(connection)
    async with connection.github() as host:
        await host.search_pulls("is:pr")
        await host.follow_pulls(keys[:3])
        connection.loopback.otherwise = _known
        await host.follow_pulls(keys)
    assert len(connection.loopback.seen[-1].variables["first"]) == 100


async def test_a_search_in_trouble_keeps_nothing_from_being_looked_at(connection: Connection) -> None:
    def answer(seen: Seen) -> Response:
        return bad_gateway() if seen.variables.get("asksChanges") else _known(seen)

    connection.loopback.reply(nodes.found([nodes.pull(1)], 1))
    connection.loopback.otherwise = answer
    async with connection.github() as host:
        await host.search_pulls("is:pr")
        followed = await host.follow_pulls([key(1)], along=Searches(changes="is:pr", blockers="is:issue"))
    assert (list(followed.pulls), followed.changed, followed.blockers) == ([key(1)], None, None)
    assert "ids" not in connection.loopback.seen[-1].variables


async def test_one_that_was_told_not_to_exist_is_news_when_it_does(connection: Connection) -> None:
    told = nodes.pull(1)
    changed = {name: told[name] for name in ("__typename", "id", "number", "updatedAt", "repository")}
    page = {"issueCount": 1, "pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [changed]}

    def answer(seen: Seen) -> Response:
        return nodes.answer(_as_known(seen) | ({"changes": page} if seen.variables.get("asksChanges") else {}))

    connection.loopback.reply(
        nodes.found([told, nodes.pull(2)], 2),
        nodes.answer({"nodes": [None]}, nodes.error("NOT_FOUND", "no", "nodes", 0)),
    )
    connection.loopback.otherwise = answer
    async with connection.github() as host:
        await host.search_pulls("is:pr")
        assert await host.read_pulls([key(1)]) == {key(1): None}
        followed = await host.follow_pulls([key(2)], along=Searches(changes="is:pr"))
    assert followed.pulls[key(1)] is not None
    assert followed.changed == {}
