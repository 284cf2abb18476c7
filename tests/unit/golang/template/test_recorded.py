"""Templates give what Go's own text/template gives.

`recorded.json` holds templates with what Go 1.26 makes of them, for the data below: a text, or when it refuses.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tide.golang.template import Record, TemplateFailed, TemplateSyntaxError, parse, render

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
LABELS = tuple(Record("Label", {"Name": name}) for name in ("lgtm", "approved", "size/XS"))
DATA = Record(
    "Data",
    {
        "NameWithOwner": "acme/rocket",
        "Org": "acme",
        "Repo": "rocket",
        "Title": 'Fix <the> "thing" & more',
        "Body": "First line\n\nhéllo wörld 'x'\n",
        "Empty": "",
        "AuthorLogin": "alice",
        "Number": 7,
        "UpdatedAtTime": datetime(2026, 3, 4, 15, 6, 7, 120_000, UTC),
        "GitHub": Record(
            "PullRequest",
            {
                "Number": 7,
                "Author": Record("Author", {"Login": "alice"}),
                "Labels": Record("Labels", {"Nodes": LABELS}),
                "Milestone": Record("Milestone", {"Title": "v1"}),
                "None": None,
                "CanBeRebased": True,
            },
        ),
        "Gerrit": None,
        "Words": ("a", "b", "c"),
        "Nothing": (),
        "Half": 0.5,
    },
)


def outcome(text: str) -> dict[str, str]:
    try:
        template = parse(text)
    except TemplateSyntaxError:
        return {"refused": "when it is parsed"}
    rendered = render(template, DATA)
    return {"refused": "when it is rendered"} if isinstance(rendered, TemplateFailed) else {"text": rendered}


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["template"][:60])
def test_a_template_gives_what_go_gives(case: dict[str, str]) -> None:
    assert {"template": case["template"], **outcome(case["template"])} == case
