"""Disks: partitions, files on ext2, ext3 and ext4, the journal. The judges are Linux's own tools: mke2fs makes the images, e2fsck and debugfs look at
what is left of them."""
import hashlib
import os
import random
import re
import struct
import time
import zlib

import pytest

from harness import disk, usertest
from harness.build import kernel, rootfs
from harness.qemu import Machine
from labs.scenarios import PROMPT


class Guest:
    """Busybox's shell with disks; what is said beside the answer to a command is the kernel's."""

    def __init__(self, *words, smp=2, mem="256M", machine="pc", cmdline="", cap=240, debug=False):
        self.machine = Machine(kernel(None, None, "DEBUG=1") if debug else kernel(), initrd=rootfs("busybox"), cmdline="console=ttyS0 quiet panic=-1 rdinit=/bin/sh " + cmdline, smp=smp, icount=False, mem=mem,
                               machine=machine, cap=cap, extra=[w for word in words for w in word])
        self.machine.expect(PROMPT)
        for command in ("stty cols 4000", "mount -t proc proc /proc; mount -t devtmpfs dev /dev; mkdir -p /m /tmp; mount -t tmpfs tmp /tmp"):
            self.run(command)

    def run(self, command, timeout=100):
        text = self.machine.run(command, PROMPT, timeout=timeout)
        assert "PANIC" not in self.machine.verdict, self.machine.report()
        return text

    def says(self, command, wanted, timeout=100):
        text = self.run(command, timeout)
        assert re.search(wanted, text), "%s: `%s` is not in\n%s\n%s" % (command, wanted, text, self.run("dmesg | tail -5"))

    def mount(self, where="/m", device="/dev/vda", kind="ext4", options="rw"):
        self.says("mount -t %s -o %s %s %s && echo moun''ted" % (kind, options, device, where), "mounted")

    def off(self):
        self.says("cd /; umount /m && echo g''one", "gone")
        self.machine.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.machine.close()


def gpt(path, parts):
    """A partition table of our own making: [(first, last, name)]."""
    size = path.stat().st_size // 512
    entries = b"".join(bytes.fromhex("af3dc60f838472478e793d69d8477de4") + bytes([7] * 15 + [n]) + struct.pack("<QQQ", first, last, 0) + name.encode("utf-16-le").ljust(72, b"\0")
                       for n, (first, last, name) in enumerate(parts)).ljust(128 * 128, b"\0")

    def header(at, other, where):
        head = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, at, other, 34, size - 34, bytes(16), where, 128, 128, zlib.crc32(entries))
        return (head[:16] + struct.pack("<I", zlib.crc32(head)) + head[20:]).ljust(512, b"\0")

    with open(path, "r+b") as f:
        f.write(bytes(446) + struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xee, b"\xff\xff\xff", 1, size - 1) + bytes(48) + b"\x55\xaa" + header(1, size - 1, 2) + entries)
        f.seek((size - 33) * 512)
        f.write(entries + header(size - 1, 1, size - 33))


def noise(path, megabytes, seed=1):
    path.write_bytes(random.Random(seed).randbytes(megabytes << 20))
    return path


@pytest.mark.parametrize("machine,options", [("pc", {}), ("pc", {"vectors": 0}), ("q35", {}), ("q35", {"vectors": 0}), ("pc", {"event_idx": "off"})])
def test_a_disk_is_found_and_read(tmp_path, machine, options):
    """By ports and by MCFG, with MSI-X and with the interrupt line."""
    image = noise(tmp_path / "a", 9)
    with Guest(disk.drive(image, **options), machine=machine) as guest:
        guest.says("md5sum /dev/vda", hashlib.md5(image.read_bytes()).hexdigest())
        guest.says("blockdev --getsize64 /dev/vda", str(9 << 20))
        guest.says("dd if=/dev/vda bs=512 skip=1000 count=7 iflag=direct 2>/dev/null | md5sum", hashlib.md5(image.read_bytes()[512000:512000 + 3584]).hexdigest())
        guest.says("grep -c vda /proc/partitions", "1")


