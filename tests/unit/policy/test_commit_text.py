import pytest

from tests.builders import make_pull
from tide.domain.rules import CommitTemplates
from tide.policy.commit_text import CommitText, commit_text

PULL = make_pull(7, title="Fix the thing", body="Because.", author="alice", labels=("kind/bug", "lgtm"))


def test_without_templates_the_text_is_the_code_hosts() -> None:
    assert commit_text(CommitTemplates(), PULL) == CommitText()


def test_each_part_has_its_template() -> None:
    templates = CommitTemplates(title="{{ .Title }} (#{{ .Number }})", body="By {{ .AuthorLogin }}\n\n{{ .Body }}")
    assert commit_text(templates, PULL) == CommitText("Fix the thing (#7)", "By alice\n\nBecause.")
    assert commit_text(CommitTemplates(body="x"), PULL) == CommitText(None, "x")


def test_a_template_that_gives_nothing_leaves_the_text_to_the_code_host() -> None:
    assert commit_text(CommitTemplates("{{ if false }}x{{ end }}", ""), PULL) == CommitText()


def test_a_part_that_fails_is_left_to_the_code_host_and_said() -> None:
    templates = CommitTemplates("{{ .Title }}", "{{ .ExtractContent .Body }}")
    assert commit_text(templates, PULL) == CommitText(
        "Fix the thing", None, ("body: line 1: can't evaluate field ExtractContent in type tide.CodeReviewCommon",)
    )


def test_a_template_that_is_none_fails_likewise() -> None:
    assert commit_text(CommitTemplates("a\n{{ .Title"), PULL).failures == (
        "title: line 2: an action {{ is not closed with }}",
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ .NameWithOwner }} {{ .Org }} {{ .Repo }}", "acme/rocket acme rocket"),
        ("{{ .BaseRefPrefix }}{{ .BaseRefName }}", "refs/heads/main"),
        ("{{ .HeadRefName }} {{ .HeadRefOID }}", f"{PULL.head_branch} {PULL.head_sha}"),
        ('{{ .UpdatedAtTime.Format "2006-01-02" }}', f"{PULL.updated_at:%Y-%m-%d}"),
        ("{{ .Mergeable }}", PULL.mergeable.value),
        ("{{ with .Gerrit }}gerrit{{ else }}github{{ end }}", "github"),
        ("{{ range .GitHub.Labels.Nodes }}{{ .Name }};{{ end }}", "kind/bug;lgtm;"),
        ("{{ with .GitHub.Milestone }}{{ .Title }}{{ else }}none{{ end }}", "none"),
        ("{{ .GitHub.Author.Login }}@{{ .GitHub.Repository.Owner.Login }}", "alice@acme"),
        ("{{ .GitHub.BaseRef.Name }} {{ .GitHub.Number }} {{ .GitHub.CanBeRebased }}", "main 7 true"),
    ],
)
def test_the_data_has_prows_names(template: str, expected: str) -> None:
    assert commit_text(CommitTemplates(title=template), PULL).title == expected


def test_a_milestone_has_a_title() -> None:
    text = commit_text(CommitTemplates("{{ .GitHub.Milestone.Title }}"), make_pull(milestone="v1"))
    assert text == CommitText("v1")
