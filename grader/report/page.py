"""A report that a student can read: one HTML file that needs nothing else, with what failed in front, and the serial log and the back-trace folded in."""
import re
from html import escape

from .formats import clean

STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #c9302c; --dim: #777; --box: #8881; }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem }
.sum { display: flex; gap: 1.5rem; align-items: baseline; flex-wrap: wrap; margin: .5rem 0 1rem }
.mark { font-size: 2.4rem; font-weight: 600 } .dim { color: var(--dim); font-size: .9rem }
.bar { height: .6rem; border-radius: .3rem; background: var(--box); overflow: hidden } .bar i { display: block; height: 100%; background: var(--good) }
table { border-collapse: collapse; width: 100%; font-size: .95rem } td, th { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.passed td:first-child { color: var(--good) } .failed td:first-child, .error td:first-child, .pending td:first-child { color: var(--bad) }
article { border: 1px solid var(--line); border-left: .3rem solid var(--bad); border-radius: .3rem; padding: .7rem 1rem; margin: 1rem 0 }
article h3 { font-size: 1rem; margin: 0 } .kind { background: var(--bad); color: #fff; border-radius: .2rem; padding: 0 .4rem; font-size: .8rem; margin-left: .5rem; white-space: nowrap }
pre { overflow-x: auto; background: var(--box); padding: .6rem .8rem; border-radius: .3rem; font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
.hint { border-left: .2rem solid #d4a72c; padding-left: .7rem; margin: .6rem 0 } summary { cursor: pointer; color: var(--dim) } code { font-size: .9em }
"""

MEANING = {
    "build": "The compiler or the linker refused the files; nothing was run.",
    "stopped": "The kernel came to a function that is still to be written.",
    "no boot": "Nothing was heard of the kernel at all.",
    "panic": "The kernel itself found that something cannot be, and said so.",
    "triple fault": "The processor could not even report a fault, and reset the machine.",
    "hang": "The kernel made no progress within its budget.",
    "wrong output": "It ran, but what came is not what must come.",
    "infrastructure": "The grading machine failed, not the work: it will be graded again.",
}


def _parts(output):
    """A test's output as (what came, back-trace lines, hints)."""
    came, trace, hints, where = [], [], [], None
    for line in output.splitlines():
        if line.startswith("hint: "):
            hints.append(line[6:])
            where = None
        elif line == "back-trace:":
            where = trace
        elif where is trace and line.startswith("  "):
            trace.append(line.strip())
        else:
            where = None
            if not line.startswith("kind: "):
                came.append(line)
    return "\n".join(came), trace, hints


def _alike(tests):
    found = {}
    for t in tests:
        came, trace, hints = _parts(t.output)
        found.setdefault((t.kind, came, tuple(trace)), []).append((t, hints))
    return found


def _pre(text):
    return "<pre>%s</pre>" % escape(clean(text))


def _folded(title, text, shown=False):
    return "<details%s><summary>%s</summary>%s</details>" % (" open" if shown else "", escape(title), _pre(text)) if text else ""


def _row(t):
    mark = {"passed": "\u2713", "pending": "\u2026"}.get(t.status, "\u2717")
    score = "%d / %d" % (t.score, t.points) if t.points else "\u2013"
    return '<tr class="%s"><td>%s</td><td>%s<br><code class="dim">%s</code></td><td>%s</td><td class="n">%s</td></tr>' % (
        escape(t.status), mark, escape(t.title), escape(t.id), escape(t.kind), score)


def _failure(kind, came, trace, tests):
    out = ["<article>"]
    for t, _ in tests:
        out.append("<h3>%s<span class=kind>%s</span></h3>" % (escape(t.title), escape(kind or t.status)))
    if kind in MEANING:
        out.append("<p class=dim>%s</p>" % escape(MEANING[kind]))
    out.append(_pre(came) if came else "")
    hints = list(dict.fromkeys(h for _, some in tests for h in some))
    out += ['<p class=hint>%s</p>' % re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(h)) for h in hints]
    out.append(_folded("Back-trace", "\n".join(trace), shown=True))
    out.append(_folded("What the machine said last", re.sub(r"(?m)^--- ", "\n--- ", tests[0][0].log).strip()))
    out.append('<p class=dim>Again: <code>make grade LAB=%s TEST=%s</code></p>' % (
        "NN", escape(tests[0][0].id)))
    return "".join(out + ["</article>"])


def page(report, notes=(), title=None, hidden=False):
    """The page; `notes` are lines on what was taken of the submission. Tests that a student may not see are left out, unless `hidden`."""
    tests = [t for t in report.tests if hidden or t.visibility == "visible"]
    bad = [t for t in tests if t.status != "passed"]
    share = 100 * report.score // report.points if report.points else 0
    name = title or "Lab %02d: %s" % (report.lab, report.title)
    out = ["<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>%s</title><style>%s</style>" % (
        escape(name), STYLE), "<h1>%s</h1>" % escape(name),
        "<div class=sum><span class=mark>%d <span class=dim>of %d points</span></span><span class=dim>%d of %d tests passed &middot; SEED=%d &middot; %s s</span></div>" % (
            report.score, report.points, len(tests) - len(bad), len(tests), report.seed, round(sum(t.seconds for t in report.tests), 1)),
        "<div class=bar><i style='width:%d%%'></i></div>" % share]
    if notes:
        out += ["<h2>What was taken</h2>", _pre("\n".join(notes))]
    if bad:
        out.append("<h2>What to look at</h2>")
        out += [_failure(kind, came, trace, some).replace("LAB=NN", "LAB=%02d%s SEED=%d" % (report.lab, " FROM=base" if report.source == "base" else "", report.seed))
                for (kind, came, trace), some in _alike(bad).items()]
    out += ["<h2>All tests</h2><table><tr><th></th><th>test</th><th>how it failed</th><th class=n>points</th></tr>", *map(_row, tests), "</table></html>\n"]
    return "\n".join(out)
