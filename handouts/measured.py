"""The figures that `make bench KEEP=1` keeps in the tree, as tables and a chart for the book."""
import json
import sys
from pathlib import Path


def table(head, rows, words=1):
    """The first columns are words, the others numbers."""
    return ["| %s |" % " | ".join(head), "|" + "---|" * words + "--:|" * (len(head) - words), *("| %s |" % " | ".join(cells) for cells in rows), ""]


class Page:
    """Markdown of all that is kept. `report` and `goals` are grader/bench's own, so that the book and the terminal say the same."""

    def __init__(self, kept, modules):
        self.kept = kept
        self.report, self.goals, machine = modules
        self.ours, self.linux = machine("Switchback", None), machine("Linux", None)
        for one in (self.ours, self.linux):
            one.rows = kept["rows"].get(one.name, {})
        self.names = self.report.row_names(self.ours, self.linux)

    def pair(self, kind, row, scale=1):
        """Ours, Linux's, and Linux's over ours."""
        a, b = self.ours.median(kind, row), self.linux.median(kind, row)
        number = self.report.number
        return [number(a / scale if a else None), number(b / scale if b else None), "%.2f" % (b / a) if a and b else "–"]

    def spread(self, kind, row):
        """Half of how far the rounds lie apart, of the machine where it is more."""
        widest = max(self.ours.spread(kind, row), self.linux.spread(kind, row))
        return "± %.0f %%" % (widest * 50) if widest else ""

    def rows(self):
        out = ["### Row by row", ""]
        for kind, text in (("count", "instructions"), ("time", "time")):
            ratios = [r for r in (self.report.ratio(self.ours, self.linux, kind, n) for n in self.names) if r]
            if ratios:
                out += ["Geometric mean of %d rows, %s: Linux needs %.2f times what Switchback needs." % (len(ratios), text, self.report.geometric_mean(ratios)), ""]
        return out + table(["row", "instructions", "Linux", "ratio", "time, ns", "Linux", "ratio", "spread"],
                           [["`%s`" % n, *self.pair("count", n), *self.pair("time", n), self.spread("time", n)] for n in self.names])

    def simple(self, kind, title, unit, scale):
        names = list(self.ours.rows.get(kind, {}))
        return ["### " + title, ""] + table(["row", unit, "Linux", "ratio", "spread"], [["`%s`" % n, *self.pair(kind, n, scale), self.spread(kind, n)] for n in names]) if names else []

    def sizes(self):
        rows = []
        for machine in (self.ours, self.linux):
            for name, points in self.report.families(machine, "count").items():
                if len(points) > 1:
                    rows.append(["`%s`" % name, machine.name, ", ".join("%d: %s" % (s, self.report.number(v)) for s, v in points), "%+.2f" % self.report.slope(points)])
        rows.sort(key=lambda row: row[0])
        return ["### At growing size", "", "Instructions of one operation; the slope is that of log over log, and 0 is flat.", ""] + table(["row", "kernel", "size: instructions", "slope"], rows, 3) if rows else []

    def processors(self):
        rows = []
        for name in self.report.families(self.ours, "parallel"):
            cells = ["`%s`" % name]
            for machine in (self.ours, self.linux):
                points = dict(self.report.families(machine, "parallel").get(name, []))
                cells.append("%.2f" % (points[1] / points[2]) if 1 in points and 2 in points else "–")
            rows.append(cells)
        return ["### Two processors", "", "How many times as fast the same work is with a worker on each as with one worker. Rows called `shared-` work on one memory, table, file or folder.", ""] + \
            table(["row", "Switchback", "Linux"], rows) if rows else []

    def verdict(self):
        lines, behind = self.goals.judge(self.ours, self.linux)
        rows = [["reached" if good else "**missed**", text, "%.2f" % value] for text, value, good in lines]
        rows += [["**missed**", "`%s` not behind Linux by more than the spread, %s" % (row, kind), "%.2f" % value] for row, kind, value in behind]
        return ["### Goals", ""] + table(["", "goal", "measured"], rows, 2) if rows else []

    def text(self):
        trees = sorted(set(self.kept["trees"].values()))
        out = ["%s. Measured on %s." % (self.kept["machine"], ", ".join("`%s`" % t for t in trees)), ""]
        out += self.verdict() + self.rows() + self.sizes() + self.processors()
        out += self.simple("memory", "Memory", "KiB", 1)
        out += self.simple("disk", "Disk: ext4 on virtio-blk, one operation", "time, µs", 1e3)
        out += self.simple("disk-count", "The look-ups in instructions", "instructions", 1)
        out += self.simple("net", "Network: one request, or one MiB", "time, µs", 1e3)
        out += self.simple("job", "Whole jobs", "time, s", 1e9)
        return "\n".join(out)


def write(root, out):
    """generated/measured.md and bench.svg; without figures a line that says how to get them."""
    path = root / "grader/bench/measured.json"
    if not path.exists():
        (out / "measured.md").write_text("No figures are kept in this tree: `make bench KEEP=1` measures them.\n", encoding="utf-8")
        return
    sys.path.insert(0, str(path.parent))
    import goals
    import report
    from machine import Machine
    page = Page(json.loads(path.read_text(encoding="utf-8")), (report, goals, Machine))
    report.chart(page.ours, page.linux, page.names, out / "bench.svg")
    (out / "measured.md").write_text("![Linux over Switchback, row by row](generated/bench.svg)\n\n" + page.text(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).resolve().parents[1], Path(sys.argv[1]))
