import pytest

from tide.sandbox.kubernetes.objects import Stored
from tide.sandbox.kubernetes.problems import BadRequest
from tide.sandbox.kubernetes.selectors import selector

LABELS = {"app": "tide", "prow.k8s.io/type": "batch", "number": "7", "empty": ""}
STORED = Stored("prow/a", 1, b"{}", LABELS)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        ("app=tide", True),
        ("app==tide", True),
        ("app = tide", True),
        ("empty=", True),
        ("app in (deck,tide)", True),
        ("app in (deck)", False),
        ("app=tide,prow.k8s.io/type in (batch, presubmit)", True),
        ("app=tide,prow.k8s.io/type=presubmit", False),
    ],
)
def test_labels_are_chosen(text: str, fits: bool) -> None:  # noqa: FBT001 - a row of the table
    assert selector(text, "").fits(STORED) is fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("metadata.name=a", True),
        ("metadata.name=b", False),
        ("", True),
    ],
)
def test_fields_are_chosen(text: str, fits: bool) -> None:  # noqa: FBT001 - a row of the table
    assert selector("", text).fits(STORED) is fits


@pytest.mark.parametrize(
    "text", ["a b", "=x", "app in tide", "a=b=c", "a,,b", "app in (", "-x=1", f"{'a' * 64}=1", "a=-"]
)
def test_a_selector_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="unable to parse requirement"):
        selector(text, "")


@pytest.mark.parametrize("text", ["spec.job=unit", "status.state!=success", "nonsense"])
def test_only_the_names_can_be_chosen_by_field(text: str) -> None:
    with pytest.raises(BadRequest):
        selector("", text)


def test_nothing_fits_no_selector() -> None:
    assert not selector("", "").fits(None)
