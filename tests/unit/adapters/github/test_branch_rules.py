from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.unit.adapters.github import nodes
from tests.unit.adapters.github.loopback import Connection, Seen, refused
from tide.adapters.github.branch_rules import AHEAD_LASTS
from tide.domain.branch_rules import BranchRules
from tide.domain.errors import BadAnswer, NotFound, Unavailable
from tide.domain.keys import PoolKey
from tide.domain.pulls import MergeMethod

MAIN = PoolKey("acme", "rocket", "main")
CHECKS = {
    "type": "required_status_checks",
    "parameters": {
        "required_status_checks": [{"context": "unit", "integration_id": 7}, {"context": "lint"}],
        "strict_required_status_checks_policy": True,
    },
}
UPDATE_RULE = {
    "requiredApprovingReviewCount": 2,
    "requiredStatusCheckContexts": ["e2e", None],
    "requiresCodeOwnerReviews": True,
    "requiresLinearHistory": True,
    "requiresSignatures": True,
    "viewerCanPush": False,
}


def rule(kind: str, ruleset: int = 1, **parameters: Any) -> dict[str, Any]:
    return {"type": kind, "ruleset_id": ruleset} | ({"parameters": parameters} if parameters else {})


def script(
    connection: Connection,
    *rules: dict[str, Any],
    bypass: dict[int, str] | None = None,
    ref: dict[str, Any] | None = None,
    queue: bool = False,
    graphql: Response | None = None,
) -> None:
    """Let the loopback answer as GitHub does for a branch with these rules."""

    def answer(seen: Seen) -> Response:
        if seen.path == "/graphql":
            told = {"repository": {"mergeQueue": {"id": "MQ"} if queue else None, "ref": ref}}
            return graphql or nodes.answer(told)
        if seen.path.startswith("/repos/acme/rocket/rulesets/"):
            number = int(seen.path.rpartition("/")[2])
            return JSONResponse({"id": number, "current_user_can_bypass": (bypass or {}).get(number, "never")})
        return JSONResponse(list(rules))

    connection.loopback.otherwise = answer


async def read(connection: Connection, pool: PoolKey = MAIN) -> BranchRules:
    async with connection.github() as host:
        return await host.branch_rules(pool)


async def test_a_branch_without_rules_asks_for_nothing(connection: Connection) -> None:
    script(connection)
    assert await read(connection) == BranchRules()
    assert [seen.path for seen in connection.loopback.seen] == ["/repos/acme/rocket/rules/branches/main", "/graphql"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([CHECKS | {"ruleset_id": 1}], BranchRules(required_contexts=("lint", "unit"), is_strict=True)),
        ([rule("merge_queue")], BranchRules(requires_queue=True)),
        ([rule("update")], BranchRules(may_push=False)),
        (
            [rule("required_linear_history")],
            BranchRules(merge_methods=(MergeMethod.SQUASH, MergeMethod.REBASE), requires_linear_history=True),
        ),
        (
            [rule("required_signatures")],
            BranchRules(merge_methods=(MergeMethod.MERGE, MergeMethod.SQUASH), requires_signatures=True),
        ),
        (
            [
                rule("pull_request", 1, required_approving_review_count=1, allowed_merge_methods=["merge", "squash"]),
                rule("pull_request", 2, required_approving_review_count=3, allowed_merge_methods=["squash", "rebase"]),
                rule("pull_request", 3, require_code_owner_review=True),
            ],
            BranchRules(required_approvals=3, needs_code_owners=True, merge_methods=(MergeMethod.SQUASH,)),
        ),
        (
            [
                CHECKS | {"ruleset_id": 1},
                rule("required_status_checks", 2, required_status_checks=[{"context": "e2e"}]),
            ],
            BranchRules(required_contexts=("e2e", "lint", "unit"), is_strict=True),
        ),
        ([rule("deletion"), rule("commit_message_pattern", operator="regex"), rule("invented")], BranchRules()),
    ],
    ids=["checks", "queue", "update", "linear", "signatures", "reviews", "two rulesets", "others"],
)
async def test_the_rules_of_rulesets_are_united(
    connection: Connection, rules: list[dict[str, Any]], expected: BranchRules
) -> None:
    script(connection, *rules)
    assert await read(connection) == expected