def test_partitions(tmp_path):
    """By GPT and its copy, and by MBR with a chain of logical ones that leads back and forth, and at last in a circle. There may be more than a disk has minor numbers."""
    image = noise(tmp_path / "a", 8)
    gpt(image, [(2048, 4095, "first"), (4096, 10000, "second"), *[(10001 + n, 10001 + n, "small") for n in range(16)]])
    other = noise(tmp_path / "b", 8, 2)
    with open(other, "r+b") as f:
        f.write(bytes(446) + struct.pack("<B3sB3sII", 0, bytes(3), 0x83, bytes(3), 100, 50) + struct.pack("<B3sB3sII", 0, bytes(3), 5, bytes(3), 1000, 5000) + bytes(32) + b"\x55\xaa")
        for at, sectors, following in (1000, 200, 3000), (4000, 100, 1000), (2000, 300, 3000):
            f.seek(at * 512)
            f.write(bytes(446) + b"".join(struct.pack("<B3sB3sII", 0, bytes(3), kind, bytes(3), *place) for kind, *place in ((0x83, 63, sectors), (5, following, 400))) + bytes(32) + b"\x55\xaa")
    broken = noise(tmp_path / "c", 8, 3)
    gpt(broken, [(2048, 4095, "first")])
    with open(broken, "r+b") as f:
        f.seek(512 + 60)
        f.write(b"x")
    with Guest(disk.drive(image, 0), disk.drive(other, 1), disk.drive(broken, 2)) as guest:
        guest.says("blockdev --getsize64 /dev/vda1; blockdev --getsize64 /dev/vda2", r"%d\s+%d" % (2048 * 512, 5905 * 512))
        guest.says("md5sum /dev/vda2", hashlib.md5(image.read_bytes()[4096 * 512:10001 * 512]).hexdigest())
        guest.says("md5sum /dev/vdb5", hashlib.md5(other.read_bytes()[1063 * 512:1263 * 512]).hexdigest())
        guest.says("blockdev --getsz /dev/vdb6; blockdev --getsz /dev/vdb7; ls /dev/vdb8", r"(?m)^100\s+300\s+ls: /dev/vdb8: No such")
        guest.says("md5sum /dev/vdb7", hashlib.md5(other.read_bytes()[2063 * 512:2363 * 512]).hexdigest())
        guest.says("md5sum /dev/vda18; grep vda18 /proc/partitions", hashlib.md5(image.read_bytes()[10016 * 512:10017 * 512]).hexdigest() + r"[^$]*259\s+2\s+0 vda18")
        guest.says("ls /dev/vdc1; dmesg | grep -c 'GPT is bad'", r"/dev/vdc1\s+1")
        guest.says("dd if=/dev/zero of=/dev/vdb1 bs=512 2>&1", "No space left|50\\+0")
    assert other.read_bytes()[100 * 512:150 * 512] == bytes(50 * 512) and other.read_bytes()[150 * 512:151 * 512] != bytes(512)


WORK = """cd /m; mkdir -p a/b c; cp /tmp/r a/r; ln a/r a/b/hard; ln -s ../a/r c/link; ln -s /%s c/long
i=0; while [ $i -lt 400 ]; do echo text $i > c/a_name_that_fills_a_block_sooner_$i; i=$((i+1)); done
i=0; while [ $i -lt 400 ]; do rm c/a_name_that_fills_a_block_sooner_$i; i=$((i+3)); done
mv a/b c/moved; dd if=/tmp/r of=sparse bs=1k seek=5000 count=3 2>/dev/null; dd if=/tmp/r of=a/r bs=3000 seek=2 count=5 conv=notrunc 2>/dev/null
cp a/r cut; truncate -s 12345 cut; mkfifo pipe; mknod dev c 4 64; chmod 640 cut; chown 12:34 cut; touch -d '2040-01-02 03:04:05' cut
mv c/moved e; cp -r c d; rm -r c; cp /tmp/r gone; rm gone; cd /""" % ("x" * 100)


def judged_from_outside(guest, image, tmp_path, least):
    """Ends the guest. e2fsck finds no fault with the file system on /m, and its more than `least` files are outside what they were inside: the folder with them."""
    here = guest.run("cd /m; find . -type f | sort | xargs md5sum; cd /").replace("\r", "")
    guest.off()
    disk.check(image)
    there = disk.dump(image, tmp_path / "out")
    sums = dict(reversed(line.split()) for line in re.findall(r"^[0-9a-f]{32}  \./.*$", here, re.M))
    assert len(sums) > least
    for name, wanted in sums.items():
        assert hashlib.md5((there / name).read_bytes()).hexdigest() == wanted, name
    return there


@pytest.mark.parametrize("kind,options", [("ext4", ("-b", 4096)), ("ext4", ("-b", 1024)), ("ext3", ("-b", 1024)), ("ext2", ("-b", 4096)), ("ext2", ("-b", 1024, "-O", "^dir_index,^filetype")),
                                          ("ext4", ("-O", "^has_journal,^metadata_csum,^64bit")), ("ext4", ("-O", "metadata_csum_seed,meta_bg,^resize_inode", "-I", 512))])
def test_work_on_a_file_system(tmp_path, kind, options):
    """The files are what they should be, and e2fsck finds no fault."""
    image = disk.make(tmp_path / "a", 48, *options, kind=kind)
    with Guest(disk.drive(image)) as guest:
        guest.mount(kind=kind)
        guest.run("dd if=/dev/urandom of=/tmp/r bs=1k count=700 2>/dev/null")
        for line in WORK.split("\n"):
            guest.run(line)
        there = judged_from_outside(guest, image, tmp_path, 250)
    assert (there / "sparse").stat().st_size == 5003 * 1024 and os.readlink(there / "d/long") == "/" + "x" * 100
    assert "Mode:  0640" in disk.tool("debugfs", "-R", "stat /cut", image) and "Links: 2" in disk.tool("debugfs", "-R", "stat /e/hard", image)


