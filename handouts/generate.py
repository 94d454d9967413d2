"""What the book has from the tree itself, written as parts that chapters include: generate.py OUTDIR.

    subsystems.dot     which subsystem needs which, from labs/*/lab.mk and the SUBSYSTEM records
    syscalls.md        the table of system calls, from kernel/include/abi/syscalls.tbl
    mutants.md         the wrong solutions that the graders must catch, from solutions/*/mutants
    mutants-NN.md      the same of one lab
    files-NN.md        what the student writes: files and lines
    checks-NN.md       what the lab is judged by, from grader/labs/NN-*.toml
    steps.md           what one checkpoint has more than the one before it
    doors.md           the doors of the Makefile
    measured.md        the figures beside Linux that are kept, and bench.svg, their chart (measured.py)
"""
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Sphinx runs this from a copy; the tree's place comes with the call.
if len(sys.argv) > 2:
    ROOT = Path(sys.argv[2]).resolve()
sys.path.insert(0, str(ROOT / "kernel/tools"))
import measured  # noqa: E402
from labs_mk import read_labs  # noqa: E402

CATEGORIES = ("file", "process", "memory", "ipc", "network", "time", "system")


def subsystems(labs):
    """A dot graph: a cluster a stage, an edge for each need that the kernel itself declares."""
    needs = {}
    for path in sorted((ROOT / "kernel").rglob("*.c")):
        for name, text in re.findall(r"^SUBSYSTEM\((\w+),(.*?)\);", path.read_text(encoding="utf-8"), re.M | re.S):
            found = re.search(r'\.needs\s*=\s*"([^"]*)"', text)
            stage = re.search(r'\.stage\s*=\s*"(\d\d)-', text)
            needs[name] = (found.group(1).split() if found else [], int(stage.group(1)) if stage else 0)
    lines = ["digraph subsystems {", "rankdir=BT; node [shape=box, style=filled, fillcolor=white, height=0.3]; ranksep=0.35; nodesep=0.18;"]
    for lab in labs:
        inside = [n for n, (_, stage) in needs.items() if stage == lab.stage]
        if not inside:
            continue
        lines.append('subgraph cluster_%02d { label="lab %02d"; style="filled,rounded"; color="#bbccdd"; fillcolor="#eef3f8"; fontcolor="#334455";' % (lab.stage, lab.stage))
        lines += ['"%s";' % n for n in inside] + ["}"]
    for name, (below, _) in sorted(needs.items()):
        lines += ['"%s" -> "%s";' % (name, other) for other in below if other in needs]
    return "\n".join(lines + ["}", ""])


def rows_of_syscalls():
    for line in (ROOT / "kernel/include/abi/syscalls.tbl").read_text(encoding="utf-8").splitlines():
        part = line.split()
        if part and part[0].isdigit():
            arguments = "" if part[4] == "-" else ", ".join(a.partition(":")[2] for a in part[4].split(","))
            yield int(part[0]), part[1], part[2], int(part[3]) if part[3].isdigit() else None, arguments


def syscalls():
    every = list(rows_of_syscalls())
    rows = [r for r in every if r[3]]
    missing = [r for r in every if not r[3]]
    out = ["%d calls, by the lab that brings them. The number is the one in `rax`." % len(rows), ""]
    for stage in sorted({r[3] for r in rows}):
        out += ["### Lab %02d" % stage, "", "| nr | call | category |", "|---:|---|---|"]
        out += ["| %d | `%s(%s)` | %s |" % (nr, name, arguments, category) for nr, name, category, s, arguments in rows if s == stage] + [""]
    if missing:
        out += ["### Not there", "", "%d more have a name, for the trace, and answer ENOSYS: %s." % (len(missing), ", ".join("`%s`" % r[1] for r in missing)), ""]
    return "\n".join(out)


class Mutant:
    def __init__(self, path):
        self.lab, self.name = path.parts[-3], path.stem
        text = path.read_text(encoding="utf-8")
        head = text.partition("\n--- ")[0].splitlines()
        self.what = " ".join(line for line in head if not line.startswith("Fails:"))
        self.fails = [w for line in head if line.startswith("Fails:") for w in line.split()[1:]]
        self.files = re.findall(r"^\+\+\+ b/(\S+)", text, re.M)


def mutants():
    return [Mutant(p) for p in sorted((ROOT / "solutions").glob("*/mutants/*.patch"))]


def table_of_mutants(some, with_lab):
    out = ["| %swrong solution | file | what is wrong | must lose marks in |" % ("lab | " if with_lab else ""), "|%s---|---|---|---|" % ("---|" if with_lab else "")]
    for m in some:
        caught = "<br>".join("`%s`" % (c.partition(":")[2] or c) for c in m.fails)
        what = m.what.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
        out.append("| %s%s | `%s` | %s | %s |" % ("%s | " % m.lab[:2] if with_lab else "", m.name, " ".join(m.files), what, caught))
    return "\n".join(out + [""])


