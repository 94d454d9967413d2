"""Errors of a disk, injected by QEMU's blkdebug: who is told, what becomes of the file system, and what is left on the disk. The same was done with Linux 6.1."""
import json
import re

import pytest

from harness import disk
from labs.test_disk import Guest

DEVICES = {"virtio": ("virtio-blk-pci,drive=bad,werror=report,rerror=report", "/dev/vda"), "nvme": ("nvme,serial=s,drive=bad", "/dev/nvme0n1")}


def failing(path, device, *rules):
    """QEMU's words for a disk on which each (kind, block of 4 KiB) of the rules fails for ever."""
    inject = [{"event": "none", "iotype": kind, "errno": 5, "once": False, "sector": block * 8} for kind, block in rules]
    spec = {"driver": "blkdebug", "node-name": "bad", "image": {"driver": "file", "filename": str(path)}, "inject-error": inject}
    return ("-blockdev", json.dumps(spec), "-device", DEVICES[device][0])


def mounted(guest, **how):
    """The kernel says what it has to say to its log alone: on the console it would come in the middle of what commands say."""
    guest.run("dmesg -n 1")
    guest.mount(**how)


def make(tmp_path):
    tree = tmp_path / "tree"
    (tree / "dir").mkdir(parents=True)
    for n in range(60):
        (tree / "dir" / ("a_name_that_is_long_%d" % n)).write_text("%d\n" % n)
    (tree / "data").write_bytes(bytes(range(256)) * 400)
    return disk.make(tmp_path / "a", 48, "-b", 4096, "-I", 256, tree=tree)


def place(image, what):
    """The first block of what debugfs is asked for."""
    return int(re.search(r"^\d+", disk.tool("debugfs", "-R", "blocks " + what, image), re.M)[0])


def state(image):
    return [line.split(":")[1].strip() for line in disk.tool("dumpe2fs", "-h", image).splitlines() if line.startswith("Filesystem state")][0]


@pytest.mark.parametrize("device", ["virtio", "nvme"])
def test_every_open_file_is_told_once(tmp_path, device):
    """Of data that could not be written fsync tells each file that was open by then, once; one that is opened when it was told to others hears nothing of it."""
    image = make(tmp_path)
    with Guest(failing(image, device, ("write", place(image, "data")))) as guest:
        mounted(guest, device=DEVICES[device][1])
        guest.run("cd /m; exec 3<>data 4<>data; s() { dd if=/dev/zero count=0 conv=fsync >&$1 2>/tmp/e && echo f''d $1 fine || echo f''d $1 $(grep -o 'I.* error' /tmp/e); }")
        guest.says("head -c 4096 /dev/zero >&3; s 3; s 3; s 4; s 4", r"fd 3 Input/output error\s+fd 3 fine\s+fd 4 Input/output error\s+fd 4 fine")
        guest.says("exec 5<>data; s 5", "fd 5 fine")
        guest.says("dd if=/dev/zero of=data bs=4096 count=1 conv=notrunc 2>/dev/null; sync; exec 6<>data 7<>data; s 6; s 7; exec 8<>data; s 8; s 3; s 3",
                   r"fd 6 Input/output error\s+fd 7 Input/output error\s+fd 8 fine\s+fd 3 Input/output error\s+fd 3 fine")
        guest.says("exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-; cd /; umount /m && echo g''one", "gone")
        guest.machine.close()
    disk.check(image)


