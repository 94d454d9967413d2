"""`make mutate LAB=NN`: how many plausible single mistakes the graders notice.

Mechanical mistakes are made in each of the lab's files, one at a time: a comparison turned or moved by one, a constant off by one, a statement or an
assembler line left out, `&&` for `||`, two arguments exchanged, a negation lost, a lock not taken. Each mutant is built and graded; those that keep
full marks are the survivors. One of them is either equivalent to the reference, or a check is missing.

Mutants whose object is the same as the reference's (or that do not compile) do not count."""
import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .build import BUILD, ROOT, BuildFailure, forget, make
from . import grade, points, qemu

sys.path.insert(0, str(ROOT / "kernel/tools"))
from labs_mk import read_labs  # noqa: E402

LABS = {lab.stage: lab for lab in read_labs(ROOT)}

# (pattern, replacements): each match in code gives one mutant for each replacement.
REPLACEMENTS = [
    (r"(?<![<>=!+\-*/&|^%-])<(?![<=])(?=\s)", ["<=", ">="]), (r"(?<![<>=!-])>(?![>=])(?=\s)", [">=", "<"]), (r"<=", ["<"]), (r"(?<![>-])>=", [">"]),
    (r"(?<![=!<>])==", ["!="]), (r"!=", ["=="]), (r"&&", ["||"]), (r"\|\|", ["&&"]), (r"(?<=\s)\+(?=\s)", ["-"]), (r"(?<=\s)-(?=\s)", ["+"]),
    (r"\+\+", ["--"]), (r"(?<!-)--(?!-)", ["++"]), (r"\+=", ["-="]), (r"-=", ["+="]), (r"\|=", ["="]), (r"&= ~", ["|= "]), (r"& ~", ["| "]),
    (r"(?<=[(\s!])!(?=[\w(])", [""]), (r"\btrue\b", ["false"]), (r"\bfalse\b", ["true"]), (r"\bMIN\b", ["MAX"]), (r"\bMAX\b", ["MIN"]),
    (r"\bALIGN_UP\b", ["ALIGN_DOWN"]), (r"\bALIGN_DOWN\b", ["ALIGN_UP"]), (r"(?<![\w.])(\d+)(?![\w.])", ["PLUS1"]), (r"\bcontinue;", ["break;"]),
    (r"\bbreak;", ["continue;"]), (r"-E[A-Z]{3,}\b", ["-EIO", "0"]), (r"\blist_add_tail\b", ["list_add"]), (r"\blist_add\b", ["list_add_tail"]),
    (r"<<(?!=)", [">>"]), (r">>(?!=)", ["<<"]), (r"(?<=\s)&(?=\s)", ["|"]), (r"(?<=\s)\|(?=\s)", ["&"]), (r"(?<=\s)\?(?=\s)", ["&& 0 ?"]),
]
CALL = re.compile(r"\b(\w+)\(([^(),]+), ([^(),]+)\)")
STATEMENT = re.compile(r"^\t+[^\s#/*].*;\s*(/\*.*\*/)?$")
NOT_STATEMENT = re.compile(r"^\t+(return\b|break;|case |default|\w[\w \*]*\s\**\w+(\[.*\])?( = .*)?(, .*)?;|goto|enum|struct|\[|\.|static|const|ASSERT|KASSERT|cpu_relax|TODO|else$|do$)")


def code_lines(text):
    """Line numbers of code: no comment, no preprocessor, no declaration at file level."""
    inside = False
    for number, line in enumerate(text.split("\n")):
        bare = line.strip()
        if inside:
            inside = "*/" not in bare
            continue
        if bare.startswith("/*"):
            inside = "*/" not in bare
            continue
        if not bare or bare.startswith("#") or "ASSERT" in bare:
            continue
        yield number, line


def split_comment(line):
    at = line.find("/*")
    return (line, "") if at < 0 else (line[:at], line[at:])


def mutants_c(text):
    """(what, line number, new line) for each mistake."""
    for number, line in code_lines(text):
        if not line.startswith("\t"):
            continue
        code, comment = split_comment(line)
        strings = [m.span() for m in re.finditer(r'"[^"]*"', code)]
        for pattern, news in REPLACEMENTS:
            for match in re.finditer(pattern, code):
                if any(a <= match.start() < b for a, b in strings):
                    continue
                for new in news:
                    new = str(int(match.group(1)) + 1) if new == "PLUS1" else new
                    yield "%s for %s" % (new or "nothing", match.group(0)), number, code[:match.start()] + new + code[match.end():] + comment
        for match in CALL.finditer(code):
            if match.group(1) not in ("sizeof", "offsetof", "list_for_each") and match.group(2) != match.group(3):
                yield "arguments exchanged", number, code[:match.start()] + "%s(%s, %s)" % (match.group(1), match.group(3), match.group(2)) + code[match.end():] + comment
        if STATEMENT.match(line) and not NOT_STATEMENT.match(line):
            yield "left out", number, re.match(r"\t+", line).group(0) + ";"
        elif re.match(r"^\t+return\b", line) and not line.strip() in ("return;", "return 0;") and text.split("\n")[number - 1].strip().startswith("if"):
            yield "left out", number, re.match(r"\t+", line).group(0) + ";"


