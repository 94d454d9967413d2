#!/usr/bin/python3
"""Long runs that look for a panic, a hang, a leak: `make campaign KIND=calls SEED=n TIME=seconds`, also SMP=n DEBUG=1 WORKERS=n ONLY=name.

calls    random system calls, filled by the kernel's own table (user/tests/campaign_calls.c)
code     random machine code in ring 3 (campaign_code.c)
files    mutated programs, interpreters and #! lines for execve (campaign_files.c)
signals  signal storms across the entry path, with all registers checked (campaign_signals.c)
storms   fork, memory, pipe, futex, name, terminal, /proc, mount and memory storms (campaign_stress.c)
cpio     mutated archives as initramfs, plain and packed: a boot each
images   damaged disks of ext2, ext3 and ext4 (images.py), 23 a boot; BOOTS=n does so many instead of for TIME seconds, ONLY=n one image
chaos    schedules from a seed on one CPU, with a checking kernel always (schedules.py); BOOTS=n so many seeds, ONLY=pattern of tests
net      frames with everything at odds from the other end of the wire (frames.py); FRAMES=n sends so many instead of for TIME seconds
all      one after the other

Each kind boots to Busybox's shell, runs a little as a warm-up, takes the counts of /proc/objects, runs for TIME seconds of the
guest's clock, and then wants the shell to answer and the counts back: frames within 1 % of the free ones, every slab cache (so
inodes, dentries, files, processes …) within a few objects. The same SEED asks the same questions; how the CPUs take turns is not
repeated. Without SEED a fresh one is taken. What fails is printed with its seed and the command that repeats it."""
import gzip
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from campaign import frames, images, schedules  # noqa: E402
from harness import usertest  # noqa: E402
from harness.build import ROOT, kernel, rootfs  # noqa: E402
from harness.peer import Peer  # noqa: E402
from harness.qemu import Machine  # noqa: E402

PROMPT = r"# (?:\x1b\[6n)?$"
PROGRAMS = {"calls": "campaign_calls", "code": "campaign_code", "files": "campaign_files", "signals": "campaign_signals",
            "storms": "campaign_stress"}
KINDS = [*PROGRAMS, "cpio", "images", "chaos", "net"]
SLACK = 4  # objects of one cache: what the shell itself may hold more or less of
# What a kernel says that found a fault of its own.
REPORT = re.compile(r"^(PANIC|WARN|BUG|KASAN|UBSan|lock check|watchdog|refcount)\b.*|.*\b(WARNING|BUG): .*", re.M)
KILLED = re.compile(r"segfault at|trap [a-z ]+ ip:|system call \d+ .* is not there|out of memory|^\s*$", re.I)


class Failure(Exception):
    """What was found, for the one who reads it."""


class EmulatorFell(Exception):
    """QEMU died of an assertion of its own: random instructions find its bugs too, and they are not the kernel's."""


# The shell's line is short, so what is long is a script of the image.
SCRIPTS = {
    "prepare": """mkdir -p /proc /dev/pts /tmp
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /tmp
# What runs as root finds the program by /proc/self/exe, and would change its mode.
mount -o bind /tests /tests
mount -o remount,bind,ro /tests
wc -l </proc/mounts >/mounts
find / /dev -xdev >/names
""",
    # Random calls of root make names wherever they like, and mounts by the links of /proc: what was not there before goes.
    "clear": """tail -n +$(($(cat /mounts) + 1)) /proc/mounts | while read -r what place rest; do umount -l "$(printf %b "$place")"; done
find / /dev -xdev | grep -vxF -f /names | sort -r >/tmp/.made
find /tmp -mindepth 1 | sort -r >>/tmp/.made
while read -r name; do rm -f "$name" 2>/dev/null || rmdir "$name"; done </tmp/.made 2>/dev/null
rm -rf /tmp/* /tmp/.[!.]* /tmp/..?*
""",
    "counts": """cat /proc/objects
sed -n 's/^MemFree: *\\([0-9]*\\).*/free_KiB \\1/p' /proc/meminfo
cut -f1 /proc/sys/fs/file-nr | sed 's/^/open_files /'
set -- /proc/[0-9]*
echo processes $#
""",
    "left": "cat /proc/mounts\nfind / /dev /tmp -xdev | grep -vxF -f /names\n",
    "warm": "SEED=1 TIME=2 WORDS /tests/PROGRAM >/dev/null 2>&1\n/tests/clear\n",
    "go": "SEED=SEED_ TIME=TIME_ WORDS /tests/PROGRAM\necho @@END $?\n/tests/clear\n",
}


