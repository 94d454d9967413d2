"""`make report LAB=NN`: every form of the Report that `make grade` has written."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import verdict  # noqa: E402
from report import formats  # noqa: E402


def main():
    if len(sys.argv) != 3:
        sys.exit("make report RESULTS=file.json OUT=folder")
    out = Path(sys.argv[2])
    if not Path(sys.argv[1]).exists():
        sys.exit("make report: %s is not there; `make grade LAB=NN` writes it" % sys.argv[1])
    formats.write_all(verdict.read(sys.argv[1]), out)
    for path in sorted(out.iterdir()):
        print(path)


if __name__ == "__main__":
    main()
