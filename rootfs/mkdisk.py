#!/usr/bin/env python3
"""A disk image with ext4 from an initramfs image, without being root: mkdisk.py IMAGE.cpio[.gz] OUT MEGABYTES.

mke2fs takes the files from a folder; what a user cannot make there (owners, device nodes) debugfs puts in afterwards."""
import gzip
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path


def members(data):
    """(name, fields, contents) of newc archives, one behind the other."""
    at = 0
    while at + 110 <= len(data):
        if data[at:at + 1] == b"\0":
            at += 1
            continue
        if data[at:at + 6] != b"070701":
            sys.exit("mkdisk: no newc archive at byte %d" % at)
        f = [int(data[at + 6 + 8 * n:at + 14 + 8 * n], 16) for n in range(13)]
        name = data[at + 110:at + 110 + f[11] - 1].decode()
        start = (at + 110 + f[11] + 3) & ~3
        at = (start + f[6] + 3) & ~3
        if name != "TRAILER!!!":
            yield name.lstrip("/"), f, data[start:start + f[6]]


def unpack(data, tree):
    """Files into the folder; debugfs's commands for the rest."""
    commands, links, modes = [], {}, []
    for name, f, contents in members(data):
        inode, mode, uid, gid, count = f[:5]
        path = tree / name
        if name in ("", "."):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISDIR(mode):
            path.mkdir(exist_ok=True)
            modes.append((path, stat.S_IMODE(mode)))
        elif stat.S_ISLNK(mode):
            path.unlink(missing_ok=True)
            path.symlink_to(contents.decode())
        elif stat.S_ISREG(mode):
            path.unlink(missing_ok=True)
            if count > 1 and inode in links:
                os.link(links[inode], path)
            if contents or not path.exists():
                path.write_bytes(contents)
            links[inode] = path
            modes.append((path, stat.S_IMODE(mode)))
        else:
            kind = "p" if stat.S_ISFIFO(mode) else "%s %d %d" % ("c" if stat.S_ISCHR(mode) else "b", f[9], f[10])
            commands += ["cd /" + os.path.dirname(name), "mknod %s %s" % (os.path.basename(name), kind), "cd /", 'sif "/%s" mode 0%o' % (name, mode)]
        if (uid, gid) != (os.getuid(), os.getgid()):
            commands += ['sif "/%s" uid %d' % (name, uid), 'sif "/%s" gid %d' % (name, gid)]
    # Folders last, and from below: one without the right to write must still take its files.
    for path, mode in reversed(modes):
        path.chmod(mode | stat.S_IRUSR)
        if not mode & stat.S_IRUSR:
            commands.append('sif "/%s" mode 0%o' % (path.relative_to(tree), mode | (stat.S_IFDIR if path.is_dir() else stat.S_IFREG)))
    return commands


def main():
    image, out, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    data = image.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    new = out.with_suffix(".new")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        tree.mkdir(mode=0o755)
        commands = unpack(data, tree)
        script = Path(folder) / "commands"
        script.write_text("\n".join(commands) + "\n")
        new.unlink(missing_ok=True)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", str(tree), str(new), "%dM" % size], check=True)
        subprocess.run(["debugfs", "-w", "-f", str(script), str(new)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    new.replace(out)


if __name__ == "__main__":
    main()
