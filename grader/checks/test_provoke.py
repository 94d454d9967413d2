"""Each fault that a test kernel makes on purpose (grader/ktest/*_provoke.c) is caught by the checker that should, and named."""
import re

import pytest

from harness.build import ROOT, kernel, make
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
    "interrupt_inversion": r"lock check: inversion: shared with an interrupt \(rank \d+\) is taken in interrupts, which may come while held with interrupts on",
    "loop_with_interrupts_off": r"watchdog: CPU 0 makes no progress: no timer interrupt[^$]*provoke_loop_with_interrupts_off",
    "panic_beside_the_watchdog": r"PANIC a slow report[^$]*this took a while[^$]*provoke_panic_beside_the_watchdog",
    "loop_without_preemption": r"watchdog: CPU 0 makes no progress: no (other thread ran|timer interrupt)[^$]*provoke_loop_without_preemption",
    "unaligned_fpu_frame": r"general protection fault in the kernel",
    "stack_canary": r"stack: the canary of destination is gone",
    "user_pointer": r"KASAN: user memory touched without the copy functions: read of 4 bytes at 400000",
    "user_pointer_by_copy": r"KASAN: user memory touched without the copy functions: read of 16 bytes at 400000",
    "user_pointer_written": r"KASAN: user memory touched without the copy functions: write of 4 bytes at 400000",
    "interrupts_off_on_return_to_user": r"lock check: return to user mode: .* left interrupts off",
    "heap_overrun_by_one": r"KASAN: heap overrun: write of 1 bytes[^$]*0 bytes behind the end of an object of 37 bytes",
    "heap_read_overrun": r"KASAN: heap overrun: read of 8 bytes",
    "heap_underrun_first": r"KASAN: heap underrun: write of 1 bytes[^$]*1 bytes before an object of 64 bytes",
    "large_overrun": r"KASAN: heap overrun: write of 1 bytes",
    "large_double_free": r"KASAN: invalid free: \w+ was not allocated \(or was freed already\)",
    "mapping_overrun": r"page fault in the kernel: write of \w+, which is not mapped",
    "mapping_use_after_free": r"KASAN: use of a freed mapping: write of 1 bytes",
    "page_double_free": r"poison: frame \d+ is freed twice",
    "free_of_a_stack_variable": r"KASAN: invalid free: \w+ is not the start of a mapping",
    "free_of_a_global": r"KASAN: invalid free",
    "use_after_free_by_copy": r"KASAN: use after free: read of 32 bytes[^$]*allocated by[^$]*freed by",
    "string_without_end": r"KASAN: heap overrun: read of 1 bytes at \w+ by strlen",
    "stack_use_after_return": r"KASAN: use of a variable after its function returned: write of 1 bytes",
    "stack_use_after_scope": r"KASAN: use of a variable after its scope: write of 1 bytes[^$]*provoke_stack_use_after_scope",
    "stack_underrun": r"KASAN: stack overrun: write of 1 bytes[^$]*provoke_stack_underrun",
    "variable_array_overrun": r"KASAN: (alloca|stack) overrun: write of 1 bytes",
    "global_overrun_by_one": r"KASAN: global overrun: write of 4 bytes[^$]*numbers of 28 bytes",
    "write_to_constant": r"page fault in the kernel: write of \w+, which is protected",
    "wild_write": r"page fault in the kernel: write of ffff900000000000, which is not mapped",
    "non_canonical_write": r"KASAN: wild access: write of 4 bytes at 1234567812345678",
    "double_unlock": r"lock check: provoked is released by one who does not hold it",
    "unlock_by_another_cpu": r"lock check: provoked is released by one who does not hold it",
    "lock_freed_while_held": r"lock check: memory at \w+ is freed, in which provoked lies, and is held",
    "list_added_twice": r"list corrupted: an entry is added beside itself",
    "reference_leak": r"leak: 1 objects more than before[^$]*leak: 44 bytes of kmalloc-\w+[^$]*provoke_reference_leak\+\S+ \(grader/ktest/02_more_provoke.c:\d+\)",
    "reference_saturation": r"reference count \w+: saturated",
    "negative_index": r"UBSan: index -1 out of bounds of .*02_more_provoke.c:\d+",
    "smallest_by_minus_one": r"UBSan: signed integer overflow: -2147483648 / -1 .*02_more_provoke.c:\d+",
    "unsigned_shift": r"UBSan: shift out of bounds: .* by 64 .*02_more_provoke.c:\d+",
    "sleep_in_interrupt": r"lock check: \S+ sleeps, but a spinlock is held or preemption is off|lock check: .* may sleep, but this is an interrupt",
    "loop_with_interrupts_on": r"watchdog: the thread destination makes no progress: in the kernel for \d+ s[^$]*provoke_loop_with_interrupts_on",
    "execution_of_heap": r"page fault in the kernel: execution of \w+, which is protected",
    "timer_freed_while_armed": r"KASAN: use after free: read of \d+ bytes[^$]*provoke_timer_freed_while_armed",
    "undefined_instruction": r"invalid opcode in the kernel",
    "lock_held_on_return_to_user": r"lock check: return to user mode with a sleeping lock held[^$]*held: m",
    "user_copy_under_spinlock": r"lock check: a copy to or from user memory may sleep, but a spinlock is held",
}


