"""What `tide check-config` tells an operator about a configuration."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches

from tide.config.advice import (
    advise_on_contexts,
    advise_on_expressions,
    advise_on_jobs,
    advise_on_protection,
    advise_on_queries,
    advise_on_repositories,
    advise_on_templates,
    contradictions,
)
from tide.config.files import ConfigFile
from tide.config.loaded import NO_COUNTS, Counts, LoadedConfig
from tide.config.loading import NO_OPTIONS, LoadOptions, examine, manifest_kind
from tide.config.parsing import Parser
from tide.config.places import Path, Places
from tide.config.pod_spec import as_go_holds
from tide.config.problems import Finding, Findings, Sourced, gathered, located
from tide.config.prow.config import ProwConfig
from tide.config.prow.jobs import BranchJob, Job, JobFile, JobSections, PeriodicJob
from tide.config.prow.tide import TideQuery
from tide.config.prow.values import GoStruct, unknown_keys
from tide.config.sources import ConfigPaths, Sources, read_sources
from tide.domain.errors import ConfigError, Problem
from tide.policy.wording import plural


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; the counts are of the files that can be parsed."""

    counts: Counts = NO_COUNTS
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def is_good(self) -> bool:
        """Tell whether there are no errors."""
        return not self.errors

    def as_json(self) -> str:
        """Give {presubmits, postsubmits, periodics, queries, errors, warnings} on one line."""
        found = {"errors": [asdict(each) for each in self.errors], "warnings": [asdict(each) for each in self.warnings]}
        return json.dumps(asdict(self.counts) | found)

    def as_text(self) -> str:
        """Give a line for each problem, and one that sums up."""
        lines = [f"error: {problem}" for problem in self.errors] + [f"warning: {problem}" for problem in self.warnings]
        there = ", ".join(_counted(number, kind) for kind, number in asdict(self.counts).items())
        lines.append(f"{there}: {_counted(len(self.errors), 'errors')}, {_counted(len(self.warnings), 'warnings')}")
        return "\n".join(lines)


def _counted(number: int, things: str) -> str:
    one = "query" if things == "queries" else things.removesuffix("s")
    return f"{number} {plural(number, one, things)}"


def report(paths: ConfigPaths, *, strict: bool = False, options: LoadOptions = NO_OPTIONS) -> Report:
    """Load a configuration as the daemon would, and look at it more closely than that.

    Errors are what the daemon refuses, and what would break single pools; with `strict` also keys that Prow does not
    know. Warnings are the rest, values among them whose text Prow reads otherwise than it is written.
    """
    parser = Parser()
    try:
        sources = read_sources(paths)
    except ConfigError as error:
        return Report(errors=error.problems)
    errors, warnings = _loading(sources, parser, options)
    warnings += gathered(_lost_texts(sources, parser))
    unknown = gathered(_unknown_keys(sources, parser))
    counts = _counts(sources, parser)
    return Report(counts, errors + unknown, warnings) if strict else Report(counts, errors, warnings + unknown)


def _loading(sources: Sources, parser: Parser, options: LoadOptions) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    loaded, findings = examine(sources, parser, options)
    errors, warnings = located((*findings.errors, *findings.faults)), gathered(findings.warnings)
    if findings.errors or loaded is None:
        return errors, warnings
    return (*errors, *contradictions(loaded, findings.faults)), warnings + _advice(loaded, sources, parser)


def _advice(loaded: LoadedConfig, sources: Sources, parser: Parser) -> tuple[Problem, ...]:
    findings = Findings()
    models = [Sourced(model, file) for file, _, model in _models(sources, parser)]
    presets = [preset for each in models for preset in each.value.presets]
    prows = [Sourced(each.value, each.file) for each in models if isinstance(each.value, ProwConfig)]
    for prow in prows:
        advise_on_templates(Sourced(prow.value.tide, prow.file, ("tide",)), findings)
    for each in models:
        advise_on_repositories(each, loaded, findings)
        for job in _branch_jobs(each):
            advise_on_expressions(job, findings)
        advise_on_jobs((*_branch_jobs(each), *_periodics(each)), presets, loaded.prow, findings)
    advise_on_queries([query for prow in prows for query in _queries(prow)], loaded, findings)
    advise_on_contexts(loaded, findings)
    protection = [Sourced(prow.value.branch_protection, prow.file, ("branch-protection",)) for prow in prows]
    advise_on_protection(protection, loaded, findings)
    return gathered((*findings.warnings, *loaded.spelling.several()))


