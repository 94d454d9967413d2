"""Scenarios: what is judged from outside, lab by lab. A function named lab_NN_name plays one with a Kit, and fails by an
assertion that says what was expected and what came. They are run by test_labs.py on the reference, by `make grade` on a
student's work, and by the self-test on skeletons and wrong solutions."""
import random
import re
import subprocess

from harness import ktest
from harness.build import BUILD, ROOT, kernel
from harness.qemu import Machine


class Kit:
    """The kernel under judgement, and ways to boot it."""

    def __init__(self, lab, source, variables):
        self.lab, self.source, self.variables = lab, source, variables

    def image(self):
        return kernel(self.lab, self.source, *self.variables)

    def ktest_image(self):
        return kernel(self.lab, self.source, *self.variables, ktest=True)

    def boot(self, **options):
        options.setdefault("cmdline", "console=ttyS0")
        return Machine(self.image(), **options)

    def iso(self, cmdline, initramfs=None):
        """An ISO of this kernel: the only way through GRUB and so through a Multiboot2 walk."""
        image = self.image()
        folder = ROOT / BUILD / "grade"
        folder.mkdir(parents=True, exist_ok=True)
        name = "lab%02d-%s-%08x" % (self.lab, self.source, random.getrandbits(32))
        chosen = folder / (name + ".chosen")
        if initramfs:
            chosen.write_text(str(initramfs))
        iso = folder / (name + ".iso")
        subprocess.run(["sh", str(ROOT / "kernel/tools/mkiso.sh"), str(iso), str(image), str(chosen) if initramfs else "", cmdline],
                       check=True, cwd=ROOT)
        chosen.unlink(missing_ok=True)
        return iso


def of(lab):
    prefix = "lab_%02d_" % lab
    return [name[len(prefix):] for name in globals() if name.startswith(prefix)]


def play(lab, name, source="solutions", *variables):
    globals()["lab_%02d_%s" % (lab, name)](Kit(lab, source, variables))


def word():
    return "w%08x" % random.getrandbits(32)


# --- 01

def _grub(kit, **machine):
    secret = word()
    iso = kit.iso("console=ttyS0 secret=" + secret)
    try:
        with Machine(iso=iso, icount=False, cap=60, **machine) as guest:
            guest.expect(r"Switchback")
            guest.expect(re.escape("secret=" + secret))
            return guest.wait_quiet()
    finally:
        iso.unlink()


def lab_01_grub_hands_over_the_command_line(kit):
    _grub(kit)


def lab_01_the_memory_map_adds_up(kit):
    """Every range that the firmware told is on the console; with another size of memory the usable part changes with it."""
    for megabytes in (96, 160):
        text = _grub(kit, mem="%dM" % megabytes)
        ranges = [(int(a, 16), int(b, 16)) for a, b in
                  re.findall(r"([0-9a-f]{8,16}) - ([0-9a-f]{8,16}) .*usable", text)]
        total = sum(b + 1 - a for a, b in ranges)
        assert abs(total - (megabytes << 20)) <= 1 << 20, "wrong output: %d MiB of memory, usable on the console: %s" % (
            megabytes, [(hex(a), hex(b)) for a, b in ranges])


# --- 03

def lab_03_a_fault_is_told_with_names(kit):
    """A wild write in the kernel is a panic with a back-trace that names the function and its caller."""
    run = ktest.run(kit.ktest_image(), "03.crash_write_to_null", cap=30)
    assert run.outcome == "panic", "wrong output: outcome is %s, not a panic\n%s" % (run.outcome, run.report)
    for name in ("ktest_crash_here", "crash_write_to_null"):
        assert name in run.report, "wrong output: %s is not in the back-trace\n%s" % (name, run.report)


def lab_03_the_timer_ticks(kit):
    """From outside: the kernel's clock, read twice over the debugger's stub, has gone on."""
    run = ktest.run(kit.ktest_image(), "03.time_goes_forward", cap=30)
    assert run.complaint("03.time_goes_forward") is None, run.complaint("03.time_goes_forward")


# --- 04

def lab_04_threads_on_two_cpus(kit):
    """The stage's own tests once more with two CPUs that really run at the same time."""
    names = [n for n in ktest.listed(ROOT, 4)]
    run = ktest.run(kit.ktest_image(), " ".join(names), smp=2, icount=False, threads="multi", cap=90)
    for name in names:
        assert run.complaint(name) is None, run.complaint(name)
    assert run.results["04.every_cpu_runs_threads"].notes.get("cpus") == 2, "wrong output: not two CPUs\n" + run.report


# --- 05

def lab_05_the_first_program_speaks_through_both_entries(kit):
    """Ring 3 speaks by SYSCALL and by INT 0x80, ends in order; one that reads kernel memory is ended by SIGSEGV."""
    with kit.boot(cmdline="console=ttyS0 panic=-1", cap=20) as guest:
        guest.expect("hello by SYSCALL")
        guest.expect("hello by INT 0x80")
        guest.wait_for_verdict(r"^ring3 good (\d+) bad (\d+)$")
        good, bad = map(int, re.search(r"^ring3 good (\d+) bad (\d+)$", guest.verdict, re.M).groups())
        assert good & 0x7f == 0 and bad == 11, "wrong output: wait statuses %d and %d\n%s" % (good, bad, guest.report())
