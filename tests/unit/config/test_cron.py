"""Cron lines as the library of Prow takes them: gopkg.in/robfig/cron.v2, and v3, which refuses a step of 0."""

import pytest

from tide.config.validation.cron import Verdict, judged


@pytest.mark.parametrize(
    "line",
    [
        *("0 22, 10 * * *", ",5 , ,, * *", "1,,3 * * * *", "*/99 * * * *", "5/99 * * * *", "*/+5 * * * *"),
        *("+5 +0 * * *", "?-x * * * *", "*-1-2/3 * * * *", "0 0 1-31/2 JAN-dec Sun-SAT", "0 0 * * 0", "007 5 * * *"),
        *(
            "59 59 23 31 12 6",
            "@midnight",
            "@annually",
            "@every -1h",
            "@every 0",
            "\u00a0 0 5\u2003* * *\n",
            "5-5 * * * *",
        ),
        "*/9223372036854775807 * * * *",
    ],
)
def test_what_prow_takes_is_taken(line: str) -> None:
    assert judged(line) == Verdict()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("0 5 * * 7", "'7' is no day of the week of 0 to 6"),
        ("0 5 * * mon-sun", "'mon-sun' ends before it starts"),
        ("60/5 * * * *", "'60/5' is no minute of 0 to 59"),
        ("5-60 * * * *", "'5-60' is no minute of 0 to 59"),
        ("0 0 0 * *", "'0' is no day of the month of 1 to 31"),
        ("1-2-3 * * * *", "'1-2-3' is no minute"),
        ("*/5/5 * * * *", "'*/5/5' is no minute"),
        ("*/0 * * * *", "'*/0' steps by 0"),
        ("*/-1 * * * *", "'*/-1' steps by no number"),
        ("*/ * * * *", "'*/' steps by no number"),
        ("*/9223372036854775808 * * * *", "'*/9223372036854775808' steps by no number"),
        ("-5 * * * *", "'-5' is no minute"),
        ("5- * * * *", "'5-' is no minute"),
        ("*5 * * * *", "'*5' is no minute"),
        ("1_0 * * * *", "'1_0' is no minute"),
        ("\u0661 * * * *", "'\u0661' is no minute"),
        ("0\x1c5 * * * *", "'0\\x1c5' is no minute"),
        ("mon * * * *", "'mon' is no minute"),
        ("0 5 * * * * *", "it has 7 fields"),
        ("* * * *", "it has 4 fields"),
        (" @daily", "it has 1 field;"),
        ("@daily ", "it is none of @annually"),
        ("@Daily", "it is none of @annually"),
        ("@every", "it is none of @annually"),
        ("@every 5", "'5' is not a duration"),
        ("TZ=UTC", "nothing follows TZ=UTC"),
        ("TZ=Mars/Olympus 0 5 * * *", "'Mars/Olympus' is no time zone"),
        ("TZ=../etc/passwd 0 5 * * *", "'../etc/passwd' is no time zone"),
        ("TZ=UTC TZ=UTC 0 5 * * *", "'TZ=UTC' is no second"),
    ],
)
def test_what_prow_refuses_is_refused(line: str, fault: str) -> None:
    verdict = judged(line)
    assert verdict.fault.startswith(fault)
    assert verdict.doubt == ""


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