def _queries(prow: Sourced[ProwConfig]) -> Iterator[Sourced[TideQuery]]:
    queries = enumerate(prow.value.tide.queries)
    return (Sourced(query, prow.file, ("tide", "queries", index)) for index, query in queries)


def _branch_jobs(sections: Sourced[JobSections]) -> Iterator[Sourced[BranchJob]]:
    for kind in ("presubmits", "postsubmits"):
        for repo, jobs in getattr(sections.value, kind).items():
            yield from (Sourced(job, sections.file, (kind, repo, index)) for index, job in enumerate(jobs))


def _periodics(sections: Sourced[JobSections]) -> Iterator[Sourced[PeriodicJob]]:
    jobs = enumerate(sections.value.periodics)
    return (Sourced(job, sections.file, ("periodics", index)) for index, job in jobs)


def _counts(sources: Sources, parser: Parser) -> Counts:
    """Count what is in the files that can be parsed, whether or not they keep the rules."""
    models = [(file, model) for file, _, model in _models(sources, parser)]
    with_jobs = [model for file, model in models if file not in sources.supplemental]
    return Counts(
        presubmits=sum(len(jobs) for model in with_jobs for jobs in model.presubmits.values()),
        postsubmits=sum(len(jobs) for model in with_jobs for jobs in model.postsubmits.values()),
        periodics=sum(len(model.periodics) for model in with_jobs),
        queries=sum(len(model.tide.queries) for _, model in models if isinstance(model, ProwConfig)),
    )


def _models(sources: Sources, parser: Parser) -> Iterator[tuple[ConfigFile, object, JobSections]]:
    """Give the files of Prow's with what is written in them and the models of that."""
    prows = (sources.config, *sources.supplemental)
    for file in (*prows, *sources.jobs):
        kind: type[JobSections] = ProwConfig if file in prows else JobFile
        parsed = parser.parse(file, kind)
        if parsed.model is not None:
            yield file, parsed.tree, parsed.model


def _unknown_keys(sources: Sources, parser: Parser) -> Iterator[Finding]:
    for file, tree, model in _models(sources, parser):
        for path in unknown_keys(model) if not manifest_kind(tree) else ():
            key = str(path[-1])
            message = _unknown_in_query(key) if path[:2] == _QUERIES else "is not known to Prow"
            yield Finding(file, path, message, kind=f"{key}: {message}")


def _unknown_in_query(key: str) -> str:
    """Say what a query loses by a key that is ignored: whatever it was meant to ask of pull requests."""
    meant = next(iter(get_close_matches(_plain(key), _QUERY_FIELDS, n=1, cutoff=0.8)), None)
    known = _QUERY_FIELDS[meant] if meant else ""
    wider = "" if known in {"orgs", "repos"} else "the query is wider than you may think"
    hint = f"did you mean `{known}`?" if known else ""
    consequence = f"{wider}{_WITH_LABELS_LOST.get(known, '')}"
    return "; ".join(part for part in ("unknown field", consequence, hint) if part)


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


_QUERIES = ("tide", "queries")
_QUERY_FIELDS = {_plain(name): field.alias or name for name, field in TideQuery.model_fields.items()}
_WITH_LABELS_LOST = {
    "labels": ": pull requests may merge without these labels",
    "missingLabels": ": pull requests may merge that have these labels",
}


def _lost_texts(sources: Sources, parser: Parser) -> Iterator[Finding]:
    for file, tree, model in _models(sources, parser):
        coerced = dict(_coerced(tree, model))
        places = Places(file.text) if coerced else None
        for path, text in coerced.items():
            written = places.text(path) if places else None
            if written is not None and written != text:
                yield Finding(file, path, f"is read as {text!r}, not as {written!r}; put it in quotes")


def _coerced(written: object, read: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """List scalars that are read as text and not written as such, with the text that is read."""
    if isinstance(read, str):
        if isinstance(written, bool | int | float):
            yield path, read
    elif isinstance(written, Mapping):
        for key, value in written.items():
            yield from _coerced(value, _entry(read, key), (*path, key))
    elif isinstance(written, list) and isinstance(read, tuple | list):
        for index, (item, read_item) in enumerate(zip(written, read, strict=False)):
            yield from _coerced(item, read_item, (*path, index))


def _entry(read: object, key: str) -> object:
    if isinstance(read, Job) and key == "spec" and read.spec is not None:
        return as_go_holds(read.spec)
    if isinstance(read, GoStruct):
        fields = type(read).model_fields
        return next((getattr(read, name) for name, field in fields.items() if (field.alias or name) == key), None)
    return read.get(key) if isinstance(read, Mapping) else None
