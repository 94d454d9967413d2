"""`make autograder LAB=NN`: the zip that Gradescope takes. setup.sh and run_autograder stand at its root, and the last commit below switchback/."""
import io
import sys
import tarfile
import zipfile
from pathlib import Path

from_here = Path(__file__).resolve()
sys.path.insert(0, str(from_here.parents[1]))
sys.dont_write_bytecode = True

from classroom import release  # noqa: E402

WHEN = (2000, 1, 1, 0, 0, 0)  # the same tree gives the same zip
LEFT = ("handouts/",)


def main():
    lab, out = int(sys.argv[1]), Path(sys.argv[2])
    release.the_lab(lab)
    release.tell_uncommitted()
    out.parent.mkdir(parents=True, exist_ok=True)
    new = out.with_suffix(".new")
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        def add(name, data, mode):
            entry = zipfile.ZipInfo(name, WHEN)
            entry.external_attr, entry.compress_type = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
        for name in ("setup.sh", "run_autograder"):
            add(name, (release.ROOT / "grader/ci/gradescope" / name).read_text().replace("@LAB@", str(lab)), 0o755)
        with tarfile.open(fileobj=io.BytesIO(release.git("archive", "HEAD", text=b""))) as tree:
            for entry in tree:
                if entry.isreg() and not entry.name.startswith(LEFT):
                    add("switchback/" + entry.name, tree.extractfile(entry).read(), 0o755 if entry.mode & 0o100 else 0o644)
    new.replace(out)
    print("%s: %.1f MB, for lab %02d" % (out, out.stat().st_size / 1e6, lab))


if __name__ == "__main__":
    main()