def test_files_that_linux_made(tmp_path):
    tree = tmp_path / "tree"
    (tree / "many").mkdir(parents=True)
    for n in range(700):
        (tree / "many" / ("a name that is long enough to need an index %d" % n)).write_text("%d" % n)
    noise(tree / "big", 9)
    os.symlink("big", tree / "link")
    image = disk.make(tmp_path / "a", 64, tree=tree)
    disk.tool("e2fsck", "-fyD", image, ok=(0, 1))  # builds the index
    with Guest(disk.drive(image)) as guest:
        guest.mount(options="ro")
        guest.says("md5sum /m/link", hashlib.md5((tree / "big").read_bytes()).hexdigest())
        guest.says("cat /m/many/*' 699' '/m/many/a name that is long enough to need an index 698'; echo", "699698")
        guest.says("ls /m/many | wc -l", "700")
        guest.says("touch /m/x 2>&1", "Read-only")
        guest.off()
    disk.check(image)


@pytest.mark.parametrize("feature,named", [("mmp", "mmp"), ("casefold", "casefold"), ("encrypt", "encrypt"), ("large_dir", "large_dir"), ("inline_data", "inline_data"), ("ea_inode", "ea_inode")])
def test_a_feature_that_is_not_known_is_refused_by_name(tmp_path, feature, named):
    image = disk.make(tmp_path / "a", 16, "-O", feature)
    with Guest(disk.drive(image)) as guest:
        guest.says("mount -t ext4 /dev/vda /m; dmesg | tail -3", r"EXT4-fs \(vda\): cannot be mounted.*: %s" % named)


@pytest.mark.parametrize("feature", ["quota", "verity", "project,quota"])
def test_a_feature_that_only_forbids_writing(tmp_path, feature):
    image = disk.make(tmp_path / "a", 16, "-O", feature)
    before = image.read_bytes()
    with Guest(disk.drive(image)) as guest:
        guest.says("mount -t ext4 /dev/vda /m; touch /m/x 2>&1; dmesg | tail -3", r"(?s)Read-only.*read-only because of.*%s" % feature.split(",")[0])
    assert image.read_bytes() == before


@pytest.mark.parametrize("block,cluster", [(1024, 2048), (1024, 16384), (2048, 131072), (4096, 65536), (4096, 1 << 20)])
def test_blocks_in_clusters_are_read(tmp_path, block, cluster):
    """Free blocks are counted by clusters, and small ones begin at another number; nothing is written, and no free room is given back to the disk."""
    tree = tmp_path / "tree"
    (tree / "d").mkdir(parents=True)
    for n in range(40):
        (tree / "d" / ("f%d" % n)).write_bytes(random.Random(n).randbytes(n * 1777))
    noise(tree / "big", 3)
    image = disk.make(tmp_path / "a", 96, "-b", block, "-O", "bigalloc", "-C", cluster, tree=tree)
    before = image.read_bytes()
    free = int(re.search(r"^Free blocks: +(\d+)", disk.tool("dumpe2fs", "-h", image), re.M).group(1))
    with Guest(disk.drive(image)) as guest:
        guest.says("mount -t ext4 /dev/vda /m; touch /m/x 2>&1; dmesg | tail -3", r"(?s)Read-only.*read-only because of.*bigalloc")
        guest.says("md5sum /m/big", hashlib.md5((tree / "big").read_bytes()).hexdigest())
        guest.says("cat /m/d/* | md5sum", hashlib.md5(b"".join((tree / "d" / n).read_bytes() for n in sorted(os.listdir(tree / "d")))).hexdigest())
        guest.says("stat -f -c 'free %f of' /m", "free %d of" % free)
        guest.says("mount -o remount,rw /m 2>&1; fstrim /m 2>&1; touch /m/x 2>&1", "(?s)Read-only.*FITRIM.*upported.*Read-only")
        guest.off()
    assert image.read_bytes() == before


# Of the superblock: where, how many bytes, and what stands there after the replay.
REPLAYED = {"no magic": [(0x38, 2, 0)], "larger blocks": [(0x18, 4, 2)], "more groups": [(0x20, 4, 1024), (0x24, 4, 1024), (0x00, 4, 32 * 2048)],
            "descriptors of no size": [(0x60, 4, 0x2c6), (0xfe, 2, 0)]}


