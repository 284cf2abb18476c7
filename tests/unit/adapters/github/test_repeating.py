from graphql import parse, print_ast, validate

from tide.adapters.github.repeating import repeated
from tide.sandbox.graphql.schema import github_schema

QUERY = """
  query BranchRules(
    $owner_0: String!, $name_0: String!, $ref_0: String!, $branch_0: String!,
    $owner_1: String!, $name_1: String!, $ref_1: String!, $branch_1: String!
  ) {
    rateLimit { ...RateFields }
    repository_0: repository(owner: $owner_0, name: $name_0) { %(asked_0)s }
    repository_1: repository(owner: $owner_1, name: $name_1) { %(asked_1)s }
  }
"""
ASKED = """
  mergeQueue(branch: $branch_%d) { id }
  ref(qualifiedName: $ref_%d) {
    branchProtectionRule { isAdminEnforced requiresStrictStatusChecks }
    refUpdateRule {
      requiredApprovingReviewCount requiredStatusCheckContexts requiresCodeOwnerReviews requiresLinearHistory
      requiresSignatures viewerCanPush
    }
  }
"""


def test_a_question_is_asked_about_each_thing_and_the_points_once() -> None:
    made = repeated("branch_rules", 2)
    (operation,) = parse(QUERY % {"asked_0": ASKED % (0, 0), "asked_1": ASKED % (1, 1)}).definitions
    assert print_ast(made).endswith(print_ast(operation))
    assert validate(github_schema(), made) == []