def image(folder, program, seed, seconds, words):
    """Busybox, the campaign's program, and the scripts: two archives in a row."""
    recipe = Path(folder) / "campaign.recipe"
    lines = ["file /tests/%s 0755 0 0 %s\n" % (program, usertest.binaries([program]) / program)] if program else []
    for name, text in SCRIPTS.items():
        for word, value in (("WORDS", words), ("PROGRAM", program or ""), ("SEED_", str(seed)), ("TIME_", str(seconds))):
            text = text.replace(word, value)
        (Path(folder) / name).write_text("#!/bin/sh\n" + text)
        lines.append("file /tests/%s 0755 0 0 %s\n" % (name, name))
    recipe.write_text("".join(lines))
    packed = Path(folder) / "campaign.cpio.gz"
    subprocess.run([sys.executable, str(ROOT / "rootfs/mkcpio.py"), "-l", "1", "-o", str(packed), str(recipe)], check=True)
    whole = Path(folder) / "initrd"
    whole.write_bytes(rootfs("busybox").read_bytes() + packed.read_bytes())
    return whole


def counts(guest):
    """name -> number: /proc/objects, free frames, open files, processes."""
    text = guest.run("/tests/counts", PROMPT, 300)
    return {name: int(n) for name, n in re.findall(r"^(\S+) (\d+)\r?$", text, re.M)}


def grown(before, after):
    """What is not back, as text."""
    found = []
    for name, n in after.items():
        was = before.get(name, 0)
        if name == "free_KiB":
            if n < was * 0.99:
                found.append("free memory: %d KiB before, %d after" % (was, n))
        elif name == "frames":
            if (n - was) * 4 > before["free_KiB"] * 0.01:
                found.append("frames: %d before, %d after" % (was, n))
        elif n > was + SLACK:
            found.append("%s: %d before, %d after" % (name, was, n))
    return found


def settle(guest, before):
    """The counts once they are back, or what is not after some tries: the last children may still be going."""
    for _ in range(6):
        guest.run("sleep 1", PROMPT, 300)
        found = grown(before, counts(guest))
        if not found:
            break
    return found


class Follower:
    """The console's lines as they come: the campaign's own to `say`, remarks about killed programs to nobody."""

    def __init__(self, guest, say):
        self.guest, self.say, self.at = guest, say, guest.console.mark

    def follow(self, end, patience):
        deadline = time.monotonic() + patience
        rest = ""
        while True:
            mark = self.guest.console.mark
            text, self.at = rest + self.guest.console.since(self.at).replace("\r", ""), mark
            lines = text.split("\n")
            rest = lines.pop()
            for line in lines:
                match = re.match(end, line)
                if match:
                    return match
                if not KILLED.search(line) and "/tests/" not in line:
                    self.say("  " + line.strip())
                if re.match(r"(STUCK|WRONG): ", line):
                    self.wrong = line
            ended = self.guest.process.poll() is not None
            if REPORT.search(self.guest.verdict) or ended or time.monotonic() > deadline:
                if ended or time.monotonic() > deadline:
                    return None
                deadline = min(deadline, time.monotonic() + 15)  # the rest of the report
            time.sleep(0.2)

    wrong = None


