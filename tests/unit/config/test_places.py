import pytest

from tide.config.places import Path, Places, path_text

TEXT = b"""\
defaults: &defaults
  always_run: true
  labels: {a: 1.10}

presubmits:
  acme/rocket:
  - name: unit
    <<: *defaults
  -
    name: lint
    name: lint-again
    branches:
    - main
    - release
  - *defaults
---
presubmits: other
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("presubmits",), 5),
        (("presubmits", "acme/rocket"), 6),
        (("presubmits", "acme/rocket", 0), 7),
        (("presubmits", "acme/rocket", 0, "name"), 7),
        (("presubmits", "acme/rocket", 0, "always_run"), 2),
        (("presubmits", "acme/rocket", 0, "labels", "a"), 3),
        (("presubmits", "acme/rocket", 1, "name"), 11),
        (("presubmits", "acme/rocket", 1, "branches", 1), 14),
        (("presubmits", "acme/rocket", 2, "labels"), 3),
        (("presubmits", "acme/rocket", 1, "trigger"), 10),
        (("presubmits", "acme/rocket", 9), 6),
        (("tide", "queries"), 1),
    ],
)
def test_a_path_is_found_or_else_the_nearest_thing_around_it(path: Path, line: int) -> None:
    assert Places(TEXT).line(path) == line


def test_the_text_of_a_scalar_is_given_as_it_is_written() -> None:
    places = Places(TEXT)
    assert places.text(("presubmits", "acme/rocket", 0, "labels", "a")) == "1.10"
    assert places.text(("presubmits", "acme/rocket", 1)) is None
    assert places.text(("presubmits", "acme/rocket", 7)) is None


def test_of_two_merged_maps_the_first_is_the_place() -> None:
    text = b"a: &a\n  k: 1\nb: &b\n  k: 2\nc:\n  <<: [*a, *b]\n"
    assert Places(text).line(("c", "k")) == 2


def test_an_empty_text_has_no_lines() -> None:
    assert Places(b"").line(("a",)) == 0


def test_paths_are_written_as_people_write_them() -> None:
    assert path_text(("presubmits", "org/repo", 3, "run_if_changed")) == 'presubmits["org/repo"][3].run_if_changed'
    assert path_text(("branch-protection", 'a"b')) == 'branch-protection["a\\"b"]'
    assert path_text(("tide", "a\nb")) == 'tide["a\\nb"]'
