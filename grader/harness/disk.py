"""Disk images for tests: made by mke2fs, judged by e2fsck and debugfs, and rebuilt as they were at a cut from a log of all writes."""
import random
import struct
import subprocess

SECTOR = 512
FLUSH, FUA, DISCARD = 1, 2, 4


def tool(*words, ok=(0,), **more):
    run = subprocess.run([str(w) for w in words], capture_output=True, text=True, errors="replace", check=False, **more)
    assert run.returncode in ok, "%s: %d\n%s%s" % (" ".join(map(str, words)), run.returncode, run.stdout[-3000:], run.stderr[-3000:])
    return run.stdout + run.stderr


def make(path, megabytes, *options, kind="ext4", tree=None):
    path.unlink(missing_ok=True)
    with open(path, "wb") as f:
        f.truncate(megabytes << 20)
    tool("mke2fs", "-q", "-F", "-t", kind, *options, *(("-d", tree) if tree else ()), path)
    return path


def check(path):
    """e2fsck finds nothing to do; the journal must be empty or replayed."""
    return tool("e2fsck", "-fn", path)


def replay(path):
    """What Linux's own tool makes of the journal."""
    return tool("e2fsck", "-y", "-E", "journal_only", path, ok=(0, 1))


def dump(path, folder):
    """All files of an image, as they are, into a folder."""
    folder.mkdir(exist_ok=True)
    tool("debugfs", "-R", "rdump / %s" % folder, path)
    return folder


def drive(path, number=0, device="virtio-blk-pci", **options):
    """QEMU's words for one disk."""
    extra = "".join(",%s=%s" % (k, v) for k, v in options.items())
    return ("-drive", "file=%s,format=raw,if=none,id=disk%d,cache=unsafe" % (path, number), "-device", "%s,drive=disk%d%s" % (device, number, extra))


def logged_drive(path, log, number=0):
    """A disk whose writes are all recorded (dm-log-writes' format)."""
    log.write_bytes(b"")
    return ("-blockdev", "driver=file,filename=%s,node-name=f%d,cache.no-flush=on" % (path, number), "-blockdev", "driver=file,filename=%s,node-name=l%d,cache.no-flush=on" % (log, number),
            "-blockdev", "driver=blklogwrites,node-name=lw%d,file=f%d,log=l%d,log-sector-size=512,log-super-update-interval=1" % (number, number, number),
            "-device", "virtio-blk-pci,drive=lw%d,write-cache=on" % number)


def read_log(log):
    """The recorded writes: (sector, data or None for a discard, count of sectors, flags)."""
    entries = []
    with open(log, "rb") as f:
        magic, _, count, size = struct.unpack("<QQQI", f.read(SECTOR)[:28])
        assert magic == 0x6a736677736872 and size == SECTOR
        for _ in range(count):
            sector, sectors, flags, length = struct.unpack("<QQQQ", f.read(SECTOR)[:32])
            data = None if flags & DISCARD else f.read(sectors * SECTOR)
            f.seek(-length % SECTOR if length else 0, 1)
            entries.append((sector, data, sectors, flags))
    return entries


def cut(base, entries, at, mode, seed, out):
    """The disk as a power cut before entry `at` may leave it. prefix: all of what was written; reorder: all up to the last flush, and a random half of the rest; torn: as
    reorder, sector by sector. Writes what the flush's own entry carries after it."""
    chance = random.Random(seed)
    last = max((i for i in range(at) if entries[i][3] & (FLUSH | FUA)), default=-1)
    image = bytearray(base)
    for i in range(at):
        sector, data, _, _ = entries[i]
        if not data:
            continue
        if mode == "prefix" or i <= last:
            image[sector * SECTOR:sector * SECTOR + len(data)] = data
        elif mode == "reorder":
            if chance.random() < 0.5:
                image[sector * SECTOR:sector * SECTOR + len(data)] = data
        else:
            for k in range(0, len(data), SECTOR):
                if chance.random() < 0.5:
                    image[sector * SECTOR + k:sector * SECTOR + k + SECTOR] = data[k:k + SECTOR]
    out.write_bytes(image)
    return out
