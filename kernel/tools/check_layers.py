"""Prove the layering of a built kernel: check_layers.py [--root DIR] OBJDIR.

Three rules, each over everything that the thirteen labs link:
  symbols    what an object takes from elsewhere is defined in its own folder, in a lower stage, or in a folder of its own
             stage that lab.mk lets it use;
  includes   the same for the folder that owns an included header; abi/, lib/ and the language's own and the student's mark of core/ are free for all; *_priv.h never leaves
             its folder; of the compiler's own headers only the freestanding ones;
  stages     no preprocessor conditional asks for a lab or a stage.
Upward there is only registration: a weak reference to something above counts as a use of it."""
import argparse
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from labs_mk import Layers, read_labs  # noqa: E402

FREE = ("abi/", "lib/", "core/types.h", "core/compiler.h", "core/todo.h", "core/debug.h", "core/kasan.h", "core/layout.h")
FREESTANDING = {"stdint.h", "stddef.h", "stdarg.h", "stdbool.h", "stdatomic.h", "limits.h", "cpuid.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)
STAGE_IF = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*(?<![A-Za-z])(?:LAB|STAGE)(?![A-Za-z]).*", re.M)
# The in-kernel tests stand above every stage and take the kernel's place only in a test kernel.
TEST_DOOR = re.compile(r"^__(start|stop)_|^ktest_main$")


def kernel_sources(root, labs):
    """Pairs (source below root, folder that owns it)."""
    for lab in labs:
        for sub in lab.enables:
            for suffix in ("*.c", "*.S", "*.h"):
                for path in sorted((root / "kernel" / sub).glob(suffix)):
                    if path.name != "asm_offsets.c":
                        yield path.relative_to(root), sub
        for name in lab.files:
            for origin in ("solutions", "labs"):
                path = root / origin / lab.name / name
                if path.exists():
                    yield path.relative_to(root), str(Path(name).parent)
                    break


def check_includes(root, layers, source, sub, generated):
    """Complaints about the includes of one file."""
    text = (root / source).read_text(encoding="utf-8", errors="replace")

    def line_of(match):
        return text.count("\n", 0, match.start(2)) + 1
    for match in INCLUDE.finditer(text):
        quote, name = match.groups()
        where = "%s:%d" % (source, line_of(match))
        if quote == "<" and name in FREESTANDING:
            continue
        if name.endswith("_priv.h"):
            if not (root / "kernel" / sub / Path(name).name).exists() or layers.owner(name) not in (None, sub):
                yield "%s: %s is private to another folder" % (where, name)
            continue
        if name.startswith(FREE) or name in generated or "/" not in name:
            if "/" not in name and name not in generated and not (root / "kernel" / sub / name).exists() \
                    and not (root / source).with_name(name).exists():
                yield "%s: %s is in no folder that %s may see" % (where, name, sub)
            continue
        owner = layers.owner(name)
        if owner is None:
            yield "%s: no lab enables the folder of %s" % (where, name)
        elif not layers.may_use(sub, owner):
            yield "%s: %s (stage %02d) includes %s of stage %02d" % (
                where, sub, layers.stage[sub], name, layers.stage[owner])
    for match in STAGE_IF.finditer(text):
        yield "%s:%d: a stage conditional: %s" % (source, text.count("\n", 0, match.start()) + 1, match.group().strip())


def read_symbols(objects):
    """For each object: (defined strong, defined weak, undefined) names."""
    result = {}
    if not objects:
        return result
    listing = subprocess.run(["nm", "-A", "-g"] + [str(o) for o in objects], check=True, capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        path, _, rest = line.partition(":")
        kind, name = rest.split()[-2:]
        strong, weak, undefined = result.setdefault(path, (set(), set(), set()))
        if kind in "Uwv":
            undefined.add(name)
        elif kind in "WV":
            weak.add(name)
        else:
            strong.add(name)
    return result


def check_symbols(root, layers, sources, objdir):
    owner_of, objects = {}, []
    for source, sub in sources:
        if source.suffix == ".h":
            continue
        path = objdir / (str(source) + ".o")
        if not path.exists():
            yield "%s: not built (%s)" % (source, path)
            continue
        objects.append(path)
        owner_of[str(path)] = (source, sub)
    symbols = read_symbols(objects)
    definers = {}
    for weak_turn in (True, False):
        for path, (strong, weak, _) in symbols.items():
            for name in weak if weak_turn else strong:
                definers[name] = owner_of[path]
    for path, (_, _, undefined) in sorted(symbols.items()):
        source, sub = owner_of[path]
        for name in sorted(undefined):
            if name in definers and not TEST_DOOR.match(name):
                other, owner = definers[name]
                if not layers.may_use(sub, owner):
                    yield "%s: %s (stage %02d) uses %s of %s (stage %02d)" % (
                        source, sub, layers.stage[sub], name, other, layers.stage[owner])


def check(root, objdir):
    labs = read_labs(root)
    try:
        layers = Layers(labs)
    except ValueError as error:
        return [str(error)]
    complaints = []
    sources = list(kernel_sources(root, labs))
    generated = {p.name for p in (objdir / "gen").glob("*.h")} if objdir else set()
    headers = [(p.relative_to(root), layers.owner(str(p.relative_to(root / "kernel/include"))))
               for p in sorted((root / "kernel/include").rglob("*.h"))]
    for source, sub in sources + headers:
        if sub is None:
            continue
        complaints += check_includes(root, layers, source, sub, generated)
    if objdir:
        complaints += check_symbols(root, layers, sources, objdir)
    return complaints


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, default=Path("."))
    parser.add_argument("objdir", nargs="?", type=Path)
    args = parser.parse_args()
    complaints = check(args.root, args.objdir)
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
