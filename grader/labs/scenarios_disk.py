"""Lab 10's scenarios: disks that programs have worked on are looked at from outside, by what QEMU has recorded of them and by Linux's tools.

The journal's lesson is one of order, which an image does not show at its end: so all writes of one run are recorded, the record is read, and disks as
a cut of the power leaves them are rebuilt from it (harness/disk.py)."""
import re
import struct
import tempfile
import zlib
from pathlib import Path

from harness import disk, usertest
from harness.chance import chance
from harness.qemu import GuestFailure

JOURNAL_MAGIC, JOURNAL_COMMIT, JOURNAL_SUPER = 0xc03b3998, 2, 4

SHARED = True
_recordings = {}  # the last one: two scenarios judge the same run


def _on_disk(kit, program, words, disks, seed=0):
    """Runs user/tests/PROGRAM.c with these images as disks: what it printed. It must end with 0."""
    # Not under icount: an idle guest's clock would run ahead of QEMU's disk, which works in the host's time.
    run = usertest.run_many(kit.image(), [program], cap=kit.cap(), watch=True, extra=words, disks=disks, append="SEED=%d seconds=%d" % (seed, kit.cap()))
    answer = run[program]
    if not answer.done:
        raise GuestFailure(run.complaint(program), run.trace_of(program))
    assert answer.ended == "exit 0", "wrong output: %s ended with `%s`\n%s" % (program, answer.ended, answer.output[-2000:])
    return answer.output


