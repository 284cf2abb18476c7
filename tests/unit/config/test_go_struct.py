"""Models are filled as Go's JSON decoder fills structs."""

import pytest
from pydantic import ValidationError

from tide.config.prow.tide import TideQuery, TideSection
from tide.config.prow.values import unknown_keys


def test_a_null_leaves_the_default() -> None:
    section = TideSection.model_validate({"queries": None, "sync_period": None, "context_options": None})
    assert section == TideSection()


def test_a_null_in_a_list_or_map_is_the_zero_value() -> None:
    query = TideQuery.model_validate({"labels": [None]})
    section = TideSection.model_validate(
        {"prioritize_existing_batches": {"a": None}, "batch_size_limit": {"a": None}, "queries": [None]}
    )
    assert query.labels == ("",)
    assert section.prioritize_existing_batches == {"a": False}
    assert section.batch_size_limit == {"a": 0}
    assert section.queries == (TideQuery(),)


def test_a_key_in_another_case_is_the_field_and_the_exact_one_wins() -> None:
    assert TideQuery.model_validate({"missinglabels": ["a"]}).missing_labels == ("a",)
    assert TideQuery.model_validate({"Author": "a"}).author == "a"
    assert TideQuery.model_validate({"Author": "a", "author": "b"}).author == "b"


def test_scalars_become_text_where_text_is_wanted() -> None:
    query = TideQuery.model_validate({"author": True, "milestone": 1.1, "labels": [3]})
    assert (query.author, query.milestone, query.labels) == ("true", "1.1", ("3",))


def test_nothing_becomes_a_boolean_or_a_number_that_is_none() -> None:
    with pytest.raises(ValidationError):
        TideQuery.model_validate({"reviewApprovedRequired": 1})
    with pytest.raises(ValidationError):
        TideSection.model_validate({"max_goroutines": "3"})


def test_keys_that_no_field_has_are_remembered_with_their_paths() -> None:
    section = TideSection.model_validate({"a": 1, "queries": [{}, {"label": ["x"]}], "gerrit": {"any": 1}})
    assert list(unknown_keys(section, ("tide",))) == [("tide", "a"), ("tide", "queries", 1, "label")]
