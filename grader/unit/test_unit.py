"""Pure kernel code, compiled for the host with sanitizers: each unit_*.c here is one program."""
import gzip
import random
import re
import subprocess
from pathlib import Path

import pytest

from harness.build import ROOT

HERE = Path(__file__).parent
PROGRAMS = sorted(HERE.glob("unit_*.c"))
FLAGS = ["-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-format-security", "-Wno-format-nonliteral", "-fno-builtin", "-fno-strict-aliasing", "-DSOLUTION",
         "-D__UNIT_TEST__", "-I" + str(ROOT / "kernel/include"), "-I" + str(ROOT / "kernel"), "-include", str(HERE / "unit.h")]
SANITIZERS = {"asan": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"], "tsan": ["-fsanitize=thread", "-pthread"]}


def source(name):
    """A file of the kernel, wherever the overlay keeps it; in a student's tree, without the solution, the student's own."""
    return next(p for p in [ROOT / "kernel" / name, *ROOT.glob("solutions/*/" + name), *ROOT.glob("labs/*/" + name)] if p.exists())


def build(program, out):
    head = program.read_text().splitlines()[0]
    sources = [source(name) for name in re.search(r"sources: (.*?)(?:;|\*/)", head).group(1).split()]
    kind = "tsan" if "tsan" in head else "asan"
    command = ["gcc", *FLAGS, *SANITIZERS[kind], *["-I" + str(ROOT / "kernel" / p) for p in ("lib", "core", "mm")],
               "-o", str(out), str(program), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, "build: " + done.stderr[-4000:]
    return out


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_unit(program, tmp_path):
    binary = build(program, tmp_path / program.stem)
    done = subprocess.run([str(binary)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and not done.stdout, (done.stdout + done.stderr)[-4000:]


# --- inflate, against Python's compressor

def words(rng, n):
    return b" ".join(rng.choice([b"kernel", b"page", b"fault", b"frame", b"x" * 40, b"\0" * 300]) for _ in range(n))


CASES = {
    "empty": lambda rng: b"", "one byte": lambda rng: b"x", "zeros": lambda rng: bytes(1 << 20),
    "random": lambda rng: rng.randbytes(200000), "text": lambda rng: words(rng, 50000),
    "mixed": lambda rng: words(rng, 5000) + rng.randbytes(70000) + words(rng, 5000),
}


@pytest.fixture(scope="module")
def gunzip(tmp_path_factory):
    return build(HERE / "unit_inflate.c", tmp_path_factory.mktemp("inflate") / "gunzip")


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("case", CASES)
def test_inflate(gunzip, case, level, tmp_path):
    data = CASES[case](random.Random(7))
    (tmp_path / "f.gz").write_bytes(gzip.compress(data, level))
    done = subprocess.run([str(gunzip), str(tmp_path / "f.gz")], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert done.stdout == data


def test_inflate_notices_damage(gunzip, tmp_path):
    data = words(random.Random(3), 3000)
    whole = bytearray(gzip.compress(data))
    rng = random.Random(5)
    for _ in range(60):
        copy = bytearray(whole)
        copy[rng.randrange(10, len(copy))] ^= 1 << rng.randrange(8)
        (tmp_path / "f.gz").write_bytes(copy)
        done = subprocess.run([str(gunzip), str(tmp_path / "f.gz")], capture_output=True, timeout=60, check=False)
        # A bit of the padding behind the last code may change without changing anything.
        assert done.returncode in (2, 3) or done.stdout == data, "damage went unnoticed, or: %s" % done.stderr.decode()[-2000:]
