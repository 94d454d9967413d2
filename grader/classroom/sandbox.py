"""Commands that touch what a student wrote run here: bubblewrap, without network, with a view of only what is named, under limits.

A number of limits count by user, and root has none of them. So root takes a user number of its own for each sandbox (setpriv, inside); everybody else gets a user
namespace from bubblewrap. What is inside ends with the sandbox: its processes have a PID namespace of their own."""
import os
import subprocess
from pathlib import Path

FIRST_USER, USERS = 1_600_000_000, 100_000_000
QEMU_SECCOMP = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"


class Broken(RuntimeError):
    """The sandbox itself did not work: the machine's fault, not the student's."""


def user_of(work):
    """The number of the user inside: another one for each working folder."""
    if os.geteuid():
        return os.geteuid()
    return FIRST_USER + int.from_bytes(os.urandom(8), "little") % USERS if work is None else _numbers.setdefault(str(work), user_of(None))


_numbers = {}


def give(path, user):
    """Makes a folder of the outside the user's own."""
    Path(path).mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(path, user, user)


def command(words, *, user, read=(), write=(), inside=None, limits=None):
    """The command that runs `words` inside. `read` and `write` are paths, or pairs (outside, inside), in the order in which they are laid over
    each other; `inside` is the working folder."""
    out = ["bwrap", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin", "--symlink", "usr/lib", "/lib",
           "--symlink", "usr/lib64", "/lib64", "--perms", "0755", "--dir", "/etc", "--ro-bind-try", "/etc/alternatives", "/etc/alternatives", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
           "--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(256 << 20), "--tmpfs", "/tmp"]
    made = {Path("/"), Path("/tmp"), Path("/usr"), Path("/etc")}
    for option, pairs in (("--bind", write), ("--ro-bind", read)):
        for pair in pairs:
            outside, place = pair if isinstance(pair, tuple) else (pair, pair)
            for above in reversed(Path(place).parents):  # bubblewrap would make them so that nobody but root can pass
                if above not in made:
                    out += ["--perms", "0755", "--dir", str(above)]
                    made.add(above)
            made.add(Path(place))
            out += [option, str(outside), str(place)]
    out += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv",
            "--setenv", "PATH", "/usr/bin", "--setenv", "LC_ALL", "C.UTF-8", "--setenv", "HOME", "/tmp"]
    if inside is not None:
        out += ["--chdir", str(inside)]
    if os.geteuid() == 0:
        out += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP", "setpriv", "--reuid", str(user), "--regid", str(user),
                "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    else:
        out += ["--unshare-user", "--disable-userns"] if _can_disable_userns() else ["--unshare-user"]
    chosen = {"nproc": 64, "as": 3 << 30, "cpu": 120, "fsize": 256 << 20, "core": 0, "nofile": 256, **(limits or {})}
    return out + ["prlimit"] + ["--%s=%d" % item for item in chosen.items()] + ["--"] + [str(w) for w in words]


def _can_disable_userns():
    """bubblewrap 0.8 and later."""
    text = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=False).stdout.split()
    return bool(text) and tuple(map(int, text[-1].split(".")[:2])) >= (0, 8)


def run(words, *, seconds=120, output=1 << 20, **where):
    """Runs it to its end or for so many seconds: (exit status, the beginning of what it said). The status is 124 if time ran out."""
    process = subprocess.Popen(command(words, **where), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    timer = __import__("threading").Timer(seconds, process.kill)
    timer.start()
    said, kept = b"", 0
    while True:
        piece = process.stdout.read1(65536)
        if not piece:
            break
        if kept < output:
            said += piece[:output - kept]
            kept = len(said)
    status = process.wait()
    late = not timer.is_alive()
    timer.cancel()
    text = said.decode(errors="replace")
    if text.startswith("bwrap: "):
        raise Broken(text.splitlines()[0])
    return (124 if late and status else status), text


def qemu(folder, files, words, user):
    """QEMU's command, inside: it sees its own folder and the files that it boots, and may start nothing."""
    give(folder, user)
    for path in Path(folder).iterdir():
        if os.geteuid() == 0:
            os.chown(path, user, user)
    where = dict(user=user, write=[folder], read=[p for p in files], inside=folder, limits={"as": 16 << 30, "cpu": 1200, "nproc": 64, "nofile": 512})
    return command(words + ["-sandbox", QEMU_SECCOMP], **where)


def proved():
    """Runs nothing, inside. Broken if that cannot be."""
    try:
        status, text = run(["true"], user=user_of(None), seconds=20)
    except FileNotFoundError as error:
        raise Broken("bubblewrap is not there: apt-get install bubblewrap") from error
    if status:
        raise Broken("the sandbox does not start (%d): %s" % (status, text.strip()))
