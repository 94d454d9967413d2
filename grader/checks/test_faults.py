"""Errors made on purpose: each call under fault injection (user/tests/fault_nth.c), faults by the kernel's command line, and leaks that the runner must name."""
import re

import pytest

from harness import usertest
from harness.build import kernel

# What must have been made to fail at least once.
WANTED = ("fork", "clone (vfork)", "clone (thread)", "execve", "mmap", "mremap", "brk", "open O_CREAT", "mkdir", "rename", "symlink", "link", "mount", "pipe", "poll",
          "F_DUPFD far away", "ioctl TCGETS", "kill, with a handler", "setitimer", "munmap", "mprotect", "unlink", "mknod", "chdir", "getcwd", "stat", "select",
          "epoll_create", "epoll_ctl", "eventfd", "timerfd_create", "signalfd", "open /dev/ptmx", "pwrite", "fallocate", "memfd_create", "setxattr", "F_SETLK", "flock")


def debug():
    return kernel(None, None, "DEBUG=1")


def run(name, **options):
    return usertest.run_many(debug(), [name], cap=240, **options)[name]


@pytest.mark.parametrize("cpus", (1, 2))
def test_each_call_survives_each_fault(cpus):
    """The right errno, a retry that works, nothing leaked, no panic; and the faults did hit."""
    answer = run("fault_nth", smp=cpus, append="seconds=220")
    assert answer.ended == "exit 0" and "WRONG" not in answer.output and "@@LEAK" not in answer.output, answer.output[-4000:] + answer.report
    errors = {m[0]: int(m[1]) for m in re.findall(r"^(.*): \d+ faults, (\d+) errors$", answer.output, re.M)}
    missed = [name for name in WANTED if not errors.get(name)]
    assert not missed, "no fault hit %s" % ", ".join(missed)
    assert sum(n > 0 for n in errors.values()) >= 60


@pytest.mark.parametrize("kind,errno", [("kmalloc", "ENOMEM"), ("page", "ENOMEM"), ("copyuser", "EFAULT")])
@pytest.mark.parametrize("persist", (False, True))
def test_a_fault_by_the_command_line(kind, errno, persist):
    """Once: one call fails and the next are well. With `persist`: that one and all after it, and the kernel lives."""
    wanted = "%s, then %s of 5" % (errno, r"[45]" if persist else "0")
    word = "fault=%s:%d%s" % (kind, 9000, ":persist" if persist else "")
    answer = run("fault_cmdline", append="%s ONLY=%s seconds=60" % (word, kind))
    assert "PANIC" not in answer.report.replace("PANIC Attempted to kill init", ""), answer.report
    if kind != "kmalloc" and persist:
        return  # the program may need what fails to say a word
    assert re.search(wanted, answer.output), "%s: %s\n%s" % (word, answer.output, answer.report)


@pytest.mark.parametrize("checking", ("DEBUG=0", "DEBUG=1"))
def test_a_leak_is_named(checking):
    answer = usertest.run_many(kernel(None, None, checking), ["fault_leak"], cap=60)["fault_leak"]
    leak = re.search(r"^@@(?:\w+:)?LEAK fault_leak (.*)$", answer.output, re.M)
    assert leak and {"dentry", "inode", "frames"} <= set(leak.group(1).split()), answer.output
    if checking == "DEBUG=1":
        assert re.search(r"^inode \d+ bytes: .*inode_alloc\+\S+ \(kernel/vfs/inode.c:\d+\)", answer.output, re.M), answer.output
    problem = usertest.complaint("fault_leak", answer)
    assert problem and "leak" in problem, problem
