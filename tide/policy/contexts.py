"""Which contexts on a head count, and which of those that count are not successful."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from tide.domain.jobs import Presubmit
from tide.domain.pulls import Context, ContextSource, ContextState
from tide.domain.rules import ContextPolicy
from tide.domain.snapshot import PullView, Snapshot
from tide.golang.regexp import compile_pattern, matches
from tide.policy.jobs import runs_on_branch

TIDE_CONTEXT = "tide"


@dataclass(frozen=True, slots=True)
class ContextOptions:
    """What operators wrote under `context_options` for one level (Prow: TideContextPolicy).

    None means that this level says nothing about it.
    """

    required: tuple[str, ...] = ()
    required_if_present: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    optional_patterns: tuple[str, ...] = ()
    skip_unknown: bool | None = None
    from_branch_protection: bool | None = None
    overwrite_pending: bool | None = None

    def refined_by(self, inner: "ContextOptions") -> "ContextOptions":
        """Give the options with those of an inner level on top (Prow: mergeTideContextPolicy)."""
        return ContextOptions(
            required=_union(self.required, inner.required),
            required_if_present=_union(self.required_if_present, inner.required_if_present),
            optional=_union(self.optional, inner.optional),
            optional_patterns=_union(self.optional_patterns, inner.optional_patterns),
            skip_unknown=_inner(self.skip_unknown, inner.skip_unknown),
            from_branch_protection=_inner(self.from_branch_protection, inner.from_branch_protection),
            overwrite_pending=_inner(self.overwrite_pending, inner.overwrite_pending),
        )


def build_context_policy(
    options: ContextOptions,
    presubmits: Iterable[Presubmit],
    branch: str,
    protection_contexts: Iterable[str] = (),
    require_manually_triggered: bool = False,  # noqa: FBT001, FBT002 - one of five inputs, all named by their callers
) -> ContextPolicy:
    """Make the policy of one branch (Prow: GetTideContextPolicy, BranchRequirements).

    Args:
        options: what operators wrote, all levels taken together.
        presubmits: the jobs of the repository; those that do not run on the branch are left out.
        branch: the base branch.
        protection_contexts: what Prow's own branch protection requires, where it is to be asked.
        require_manually_triggered: whether jobs that only a command starts are required.

    Raises:
        ValueError: a context is in two lists, or a pattern does not compile or contradicts them.
    """
    required, if_present = {*options.required, *protection_contexts}, {*options.required_if_present}
    optional = {*options.optional}
    for job in presubmits:
        if not runs_on_branch(job, branch):
            continue
        if not job.is_context_required:
            optional.add(job.context)
        elif job.always_run or (require_manually_triggered and job.needs_explicit_trigger):
            required.add(job.context)
        else:
            if_present.add(job.context)
    policy = ContextPolicy(
        required=tuple(sorted(required)),
        required_if_present=tuple(sorted(if_present)),
        optional=tuple(sorted(optional)),
        optional_patterns=tuple(sorted(options.optional_patterns)),
        skip_unknown=bool(options.skip_unknown),
    )
    validate(policy)
    return policy


@lru_cache(maxsize=1024)
def with_host_contexts(policy: ContextPolicy, contexts: tuple[str, ...]) -> ContextPolicy:
    """Give a policy that also asks for what the code host itself does, whatever the configuration says of that."""
    theirs = frozenset(contexts) - {TIDE_CONTEXT}
    if not theirs:
        return policy
    return replace(
        policy,
        required=_union(policy.required, theirs),
        required_if_present=tuple(name for name in policy.required_if_present if name not in theirs),
        optional=tuple(name for name in policy.optional if name not in theirs),
    )


def policy_for(view: PullView, snapshot: Snapshot) -> ContextPolicy:
    """Tell which contexts count for one of the pull requests: by what is configured, and by the host's own rules."""
    return with_host_contexts(snapshot.policy_of(view), snapshot.branch_rules.required_contexts)


def validate(policy: ContextPolicy) -> None:
    """Raise ValueError when a policy contradicts itself (Prow: TideContextPolicy.Validate)."""
    required, if_present, optional = set(policy.required), set(policy.required_if_present), set(policy.optional)
    _refuse_overlap(required & optional, "required and optional")
    _refuse_overlap(required & if_present, "required and required if present")
    _refuse_overlap(optional & if_present, "optional and required if present")
    for text in policy.optional_patterns:
        try:
            compile_pattern(text)
        except ValueError as error:
            raise ValueError(f"optional context regex {text!r} doesn't compile: {error}") from None
        _refuse_pattern(text, "required", policy.required)
        _refuse_pattern(text, "required if present", policy.required_if_present)