def lab_10_a_disk_is_read_and_written(kit):
    """Random contents, read and half overwritten by four programs at the same time; the image is looked at afterwards. Queues of several sizes, with event indices and without."""
    size, event_index, seed = chance.choice([8, 16, 256]), chance.choice(["on", "off"]), chance.getrandbits(20)
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "disk"
        before = chance.randbytes(2 << 20)
        image.write_bytes(before)
        told = _on_disk(kit, "disk_raw", disk.drive(image, **{"queue-size": size, "event_idx": event_index}), [image], seed)
        after = image.read_bytes()
    blocks = len(before) // 4096
    wanted = sum(zlib.crc32(before[b * 4096:(b + 1) * 4096]) * (b + 1) for b in range(blocks)) & 0xffffffff
    assert "sum %08x\n" % wanted in told, "wrong output: the disk (queue of %d, event_idx %s) is not read as it is\nexpected: a sum of %08x\nfound:    %s" % (
        size, event_index, wanted, told)
    assert after[:len(after) // 2] == before[:len(before) // 2], "wrong output: a block was written that nobody wrote"
    for b in range(blocks // 2, blocks):
        words = [(seed * 2654435761 + b * 1000003 + i) & 0xffffffff for i in range(1024)]
        assert after[b * 4096:(b + 1) * 4096] == struct.pack("<1024I", *words), "wrong output: block %d of the disk is not what was written" % b


def _recorded(kit):
    """A run of disk_sync on a disk whose writes are all recorded: the image before, the entries of the log, and for each mark (its place in the log, its number)."""
    key = (str(kit.image()), kit.image().stat().st_mtime_ns)
    if key not in _recordings:
        seed = chance.getrandbits(20)
        with tempfile.TemporaryDirectory() as folder:
            image, log = Path(folder) / "disk", Path(folder) / "log"
            with open(image, "wb") as f:
                f.truncate(9 << 20)
            # Without checksums, which would tell of what is missing: only the order of writes protects.
            disk.tool("mke2fs", "-q", "-F", "-t", "ext4", "-b", 1024, "-J", "size=1", "-O", "^metadata_csum", image, 8 << 10)
            base = image.read_bytes()
            _on_disk(kit, "disk_sync", disk.logged_drive(image, log), [image, log], seed)
            entries = disk.read_log(log)
        marks = [(i, int(data[5:12].rstrip(b"\0"))) for i, (_, data, _, _) in enumerate(entries) if data and data.startswith(b"MARK ")]
        assert len(marks) == 20, "wrong output: %d of 20 marks reached the disk" % len(marks)
        _recordings.clear()
        _recordings[key] = base, entries, marks, seed
    return _recordings[key]


def lab_10_the_write_log_shows_the_order(kit):
    """QEMU's record of all writes: each commit block alone, behind a flush of what it ends, and before one that precedes the next mark."""
    base, entries, marks, _ = _recorded(kit)
    log = 2 * next(b for b in range(len(base) // 1024) if struct.unpack(">2I", base[b * 1024:b * 1024 + 8]) == (JOURNAL_MAGIC, JOURNAL_SUPER))
    last, flushed, commits, pending = None, False, 0, None
    for at, (sector, data, _, flags) in enumerate(entries):
        if flags & (disk.FLUSH | disk.FUA):
            flushed, pending = True, None
        if not data:
            continue
        if data.startswith(b"MARK "):
            assert pending is None, "wrong output: fsync returned before the commit block was flushed (entry %d of the write log)" % at
        if not log < sector < log + 2048:
            continue
        heads = [struct.unpack(">2I", data[k:k + 8]) for k in range(0, len(data), 1024)]
        if (JOURNAL_MAGIC, JOURNAL_COMMIT) in heads:
            assert len(heads) == 1, "wrong output: a commit block was written together with blocks before it (entry %d of the write log)" % at
            assert last is None or flushed, "wrong output: a commit block was written without a flush between it and what it ends (entry %d of the write log)" % at
            commits, pending, last = commits + 1, at, None
        else:
            last, flushed = at, False
    assert commits >= len(marks), "wrong output: %d commit blocks for %d calls of fsync" % (commits, len(marks))


def lab_10_what_was_synced_survives_a_cut(kit):
    """Disks as a power cut leaves them, writes since the last flush lost or torn: e2fsck replays, finds no fault, and what was synced is there."""
    base, entries, marks, seed = _recorded(kit)
    with tempfile.TemporaryDirectory() as folder:
        for n, at in enumerate(sorted(chance.sample(range(marks[0][0] + 1, len(entries) + 1), 10))):
            out = disk.cut(base, entries, at, ("reorder", "torn")[n % 2], chance.getrandbits(30), Path(folder) / "cut")
            where = "after entry %d of %d of the write log" % (at, len(entries))
            try:
                disk.replay(out)
                disk.check(out)
                there = disk.dump(out, Path(folder) / ("files%d" % n))
            except AssertionError as error:
                raise AssertionError("wrong output: the power is cut %s, and the file system is damaged\n%s" % (where, error)) from None
            synced = max(k for i, k in marks if i < at)
            for k in range(max(0, synced - 2), synced + 1):
                path, wanted = there / ("d%d" % k) / "file", bytes((i * 7 + k * 13 + seed) & 255 for i in range(k * 700 + 1))
                assert path.exists() and path.read_bytes() == wanted, "wrong output: the power is cut %s\nexpected: d%d/file, which was synced\nfound:    %s" % (
                    where, k, "other contents" if path.exists() else "no such file")
            for k in range(synced - 3):
                assert not (there / ("d%d" % k)).exists(), "wrong output: the power is cut %s, and d%d is back, whose removal was synced" % (where, k)


def lab_10_a_journal_of_debugfs_is_replayed(kit):
    """debugfs writes transactions into a journal, with blocks that begin with the log's magic number, and revokes some; our replay is compared with e2fsck's."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        (top / "tree").mkdir()
        (top / "tree/victim").write_bytes(chance.randbytes(40 << 10))
        image = disk.make(top / "disk", 8, "-b", 1024, "-J", "size=1", "-O", chance.choice(["metadata_csum", "^metadata_csum", "^64bit,^metadata_csum"]), tree=top / "tree")
        blocks = [int(b) for b in disk.tool("debugfs", "-R", "blocks /victim", image).split() if b.isdigit()]
        commands = ["jo"]
        for n in range(12):
            mine = chance.sample(blocks, chance.randrange(1, 9))
            data = b"".join((struct.pack(">I", JOURNAL_MAGIC) if chance.random() < 0.3 else chance.randbytes(4)) + chance.randbytes(1020) for _ in mine)
            (top / ("data%d" % n)).write_bytes(data)
            commands.append("jw -b %s %s" % (",".join(map(str, mine)), top / ("data%d" % n)))
            if n % 3 == 1:
                commands.append("jw -r " + ",".join(map(str, chance.sample(blocks, chance.randrange(1, 9)))))
        (top / "commands").write_text("\n".join(commands + ["jc", ""]))
        disk.tool("debugfs", "-w", "-f", top / "commands", image)
        theirs = top / "theirs"
        theirs.write_bytes(image.read_bytes())
        disk.replay(theirs)
        _on_disk(kit, "disk_mount", disk.drive(image), [image])
        wanted, got = theirs.read_bytes(), image.read_bytes()
        wrong = [b for b in blocks if wanted[b * 1024:(b + 1) * 1024] != got[b * 1024:(b + 1) * 1024]]
        assert not wrong, "wrong output: after replay %d of %d blocks are not what e2fsck makes of the same journal: %s\n%s" % (
            len(wrong), len(blocks), wrong[:10], disk.tool("debugfs", "-R", "logdump -O", image)[-1500:])
        try:
            disk.check(image)
        except AssertionError as error:
            raise AssertionError("wrong output: after replay and unmounting\n%s" % error) from None


def lab_10_an_error_of_the_disk_is_told(kit):
    """The disk refuses all writes from one of them on: the caller hears of it, the file system writes no more, the rest lives."""
    with tempfile.TemporaryDirectory() as folder:
        image, last = disk.make(Path(folder) / "disk", 16, "-b", 1024), chance.randrange(45, 80)
        states = ",".join('{"event":"pwritev","state":%d,"new_state":%d}' % (n, n + 1) for n in range(1, last))
        words = ("-blockdev", '{"driver":"blkdebug","node-name":"bad","image":{"driver":"file","filename":"%s"},"set-state":[%s],'
                 '"inject-error":[{"event":"pwritev","iotype":"write","state":%d,"errno":5,"once":false}]}' % (image, states, last),
                 "-device", "virtio-blk-pci,drive=bad,werror=report")
        told = _on_disk(kit, "disk_error", words, [image])
        wanted = "some were written: yes\nthen: EIO or EROFS\na new file: refused\nthe first file: as it was\nanother file system: works\n"
        # What the kernel says of the disk comes when its requests end, in the middle of the program's lines too.
        said = re.sub(r"(I/O error, dev vda|vda: |EXT4-fs ).*\n", "", told.replace("\r", ""))
        assert wanted in said, "wrong output: a disk that fails from its write number %d on\nexpected: %s\nfound:    %s" % (last, wanted, told)
        try:
            disk.replay(image)
            disk.check(image)
        except AssertionError as error:
            raise AssertionError("wrong output: what the failing disk held before is damaged\n%s" % error) from None
