"""What a search string covers."""

from tide.adapters.github.scope import scope_of
from tide.domain.keys import RepoKey


def test_repositories_are_left_out_in_any_case() -> None:
    scope = scope_of('is:pr state:open org:"Acme" -repo:"acme/Attic" repo:"Tools/saw"')
    assert (scope.orgs, scope.repos) == (("Acme",), (RepoKey("Tools", "saw"),))
    assert scope.left_out == {"acme/attic"}
