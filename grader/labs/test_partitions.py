"""Partition tables as they are found: what is a table and what is not, where a partition ends, and what becomes of them when the table is written anew. The answers are Linux's,
but for what is said of them."""
import re
import struct
import zlib

import pytest

from harness import disk
from labs.test_disk import Guest

LINUX_DATA = bytes.fromhex("af3dc60f838472478e793d69d8477de4")
PARTS = [(100, 1000), (2000, 2999), None, (3000, 3500)]


def mbr_entry(kind, first, sectors, status=0):
    return struct.pack("<B3sB3sII", status, b"\0\2\0", kind, b"\xff\xff\xff", first, sectors)


def put_mbr(f, entries, at=0, block=512):
    f.seek(at * block + 446)
    f.write(b"".join(entries).ljust(64, b"\0") + b"\x55\xaa")


def gpt(path, parts=PARTS, block=512, protective=None, last=None, bad=()):
    """A table of `parts` (first and last block, None for an empty entry) and its copy. bad: "first", "second" and "entries" have wrong checksums."""
    size = (16 << 20) // block
    entries = b"".join(LINUX_DATA + bytes([7] * 15 + [n]) + struct.pack("<QQQ72x", *part, 0) if part else bytes(128) for n, part in enumerate(parts)).ljust(128 * 128, b"\0")
    room = len(entries) // block

    def header(at, other, where, wrong):
        head = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, at, other, 2 + room, last or size - room - 2, bytes(16), where, 128, 128, zlib.crc32(entries))
        return head[:16] + struct.pack("<I", zlib.crc32(head) ^ wrong) + head[20:]

    with open(path, "wb") as f:
        f.truncate(16 << 20)
        put_mbr(f, protective or [mbr_entry(0xee, 1, size - 1)])
        for at, other, where, name in ((1, size - 1, 2, "first"), (size - 1, 1, size - 1 - room, "second")):
            f.seek(at * block)
            f.write(header(at, other, where, name in bad))
            f.seek(where * block)
            f.write(b"\1" + entries[1:] if "entries" in bad and name == "first" else entries)
    return path


def mbr(path, entries, block=512, logical=()):
    with open(path, "wb") as f:
        f.truncate(16 << 20)
        put_mbr(f, entries)
        for at, table in logical:
            put_mbr(f, table, at, block)
    return path


NONE = bytes(16)
FOUND = "1@100+901 2@2000+1000 4@3000+501"
TABLES = {
    "overlapping": (lambda p: gpt(p, [(100, 1000), (500, 1500), (100, 1000)]), "1@100+901 2@500+1001 3@100+901"),
    "the copy is bad": (lambda p: gpt(p, bad=("second",)), FOUND),
    # UEFI 5.3.2: then the copy is used. Linux does so only with gpt on its command line.
    "the first is bad": (lambda p: gpt(p, bad=("first",)), FOUND),
    "its entries are bad": (lambda p: gpt(p, bad=("entries",)), FOUND),
    "both are bad": (lambda p: gpt(p, bad=("first", "second")), ""),
    "its MBR covers too little": (lambda p: gpt(p, protective=[mbr_entry(0xee, 1, 100)]), FOUND),
    "its MBR starts too late": (lambda p: gpt(p, protective=[mbr_entry(0xee, 2, 100)]), ""),
    "its MBR has a strange status": (lambda p: gpt(p, protective=[mbr_entry(0xee, 1, 32767, status=1)]), FOUND),
    "its MBR has others too": (lambda p: gpt(p, protective=[mbr_entry(0x83, 100, 901), mbr_entry(0xee, 1, 99)]), FOUND),
    "some are past the end": (lambda p: gpt(p, [(100, 1000), (20000, 40000), (32700, 32767), (1, 50), (500, 400)]), "1@100+901 3@32700+68 4@1+50"),
    "the disk was larger": (lambda p: gpt(p, last=90000), ""),
    "an MBR's are past the end": (lambda p: mbr(p, [mbr_entry(0x83, 63, 1000), mbr_entry(0x83, 2000, 100000), mbr_entry(0x83, 90000, 5), mbr_entry(0, 3000, 100)]), "1@63+1000 2@2000+30768 4@3000+100"),
    "logical ones are past the end": (lambda p: mbr(p, [mbr_entry(0x83, 63, 1000), mbr_entry(15, 2000, 10000), NONE, mbr_entry(0x83, 20000, 100)],
                                                    logical=[(2000, [mbr_entry(0x83, 63, 500), mbr_entry(5, 1000, 2000)]), (3000, [mbr_entry(0x83, 63, 90000), mbr_entry(5, 4000, 2000)]),
                                                             (6000, [mbr_entry(0x83, 63, 500)])]), "1@63+1000 2@2000+2 4@20000+100 5@2063+500 6@3063+29705 7@6063+500"),
    "the whole disk": (lambda p: mbr(p, [NONE, NONE, NONE, mbr_entry(0x83, 0, 32768)]), "4@0+32768"),
    "a strange status": (lambda p: mbr(p, [mbr_entry(0x83, 63, 1000, status=7)]), ""),
    "nothing is in it": (lambda p: mbr(p, [NONE]), ""),
}
SHOW = "for q in /sys/block/%s/%s*; do [ -e $q/partition ] && echo -n \"$(cat $q/partition)@$(cat $q/start)+$(cat $q/size) \"; done; echo ."