def mutants_asm(text):
    for number, line in code_lines(text):
        bare = line.strip()
        if not line.startswith("\t") or bare.startswith((".", "*", "/*")):
            continue
        yield "left out", number, ""
        for match in re.finditer(r"%r(\w+)", line):
            other = {"15": "14", "14": "15", "13": "12", "12": "13", "bx": "bp", "bp": "bx", "ax": "cx", "cx": "ax", "11": "10", "di": "si", "si": "di"}.get(match.group(1))
            if other:
                yield "r%s for r%s" % (other, match.group(1)), number, line[:match.start(1)] + other + line[match.end(1):]
        for a, b in (("jne", "je"), ("jnz", "jz"), ("jz", "jnz"), ("sti", "cli"), ("cli", "sti")):
            if re.search(r"\b%s\b" % a, bare):
                yield "%s for %s" % (b, a), number, re.sub(r"\b%s\b" % a, b, line)
        for match in re.finditer(r"(?<![\w.])\$?(\d+)(?=[,(\s]|$)", bare):
            yield "%d for %s" % (int(match.group(1)) + 1, match.group(1)), number, line.replace(match.group(0), match.group(0).replace(match.group(1), str(int(match.group(1)) + 1)), 1)


def reference(lab, name):
    return subprocess.run(["unifdef", "-x2", "-DSOLUTION", str(ROOT / "solutions" / LABS[lab].name / name)], capture_output=True, text=True, check=True).stdout


def all_mutants(lab):
    for name in LABS[lab].files:
        text = reference(lab, name)
        lines = text.split("\n")
        for what, number, new in (mutants_asm if name.endswith(".S") else mutants_c)(text):
            if new != lines[number]:
                yield name, number, lines[number].strip(), what, "\n".join(lines[:number] + [new] + lines[number + 1:])


def plant(lab, folder, name, text):
    """The lab's files, one of them with the mistake, below `folder`."""
    for other in LABS[lab].files:
        path = ROOT / folder / LABS[lab].name / other
        path.parent.mkdir(parents=True, exist_ok=True)
        new = text if other == name else reference(lab, other)
        if not path.exists() or path.read_text() != new:
            path.write_text(new)


def code_of(lab, folder, name):
    """A sum of the object's code and data, to find out what changes nothing; None if it does not compile."""
    variables = ["LAB=%02d" % lab, "FROM=base", "LABS=%s" % folder]
    try:
        make("objects", *variables)
    except BuildFailure:
        return None
    built = ROOT / BUILD / "obj/gcc" / folder / LABS[lab].name / (name + ".o")
    stripped = subprocess.run(["objcopy", "-O", "binary", "--strip-debug", "--set-section-flags", "*=alloc,contents", str(built), "/dev/stdout"],
                              capture_output=True, check=False).stdout
    relocations = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", str(built)], capture_output=True, check=False).stdout
    return hashlib.sha256(stripped[:0] + relocations[relocations.find(b"Disassembly"):]).hexdigest()


def judge(job):
    """One mutant graded: (job, the checks that notice it)."""
    lab, slot, item, base = job
    name, number, line, what, text = item
    folder = "%s/mutate/%02d-%d" % (BUILD, lab, slot)
    plant(lab, folder, name, text)
    forget()
    code = code_of(lab, folder, name)
    if code is None or code == base.get(name):
        return item, None
    entries = {e.id for e in points.entries(lab) if e.points}
    noticed = []
    groups = ["ktest:", "user:", "scenario:"]
    for group in groups:  # cheap ones first: one that fails is enough
        only = {e for e in entries if e.startswith(group)}
        if only:
            noticed += [v.check for v in grade.grade(lab, "base", "LABS=" + folder, only=only, cap=15) if not v.passed]
        if noticed:
            break
    return item, noticed


def main():
    parser = argparse.ArgumentParser(prog="make mutate")
    parser.add_argument("lab", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100000, help="so many, drawn at random")
    parser.add_argument("--file", default="", help="only in files with this in their name")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", help="keep the survivors there, as JSON")
    args = parser.parse_args()
    grade.BOOTS = grade.HANGS = 1
    qemu.HANG_BUDGET = 1_000_000_000
    items = [i for i in all_mutants(args.lab) if args.file in i[0]]
    random.Random(args.seed).shuffle(items)
    items = items[:args.count]
    base, folder = {}, "%s/mutate/%02d-reference" % (BUILD, args.lab)
    plant(args.lab, folder, None, "")
    for name in LABS[args.lab].files:
        base[name] = code_of(args.lab, folder, name)
    counted = killed = 0
    survivors = []
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        slots = [[(args.lab, k, item, base) for item in items[k::args.jobs]] for k in range(args.jobs)]
        for part in concurrent.futures.as_completed([pool.submit(series, s) for s in slots]):
            for item, noticed in part.result():
                if noticed is None:
                    continue
                counted += 1
                killed += bool(noticed)
                if not noticed:
                    survivors.append(item)
    if args.out:
        Path(args.out).write_text(json.dumps(survivors, indent=1))
    shutil.rmtree(ROOT / BUILD / "mutate", ignore_errors=True)
    print("lab %02d: %d of %d mistakes are noticed (%.1f %%), %d drawn" % (args.lab, killed, counted, 100 * killed / max(1, counted), len(items)))
    return 0


def series(jobs):
    """One worker's part. What survives is told at once: a run may be cut short."""
    done = []
    for job in jobs:
        item, noticed = judge(job)
        if noticed is not None:
            print("%s  %s:%d  %s  <- %s" % ("noticed " if noticed else "SURVIVES", item[0], item[1] + 1, item[3], item[2]), flush=True)
        done.append((item, noticed))
    return done


if __name__ == "__main__":
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.exit(main())
