"""What a power cut may leave: the log of a disk's writes, the disks that a cut makes of it, and what the guest's records say must be on them."""
import random
import re
import struct
import zlib
from pathlib import Path

from harness import disk

START, GAP, MARKS = 2048, 2048, 16384  # sectors: where the file system begins, what parts it from the records, their room
FLUSHES = disk.FLUSH | disk.FUA
SECTOR = disk.SECTOR
SUPER = 1024  # bytes: where ext4 has its superblock
KINDS = ("flush", "prefix", "reorder", "torn")
LOSSY = ("reorder", "torn")


def table(path, sectors):
    """A disk with the file system's partition and that of the records."""
    marks = START + sectors + GAP
    with open(path, "r+b") as f:
        f.truncate((marks + MARKS) * SECTOR)
        f.write(bytes(446) + b"".join(struct.pack("<B3sB3sII", 0, bytes(3), 0x83, bytes(3), first, count) for first, count in ((START, sectors), (marks, MARKS)))
                + bytes(32) + b"\x55\xaa")


class Record:
    """A workload's log: the file system's writes and flushes in their order, and between them, by number of the write before which it was known, what the guest said."""

    def __init__(self, base, log, nonce, start=START, whole=False):
        self.base = base
        self.writes = []  # (byte, data) or None: a flush
        self.marks = []   # (how many writes there were, {path: alternatives})
        sectors = len(base) // SECTOR
        pattern = re.compile(rb"CRASH %s (\d+)" % nonce.encode())
        for sector, data, _, flags in disk.read_log(log):
            if flags & FLUSHES:
                self.writes.append(None)
            if not data:
                continue
            if start <= sector < start + sectors:
                self.writes.append(((sector - start) * SECTOR, data))
            elif not whole:
                for at in range(0, len(data), SECTOR):
                    head = pattern.match(data, at)
                    if head:
                        text = data[at + 64:at + 64 + int(head.group(1))].decode()
                        self.marks.append((len(self.writes), {line.split()[0]: line.split()[1:] for line in text.splitlines()}))

    def first(self):
        """The first write that comes after a record: what is before is the guest's preparation."""
        return self.marks[0][0] if self.marks else 0

    def without_flushes(self):
        """The same writes, of a kernel that never asked for a flush: the control."""
        copy = object.__new__(Record)
        copy.base, copy.writes, copy.marks = self.base, [], []
        index = [0]
        for w in self.writes:
            if w is not None:
                copy.writes.append(w)
            index.append(len(copy.writes))
        copy.marks = [(index[at], said) for at, said in self.marks]
        return copy

    def cuts(self, count, seed, kinds=KINDS):
        """Points and kinds: one part right after flushes, the rest anywhere. In the order of the log."""
        chance = random.Random(seed)
        places = range(self.first(), len(self.writes) + 1)
        flushes = [i + 1 for i in places[:-1] if self.writes[i] is None]
        found = []
        for n in range(count):
            kind = kinds[n % len(kinds)]
            at = chance.choice(flushes) if kind == "flush" and flushes else chance.choice(places)
            found.append((at, kind, chance.randrange(1 << 30)))
        return sorted(found)

    def edges(self):
        """Where something has just been said, and everywhere in the mount and the unmount around that: cuts after which what has not been flushed is lost, or all is there."""
        said = [at for at, _ in self.marks]
        places = sorted({*range(said[0]), *said, *range(said[-1], len(self.writes) + 1)})
        return [(at, kind, 0) for at in places for kind in ("lost", "prefix")]

    def promised(self, at):
        """What must be there when the power fails before write `at`: path -> alternatives."""
        state = {}
        for when, said in self.marks:
            if when > at:
                break
            state.update(said)
        return state

    def images(self, cuts):
        """For each cut the disk's bytes. What was written before the last flush is there; of the rest all (prefix), nothing (lost), or each write (reorder) or each sector (torn) or not."""
        stable, done, pending = bytearray(self.base), 0, []
        for at, kind, seed in cuts:
            for w in self.writes[done:at]:
                if w is None:
                    for place, data in pending:
                        stable[place:place + len(data)] = data
                    pending = []
                else:
                    pending.append(w)
            done = max(done, at)
            chance = random.Random(seed)
            image = bytearray(stable)
            # A cache may keep nearly all, or nearly nothing.
            keep = 0 if kind == "lost" else chance.choice((0.5, 0.5, 0.1, 0.9))
            for place, data in pending:
                step = SECTOR if kind == "torn" else len(data)
                for k in range(0, len(data), step):
                    # The superblock's checksum is in its second sector, and it is written in its place, by Linux too: it stays whole.
                    if not k or place + k != SUPER + SECTOR:
                        kept = kind in ("flush", "prefix") or chance.random() < keep
                    if kept:
                        image[place + k:place + k + step] = data[k:k + step]
            yield image


def fits(path, alternatives):
    """Is what is at `path` one of what may be there?"""
    if "*" in alternatives:
        return True
    if path.is_symlink():
        what = str(path.readlink()).encode()
        return "@%d:%08x" % (len(what), zlib.crc32(what)) in alternatives
    if path.is_dir():
        return "/" in alternatives
    if not path.exists():
        return "-" in alternatives
    what = path.read_bytes()
    if "=%d:%08x" % (len(what), zlib.crc32(what)) in alternatives:
        return True
    for word in alternatives:
        if word[0] == "<":
            size, crc = word[1:].split(":")
            if len(what) >= int(size) and zlib.crc32(what[:int(size)]) == int(crc, 16):
                return True
    return False


def describe(path):
    if path.is_symlink():
        return "a link to %s" % path.readlink()
    if path.is_dir():
        return "a directory"
    if not path.exists():
        return "nothing"
    what = path.read_bytes()
    return "=%d:%08x" % (len(what), zlib.crc32(what))


def missing(folder, promised):
    """What is not as it was promised, as text."""
    found = []
    for name, alternatives in promised.items():
        path = Path(folder) / name.removeprefix("/m/")
        if not fits(path, alternatives):
            found.append("%s: %s, not %s" % (name, describe(path), " or ".join(alternatives)))
    return found
