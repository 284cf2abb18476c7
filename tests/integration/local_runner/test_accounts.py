"""As root every job has an account of its own: it neither reads nor kills another one, and nothing outlives it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.local_runner.lab import Lab, job, until
from tide.adapters.local_runner.accounts import Accounts, NoAccountError
from tide.adapters.local_runner.processes import nameless_bytes_of
from tide.adapters.local_runner.processes import processes_of as looked_at
from tide.domain.errors import TideError
from tide.domain.runs import Purpose, RunState

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

JOBS = range(58_000, 58_500)


def processes_of(account: int) -> list[int]:
    """The processes of a user, but for those that only wait to be noticed."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            text = status.read_text()
            if f"\nUid:\t{account}\t" in text and "\nState:\tZ" not in text:
                found.append(int(status.parent.name))
    return found


def owned(room: Path, account: int) -> list[str]:
    """What a user has in a directory."""
    return [entry.path for entry in os.scandir(room) if entry.stat(follow_symlinks=False).st_uid == account]


def objects() -> str:
    """All of System V's objects."""
    return " ".join(Path("/proc/sysvipc", kind).read_text() for kind in ("shm", "sem", "msg"))


async def test_a_job_has_an_account_of_its_own_in_its_own_work_tree(lab: Lab) -> None:
    script = "id -u; id -g; id -G; touch here $HOME/there $TMPDIR/x $ARTIFACTS/y; git status --short"
    run = await lab.run(script, lab.head(7))
    user, group, groups, status = lab.log(run.name).splitlines()
    assert int(user) in JOBS
    assert user == group == groups
    assert status == "?? here"
    assert run.state is RunState.SUCCESS


async def test_programs_that_ask_who_they_are_do_without_an_entry(lab: Lab) -> None:
    script = """set -e
    git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x
    python3 -c 'import os.path, tempfile; assert os.path.expanduser("~") == os.environ["HOME"]; tempfile.mkdtemp()'
    bash -lc 'cd ~ && pwd'
    test "$USER $LOGNAME" = "$(id -u) $(id -u)"
    python3 -c 'import getpass; getpass.getuser()'
    printf 'all:\\n\\t@echo made\\n' > $TMPDIR/Makefile; make -s -C $TMPDIR
    """
    run = await lab.run(script, lab.head(7))
    assert run.state is RunState.SUCCESS, lab.log(run.name)
    assert lab.log(run.name).splitlines()[-1] == "made"


VICTIM = """
echo mine > $HOME/secret
umask 0
id -u > {0}/victim
while ! test -e {0}/done; do sleep 0.05; done
cat $HOME/secret
"""
THIEF = """
victim=$(cat {0}/victim)
test $victim != $(id -u) || exit 1
for process in /proc/[0-9]*; do
  case "$(sed -n 's/^Uid:.//p' $process/status 2>&1)" in $victim*)
    cat $process/environ && exit 1
    ls $process/cwd/ && exit 1
    kill -9 ${{process#/proc/}} && exit 1
    python3 -c "import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(16, ${{process#/proc/}}, 0, 0) != 0)" && exit 1 ;;
  esac
done 2>/dev/null
for home in {1}/jobs/work/*; do
  test $home = $HOME || ! ls $home/ 2>/dev/null || exit 1
  test $home = $HOME || ! touch $home/x 2>/dev/null || exit 1
done
kill -9 -1 2>/dev/null
true
"""


async def test_jobs_neither_read_nor_kill_each_other(lab: Lab) -> None:
    async with lab.runner() as runner:
        script = VICTIM.format(lab.shared)
        (victim,) = await runner.start(lab.candidate(lab.head(1)), [job(script, "victim")], Purpose.RETEST, {})
        await until((lab.shared / "victim").exists)
        script = THIEF.format(lab.shared, lab.root)
        (thief,) = await runner.start(lab.candidate(lab.head(2)), [job(script, "thief")], Purpose.RETEST, {})
        thief = await lab.ended(runner, thief.name)
        (lab.shared / "done").touch()
        victim = await lab.ended(runner, victim.name)
    assert thief.state is RunState.SUCCESS, lab.log(thief.name)
    assert (victim.state, lab.log(victim.name)) == (RunState.SUCCESS, "mine\n")


