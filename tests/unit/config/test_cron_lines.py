import pytest

from tide.config.validation.cron_lines import Verdict, judged


def test_a_line_that_the_library_takes_is_good() -> None:
    assert judged("0 0 1-31/2 JAN-dec Sun-SAT") == Verdict()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("0 5 * * 7", "'7' is no day of the week of 0 to 6"),
        ("TZ=Mars/Olympus 0 5 * * *", "'Mars/Olympus' is no time zone"),
        ("TZ=../etc/passwd 0 5 * * *", "'../etc/passwd' is no time zone"),
    ],
)
def test_a_line_that_the_library_refuses_or_whose_time_zone_is_unknown_is_refused(line: str, fault: str) -> None:
    assert judged(line) == Verdict(fault)


@pytest.mark.parametrize(
    "line",
    [
        *("TZ=UTC 0 5 * * *", "TZ= 0 5 * * *", "TZ=Local 0 5 * * *", "TZ=Europe/Berlin  @daily "),
        "CRON_TZ=Asia/Tokyo 0 5 * * *",
    ],
)
def test_a_time_zone_is_doubtful_as_it_is_taken_at_the_load_and_refused_by_the_clock(line: str) -> None:
    verdict = judged(line)
    assert verdict.fault == ""
    assert verdict.doubt.startswith("Prow's horologium puts TZ=UTC in front, and cannot read ")
