from typing import Any

import pytest

from tide.sandbox.kubernetes.patches import merged, patched
from tide.sandbox.kubernetes.problems import Invalid


# The examples of RFC 7386, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ],
)
def test_a_merge_patch_is_laid_over(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"op": "add", "path": "/b", "value": 2}, {"a": [1, 3], "b": 2}),
        ({"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2, 3]}),
        ({"op": "add", "path": "/a/-", "value": 4}, {"a": [1, 3, 4]}),
        ({"op": "add", "path": "/x~1y~0", "value": 1}, {"a": [1, 3], "x/y~": 1}),
        ({"op": "replace", "path": "/a/0", "value": 9}, {"a": [9, 3]}),
        ({"op": "remove", "path": "/a/0"}, {"a": [3]}),
        ({"op": "move", "from": "/a", "path": "/b"}, {"b": [1, 3]}),
        ({"op": "copy", "from": "/a", "path": "/b"}, {"a": [1, 3], "b": [1, 3]}),
        ({"op": "test", "path": "/a/0", "value": 1}, {"a": [1, 3]}),
    ],
)
def test_a_json_patch_does_one_thing_after_the_other(operation: dict[str, Any], result: Any) -> None:
    target = {"a": [1, 3]}
    assert patched(target, [operation]) == result
    assert target == {"a": [1, 3]}


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/a/0", "value": 2}],
        [{"op": "replace", "path": "/b", "value": 2}],
        [{"op": "remove", "path": "/b"}],
        [{"op": "add", "path": "/b/c", "value": 2}],
        [{"op": "add", "path": "/a/9", "value": 2}],
        [{"op": "frob", "path": "/a"}],
        [{"path": "/a"}],
        [1],
        1,
    ],
)
def test_a_json_patch_that_cannot_be_done_is_rejected(operations: Any) -> None:
    with pytest.raises(Invalid, match="the server rejected our request"):
        patched({"a": [1, 3]}, operations)
