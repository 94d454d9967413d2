"""Pure kernel code, compiled for the host with sanitizers: each unit_*.c here is one program."""
import re
import subprocess
from pathlib import Path

import pytest

from harness.build import BUILD, ROOT

HERE = Path(__file__).parent
PROGRAMS = sorted(HERE.glob("unit_*.c"))
FLAGS = ["-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fno-builtin", "-fno-strict-aliasing", "-DSOLUTION",
         "-D__UNIT_TEST__", "-I" + str(ROOT / "kernel/include"), "-I" + str(ROOT / "kernel"), "-include", str(HERE / "unit.h")]
SANITIZERS = {"asan": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"], "tsan": ["-fsanitize=thread", "-pthread"]}


def source(name):
    """A file of the kernel, wherever the overlay keeps it."""
    plain = ROOT / "kernel" / name
    return plain if plain.exists() else next(ROOT.glob("solutions/*/" + name))


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
def test_unit(program):
    folder = ROOT / BUILD / "unit"
    folder.mkdir(parents=True, exist_ok=True)
    binary = build(program, folder / program.stem)
    done = subprocess.run([str(binary)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and not done.stdout, (done.stdout + done.stderr)[-4000:]