OUTLIVE = """
setsid env -i sh -c 'trap "" TERM HUP; while :; do sleep 600; done' >/dev/null 2>&1 &
setsid env -i python3 -c 'import os, signal
while True:
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if "end_" + "account" in open(f"/proc/{process}/cmdline").read():
                os.kill(int(process), signal.SIGKILL)
        except OSError:
            pass' >/dev/null 2>&1 &
setsid env -i python3 -m http.server 0 >/dev/null 2>&1 &
id -u
setsid env -i python3 -c 'import os
open("{0}/forks", "w")
while True:
    try:
        os.fork()
    except OSError:
        pass' >/dev/null 2>&1 &
while ! test -e {0}/forks; do :; done
"""


async def test_nothing_of_a_job_outlives_it(lab: Lab) -> None:
    """Not without its environment, nor in another session, nor as one that forks for ever or kills who kills."""
    run = await lab.run(OUTLIVE.replace("{0}", str(lab.shared)), lab.head(7), runner=lab.runner(processes=200))
    account = int(lab.log(run.name).split()[0])
    assert run.state is RunState.SUCCESS
    assert processes_of(account) == []


REMAINS = """
id -u
for room in /tmp /var/tmp /dev/shm; do
  left=$room/left-$$$$
  mkdir -p $left/deep $left/closed && touch $left/deep/file && chmod 0 $left/closed
done
ipcmk -M 1000 >/dev/null && ipcmk -S 1 >/dev/null && ipcmk -Q >/dev/null
"""


async def test_what_a_job_leaves_where_everybody_may_is_removed(lab: Lab) -> None:
    run = await lab.run(REMAINS, lab.head(7))
    assert run.state is RunState.SUCCESS, lab.log(run.name)
    account = int(lab.log(run.name).split()[0])
    rooms = [Path(room) for room in ("/tmp", "/var/tmp", "/dev/shm")]  # noqa: S108 - what a job finds everywhere
    assert [found for room in rooms for found in owned(room, account)] == []
    assert str(account) not in objects().split()


