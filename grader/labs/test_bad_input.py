"""Bad input: what a user, an archive or a command line can do wrong gets Linux's errno or a clear message, and the system
stays up. The ways into the kernel, addresses at the edges and malformed programs are user tests (user_entry, sys_edges,
exec_mutants, file_many, kill_all); long runs are in grader/campaign."""
import gzip
import lzma
import re
import time

import pytest

from harness.build import kernel, rootfs
from harness.qemu import Machine
from labs.scenarios import PROMPT, Session

QUICK = "console=ttyS0 panic=-1"


def entry(name, mode, data=b"", count=[1], ino=None, links=1):
    """One member of a newc archive."""
    count[0] += 1
    name = name.encode() + b"\0"
    fields = [count[0] if ino is None else ino, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name), 0]
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + name
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


TRAILER = entry("TRAILER!!!", 0)


def archive(*members):
    return b"".join(members) + TRAILER


@pytest.fixture(scope="module")
def busybox():
    """The image with a shell, as plain cpio."""
    return gzip.decompress(rootfs("busybox").read_bytes())


def boot(tmp_path, data, cmdline=QUICK, **options):
    options.setdefault("cap", 40)
    options.setdefault("icount", False)
    path = None
    if data is not None:
        path = tmp_path / "initrd"
        path.write_bytes(data)
    return Machine(kernel(), initrd=path, cmdline=cmdline, **options)


def dies_clearly(tmp_path, data, message, cmdline=QUICK, **options):
    """Without a first program there is nothing to do: the death is Linux's panic, and says why."""
    with boot(tmp_path, data, cmdline, **options) as guest:
        guest.wait_end()
        assert guest.outcome() in ("panic", "stopped", "powered off"), "%s\n%s" % (guest.outcome(), guest.report())
        assert re.search(message, guest.console.text + guest.verdict, re.I), guest.report()


SCRIPT = b"#!/bin/sh\necho first program runs; poweroff -f\n"


@pytest.mark.parametrize("what, data, message", [
    ("no archive", None, "init"),
    ("an empty archive", TRAILER, "init"),
    ("garbage", bytes(range(7, 250)) * 99, "initramfs|archive|init"),
    ("a short piece", b"070701000", "initramfs|archive|init"),
    ("zeros", bytes(70000), "init"),
    ("xz", lzma.compress(TRAILER), "xz"),
    ("zstd", b"\x28\xb5\x2f\xfd" + bytes(500), "zstd"),
    ("gzip without an end", gzip.compress(bytes(range(256)) * 400)[:1500], "initramfs|archive|gzip|init"),
    ("gzip of garbage", gzip.compress(bytes(range(7, 250)) * 99), "initramfs|archive|init"),
    ("a broken gzip", b"\x1f\x8b\x08\0" + bytes(range(256)) * 20, "initramfs|archive|gzip|init"),
    ("a name without an end", b"070701" + b"%08x" * 13 % ((1, 0o100644, 0, 0, 1, 0, 4, 0, 0, 0, 0, 6, 0)) + b"abcdefgh" * 9, "initramfs|archive|init"),
    ("a size beyond the end", b"070701" + b"%08x" * 13 % ((1, 0o100644, 0, 0, 1, 0, 0xfffffff0, 0, 0, 0, 0, 6, 0)) + b"abcde\0" * 9, "initramfs|archive|init"),
    ("init is a folder", archive(entry("init", 0o40755)), "init"),
    ("init cannot be executed", archive(entry("init", 0o100644, SCRIPT)), "init"),
    ("init without its interpreter", archive(entry("init", 0o100755, b"#!/no/such\n")), "init"),
    ("init is empty", archive(entry("init", 0o100755)), "init"),
    ("init is noise", archive(entry("init", 0o100755, b"\x7fELF" + bytes(range(256)) * 8)), "init"),
    ("init is a link to itself", archive(entry("init", 0o120777, b"init")), "init"),
    ("init is a loop of scripts", archive(entry("init", 0o100755, b"#!/init\n")), "init"),
], ids=lambda v: v if isinstance(v, str) and len(v) < 40 and "|" not in v else "")
def test_nothing_to_start(tmp_path, what, data, message):
    dies_clearly(tmp_path, data, message)


@pytest.mark.parametrize("pack", ["plain", "gzip", "several", "several and padding", "garbage behind"])
def test_archives_in_a_row(tmp_path, busybox, pack):
    own = archive(entry("init", 0o100755, SCRIPT), entry("later", 0o100644, b"1"))
    data = {
        "plain": busybox + own,
        "gzip": gzip.compress(busybox + own, 1),
        "several": gzip.compress(busybox, 1) + gzip.compress(own, 1),
        "several and padding": busybox + bytes(4096) + gzip.compress(own, 1) + bytes(512),
        "garbage behind": busybox + own + b"this is no archive at all" * 9,
    }[pack]
    with boot(tmp_path, data) as guest:
        guest.expect("first program runs")
        guest.wait_end()
        assert guest.outcome() == "powered off", guest.report()


