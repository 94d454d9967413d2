#!/usr/bin/python3
"""Boot a kernel on the user tests, and compare each output with user/tests/expect/NAME.out.

    run.py [--kernel IMAGE] [--stage NN] [--update] [--tests DIR] [NAME ...]

Any kernel will do that takes an initramfs: by default build/switchback.elf. The expectations were written by
`run.py --kernel /boot/vmlinuz-... --update`, with Linux 6.1: it is the oracle. Exit status 0 when all agree.
"""
import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
EXPECT = os.path.join(HERE, "expect")
DISK_SIZE = 96 << 20
# Debian's list without bpf, whose presence lets everybody write security.* (its hook says yes before the rule about capabilities is asked).
LINUX_WORDS = "lsm=landlock,lockdown,yama,loadpin,safesetid,integrity,apparmor"
LINUX_MODULES = ("drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci_legacy_dev",
                 "drivers/virtio/virtio_pci", "drivers/block/virtio_blk", "drivers/block/loop",
                 "net/ipv4/inet_diag", "net/ipv4/tcp_diag", "net/ipv4/udp_diag", "net/ipv4/raw_diag", "net/unix/unix_diag")


def header(name):
    """The words of a test's head comment: stage, libc, run, disk, memory (in MiB, if it needs much)."""
    with open(os.path.join(HERE, name + ".c"), encoding="utf-8") as stream:
        text = stream.read(1000)
    return dict(re.findall(r"(stage|libc|run|disk): *([\w+]+)", text) + re.findall(r"; (memory): (\d+) MiB", text))


def all_tests():
    names = sorted(f[:-2] for f in os.listdir(HERE) if f.endswith(".c"))
    return [n for n in names if header(n).get("run", "").startswith(("host", "guest"))]


def make_disk(names, out):
    """The disk of the tests that want one, a new ext4 as mkfs makes it, and QEMU's words for it; no words if none of them does."""
    if not any("disk" in header(n) for n in names):
        return []
    image = os.path.join(out, "tests.disk")
    with open(image, "wb") as stream:
        stream.truncate(DISK_SIZE)
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", image], check=True)
    return ["-drive", f"file={image},format=raw,if=none,id=tests,cache=unsafe,discard=unmap", "-device", "virtio-blk-pci,drive=tests"]


def modules_of(kernel):
    """What Debian's kernel has to load before it knows the disk, and answers questions about sockets: files in their order."""
    folder = "/lib/modules/" + os.path.basename(kernel).replace("vmlinuz-", "", 1) + "/kernel"
    found = [f"{folder}/{name}.ko" for name in LINUX_MODULES]
    return [path for path in found if os.path.exists(path)]


def make_image(names, folder, out, modules=()):
    recipe = os.path.join(out, "tests.recipe")
    with open(os.path.join(out, "tests.list"), "w", encoding="ascii") as stream:
        stream.write("".join(n + "\n" for n in names))
    with open(recipe, "w", encoding="utf-8") as stream:
        stream.write(f"file /init 0755 0 0 {os.path.abspath(folder)}/runner\n")
        stream.write("file /tests.list 0644 0 0 tests.list\n")
        for name in names:
            stream.write(f"file /tests/{name} 0755 0 0 {os.path.abspath(folder)}/{name}\n")
        for number, path in enumerate(modules):
            stream.write(f"file /modules/{number} 0644 0 0 {path}\n")
    image = os.path.join(out, "tests.cpio")
    subprocess.run([sys.executable, os.path.join(TOP, "rootfs/mkcpio.py"), "-o", image,
                    os.path.join(TOP, "rootfs/common.recipe"), recipe], check=True)
    return image


def boot(args, image, disk):
    command = ["qemu-system-x86_64", "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot",
               "-nic", "none", "-m", args.memory, "-smp", str(args.smp), "-cpu", "max,la57=off", "-kernel", args.kernel,
               "-initrd", image, "-append", f"console=ttyS0 quiet panic=-1 {args.append} {LINUX_WORDS if modules_of(args.kernel) else ''}"] + disk + args.qemu.split()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=args.timeout)
        return done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode(errors="replace") + "\n(the machine had to be stopped)\n"


def records(text, mark="@@"):
    """name -> (output, how it ended), from the runner's lines that begin with `mark`."""
    text = text.replace("\r", "")
    found = {}
    for match in re.finditer(r"^%sBEGIN (\S+)\n(.*?)^%sEND \1 ([^\n]*)\n" % (mark, mark), text, re.M | re.S):
        body = match.group(2)
        found[match.group(1)] = (body[:-1] if body.endswith("\n") else body, match.group(3))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernel", default=os.path.join(TOP, "build/switchback.elf"))
    parser.add_argument("--tests", default=os.path.join(TOP, "build/user/tests"))
    parser.add_argument("--stage", type=int, default=99, help="only tests of this stage and below")
    parser.add_argument("--smp", type=int, default=1)
    parser.add_argument("--memory", default="512")
    parser.add_argument("--append", default="")
    parser.add_argument("--qemu", default="", help="further words for QEMU")
    parser.add_argument("--timeout", type=int, default=900)
    parser.add_argument("--update", action="store_true", help="write the expectations")
    parser.add_argument("--log", help="keep the console's text here")
    parser.add_argument("-v", action="store_true", help="show differences in full")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    names = args.names or [n for n in all_tests() if int(header(n)["stage"]) <= args.stage]
    missing = [n for n in names if not os.path.exists(os.path.join(args.tests, n))]
    for name in missing:
        print(f"FAIL {name}: not built")
    names = [n for n in names if n not in missing]
    with tempfile.TemporaryDirectory() as out:
        text = boot(args, make_image(names, args.tests, out, modules_of(args.kernel)), make_disk(names, out))
    if args.log:
        with open(args.log, "w", encoding="utf-8") as stream:
            stream.write(text)
    found = records(text)
    passed, failed = 0, len(missing)
    for name in names:
        path = os.path.join(EXPECT, name + ".out")
        output, ended = found.get(name, ("", "never ended"))
        if args.update and header(name)["run"] != "guest" and ended == "exit 0" and "BUG:" not in output:
            os.makedirs(EXPECT, exist_ok=True)
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(output)
        want = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as stream:
                want = stream.read()
        if ended == "exit 0" and (output == want or (want is None and header(name)["run"] in ("guest", "debug"))):
            passed += 1
            continue
        failed += 1
        print(f"FAIL {name}: {ended}")
        diff = list(difflib.unified_diff((want or "").splitlines(), output.splitlines(), "expected", "came", "", "", 1))
        print("\n".join("    " + line.rstrip("\n") for line in (diff if args.v else diff[:12])))
    if failed and not found:
        print(text[-2000:])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
