#!/usr/bin/python3
"""Long runs that look for a panic, a hang, a leak: `make campaign [KIND=calls|storms|mutants|all] [SEED=n] [TIME=seconds] [SMP=n] [DEBUG=1]`.

calls    random system calls from several workers, filled by the kernel's own table (user/tests/campaign_calls.c)
storms   fork, memory, pipe, futex, name, signal, terminal, /proc, mount and file storms (campaign_stress.c; ONLY=name for one)
mutants  programs with changed headers; TIME is their number (exec_mutants.c)

The exit status is 0 if the machine came to its end by itself, and nothing was found stuck or wrong. The same SEED asks the same
questions; how the CPUs take turns is not repeated."""
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import usertest  # noqa: E402
from harness.build import kernel  # noqa: E402

KINDS = {"calls": "campaign_calls", "storms": "campaign_stress", "mutants": "exec_mutants"}


def main():
    kind, seed, seconds = os.environ.get("KIND") or "all", os.environ.get("SEED") or "1", int(os.environ.get("TIME") or "120")
    smp = int(os.environ.get("SMP") or "4")
    words = ["seconds=%d" % (3 * seconds + 300), "SEED=" + seed, "TIME=%d" % seconds]
    words += [w + "=" + os.environ[w] for w in ("ONLY", "WORKERS") if os.environ.get(w)]
    image = kernel(None, None, *(["DEBUG=1"] if os.environ.get("DEBUG") == "1" else []))
    bad = 0
    for name in KINDS.values() if kind == "all" else [KINDS[kind]]:
        answer = usertest.run_many(image, [name], smp=smp, cap=4 * seconds + 600, append=" ".join(words), mem="768M")[name]
        print(answer.output)
        if answer.ended != "exit 0" or "STUCK" in answer.output or "WRONG" in answer.output:
            print("%s: %s\n%s" % (name, answer.ended, answer.report))
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
