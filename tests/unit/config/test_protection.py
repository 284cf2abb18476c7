"""What the `branch-protection` section says about one branch."""

from collections.abc import Callable

import pytest
import yaml

from tide.config.loaded import LoadedConfig
from tide.config.protection import Protection, protection_of
from tide.config.prow.branch_protection import BranchProtection
from tide.domain.keys import PoolKey

Load = Callable[..., LoadedConfig]
MAIN = PoolKey("acme", "rocket", "main")
SPEC = "spec: {containers: [{}]}"


@pytest.mark.parametrize(
    ("section", "required"),
    [
        ("protect-tested-repos: true", ()),
        ("protect-tested-repos: true, protect_repos_with_optional_jobs: true", ("dco",)),
        ("protect_repos_with_optional_jobs: true", ()),
    ],
)
def test_optional_jobs_protect_a_branch_where_that_is_configured(
    loaded: Load, section: str, required: tuple[str, ...]
) -> None:
    config = loaded(
        f"""\
        tide: {{context_options: {{from-branch-protection: true}}}}
        branch-protection: {{{section}, orgs: {{acme: {{required_status_checks: {{contexts: [dco]}}}}}}}}
        """,
        f"presubmits: {{acme/rocket: [{{name: unit, optional: true, {SPEC}}}]}}",
    )
    assert config.rules(MAIN).context_policy.required == required


@pytest.mark.parametrize(
    "beside", ["unmanaged: true", "include: [main]", "exclude: [dev]", "allow_disabled_policies: true"]
)
def test_no_protection_is_no_contradiction_beside_what_needs_none(beside: str) -> None:
    section = BranchProtection.model_validate(
        yaml.safe_load(f"{{{beside}, orgs: {{acme: {{protect: false, require_manually_triggered_jobs: null}}}}}}")
    )
    assert protection_of(section, MAIN, ()) == Protection()


@pytest.mark.parametrize("beside", ["enforce_admins: false", "restrictions: {}", "require_signed_commits: true"])
def test_no_protection_beside_what_needs_it_is_a_contradiction(beside: str) -> None:
    section = BranchProtection.model_validate(yaml.safe_load(f"{{{beside}, orgs: {{acme: {{protect: false}}}}}}"))
    with pytest.raises(ValueError, match="protect must be enabled where anything else is set"):
        protection_of(section, MAIN, ())
