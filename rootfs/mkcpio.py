#!/usr/bin/python3
"""Write an initramfs (cpio "newc", gzip) from a recipe, without root and reproducibly.

A recipe is a list of tree edits, one a line; a later line overrides an earlier one:

    tar    ARCHIVE                          take all of a tar archive: modes, owners, links as they are
    tree   PATH DIRECTORY [MODE]            take a folder of the host; owners become 0:0
    dir    PATH MODE UID GID
    file   PATH MODE UID GID SOURCE
    slink  PATH TARGET
    nod    PATH MODE UID GID c|b MAJOR MINOR
    edit   PATH REGEX => REPLACEMENT        per line, at least one line must match
    drop   PATH
    applets BUSYBOX PATH                    links of a Busybox binary (SOURCE, path in the image)

SOURCE and ARCHIVE may hold $(NAME), set by -D NAME=VALUE; a relative one is relative to the recipe.
Parents of what is named are made (0755 root) when they are missing.

The image: members sorted so that parents precede children, inode numbers counted from 1, hard links share
one (the data stands with the last of them, as the format asks), times clamped to one date, gzip without
a name or a time. So equal input gives equal bytes.
"""
import argparse
import gzip
import os
import re
import shlex
import stat
import subprocess
import sys
import tarfile

EPOCH = 1725616800          # 2024-09-06, the date of the pinned Alpine release
TRAILER = "TRAILER!!!"


class RecipeError(Exception):
    pass


class Node:
    """One file of the image: what an inode holds. Hard links are two paths to one Node."""

    def __init__(self, mode, uid=0, gid=0, data=b"", rdev=(0, 0), mtime=EPOCH):
        self.mode, self.uid, self.gid = mode, uid, gid
        self.data, self.rdev, self.mtime = data, rdev, mtime


class Tree:
    def __init__(self):
        self.nodes = {"": Node(stat.S_IFDIR | 0o755)}

    @staticmethod
    def norm(path):
        parts = [p for p in path.split("/") if p not in ("", ".")]
        if ".." in parts:
            raise RecipeError(f"{path}: '..' in a path of the image")
        return "/".join(parts)

    def resolve_parent(self, path):
        """The path with symlinks in its parents followed, so /bin/x lands in /usr/bin of a merged tree."""
        done = []
        todo = path.split("/")
        hops = 0
        while len(todo) > 1:
            step = "/".join(done + [todo[0]])
            node = self.nodes.get(step)
            if node is not None and stat.S_ISLNK(node.mode):
                hops += 1
                if hops > 32:
                    raise RecipeError(f"{path}: too many symlinks")
                target = node.data.decode()
                base = [] if target.startswith("/") else done
                parts = list(base)
                for part in target.split("/"):
                    if part == "..":
                        parts = parts[:-1]
                    elif part not in ("", "."):
                        parts.append(part)
                todo = parts + todo[1:]
                done = []
                continue
            done.append(todo.pop(0))
        return "/".join(done + todo)

    def put(self, path, node):
        path = self.resolve_parent(self.norm(path))
        parent = path.rpartition("/")[0]
        if parent and parent not in self.nodes:
            self.put(parent, Node(stat.S_IFDIR | 0o755))
        old = self.nodes.get(path)
        if old is not None and stat.S_ISLNK(old.mode) and stat.S_ISDIR(node.mode):
            return                      # a link that leads to a folder stays: /bin of a merged /usr
        if old is not None and stat.S_ISDIR(old.mode) != stat.S_ISDIR(node.mode):
            if any(name.startswith(path + "/") for name in self.nodes):
                raise RecipeError(f"{path}: a folder with members cannot become a file")
        self.nodes[path] = node

    def get(self, path):
        node = self.nodes.get(self.resolve_parent(self.norm(path)))
        if node is None:
            raise RecipeError(f"{path}: not in the image")
        return node

    def drop(self, path):
        path = self.norm(path)
        gone = [p for p in self.nodes if p == path or p.startswith(path + "/")]
        for name in gone:
            del self.nodes[name]

    def add_tar(self, archive):
        kinds = {tarfile.REGTYPE: stat.S_IFREG, tarfile.AREGTYPE: stat.S_IFREG,
                 tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK,
                 tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK,
                 tarfile.FIFOTYPE: stat.S_IFIFO}
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.type == tarfile.LNKTYPE:
                    self.put(member.name, self.get(member.linkname))
                    continue
                if member.type not in kinds:
                    raise RecipeError(f"{archive}: {member.name}: a member of unknown type")
                data, rdev = b"", (0, 0)
                if member.isreg():
                    data = tar.extractfile(member).read()
                elif member.issym():
                    data = member.linkname.encode()
                elif member.isdev():
                    rdev = (member.devmajor, member.devminor)
                mode = kinds[member.type] | (0o777 if member.issym() else member.mode & 0o7777)
                self.put(member.name, Node(mode, member.uid, member.gid, data, rdev,
                                           min(int(member.mtime), EPOCH)))

    def add_tree(self, path, folder, mode=None):
        for top, dirs, files in os.walk(folder):
            dirs.sort()
            for name in sorted(dirs + files):
                source = os.path.join(top, name)
                target = os.path.join(path, os.path.relpath(source, folder))
                self.put(target, host_node(source, mode))


