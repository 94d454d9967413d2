"""What the figures are to reach, each with what was reached: for those rows that were measured."""
import report

FLAT = 0.1          # log over log, of what does not depend on the size
DEPENDS = {"mapped-fork"}  # a fork copies what is mapped


class Goals:
    """Lines of a verdict: (text, value, whether it is good)."""

    def __init__(self):
        self.lines = []

    def want(self, text, value, good):
        if value is not None:
            self.lines.append((text, value, good(value)))


def at_least(limit):
    return lambda value: value >= limit


def at_most(limit):
    return lambda value: value <= limit


def quotient(machine, kind, one, other):
    """The first row over the second."""
    a, b = machine.median(kind, one), machine.median(kind, other)
    return a / b if a and b else None


def calls(goals, ours, linux):
    whole, program = ours.median("count", "null-syscall"), ours.median("count-program", "null-syscall")
    goals.want("instructions of the kernel for a null call by SYSCALL, at most 60", whole - program if whole and program else None, at_most(60))
    goals.want("SYSCALL at least twice as fast as INT 0x80, in time", quotient(ours, "time", "null-int80", "null-syscall"), at_least(2))
    for row in ("null-syscall", "null-int80"):
        goals.want(f"{row} not slower than Linux's, in time", report.ratio(ours, linux, "time", row), at_least(1))
    goals.want("epoll_wait with one ready of 10,000 at most 1.2 times one of 10", quotient(ours, "count", "epoll-10000", "epoll-10"), at_most(1.2))


def means(goals, ours, linux, names):
    for kind, wanted in (("count", 2.0), ("time", 1.5)):
        ratios = [r for r in (report.ratio(ours, linux, kind, n) for n in names) if r]
        if len(ratios) > 10:
            goals.want(f"geometric mean of the rows at least {wanted}, {kind}", report.geometric_mean(ratios), at_least(wanted))


def sizes(goals, ours):
    for name, points in report.families(ours, "count").items():
        if len(points) > 1 and name not in DEPENDS:
            goals.want(f"{name} does not depend on the size: slope at most {FLAT}", report.slope(points), at_most(FLAT))


def processors(goals, ours):
    """Of what is independent; what shares a memory, a table or a folder is shown beside Linux and has no goal."""
    for name, points in report.families(ours, "parallel").items():
        both = dict(points)
        if name.startswith("parallel-") and 1 in both and 2 in both:
            goals.want(f"{name} at least 1.7 times as fast on two processors", both[1] / both[2], at_least(1.7))


def disk(goals, ours, linux, names):
    for kind, measure in (("disk", "time"), ("disk-count", "instructions")):
        goals.want(f"a look-up among 100,000 files at most 1.5 times one among 100, in {measure}", quotient(ours, kind, "disk-lookup-100000", "disk-lookup-100"), at_most(1.5))
    if linux and names and all(linux.median("disk", n) for n in names):
        goals.want("the sum of the disk's rows below Linux's", sum(linux.median("disk", n) for n in names) / sum(ours.median("disk", n) for n in names), at_least(1))


def judge(ours, linux):
    """Goals that were measured: [(text, value, whether it is reached)]; and rows behind Linux beyond the spread: [(row, kind, ratio)]."""
    goals, names, names_of_disk = Goals(), report.row_names(ours, linux), list(ours.rows.get("disk", {}))
    calls(goals, ours, linux)
    means(goals, ours, linux, names)
    sizes(goals, ours)
    processors(goals, ours)
    goals.want("boot in a third of Linux's time", report.ratio(ours, linux, "job", "boot-to-prompt"), at_least(3))
    goals.want("idle memory at most a quarter of Linux's", report.ratio(ours, linux, "memory", "memory-idle"), at_least(4))
    disk(goals, ours, linux, names_of_disk)
    behind = []
    if linux:
        behind = report.worse_rows(ours, linux, names)
        for kind in ("disk", "net"):
            behind += report.worse_rows(ours, linux, list(ours.rows.get(kind, {})), (kind,))
    return goals.lines, behind


def show(ours, linux):
    lines, behind = judge(ours, linux)
    if lines:
        print()
    for text, value, good in lines:
        print(f"{'reached' if good else 'MISSED '}  {text}: {value:.2f}")
    for row, kind, value in behind:
        print(f"MISSED   {row} is behind Linux beyond the spread, {kind}: {value:.2f}")