@pytest.mark.parametrize("what", REPLAYED)
def test_a_superblock_that_is_replayed_makes_no_sense(tmp_path, what):
    """What lies in the journal takes the place of what mount has read: it is looked at again, and the file system refused, more than once."""
    image = disk.make(tmp_path / "a", 32, "-b", 1024, "-O", "^metadata_csum,^64bit")
    block = bytearray(image.read_bytes()[1024:2048])
    for at, size, value in REPLAYED[what]:
        block[at:at + size] = value.to_bytes(size, "little")
    (tmp_path / "super").write_bytes(block)
    (tmp_path / "commands").write_text("jo\njw -b 1 %s\njc\n" % (tmp_path / "super"))
    disk.tool("debugfs", "-w", "-f", tmp_path / "commands", image)
    with Guest(disk.drive(image)) as guest:
        for _ in range(3):
            guest.says("mount -t ext4 /dev/vda /m 2>&1", "mount: mounting")


def test_a_directory_that_lies_in_the_table_of_inodes(tmp_path):
    """A block that is two things: it is checked as a directory's, and changed as a table of inodes. A search in it ends."""
    image = disk.make(tmp_path / "a", 64, "-b", 4096, "-O", "^metadata_csum,^64bit,^has_journal", "-N", 40000)
    # The inode whose number is 0x81b6, as its mode says with 0666: the first sixteen bytes of a file's inode are an entry that leads to the block's end.
    first = 2000 // 16 * 16 + 1
    (tmp_path / "empty").write_bytes(b"")
    table = int(re.search(r"Inode table at (\d+)", disk.tool("dumpe2fs", image)).group(1))
    block = table + (first - 1) // 16
    commands = ["mkdir /d", "write %s f" % (tmp_path / "empty"), "sif <%d> mode 0100666" % first, "sif <%d> links_count 1" % first, "sif <%d> size 0x11000" % first,
                "ln <%d> /file" % first, "sif /d block[IND] 0", "sif /d flags 0", "sif /d block[0] %d" % block]
    (tmp_path / "commands").write_text("\n".join(commands) + "\n")
    disk.tool("debugfs", "-w", "-f", tmp_path / "commands", image)
    with Guest(disk.drive(image)) as guest:
        guest.run("mount -t ext4 /dev/vda /m; ls /m/d >/dev/null 2>&1")
        guest.run("truncate -s 0 /m/file; ls -l /m/file")
        guest.says("stat /m/d/x 2>&1; echo came back", "came back", timeout=30)
        guest.off()


BUSY = """w() { n=0; while :; do mkdir -p $1/$n; for k in 1 2 3 4 5; do cp /tmp/r $1/$n/f$k; mv $1/$n/f$k $1/$n/g$k; ln $1/$n/g$k $1/$n/h$k; rm $1/$n/g$k; truncate -s 5000 $1/$n/h$k; done
i=0; while [ $i -lt 150 ]; do echo x > $1/$n/name_of_some_length_$i; i=$((i+1)); done; [ $n -gt 2 ] && rm -rf $1/$((n-2)); n=$((n+1)); sync; done; }"""


def busy(guest, seconds):
    """Two programs change things until they are stopped in the middle."""
    guest.run("dd if=/dev/urandom of=/tmp/r bs=1k count=900 2>/dev/null; cd /m")
    for line in BUSY.split("\n"):
        guest.machine.console.send(line + "\n")
    guest.machine.console.send("w a 2>/dev/null & w b 2>/dev/null &\n")
    time.sleep(seconds)


def test_a_journal_is_replayed_by_both(tmp_path):
    """Our dirty journal by e2fsck, and by us: the same files come out, and neither leaves a fault."""
    image = disk.make(tmp_path / "a", 96)
    for turn in range(2):
        with Guest(disk.drive(image)) as guest:
            guest.mount()
            busy(guest, 6)
            guest.machine.close()
        theirs = tmp_path / "theirs"
        theirs.write_bytes(image.read_bytes())
        disk.replay(theirs)
        disk.check(theirs)
        with Guest(disk.drive(image)) as guest:
            guest.mount()
            guest.says("dmesg | grep -c 'vda: replayed'", "1")
            guest.off()
        disk.check(image)
        a, b = disk.dump(image, tmp_path / ("a%d" % turn)), disk.dump(theirs, tmp_path / ("b%d" % turn))
        disk.tool("diff", "-r", a, b)