def host_node(source, mode=None):
    info = os.lstat(source)
    if stat.S_ISLNK(info.st_mode):
        return Node(stat.S_IFLNK | 0o777, data=os.readlink(source).encode())
    if stat.S_ISDIR(info.st_mode):
        return Node(stat.S_IFDIR | 0o755)
    if not stat.S_ISREG(info.st_mode):
        raise RecipeError(f"{source}: neither file, folder nor symlink")
    if mode is None:
        mode = 0o755 if info.st_mode & 0o111 else 0o644
        mode |= info.st_mode & 0o6000
    with open(source, "rb") as stream:
        return Node(stat.S_IFREG | mode, data=stream.read())


class Recipe:
    """Runs the lines of one recipe file on a Tree."""

    def __init__(self, tree, path, defines):
        self.tree, self.path, self.defines = tree, path, defines

    def source(self, text):
        return os.path.join(os.path.dirname(os.path.abspath(self.path)), text)

    def expand(self, line):
        def value(match):
            if match.group(1) not in self.defines:
                raise RecipeError(f"$({match.group(1)}) is not set")
            return self.defines[match.group(1)]
        return re.sub(r"\$\((\w+)\)", value, line)

    def run(self):
        with open(self.path, encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                try:
                    self.line(self.expand(line))
                except (RecipeError, OSError, ValueError, TypeError, tarfile.TarError,
                        subprocess.CalledProcessError) as error:
                    raise RecipeError(f"{self.path}:{number}: {error}") from error

    def line(self, line):
        if line.startswith("edit "):
            return self.do_edit(line)
        verb, *args = shlex.split(line)
        handler = getattr(self, "do_" + verb, None)
        if handler is None:
            raise RecipeError(f"unknown word '{verb}'")
        return handler(*args)

    def do_tar(self, archive):
        self.tree.add_tar(self.source(archive))

    def do_tree(self, path, folder, mode=None):
        self.tree.add_tree(path, self.source(folder), mode and int(mode, 8))

    def do_dir(self, path, mode, uid, gid):
        self.tree.put(path, Node(stat.S_IFDIR | int(mode, 8), int(uid), int(gid)))

    def do_file(self, path, mode, uid, gid, source):
        with open(self.source(source), "rb") as stream:
            self.tree.put(path, Node(stat.S_IFREG | int(mode, 8), int(uid), int(gid), stream.read()))

    def do_slink(self, path, target):
        self.tree.put(path, Node(stat.S_IFLNK | 0o777, data=target.encode()))

    def do_nod(self, path, mode, uid, gid, kind, major, minor):
        kind = {"c": stat.S_IFCHR, "b": stat.S_IFBLK}[kind]
        self.tree.put(path, Node(kind | int(mode, 8), int(uid), int(gid), b"", (int(major), int(minor))))

    def do_drop(self, path):
        self.tree.drop(path)

    def do_edit(self, line):
        match = re.fullmatch(r"edit\s+(\S+)\s+(.+?)\s+=>\s?(.*)", line)
        if not match:
            raise RecipeError("edit PATH REGEX => REPLACEMENT")
        path, regex, text = match.groups()
        node = self.tree.get(path)
        data, count = re.subn(regex, text, node.data.decode(), flags=re.M)
        if not count:
            raise RecipeError(f"{path}: no line matches {regex}")
        node.data = data.encode()

    def do_applets(self, binary, path):
        listing = subprocess.run([self.source(binary), "--list-full"], check=True,
                                 stdout=subprocess.PIPE).stdout.decode()
        for applet in listing.split():
            if self.tree.norm(applet) != self.tree.norm(path):
                self.tree.put(applet, Node(stat.S_IFLNK | 0o777, data=path.encode()))


def header(ino, node, nlink, size, name):
    fields = (ino, node.mode, node.uid, node.gid, nlink, node.mtime, size, 0, 0,
              node.rdev[0], node.rdev[1], len(name) + 1, 0)
    return b"070701" + b"".join(b"%08X" % field for field in fields)


def pad(data):
    return data + b"\0" * (-len(data) % 4)


def write_cpio(tree, out):
    paths = sorted(tree.nodes, key=lambda p: p.split("/"))
    links = {}
    for path in paths:
        links.setdefault(id(tree.nodes[path]), []).append(path)
    numbers = {}
    for path in paths:
        node = tree.nodes[path]
        names = links[id(node)]
        ino = numbers.setdefault(id(node), len(numbers) + 1)
        data = node.data if path == names[-1] else b""
        nlink = 2 if stat.S_ISDIR(node.mode) else len(names)
        name = path.encode() or b"."
        out.write(pad(header(ino, node, nlink, len(data), name) + name + b"\0"))
        out.write(pad(data))
    name = TRAILER.encode()
    out.write(pad(header(0, Node(0, mtime=0), 1, 0, name) + name + b"\0"))


def main():
    parser = argparse.ArgumentParser(description="write an initramfs from a recipe")
    parser.add_argument("-o", required=True, help="output; .gz compresses")
    parser.add_argument("-D", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("-l", type=int, default=9, help="gzip level")
    parser.add_argument("recipe", nargs="+")
    args = parser.parse_args()
    tree = Tree()
    defines = dict(item.split("=", 1) for item in args.D)
    temporary = args.o + ".tmp"
    try:
        for recipe in args.recipe:
            Recipe(tree, recipe, defines).run()
        with open(temporary, "wb") as raw:
            if args.o.endswith(".gz"):
                with gzip.GzipFile("", "wb", args.l, raw, mtime=0) as out:
                    write_cpio(tree, out)
            else:
                write_cpio(tree, raw)
        os.replace(temporary, args.o)
    except (RecipeError, OSError) as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        sys.exit(f"mkcpio: {error}")


if __name__ == "__main__":
    main()