def run_programs(kind, seed, seconds, smp, options, environment, say):
    program = PROGRAMS[kind]
    words = " ".join("%s=%s" % (k, v) for k, v in {"WORKERS": str(smp), **environment}.items())
    slow = 4 if options else 1
    with tempfile.TemporaryDirectory() as folder:
        with Machine(kernel(None, None, *options), initrd=image(folder, program, seed, seconds, words), smp=smp, mem="768M", icount=False, threads="multi",
                     cmdline="console=ttyS0 quiet loglevel=4 panic=-1 rdinit=/bin/sh", cap=3 * seconds + 900) as guest:
            guest.expect(PROMPT, 300)
            guest.run("/tests/prepare", PROMPT, 300)
            guest.run("/tests/warm", PROMPT, 300)
            before = counts(guest)
            if "frames" not in before:
                raise Failure("no /proc/objects to count by\n" + guest.report())
            follower = Follower(guest, say)
            guest.console.line("/tests/go")
            match = follower.follow(r"@@END (\d+)", 2 * seconds + 300 * slow)
            guest.exit_status = guest.process.poll()
            if match is None:
                report = guest.report()
                fell = re.search(r"^qemu-system.*Assertion .* failed.*", report, re.M)
                if fell:
                    raise EmulatorFell(fell.group(0))
                raise Failure("%s\n%s" % (guest.outcome(), report))
            if match.group(1) != "0" or follower.wrong:
                raise Failure("%s (status %s)\n%s" % (follower.wrong or "the campaign itself failed", match.group(1), guest.report()))
            guest.expect(PROMPT, 120)
            found = settle(guest, before)
            answer = guest.run("echo $((6 * 7)) | sed s/42/alive/", PROMPT, 300).strip()
            if answer != "alive":
                raise Failure("the shell answers %r\n%s" % (answer, guest.report()))
            if REPORT.search(guest.verdict):
                raise Failure("a report: %s\n%s" % (REPORT.search(guest.verdict).group(0), guest.report()))
            if found:
                raise Failure("not given back: %s\nmounts, and names that are new:\n%s" % ("; ".join(found), guest.run("/tests/left", PROMPT, 60)))
            say("  the shell answers, %d counts are back: %d KiB free" % (len(before), before["free_KiB"]))
            guest.console.line("poweroff -f")
            guest.wait_end()


def run_frames(seed, seconds, smp, options, environment, say):
    peer = Peer()
    with tempfile.TemporaryDirectory() as folder:
        SCRIPTS["servers"] = frames.SERVERS
        with Machine(kernel(None, None, *options), initrd=image(folder, None, seed, seconds, ""), smp=smp, mem="256M", icount=False, threads="multi",
                     cmdline="console=ttyS0 quiet loglevel=4 panic=-1 rdinit=/bin/sh", cap=3 * seconds + 1800, extra=peer.qemu) as guest:
            guest.expect(PROMPT, 300)
            guest.run("/tests/prepare", PROMPT, 300)
            guest.run("/tests/servers", PROMPT, 300)
            found = None
            try:
                found = frames.play(guest, peer, seed, seconds, int(environment.get("FRAMES") or 0), say, counts, grown, PROMPT)
                answer = guest.run("echo $((6 * 7)) | sed s/42/alive/", PROMPT, 300).strip()
            except AssertionError as error:
                guest.exit_status = guest.process.poll()
                raise Failure("%s\n%s\n%s" % (error, guest.outcome(), guest.report())) from error
            finally:
                peer.close()
            if answer != "alive" or REPORT.search(guest.verdict):
                raise Failure("the shell answers %r\n%s" % (answer, guest.report()))
            if found:
                raise Failure("not given back: " + found)
            say("  the shell answers, the counts are back")
            guest.console.line("poweroff -f")
            guest.wait_end()


# --- archives: the kernel unpacks them before there is a user program