async def test_no_variable_of_a_job_works_before_it_is_another_user(lab: Lab) -> None:
    """The loader's variables would run a stranger's code as root."""
    names = ("LD_PRELOAD", "LD_AUDIT", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME")
    env = [{"name": name, "value": f"{lab.shared}/evil.so"} for name in names]
    async with lab.runner() as runner:
        (run,) = await runner.start(lab.candidate(), [job("echo $LD_AUDIT", env=env)], Purpose.PROOF, {})
        run = await lab.ended(runner, run.name)
    # The loader tells of each program that cannot load it: these are the job's own shell and nothing before.
    complaints = [line for line in lab.log(run.name).splitlines() if "LD_PRELOAD" in line]
    assert len(complaints) == 1


async def test_a_job_becomes_nobody_else(lab: Lab) -> None:
    run = await lab.run(
        "sed -n 's/^NoNewPrivs:.//p;s/^CapEff:.//p' /proc/self/status; cat /proc/self/oom_score_adj", lab.head(7)
    )
    assert lab.log(run.name).split() == ["0000000000000000", "1", "1000"]


KILLED = """
import sys
from pathlib import Path
from tide.adapters.local_runner.accounts import Accounts
claim = Accounts(Path(sys.argv[1], "claims")).claim(Path(sys.argv[1], "work"))
import subprocess
import os
work = Path(sys.argv[1], "work")
work.mkdir(mode=0o700)
(work / "secret").write_text("secret")
os.chown(work, claim.account, claim.account)
subprocess.Popen(["sleep", "600"], user=claim.account, group=claim.account, extra_groups=[], start_new_session=True)
print(claim.account, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_daemon_has_left_is_ended_at_the_next_start(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        account = int(daemon.stdout.readline())
        accounts = Accounts(tmp_path / "claims")
        # What another daemon uses is left alone.
        accounts.end_leftovers()
        assert len(processes_of(account)) == 1
        daemon.kill()
    accounts.end_leftovers()
    assert processes_of(account) == []
    assert (tmp_path / "claims" / str(account)).read_bytes() == b""


def test_a_work_tree_that_a_killed_daemon_has_left_is_not_the_next_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be another daemon's, which has another directory, and never comes back to it."""
    monkeypatch.setattr("tide.adapters.local_runner.accounts._NUMBER", 1)
    work, kept = tmp_path / "work", tmp_path / "kept"
    kept.write_text("")
    for _ in range(2):
        work.mkdir(mode=0o755)
        os.chown(work, 58_000, 58_000)
        (tmp_path / "58000").write_bytes(os.fsencode(work))
        claim = Accounts(tmp_path).claim(tmp_path / "next")
        assert (work.stat().st_uid, work.stat().st_mode & 0o777) == (0, 0o700)
        assert (tmp_path / "58000").read_text() == str(tmp_path / "next")
        claim.release()
        work.rmdir()


def test_an_account_whose_work_tree_cannot_be_taken_from_it_stays_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tide.adapters.local_runner.accounts._NUMBER", 1)
    (tmp_path / "58000").write_text("/proc/1/fdinfo")  # not even root may give this away
    with pytest.raises(NoAccountError):
        Accounts(tmp_path).claim(tmp_path / "next")
    assert (tmp_path / "58000").read_text() == "/proc/1/fdinfo"


def test_no_two_jobs_share_an_account(tmp_path: Path) -> None:
    claims = [Accounts(tmp_path).claim(tmp_path / "work") for _ in range(20)]
    assert len({claim.account for claim in claims}) == 20
    for claim in claims:
        assert claim.end()
        claim.release()
    assert {file.read_bytes() for file in tmp_path.iterdir()} == {b""}


def test_an_account_that_somebody_else_uses_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tide.adapters.local_runner.accounts._NUMBER", 1)
    stranger = subprocess.Popen(["sleep", "600"], user=58_000, group=58_000, extra_groups=[])
    try:
        with pytest.raises(NoAccountError, match="58000"):
            Accounts(tmp_path).claim(tmp_path / "work")
        assert stranger.poll() is None
    finally:
        stranger.send_signal(signal.SIGKILL)
        stranger.wait()
    Accounts(tmp_path).claim(tmp_path / "work").release()


async def test_where_there_is_no_account_the_job_says_so(lab: Lab) -> None:
    runner = lab.runner()
    runner.accounts = Accounts(lab.root / "claims")
    async with runner:
        (lab.root / "claims").rmdir()
        (lab.root / "claims").write_text("")
        (run,) = await runner.start(lab.candidate(lab.head(7)), [job("true")], Purpose.RETEST, {})
        run = await lab.ended(runner, run.name)
    assert run.state is RunState.ERROR
    assert f"{lab.root / 'claims'} cannot be used" in run.description


async def test_where_no_account_can_be_had_it_does_not_start(lab: Lab) -> None:
    (lab.root / "claims").write_text("")
    runner = lab.runner()
    runner.accounts = Accounts(lab.root / "claims")
    with pytest.raises(TideError, match="claims cannot be used: File exists"):
        await runner.__aenter__()


CHECK = """
import sys
from pathlib import Path
from tide.adapters.local_runner.accounts import Accounts, NoAccountError
try:
    Accounts(Path(sys.argv[1], "claims")).check(Path(sys.argv[1]))
except NoAccountError as error:
    print(error)
"""


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not on the PATH")
@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        ([], ""),
        (["setuid"], "jobs cannot run as the user 58000, as those of root do: Operation not permitted\n"),
        (["setgid"], "jobs cannot run as the user 58000, as those of root do: Operation not permitted\n"),
        (["chown"], "cannot be handed over to the user 58000: Operation not permitted\n"),
    ],
)
def test_a_root_that_may_not_make_others_users_says_so(tmp_path: Path, lacks: list[str], told: str) -> None:
    without = [f"--{kind}=-{name}" for name in lacks for kind in ("inh-caps", "bounding-set")]
    command = ["setpriv", *without, sys.executable, "-c", CHECK, str(tmp_path)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    assert ran.stdout.endswith(told)
    assert bool(ran.stdout) is bool(told)


def test_what_is_no_claim_is_passed_over(tmp_path: Path) -> None:
    for name in ("58000.bak", "7", "99999"):
        (tmp_path / name).write_text("used\n")
    Accounts(tmp_path).end_leftovers()
    assert {file.read_text() for file in tmp_path.iterdir()} == {"used\n"}


def ended_child(account: int, code: int) -> subprocess.Popen[bytes]:
    """A process of ours that has ended as an account, and that nobody has waited for."""
    child = subprocess.Popen(["/bin/sh", "-c", f"exit {code}"], user=account, group=account, extra_groups=[])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    return child


def test_who_looks_at_a_job_hears_of_no_end_in_the_place_of_who_waits_for_it() -> None:
    child = ended_child(58_000, 7)
    assert looked_at(58_000) == []
    assert nameless_bytes_of(58_000) == 0
    assert child.wait() == 7


def test_orphans_of_a_job_are_buried_when_it_has_ended(tmp_path: Path) -> None:
    claim = Accounts(tmp_path).claim(tmp_path / "work")
    child = ended_child(claim.account, 0)
    assert claim.end()
    assert not Path(f"/proc/{child.pid}").exists()
    claim.release()
    child.wait()
