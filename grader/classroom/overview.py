"""A class at a glance: one HTML page, with its plots drawn as SVG here."""
from html import escape
from statistics import mean, median

from report.page import STYLE

MORE = """
body { max-width: 76rem } .plots { display: flex; flex-wrap: wrap; gap: 2rem } svg { max-width: 100%; height: auto } svg text { font: 12px system-ui, sans-serif; fill: currentColor }
.c { fill: #2f6fb5 } .w { fill: var(--bad) } .axis { stroke: currentColor; stroke-opacity: .5 } .graded td:first-child { color: inherit }
.flag { color: var(--bad) }
"""


def histogram(marks, points, width=560, height=240, bins=10):
    """How many students have how many points."""
    counts = [0] * bins
    for m in marks:
        counts[min(bins - 1, m * bins // points if points else 0)] += 1
    top, left, bottom = max(counts + [1]), 36, 34
    step, scale = (width - left - 8) / bins, (height - bottom - 20) / top
    out = ['<svg role="img" aria-label="Distribution of marks" viewBox="0 0 %d %d" width="%d" height="%d">' % (width, height, width, height)]
    for i, n in enumerate(counts):
        x, h = left + i * step, n * scale
        low, high = -(-i * points // bins), points if i == bins - 1 else -(-(i + 1) * points // bins) - 1
        out.append('<rect class="c" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%d–%d points: %d</title></rect>' % (
            x + 2, height - bottom - h, step - 4, h, low, high, n))
        if n:
            out.append('<text x="%.1f" y="%.1f" text-anchor="middle">%d</text>' % (x + step / 2, height - bottom - h - 4, n))
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%d</text>' % (x, height - bottom + 15, low))
    out.append('<text x="%d" y="%d" text-anchor="middle">%d</text>' % (width - 8, height - bottom + 15, points))
    out.append('<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>' % (left, width - 8, height - bottom, height - bottom))
    out.append('<text x="%d" y="%d" text-anchor="middle">points</text></svg>' % ((width + left) // 2, height - 4))
    return "".join(out)


def cumulative(marks, points, width=560, height=240):
    """Which share of the class has at least so many points."""
    left, bottom, top = 42, 34, 12
    w, h = width - left - 12, height - bottom - top
    path, n = [], len(marks)
    for p in range(points + 1):
        share = sum(m >= p for m in marks) / n if n else 0
        path.append("%.1f,%.1f" % (left + w * p / max(1, points), top + h * (1 - share)))
    out = ['<svg role="img" aria-label="Share of the class with at least so many points" viewBox="0 0 %d %d" width="%d" height="%d">' % (width, height, width, height)]
    for share in (0, 25, 50, 75, 100):
        y = top + h * (1 - share / 100)
        out.append('<line class="axis" stroke-dasharray="2 4" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%d%%</text>' % (
            left, width - 12, y, y, left - 5, y + 4, share))
    for tenth in range(0, 11, 2):
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%d</text>' % (left + w * tenth / 10, height - bottom + 16, points * tenth // 10))
    out.append('<polyline points="%s" fill="none" stroke="#2f6fb5" stroke-width="2"/><text x="%d" y="%d" text-anchor="middle">at least so many points</text></svg>' % (
        " ".join(path), (width + left) // 2, height - 4))
    return "".join(out)


def by_test(reports):
    """(title, share that passed, kind -> how many) of each test, the hardest first."""
    found = {}
    for report in reports.values():
        for t in (t for t in report.tests if not t.challenge):
            title, passed, kinds = found.setdefault(t.id, (t.title, [], {}))
            passed.append(t.status == "passed")
            if t.kind:
                kinds[t.kind] = kinds.get(t.kind, 0) + 1
    return sorted(((title, mean(passed), kinds, name) for name, (title, passed, kinds) in found.items()), key=lambda row: (row[1], row[0]))


def _bar(share):
    return '<svg viewBox="0 0 100 10" width="160" height="12" preserveAspectRatio="none"><rect class="w" width="100" height="10" opacity=".25"/><rect class="c" width="%.1f" height="10"/></svg>' % (
        100 * share)


def page(title, rows, reports, pairs):
    marks = [r["score"] for r in rows if r["status"] == "graded"]
    points = max([r["points"] for r in rows if r["status"] == "graded"] or [0])
    out = ["<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>%s</title><style>%s%s</style>" % (
        escape(title), STYLE, MORE), "<h1>%s</h1>" % escape(title)]
    out.append("<div class=sum><span class=mark>%s</span><span class=dim>mean of %d points &middot; median %s &middot; %d students, %d graded, %d handed nothing in%s</span></div>" % (
        "%.1f" % mean(marks) if marks else "–", points, "%g" % median(marks) if marks else "–", len(rows), len(marks),
        sum(r["status"] == "nothing handed in" for r in rows),
        ", <b class=flag>%d not graded</b>" % sum(r["status"] == "not graded" for r in rows) if any(r["status"] == "not graded" for r in rows) else ""))
    if marks and points:
        out.append("<h2>Distribution</h2><div class=plots>%s%s</div>" % (histogram(marks, points), cumulative(marks, points)))
    if pairs:
        out.append("<h2>Alike</h2><p class=dim>Fingerprints that two have in common and that are neither the skeleton's nor many others'. A hint where to look, no more.</p>"
                   "<table><tr><th>one</th><th>other</th><th class=n>alike</th><th class=n>common</th></tr>")
        out += ['<tr><td>%s</td><td>%s</td><td class=n>%d%%</td><td class=n>%d</td></tr>' % (escape(a), escape(b), 100 * share, common) for share, common, a, b in pairs[:100]]
        out.append("</table>")
    if reports:
        out.append("<h2>Tests, the hardest first</h2><table><tr><th>test</th><th>passed</th><th></th><th>how it failed</th></tr>")
        out += ["<tr><td>%s<br><code class=dim>%s</code></td><td class=n>%d%%</td><td>%s</td><td>%s</td></tr>" % (
            escape(name), escape(key), 100 * share, _bar(share), escape(", ".join("%s %d" % k for k in sorted(kinds.items()))))
            for name, share, kinds, key in by_test(reports)]
        out.append("</table>")
    out.append("<h2>Students</h2><table><tr><th>id</th><th>name</th><th class=n>points</th><th class=n>tests</th><th>state</th><th>like</th></tr>")
    for r in rows:
        graded = r["status"] == "graded"
        who = '<a href="students/%s/report.html">%s</a>' % (escape(r["id"]), escape(r["id"])) if graded else escape(r["id"])
        out.append("<tr class=graded><td>%s</td><td>%s</td><td class=n>%s</td><td class=n>%s</td><td>%s</td><td>%s</td></tr>" % (
            who, escape(r["name"]), "%d / %d" % (r["score"], r["points"]) if graded else "0", "%s / %s" % (r["passed"], r["tests"]) if graded else "",
            escape(r["status"]), escape(r["like"])))
    return "\n".join(out + ["</table></html>\n"])