@pytest.mark.parametrize("name", sorted(CAUGHT))
def test_is_caught(name):
    image = kernel(5, "solutions", "DEBUG=1", ktest=True)
    # Instructions are no clock for a loop that does nothing but wait; and a guest that a busy host keeps waiting for a second is not one without interrupts.
    cpus = 2 if "another_cpu" in name else 1
    seconds = 1 if name == "loop_with_interrupts_off" else 5 if "loop" in name else 60
    with Machine(image, cmdline="console=ttyS0 watchdog=%d provoke=%s" % (seconds, name), cap=120, icount="loop" not in name and cpus == 1, smp=cpus) as guest:
        guest.wait_end()
        report = guest.verdict
    assert "provoke %s is not known" % name not in report
    assert " survived" not in report, "nobody noticed"
    head = "PANIC " + report.partition("PANIC ")[2]
    assert re.search(CAUGHT[name], head), head[:2000]
    assert "TRACE" in head, "no back-trace"


def test_the_watchdog_shows_every_cpu():
    image = kernel(5, "solutions", "DEBUG=1", ktest=True)
    with Machine(image, cmdline="console=ttyS0 watchdog=2 provoke=loop_with_interrupts_off", cap=120, icount=False, smp=3) as guest:
        guest.wait_end()
        report = guest.verdict.partition("PANIC watchdog: ")[2]
    for cpu in (1, 2):  # the first one reports
        assert re.search(r"^CPU %d was here:\nTRACE \w" % cpu, report, re.M), "CPU %d is not shown:\n%s" % (cpu, report[:3000])
    assert "provoke_loop_with_interrupts_off" in report, "nobody is shown where it is stuck:\n" + report[:3000]


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
    assert one.count("\n") > 30 and re.search(r"windows [1-9]", one), one[-2000:]
    assert one == again, "the traces differ"
    assert one != other, "another seed gives the same"


def test_the_door_has_the_clock_for_it():
    """Without it the same seed gives another schedule nearly each time."""
    def machine(*words):
        return make("do-run", "LAB=05", "FROM=solutions", "DEBUG=1", "KERNEL_DIRECT=1", "QEMU=echo", *words)
    clock = "-icount shift=0,sleep=off"
    assert clock in machine("SMP=1", "APPEND=sched=chaos,seed=7")
    assert clock not in machine("SMP=2", "APPEND=sched=chaos,seed=7") and clock not in machine("SMP=1")


def test_every_provocation_is_expected():
    """A fault without an expectation here would be one that nobody has to catch."""
    names = set()
    for path in (ROOT / "grader/ktest").glob("*_provoke.c"):
        names |= set(re.findall(r"^PROVOKE\((\w+)\)", path.read_text(), re.M))
    assert names == set(CAUGHT) | {"race"} and len(names) >= 20