def lines_of(path):
    """Lines of the reference as it is compiled: with the answer, without the skeleton."""
    run = subprocess.run(["unifdef", "-x2", "-DSOLUTION", str(path)], capture_output=True, text=True)
    return len(run.stdout.splitlines())


def files_of(lab):
    out = ["| file | functions that are yours | lines in the reference |", "|---|---|---:|"]
    for name in lab.files:
        skeleton = (ROOT / "labs" / lab.name / name).read_text(encoding="utf-8")
        if name.endswith(".S"):
            mine = re.findall(r"^\t\.globl\s+(.*)$", skeleton, re.M)
            mine = sorted({w.strip() for line in mine for w in line.split(",")})
        else:
            mine = [m.group(1) for m in re.finditer(r"^[\w ][\w \*]*?[ \*](\w+)\([^;\n]*\)\n\{(?:(?!\n\}).)*?TODO\(", skeleton, re.M | re.S)]
        path = ROOT / "solutions" / lab.name / name
        out.append("| `%s` | %s | %s |" % (name, ", ".join("`%s`" % n for n in mine) or "none: it works, and is there for a challenge", lines_of(path) if path.exists() else ""))
    return "\n".join(out + [""])


def checks_of(lab):
    """The tests that students may see, with what each is worth; and the challenges that have a grader."""
    with open(ROOT / "grader/labs" / (lab.name + ".toml"), "rb") as stream:
        tests = [t for t in tomllib.load(stream)["test"] if t.get("visibility", "visible") == "visible"]
    plain, asked = [t for t in tests if not t.get("challenge")], [t for t in tests if t.get("challenge")]
    out = ["| test | what it looks at | points |", "|---|---|---:|"]
    out += ["| `%s` | %s | %d |" % (t["id"].partition(":")[2], t["title"], t["points"]) for t in plain]
    if asked:
        out += ["", "Challenges with a grader, by `make grade LAB=%02d CHALLENGE=name`:" % lab.stage, "", "| challenge | what it looks at |", "|---|---|"]
        out += ["| `%s` | %s |" % (t["challenge"], t["title"]) for t in asked]
    return "\n".join(out + [""])


def count(folder):
    """Files and lines of a folder of the kernel."""
    files = [p for p in (ROOT / "kernel" / folder).glob("*.[cSh]")] + list((ROOT / "kernel/include" / folder).glob("*.h"))
    return len(files), sum(len(p.read_text(encoding="utf-8").splitlines()) for p in files)


def steps(labs):
    """What each checkpoint has more than its neighbour: the folders that are linked, and solutions that are given."""
    out = []
    for before, lab in zip([None] + labs, labs):
        out += ["### %s" % lab.name, "", "```text"]
        out.append("$ git diff --stat lab/%s lab/%s      # in a student's tree" % (before.name, lab.name) if before else "the first checkpoint")
        if before:
            files = [(name, ROOT / "solutions" / before.name / name) for name in before.files]
            given = [(name, len(path.read_text(encoding="utf-8").splitlines())) for name, path in files if path.exists()]
            out += [" solutions/%s/%-40s | %4d +" % (before.name, name, n) for name, n in given]
            out.append(" %d files added, %d lines" % (len(given), sum(n for _, n in given)))
        out.append("newly linked: " + (", ".join("kernel/%s (%d files, %d lines)" % ((sub,) + count(sub)) for sub in lab.enables if (ROOT / "kernel" / sub).is_dir()) or "nothing yet"))
        out.append("to be written: " + (", ".join(lab.files) or "nothing yet: this lab is not carved"))
        out += ["```", ""]
    return "\n".join(out)


def doors():
    """`make help`, word by word."""
    text = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return "```text\n%s```\n" % text


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    labs = read_labs(ROOT)
    all_mutants = mutants()
    parts = {"subsystems.dot": subsystems(labs), "syscalls.md": syscalls(), "mutants.md": table_of_mutants(all_mutants, True), "steps.md": steps(labs), "doors.md": doors()}
    for lab in labs:
        if lab.files:
            parts["files-%02d.md" % lab.stage] = files_of(lab)
            parts["checks-%02d.md" % lab.stage] = checks_of(lab)
            parts["mutants-%02d.md" % lab.stage] = table_of_mutants([m for m in all_mutants if m.lab == lab.name], False)
    for name, text in parts.items():
        (out / name).write_text(text, encoding="utf-8")
    measured.write(ROOT, out)


if __name__ == "__main__":
    main()