MAGICS = [b"070701", b"070702", b"070707", b"07070", b"\x1f\x8b\x08\x00", b"\xfd7zXZ\x00", b"TRAILER!!!\0", b"/", b"..", b"\0"]
NUMBERS = [0, 1, 2, 5, 0x7f, 0xff, 0xfff, 0x1000, 0x1001, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, 0o40755, 0o100644, 0o120777, 0o10644, 0o20666, 0o60666, 0o140755]


def member(rng, name, mode, data, **changes):
    name = name.encode() + b"\0"
    fields = [rng.randrange(1, 9), mode, 0, 0, rng.choice([1, 1, 2]), 0, len(data), 8, 1, 1, 3, len(name), 0]
    if changes:
        fields[rng.randrange(13)] = rng.choice(NUMBERS)
    return b"070701" + b"".join(b"%08x" % f for f in fields) + name + bytes(-(110 + len(name)) % 4) + data + bytes(-len(data) % 4)


def archive(rng):
    """Members of every kind below `m` and at the root, then damage."""
    out = b""
    for _ in range(rng.randrange(1, 40)):
        name = rng.choice(["m", "m/a", "m/b", "m/a/b", "m/" + "n" * rng.randrange(1, 300), "./m/c", "//m//d", "m/../m/e", ".", "m/a", "TRAILER!!!", "",
                           "/".join("d" * rng.randrange(1, 4) for _ in range(rng.randrange(1, 60)))])
        mode = rng.choice([0o40755, 0o100644, 0o100755, 0o120777, 0o10644, 0o20666, 0o60660, 0o140755, 0o104755, rng.choice(NUMBERS)])
        data = rng.choice([b"", b"x", b"m/a", b"/nothing", rng.randbytes(rng.randrange(5000)), b"\0" * 70])
        out += member(rng, name, mode, data, **({"damaged": True} if rng.random() < 0.2 else {}))
    if rng.random() < 0.5:
        out += member(rng, "TRAILER!!!", 0, b"") + bytes(rng.choice([0, 1, 4, 512]))
    return out


def damage(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([0, 1, 1, 2, 5, 20])):
        at = rng.randrange(len(data))
        how = rng.randrange(5)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at:at + 8] = b"%08x" % rng.choice(NUMBERS)
        elif how == 2:
            magic = rng.choice(MAGICS)
            data[at:at + len(magic)] = magic
        elif how == 3:
            del data[at:at + rng.randrange(1, 200)]
        else:
            data[at:at] = data[max(0, at - rng.randrange(1, 300)):at]
        if not data:
            return b"0"
    return bytes(data)


def mutated_archive(rng):
    out = b""
    for _ in range(rng.randrange(1, 4)):
        piece = archive(rng)
        how = rng.randrange(4)
        if how == 0:
            piece = gzip.compress(damage(rng, piece), rng.choice([0, 1, 9]))
        elif how == 1:
            piece = damage(rng, gzip.compress(piece, 6))
        else:
            piece = damage(rng, piece)
        out += piece + bytes(rng.choice([0, 0, 3, 4, 512]))
    return out


INIT = b"""#!/bin/sh
mount -t proc proc /proc
n=$(find / -xdev 2>/dev/null | wc -l)
find /m -type f 2>/dev/null | xargs -r cat >/dev/null 2>&1
echo "@@ALIVE $((6 * 7)) $((n > 5))"
poweroff -f
"""