def test_links_end_with_their_archive(tmp_path, busybox):
    """The inode numbers of a second archive are its own: a file of it that has the number of an earlier archive's is no link to that."""
    script = b"#!/bin/sh\necho names: $(stat -c %h /one /two /other)\ncat /other\npoweroff -f\n"
    first = archive(entry("one", 0o100755, b"", ino=3, links=2), entry("two", 0o100755, script, ino=3, links=2))
    second = archive(entry("other", 0o100644, b"of the second archive\n", ino=3, links=2))
    with boot(tmp_path, busybox + first + second, QUICK + " rdinit=/one") as guest:
        guest.wait_end()
        assert "names: 2 2 1" in guest.console.text and "of the second archive" in guest.console.text, guest.report()


def test_options_that_nobody_knows(tmp_path, busybox):
    own = archive(entry("init", 0o100755, b"#!/bin/sh\necho args: $* env: $knows; poweroff -f\n"))
    words = " ".join(["nonsense", "knows=this", "a.b=c", "=", "==", '"quoted words"', "trace=", "fault=what:0", "sched=", "maxcpus=banana",
                      "loglevel=99999999999999999999", "x" * 300, "console=ttyS9", "linux=full"])
    with boot(tmp_path, gzip.compress(busybox + own, 1), QUICK + " " + words) as guest:
        guest.expect("args: .*nonsense.* env: this")
        guest.wait_end()
        assert guest.outcome() == "powered off", guest.report()


def test_a_mode_that_names_nothing(tmp_path, busybox):
    """The word that is wrong is named in one line."""
    own = archive(entry("init", 0o100755, b"#!/bin/sh\npoweroff -f\n"))
    with boot(tmp_path, gzip.compress(busybox + own, 1), "console=ttyS0 panic=-1 quiet linux=custom:+file,+foo,+process") as guest:
        guest.wait_end()
        lines = [line for line in guest.console.text.splitlines() if "linux=custom" in line and "full is used" in line]
        assert len(lines) == 1 and "`+foo'" in lines[0], guest.report()
        assert guest.outcome() == "powered off", guest.report()


def test_the_first_denial_is_told(tmp_path, busybox):
    own = archive(entry("init", 0o100755, b"#!/bin/sh\nfor i in 1 2 3; do mkdir /d$i; done; poweroff -f\n"))
    with boot(tmp_path, gzip.compress(busybox + own, 1), "console=ttyS0 panic=-1 loglevel=8 linux=custom:-mkdir") as guest:
        guest.wait_end()
        told = re.findall(r"system call 83 \(mkdir\) is denied by linux=custom:-mkdir: asked for by mkdir", guest.console.text)
        assert len(told) == 1 and guest.outcome() == "powered off", guest.report()


@pytest.mark.parametrize("mem, cpus", [("48M", 1), ("32M", 1), ("48M", 4), ("16G", 8)])
def test_small_and_large_machines(mem, cpus):
    with Machine(kernel(), initrd=rootfs("alpine"), mem=mem, smp=cpus, icount=False, cap=60, cmdline=QUICK + " quiet rdinit=/bin/sh") as guest:
        if mem == "32M":
            match = guest.expect(r"# (?:\x1b\[6n)?$|no space|memory is short|out of memory|ENOMEM|too small")
            assert match
            return
        guest.expect(PROMPT)
        assert guest.run("echo $((6 * 7))", PROMPT) == "42"
        guest.run("mount -t proc proc /proc", PROMPT)
        assert guest.run("grep -c ^processor /proc/cpuinfo", PROMPT) == str(cpus), guest.report()


