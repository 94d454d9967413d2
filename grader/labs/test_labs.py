"""Every prefix links, boots, and passes the tests of its own stage: that is how the layering is proved."""
import pytest

from harness import disk
from harness import grade as grading
from harness import ktest, usertest
from harness.build import ROOT, kernel, rootfs
from harness.qemu import Machine

LABS = range(1, 14)
FIRST_WITH_DISKS = 10
CHECKS = [(lab, check) for lab in LABS for check in grading.checks(lab)]
_cache = {}


def verdicts(lab):
    """One boot for all the checks of a lab."""
    if lab not in _cache:
        _cache[lab] = {v.check: v for v in grading.grade(lab)}
    return _cache[lab]


@pytest.mark.parametrize("lab,check", [pytest.param(lab, check, id="%02d-%s" % (lab, check), marks=pytest.mark.xdist_group("lab%02d" % lab))
                                       for lab, check in CHECKS])
def test_reference(lab, check):
    verdict = verdicts(lab)[check]
    assert verdict.passed, verdict.why


def start(lab, source, folder, programs):
    """A boot with something to do: programs under the runner, where there are programs, and a disk, where there is a driver."""
    image = kernel(lab, source)
    if lab >= FIRST_WITH_DISKS:
        path = folder / "disk"
        path.write_bytes(bytes(1 << 20))
        return usertest.boot(image, programs, folder, cap=60, append="programs=/tests/raw_hello", extra=disk.drive(path))
    if lab >= usertest.FIRST_WITH_LOADER:
        return usertest.boot(image, programs, folder, cap=60, append="programs=/tests/raw_hello")
    return Machine(image, cmdline="console=ttyS0 panic=-1", cap=60)


@pytest.mark.parametrize("lab", LABS)
def test_prefix_boots(lab, tmp_path):
    """The plain kernel, without tests in it, comes up to its destination with every subsystem up."""
    with start(lab, "solutions", tmp_path, ["raw_hello"]) as guest:
        guest.wait_for_verdict(r"^BOOTED \d+")
        guest.wait_quiet()
        assert guest.outcome() in ("runs", "powered off"), guest.report()
        wrong = [line for line in guest.verdict.splitlines() if line.startswith("SUBSYSTEM") and " ok " not in line]
        assert not wrong, guest.report()


def test_the_programs_that_lab_06_runs_by_itself():
    """Nobody names any: a few of the newlib image, one of them movable."""
    with Machine(kernel(6, "solutions"), initrd=rootfs("newlib"), cmdline="console=ttyS0 panic=-1", cap=60) as guest:
        guest.wait_end()
        assert "programs: 4 run, 0 failed" in guest.console.text, guest.report()


@pytest.mark.parametrize("lab", [lab for lab in LABS if grading.lab_files(lab)])
def test_skeleton_stops_at_its_todo(lab, tmp_path):
    """What a student starts from builds, boots as far as it can, and stops at a line that says where to go on."""
    with start(lab, "base", tmp_path, usertest.programs(lab) or ["raw_hello"]) as guest:
        guest.wait_end()
        assert guest.outcome() == "stopped", guest.report()


def test_all_stages_together():
    """The in-kernel tests of every stage in the full kernel, one boot."""
    names = ktest.listed(ROOT)
    run = ktest.run(kernel(ktest=True), cap=180)
    wrong = [run.complaint(n) for n in names if run.complaint(n)]
    assert not wrong, "\n".join(wrong[:5])


def test_debug_kernel_passes_too():
    """Lock order, ownership, context and undefined behaviour are asserted while the same tests run."""
    names = ktest.listed(ROOT)
    run = ktest.run(kernel(None, None, "DEBUG=1", ktest=True), cap=240)
    wrong = [run.complaint(n) for n in names if run.complaint(n)]
    assert not wrong, "\n".join(wrong[:5])


def test_clangs_kernel_passes_too():
    names = ktest.listed(ROOT)
    run = ktest.run(kernel(None, None, "CC=clang", ktest=True), cap=180)
    wrong = [run.complaint(n) for n in names if run.complaint(n)]
    assert not wrong, "\n".join(wrong[:5])
