"""NVMe disks: what is read and written, by how many queues and which interrupts; what becomes of errors, of commands that are not answered, of a power cut. The names are
Linux's. The judges are Linux's own tools on the images."""
import hashlib
import random
import re

import pytest

from harness import disk, usertest
from harness.build import kernel, rootfs
from harness.qemu import Machine
from labs.scenarios import PROMPT
from labs.test_disk import Guest, gpt, judged_from_outside, noise


def controller(name="c0", **options):
    return ("-device", "nvme,id=%s,serial=%s" % (name, "serial-" + name) + "".join(",%s=%s" % (k, v) for k, v in options.items()))


def namespace(path, number, nsid, bus="c0", block=512, node=None):
    backing = () if node else ("-drive", "file=%s,format=raw,if=none,id=disk%d,cache=unsafe,discard=unmap" % (path, number))
    return (*backing, "-device", "nvme-ns,drive=%s,bus=%s,nsid=%d,logical_block_size=%d,physical_block_size=%d" % (node or "disk%d" % number, bus, nsid, block, block))


def one(path, number=0, **options):
    return disk.drive(path, number, device="nvme", serial="serial-%d" % number, **options)


def md5(data):
    return hashlib.md5(data).hexdigest()


@pytest.mark.parametrize("machine,smp,options,cmdline,queues", [
    ("pc", 1, {}, "", 1), ("q35", 4, {}, "", 4), ("pc", 4, {"max_ioqpairs": 2}, "", 2), ("pc", 4, {"msix_qsize": 1}, "", 4), ("q35", 2, {"msix_qsize": 2}, "", 2),
    ("pc", 2, {}, "pci=nomsi", 1), ("q35", 2, {}, "pci=nomsi", 1), ("pc", 2, {"mdts": 1}, "", 2)])
def test_a_disk_is_found_and_read(tmp_path, machine, smp, options, cmdline, queues):
    """With a queue for each CPU or fewer, a vector for each or for all, or the interrupt line; with transfers of half a MiB or of two pages."""
    image = noise(tmp_path / "a", 9)
    with Guest(one(image, **options), machine=machine, smp=smp, cmdline=cmdline) as guest:
        guest.says("dmesg | grep 'nvme0:'", "QEMU NVMe Ctrl, serial serial-0, %d queues for I/O%s" % (queues, ", by the interrupt line" if cmdline else ""))
        guest.says("md5sum /dev/nvme0n1", md5(image.read_bytes()))
        guest.says("blockdev --getsize64 /dev/nvme0n1", str(9 << 20))
        guest.says("dd if=/dev/nvme0n1 bs=512 skip=1000 count=7 iflag=direct 2>/dev/null | md5sum", md5(image.read_bytes()[512000:512000 + 3584]))
        if smp == 4 and not options:
            guest.run("for c in 1 2 4 8; do taskset $c dd if=/dev/nvme0n1 of=/dev/null bs=4k count=20 iflag=direct 2>/dev/null; done")
            lines = re.findall(r"^ *\d+: +(.*?) +PCI-MSI.*nvme0q([1-4])", guest.run("cat /proc/interrupts"), re.M)
            assert len(lines) == 4, lines
            for counts, queue in lines:
                counts = [int(c) for c in counts.split()]
                assert counts[int(queue) - 1] >= 20 and sum(counts) == counts[int(queue) - 1], "queue %s does not interrupt its own CPU: %s" % (queue, counts)


def test_names_and_numbers(tmp_path):
    """Namespaces are counted without gaps, numbers are of major 259 one after the other, and sysfs tells what the disk is."""
    first = noise(tmp_path / "a", 8)
    gpt(first, [(2048, 4095, "first"), (4096, 10000, "second")])
    second, third = noise(tmp_path / "b", 4, 2), noise(tmp_path / "c", 5, 3)
    with Guest(controller(), namespace(first, 0, 1), namespace(second, 1, 7, block=4096), one(third, 2)) as guest:
        guest.says("cat /proc/partitions", r"259\s+0\s+8192 nvme0n1\s+259\s+1\s+1024 nvme0n1p1\s+259\s+2\s+2952 nvme0n1p2\s+259\s+3\s+4096 nvme0n2\s+259\s+4\s+5120 nvme1n1")
        guest.says("md5sum /dev/nvme0n1p2 /dev/nvme0n2 /dev/nvme1n1", r"%s.*\s+%s.*\s+%s" % (md5(first.read_bytes()[4096 * 512:10001 * 512]), md5(second.read_bytes()), md5(third.read_bytes())))
        guest.says("mount -t sysfs s /sys; cat /sys/block/nvme0n1/device/serial /sys/class/nvme/nvme1/model", r"serial-c0 +\s+QEMU NVMe Ctrl")
        guest.says("cat /sys/block/nvme0n2/nsid /sys/block/nvme0n2/dev; cat /sys/block/nvme0n2/queue/logical_block_size /sys/block/nvme0n1/nvme0n1p1/dev", r"7\s+259:3\s+4096\s+259:1")
        guest.says("cat /sys/block/nvme0n1/queue/write_cache; ls -l /sys/dev/block/ | grep -c nvme", r"write back\s+5")


