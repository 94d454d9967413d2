"""Errors made on purpose: each call under fault injection (user/tests/fault_*.c), faults by the kernel's command line, and leaks that the runner must name."""
import re
import tempfile
from pathlib import Path

import pytest

from harness import disk, usertest
from harness.build import kernel

# What must have been made to fail at least once, and how many cases at least, in each program.
CALLS = ("fork", "clone (vfork)", "clone (thread)", "execve", "mmap", "mremap", "brk", "open O_CREAT", "mkdir", "rename", "symlink", "link", "mount", "pipe", "poll",
          "F_DUPFD far away", "ioctl TCGETS", "kill, with a handler", "setitimer", "munmap", "mprotect", "unlink", "mknod", "chdir", "getcwd", "stat", "select",
          "epoll_create", "epoll_ctl", "eventfd", "timerfd_create", "signalfd", "open /dev/ptmx", "pwrite", "fallocate", "memfd_create", "setxattr", "F_SETLK", "flock")
NET = ("socket AF_UNIX", "socketpair", "socket TCP", "socket UDP", "socket AF_PACKET", "socket AF_NETLINK", "bind to a path", "connect AF_UNIX", "accept AF_UNIX", "write AF_UNIX",
       "sendmsg SCM_RIGHTS", "recvmsg SCM_RIGHTS", "connect TCP", "accept TCP", "write TCP", "read TCP", "sendfile TCP", "sendto UDP", "sendto UDP over IPv6", "sendto raw",
       "sendto AF_PACKET", "IP_ADD_MEMBERSHIP", "IPV6_JOIN_GROUP", "SIOCADDRT", "RTM_GETLINK", "RTM_NEWADDR")
DISK = ("open O_CREAT", "mkdir", "rmdir", "rename", "symlink", "link", "unlink", "mknod", "getdents", "setxattr", "pread", "pwrite", "fsync", "pread O_DIRECT", "pwrite O_DIRECT",
        "fallocate", "punching a hole", "ftruncate", "mmap", "msync", "mount", "umount")
MORE = ("inotify_init", "inotify_add_watch", "read of inotify", "F_NOTIFY", "F_OFD_SETLK", "openat2", "pidfd_open", "waitid", "clone3", "timerfd_settime", "futex_waitv", "mq_notify",
        "tee", "vmsplice", "copy_file_range", "mmap MAP_SHARED", "TIOCGPTPEER", "LOOP_SET_FD", "read of a loop device", "/proc/self/smaps", "/proc/slabinfo", "mount of proc",
        "mount of devpts", "mount MS_MOVE")
PROGRAMS = {"fault_nth": (CALLS, 60), "fault_net": (NET, 40), "fault_disk": (DISK, 25), "fault_more": (MORE, 45)}


def debug():
    return kernel(None, None, "DEBUG=1")


def run(name, **options):
    return usertest.run_many(debug(), [name], cap=240, **options)[name]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("cpus", (1, 2))
@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_each_call_survives_each_fault(program, cpus):
    """The right errno, a retry that works, nothing leaked, no panic, a clean disk; and the faults did hit."""
    with tempfile.TemporaryDirectory() as folder, usertest.boot(debug(), [program], folder, cap=560, smp=cpus, append="seconds=540") as guest:
        guest.wait_end()
        output, ended = usertest.library.records(guest.console.text).get(program, (guest.console.text, guest.outcome()))
        assert ended == "exit 0" and "WRONG" not in output and "@@LEAK" not in output, output[-4000:] + guest.report()
        if usertest.wants_disk(program):
            disk.check(Path(folder) / "tests.disk")
    wanted, least = PROGRAMS[program]
    errors = {m[0]: int(m[1]) for m in re.findall(r"^(.*): \d+ faults, (\d+) errors$", output, re.M)}
    missed = [name for name in wanted if not errors.get(name)]
    assert not missed, "no fault hit %s" % ", ".join(missed)
    assert sum(n > 0 for n in errors.values()) >= least


def test_calls_of_system_v_and_queues_survive_each_fault():
    """A program that is a test of its own in every kernel, and has faults only in this one."""
    assert usertest.complaint("ipc_faults", run("ipc_faults")) is None


@pytest.mark.parametrize("kind,errno", [("kmalloc", "ENOMEM"), ("page", "ENOMEM"), ("copyuser", "EFAULT"), ("bread", "EIO"), ("bwrite", "EIO")])
@pytest.mark.parametrize("persist", (False, True))
def test_a_fault_by_the_command_line(kind, errno, persist):
    """Once: one call fails and the next are well. With `persist`: that one and all after it, and the kernel lives."""
    wanted = "%s, then %s of 5" % (errno, r"[45]" if persist else "0")
    word = "fault=%s:%d%s" % (kind, 50 if errno == "EIO" else 9000, ":persist" if persist else "")
    answer = run("fault_cmdline", append="%s ONLY=%s seconds=60" % (word, kind))
    assert "PANIC" not in answer.report.replace("PANIC Attempted to kill init", ""), answer.report
    if kind in ("page", "copyuser") and persist:
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
