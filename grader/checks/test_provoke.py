"""Each fault that a test kernel makes on purpose (grader/ktest/*_provoke.c) is caught by the checker that should, and named."""
import re

import pytest

from harness.build import ROOT, kernel
from harness.qemu import Machine

CAUGHT = {
    "heap_overrun": r"KASAN: heap overrun: write of 1 bytes[^$]*0 bytes behind the end of an object of 5 bytes",
    "heap_overrun_by_copy": r"KASAN: heap overrun: write of 41 bytes",
    "heap_underrun": r"KASAN: heap underrun: write of 1 bytes[^$]*1 bytes before an object of 64 bytes",
    "use_after_free": r"KASAN: use after free: write of 1 bytes[^$]*allocated by[^$]*freed by",
    "double_free": r"KASAN: double free[^$]*freed by",
    "invalid_free": r"KASAN: invalid free",
    "free_page_write": r"KASAN: use of a free page",
    "free_page_written_from_outside": r"poison: frame \d+ was written while it was free",
    "stack_overrun": r"KASAN: stack overrun[^$]*provoke_stack_overrun",
    "global_overrun": r"KASAN: global overrun[^$]*global_buffer of 5 bytes \(grader/ktest/02_provoke.c:\d+\)",
    "null_read": r"KASAN: null pointer: read of 4 bytes at 10",
    "integer_overflow": r"UBSan: signed integer overflow: 2147483647 \+ 10 .*02_provoke.c:\d+",
    "shift_too_far": r"UBSan: shift out of bounds: .* by 40 .*02_provoke.c:\d+",
    "index_out_of_bounds": r"UBSan: index 5 out of bounds of .*02_provoke.c:\d+",
    "unreachable": r"UBSan: unreachable code reached .*02_provoke.c:\d+",
    "division_by_zero": r"UBSan: division by zero .*02_provoke.c:\d+",
    "uninitialised_lock": r"lock check: the lock at \w+ was never initialised",
    "lock_taken_twice": r"lock check: provoked is taken again by its holder",
    "lock_inversion": r"lock check: inversion: low \(rank \d+\) is taken while high",
    "lock_inversion_without_ranks": r"lock check: inversion: lock a is taken while lock b is held",
    "unlock_of_a_free_lock": r"lock check: provoked is released by one who does not hold it",
    "list_corrupted": r"list corrupted: a removal finds",
    "reference_underflow": r"put of a dead object",
    "reference_of_the_dead": r"get of a dead object",
    "null_call": r"page fault in the kernel: execution of 0",
    "jump_to_data": r"page fault in the kernel: execution of \w+, which is protected",
    "write_to_text": r"page fault in the kernel: write of \w+, which is protected",
    "stack_overflow": r"stack overflow: the kernel stack",
    "sleep_under_spinlock": r"lock check: m may sleep, but a spinlock is held[^$]*held: provoked",
    "sleep_with_interrupts_off": r"lock check: m may sleep, but interrupts are off",
    "preempt_enable_lost": r"lock check: destination sleeps, but a spinlock is held or preemption is off",
    "mutex_inversion": r"lock check: inversion: low \(rank \d+\) is taken while high",
    "mutex_taken_twice": r"lock check: m is taken again by its holder",
    "mutex_of_another": r"lock check: m is released by one who does not hold it",
    "lock_with_interrupts_on": r"lock check: shared with an interrupt is taken in an interrupt by in_interrupt, and with interrupts on by provoke_",
    "loop_with_interrupts_off": r"watchdog: CPU 0 makes no progress: no timer interrupt[^$]*provoke_loop_with_interrupts_off",
    "loop_without_preemption": r"watchdog: CPU 0 makes no progress: no other thread ran[^$]*provoke_loop_without_preemption",
    "unaligned_fpu_frame": r"general protection fault in the kernel",
    "stack_canary": r"stack: the canary of destination is gone",
    "user_pointer": r"page fault in the kernel: read of 400000",
    "lock_held_on_return_to_user": r"lock check: return to user mode with a sleeping lock held[^$]*held: m",
    "user_copy_under_spinlock": r"lock check: a copy to or from user memory may sleep, but a spinlock is held",
}


@pytest.mark.parametrize("name", sorted(CAUGHT))
def test_is_caught(name):
    image = kernel(5, "solutions", "DEBUG=1", ktest=True)
    # Instructions are no clock for a loop that does nothing but wait.
    with Machine(image, cmdline="console=ttyS0 watchdog=1 provoke=" + name, cap=60, icount="loop" not in name) as guest:
        guest.wait_end()
        report = guest.verdict
    assert "provoke %s is not known" % name not in report
    assert " survived" not in report, "nobody noticed"
    head = "PANIC " + report.partition("PANIC ")[2]
    assert re.search(CAUGHT[name], head), head[:2000]
    assert "TRACE" in head, "no back-trace"


def run_chaos(seed, trace=False):
    image = kernel(5, "solutions", "DEBUG=1", ktest=True)
    with Machine(image, cmdline="console=ttyS0 provoke=race sched=chaos,seed=%d%s" % (seed, ",trace" if trace else ""), cap=60) as guest:
        guest.wait_end()
        return guest.verdict


def test_a_planted_race_is_found():
    """The fair scheduler does not show it on one CPU; the chaos scheduler does within a few of the 500 seeds allowed, and the report says which it was."""
    image = kernel(5, "solutions", "DEBUG=1", ktest=True)
    with Machine(image, cmdline="console=ttyS0 provoke=race", cap=60) as guest:
        guest.wait_end()
        assert "PANIC" not in guest.verdict and "provoke race survived" in guest.verdict, guest.report()
    for seed in range(1, 501):
        report = run_chaos(seed)
        if "PANIC race" in report:
            assert "The schedule was chaos, seed %d:" % seed in report.partition("PANIC race")[2], report[-3000:]
            assert "PANIC race" in run_chaos(seed), "the seed does not show it again"
            return
    assert False, "not within 500 seeds"


def test_the_same_seed_gives_the_same_schedule():
    one, again, other = ("".join(re.findall(r"^chaos .*\n", run_chaos(seed, trace=True), re.M)) for seed in (7, 7, 8))
    assert one.count("\n") > 500 and "starving" in one, one[-2000:]
    assert one == again, "the traces differ"
    assert one != other, "another seed gives the same"


def test_every_provocation_is_expected():
    """A fault without an expectation here would be one that nobody has to catch."""
    names = set()
    for path in (ROOT / "grader/ktest").glob("*_provoke.c"):
        names |= set(re.findall(r"^PROVOKE\((\w+)\)", path.read_text(), re.M))
    assert names == set(CAUGHT) | {"race"} and len(names) >= 20