@pytest.mark.parametrize("what", ["a directory", "the block bitmap", "the inode bitmap"])
def test_what_must_be_read_cannot_be(tmp_path, what):
    """The file system is read-only from then on, with nothing half done on the disk, and the disk says that it has errors: to e2fsck, and to the next mount."""
    image = make(tmp_path)
    block = place(image, "dir") if what == "a directory" else int(disk.tool("dumpe2fs", image).split(what[4:].capitalize().replace("bitmap", "bitmap at "))[1].split()[0])
    with Guest(failing(image, "virtio", ("read", block))) as guest:
        mounted(guest, options="errors=remount-ro")
        guest.says("cat /m/dir/a_name_that_is_long_3 >/dev/null; touch /m/dir/new; rm -f /m/dir/a_name_that_is_long_4; rm -f /m/data; touch /m/x; echo re''sult $?", r"Read-only file system\s+result 1")
        guest.says("dmesg | grep 'cannot be read'; grep ' /m ' /proc/mounts; umount /m; echo al''ive", r"EXT4-fs error.*cannot be read[\s\S]* ro,[\s\S]*alive")
        guest.machine.close()
    disk.replay(image)
    disk.check(image)
    assert state(image) == "clean with errors"
    with Guest(disk.drive(image)) as guest:
        mounted(guest)
        guest.says("dmesg | grep -c 'it has errors'; echo y > /m/y; umount /m; echo d''one", r"1\s+done")
        guest.machine.close()
    disk.check(image)
    assert state(image) == "clean with errors"


def test_errors_continue(tmp_path):
    """What can be done is done still."""
    image = make(tmp_path)
    with Guest(failing(image, "virtio", ("read", place(image, "dir")))) as guest:
        mounted(guest, options="errors=continue")
        guest.says("cat /m/dir/a_name_that_is_long_3; touch /m/x && echo m''ade; umount /m; echo d''one", r"Input/output error\s+made\s+done")
        guest.machine.close()
    disk.check(image)
    assert state(image) == "clean with errors"


def test_the_log_cannot_be_written(tmp_path):
    """The log's own superblock says so for the next mount."""
    image = make(tmp_path)
    first = place(image, "<8>")
    with Guest(failing(image, "virtio", ("write", first + 5))) as guest:
        mounted(guest, options="errors=continue")
        guest.says("i=0; while [ $i -lt 30 ]; do echo $i > /m/f$i || break; sync; i=$((i+1)); done; touch /m/x; umount /m; echo d''one", r"Read-only file system\s+done")
        guest.machine.close()
    disk.replay(image)
    disk.check(image)
    assert state(image) == "clean with errors"


@pytest.mark.parametrize("device,options", [("virtio", "errors=remount-ro"), ("virtio", "errors=continue"), ("nvme", "errors=remount-ro")])
def test_a_flush_fails(tmp_path, device, options):
    """From the sixth flush on that has something to write the disk's cache cannot be emptied: whoever waits for it is told, nothing is written any more whatever errors= says, and what
    was safe is there afterwards."""
    image = make(tmp_path)
    rules = [{"event": "flush_to_disk", "state": n, "new_state": n + 1} for n in range(1, 6)]
    broken = [{"event": "flush_to_disk", "iotype": "flush", "state": 6, "errno": 5, "once": False}]
    spec = {"driver": "raw", "node-name": "bad", "file": {"driver": "blkdebug", "image": {"driver": "file", "filename": str(image)}, "set-state": rules, "inject-error": broken}}
    with Guest(("-blockdev", json.dumps(spec), "-device", DEVICES[device][0])) as guest:
        mounted(guest, device=DEVICES[device][1], options=options)
        guest.says("echo safe | dd of=/m/safe conv=fsync 2>/dev/null && echo do''ne", "done")
        guest.says("n=0; while [ $n -lt 20 ] && echo $n | dd of=/m/new conv=fsync; do n=$((n+1)); done 2>&1; echo at $n", r"(I/O error|Input/output error)(?s:.*)at \d\b")
        guest.says("echo x > /m/later", "Read-only file system")
        guest.says("cat /m/safe /m/dir/a_name_that_is_long_7; grep ' /m ' /proc/mounts", r"safe\s+7\s(?s:.*) ro,")
        guest.says("umount /m; echo alive > /tmp/x; cat /tmp/x", "alive")
    disk.replay(image)
    assert disk.tool("debugfs", "-R", "cat /safe", image).startswith("safe\n")
    disk.tool("e2fsck", "-fy", image, ok=(0, 1))
    disk.check(image)
