"""What programs write when they have met a limit."""

import pytest

from tide.adapters.local_runner.limits import Limits, Symptoms

LIMITS = Limits(memory=1, processes=1, disk=1)


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        ("memory", 134, b"==1==ERROR: AddressSanitizer failed to allocate 0x10000000 (268435456) bytes (errno: 12)\n"),
        ("memory", 66, b"==1==ERROR: ThreadSanitizer failed to allocate 0x1f0000000000 bytes\n"),
        ("memory", 1, b"mmap failed (errno: 12)\n"),
        ("memory", 134, b"memory allocation of 1073741824 bytes failed\n"),
        ("memory", 1, b"MemoryError\n"),
        ("processes", 1, b"sh: 1: Cannot fork\n"),
        ("disk", 153, b""),
    ],
)
def test_a_limit_that_was_met_is_known_by_what_is_written(kind: str, code: int, text: bytes) -> None:
    whole, halves = Symptoms(LIMITS), Symptoms(LIMITS)
    whole.read(text)
    for half in (text[: len(text) // 2], text[len(text) // 2 :]):
        halves.read(half)
    assert whole.met(code) == halves.met(code) == (LIMITS.of(kind),)


def test_a_failure_of_the_jobs_own_is_no_symptom() -> None:
    symptoms = Symptoms(LIMITS)
    symptoms.read(b"FAILED tests/test_x.py: assert 1 == 2\nfatal: exit 66\n")
    assert symptoms.met(66) == ()
