"""`python -m tide`, and the console script."""

import signal


def main() -> None:
    """Run the command line; until it is there, Ctrl-C ends the process as it ends any other, without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tide import cli  # noqa: PLC0415 - see above

    signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


if __name__ == "__main__":
    main()