def is_optional(policy: ContextPolicy, name: str) -> bool:
    """Tell whether a context does not matter for merging (Prow: TideContextPolicy.IsOptional)."""
    return _judge(policy).is_optional(name)


def unsuccessful(policy: ContextPolicy, contexts: Sequence[Context]) -> tuple[Context, ...]:
    """Give the contexts that stand against merging, sorted by name (Prow: tide.go unsuccessfulContexts).

    A required one that is not there is given as EXPECTED (Prow: MissingRequiredContexts). Tide's own context never
    counts.
    """
    judge = _judge(policy)
    found = [
        context
        for context in contexts
        if context.state is not ContextState.SUCCESS
        and context.name != TIDE_CONTEXT
        and not judge.is_optional(context.name)
    ]
    absent = judge.required.difference([TIDE_CONTEXT, *(context.name for context in contexts)])
    found.extend(Context(name, ContextState.EXPECTED) for name in absent)
    return tuple(sorted(found, key=_by_name)) if found else ()


def gone(earlier: Iterable[Context], contexts: Iterable[Context]) -> tuple[Context, ...]:
    """Give the check runs that a head had earlier and has no more, as pending: they are about to be run again."""
    return missing([context for context in earlier if context.source is ContextSource.CHECK_RUN], contexts)


def missing(wanted: Iterable[Context], contexts: Iterable[Context]) -> tuple[Context, ...]:
    """Give what is wanted and not there, as pending.

    Of one name there may be several check runs: there must be as many as are wanted, of whatever suites.
    """
    there = Counter((context.name, context.source) for context in contexts)
    lacking: list[Context] = []
    for context in wanted:
        kind = (context.name, context.source)
        if there[kind]:
            there[kind] -= 1
        else:
            lacking.append(replace(context, state=ContextState.PENDING))
    return tuple(lacking)


def must_be_watched(policy: ContextPolicy, jobs: Iterable[str], contexts: Sequence[Context]) -> bool:
    """Tell whether check runs that come up unseen on a head could change what stands against merging.

    Where they are not read, the statuses on the head are, and what all its contexts sum up to (`follow_pulls` of the
    port). That is enough where everything is successful and nothing that is needed is absent: whatever goes wrong
    changes the sum. It is enough where a status has failed that counts: until that one changes, nothing merges. And it
    is enough where such a status is pending and nothing at all has failed: whatever fails changes the sum.

    Args:
        policy: which contexts count.
        jobs: the contexts of the presubmits that must pass.
        contexts: those on the head, as last read.
    """
    against = unsuccessful(policy, contexts)
    states = {context.state for context in contexts}
    told = {one.state for one in against if one.source is ContextSource.STATUS}
    if any(state.is_failed for state in told):
        return False
    if ContextState.PENDING in told and states <= {ContextState.SUCCESS, ContextState.PENDING}:
        return False
    return (
        bool(against)
        or not states <= {ContextState.SUCCESS}
        or not {context.name for context in contexts}.issuperset(jobs)
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    required: frozenset[str]
    counted: frozenset[str]
    optional: frozenset[str]
    patterns: tuple[str, ...]
    skip_unknown: bool

    def is_optional(self, name: str) -> bool:
        if name in self.required:
            return False
        if name in self.optional or (self.patterns and _matches_any(self.patterns, name)):
            return True
        return self.skip_unknown and name not in self.counted


@lru_cache(maxsize=1024)
def _judge(policy: ContextPolicy) -> _Judge:
    return _Judge(
        required=frozenset(policy.required),
        counted=frozenset((*policy.required, *policy.required_if_present)),
        optional=frozenset(policy.optional),
        patterns=policy.optional_patterns,
        skip_unknown=policy.skip_unknown,
    )


# Bounded, because whoever may post a status chooses the names.
@lru_cache(maxsize=16384)
def _matches_any(patterns: tuple[str, ...], name: str) -> bool:
    return any(matches(pattern, name) for pattern in patterns)


def _by_name(context: Context) -> tuple[str, str, str, str]:
    return (context.name, context.state, context.source, context.suite)


def _union(outer: Iterable[str], inner: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*outer, *inner}))


def _inner(outer: bool | None, inner: bool | None) -> bool | None:  # noqa: FBT001 - two settings of one kind
    return outer if inner is None else inner


def _refuse_overlap(names: Collection[str], lists: str) -> None:
    if names:
        raise ValueError(f"contexts {', '.join(sorted(names))} are defined as {lists}")


def _refuse_pattern(pattern: str, kind: str, names: Iterable[str]) -> None:
    for name in names:
        if matches(pattern, name):
            raise ValueError(f"optional context regex {pattern!r} matches {kind} context {name}")
