"""Static programs with the Linux ABI: the same binary on the host's Linux and in our kernel, answer by answer.

What Linux 6.1 answered stands in user/tests/expect/. The host of a test run may be another Linux; where its answer to a
question differs from the one that was kept, the test of the host says so, and the guest is still held to 6.1's."""
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import usertest
from harness.build import kernel

HOST = usertest.names(run="host")
ALL = usertest.names(run="")
_answers = {}


def answers(smp):
    if smp not in _answers:
        _answers[smp] = usertest.run_many(kernel(), ALL, smp=smp)
    return _answers[smp]


def at_ease():
    """The programs ask how nice they are; a whole run of tests may have been started with another niceness than 0."""
    os.setpriority(os.PRIO_PROCESS, 0, 0)


@pytest.mark.parametrize("name", HOST)
def test_on_the_host(name):
    if os.geteuid() != 0:
        pytest.skip("must skip: the programs change owners and mount things, which wants root on the host")
    environment = {"PATH": "/bin:/sbin:/usr/bin:/usr/sbin", "HOME": "/root", "TERM": "vt100"}
    # A folder that every user may look into: pytest's own are closed to the users that the programs become.
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o1777)
        environment["T_DIR"] = folder
        done = subprocess.run(["setsid", "-w", "timeout", "60", str(usertest.binaries() / name)], cwd="/",
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, preexec_fn=at_ease)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert done.stdout.decode(errors="replace") == usertest.wanted(name)


@pytest.mark.xdist_group("user1")
@pytest.mark.parametrize("name", ALL)
def test_in_the_guest(name):
    problem = usertest.complaint(name, answers(1)[name])
    assert not problem, problem


@pytest.mark.xdist_group("user2")
@pytest.mark.parametrize("name", ALL)
def test_in_a_guest_with_two_cpus(name):
    problem = usertest.complaint(name, answers(2)[name])
    assert not problem, problem


def test_every_expectation_has_its_program():
    kept = {p.stem for p in Path(usertest.library.EXPECT).glob("*.out")}
    assert kept <= set(ALL), "expectations without a program: %s" % sorted(kept - set(ALL))
    assert set(HOST) <= kept, "programs without an expectation: %s" % sorted(set(HOST) - kept)


@pytest.mark.parametrize("seed", [1, 2])
def test_nobody_sleeps_over_a_word(seed):
    """A reader that looks, and a byte that comes before it sleeps: schedules that nobody would see on one CPU otherwise."""
    run = usertest.run_many(kernel(None, None, "DEBUG=1"), ["net_words"], smp=1, append="sched=chaos,seed=%d" % seed, icount=True, watch=False, cap=900)
    problem = run.complaint("net_words")
    assert not problem, problem
