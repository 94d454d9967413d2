"""Schedules from a seed: the user tests of processes that talk (stage 09), on one CPU, where the scheduler is the chaos one of the checking kernel: at
every point where a thread may lose the CPU a number decides whether it does, and to whom. With a clock that counts instructions a seed is the same
schedule each time. A test that needs a certain order, or misses one, prints what Linux does not."""
import re
import time

from harness import usertest

STAGE = 9


def play(kernel, seed, seconds, say, only=None, boots=None):
    """Seeds from `seed` on, a boot each, for `seconds`, or `boots` of them; `only` is a pattern of tests' names. None, or what was found."""
    tests = [name for name in usertest.names(STAGE, run="") if not only or re.fullmatch(only, name)]
    start, done = time.monotonic(), 0
    if not tests:
        return "no test of stage %02d has a name like %s" % (STAGE, only)
    while done < boots if boots else done == 0 or time.monotonic() - start < seconds:
        now = seed + done
        begun = time.monotonic()
        run = usertest.run_many(kernel, tests, smp=1, append="sched=chaos,seed=%d seconds=600" % now, icount=True, watch=False, cap=3600)
        wrong = [text for text in map(run.complaint, tests) if text]
        if wrong:
            return "seed %d (SEED=%d BOOTS=1 repeats it): %d of %d tests\n%s" % (now, now, len(wrong), len(tests), "\n".join(wrong))
        done += 1
        say("  seed %d: %d tests as on Linux, %d s" % (now, len(tests), time.monotonic() - begun))
    say("  total: %d schedules from seed %d on, every one as on Linux" % (done, seed))
    return None