@pytest.mark.parametrize("how", ["always", "pull_requests_only", "exempt"])
async def test_a_ruleset_that_we_may_pass_by_does_not_bind_us(connection: Connection, how: str) -> None:
    script(connection, CHECKS | {"ruleset_id": 1}, rule("merge_queue", 2), bypass={2: how}, queue=True)
    assert await read(connection) == BranchRules(required_contexts=("lint", "unit"), is_strict=True, may_bypass=True)


@pytest.mark.parametrize("answer", [refused(404, "Not Found"), refused(403, "Resource not accessible by integration")])
async def test_a_ruleset_that_may_not_be_seen_binds_us(connection: Connection, answer: Response) -> None:
    connection.loopback.reply(JSONResponse([rule("merge_queue")]), answer, nodes.answer({"repository": {"ref": None}}))
    assert await read(connection) == BranchRules(requires_queue=True)


async def test_classic_protection_is_added(connection: Connection) -> None:
    script(connection, CHECKS | {"ruleset_id": 1}, ref={"refUpdateRule": UPDATE_RULE})
    assert await read(connection) == BranchRules(
        required_contexts=("e2e", "lint", "unit"),
        is_strict=True,
        required_approvals=2,
        needs_code_owners=True,
        merge_methods=(MergeMethod.SQUASH,),
        may_push=False,
        requires_linear_history=True,
        requires_signatures=True,
    )


async def test_a_queue_without_a_ruleset_is_that_of_classic_protection(connection: Connection) -> None:
    script(connection, queue=True)
    assert await read(connection) == BranchRules(requires_queue=True)


@pytest.mark.parametrize(("is_enforced", "is_strict"), [(True, True), (False, False)])
async def test_strictness_binds_administrators_where_it_is_enforced_for_them(
    connection: Connection,
    is_enforced: bool,  # noqa: FBT001 - a table
    is_strict: bool,  # noqa: FBT001 - a table
) -> None:
    script(
        connection,
        ref={"branchProtectionRule": {"isAdminEnforced": is_enforced, "requiresStrictStatusChecks": True}},
    )
    assert await read(connection) == BranchRules(is_strict=is_strict)


async def test_an_administrator_is_not_bound_by_what_is_not_enforced_for_them(connection: Connection) -> None:
    protection = {"isAdminEnforced": False, "requiresStrictStatusChecks": True}
    script(connection, ref={"branchProtectionRule": protection, "refUpdateRule": UPDATE_RULE})
    assert await read(connection) == BranchRules()


async def test_what_only_administrators_may_see_hides_nothing_else(connection: Connection) -> None:
    forbidden = nodes.error("FORBIDDEN", "no", "repository", "ref", "branchProtectionRule")
    repository = {"ref": {"branchProtectionRule": None, "refUpdateRule": UPDATE_RULE}}
    script(connection, graphql=nodes.answer({"repository": repository}, forbidden))
    told = await read(connection)
    assert (told.required_contexts, told.hides_strictness) == (("e2e",), True)


async def test_a_server_that_knows_less_is_asked_no_more(connection: Connection) -> None:
    unknown = {"extensions": {"code": "undefinedField"}, "message": "Field 'mergeQueue' doesn't exist"}
    connection.loopback.reply(refused(404, "Not Found"), JSONResponse({"errors": [unknown]}))
    assert await read(connection) == BranchRules()


async def test_a_repository_that_is_not_there_is_told(connection: Connection) -> None:
    gone = nodes.answer({"repository": None}, nodes.error("NOT_FOUND", "no", "repository"))
    connection.loopback.reply(refused(404, "Not Found"), gone)
    with pytest.raises(NotFound):
        await read(connection)


async def test_an_outage_is_not_taken_for_freedom(connection: Connection) -> None:
    connection.loopback.reply(*[refused(502, "Bad Gateway")] * 4)
    with pytest.raises(Unavailable):
        await read(connection)


@pytest.mark.parametrize(
    "rules",
    [{"message": "what?"}, [{"kind": "update"}], [rule("pull_request", required_approving_review_count="many")]],
    ids=["no list", "no type", "no number"],
)
async def test_rules_of_another_form_are_told(connection: Connection, rules: object) -> None:
    allowed = JSONResponse({"current_user_can_bypass": "never"})
    connection.loopback.reply(JSONResponse(rules), allowed, nodes.answer({"repository": {"ref": None}}))
    with pytest.raises(BadAnswer):
        await read(connection)


