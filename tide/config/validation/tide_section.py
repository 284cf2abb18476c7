"""Rules for the `tide` section (Prow: parseProwConfig, Tide.mergeFrom)."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from tide.config.problems import Findings, Sourced
from tide.config.prow.tide import ContextOptions, ContextOptionsLevel, TideSection
from tide.domain.rules import BlocksPolicy
from tide.golang.regexp import compile_pattern
from tide.golang.template import TemplateSyntaxError, parse


def check_tide(tide: Sourced[TideSection], findings: Findings) -> None:
    """Note everything wrong with the section but for what supplemental files may hold: queries and merge methods."""
    _check_numbers(tide, findings)
    _check_urls(tide, findings)
    _check_blocks_policies(tide, findings)
    _check_templates(tide, findings)
    _check_contexts(tide, findings)


def _check_numbers(tide: Sourced[TideSection], findings: Findings) -> None:
    if tide.value.max_goroutines < 0:
        findings.error(tide, f"must be above 0, not {tide.value.max_goroutines}; leave it out for 20", "max_goroutines")
    for key in ("sync_period", "status_update_period"):
        period = getattr(tide.value, key)
        if period is not None and period < timedelta():
            findings.error(tide, "must not be negative", key)


def _check_urls(tide: Sourced[TideSection], findings: Findings) -> None:
    section = tide.value
    if section.target_url and section.target_urls:
        findings.error(tide, 'stands beside target_urls; keep target_urls, with this one under "*"', "target_url")
    if section.pr_status_base_url and section.pr_status_base_urls:
        findings.error(
            tide, 'stands beside pr_status_base_urls; keep those, with this one under "*"', "pr_status_base_url"
        )
    elif section.pr_status_base_url:
        findings.warn(tide, 'is deprecated: use pr_status_base_urls with the key "*"', "pr_status_base_url")
    if section.pr_status_base_urls and "*" not in section.pr_status_base_urls:
        findings.error(tide, 'needs the key "*" for repositories that are not named', "pr_status_base_urls")


def _check_blocks_policies(tide: Sourced[TideSection], findings: Findings) -> None:
    for key, policy in tide.value.github_merge_blocks_policy.items():
        if policy not in set(BlocksPolicy):
            message = f"unknown policy {policy!r}: must be ignore, permit or block"
            findings.error(tide, message, "github_merge_blocks_policy", key)


def _check_templates(tide: Sourced[TideSection], findings: Findings) -> None:
    for key, template in tide.value.merge_commit_template.items():
        for part in ("title", "body"):
            if fault := _template_fault(getattr(template, part)):
                findings.error(tide, fault, "merge_commit_template", key, part)


def _template_fault(text: str) -> str:
    try:
        parse(text)
    except TemplateSyntaxError as error:
        return f"is no Go template: {error}, in line {error.line} of the template"
    return ""


def _check_contexts(tide: Sourced[TideSection], findings: Findings) -> None:
    for path, level in levels(tide.value.context_options):
        place = Sourced(level, tide.file, (*tide.path, "context_options", *path))
        for message, key in _context_faults(level):
            findings.fault(place, message, key)


def levels(options: ContextOptions) -> Iterator[tuple[tuple[str, ...], ContextOptionsLevel]]:
    """List the levels of the context options, from wide to narrow, each with the keys that lead to it."""
    yield (), options
    for org, in_org in options.orgs.items():
        yield ("orgs", org), in_org
        for repo, in_repo in in_org.repos.items():
            yield ("orgs", org, "repos", repo), in_repo
            for branch, on_branch in in_repo.branches.items():
                yield ("orgs", org, "repos", repo, "branches", branch), on_branch


def _context_faults(level: ContextOptionsLevel) -> Iterator[tuple[str, str]]:
    lists: Mapping[str, tuple[str, ...]] = {
        "required-contexts": level.required,
        "required-if-present-contexts": level.required_if_present,
        "optional-contexts": level.optional,
    }
    seen: dict[str, str] = {}
    for key, contexts in lists.items():
        for context in dict.fromkeys(contexts):
            if context in seen:
                yield f"context {context!r} is also in {seen[context]}; it can be in one list only", key
            seen.setdefault(context, key)
    for pattern in level.optional_patterns:
        try:
            compiled = compile_pattern(pattern)
        except ValueError as error:
            yield f"the expression {pattern!r} is not valid: {error}", "optional-regex-contexts"
            continue
        for context in (*level.required, *level.required_if_present):
            if compiled.matches(context):
                yield f"the expression {pattern!r} matches {context!r}, which is required", "optional-regex-contexts"
