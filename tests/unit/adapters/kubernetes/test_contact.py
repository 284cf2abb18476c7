from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from tests.builders import NOW
from tide.adapters.kubernetes.contact import Contact
from tide.adapters.kubernetes.failures import Refused
from tide.domain.errors import Forbidden, RemoteError, Unavailable


@dataclass
class Clock:
    seconds: float = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def steady(self) -> float:
        return self.seconds


@dataclass
class Listener:
    clock: Clock = field(default_factory=Clock)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.contact = Contact(self.clock, self.told.append, outdated=90)


def test_nothing_is_trusted_before_the_first_list() -> None:
    listener = Listener()
    with pytest.raises(Unavailable, match=r"^the ProwJobs have not been listed yet$"):
        listener.contact.assure()
    listener.contact.lost(Unavailable("out of reach"))
    with pytest.raises(Unavailable, match=r"^the ProwJobs have not been listed yet: out of reach$"):
        listener.contact.assure()
    listener.contact.heard()
    listener.contact.assure()
    assert listener.told == ["out of reach", ""]


def test_what_is_known_is_trusted_for_a_while_and_then_it_is_said_since_when_not() -> None:
    listener = Listener()
    listener.contact.heard()
    listener.clock.seconds = 90
    listener.contact.assure()
    listener.clock.seconds = 91
    with pytest.raises(Unavailable, match="nothing has been heard of the ProwJobs since 2026-01-02T03:04:05Z"):
        listener.contact.assure()
    assert not listener.contact.is_fresh


def test_one_dropped_watch_is_no_outage_but_two_failures_are_and_each_is_told_once() -> None:
    listener = Listener()
    listener.contact.heard()
    listener.contact.lost(Unavailable("dropped"))
    assert listener.told == [""]
    listener.contact.lost(Unavailable("refused"))
    listener.contact.lost(Unavailable("refused"))
    listener.contact.heard()
    assert listener.told == ["", "refused", ""]


def test_nothing_but_refusals_for_ten_minutes_takes_a_restart() -> None:
    listener = Listener()
    listener.contact.heard()
    listener.contact.lost(Refused("401"))
    listener.clock.seconds = 599
    listener.contact.lost(Refused("401 again"))
    assert listener.contact.shut_out == ""
    listener.clock.seconds = 600
    assert listener.contact.shut_out == ("refused for 10 minutes, in spite of reading all credentials again: 401 again")
    listener.contact.heard()
    assert listener.contact.shut_out == ""


@pytest.mark.parametrize("error", [Unavailable("out of reach"), Forbidden("you may not")])
def test_no_outage_and_no_role_takes_a_restart(error: RemoteError) -> None:
    listener = Listener()
    listener.contact.heard()
    for _ in range(100):
        listener.contact.lost(error)
        listener.clock.seconds += 60
        assert listener.contact.shut_out == ""


def test_an_outage_between_refusals_begins_the_count_anew() -> None:
    listener = Listener()
    listener.contact.lost(Refused("401"))
    listener.clock.seconds = 300
    listener.contact.lost(Unavailable("out of reach"))
    listener.contact.lost(Refused("401"))
    listener.clock.seconds = 899
    assert listener.contact.shut_out == ""
    listener.clock.seconds = 900
    assert listener.contact.shut_out
