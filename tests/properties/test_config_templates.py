"""Whatever a commit template says, it is refused with a line, or it gives a text or one line on why not."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.builders import make_pull
from tide.domain.rules import CommitTemplates
from tide.golang.template import TemplateSyntaxError, parse
from tide.policy.commit_text import commit_text

PIECES = st.sampled_from(
    (
        *("{{", "}}", "{{- ", " -}}", "{{/*", "*/}}", "|", "(", ")", ":=", "=", ",", ".", "$", "$x", " ", "\n", "text"),
        *("if ", "else", "end", "range ", "with ", "define ", "block ", "template ", "break", "continue", "nil"),
        *(".Title", ".Body", ".Number", ".GitHub", ".GitHub.Labels.Nodes", ".Name", ".UpdatedAtTime", ".Gerrit.X"),
        *('"a"', "`b`", "'c'", "'", '"', "1", "-2.5", "0x", "1_", "true", '"%s %5d %q"', '"2006 Jan _2"'),
        *("and ", "or ", "not ", "len ", "index ", "slice ", "print ", "printf ", "println ", "html ", "eq ", "lt "),
    )
)
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text("{}.|$()ab\"'`- \n1%", max_size=25)
ACTIONS = st.lists(TEXTS.map(lambda text: "{{" + text + "}}") | PIECES, max_size=5).map("".join)


def refused(text: str) -> TemplateSyntaxError | None:
    try:
        parse(text)
    except TemplateSyntaxError as error:
        return error
    return None


@settings(max_examples=500, deadline=None)
@given(text=TEXTS | ACTIONS, body=st.text(max_size=20))
@example("{{.Body}}{{len .Body}}{{slice .Body 1}}", "\ud800\x80")
def test_any_template_is_refused_fails_or_gives_a_text(text: str, body: str) -> None:
    refusal = refused(text)
    assert refusal is None or 1 <= refusal.line <= text.count("\n") + 1
    assert refusal is None or (str(refusal) and "\n" not in str(refusal))
    found = commit_text(CommitTemplates(title=text), make_pull(title="Fix", body=body))
    assert found.title is None or found.title.encode()
    assert all(failure.startswith("title: ") and "\n" not in failure for failure in found.failures)


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60).filter(lambda text: "{{" not in text and text.strip() and text.isprintable()))
def test_text_without_actions_stays_as_it_is(text: str) -> None:
    assert commit_text(CommitTemplates(title=text), make_pull()).title == text


@settings(max_examples=300, deadline=None)
@given(title=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_what_people_write_is_data_and_never_a_template(title: str) -> None:
    assert commit_text(CommitTemplates(title="{{.Title}}"), make_pull(title=title)).title == title
