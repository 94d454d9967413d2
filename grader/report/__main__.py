"""`make report RESULTS=file.json OUT=folder`: every form of a Report that `make grade RESULTS=` has written."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import verdict  # noqa: E402
from report import formats  # noqa: E402


def main():
    if len(sys.argv) != 3:
        sys.exit("make report RESULTS=file.json OUT=folder")
    out = Path(sys.argv[2])
    formats.write_all(verdict.read(sys.argv[1]), out)
    for path in sorted(out.iterdir()):
        print(path)


if __name__ == "__main__":
    main()
