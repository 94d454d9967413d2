"""What students get, from what instructors have: `make release` and `make checkpoints`.

Both are made from the last commit, never from the working tree, by one rule (kept()): all skeletons; the references of the labs below, without the wrong
solutions and the answers to challenges; and nothing that is the instructors' alone. A checkpoint is such a tree as a commit on the one before it, written by git's plumbing, so that no
working tree and no branch but lab/* is touched. The same commit gives the same checkpoints, to the byte."""
import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "kernel/tools"))
from labs_mk import read_labs  # noqa: E402

# Folders that never leave the instructors: tests and seeds that are not shown, other people's marks, the wrong solutions (each carries lines of the right one).
INSTRUCTORS = ("grader/hidden/", "grader/classroom/", "grader/selftest/", "grader/ci/")
DEFAULT = "labs/default.mk"
NOBODY = {"GIT_AUTHOR_NAME": "Switchback", "GIT_AUTHOR_EMAIL": "course@localhost", "GIT_COMMITTER_NAME": "Switchback", "GIT_COMMITTER_EMAIL": "course@localhost"}


def git(*words, text=None, root=ROOT, environment=None):
    done = subprocess.run(["git", "-C", str(root), *words], input=text, capture_output=True, check=False, env={**os.environ, **(environment or {})},
                          text=not isinstance(text, bytes))
    if done.returncode:
        sys.exit("git %s: %s" % (" ".join(words), done.stderr.strip() if isinstance(done.stderr, str) else done.stderr.decode()))
    return done.stdout


def kept(path, lab):
    """Is this file of the instructors' tree in what the students of this lab get?"""
    if path.startswith(INSTRUCTORS) or path == DEFAULT:
        return False
    parts = path.split("/")
    if parts[0] == "solutions" and len(parts) > 2:
        return int(parts[1][:2]) < lab and parts[2] not in ("mutants", "challenges")
    return True


def files(lab, root=ROOT):
    """(mode, object, path) of each file, as git has them."""
    out = []
    for line in git("ls-tree", "-r", "-z", "HEAD", root=root).split("\0"):
        if line:
            head, path = line.split("\t", 1)
            mode, kind, name = head.split()
            if kind == "blob" and kept(path, lab):
                out.append((mode, name, path))
    return out


def default_mk(lab):
    return "# The lab that this tree is for: `make grade` and the like mean it where no LAB= is given.\nLAB ?= %02d\n" % lab


def the_lab(stage, root=ROOT):
    found = [one for one in read_labs(root) if one.stage == stage]
    if not found:
        sys.exit("LAB=%02d: no such lab" % stage)
    return found[0]


def tell_uncommitted(root=ROOT):
    changed = git("status", "--porcelain", "--untracked-files=no", root=root).splitlines()
    if changed:
        print("%d changed files are not committed: the last commit is taken, without them" % len(changed), file=sys.stderr)


def release(stage, out, root=ROOT):
    """The tree of the lab's students, in a folder that is new or empty."""
    the_lab(stage, root)
    out = Path(out)
    if out.exists() and any(out.iterdir()):
        sys.exit("%s: is not empty" % out)
    tell_uncommitted(root)
    chosen = files(stage, root)
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
        git("update-index", "--index-info", text="".join("%s %s\t%s\n" % f for f in chosen), root=root, environment=index)
        out.mkdir(parents=True, exist_ok=True)
        git("checkout-index", "--all", "--prefix=%s/" % out.resolve(), root=root, environment=index)
    (out / DEFAULT).write_text(default_mk(stage))
    return len(chosen) + 1


def checkpoints(root=ROOT):
    """Writes the branches lab/NN-name; (name, commit, what became of the branch) of each."""
    tell_uncommitted(root)
    date = git("show", "-s", "--format=%cI", "HEAD", root=root).strip()
    parent, told = None, []
    for lab in read_labs(root):
        blob = git("hash-object", "-w", "--stdin", text=default_mk(lab.stage), root=root).strip()
        chosen = files(lab.stage, root) + [("100644", blob, DEFAULT)]
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
            git("update-index", "--index-info", text="".join("%s %s\t%s\n" % f for f in chosen), root=root, environment=index)
            tree = git("write-tree", root=root, environment=index).strip()
        text = "lab %02d: %s\n\nAll skeletons, and the references of the labs below.\n" % (lab.stage, lab.title or lab.name)
        commit = git("commit-tree", tree, *(["-p", parent] if parent else []), text=text, root=root,
                     environment={**NOBODY, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}).strip()
        branch = "lab/" + lab.name
        before = subprocess.run(["git", "-C", str(root), "rev-parse", "-q", "--verify", "refs/heads/" + branch], capture_output=True, text=True,
                                check=False).stdout.strip()
        git("update-ref", "refs/heads/" + branch, commit, root=root)
        told.append((branch, commit, "as it was" if before == commit else "written anew" if before else "new"))
        parent = commit
    return told


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("release", "checkpoints"))
    parser.add_argument("lab", nargs="?", type=int)
    parser.add_argument("out", nargs="?")
    args = parser.parse_args()
    if args.what == "checkpoints":
        for branch, commit, fate in checkpoints():
            print("%-16s %s  %s" % (branch, commit[:12], fate))
    elif args.lab is None or not args.out:
        parser.error("make release LAB=NN OUT=folder")
    else:
        print("%s: %d files for the students of lab %02d" % (args.out, release(args.lab, args.out), args.lab))


if __name__ == "__main__":
    main()