def test_what_is_a_table(tmp_path):
    images = [make(tmp_path / str(n)) for n, (make, _) in enumerate(TABLES.values())]
    with Guest(*(disk.drive(image, n) for n, image in enumerate(images))) as guest:
        guest.run("mount -t sysfs s /sys")
        for n, (name, (_, wanted)) in enumerate(TABLES.items()):
            node = "vd" + chr(97 + n)
            assert re.search(r"(?m)^(.*)\.\s*$", guest.run(SHOW % (node, node))).group(1).strip() == wanted, name


@pytest.mark.parametrize("device", ["virtio-blk-pci", "nvme"])
def test_blocks_of_4096_bytes(tmp_path, device):
    """Tables count in blocks of the disk."""
    first, second = gpt(tmp_path / "a", block=4096), mbr(tmp_path / "b", [mbr_entry(0x83, 10, 100), mbr_entry(5, 1000, 2000)], 4096,
                                                         [(1000, [mbr_entry(0x83, 2, 100), mbr_entry(5, 200, 300)]), (1200, [mbr_entry(0x83, 2, 100)])])
    options = {"logical_block_size": 4096, "physical_block_size": 4096}
    with Guest(*(disk.drive(image, n, device, serial="s%d" % n, **options) for n, image in enumerate((first, second)))) as guest:
        guest.run("mount -t sysfs s /sys")
        for node, wanted in zip(("vda", "vdb") if device != "nvme" else ("nvme0n1", "nvme1n1"), ("1@800+7208 2@16000+8000 4@24000+4008", "1@80+800 2@8000+8 5@8016+800 6@9616+800")):
            assert re.search(r"(?m)^(.*)\.\s*$", guest.run(SHOW % (node, node))).group(1).strip() == wanted, node


