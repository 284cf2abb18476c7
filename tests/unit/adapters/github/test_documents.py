import pytest
from graphql import FragmentDefinitionNode, FragmentSpreadNode, OperationDefinitionNode, Visitor, parse, visit

from tide.adapters.github.documents import document

OPERATIONS = ("glance", "head_contexts", "pull", "pulls_by_id", "rate_limit", "search_blockers", "search_pulls")


class _Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        self.names.add(node.name.value)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_document_has_one_operation_and_the_fragments_that_it_uses(name: str) -> None:
    parsed = parse(document(name))
    spreads = _Spreads()
    visit(parsed, spreads)
    defined = [node.name.value for node in parsed.definitions if isinstance(node, FragmentDefinitionNode)]
    assert sorted(defined) == sorted(spreads.names)
    assert sum(isinstance(node, OperationDefinitionNode) for node in parsed.definitions) == 1


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_tells_its_cost(name: str) -> None:
    assert "rateLimit" in document(name)
