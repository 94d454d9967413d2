"""`make submit LAB=NN`: a tarball of the files that the lab names, and no others. Prints what is in it, and what was changed elsewhere and stays here."""
import argparse
import io
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "kernel/tools"))
from labs_mk import read_labs  # noqa: E402


def pack(lab, labs, out):
    """Writes the tarball; the same files give the same bytes. Returns the names of the files that are not there."""
    missing = []
    out.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(out, "w:gz", format=tarfile.USTAR_FORMAT) as archive:
        for name in lab.files:
            path = labs / lab.name / name
            if not path.is_file():
                missing.append(name)
                continue
            entry = tarfile.TarInfo("%s/%s" % (lab.name, name))
            data = path.read_bytes()
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return missing


def elsewhere(lab):
    """What git says was changed outside of the lab's files: nobody who grades will see it."""
    done = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    own = {"labs/%s/%s" % (lab.name, name) for name in lab.files}
    return [line[3:] for line in done.stdout.splitlines() if line[:2] != "??" and line[3:] not in own]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lab", type=int)
    parser.add_argument("--labs", default="labs")
    parser.add_argument("--out")
    parser.add_argument("--build", default="build")
    args = parser.parse_args()
    lab = next((one for one in read_labs(ROOT) if one.stage == args.lab), None)
    if lab is None or not lab.files:
        sys.exit("LAB=%02d: there is no such lab, or it has no files yet" % args.lab)
    out = Path(args.out) if args.out else Path(args.build) / "submit" / (lab.name + ".tar.gz")
    missing = pack(lab, ROOT / args.labs, ROOT / out)
    for name in lab.files:
        print("  %s %s/%s" % ("missing " if name in missing else "taken   ", lab.name, name))
    for name in elsewhere(lab):
        print("  left    %s: changed, but not a file of lab %02d" % (name, lab.stage))
    print(out)
    if missing:
        sys.exit("make submit: a file of the lab is missing")


if __name__ == "__main__":
    main()
