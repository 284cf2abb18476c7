"""What the changes of a story make of a branch, worked out from the values alone."""

from collections.abc import Iterable, Mapping

from tide.sandbox.scenarios.story import Event, Open, Push, Story


def own_files(story: Story, *, last: bool = True) -> dict[str, dict[str, str]]:
    """Give each pull request's files by its name: after its last push, or as it was opened."""
    files = {event.name: dict(event.files) for event in story.opened}
    for event in story.events:
        if last and isinstance(event, Push):
            files[event.name] |= event.files
    return files


def start_of(story: Story, repo: str, branch: str) -> Mapping[str, str]:
    """Give the files that a branch starts with."""
    return next(plot.branches[branch] for plot in story.plots if plot.full_name == repo)


def together(start: Mapping[str, str], changes: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Put changes on a branch one after the other."""
    tree = dict(start)
    for change in changes:
        tree |= change
    return tree


def one(events: Iterable[Event]) -> Open:
    """Give the only pull request that events open."""
    (opened,) = [event for event in events if isinstance(event, Open)]
    return opened
