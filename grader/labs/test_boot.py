"""The contract with the outside: every way in, both machines, few and many CPUs, little and much memory."""
import subprocess

import pytest

from harness.build import BUILD, ROOT, kernel, rootfs
from harness.qemu import Machine
from labs.scenarios import PROMPT

UP = r"boot took"


def boot(**options):
    options.setdefault("cap", 60)
    options.setdefault("icount", False)
    with Machine(**options) as guest:
        guest.expect(r"Switchback")
        guest.expect(UP)
        guest.expect(PROMPT)
        text = guest.console.text
        assert "failed (" not in text, guest.report()
        assert "PANIC" not in guest.verdict, guest.report()
        return text


@pytest.fixture(scope="module")
def iso(tmp_path_factory):
    folder = tmp_path_factory.mktemp("iso")
    (folder / "chosen").write_text(str(rootfs("busybox")))
    subprocess.run(["sh", str(ROOT / "kernel/tools/mkiso.sh"), str(folder / "switchback.iso"), str(kernel()), str(folder / "chosen"),
                    "console=tty0 console=ttyS0 panic=-1 rdinit=/bin/sh"], check=True, cwd=ROOT)
    return folder / "switchback.iso"


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_kernel_in_place_of_vmlinuz(machine):
    boot(kernel=kernel(), initrd=rootfs("busybox"), cmdline="console=ttyS0 panic=-1 rdinit=/bin/sh", machine=machine)


@pytest.mark.xdist_group("iso")
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_iso_through_grub_on_a_bios(iso, machine):
    assert "GRUB" in boot(iso=iso, machine=machine)


@pytest.mark.xdist_group("iso")
def test_iso_through_grub_on_uefi(iso):
    boot(iso=iso, machine="q35", uefi=True, cap=120, mem="512M")


@pytest.mark.xdist_group("iso")
def test_iso_with_a_screen(iso, tmp_path):
    """Text on the screen too: the picture is not one colour."""
    with Machine(iso=iso, icount=False, display=True, cap=60) as guest:
        guest.expect(PROMPT)
        guest.screenshot(tmp_path / "screen.png")
        assert (tmp_path / "screen.png").stat().st_size > 1000


@pytest.mark.parametrize("smp", [2, 4, 8])
def test_every_cpu_comes_up(smp):
    with Machine(kernel(), initrd=rootfs("busybox"), cmdline="console=ttyS0 panic=-1 rdinit=/bin/sh", smp=smp, icount=False, cap=90) as guest:
        guest.expect(PROMPT)
        address = symbol("cpu_count")
        stub = guest.qmp.monitor("x /1dw %#x" % address)
        assert int(stub.split(":")[1]) == smp, "wrong output: %s, and %d CPUs were given" % (stub.strip(), smp)


def symbol(name):
    out = subprocess.run(["nm", str(kernel())], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[0], 16) for line in out.splitlines() if line.split()[-1] == name)


@pytest.mark.parametrize("mem", ["32M", "48M", "4G", "16G"])
def test_little_and_much_memory(mem):
    boot(kernel=kernel(), initrd=rootfs("busybox"), cmdline="console=ttyS0 panic=-1 rdinit=/bin/sh", mem=mem)


def test_quiet_is_quiet():
    with Machine(kernel(), cmdline="console=ttyS0 quiet panic=-1", cap=30) as guest:
        text = guest.wait_quiet()
        assert "usable" not in text and "boot took" not in text, text


def test_old_processor():
    """qemu64 has no SMEP, SMAP, XSAVE, FSGSBASE: found out, and done without."""
    text = boot(kernel=kernel(), initrd=rootfs("busybox"), cmdline="console=ttyS0 panic=-1 rdinit=/bin/sh", extra=["-cpu", "qemu64"])
    assert "Switchback" in text


def test_embedded_initramfs_and_flavours_have_paths_of_their_own():
    names = {str(p) for p in (kernel(None, None, "DEBUG=0"), kernel(None, None, "DEBUG=1"), kernel(None, None, "CC=clang"), kernel(13, "solutions"))}
    assert len(names) == 4
    assert str(ROOT / BUILD / "switchback.elf") in names
