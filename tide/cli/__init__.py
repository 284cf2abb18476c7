"""The commands. Standard output carries the result, standard error logs and progress.

Exit codes: 0 good, 2 bad flags or arguments, 1 all else. What a command needs is imported when it runs, so that
`tide --help` is instant.
"""

import gc
import importlib
import sys
from collections.abc import Iterator

import click

from tide import __version__
from tide.cli.go_flags import with_two_dashes
from tide.domain.errors import TideError

COMMANDS = {
    "run": ("tide.cli.run:run", "Run the daemon."),
    "demo": ("tide.cli.demo:demo", "Run the daemon with everything embedded, and watch it merge."),
    "sandbox": ("tide.cli.sandbox:sandbox", "Serve a simulated GitHub and a cluster with Prow on this machine."),
    "check-config": ("tide.cli.check_config:check_config", "Load the configuration as `run` would, and judge it."),
    "explain": ("tide.cli.read:explain", "Say why a pull request is or is not merging."),
    "pools": ("tide.cli.read:pools", "List the pools."),
    "history": ("tide.cli.read:history", "List what was done."),
    "decisions": ("tide.cli.read:decisions", "List what was decided, and why."),
    "replay": ("tide.cli.read:replay", "Decide again what was decided, and tell what comes out otherwise."),
    "retest": ("tide.cli.read:retest", "Run again what has failed on the head of a pull request."),
    "unfreeze": ("tide.cli.read:unfreeze", "Let a frozen pool prove its branch and go on."),
    "db": ("tide.cli.db:db", "Look after the database's schema."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order of the manual."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        gc.disable()  # what is imported stays: to look for garbage in it takes a tenth of the time
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        finally:
            gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tide")
def tide() -> None:
    """A merge queue for GitHub: labelled pull requests become tested, merged batches."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and exit; an error of ours is one clear line per problem, never a traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = tide.main(with_two_dashes(given), prog_name="tide", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except TideError as error:
        _tell(error)
        sys.exit(1)
    except ExceptionGroup as group:
        # Tasks that run beside each other fail together; what is not ours keeps its traceback.
        ours, others = group.split(TideError)
        if ours is None or others is not None:
            raise
        _tell(*_leaves(ours))
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _tell(*errors: BaseException) -> None:
    for error in errors:
        for line in str(error).splitlines():
            click.echo(f"tide: error: {line}", err=True)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
