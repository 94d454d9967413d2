#!/usr/bin/python3
"""Power cuts: `make crashtest CUTS=n SEED=n MODE=e2fsck|ours|again|all`, also KEEP=dir for the disks that fail.

A workload runs on an ext4 file system in our kernel, with every write of the disk recorded (record.py, user/tests/campaign_crash.c). From the record the disk is
rebuilt as cuts of the power leave it: right after a flush, and anywhere between, with what was written since the last flush all there, half lost, or torn. Then

e2fsck   e2fsck replays the journal
ours     our kernel mounts it, reads it all, makes and removes a file, and unmounts: many disks a boot
again    our kernel mounts it with its writes recorded, and the power fails in the middle of that too; then one of the two above

and e2fsck must find nothing to mend, and every file that was synced must be there, byte for byte. Each SEED is a workload of its own; so are its cuts. The control (test_crash.py)
leaves the flushes out of the record, and must fail."""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from crash.record import KINDS, Record, missing, table  # noqa: E402
from harness import disk, usertest  # noqa: E402
from harness.build import BUILD, ROOT, kernel  # noqa: E402
from harness.qemu import Machine  # noqa: E402

MODES = ("e2fsck", "ours", "again")
DISKS = 24       # of one boot: what has room on a PCI bus
CUTS_A_SEED = 250
# Small journals go round often. Without checksums only the order of writes protects: with them e2fsck may pass over what is damaged.
SHAPES = ((24, ("-b", "4096", "-J", "size=4", "-O", "^metadata_csum")), (16, ("-b", "1024", "-J", "size=1", "-O", "^metadata_csum")),
          (24, ("-b", "4096", "-J", "size=4")), (16, ("-b", "1024", "-J", "size=1")))

# What e2fsck says of a file system on which it finds nothing wrong: a tree that a shorter file has left deep could be made flat, which is advice.
CLEAN = r"$|Pass \d|\S+: \d+/\d+ files |Inode \d+ extent tree \(at level \d\) could be (shorter|narrower)\.  Optimize\? (yes|no)$"
# And when the journal has just been replayed: inodes that were being deleted or cut are finished, and the superblock's counts, which Linux keeps no
# better (each group's own are another matter), are set right.
USUAL = re.compile(CLEAN + r"|Clearing orphaned inode|Truncating orphaned inode|.*recovering journal|.*FILE SYSTEM WAS MODIFIED|"
                   r"Free (blocks|inodes) count wrong \(\d+, counted=\d+\)\.$|Fix\? yes$")


