"""A repository of Alpine packages made from nothing: what apk 2.14 accepts of it, and no more."""
import base64
import gzip
import hashlib
import io
import tarfile
from pathlib import Path


def archive(members, form, end):
    """A tar file of (name, mode, content or None for a directory); without the blocks at its end for a control member."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, mode, content in members:
            info = tarfile.TarInfo(name)
            info.mode = mode
            if content is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(content)
                if form == tarfile.PAX_FORMAT:
                    info.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(content).hexdigest()}
            tar.addfile(info, io.BytesIO(content) if content is not None else None)
        length = tar.offset
    data = out.getvalue()
    return data if end else data[:length]


def member(data):
    return gzip.compress(data, mtime=0)


def package(name, version, files, depends=()):
    """(the package, its record in the index)."""
    folders = sorted({"/".join(path.split("/")[:n]) for path, _, _ in files for n in range(1, path.count("/") + 1)})
    data = member(archive([(f, 0o755, None) for f in folders] + list(files), tarfile.PAX_FORMAT, True))
    info = ["pkgname = " + name, "pkgver = " + version, "arch = x86_64", "size = %d" % sum(len(c) for _, _, c in files),
            "datahash = " + hashlib.sha256(data).hexdigest()] + ["depend = " + d for d in depends]
    control = member(archive([(".PKGINFO", 0o644, ("\n".join(info) + "\n").encode())], tarfile.USTAR_FORMAT, False))
    record = ["C:Q1" + base64.b64encode(hashlib.sha1(control).digest()).decode(), "P:" + name, "V:" + version, "A:x86_64",
              "S:%d" % (len(control) + len(data)), "I:18", "T:a package of the tests"] + (["D:" + " ".join(depends)] if depends else [])
    return control + data, "\n".join(record) + "\n\n"


def write(folder, packages):
    """Writes the repository below `folder`: packages are (name, version, [(path, mode, content)], depends)."""
    place = Path(folder) / "x86_64"
    place.mkdir(parents=True)
    index = ""
    for name, version, files, depends in packages:
        data, record = package(name, version, files, depends)
        (place / ("%s-%s.apk" % (name, version))).write_bytes(data)
        index += record
    members = [("DESCRIPTION", 0o644, b"tests\n"), ("APKINDEX", 0o644, index.encode())]
    (place / "APKINDEX.tar.gz").write_bytes(member(archive(members, tarfile.USTAR_FORMAT, True)))