def test_a_table_is_read_again(tmp_path):
    """BLKRRPART: as long as a partition is mounted or open nothing changes; then there are those of the new table, in /dev, /proc and /sys. One that went cannot be opened by a node of its own."""
    image = mbr(tmp_path / "a", [NONE])
    tables = [[mbr_entry(0x83, 100, 1000), mbr_entry(0x83, 2000, 8000)], [mbr_entry(0x83, 100, 1000), mbr_entry(0x83, 2000, 8000), mbr_entry(0x83, 11000, 500)],
              [mbr_entry(0x83, 100, 2000), NONE, mbr_entry(0x83, 11000, 600)], [NONE]]
    content = tmp_path / "tables"
    content.write_bytes(b"".join(b"".join(table).ljust(64, b"\0") + b"\x55\xaa" + bytes(446) for table in tables))
    with Guest(disk.drive(image), disk.drive(content, 1), disk.drive(disk.make(tmp_path / "c", 2, kind="ext2"), 2)) as guest:
        guest.run("mount -t sysfs s /sys; mknod /tmp/second b 254 2")

        def write(number):
            guest.run("dd if=/dev/vdb bs=1 skip=%d count=66 2>/dev/null | dd of=/dev/vda bs=1 seek=446 conv=notrunc 2>/dev/null" % (number * 512))

        def found(wanted):
            parts = re.findall(r"(\d)@\d+\+(\d+)", wanted)
            assert re.search(r"(?m)^(.*)\.\s*$", guest.run(SHOW % ("vda", "vda"))).group(1).strip() == wanted
            assert re.findall(r"vda(\d)\b", guest.run("ls /dev | grep vda")) == [p for p, _ in parts]
            assert re.findall(r"(\d+) vda(\d)\b", guest.run("cat /proc/partitions")) == [(str(int(n) // 2), p) for p, n in parts]
            assert sorted(re.findall(r"vda(\d)\b", guest.run("ls /sys/class/block"))) == [p for p, _ in parts]

        again, busy = "blockdev --rereadpt /dev/vda && echo do''ne", "resource busy"
        guest.says("cat /tmp/second 2>&1", "No such device or address")
        write(0)
        found("")
        guest.says(again, "done")
        found("1@100+1000 2@2000+8000")
        guest.says("blockdev --rereadpt /dev/vda1 2>&1", "Invalid argument")
        guest.says("dd if=/dev/vdc of=/tmp/second bs=64k 2>/dev/null; mount -t ext2 /dev/vda2 /m && exec 3</dev/vda1; blockdev --getsz /tmp/second", r"\b8000\b")
        write(1)
        guest.says(again, busy)
        found("1@100+1000 2@2000+8000")
        guest.says("umount /m; " + again, busy)
        guest.says("exec 3<&-; " + again, "done")
        found("1@100+1000 2@2000+8000 3@11000+500")
        write(2)
        guest.says(again, "done")
        found("1@100+2000 3@11000+600")
        guest.says("cat /tmp/second 2>&1; blockdev --getsz /dev/vda1; ls /sys/block/vda/vda2 2>&1", r"No such device or address\s+2000\s.*No such file")
        write(0)
        guest.says(again, "done")
        found("1@100+1000 2@2000+8000")
        guest.says("mount -t ext2 /tmp/second /m && ls /m && umount /m", "lost.found")
        guest.says("mount -t ext2 /dev/vdc /m && blockdev --rereadpt /dev/vdc", busy)
        # Those that come back are told of by what was told of them before.
        slab = "i=0; while [ $i -lt 300 ]; do blockdev --rereadpt /dev/vda; i=$((i + 1)); done; grep ^Slab: /proc/meminfo"
        before, after = (int(re.search(r"Slab:\s+(\d+)", guest.run(slab)).group(1)) for _ in range(2))
        assert after < before + 30, "300 times: %d KiB more" % (after - before)
        write(3)
        guest.says(again, "done")
        found("")


def test_read_only_by_a_word(tmp_path):
    """BLKROSET: neither written nor mounted to be written, until it is taken back; a disk that is read-only itself stays so. Opening is no matter."""
    first, second = disk.make(tmp_path / "a", 8), disk.make(tmp_path / "b", 8)
    with Guest(disk.drive(first), ("-drive", "file=%s,format=raw,if=none,id=disk1,readonly=on" % second, "-device", "virtio-blk-pci,drive=disk1")) as guest:
        write = "dd if=/dev/zero of=/dev/%s bs=512 count=1 2>&1"
        guest.says("mount -t sysfs s /sys; blockdev --setro /dev/vda; blockdev --getro /dev/vda; cat /sys/block/vda/ro", r"1\s+1$")
        guest.says("exec 4<>/dev/vda && echo op''en; " + write % "vda", "open(?s:.*)not permitted")
        guest.says("exec 4>&-; mount -t ext4 /dev/vda /m && grep /m /proc/mounts; umount /m", "ext4 ro,")
        guest.says("blockdev --setrw /dev/vda; blockdev --getro /dev/vda; " + write % "vda", r"\b0\s+1\+0")
        guest.says("blockdev --setrw /dev/vdb; blockdev --getro /dev/vdb; exec 4<>/dev/vdb && echo op''en; " + write % "vdb", r"\b1\s+open(?s:.*)not permitted")
