#!/usr/bin/python3
"""The kernel's pure parts under libFuzzer with ASan and UBSan: `make fuzz PART=elf TIME=60`, `PART=all`, `PART=elf CASE=file`.

A part is a fuzz_NAME.c here; its first line names the kernel's sources. The corpus starts from seeds that are made here, lives in
build/fuzz/NAME/corpus, and grows from run to run. What fails is kept there as a file, and the command that repeats it is printed."""
import gzip
import os
import random
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness.build import BUILD, ROOT  # noqa: E402

HERE = Path(__file__).resolve().parent
PARTS = sorted(p.stem[len("fuzz_"):] for p in HERE.glob("fuzz_*.c"))
FLAGS = ["-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-format-security", "-Wno-format-nonliteral", "-Wno-unused-function",
         "-Wno-macro-redefined", "-fno-builtin", "-fno-strict-aliasing", "-DSOLUTION", "-D__UNIT_TEST__", "-fno-pie", "-fsanitize=fuzzer-no-link,address,undefined",
         "-fno-sanitize=alignment", "-fno-sanitize-recover=all", "-I" + str(ROOT / "kernel/include"), "-I" + str(ROOT / "kernel"), "-include", str(HERE / "fuzz.h")]
FOLDERS = ["core", "exec", "lib", "tty", "vfs"]
OPTIONS = {"inflate": ["-max_len=4096"], "initramfs": ["-max_len=8192"], "elf": ["-max_len=4096"], "format": ["-max_len=256"], "path": ["-max_len=128"], "ldisc": ["-max_len=256"]}


class BuildFailure(Exception):
    pass


def source(name, instead=None):
    """A file of the kernel, wherever the overlay keeps it; `instead`: a folder that has a file of its own in its place."""
    if instead and (Path(instead) / name).exists():
        return Path(instead) / name
    plain = ROOT / "kernel" / name
    return plain if plain.exists() else next(ROOT.glob("solutions/*/" + name))


