"""What is taken of a submission: the regular files that the lab names, and nothing else.

Nothing is unpacked: members of the archive are read, one by one, under limits. Each thing that is left out is told in a line. A submission is a tarball
(plain or compressed), a zip, or a folder. A file is known by its path from the lab's folder on (`07-processes/proc/cow.c`, with or without `labs/` or another
folder in front), or without the lab's folder (`proc/cow.c`), or in a folder of loose files by its last name, where only one file of the lab has it."""
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

FILE_LIMIT = 256 << 10
MEMBERS = 2000
READ_LIMIT = 64 << 20  # of what an archive unfolds to, before it is put away
PATIENCE = 100         # reads at the end of an archive

UNREADABLE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, OSError, RuntimeError)


class Refused(Exception):
    """There is nothing in it that can be graded; the text says why."""


@dataclass
class Taken:
    files: dict = field(default_factory=dict)  # path below labs/NN-name -> bytes
    notes: list = field(default_factory=list)

    def note(self, name, why):
        if len(self.notes) < 40:
            self.notes.append("%s: %s" % (re.sub(r"[^\x20-\x7e]", "?", name)[:120], why))


def lab_of(names, labs):
    """The one lab whose folder the names are in; None if that is none or several."""
    found = {lab.stage for name in names for lab in labs if lab.name in Path(name).parts}
    return found.pop() if len(found) == 1 else None


def _place(name, lab):
    """The lab's file that this name means, or None."""
    parts = [p for p in name.split("/") if p not in ("", ".")]
    if ".." in parts or name.startswith("/"):
        return None
    if lab.name in parts:
        rest = "/".join(parts[len(parts) - parts[::-1].index(lab.name):])
        return rest if rest in lab.files else None
    whole = "/".join(parts)
    if whole in lab.files:
        return whole
    if len(parts) == 1:
        fits = [f for f in lab.files if f.rpartition("/")[2] == whole]
        return fits[0] if len(fits) == 1 else None
    return None


def _take(taken, lab, name, kind, size, read):
    place = _place(name, lab)
    if place is None:
        if kind != "folder":
            taken.note(name, "not a file of lab %02d: ignored" % lab.stage)
    elif kind != "file":
        taken.note(name, "a %s, not a regular file: refused" % kind)
    elif size < 0:  # what a tar's header can say, and some versions of tarfile take for the rest of the archive
        taken.note(name, "of a size below 0: refused")
    elif size > FILE_LIMIT:
        taken.note(name, "longer than %d KiB: refused" % (FILE_LIMIT >> 10))
    else:
        data = read()
        if len(data) > FILE_LIMIT:
            taken.note(name, "longer than %d KiB: refused" % (FILE_LIMIT >> 10))
            return
        if place in taken.files:
            taken.note(name, "comes twice: the last one is taken")
        taken.files[place] = data


class _Limited:
    """A stream that gives no more than READ_LIMIT: an archive may unfold to more than the machine has. Who goes on asking at its end is sent away: tarfile would skip
    a member that says to be of 2^80 bytes piece by piece, whether there is anything or not."""

    def __init__(self, stream):
        self.stream, self.left, self.asked_in_vain = stream, READ_LIMIT, 0

    def read(self, size=-1):
        data = self.stream.read(size if 0 <= size < self.left else self.left + 1)
        self.left -= len(data)
        if self.left < 0:
            raise Refused("the archive unfolds to more than %d MiB" % (READ_LIMIT >> 20))
        if size and not data:
            self.asked_in_vain += 1
            if self.asked_in_vain > PATIENCE:
                raise EOFError("it ends in the middle of a member")
        return data


def _from_tar(path, lab, taken):
    kinds = {tarfile.SYMTYPE: "symbolic link", tarfile.LNKTYPE: "hard link", tarfile.DIRTYPE: "folder"}
    opener = {b"\x1f\x8b": "gzip", b"BZ": "bz2", b"\xfd7": "lzma"}
    with open(path, "rb") as raw:
        magic = raw.read(2)
        raw.seek(0)
        stream = raw
        if magic in opener:
            stream = __import__(opener[magic]).open(raw)
        with tarfile.open(fileobj=_Limited(stream), mode="r|") as archive:
            for count, entry in enumerate(archive):
                if count >= MEMBERS:
                    taken.note("the rest", "more than %d members: ignored" % MEMBERS)
                    break
                kind = "file" if entry.isreg() else kinds.get(entry.type, "special file")
                _take(taken, lab, entry.name, kind, entry.size, lambda: archive.extractfile(entry).read(FILE_LIMIT + 1))


def _from_zip(path, lab, taken):
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist()[:MEMBERS]:
            mode = entry.external_attr >> 16
            kind = "folder" if entry.is_dir() else "symbolic link" if stat.S_ISLNK(mode) else "file"

            def read():
                with archive.open(entry) as stream:
                    return stream.read(FILE_LIMIT + 1)
            _take(taken, lab, entry.filename, kind, entry.file_size, read)


def _from_folder(path, lab, taken):
    count = 0
    for top, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names) + [f for f in folders if os.path.islink(os.path.join(top, f))]:
            count += 1
            if count > MEMBERS:
                return
            full = os.path.join(top, name)
            mode = os.lstat(full).st_mode
            kind = "file" if stat.S_ISREG(mode) else "symbolic link" if stat.S_ISLNK(mode) else "special file"

            def read(full=full):
                descriptor = os.open(full, os.O_RDONLY | os.O_NOFOLLOW)
                with os.fdopen(descriptor, "rb") as stream:
                    return stream.read(FILE_LIMIT + 1)
            _take(taken, lab, os.path.relpath(full, path), kind, os.lstat(full).st_size, read)


def names_in(path):
    """The names of what is in it, for finding out which lab it is of."""
    if os.path.isdir(path):
        return [os.path.relpath(os.path.join(top, n), path) for top, _, names in os.walk(path) for n in names][:MEMBERS]
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return archive.namelist()[:MEMBERS]
        probe = Taken()

        class Any:
            stage, name, files = 0, "\0", ()
        names = []
        probe.note = lambda name, why: names.append(name)
        _from_tar(path, Any, probe)
        return names
    except UNREADABLE as error:
        raise Refused("%s cannot be read as an archive: %s" % (os.path.basename(path), error)) from error


def take(path, lab):
    """The Taken of a submission to this lab. Refused if none of the lab's files is in it."""
    taken = Taken()
    try:
        if os.path.isdir(path):
            _from_folder(path, lab, taken)
        elif zipfile.is_zipfile(path):
            _from_zip(path, lab, taken)
        else:
            _from_tar(path, lab, taken)
    except UNREADABLE as error:
        raise Refused("%s cannot be read as an archive: %s" % (os.path.basename(path), error)) from error
    for name in lab.files:
        if name not in taken.files:
            taken.note("%s/%s" % (lab.name, name), "not handed in: the skeleton's stands in its place")
    if not taken.files:
        raise Refused("none of the files of lab %02d is in it (%s)\n%s" % (lab.stage, " ".join(lab.files), "\n".join(taken.notes)))
    return taken