@pytest.mark.parametrize("smp,options", [(1, {}), (4, {"max_ioqpairs": 1})])
def test_more_readers_than_a_queue_holds(tmp_path, smp, options):
    """180 at a time on two disks that share one queue of 63 commands: each comes to its end."""
    images = [noise(tmp_path / name, 16, n) for n, name in enumerate("ab")]
    with Guest(controller(**options), namespace(images[0], 0, 1), namespace(images[1], 1, 2, block=4096), smp=smp) as guest:
        guest.run("r() { dd if=/dev/nvme0n$1 of=/dev/null bs=4096 skip=$(($2*40)) count=30 iflag=direct 2>/dev/null || echo b''ad; }")
        text = guest.run("i=0; while [ $i -lt 90 ]; do r 1 $i & r 2 $i & i=$((i+1)); done; md5sum /dev/nvme0n1 & md5sum /dev/nvme0n2 & wait; echo al''l", 150)
        assert "all" in text and "bad" not in text and all(md5(i.read_bytes()) in text for i in images), text


def test_a_disk_that_shares_a_full_queue(tmp_path):
    """All commands of the queue are a slow disk's; another's request, of which none is under way, has its turn all the same."""
    slow, other = noise(tmp_path / "a", 4), noise(tmp_path / "b", 4, 2)
    words = namespace(slow, 0, 1)
    with Guest(controller(), (words[0], words[1] + ",throttling.iops-total=30", *words[2:]), namespace(other, 1, 2), smp=1) as guest:
        guest.run("i=1; while [ $i -le 90 ]; do dd if=/dev/nvme0n1 of=/dev/null bs=4096 skip=$((i*10)) count=1 iflag=direct 2>/dev/null & i=$((i+1)); done")
        guest.says("dd if=/dev/nvme0n2 bs=4096 skip=9 count=1 iflag=direct 2>/dev/null | md5sum", md5(other.read_bytes()[36864:40960]))
        guest.says("wait; echo al''l", "all")


WORK = """cd /m; mkdir -p a c; cp /tmp/r a/r; ln a/r c/hard; dd if=/tmp/r of=sparse bs=1k seek=5000 count=3 2>/dev/null; cp /tmp/r gone & cp /tmp/r d; wait; rm gone
i=0; while [ $i -lt 200 ]; do echo text $i > c/name_$i; i=$((i+1)); done; sync; i=0; while [ $i -lt 200 ]; do rm c/name_$i; i=$((i+3)); done; dd if=/tmp/r of=a/r bs=3000 seek=2 count=5 conv=notrunc 2>/dev/null; cd /"""


@pytest.mark.parametrize("smp,block,options,fs", [(1, 512, {}, 1024), (4, 512, {}, 4096), (4, 4096, {}, 4096), (4, 512, {"mdts": 1, "max_ioqpairs": 1}, 1024), (2, 4096, {"msix_qsize": 2}, 4096)])
def test_work_on_a_file_system(tmp_path, smp, block, options, fs):
    image = disk.make(tmp_path / "a", 48, "-b", fs)
    with Guest(controller(**options), namespace(image, 0, 1, block=block), smp=smp) as guest:
        guest.mount(device="/dev/nvme0n1")
        guest.run("dd if=/dev/urandom of=/tmp/r bs=1k count=3000 2>/dev/null")
        for line in WORK.split("\n"):
            guest.run(line)
        guest.says("dmesg | grep -c 'I/O error\\|whole pages'; echo c''ount", r"(?m)^0\s+count")
        judged_from_outside(guest, image, tmp_path, 130)


def test_discard(tmp_path):
    """What is discarded is given back to the host; the rest stays."""
    a, b = noise(tmp_path / "a", 16), noise(tmp_path / "b", 16, 2)
    before = a.read_bytes(), b.read_bytes()
    with Guest(controller(), namespace(a, 0, 1), namespace(b, 1, 2, block=4096)) as guest:
        for device in "/dev/nvme0n1", "/dev/nvme0n2":
            guest.says("blkdiscard -o 1048576 -l 4194304 %s && echo d''one" % device, "done")
        guest.says("blkdiscard -o 512 -l 4096 /dev/nvme0n2; echo st''atus $?", "Invalid argument\\s+status 1")
    for path, was in zip((a, b), before):
        data = path.read_bytes()
        assert data[:1 << 20] == was[:1 << 20] and data[5 << 20:] == was[5 << 20:]
        assert path.stat().st_blocks * 512 <= (12 << 20) + 65536, "nothing was given back"