async def test_all_pages_of_rules_are_read(connection: Connection) -> None:
    many = [rule("required_status_checks", required_status_checks=[{"context": f"ci-{n:03}"}]) for n in range(100)]
    connection.loopback.reply(
        JSONResponse(many),
        JSONResponse([rule("required_linear_history")]),
        JSONResponse({"current_user_can_bypass": "never"}),
        nodes.answer({"repository": {"ref": None}}),
    )
    found = await read(connection)
    assert len(found.required_contexts) == 100
    assert MergeMethod.MERGE not in found.merge_methods


async def test_the_slash_of_a_branch_is_quoted(connection: Connection) -> None:
    script(connection)
    await read(connection, PoolKey("acme", "rocket", "release/1.2"))
    rest, graphql = connection.loopback.seen
    assert rest.path == "/repos/acme/rocket/rules/branches/release%2F1.2"
    assert graphql.variables["ref"] == "refs/heads/release/1.2"


QUEUE = {"mergeQueue": {"id": "MQ"}, "ref": None}
COMET = PoolKey("acme", "comet", "main")


def script_many(connection: Connection, told: Callable[[Seen], Response]) -> None:
    """Let the loopback answer a question about many branches so, and tell nothing else about any of them."""

    def answer(seen: Seen) -> Response:
        if seen.path != "/graphql":
            return JSONResponse([])
        return told(seen) if "owner_0" in seen.variables else nodes.answer({"repository": {"ref": None}})

    connection.loopback.otherwise = answer


def questions(connection: Connection) -> int:
    return sum(seen.path == "/graphql" for seen in connection.loopback.seen)


async def test_what_was_read_ahead_is_not_asked_for_again(connection: Connection) -> None:
    script_many(connection, lambda _: nodes.answer({"repository_0": QUEUE, "repository_1": {"ref": None}}))
    async with connection.github() as host:
        await host.prepare_branch_rules([MAIN, COMET])
        assert await host.branch_rules(COMET) == BranchRules(requires_queue=True)
        assert await host.branch_rules(MAIN) == BranchRules()
        assert questions(connection) == 1
        # Whoever asks once more wants to know how it is now.
        assert await host.branch_rules(COMET) == BranchRules()
        assert questions(connection) == 2


async def test_what_was_read_ahead_grows_old(connection: Connection) -> None:
    script_many(connection, lambda _: nodes.answer({"repository_0": QUEUE}))
    async with connection.github() as host:
        await host.prepare_branch_rules([MAIN])
        await connection.clock.sleep(AHEAD_LASTS.total_seconds())
        assert await host.branch_rules(MAIN) == BranchRules()


@pytest.mark.parametrize(
    "error",
    [
        nodes.error("NOT_FOUND", "no", "repository_0"),
        nodes.error("INTERNAL", "no", "repository_0", "ref"),
        nodes.error("RESOURCE_LIMITS_EXCEEDED", "no"),
    ],
    ids=["not there", "a part", "no place"],
)
async def test_what_was_not_told_wholly_is_asked_for_once_more(connection: Connection, error: nodes.Node) -> None:
    script_many(connection, lambda _: nodes.answer({"repository_0": None, "repository_1": QUEUE}, error))
    async with connection.github() as host:
        await host.prepare_branch_rules([COMET, MAIN])
        assert await host.branch_rules(COMET) == BranchRules()
        assert questions(connection) == 2


async def test_an_error_about_one_repository_leaves_what_is_told_of_others(connection: Connection) -> None:
    gone = nodes.error("NOT_FOUND", "no", "repository_0")
    script_many(connection, lambda _: nodes.answer({"repository_0": None, "repository_1": QUEUE}, gone))
    async with connection.github() as host:
        await host.prepare_branch_rules([COMET, MAIN])
        assert await host.branch_rules(MAIN) == BranchRules(requires_queue=True)
        assert questions(connection) == 1


async def test_the_trouble_of_one_organisation_leaves_what_is_told_of_others(connection: Connection) -> None:
    def told(seen: Seen) -> Response:
        is_broken = seen.variables["owner_0"] == "umbra"
        return refused(403, "Forbidden") if is_broken else nodes.answer({"repository_0": QUEUE})

    script_many(connection, told)
    async with connection.github() as host:
        await host.prepare_branch_rules([MAIN, PoolKey("umbra", "moon", "main")])
        assert await host.branch_rules(MAIN) == BranchRules(requires_queue=True)