class Harness:
    """The kernel, the guest's program, and a folder for disks."""

    def __init__(self, folder, image=None, say=print):
        self.folder, self.kernel, self.say = Path(folder), image or kernel(), say
        recipe = self.folder / "crash.recipe"
        recipe.write_text("file /init 0755 0 0 %s\n" % (usertest.binaries(["campaign_crash"]) / "campaign_crash").resolve())
        self.initrd = self.folder / "crash.cpio.gz"
        subprocess.run([sys.executable, str(ROOT / "rootfs/mkcpio.py"), "-l", "1", "-o", str(self.initrd), str(ROOT / "rootfs/common.recipe"), str(recipe)], check=True)

    def boot(self, what, drives, smp=1):
        """One boot to its end: the lines that the program said, or an AssertionError."""
        with Machine(self.kernel, initrd=self.initrd, cmdline="console=ttyS0 quiet panic=-1 " + what, smp=smp, icount=False, mem="256M", cap=1800,
                     extra=[w for d in drives for w in d]) as guest:
            guest.wait_end()
            lines = re.findall(r"^@@ (.*)$", guest.console.text.replace("\r", ""), re.M)
            assert lines and lines[-1] == "done", guest.report()
            return lines

    def log(self, seed, what, smp):
        """What a run of the guest's program wrote to a new file system."""
        megabytes, options = SHAPES[seed % len(SHAPES)]
        image, log = disk.make(self.folder / "base", megabytes, *options), self.folder / "log"
        base = image.read_bytes()
        whole = self.folder / "whole"
        whole.write_bytes(b"")
        table(whole, len(base) // disk.SECTOR)
        with open(whole, "r+b") as f:
            f.seek(2048 * disk.SECTOR)
            f.write(base)
        nonce = "%08x" % random.SystemRandom().randrange(1 << 32)
        self.boot("%s nonce=%s" % (what, nonce), [disk.logged_drive(whole, log)], smp)
        record = Record(base, log, nonce)
        log.unlink()
        return record

    def record(self, seed, ops=160, workers=2, smp=2):
        """A workload, and what it wrote."""
        record = self.log(seed, "crash=work seed=%d ops=%d workers=%d" % (seed, ops, workers), smp)
        assert len(record.marks) > ops and record.writes.count(None) > ops / 2, "the workload left %d records and %d flushes" % (len(record.marks), record.writes.count(None))
        return record

    def promises(self, seed):
        """What calls promise, one after the other."""
        record = self.log(seed, "crash=promises", 1)
        assert len(record.marks) > 15, "only %d records" % len(record.marks)
        return record

    # --- judging

    def judge(self, path, promised):
        """What is wrong with an image whose journal has been replayed."""
        run = subprocess.run(["e2fsck", "-fn", str(path)], capture_output=True, text=True, errors="replace", check=False)
        odd = [line for line in run.stdout.splitlines() if not re.match(CLEAN, line)]
        if run.returncode or odd:
            return ["e2fsck -fn: " + line for line in odd[:12]]
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        disk.dump(path, out)
        return missing(out, promised)

    def by_e2fsck(self, paths):
        """Replays the journals of images, and finishes what was being deleted: what else there was to mend in each."""
        found = []
        for path in paths:
            for options in (("-y", "-E", "journal_only"), ("-fy",)):
                run = subprocess.run(["e2fsck", *options, str(path)], capture_output=True, text=True, errors="replace", check=False)
                odd = [line for line in run.stdout.splitlines() if not USUAL.match(line)]
                if run.returncode not in (0, 1) or odd:
                    break
            found.append(["e2fsck %s: %d: %s" % (" ".join(options), run.returncode, "; ".join(odd[:8]))] if run.returncode not in (0, 1) or odd else [])
        return found

    def by_us(self, paths):
        said = {line.split()[0]: line for line in self.boot("crash=look", [disk.drive(p, n) for n, p in enumerate(paths)])}
        return [[] if said.get("vd" + chr(97 + n)) == "vd%c ok" % (97 + n) else [said.get("vd" + chr(97 + n), "not looked at")] for n in range(len(paths))]

    def again(self, paths, seed):
        """Our replay is recorded and cut: the paths are rebuilt as that leaves them."""
        chance = random.Random(seed)
        bases = [p.read_bytes() for p in paths]
        logs = [p.with_suffix(".log") for p in paths]
        self.boot("crash=look", [disk.logged_drive(p, log, n) for n, (p, log) in enumerate(zip(paths, logs))])
        for path, base, log in zip(paths, bases, logs):
            record = Record(base, log, "none", start=0, whole=True)
            # The replay is at the start of it; the rest is the unmounting.
            at = chance.randrange(len(record.writes) + 1)
            kind = chance.choice(("prefix", "reorder", "torn"))
            path.write_bytes(next(record.images([(at, kind, chance.randrange(1 << 30))])))
            log.unlink()

    def batch(self, cuts, images, promises, mode, seed):
        """Cuts that are judged together: [(cut, what is wrong)]."""
        paths = []
        for n, image in enumerate(images):
            paths.append(self.folder / ("d%d" % n))
            paths[-1].write_bytes(image)
        if mode == "again":
            self.again(paths, seed)
        wrong = (self.by_us if mode == "ours" or (mode == "again" and seed % 2) else self.by_e2fsck)(paths)
        result = []
        for cut, image, path, promised, words in zip(cuts, images, paths, promises, wrong):
            words = words or self.judge(path, promised)
            if words and os.environ.get("KEEP"):
                keep = Path(os.environ["KEEP"])
                keep.mkdir(parents=True, exist_ok=True)
                (keep / ("%s-%d-%s-%d.img" % (mode, cut[0], cut[1], cut[2]))).write_bytes(image)
            result.append((cut, words))
            path.unlink()
        return result

    def judge_cuts(self, record, count, mode, seed, kinds=KINDS):
        """`count` cuts of a record in one mode: [(cut, what is wrong)] of all."""
        return self.judge_all(record, record.cuts(count, seed, kinds), mode, seed)

    def judge_all(self, record, cuts, mode, seed):
        """These cuts."""
        stream = record.images(cuts)
        result = []
        for first in range(0, len(cuts), DISKS):
            part = cuts[first:first + DISKS]
            images = [next(stream) for _ in part]
            result += self.batch(part, images, [record.promised(at) for at, _, _ in part], mode, seed + first // DISKS)
        return result


def run(cuts, seed, modes, say=print, image=None):
    """The cuts, parted among workloads and modes: (how many, those that failed as text)."""
    failed, done = [], 0
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        harness = Harness(folder, image, say)
        while done < cuts:
            record = harness.record(seed)
            for mode in modes:
                count = min(CUTS_A_SEED, max(1, cuts // len(modes)), cuts - done)
                if count <= 0:
                    break
                found = harness.judge_cuts(record, count, mode, seed)
                bad = [(cut, words) for cut, words in found if words]
                say("seed %d, %s: %d cuts of %d writes, %d flushes, %d records: %d failed" % (seed, mode, len(found), len(record.writes), record.writes.count(None), len(record.marks), len(bad)))
                for cut, words in bad:
                    failed.append("seed %d, %s, cut before write %d (%s, %d): %s" % (seed, mode, *cut, "; ".join(words[:4])))
                    say("  " + failed[-1])
                done += len(found)
            seed += 1
    return done, failed


def main():
    def word(name, otherwise):
        return os.environ.get(name) or otherwise

    def number(name, otherwise, least):
        text = word(name, str(otherwise))
        if not re.fullmatch("-?[0-9]+", text) or int(text) < least:
            sys.exit("%s is a whole number, at least %d: not %s" % (name, least, text))
        return int(text)

    mode, seed, cuts = word("MODE", "all"), number("SEED", random.SystemRandom().randrange(1 << 30), 0), number("CUTS", 200, 1)
    modes = MODES if mode == "all" else tuple(mode.split(","))
    if not set(modes) <= set(MODES):
        sys.exit("MODE is one of %s, or all" % ", ".join(MODES))
    done, failed = run(cuts, seed, modes, lambda text: print(text, flush=True))
    print("%d cuts, %d failed" % (done, len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