@pytest.mark.parametrize("block", [512, 4096])
def test_zeroes_and_whole_blocks(tmp_path, block):
    """Zeroes come to be by a few commands; what is no whole block is refused."""
    image = noise(tmp_path / "a", 16)
    before = image.read_bytes()
    run = usertest.run_many(kernel(), ["disk_blocks"], smp=2, watch=True, extra=[*controller(), *namespace(image, 0, 1, block=block)])
    told = run["disk_blocks"].output
    assert run["disk_blocks"].ended == "exit 0" and "\ndone\n" in told and "LEAK" not in told and ": no" not in told and "block = %d\n" % block in told, told
    assert told.count("EINVAL") == (4 if block > 512 else 0), told
    data = image.read_bytes()
    assert data[8 << 20:(9 << 20) + 4096] == bytes((1 << 20) + 4096) and data[:8 << 20] == before[:8 << 20] and data[(9 << 20) + 4096:] == before[(9 << 20) + 4096:]


def logged(path, log, intel=False):
    """As disk.logged_drive, as a namespace; of Intel's make, it is believed to keep FUA."""
    log.write_bytes(b"")
    return ("-blockdev", "driver=file,filename=%s,node-name=f0,cache.no-flush=on" % path, "-blockdev", "driver=file,filename=%s,node-name=l0,cache.no-flush=on" % log,
            "-blockdev", "driver=blklogwrites,node-name=lw0,file=f0,log=l0,log-sector-size=512,log-super-update-interval=1", "-device", "nvme,serial=s,drive=lw0,use-intel-id=%s" % ("on" if intel else "off"))


def test_power_cuts(tmp_path):
    """Flush reaches the device when it should: clean after every cut, and what was synced is there."""
    image = disk.make(tmp_path / "a", 24, "-J", "size=4", "-O", "^metadata_csum")
    base, log = image.read_bytes(), tmp_path / "log"
    with Guest(logged(image, log), smp=4) as guest:
        guest.mount(device="/dev/nvme0n1")
        guest.run("cd /m; i=0; while [ $i -lt 25 ]; do mkdir d$i; head -c $((i*1500+1)) /dev/urandom > d$i/f; mv d$i/f d$i/g; ln d$i/g l$i; [ $i -gt 4 ] && rm l$((i-4)); "
                  "dd if=/dev/null of=d$i/g conv=notrunc,fsync 2>/dev/null; i=$((i+1)); done; cd /")
        guest.off()
    entries = disk.read_log(log)
    assert len(entries) > 100
    chance, seen = random.Random(5), -1
    for n, at in enumerate(sorted(chance.sample(range(len(entries)), 36))):
        out = disk.cut(base, entries, at, ("prefix", "reorder", "torn")[n % 3], n, tmp_path / "cut")
        disk.replay(out)
        disk.check(out)
        there = max([int(x) for x in re.findall(r"/d(\d+)/", disk.tool("debugfs", "-R", "ls -p /", out))], default=-1)
        assert there >= seen - 1, "a directory that was synced is gone"
        seen = max(seen, there)
    assert seen > 10


@pytest.mark.parametrize("intel", [False, True])
def test_a_write_through_the_cache(tmp_path, intel):
    """The journal's superblock: by FUA, which QEMU takes and does not show in its record; to QEMU's own controller by a flush behind it, as it does not do what it takes."""
    image, log = disk.make(tmp_path / "a", 24, "-b", 1024, "-J", "size=4", "-O", "^metadata_csum"), tmp_path / "log"
    place = 2 * int(re.search(r"\d+", disk.tool("debugfs", "-R", "bmap <8> 0", image).splitlines()[0]).group())
    with Guest(logged(image, log, intel)) as guest:
        guest.mount(device="/dev/nvme0n1")
        guest.says("mount -t sysfs s /sys; cat /sys/block/nvme0n1/queue/fua", "1" if intel else "0")
        guest.off()
    entries = disk.read_log(log)
    behind = [entries[i + 1][3] & disk.FLUSH for i, (sector, data, _, _) in enumerate(entries) if sector == place and data]
    assert len(behind) >= 2 and all(bool(flush) is not intel for flush in behind), behind
    disk.check(image)


def unreadable(path, sector, once):
    return ("-blockdev", '{"driver":"blkdebug","node-name":"bad","image":{"driver":"file","filename":"%s"},"inject-error":[{"event":"none","iotype":"read","errno":5,"once":%s,"sector":%d}]}'
            % (path, once, sector), "-device", "nvme,serial=s,drive=bad")


