"""What a test needs built, through the one front door. A lock keeps two workers from building in the same folder at once."""
import fcntl
import functools
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SWITCHBACK_BUILD", "build"))
# `make test DEBUG=1`: every kernel that is asked for without saying which is a checking one.
CHECKING = os.environ.get("SWITCHBACK_DEBUG") == "1"


class BuildFailure(AssertionError):
    """The kind of failure called `build`: the compiler or the linker said no."""


@functools.lru_cache(maxsize=None)
def _made(words, root):
    """How make with these words ended, and what it said; once for all who ask, until forget()."""
    (root / BUILD).mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "DEBUG")}
    with open(root / BUILD / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = subprocess.run(["make", "-s", "-j2", "BUILD=%s" % BUILD, *words], cwd=root, env=environment,
                             capture_output=True, text=True)
    return run.returncode, run.stdout, run.stderr


forget = _made.cache_clear


def make(*words, root=ROOT):
    """Run make with these words (goals and NAME=value); its standard output."""
    code, said, complained = _made(words, root)
    if code:
        raise BuildFailure("build: make %s\n%s%s" % (" ".join(words), said[-4000:], complained[-8000:]))
    return said


# Who builds kernels in place of this module: a function of the goal and of make's words that returns the image's path. A grader of submissions puts
# its sandbox here.
builder = None


def kernel(lab=None, source=None, *more, ktest=False, root=ROOT):
    """The path of a kernel, built: the full one, or a prefix; with ktest=True its test kernel."""
    words = list(more)
    if CHECKING and not any(w.startswith("DEBUG=") for w in words):
        words.append("DEBUG=1")
    if lab is not None:
        words.append("LAB=%02d" % lab)
    if source is not None:
        words.append("FROM=" + source)
    if builder is not None:
        return builder("ktest" if ktest else "kernel", words)
    make("ktest" if ktest else "kernel", *words, root=root)
    return root / make("ktest-path" if ktest else "kernel-path", *words, root=root).strip()


def rootfs(name):
    """The path of a root file system, built."""
    make("-f", "rootfs/rootfs.mk", name + ".cpio.gz")
    return ROOT / BUILD / "rootfs" / (name + ".cpio.gz")
