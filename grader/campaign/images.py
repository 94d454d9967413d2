"""Damaged file systems: images of ext2, ext3 and ext4 that mke2fs and debugfs make, with their own structures changed at random, and mostly with sums that
are right again, so that the change is met where it matters and not at the door.

What may be anything: superblock, group descriptors, bitmaps, records of inodes, nodes of extents and tables of block numbers, blocks of names and of their index,
attributes, the journal's superblock and its blocks. Image n of a seed is always the same."""
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import disk, usertest
from harness.build import ROOT
from harness.qemu import Machine

SHAPES = (  # type, MiB, options
    ("ext4", 6, ("-b", "1024", "-J", "size=1")),
    ("ext4", 6, ("-b", "1024", "-J", "size=1", "-O", "^metadata_csum")),
    ("ext4", 12, ("-b", "4096", "-I", "512", "-J", "size=4")),
    ("ext4", 6, ("-b", "2048", "-J", "size=2", "-O", "^metadata_csum,^64bit,uninit_bg", "-I", "128")),
    ("ext4", 4, ("-b", "1024", "-O", "^has_journal,meta_bg,^resize_inode,metadata_csum_seed")),
    ("ext3", 6, ("-b", "1024", "-J", "size=1")),
    ("ext3", 8, ("-b", "2048", "-J", "size=2", "-I", "128")),
    ("ext2", 4, ("-b", "1024")),
    ("ext2", 4, ("-b", "4096", "-I", "128", "-O", "^dir_index,^filetype")),
)
VALUES = (0, 1, 2, 3, 4, 7, 8, 11, 12, 0x7f, 0x80, 0xff, 0x100, 0x3ff, 0x400, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff)
JOURNAL_MAGIC = 0xc03b3998

_TABLE = []
for _n in range(256):
    for _ in range(8):
        _n = _n >> 1 ^ (0x82f63b78 if _n & 1 else 0)
    _TABLE.append(_n)


def crc32c(crc, data):
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    return crc


def words(data, at, form):
    return struct.unpack_from("<" + form, data, at)


# --- sound images

def populate(top, image, block):
    """Names enough for an index, files in many pieces, links, attributes."""
    tree = top / "tree"
    (tree / "many").mkdir(parents=True)
    (tree / "a/b/c").mkdir(parents=True)
    for n in range(240):
        (tree / "many" / ("a name that is long enough to fill blocks %d" % n)).write_text("%d" % n if n % 5 == 0 else "")
    with open(tree / "pieces", "wb") as f:
        for n in range(700 if block == 1024 else 60):
            f.seek(n * 2 * block)
            f.write(b"%d" % n)
    (tree / "a/whole").write_bytes(bytes(range(256)) * 400)
    (tree / "a/short").symlink_to("../pieces")
    (tree / "a/long").symlink_to("x" * 150)
    (tree / "a/b/hard").hardlink_to(tree / "a/whole")
    (top / "value").write_bytes(b"v" * 300)
    commands = ["ea_set /a/whole user.in short", "ea_set -f %s /a/whole user.block" % (top / "value"), "ea_set -f %s /pieces user.block" % (top / "value"), "mknod pipe p", "mknod tty c 4 64"]
    return tree, commands


def journal_in_use(top, image, block, chance):
    """debugfs leaves transactions in the journal: copies of blocks of a file, some of which are revoked."""
    blocks = [int(b) for b in disk.tool("debugfs", "-R", "blocks /a/whole", image).split() if b.isdigit()]
    commands = ["jo"]
    for n in range(6):
        mine = chance.sample(blocks, chance.randrange(1, 6))
        (top / ("data%d" % n)).write_bytes(chance.randbytes(block * len(mine)))
        commands.append("jw -b %s %s" % (",".join(map(str, mine)), top / ("data%d" % n)))
        if n % 3 == 1:
            commands.append("jw -r " + ",".join(map(str, chance.sample(blocks, 3))))
    (top / "commands").write_text("\n".join([*commands, "jc", ""]))
    disk.tool("debugfs", "-w", "-f", top / "commands", image)


