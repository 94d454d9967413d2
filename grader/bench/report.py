"""How figures are shown: tables on the terminal, a bar chart as SVG, JSON."""
import json
import math
from html import escape


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else None


def ratio(ours, linux, kind, row):
    """Linux / ours: above 1 we need less."""
    a, b = ours.median(kind, row), linux.median(kind, row) if linux else None
    return b / a if a and b else None


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def row_names(ours, linux, plain=True):
    names = {}
    for machine in (ours, linux):
        for kind in ("count", "time"):
            names.update(dict.fromkeys(machine.rows.get(kind, {}) if machine else ()))
    return [n for n in names if ("@" in n) != plain]


def table(ours, linux, names):
    print(f"{'':20}{'instructions':>14}{'Linux':>12}{'ratio':>7}   {'time, ns':>12}{'Linux':>12}{'ratio':>7}{'spread':>8}")
    for row in names:
        cells = f"{row:20}"
        for kind in ("count", "time"):
            value = ratio(ours, linux, kind, row)
            there = linux.median(kind, row) if linux else None
            cells += f"{number(ours.median(kind, row)):>{14 if kind == 'count' else 15}}{number(there):>12}{f'{value:.2f}' if value else '-':>7}"
        spread = max(ours.spread("time", row), linux.spread("time", row) if linux else 0)
        print(cells + (f"{spread * 100:7.0f}%" if spread else ""))
    for kind, text in (("count", "instructions"), ("time", "time")):
        ratios = [r for r in (ratio(ours, linux, kind, n) for n in names) if r]
        if ratios:
            worst = min((n for n in names if ratio(ours, linux, kind, n)), key=lambda n: ratio(ours, linux, kind, n))
            print(f"geometric mean of {len(ratios)} rows, {text}: Linux / Switchback = {geometric_mean(ratios):.2f}; "
                  f"the worst is {worst} with {ratio(ours, linux, kind, worst):.2f}")


def worse_rows(ours, linux, names, kinds=("count", "time")):
    """Rows in which we are behind Linux by more than the spread."""
    found = []
    for row in names:
        for kind in kinds:
            value = ratio(ours, linux, kind, row)
            spread = max(ours.spread(kind, row), linux.spread(kind, row), 0.01) if value else 0
            if value and value < 1 / (1 + spread):
                found.append((row, kind, value))
    return found


def slope(points):
    """Least squares of log(value) over log(size)."""
    xs, ys = [math.log(s) for s, _ in points], [math.log(v) for _, v in points]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - mx) ** 2 for x in xs)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / across if across else 0


def families(machine, kind):
    """name -> [(size, value)] of the rows NAME@SIZE."""
    found = {}
    for row in machine.rows.get(kind, {}):
        if "@" in row:
            name, size = row.split("@")
            found.setdefault(name, []).append((int(size), machine.median(kind, row)))
    return {name: sorted(points) for name, points in found.items()}


def scale_table(machines, kind, unit):
    print(f"\nat growing size ({unit} for one operation; slope: log over log, 0 is flat)")
    for name in families(machines[0], kind):
        for machine in machines:
            points = families(machine, kind).get(name)
            if points:
                cells = "  ".join(f"{size}: {number(value)}" for size, value in points)
                print(f"{name:16}{machine.name:12}{f'{slope(points):+.2f}' if len(points) > 1 else '':>7}   {cells}")


def parallel_table(machines):
    print("\nthe same work on two processors: how many times as fast as with one worker (parallel-: processes; shared-: one memory, table, file or folder;\n"
          "emulator-: a control, exceptions, for each of which QEMU holds its one lock)")
    for name in families(machines[0], "parallel"):
        cells = f"{name:20}"
        for machine in machines:
            points = dict(families(machine, "parallel").get(name, []))
            if 1 in points and 2 in points:
                cells += f"{machine.name:>14} {points[1] / points[2]:5.2f} ({number(points[2])} ns)"
        print(cells)
    locks = {name: machines[0].median("parallel-contended", name) for name in machines[0].rows.get("parallel-contended", {})}
    if any(locks.values()):
        print("Switchback's locks for which one had to wait meanwhile: " + ", ".join(f"{name} {number(n)}" for name, n in locks.items() if n))


def chart(ours, linux, names, path):
    """Bars of Linux / ours on a logarithmic axis; to the right of the line we need less than Linux."""
    rows = [(n, ratio(ours, linux, "count", n), ratio(ours, linux, "time", n)) for n in names]
    rows = [r for r in rows if r[1] or r[2]]
    left, width, step = 150, 520, 26
    height = step * len(rows) + 70

    def x(value):
        return left + width * (math.log2(min(max(value, 0.25), 16)) + 2) / 6

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}" height="{height}" font-family="sans-serif" font-size="12">',
           f'<rect width="100%" height="100%" fill="white"/><text x="{left}" y="18">Linux / Switchback under QEMU TCG: right of the line, '
           'Switchback needs less</text>',
           f'<rect x="{left}" y="26" width="10" height="10" fill="#2b6cb0"/><text x="{left + 14}" y="35">guest instructions</text>',
           f'<rect x="{left + 140}" y="26" width="10" height="10" fill="#dd9a3c"/><text x="{left + 154}" y="35">time</text>']
    for tick in (0.25, 0.5, 1, 2, 4, 8, 16):
        out.append(f'<line x1="{x(tick):.0f}" x2="{x(tick):.0f}" y1="44" y2="{height - 20}" stroke="{"#333" if tick == 1 else "#ddd"}"/>'
                   f'<text x="{x(tick):.0f}" y="{height - 6}" text-anchor="middle">{tick:g}</text>')
    for i, (name, count, time) in enumerate(rows):
        y = 50 + i * step
        out.append(f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        for value, offset, colour in ((count, 0, "#2b6cb0"), (time, 9, "#dd9a3c")):
            if value:
                start, end = sorted((x(1), x(value)))
                out.append(f'<rect x="{start:.1f}" y="{y + offset}" width="{max(end - start, 1):.1f}" height="8" fill="{colour}">'
                           f'<title>{escape(name)}: {value:.2f}</title></rect>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("\n".join(out) + "\n")


def write_json(machines, path):
    with open(path, "w", encoding="utf-8") as stream:
        json.dump({"machine": "QEMU TCG, not hardware", "rows": {m.name: m.rows for m in machines}}, stream, indent=1)


def keep(machines, path, tree, where):
    """Puts what was measured into the file that the book shows, in place of the same rows there, with the tree that it was measured on; the rest stays."""
    try:
        with open(path, encoding="utf-8") as stream:
            kept = json.load(stream)
    except FileNotFoundError:
        kept = {"rows": {}, "trees": {}}
    kept["machine"] = where
    for machine in machines:
        for kind, rows in machine.rows.items():
            kept["rows"].setdefault(machine.name, {}).setdefault(kind, {}).update({row: [float(f"{v:.6g}") for v in values] for row, values in rows.items()})
            kept["trees"][kind] = tree
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(kept, stream, separators=(",", ":"))
        stream.write("\n")