def test_power_cuts(tmp_path):
    """Every write is recorded; the disk is rebuilt as cuts leave it, with writes since the last flush lost: clean after replay, and what was synced is there."""
    # Without checksums, which would tell e2fsck of what is missing: only the order of writes protects.
    image = disk.make(tmp_path / "a", 24, "-J", "size=4", "-O", "^metadata_csum")
    base, log = image.read_bytes(), tmp_path / "log"
    with Guest(disk.logged_drive(image, log)) as guest:
        guest.mount()
        guest.run("cd /m; i=0; while [ $i -lt 25 ]; do mkdir d$i; head -c $((i*1500+1)) /dev/urandom > d$i/f; mv d$i/f d$i/g; ln d$i/g l$i; [ $i -gt 4 ] && rm l$((i-4)); dd if=/dev/null of=d$i/g conv=notrunc,fsync 2>/dev/null; i=$((i+1)); done; cd /")
        guest.off()
    entries = disk.read_log(log)
    assert len(entries) > 100
    chance = random.Random(4)
    seen = -1
    for n, at in enumerate(sorted(chance.sample(range(len(entries)), 36))):
        out = disk.cut(base, entries, at, ("prefix", "reorder", "torn")[n % 3], n, tmp_path / "cut")
        disk.replay(out)
        disk.check(out)
        names = disk.tool("debugfs", "-R", "ls -p /", out)
        there = max([int(x) for x in re.findall(r"/d(\d+)/", names)], default=-1)
        assert there >= seen - 1, "a directory that was synced is gone"
        seen = max(seen, there)
    assert seen > 10


def test_an_error_of_the_disk(tmp_path):
    """The caller gets EIO, the file system goes read-only, the rest stays up."""
    image = disk.make(tmp_path / "a", 32)
    words = ("-blockdev", '{"driver":"blkdebug","node-name":"bad","image":{"driver":"file","filename":"%s"},"set-state":[%s],"inject-error":[{"event":"pwritev","iotype":"write","state":40,"errno":5,'
             '"once":false}]}' % (image, ",".join('{"event":"pwritev","state":%d,"new_state":%d}' % (n, n + 1) for n in range(1, 40))),
             "-device", "virtio-blk-pci,drive=bad,werror=report")
    with Guest(words) as guest:
        guest.run("dmesg -n 1")  # the console is the shell's
        guest.mount()
        guest.says("i=0; while [ $i -lt 60 ]; do echo $i > /m/f$i || break; sync; i=$((i+1)); done; echo s''topped", "stopped")
        guest.says("touch /m/x 2>&1", "Read-only|I/O error")
        guest.says("dmesg | grep -c 'read-only from now on'", "1")
        guest.says("cat /m/f1; echo alive", "1\\s+alive")