def make(folder, n, dirty):
    """The sound image of a shape: (type, bytes)."""
    kind, megabytes, options = SHAPES[n]
    top = folder / ("shape%d" % n)
    top.mkdir(exist_ok=True)
    block = int(options[options.index("-b") + 1])
    image = top / "image"
    if not image.exists():
        tree, commands = populate(top, image, block)
        disk.make(image, megabytes, *options, kind=kind, tree=tree)
        (top / "commands").write_text("\n".join([*commands, ""]))
        subprocess.run(["debugfs", "-w", "-f", top / "commands", image], capture_output=True, check=False)
        # Only e2fsck makes an index of names that mke2fs has copied.
        disk.tool("e2fsck", "-fyD", image, ok=(0, 1))
        disk.check(image)
    if not dirty or kind == "ext2" or "^has_journal" in " ".join(options):
        return kind, image.read_bytes()
    used = top / "used"
    if not used.exists():
        used.write_bytes(image.read_bytes())
        journal_in_use(top, used, block, random.Random(n))
    return kind, used.read_bytes()


# --- where what lies

class Layout:
    """The structures of a sound image: regions[kind] is a list of (byte, length, inode or group), and what their sums want."""

    def __init__(self, data):
        self.block = 1024 << words(data, 1024 + 24, "I")[0]
        self.first, self.per_group, self.inodes_per_group = words(data, 1024 + 20, "I")[0], words(data, 1024 + 32, "I")[0], words(data, 1024 + 40, "I")[0]
        self.inode_size, incompat, ro = words(data, 1024 + 88, "H")[0], words(data, 1024 + 96, "I")[0], words(data, 1024 + 100, "I")[0]
        self.sums = bool(ro & 0x400)
        self.seed = words(data, 1024 + 0x270, "I")[0] if incompat & 0x2000 else crc32c(0xffffffff, data[1024 + 104:1024 + 120])
        self.desc = words(data, 1024 + 254, "H")[0] if incompat & 0x80 else 32
        blocks = words(data, 1024 + 4, "I")[0]
        self.groups = -(-(blocks - self.first) // self.per_group)
        self.blocks = blocks
        self.regions = {k: [] for k in ("super", "desc", "bitmap", "inode", "node", "table", "names", "index", "attributes", "journal")}
        self.regions["super"].append((1024, 1024, 0))
        for g in range(self.groups):
            at = (self.first + 1) * self.block + g * self.desc
            self.regions["desc"].append((at, self.desc, g))
            bitmap, inode_map, table = words(data, at, "III")
            self.regions["bitmap"] += [(bitmap * self.block, self.block, g), (inode_map * self.block, self.block, g)]
            for k in range(self.inodes_per_group):
                where = table * self.block + k * self.inode_size
                if data[inode_map * self.block + k // 8] >> k % 8 & 1 and words(data, where, "H")[0]:
                    self.inode(data, g * self.inodes_per_group + k + 1, where)

    def inode(self, data, ino, at):
        mode, flags = words(data, at, "H")[0], words(data, at + 32, "I")[0]
        self.regions["inode"].append((at, self.inode_size, ino))
        acl = words(data, at + 104, "I")[0]
        if acl:
            self.regions["attributes"].append((acl * self.block, self.block, ino))
        kind = mode >> 12
        if kind not in (4, 8):
            return
        found = self.extents(data, at + 40, ino) if flags & 0x80000 else self.numbers(data, at + 40, ino)
        if ino == 8:
            self.regions["journal"] += [(b * self.block, self.block, 0) for b in found[:1] * 20 + found[1:60]]
        elif kind == 4:
            for n, b in enumerate(found):
                empty = words(data, b * self.block, "IH") == (0, self.block)
                self.regions["index" if flags & 0x1000 and (n == 0 or empty) else "names"].append((b * self.block, self.block, ino))

    def extents(self, data, at, ino):
        _, entries, _, depth = words(data, at, "HHHH")
        found = []
        for n in range(entries):
            entry = at + 12 + 12 * n
            if depth:
                block = words(data, entry + 4, "I")[0]
                self.regions["node"].append((block * self.block, self.block, ino))
                found += self.extents(data, block * self.block, ino)
            else:
                length, _, start = words(data, entry + 4, "HHI")
                found += range(start, start + length)
        return found

    def numbers(self, data, at, ino):
        def below(block, depth):
            if not block:
                return []
            if not depth:
                return [block]
            self.regions["table"].append((block * self.block, self.block, ino))
            return [b for n in words(data, block * self.block, "%dI" % (self.block // 4)) for b in below(n, depth - 1)]

        return [b for k, n in enumerate(words(data, at, "15I")) for b in below(n, max(0, k - 11))]

    # --- sums, made right again

    def owner(self, data, ino):
        at = next(r[0] for r in self.regions["inode"] if r[2] == ino)
        return crc32c(crc32c(self.seed, struct.pack("<I", ino)), data[at + 100:at + 104])

    def mend(self, data, kind, region):
        at, length, whose = region
        piece = data[at:at + length]
        if kind == "super" and self.sums:
            struct.pack_into("<I", data, at + 1020, crc32c(0xffffffff, piece[:1020]))
        elif kind == "desc" and self.sums:
            piece[30:32] = bytes(2)
            struct.pack_into("<H", data, at + 30, crc32c(crc32c(self.seed, struct.pack("<I", whose)), piece) & 0xffff)
        elif kind == "bitmap" and self.sums:
            desc = self.regions["desc"][whose]
            which = self.regions["bitmap"].index(region) % 2
            crc = crc32c(self.seed, piece[:(self.inodes_per_group if which else self.per_group) // 8])
            struct.pack_into("<H", data, desc[0] + (26 if which else 24), crc & 0xffff)
            if self.desc >= 64:
                struct.pack_into("<H", data, desc[0] + (58 if which else 56), crc >> 16)
            self.mend(data, "desc", desc)
        elif kind == "inode" and self.sums:
            self.mend_inode(data, at, piece, whose)
        elif kind == "node" and self.sums:
            end = 12 + 12 * words(piece, 4, "H")[0]
            if end + 4 <= length:
                struct.pack_into("<I", data, at + end, crc32c(self.owner(data, whose), piece[:end]))
        elif kind == "names" and self.sums:
            struct.pack_into("<I", data, at + length - 4, crc32c(self.owner(data, whose), piece[:length - 12]))
        elif kind == "index" and self.sums:
            start = 32 if words(piece, 4, "H")[0] == 12 else 8
            limit, count = words(piece, start, "HH")
            if start + limit * 8 + 8 <= length and start + count * 8 <= length:
                tail = start + limit * 8
                crc = crc32c(self.owner(data, whose), piece[:start + count * 8])
                struct.pack_into("<I", data, at + tail + 4, crc32c(crc, piece[tail:tail + 4] + bytes(4)))
        elif kind == "attributes" and self.sums:
            piece[16:20] = bytes(4)
            struct.pack_into("<I", data, at + 16, crc32c(crc32c(self.seed, struct.pack("<Q", at // self.block)), piece))
        elif kind == "journal" and struct.unpack(">II", piece[:8]) == (JOURNAL_MAGIC, 4) and struct.unpack(">I", piece[40:44])[0] & 0x18:
            piece = piece[:1024]
            piece[252:256] = bytes(4)
            struct.pack_into(">I", data, at + 252, crc32c(0xffffffff, piece))

    def mend_inode(self, data, at, piece, ino):
        piece[0x7c:0x7e] = bytes(2)
        high = self.inode_size > 128 and words(piece, 128, "H")[0] >= 4
        if high:
            piece[0x82:0x84] = bytes(2)
        crc = crc32c(crc32c(crc32c(self.seed, struct.pack("<I", ino)), piece[100:104]), piece)
        struct.pack_into("<H", data, at + 0x7c, crc & 0xffff)
        if high:
            struct.pack_into("<H", data, at + 0x82, crc >> 16)


# --- damage

def places(kind, length, chance):
    """A byte of a structure, mostly where its fields are."""
    heads = {"super": 360, "inode": 160 if chance.random() < 0.3 else 108, "node": 60, "index": 80, "names": 64, "attributes": 96, "journal": 80, "table": 64}
    return chance.randrange(min(length, heads.get(kind, length)) if chance.random() < 0.7 else length)


def damage(data, layout, chance):
    """Changes an image in place: what was changed, as text."""
    said = []
    kinds = [k for k, regions in layout.regions.items() if regions]
    weights = [{"super": 1, "desc": 1, "bitmap": 1, "inode": 6, "journal": 2}.get(k, 4) for k in kinds]
    for _ in range(chance.choice((1, 1, 2, 3, 6, 20))):
        kind = chance.choices(kinds, weights)[0]
        region = chance.choice(layout.regions[kind])
        # The root and the first directories are what everything passes.
        if kind == "inode" and chance.random() < 0.4:
            region = chance.choice(layout.regions[kind][:20])
        at, length, _ = region
        place = at + places(kind, length, chance)
        how = chance.randrange(6)
        if how == 0:
            data[place] ^= 1 << chance.randrange(8)
        elif how == 1:
            data[place] = chance.randrange(256)
        elif how < 5:
            size = chance.choice((2, 4))
            place -= place % size
            value = chance.choice((*VALUES, layout.blocks, layout.blocks - 1, chance.choice(layout.regions[chance.choice(kinds)])[0] // layout.block, chance.randrange(1 << 32)))
            order = ">" if kind == "journal" else "<"
            struct.pack_into(order + ("H" if size == 2 else "I"), data, place, value & (0xffff if size == 2 else 0xffffffff))
        else:
            other = chance.choice(layout.regions[kind])
            data[at:at + length] = data[other[0]:other[0] + length]
        said.append("%s at %d+%d" % (kind, at, place - at))
        if chance.random() < 0.85:
            layout.mend(data, kind, region)
    return ", ".join(said)


class Source:
    """The images of a seed."""

    def __init__(self, folder, seed):
        self.folder, self.seed, self.layouts = folder, seed, {}

    def image(self, n):
        """Image n: its type, its bytes, what was changed in it."""
        chance = random.Random(self.seed * 1000003 + n)
        key = chance.randrange(len(SHAPES)), chance.random() < 0.4
        if key not in self.layouts:
            kind, data = make(self.folder, *key)
            self.layouts[key] = kind, data, Layout(data)
        kind, data, layout = self.layouts[key]
        data = bytearray(data)
        return kind, data, "%s %s: %s" % (kind, " ".join(SHAPES[key[0]][2]), damage(data, layout, chance))


# --- boots

DISKS = 23  # damaged ones of a boot, beside a sound one: what has room on a PCI bus
LETTER = {"ext2": "2", "ext3": "3", "ext4": "4"}


def boot(kernel, folder, initrd, source, numbers, smp, report, grown):
    """One boot with these images, behind a sound one: (mounted, what was found or None)."""
    kinds, told = ["ext4"], {}
    words = list(disk.drive(folder / "d0", 0))
    (folder / "d0").write_bytes(make(folder, 0, False)[1])
    for k, n in enumerate(numbers, 1):
        kind, data, what = source.image(n)
        path = folder / ("d%d" % k)
        path.write_bytes(data)
        words += disk.drive(path, k)
        kinds.append(kind)
        told["vd" + chr(97 + k)] = "image %d (ONLY=%d repeats it), %s" % (n, n, what)
    with Machine(kernel, initrd=initrd, smp=smp, mem="256M", icount=False, threads="multi", cap=60 + 20 * len(numbers), extra=words,
                 cmdline="console=ttyS0 quiet loglevel=1 panic=-1 types=" + "".join(LETTER[k] for k in kinds)) as guest:
        guest.wait_end()
        text = guest.console.text.replace("\r", "")
        begun = re.findall(r"^@@ (vd.) begin", text, re.M)
        here = told.get(begun[-1], "the sound disk") if begun else "no disk"
        if guest.outcome() != "powered off" or "@@ done" not in text or report.search(guest.verdict):
            return 0, "%s\n%s\n%s" % (here, guest.outcome(), guest.report())
        wrong = re.findall(r"^@@ WRONG (vd.): (.*)", text, re.M)
        if wrong:
            return 0, "\n".join("%s: %s" % (told.get(name, "the sound disk"), what) for name, what in wrong[:10])
        before, after = ({name: int(n) for name, n in re.findall(r"^@= %d (\S+) (\d+)" % turn, text, re.M)} for turn in (1, 2))
        assert "frames" in before and "free_KiB" in before, "no counts\n" + text[-2000:]
        left = grown(before, after)
        if left:
            return 0, "not given back after images %s: %s" % (", ".join(map(str, numbers)), "; ".join(left))
        return len(re.findall(r"^@@ vd[b-z] mounted", text, re.M)), None


def play(kernel, seed, seconds, smp, say, report, grown, only=None, boots=None):
    """Boots until the time is up, or so many: what was found, or None."""
    start, done, mounted = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "recipe").write_text("file /init 0755 0 0 %s\n" % (usertest.binaries(["campaign_images"]) / "campaign_images").resolve())
        initrd = folder / "initrd"
        subprocess.run([sys.executable, str(ROOT / "rootfs/mkcpio.py"), "-l", "1", "-o", str(initrd), str(ROOT / "rootfs/common.recipe"), str(folder / "recipe")], check=True)
        source = Source(folder, seed)
        turn = 0
        while (turn < boots if boots else time.monotonic() - start < seconds or not done):
            numbers = [only] if only is not None else list(range(done, done + DISKS))
            good, found = boot(kernel, folder, initrd, source, numbers, smp, report, grown)
            if found:
                return found
            turn, done, mounted = turn + 1, done + len(numbers), mounted + good
            say("  %d s: %d images, %d of them mounted" % (time.monotonic() - start, done, mounted))
            if only is not None:
                break
    say("  total: %d images, %d of them mounted; the counts are back" % (done, mounted))
    return None
