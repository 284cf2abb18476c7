"""`python -m tests.bench.health_probe URL`: ask ten times a second whether it is well until the standard input ends.

In a process of its own, so that what whoever floods the server takes is not counted. Prints one line of JSON: how often
it was asked, how often it did not say ok, and the longest time that it took, in seconds.
"""

import json
import select
import sys
import time
import urllib.error
import urllib.request

PERIOD, PATIENCE = 0.1, 30.0


def main() -> None:
    """Ask until told to end."""
    asked = failed = 0
    longest = 0.0
    while not select.select([sys.stdin], [], [], PERIOD)[0]:
        begun = time.monotonic()
        try:
            with urllib.request.urlopen(sys.argv[1], timeout=PATIENCE) as answer:  # noqa: S310 - loopback
                failed += answer.read() != b"ok"
        except (urllib.error.URLError, OSError):
            failed += 1
        asked, longest = asked + 1, max(longest, time.monotonic() - begun)
    print(json.dumps({"asked": asked, "failed": failed, "longest": longest}))


if __name__ == "__main__":
    main()