@pytest.mark.parametrize("seed", range(3))
def test_damaged_images(tmp_path, seed):
    """Any byte may be anything: errors, never a panic."""
    tree = tmp_path / "tree"
    (tree / "d").mkdir(parents=True)
    for n in range(120):
        (tree / "d" / ("a long name of a file %d" % n)).write_text("%d" % n)
    noise(tree / "big", 1)
    base = disk.make(tmp_path / "a", 6, "-b", 1024, "-O", "^metadata_csum", tree=tree).read_bytes()
    chance = random.Random(seed)
    blocks = [i for i in range(len(base) // 1024) if base[i * 1024:(i + 1) * 1024].strip(b"\0")]
    words = []
    for n in range(6):
        image = bytearray(base)
        for _ in range(chance.choice([1, 4, 20, 60])):
            at = chance.choice(blocks if chance.random() < 0.6 else blocks[:60]) * 1024 + chance.randrange(1024)
            for k in range(chance.choice([1, 2, 4, 16])):
                image[(at + k) % len(image)] = chance.choice([0, 255, chance.randrange(256)])
        path = tmp_path / ("d%d" % n)
        path.write_bytes(image)
        words.append(disk.drive(path, n))
    with Guest(*words) as guest:
        for n in range(6):
            device = "/dev/vd" + chr(97 + n)
            guest.says("mount -t ext4 %s /m && cd /m && { find . ; cat d/* big; ls -lR; echo x > new; mkdir nd; cp big nd; rm -rf d; mv big hh; rm -rf *; } >/dev/null 2>&1; cd /; umount /m 2>/dev/null; echo n''ext" % device,
                       "next")


@pytest.mark.parametrize("options", [("-O", "^metadata_csum"), ()])
def test_an_index_whose_blocks_are_emptied(tmp_path, options):
    """Of many names a few are left: blocks of the index without any are read again like others, and take names again."""
    image = disk.make(tmp_path / "a", 8, "-b", 1024, *options)
    loop = "i=0; while [ $i -lt 200 ]; do %s; i=$((i+1)); done; cd /"
    with Guest(disk.drive(image)) as guest:
        guest.mount()
        guest.run("mkdir /m/d; cd /m/d; " + loop % ">a_name_that_is_long_enough_$i")
        guest.run("cd /m/d; " + loop % "[ $((i%40)) = 0 ] || rm a_name_that_is_long_enough_$i")
        guest.says("umount /m && echo g''one", "gone")
        guest.mount()
        guest.says("ls /m/d | wc -l; cat /m/d/* && echo f''ound", r"5\s+found")
        guest.run("cd /m/d; " + loop % ">a_name_that_is_long_enough_$i")
        guest.says("ls /m/d | wc -l; dmesg | grep -c 'EXT4-fs error'", r"200\s+0")
        guest.off()
    disk.check(image)


@pytest.mark.parametrize("inode", ["<2>", "<8>"])
def test_a_root_or_a_journal_that_is_free(tmp_path, inode):
    """It is damage, and told as that."""
    image = disk.make(tmp_path / "a", 8, "-b", 1024, "-J", "size=1")
    (tmp_path / "commands").write_text("sif %s links_count 0\nsif %s mode 0\n" % (inode, inode))
    disk.tool("debugfs", "-w", "-f", tmp_path / "commands", image)
    with Guest(disk.drive(image)) as guest:
        guest.says("mount -t ext4 /dev/vda /m; dmesg | tail -2", "Structure needs cleaning")
        guest.says("dmesg | grep -c 'is a free inode'", "1")


def test_a_file_as_a_disk(tmp_path):
    """Busybox's losetup and `mount -o loop`: a file system in a file of another; both are whole afterwards, and the device is free again."""
    image, inner = disk.make(tmp_path / "a", 32), disk.make(tmp_path / "inner", 8)
    with Guest(disk.drive(image), disk.drive(inner, 1)) as guest:
        guest.mount()
        guest.run("dd if=/dev/vdb of=/m/image bs=64k 2>/dev/null; mkdir /l")
        guest.says("mount -o loop /m/image /l && mount", r"/dev/loop0 on /l type ext4 \(rw")
        guest.says("losetup -a", "/dev/loop0: 0 /m/image")
        guest.says("cp /bin/busybox /l; sync; umount /l; losetup -a | wc -l; echo n''one", r"(?m)^0\s+none")
        guest.says("losetup -f", "/dev/loop0")
        guest.says("losetup -o 4096 /dev/loop5 /m/image; losetup -a; blockdev --getsize64 /dev/loop5; losetup -d /dev/loop5", r"/dev/loop5: 4096 /m/image\s+%d" % ((8 << 20) - 4096))
        guest.says("mount -o loop,ro /m/image /l; cmp /bin/busybox /l/busybox && echo sa''me; umount /l", "same")
        guest.run("dd if=/m/image of=/dev/vdb bs=64k 2>/dev/null")
        guest.off()
    disk.check(image)
    disk.check(inner)
    assert "/busybox/" in disk.tool("debugfs", "-R", "ls -p /", inner)


def test_a_file_five_times_as_large_as_memory(tmp_path):
    image = disk.make(tmp_path / "a", 400)
    with Guest(disk.drive(image), mem="64M", cap=290) as guest:
        guest.mount()
        guest.run("dd if=/dev/urandom of=/m/piece bs=1M count=8 2>/dev/null; i=0; while [ $i -lt 40 ]; do cat /m/piece >> /m/f; i=$((i+1)); done", 200)
        guest.says("sum=$(md5sum < /m/piece); dd if=/m/f bs=8M skip=39 2>/dev/null | md5sum | grep -c \"$sum\"; dd if=/m/f bs=8M count=1 2>/dev/null | md5sum | grep -c \"$sum\"", r"1\s+1", 200)
        guest.says("stat -c %s /m/f; cmp /m/f /m/f && echo same", r"%d\s+same" % (320 << 20), 200)
        guest.off()
    disk.check(image)


def test_caches_are_dropped_at_a_word(tmp_path):
    """What was read is in memory until /proc/sys/vm/drop_caches is written; then it is read from the disk again, and is the same. What was not yet written stays."""
    image = disk.make(tmp_path / "a", 64)
    cached = "awk '/^Cached/ { print ($2 > 20000) \"ca\" \"ched\" }' /proc/meminfo"
    with Guest(disk.drive(image)) as guest:
        guest.mount()
        guest.run("dd if=/dev/urandom of=/m/f bs=1M count=24 2>/dev/null; md5sum < /m/f > /tmp/sum; sync")
        guest.says(cached, "1cached")
        guest.run("echo unwritten > /m/g; echo 3 > /proc/sys/vm/drop_caches")
        guest.says(cached, "0cached")
        guest.says("md5sum < /m/f | cmp - /tmp/sum && cat /m/g", "unwritten")
        guest.says(cached, "1cached")
        guest.off()
    disk.check(image)


def test_the_root_on_a_disk(tmp_path):
    """Keeps what was changed over a restart."""
    tree = tmp_path / "tree"
    tree.mkdir()
    disk.tool("sh", "-c", "zcat %s | cpio -idm --quiet --no-absolute-filenames" % rootfs("busybox"), cwd=tree, ok=(0, 2))
    (tree / "init").unlink(missing_ok=True)
    image = disk.make(tmp_path / "a", 48, tree=tree)
    for turn in range(2):
        with Machine(kernel(), cmdline="console=ttyS0 quiet panic=-1 root=/dev/vda rw init=/bin/sh", smp=2, icount=False, cap=90, extra=list(disk.drive(image))) as guest:
            guest.expect(PROMPT)
            guest.run("stty cols 4000", PROMPT, timeout=30)
            text = guest.run("cat /kept; echo turn >> /kept; mount -t proc proc /proc; mount; sync; echo d''one", PROMPT, timeout=30)
            assert "done" in text and text.count("turn") == turn and re.search(r"/dev/(root|vda) on / type ext4", text), text
            guest.run("mount -o remount,ro /; echo", PROMPT, timeout=30)
    disk.check(image)


ODD = ("holes", "full_dir", "full_map", "race", "one_hash")


@pytest.mark.parametrize("case,kind,megabytes,options", [
    ("holes", "ext3", 32, ("-b", 1024)),
    ("full_dir", "ext4", 8, ("-b", 1024, "-J", "size=1")),
    ("full_map", "ext4", 12, ("-b", 1024, "-J", "size=1")),
    ("race", "ext4", 32, ()),
    ("one_hash", "ext4", 32, ("-b", 1024)),
])
def test_what_is_rare(tmp_path, case, kind, megabytes, options):
    """user/tests/disk_odd.c says what: nothing is lost, and e2fsck finds nothing. Linux answers the same."""
    image = disk.make(tmp_path / "a", megabytes, *options, kind=kind)
    if case == "one_hash":
        disk.tool("tune2fs", "-E", "hash_alg=legacy", image)
    answer = usertest.run_many(kernel(), ["disk_odd"], cap=200, watch=True, extra=disk.drive(image), disks=[image], append="SEED=%d seconds=180" % ODD.index(case))["disk_odd"]
    assert answer.ended == "exit 0" and not re.search(r"wrong|: no\b|are there", answer.output), answer.output[-2000:]
    if case == "holes":
        assert answer.output.count("data at +0, then +512\n") == 12, answer.output
    if case == "one_hash":
        assert answer.output.count(" 0 are missing, 0 came twice\n") == 11, answer.output
    if case == "race":
        assert "whole lines: 1" in answer.output
    disk.check(image)


@pytest.mark.parametrize("kind,word", [("ext4", 5), ("ext3", 0)])
def test_a_file_whose_blocks_are_the_file_systems_own(tmp_path, kind, word):
    """Nobody reads, writes or frees a table of inodes, a bitmap, a copy of the superblock or the journal by a file's extents or map; a node of the map is none of them either. Linux
    (block_validity) answers the same when it opens them."""
    tree = tmp_path / "tree"
    tree.mkdir()
    places = {"table": r"Group 1:(?s:.*?)Inode table at (\d+)", "bitmap": r"Group 1:(?s:.*?)Block bitmap at (\d+)", "copy": r"Backup superblock at (\d+)", "journal": None, "node": r"Group 0:(?s:.*?)Inode bitmap at (\d+)"}
    for name in (*places, "good"):
        (tree / name).write_bytes(b"abc" * 5000)
    image = disk.make(tmp_path / "a", 32, "-b", 1024, "-O", "^metadata_csum", kind=kind, tree=tree)
    layout = disk.tool("dumpe2fs", image)
    commands = []
    for name, where in places.items():
        block = int(re.search(where, layout).group(1) if where else disk.tool("debugfs", "-R", "bmap <8> 100", image).split()[0])
        if name == "node":
            commands += ["sif /node block[IND] %d" % block] if kind == "ext3" else ["sif /node block[1] 0x10004", "sif /node block[4] %d" % block]
        else:
            commands += ["sif /%s block[%d] %d" % (name, word, block)]
    (tmp_path / "commands").write_text("\n".join(commands) + "\n")
    disk.tool("debugfs", "-w", "-f", tmp_path / "commands", image)
    before = image.read_bytes()
    with Guest(disk.drive(image)) as guest:
        guest.run("dd if=/dev/zero of=/tmp/zeroes bs=1k count=15 2>/dev/null")
        guest.mount(options="errors=continue")
        for name in places:
            skip = 13 if name == "node" else 0
            guest.says("dd if=/m/%s bs=1k skip=%d count=1 2>&1 >/dev/null" % (name, skip), "Structure needs cleaning")
            guest.says("dd if=/tmp/zeroes of=/m/%s bs=1k seek=%d count=1 conv=notrunc,fsync 2>&1" % (name, skip), "Structure needs cleaning")
            guest.run("dd if=/tmp/zeroes of=/m/%s bs=1k seek=%d count=1 conv=notrunc oflag=direct; > /m/%s; rm /m/%s" % (name, skip, name, name))
        guest.says("md5sum /m/good", hashlib.md5(b"abc" * 5000).hexdigest())
        guest.run("dd if=/dev/urandom of=/m/new bs=1k count=3000 2>/dev/null")
        guest.off()
    after = image.read_bytes()
    for name, where in places.items():
        if where and name != "copy":
            block = int(re.search(where, layout).group(1))
            changed = sum(a != b for a, b in zip(before[block << 10:(block + 1) << 10], after[block << 10:(block + 1) << 10]))
            assert changed <= 400 if "map" in where else not changed, name


def test_a_bitmap_that_gives_its_own_group_away(tmp_path):
    """Without checksums: nothing is put where the inodes are. Linux says the same."""
    image = disk.make(tmp_path / "a", 24, "-b", 1024, kind="ext3")
    at = int(re.search(r"Block bitmap at (\d+)", disk.tool("dumpe2fs", image)).group(1))
    with open(image, "r+b") as stream:
        stream.seek(at * 1024)
        stream.write(bytes(1024))
    with Guest(disk.drive(image)) as guest:
        guest.mount()
        guest.says("dd if=/dev/urandom of=/m/new bs=1024 count=3000 2>/dev/null; sync; dmesg | tail -3", "block bitmap of group 0 says")
        guest.off()
    text = disk.tool("e2fsck", "-fn", image, ok=(4,))
    assert "Unconnected" not in text and "Clear" not in text, text


def test_fewer_inodes_in_a_group_than_are_reserved(tmp_path):
    """mke2fs makes groups of eight inodes, and the first ten of all are its own: the rest can be used up, and no more."""
    image = disk.make(tmp_path / "a", 32, "-b", 1024, "-N", 16, "-O", "^resize_inode")
    with Guest(disk.drive(image)) as guest:
        guest.mount()
        guest.says("cd /m; for n in $(seq 40); do mkdir $n 2>/dev/null && echo made; done | grep -c made", r"\b21\b")
        guest.says("rmdir 7; touch new && echo made; touch more 2>&1", r"made(?s:.*)No space left")
        guest.off()
    disk.check(image)


def test_files_that_are_older_than_extents(tmp_path):
    """A file of an ext3 that has become an ext4 keeps its block map, and ends where that ends; others do not."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "old").write_bytes(bytes(100000))
    image = disk.make(tmp_path / "a", 24, "-b", 1024, kind="ext3", tree=tree)
    disk.tool("tune2fs", "-O", "extents,huge_file", image)
    most = (12 + 256 + 256 ** 2 + 256 ** 3) * 1024
    with Guest(disk.drive(image)) as guest:
        guest.mount()
        guest.says("truncate -s %d /m/old 2>&1; stat -c %%s /m/old" % (most + 1), r"File too large(?s:.*)\n100000\b")
        guest.says("echo x | dd of=/m/old bs=1024 seek=%d conv=notrunc 2>&1; stat -c %%s /m/old" % (most // 1024), r"(File too large|Invalid argument)(?s:.*)\n100000\b")
        guest.says("truncate -s %d /m/old 2>&1; stat -c %%s /m/old" % most, r"\b%d\b" % most)
        guest.says("truncate -s %d /m/new 2>&1; stat -c %%s /m/new" % (most + 1), r"\b%d\b" % (most + 1))
        guest.off()
    disk.check(image)


@pytest.mark.parametrize("kind,options", [("ext4", ()), ("ext4", ("-b", 1024, "-J", "size=1")), ("ext2", ("-b", 2048))])
def test_names_that_four_processes_move(tmp_path, kind, options):
    """user/tests/disk_race.c: renames of directories into each other, and everything else that changes names, at once."""
    image = disk.make(tmp_path / "a", 24, *options, kind=kind)
    answer = usertest.run_many(kernel(), ["disk_race"], cap=200, watch=True, extra=disk.drive(image), disks=[image], smp=4, append="SEED=%d seconds=180" % random.getrandbits(20))["disk_race"]
    assert answer.ended == "exit 0" and "as it should be" in answer.output, answer.output[-2000:]
    disk.check(image)


@pytest.mark.parametrize("kind,options", [("ext4", ()), ("ext4", ("-b", 1024, "-J", "size=1")), ("ext3", ("-b", 1024)), ("ext2", ("-b", 2048))])
def test_random_work_on_one_file(tmp_path, kind, options):
    """user/tests/disk_ops.c: by all ways of writing, and compared with a copy in memory."""
    image = disk.make(tmp_path / "a", 24, *options, kind=kind)
    answer = usertest.run_many(kernel(), ["disk_ops"], cap=200, watch=True, extra=disk.drive(image), disks=[image], append="SEED=%d seconds=180" % random.getrandbits(20))["disk_ops"]
    assert answer.ended == "exit 0" and "as it should be" in answer.output, answer.output[-2000:]
    disk.check(image)
