#!/usr/bin/python3
"""Python's own test suite under Debian's Linux and under this kernel, test by test.

    grader/oracle/python_suite.py [--only MODULE] [--smp N] [--keep FOLDER]

Debian's glibc python3 with its package libpython3.11-testsuite, in the image debian-wide.cpio.gz. Each module is one
block of grader/oracle/compare.py, and each of its tests has a verdict: ok, skipped, FAIL, ERROR. A test that fails
under both kernels says something about the suite (no network, no docs) and counts as the same; so does one that is
skipped under both, whatever the reason.
"""
import re
import subprocess
import sys

import compare

IMAGE = "build/rootfs/debian-wide.cpio.gz"
# What waits, shares and signals; then files and what the library builds on them.
MODULES = """
    test_threading test_multiprocessing_fork test_select test_epoll test_mmap test_signal test_subprocess test_posix
    test_fcntl test_pty
    test_os test_pathlib test_shutil test_tempfile test_io test_file test_time test_wait3 test_wait4 test_fork1
    test_resource test_pwd test_grp test_tarfile test_gzip test_zipfile test_dbm test_mailbox test_glob test_stat
    test_ioctl test_openpty test_poll test_selectors test_eintr test_largefile test_thread test_threadsignals
    test_pipes test_queue test_cmd_line test_faulthandler test_locale test_posixpath test_ntpath
    test_socket test_asyncio test_ssl test_httpservers test_concurrent_futures test_multiprocessing_spawn
""".split()
START = re.compile(r"^(?:[\d.]+s )?(\w+) \(([\w.]+)\)(?:\n[^\n]*)?? \.\.\. ", re.M)
VERDICT = re.compile(r"(?:^|\s)(ok|FAIL|ERROR|expected failure|unexpected success|skipped) ?(?=$|['\"])", re.M)


def verdicts(text):
    """{test: (verdict, what it said)} of a verbose run; a test that never came to a verdict has `none`."""
    found = {}
    text = re.split(r"^={70}$", text or "", 1, re.M)[0]
    starts = list(START.finditer(text))
    for m, after in zip(starts, starts[1:] + [None]):
        said = text[m.end():after.start() if after else len(text)]
        verdict = VERDICT.search(said)
        found[m[2] if m[2].endswith("." + m[1]) else f"{m[2]}.{m[1]}"] = (verdict[1] if verdict else "none", said)
    return found


def explanation(text, test):
    """The report of one failure, as unittest prints it after all tests."""
    name = test.rsplit(".", 1)[1]
    reports = re.findall(r"^={70}\n((?:ERROR|FAIL): " + name + r"\b.*?)(?=^={70}$|^-{70}\nRan )", text or "", re.M | re.S)
    return "".join(r for r in reports if test.rsplit(".", 1)[0] in r.split("\n", 1)[0])


def main():
    args = compare.options(__doc__, IMAGE, 7200, 900)
    args.set_defaults(mem="1G")
    args = args.parse_args()
    subprocess.run(["make", "-s", "-f", "rootfs/rootfs.mk", IMAGE.rsplit("/", 1)[1]], cwd=compare.ROOT, check=True)
    wanted = [m for m in MODULES if not args.only or re.fullmatch(args.only, m)]
    if not wanted:
        sys.exit("no module matches")
    # The packages of the image have no ip; without lo the network's tests would say nothing of Linux either.
    script = "busybox ifconfig lo 127.0.0.1 up 2>/dev/null; ulimit -c 0; LC_ALL=C.UTF-8 python3 -m test -v --timeout %d %s\n"
    (theirs, _), (ours, _) = compare.both([(m, script % (args.limit - 30, m)) for m in wanted], args)
    same = wrong = 0
    count = {}
    for i, module in enumerate(wanted):
        texts = [answers.get(f"{i:04d}") for answers in (theirs, ours)]
        a, b = map(verdicts, texts)
        for verdict, _ in a.values():
            count[verdict] = count.get(verdict, 0) + 1
        if not a and not b:
            print(f"--- {module}: no tests")
        for test in sorted({**a, **b}):
            one, two = (v.get(test, ("none", ""))[0] for v in (a, b))
            if one == two:
                same += 1
                continue
            says = [explanation(t, test) or v.get(test, ("", ""))[1] for t, v in zip(texts, (a, b))]
            wrong += 1
            print(f"--- {test}: Linux {one}, Switchback {two}")
            print("    " + (says[1] if one in ("ok", "skipped") else says[0]).strip().replace("\n", "\n    ")[-1500:])
    print("Linux:", ", ".join(f"{n} {k}" for k, n in count.items()))
    print(f"{same} passed, {wrong} failed")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
