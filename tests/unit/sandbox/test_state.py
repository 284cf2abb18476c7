import pytest

from tests.unit.sandbox.forges import BASE, HEAD, Clock, open_pull
from tide.sandbox.changes import AnyChange, PullChanged, Pushed
from tide.sandbox.evidence import NewStatus
from tide.sandbox.model import Repository
from tide.sandbox.protection import BranchProtection, RequiredReviews
from tide.sandbox.state import Forge, NewPull, PullRefusedError


def test_labels_reviews_and_edits_move_updated_at_but_statuses_do_not(
    forge: Forge, repository: Repository, clock: Clock
) -> None:
    pull = open_pull(forge, repository)
    opened = pull.updated_at
    clock.forward(minutes=1)
    forge.create_status(repository, HEAD, NewStatus(context="unit", state="success"))
    assert pull.updated_at == opened
    for deed in (
        lambda: forge.add_label(repository, pull, "lgtm"),
        lambda: forge.edit_issue(repository, pull, title="Other"),
        lambda: forge.submit_review(repository, pull, author="bob", state="APPROVED"),
        lambda: forge.comment(repository, pull, "/retest"),
    ):
        clock.forward(minutes=1)
        deed()
        assert pull.updated_at == clock.now


def test_a_label_that_is_on_is_not_put_on_again(forge: Forge, repository: Repository) -> None:
    pull = open_pull(forge, repository)
    heard: list[AnyChange] = []
    forge.add_label(repository, pull, "LGTM")
    forge.subscribe(heard.append)
    forge.add_label(repository, pull, "lgtm")
    assert (pull.labels, heard) == (["LGTM"], [])


def test_a_moved_head_synchronizes_and_dismisses_stale_approvals(forge: Forge, repository: Repository) -> None:
    reviews = RequiredReviews(dismiss_stale_reviews=True)
    forge.protect_branch(repository, "main", BranchProtection(required_pull_request_reviews=reviews))
    pull = open_pull(forge, repository)
    review = forge.submit_review(repository, pull, author="bob", state="APPROVED")
    heard: list[AnyChange] = []
    forge.subscribe(heard.append)
    forge.branch_moved(repository, "boost", "c" * 40)
    assert (pull.head_sha, review.state) == ("c" * 40, "DISMISSED")
    assert isinstance(heard[0], Pushed)
    synchronized = heard[1]
    assert isinstance(synchronized, PullChanged)
    assert (synchronized.action, synchronized.before) == ("synchronize", {"head_sha": HEAD})


def test_changes_are_numbered_in_order_and_can_be_left_alone(forge: Forge, repository: Repository) -> None:
    heard: list[AnyChange] = []
    stop = forge.subscribe(heard.append)
    pull = open_pull(forge, repository)
    forge.add_label(repository, pull, "lgtm")
    stop()
    forge.add_label(repository, pull, "approved")
    numbers = [change.sequence for change in heard]
    assert numbers == sorted(set(numbers))
    assert [change.action for change in heard if isinstance(change, PullChanged)] == ["opened", "labeled"]


def test_a_second_pull_of_the_same_branches_is_refused(forge: Forge, repository: Repository) -> None:
    open_pull(forge, repository)
    with pytest.raises(PullRefusedError, match=r"A pull request already exists for acme:boost\."):
        forge.open_pull(repository, NewPull(title="Again", head_ref="boost", base_ref="main"))


def test_a_merged_pull_is_not_reopened_or_retargeted(forge: Forge, repository: Repository) -> None:
    pull = open_pull(forge, repository)
    repository.branches["release"] = BASE
    forge.pull_merged(repository, pull, "d" * 40, method="squash")
    with pytest.raises(PullRefusedError):
        forge.reopen_pull(repository, pull)
    with pytest.raises(PullRefusedError):
        forge.retarget_pull(repository, pull, "release")


def test_numbers_are_shared_by_issues_and_pulls(forge: Forge, repository: Repository) -> None:
    issue = forge.open_issue(repository, title="Broken")
    pull = open_pull(forge, repository)
    assert (issue.number, pull.number) == (1, 2)
    assert repository.issue_or_pull(2) is pull