def test_an_error_reaches_the_caller(tmp_path):
    """A sector that cannot be read is EIO, after it was tried again; its neighbours are read, and an error that does not last is not seen."""
    image = noise(tmp_path / "a", 4)
    data = image.read_bytes()
    with Guest(unreadable(image, 4096, "false")) as guest:
        guest.says("dd if=/dev/nvme0n1 of=/dev/null bs=4k skip=512 count=1 2>&1", "I/O error")
        guest.says("dd if=/dev/nvme0n1 of=/dev/null bs=512 skip=4096 count=1 iflag=direct 2>&1", "I/O error")
        guest.says("dmesg | grep -c 'opcode 0, sector 4096: status 281'", "[1-9]")
        guest.says("dd if=/dev/nvme0n1 bs=4k count=512 2>/dev/null | md5sum", md5(data[:2 << 20]))
        guest.says("dd if=/dev/nvme0n1 bs=4k skip=513 2>/dev/null | md5sum", md5(data[(2 << 20) + 4096:]))
    with Guest(unreadable(image, 4096, "true")) as guest:
        guest.says("md5sum /dev/nvme0n1; dmesg | grep -c 'I/O error'", md5(data) + r"\s+/dev/nvme0n1\s+0")


def test_a_file_system_on_a_failing_disk(tmp_path):
    image = disk.make(tmp_path / "a", 32)
    words = ("-blockdev", '{"driver":"blkdebug","node-name":"bad","image":{"driver":"file","filename":"%s"},"set-state":[%s],"inject-error":[{"event":"pwritev","iotype":"write","state":40,"errno":5,'
             '"once":false}]}' % (image, ",".join('{"event":"pwritev","state":%d,"new_state":%d}' % (n, n + 1) for n in range(1, 40))), "-device", "nvme,serial=s,drive=bad")
    with Guest(words) as guest:
        guest.mount(device="/dev/nvme0n1")
        guest.run("dmesg -n 1")  # what the kernel says of it comes at any time, and not in the middle of a line
        guest.says("i=0; while [ $i -lt 60 ]; do echo $i > /m/f$i || break; sync; i=$((i+1)); done; echo s''topped", "stopped")
        guest.says("touch /m/x 2>&1", "Read-only|I/O error")
        guest.says("dmesg | grep -c 'read-only from now on'", "1")
        guest.says("cat /m/f1; echo alive", "1\\s+alive")


@pytest.mark.parametrize("fault,retries,answer", [("lost:30", 2, None), ("lost:30:persist", 0, "I/O error")])
def test_a_command_that_is_not_answered(tmp_path, fault, retries, answer):
    """The controller is reset, and what it had is sent again; where no command is ever answered, the caller has an error and the machine goes on."""
    image = noise(tmp_path / "a", 9)
    with Guest(one(image), smp=2, cmdline="nvme_core.io_timeout=1 nvme_core.max_retries=%d fault=%s" % (retries, fault), debug=True) as guest:
        text = guest.run("md5sum /dev/nvme0n1 2>&1", 200)
        assert (answer or md5(image.read_bytes())) in text, text
        guest.says("dmesg | grep 'nvme0:'", "nvme0: a command is not answered, the controller is reset")
        if answer:
            guest.says("dmesg | grep -c 'I/O error, dev nvme0n1'; echo alive", r"[1-9]\d*\s+alive")


def test_the_root_on_a_disk(tmp_path):
    """Keeps what was changed over a restart; the controller is told before the power goes."""
    tree = tmp_path / "tree"
    tree.mkdir()
    disk.tool("sh", "-c", "zcat %s | cpio -idm --quiet --no-absolute-filenames" % rootfs("busybox"), cwd=tree, ok=(0, 2))
    (tree / "init").unlink(missing_ok=True)
    image = disk.make(tmp_path / "a", 48, tree=tree)
    for turn, smp in enumerate((1, 4)):
        with Machine(kernel(), cmdline="console=ttyS0 quiet panic=-1 root=/dev/nvme0n1 rw init=/bin/sh", smp=smp, icount=False, cap=120, extra=list(one(image))) as guest:
            guest.expect(PROMPT)
            guest.run("stty cols 4000", PROMPT, timeout=30)
            text = guest.run("cat /kept; echo turn >> /kept; mount -t proc proc /proc; mount; sync; echo d''one", PROMPT, timeout=30)
            assert "done" in text and text.count("turn") == turn and re.search(r"/dev/(root|nvme0n1) on / type ext4", text), text
            guest.run("mount -o remount,ro /; echo", PROMPT, timeout=30)
    disk.check(image)