def build(part, out, instead=None):
    """The fuzzer of a part."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    head = (HERE / ("fuzz_%s.c" % part)).read_text().splitlines()[0]
    names = re.search(r"sources: (.*?)(?:;|\*/)", head).group(1).split()
    wraps = re.search(r"wrap: (.*?)(?:;|\*/)", head)
    command = ["clang", *FLAGS, *["-I" + str(ROOT / "kernel" / f) for f in FOLDERS]]
    objects = []
    for path in [HERE / ("fuzz_%s.c" % part), HERE / "host.c", *(source(n, instead) for n in names)]:
        objects.append(str(out / (path.stem + ".o")))
        done = subprocess.run([*command, "-c", "-o", objects[-1], str(path)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildFailure(done.stderr[-6000:])
        if done.stderr.strip():
            print(done.stderr[-2000:])
    done = subprocess.run(["clang", "-fsanitize=fuzzer,address,undefined", "-no-pie", "-Wl,--unresolved-symbols=ignore-all",
                           *("-Wl,--wrap=" + w for w in (wraps.group(1).split() if wraps else [])), "-o", str(out / "fuzzer"), *objects],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailure(done.stderr[-6000:])
    return out / "fuzzer"


# --- seeds

def member(name, mode, data=b"", nlink=1):
    fields = [7, mode, 0, 0, nlink, 0, len(data), 8, 1, 5, 3, len(name) + 1, 0]
    return b"070701" + b"".join(b"%08x" % f for f in fields) + name + bytes(-(110 + len(name) + 1) % 4 + 1) + data + bytes(-len(data) % 4)


def program(kind, phnum=3):
    """A small sound ELF file: type EXEC (2) or DYN (3)."""
    base = 0x400000 if kind == 2 else 0
    head = b"\x7fELF\2\1\1" + bytes(9) + b"".join(n.to_bytes(w, "little") for n, w in (
        (kind, 2), (62, 2), (1, 4), (base + 0x200, 8), (64, 8), (0, 8), (0, 4), (64, 2), (56, 2), (phnum, 2), (0, 2), (0, 2), (0, 2)))
    rows = [(1, 5, 0, base, base, 0x400, 0x400, 4096), (1, 6, 0x400, base + 0x2400, base + 0x2400, 0x80, 0x3000, 4096), (0x6474E551, 6, 0, 0, 0, 0, 0, 16),
            (3, 4, 0x300, base + 0x300, base + 0x300, 7, 7, 1)]
    table = b"".join(t.to_bytes(4, "little") + f.to_bytes(4, "little") + b"".join(n.to_bytes(8, "little") for n in rest) for t, f, *rest in rows[:phnum])
    return ((head + table).ljust(0x300, b"\0") + b"interp\0").ljust(0x480, b"\x90")


def seeds(part):
    rng = random.Random(1)
    tree = member(b".", 0o40755) + member(b"d", 0o40755) + member(b"d/f", 0o100644, b"text" * 9, 2) + member(b"d/g", 0o100644, b"", 2)
    tree += member(b"l", 0o120777, b"d/f") + member(b"n", 0o20666) + member(b"p", 0o10644) + member(b"TRAILER!!!", 0)
    words = b" ".join(rng.choice([b"kernel", b"page", b"fault", b"x" * 40]) for _ in range(300))
    return {
        "cpio": [tree, b"\0" * 8 + tree + b"\0" * 512 + tree],
        "initramfs": [tree, gzip.compress(tree), tree + bytes(512) + gzip.compress(tree), b"\xfd7zXZ", b"BZh"],
        "inflate": [gzip.compress(d, level) for d in (b"", b"x", words, bytes(3000), rng.randbytes(500)) for level in (0, 1, 9)],
        "elf": [program(2), program(3), program(3, 4), program(2, 1)],
        "script": [b"/bin/sh\n", b" /bin/sh -x  y \n", b"\t/usr/bin/env\tpython3", b"x" * 260, b"/i " + b"y" * 260, b"\n"],
        "format": [rng.randbytes(200) for _ in range(8)],
        "path": [bytes(rng.randrange(256) for _ in range(rng.randrange(2, 40))) for _ in range(20)],
        "ldisc": [b"\x7eabc\x7f\x15\x04hello\x03\x1a\n" * 3, rng.randbytes(300), b"\x00\xff\xff\xff\xff\xff\xff\x01\x10\x7etyped\n\x19", b"\x24a\xfcb" * 20],
        "screen": [b"\x4f\x18" + s for s in (b"\x1b[2J\x1b[1;1H\x1b[5;10r\x1b[31;1mtext\r\n\t\x1b[K", b"\x1b[?25l\x1b[7m\x1b[10@\x1b[3P\x1b[4L\x1b[2M\x1b7\x1b8\x1bM",
                                             "ä€😀\x1b[6n\x1b[c\x1b]0;title\x07".encode(), b"\x1b[999;999H\x1b[99999999999A\x1b[65535S\x1b[65535T")],
    }[part]


def plant(part, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for i, data in enumerate(seeds(part)):
        (folder / ("seed-%02d" % i)).write_bytes(data)
    return folder


def fuzz(part, fuzzer, corpus, *words, log=None, timeout=None):
    """Runs it; (status, text)."""
    command = [str(fuzzer), *OPTIONS.get(part, []), "-timeout=20", "-artifact_prefix=%s/" % Path(corpus).parent, *words, str(corpus)]
    environment = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1", ASAN_OPTIONS="handle_abort=1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if log and re.match(r"#\d+\s+(pulse|INITED|DONE)", line):
                log("  " + line.strip())
        return process.wait(timeout), "".join(lines)


def main():
    get = os.environ.get
    part, seconds, case = get("PART") or "all", int(get("TIME") or "60"), get("CASE")
    if part not in (*PARTS, "all"):
        print("PART=%s: must be %s or all" % (part, ", ".join(PARTS)), file=sys.stderr)
        return 2
    seed, bad = int(get("SEED") or random.SystemRandom().randrange(1, 1 << 31)), 0
    for one in PARTS if part == "all" else [part]:
        place = ROOT / BUILD / "fuzz" / one
        fuzzer = build(one, place)
        if case:
            done = subprocess.run([str(fuzzer), case], check=False)
            bad += done.returncode != 0
            continue
        print("%s: seed %d, %d seconds" % (one, seed, seconds), flush=True)
        status, text = fuzz(one, fuzzer, plant(one, place / "corpus"), "-max_total_time=%d" % seconds, "-seed=%d" % seed, log=lambda t: print(t, flush=True))
        if status:
            bad += 1
            found = re.search(r"Test unit written to (\S+)", text)
            print(text[-6000:])
            print("FAILED %s; again: make fuzz PART=%s %s" % (one, one, "CASE=" + os.path.relpath(found.group(1), ROOT) if found else "SEED=%d" % seed))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
