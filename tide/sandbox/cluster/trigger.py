"""Starts and aborts the presubmits of pull requests (Prow: pkg/plugins/trigger)."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tide.adapters.prowjobs import markers
from tide.adapters.prowjobs.writing import build
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.runs import Candidate, Head, Purpose, RunState
from tide.sandbox.changes import AnyChange, CommentChanged, PullChanged
from tide.sandbox.cluster.commands import AUTOMATIC, Wish, chosen
from tide.sandbox.cluster.settings import ClusterSettings
from tide.sandbox.cluster.unfinished import Unfinished
from tide.sandbox.kubernetes.objects import ApiObjects
from tide.sandbox.kubernetes.resources import JsonObject
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.state import Forge

log = logging.getLogger(__name__)

Jobs = Callable[[RepoKey], Sequence[Presubmit]]

IS_OPTIONAL = "prow.k8s.io/is-optional"
RETEST = "prow.k8s.io/retest"
EVENT = "event-GUID"
OK_TO_TEST = "ok-to-test"
LGTM = "lgtm"

_STARTS = {"opened", "reopened", "ready_for_review", "synchronize"}
_ABORTS = {"synchronize", "closed", "converted_to_draft"}
_OF_OUR_OWN = (markers.JOB_DIGEST, markers.RUN_TREE, markers.ATTEMPT)


@dataclass(frozen=True, slots=True)
class _Event:
    """What happened to a pull request, when its head was this one."""

    repository: Repository
    pull: PullRequest
    head_sha: str
    aborts: bool
    wish: Wish | None


class Trigger:
    """Answers what happens on a forge, one event after the other."""

    def __init__(
        self, forge: Forge, objects: ApiObjects, unfinished: Unfinished, jobs: Jobs, settings: ClusterSettings
    ) -> None:
        self._forge = forge
        self._objects = objects
        self._unfinished = unfinished
        self._jobs = jobs
        self._settings = settings
        self._names = Random(settings.seed)  # noqa: S311 - names, no secrets
        self._events: asyncio.Queue[_Event] = asyncio.Queue()

    def see(self, change: AnyChange) -> None:
        """Take note of a change of the forge."""
        match change:
            case PullChanged(repository=repository, pull=pull):
                event = _Event(repository, pull, pull.head_sha, change.action in _ABORTS, self._wish(change))
            case CommentChanged(action="created", repository=repository, issue=PullRequest() as pull):
                event = _Event(repository, pull, pull.head_sha, aborts=False, wish=self._command(change, pull))
            case _:
                return
        if event.aborts or event.wish:
            self._events.put_nowait(event)

    def _wish(self, change: PullChanged) -> Wish | None:
        pull, action = change.pull, change.action
        if action == "labeled":
            starts = change.label == OK_TO_TEST or (change.label == LGTM and not self._is_trusted(pull))
        else:
            starts = action in _STARTS or (action == "edited" and "base_ref" in change.before)
            starts = starts and self._is_trusted(pull)
        return AUTOMATIC if starts and not pull.draft else None

    def _command(self, change: CommentChanged, pull: PullRequest) -> Wish | None:
        author = change.comment.author
        may_ask = author not in self._settings.untrusted or self._is_trusted(pull)
        return Wish(change.comment.body) if may_ask and author != self._settings.bot and pull.state == "open" else None

    def _is_trusted(self, pull: PullRequest) -> bool:
        return pull.author not in self._settings.untrusted or OK_TO_TEST in pull.labels

    async def run(self) -> None:
        """Answer, for ever."""
        while True:
            event = await self._events.get()
            try:
                await self._answer(event)
            except Exception:  # as in Prow, what cannot be answered is logged, and the next one has its turn
                log.exception("%s#%d could not be answered", event.repository.full_name, event.pull.number)

    async def _answer(self, event: _Event) -> None:
        if event.aborts:
            self._abort(event.repository, event.pull)
        if event.wish and event.pull.base_ref in event.repository.branches:
            jobs = self._jobs(RepoKey(event.repository.owner, event.repository.name))
            if jobs:
                await self._start(event, event.wish, jobs)

    def _abort(self, repository: Repository, pull: PullRequest) -> None:
        """Abort every unfinished presubmit of a pull request, whoever started it (pull-request.go abortAllJobs)."""
        wanted = {
            markers.ORG: repository.owner,
            markers.REPO: repository.name,
            markers.PULL: str(pull.number),
            markers.TYPE: "presubmit",
        }
        for known in self._unfinished.listed():
            if wanted.items() <= (known["metadata"].get("labels") or {}).items():
                prowjob = self._objects.get(self._settings.prow.namespace, known["metadata"]["name"])
                prowjob["status"] |= {"state": RunState.ABORTED.value, "description": "Aborted by trigger plugin."}
                self._objects.replace(prowjob)

    async def _start(self, event: _Event, wish: Wish, jobs: Sequence[Presubmit]) -> None:
        repository, pull = event.repository, event.pull
        mergeability = await self._forge.mergeability(repository, pull)
        if mergeability.known and not mergeability.mergeable:
            return
        files = await self._files(event) if any(job.has_file_matcher for job in jobs) else ()
        # Without a wait from here on, what is started is started on the base of this moment.
        states = {status.context: status.state for status in repository.latest_statuses(event.head_sha)}
        guid = self._name()
        for job in chosen(wish, jobs, pull.base_ref, files, states):
            prowjob = self._prowjob(event, job)
            prowjob["metadata"]["labels"] |= {EVENT: guid, **({RETEST: "true"} if wish.is_retest else {})}
            self._objects.create(prowjob)

    async def _files(self, event: _Event) -> tuple[str, ...]:
        """Give the paths that a pull request changes, renamed ones under their new name."""
        git = event.repository.git
        base = event.repository.branches.get(event.pull.base_ref, event.pull.base_sha)
        common = await git.merge_base(base, event.head_sha)
        return tuple(one.path for one in await git.changed_files(common or base, event.head_sha))

    def _prowjob(self, event: _Event, job: Presubmit) -> JsonObject:
        """Build a ProwJob as trigger does; it differs from Tide's in names, markers and links (pjutil.NewPresubmit)."""
        repository, pull = event.repository, event.pull
        pool = PoolKey(repository.owner, repository.name, pull.base_ref)
        head = Head(pull.number, event.head_sha, pull.author, pull.title, pull.head_ref)
        base_sha = repository.branches.get(pull.base_ref, pull.base_sha)
        candidate = Candidate(pool, base_sha, (head,))
        prowjob = build(candidate, job, Purpose.FIRST, 1, self._forge.now(), self._settings.prow)
        metadata, refs = prowjob["metadata"], prowjob["spec"]["refs"]
        metadata["name"] = self._name()
        metadata["labels"].pop(markers.PURPOSE, None)
        metadata["labels"][IS_OPTIONAL] = str(job.optional).lower()
        for key in _OF_OUR_OWN:
            metadata["annotations"].pop(key, None)
        refs["base_link"] = f"{refs['repo_link']}/commit/{base_sha}"
        refs["pulls"][0]["commit_link"] = f"{refs['repo_link']}/pull/{pull.number}/commits/{event.head_sha}"
        return prowjob

    def _name(self) -> str:
        return str(uuid.UUID(int=self._names.getrandbits(128), version=4))