# command, what must be in its output; one boot for all, in order, as root
SHELL = [
    ("kill -9 1; kill -STOP 1; kill -SEGV 1; echo still $((1 + 1))", "still 2"),
    ("printf '#!/no/such\\n' >s; chmod +x s; ./s; echo $?", "127"),
    ("printf '#!' >e; chmod +x e; ./e; echo $?", "126"),
    ("printf '#!/tmp/a\\n' >a; chmod +x a; ./a 2>&1; echo $?", "link loop"),
    ("ln -s l1 l2; ln -s l2 l1; cat l1 2>&1", "link loop"),
    ("i=0; while [ $i -lt 300 ]; do mkdir d && cd d; i=$((i + 1)); done; cd /tmp; rm -r d && echo gone", "gone"),
    ("mkdir m; i=0; while [ $i -lt 40 ]; do mount -t tmpfs t m && cd m && mkdir m; i=$((i + 1)); done; grep -c ' tmpfs ' /proc/mounts", "44"),
    ("cd /tmp; umount -l m; rmdir m; grep -c /tmp/m/ /proc/mounts", "0"),
    ("mkdir m; mount --rbind / m 2>/dev/null || mount -o rbind / m; ls m/tmp/m | wc -l; umount -l m; rmdir m; echo unbound", "unbound"),
    ("mount -t tmpfs -o size=1m t /mnt; cat /dev/zero >/mnt/f 2>&1; ls -l /mnt/f | awk '{ print $5 }'; umount /mnt", "1048576"),
    ("mount -t tmpfs -o nr_inodes=20 t /mnt; for i in $(seq 30); do : >/mnt/$i; done 2>&1 | tail -1; umount /mnt", "No space left"),
    ("su -s /bin/sh nobody -c 'ulimit -n 100; exec 101>/dev/null' 2>&1 | tail -1", ""),
    ("x=$(head -c 3000000 /dev/zero | tr '\\0' a); /bin/echo $x 2>&1 | head -c 200", "oo long"),
    ("dd if=/dev/zero of=/dev/null bs=2000000000 count=1 2>&1 | tail -1", ""),
    ("ulimit -v 20000; dd if=/dev/zero of=/dev/null bs=100M count=1 2>&1 | tail -1; ulimit -v unlimited", "emory"),
    ("f() { f; }; (ulimit -s 1024; f) 2>/dev/null; echo deep $?", "deep"),
    ("cat /dev/zero | tail -c 1 & sleep 3; kill -9 %1 $! 2>/dev/null; kill -9 $(pidof tail cat) 2>/dev/null; wait; echo freed", "freed"),
    ("for s in $(seq 1 64); do kill -$s $$ 2>/dev/null & done; wait; echo shell lives", ""),
]


@pytest.fixture(scope="module")
def session():
    one = Session("alpine", "stty cols 400", "mount -t tmpfs -o size=64m t /tmp; cd /tmp", smp=4, mem="256M", cap=240)
    yield one
    one.guest.close()


@pytest.mark.xdist_group("badinput")


@pytest.mark.parametrize("number", range(len(SHELL)), ids=lambda n: SHELL[n][0][:40])
def test_at_the_shell(session, number):
    session.answers(*SHELL[number])


@pytest.mark.xdist_group("badinput")
@pytest.mark.parametrize("who", ["root", "nobody"])
def test_fork_bomb(who):
    """A bomb without a limit: the machine stays up, and the bomb can be put out."""
    # Root's `kill -9 -1` would end login too, and what is typed while the next one comes up is lost: its shell is process 1.
    init = " rdinit=/bin/sh" if who == "root" else ""
    with Machine(kernel(), initrd=rootfs("alpine"), smp=2, mem="128M", icount=False, cap=120, cmdline="console=ttyS0 quiet panic=-1" + init) as guest:
        guest.expect(PROMPT)
        bomb = "b() { b | b & }; b"
        guest.console.line("su -s /bin/sh nobody -c '%s' >/dev/null 2>&1" % bomb if who == "nobody" else "(%s) >/dev/null 2>&1" % bomb)
        guest.console.wait("# $", 20)
        time.sleep(5)
        # All but init and this shell: what is left of the bomb is root's or nobody's.
        for _ in range(8):
            guest.console.line("su -s /bin/sh nobody -c 'kill -9 -1'" if who == "nobody" else "kill -9 -1")
            time.sleep(1)
        guest.console.line("")
        guest.console.line("echo put$((1))out")
        assert guest.console.wait("put1out", 60), guest.report()
        assert "PANIC" not in guest.verdict, guest.report()


@pytest.mark.xdist_group("badinput")
def test_everybody_is_killed():
    """`kill -9 -1` from root's own shell: login, its other shells and jobs go, init stays and puts a new login on the terminal."""
    with Machine(kernel(), initrd=rootfs("alpine"), smp=2, icount=False, cap=90, cmdline="console=ttyS0 quiet panic=-1") as guest:
        guest.expect(PROMPT)
        guest.run("stty cols 400", PROMPT)
        first = guest.run("echo $$", PROMPT)
        guest.run("echo kept >/tmp/f; sleep 1000 & (setsid sh -c 'trap \"\" HUP TERM; sleep 1000; sleep 1000' &) ; sleep 0.1", PROMPT)
        # A shell that asks it of others stays itself; its parents and jobs do not. The line of the terminal is init's to give again.
        guest.console.line("exec sh -c 'sh -c \"kill -9 -1\"'")
        guest.expect(PROMPT)
        assert guest.run("echo $$", PROMPT) != first, guest.report()
        assert guest.run("pidof sleep; cat /tmp/f", PROMPT) == "kept", guest.report()
        assert guest.run("ps -o pid,comm | awk '$1 == 1 { print $2 }'", PROMPT) == "init", guest.report()
        guest.console.line("poweroff")
        guest.wait_end()
        assert guest.outcome() == "powered off", guest.report()