def run_archives(seed, seconds, smp, options, say, number=None):
    """Boots until the time is up: a sound archive with the shell, then a mutated one. The shell has to answer in each.
    With `number`: that one alone, as a failure's text asks for."""
    done, start, told = 0, time.monotonic(), time.monotonic()
    busybox = gzip.decompress(rootfs("busybox").read_bytes())
    shell = member(random.Random(1), "first", 0o100755, INIT) + member(random.Random(1), "TRAILER!!!", 0, b"")
    plain = kernel(None, None, *options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "initrd"
        while time.monotonic() - start < seconds or done == 0:
            index = done if number is None else number
            rng = random.Random(seed * 1000003 + index)
            path.write_bytes(busybox + shell + mutated_archive(rng))
            with Machine(plain, initrd=path, smp=smp, mem="256M", icount=False, threads="multi",
                         cmdline="console=ttyS0 quiet loglevel=2 panic=-1 rdinit=/first", cap=120) as guest:
                guest.wait_end()
                if "@@ALIVE 42 1" not in guest.console.text or guest.outcome() != "powered off" or REPORT.search(guest.verdict):
                    raise Failure("archive %d (ONLY=%d repeats it): %s\n%s" % (index, index, guest.outcome(), guest.report()))
            done += 1
            if number is not None:
                break
            if time.monotonic() - told > 10:
                told = time.monotonic()
                say("  %d s: %d archives" % (told - start, done))
    say("  total: %d archives, the shell answered in each" % done)


def run_on(kind, seed, seconds, smp, options, environment, say):
    """run_programs; where QEMU falls, on with the next seed for the rest of the time."""
    end = time.monotonic() + seconds
    for later in range(20):
        left = seconds if later == 0 else max(5, int(end - time.monotonic()))
        try:
            run_programs(kind, seed + later, left, smp, options, environment, say)
            return
        except EmulatorFell as fell:
            say("  %s: on with seed %d" % (fell, seed + later + 1))
    raise Failure("QEMU fell 20 times")


# --- the door

def run(kind, seed, seconds, smp=2, debug=False, environment=None, say=print):
    """Runs one campaign; None, or what was found, with the command that repeats it."""
    environment = environment or {}
    options = ["DEBUG=1"] if debug else []
    say("%s: seed %d, %d seconds, -smp %d, %s kernel" % (kind, seed, seconds, smp, "checking" if debug else "plain"))
    try:
        if kind == "cpio":
            only = environment.get("ONLY")
            run_archives(seed, seconds, smp, options, say, int(only) if only else None)
        elif kind == "images":
            only, boots = (int(environment[k]) if environment.get(k) else None for k in ("ONLY", "BOOTS"))
            found = images.play(kernel(None, None, *options), seed, seconds, smp, say, REPORT, grown, only, boots)
            if found:
                raise Failure(found)
        elif kind == "chaos":
            boots = environment.get("BOOTS")
            found = schedules.play(kernel(None, None, "DEBUG=1"), seed, seconds, say, environment.get("ONLY"), int(boots) if boots else None)
            if found:
                raise Failure(found)
        elif kind == "net":
            run_frames(seed, seconds, smp, options, environment, say)
        else:
            run_on(kind, seed, seconds, smp, options, environment, say)
    except (Failure, AssertionError) as error:
        words = ["KIND=" + kind, "SEED=%d" % seed, "TIME=%d" % seconds, "SMP=%d" % smp, *(["DEBUG=1"] if debug else []),
                 *("%s=%s" % pair for pair in environment.items())]
        return "FAILED %s: %s\nseed %d; again: make campaign %s" % (kind, error, seed, " ".join(words))
    return None


def main():
    get = os.environ.get
    kind = get("KIND") or "all"
    if kind not in (*KINDS, "all"):
        print("KIND=%s: must be %s or all" % (kind, ", ".join(KINDS)), file=sys.stderr)
        return 2
    seed = int(get("SEED") or random.SystemRandom().randrange(1, 1 << 31), 0) if get("SEED") else random.SystemRandom().randrange(1, 1 << 31)
    bad = 0
    for one in KINDS if kind == "all" else [kind]:
        found = run(one, seed, int(get("TIME") or "120"), int(get("SMP") or "2"), get("DEBUG") == "1",
                    {k: get(k) for k in ("ONLY", "WORKERS", "FRAMES", "BOOTS") if get(k)}, lambda text: print(text, flush=True))
        if found:
            print(found, flush=True)
            bad += 1
    print("%d of %d campaigns clean" % (len(KINDS if kind == "all" else [kind]) - bad, len(KINDS if kind == "all" else [kind])))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
