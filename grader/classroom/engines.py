"""Three ways to run class_job.py for a list of numbers. None of them is trusted with a mark: whoever calls looks at the files that came out, and asks again for
what is missing. Each is a generator that yields now and then, so that progress can be shown, and ends when nothing runs any more."""
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
JOB = ["/usr/bin/python3", "-I", "-B", str(HERE / "class_job.py")]
SECONDS = 1800  # of one student's run: more than any needs


def local(out, numbers, jobs):
    """One after the other, or a few at a time."""
    running, left = [], list(numbers)
    try:
        while running or left:
            while left and len(running) < jobs:
                number = left.pop(0)
                with open(Path(out) / "log" / ("%d.out" % number), "ab") as log:
                    running.append(subprocess.Popen(["timeout", "-k", "10", str(SECONDS), *JOB, str(out), str(number)], stdin=subprocess.DEVNULL, stdout=log, stderr=log))
            yield
            time.sleep(0.1)
            running = [p for p in running if p.poll() is None]
    finally:
        for process in running:
            process.terminate()


def parallel(out, numbers, jobs):
    """GNU parallel on one machine."""
    command = ["parallel", "--will-cite", "-j", str(jobs), "--joblog", str(Path(out) / "joblog"), "--timeout", str(SECONDS), "--retries", "3",
               "--termseq", "TERM,2000,KILL", " ".join(JOB) + " %s {} >> %s/log/{}.out 2>&1" % (_word(out), _word(out))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    process.stdin.write("".join("%d\n" % n for n in numbers))
    process.stdin.close()
    try:
        while process.poll() is None:
            yield
            time.sleep(0.1)
    finally:
        if process.poll() is None:
            process.terminate()


def _word(text):
    return "'" + str(text).replace("'", "'\\''") + "'"


SBATCH = """#!/bin/sh
#SBATCH --job-name=grade
#SBATCH --requeue
#SBATCH --open-mode=append
# 99, and a run that did not end, mean: again. A node that dies is the cluster's business (it queues the job again); what it does not bring back, class_run does.
timeout -k 10 %d %s %s "$SLURM_ARRAY_TASK_ID"
status=$?
[ $status -ne 124 ] && [ $status -ne 137 ] || status=99
exit $status
"""


def ranges(numbers):
    """1,2,3,7 as 1-3,7."""
    out = []
    for n in sorted(numbers):
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ",".join("%d" % a if a == b else "%d-%d" % (a, b) for a, b in out)


def slurm(out, numbers, jobs):
    """A job array on the cluster that SLURM_CONF (or the system) names."""
    out = Path(out)
    script = out / "grade.sbatch"
    script.write_text(SBATCH % (SECONDS, " ".join(JOB), _word(out)))
    words = os.environ.get("SBATCH_WORDS", "").split()  # a partition, an account: what the cluster asks for
    done = subprocess.run(["sbatch", "--parsable", "--array=%s%%%d" % (ranges(numbers), jobs), "--output=%s/log/%%a.out" % out, *words, str(script)],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit("sbatch: " + done.stderr.strip())
    job = done.stdout.strip().partition(";")[0]
    silent = 0
    try:
        while True:
            yield
            time.sleep(1)
            told = subprocess.run(["squeue", "-h", "-o", "%t", "-j", job], capture_output=True, text=True, check=False)
            gone = "Invalid job id" in told.stderr
            if not told.returncode and not told.stdout.strip() or gone:
                return
            silent = silent + 1 if told.returncode else 0
            if silent > 600:
                print("the cluster has not answered for ten minutes", file=sys.stderr)
                return
    except GeneratorExit:
        subprocess.run(["scancel", job], check=False)
        raise


ENGINES = {"local": local, "parallel": parallel, "slurm": slurm}
