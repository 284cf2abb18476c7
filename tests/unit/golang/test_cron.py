"""Cron lines as the library of Prow takes them: gopkg.in/robfig/cron.v2, and v3, which refuses a step of 0."""

import re

import pytest

from tide.golang.cron import check_cron


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
        "*/0009223372036854775807 * * * *",
        pytest.param(f"{'0' * 5000}5 * * * *", id="more zeros than Python reads"),
    ],
)
def test_what_prow_takes_is_taken(line: str) -> None:
    assert check_cron(line) == ""


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
        ("*/-0 * * * *", "'*/-0' steps by 0"),
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
        ("TZ=UTC TZ=UTC 0 5 * * *", "'TZ=UTC' is no second"),
    ],
)
def test_what_prow_refuses_is_refused(line: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}"):
        check_cron(line)


def test_the_time_zone_of_a_line_is_given_as_it_is_written() -> None:
    assert check_cron("TZ=Mars/Olympus  @daily ") == "TZ=Mars/Olympus"
    assert check_cron("CRON_TZ= 0 5 * * *") == "CRON_TZ="
