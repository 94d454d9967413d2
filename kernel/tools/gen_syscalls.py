"""Generate dispatch, prototypes and trace data from the one table of system calls.

gen_syscalls.py kernel/include/abi/syscalls.tbl OUTDIR writes OUTDIR/syscalls_gen.h and OUTDIR/syscalls_gen.c.

A row of the table is   number name category stage args   with args `type:name,type:name` or `-`; `#` starts a comment.
A row with the stage `-` only gives its number a name: nobody implements it.
For a row NAME the header has `NR_NAME` and the prototype `long sys_NAME(...)`; the source has a weak default for it that
returns syscall_missing(NR_NAME), its place in syscall_table[], and its row in syscall_infos[]. The subsystem that does the
work defines the strong sys_NAME; kernel/tools/check_syscalls.py holds every link to the table. syscall_missing() and the
dispatcher are stage 05's."""
import os
import sys
from collections import namedtuple

Row = namedtuple("Row", "number name category stage args line")
NO_STAGE = 99  # implemented nowhere, and so above every prefix
CATEGORIES = ("file", "process", "memory", "ipc", "network", "time", "system")

# Type in the table -> C type of the argument. The trace knows the types by SYSCALL_ARG_<TYPE>.
TYPES = {
    "int": "int", "uint": "unsigned", "long": "long", "ulong": "unsigned long", "fd": "int", "dirfd": "int",
    "pid": "int", "sig": "int", "size": "size_t", "off": "s64", "uid": "u32", "gid": "u32", "mode": "u32", "dev": "u64",
    "oflags": "int", "prot": "unsigned long", "mapflags": "unsigned long", "cloneflags": "unsigned long", "time": "s64",
    "path": "const char __user *", "str": "const char __user *", "buf": "void __user *",
    "data": "const void __user *", "ptr": "void __user *",
}


def read_table(path):
    """The rows of the table, checked: numbers and names are unique, categories and stages exist, at most six arguments."""
    rows, numbers, names = [], {}, {}

    def bad(number, text):
        sys.exit("%s:%d: %s" % (path, number, text))

    with open(path, encoding="utf-8") as table:
        for lineno, line in enumerate(table, 1):
            fields = line.split("#")[0].split()
            if not fields:
                continue
            if len(fields) < 5:
                bad(lineno, "a row is: number name category stage args")
            number, name, category, stage = fields[:4]
            args = "".join(fields[4:])
            if not number.isdigit() or not (stage.isdigit() or stage == "-"):
                bad(lineno, "number and stage must be decimal (or the stage `-`)")
            row = Row(int(number), name, category, NO_STAGE if stage == "-" else int(stage), [], lineno)
            if row.number in numbers:
                bad(lineno, "number %d is already %s (line %d)" % (row.number, *numbers[row.number]))
            if name in names:
                bad(lineno, "%s is already in line %d" % (name, names[name]))
            if category not in CATEGORIES:
                bad(lineno, "category %s is none of %s" % (category, " ".join(CATEGORIES)))
            if row.stage != NO_STAGE and not 5 <= row.stage <= 13:
                bad(lineno, "stage %d: system calls start in 05 and end in 13" % row.stage)
            for arg in [] if args == "-" else args.split(","):
                kind, _, argname = arg.partition(":")
                if not argname:
                    bad(lineno, "argument '%s' is not type:name" % arg)
                if kind not in TYPES:
                    bad(lineno, "argument type '%s' is none of %s" % (kind, " ".join(TYPES)))
                row.args.append((kind, argname))
            if len(row.args) > 6:
                bad(lineno, "more than six arguments")
            numbers[row.number], names[name] = (name, lineno), lineno
            rows.append(row)
    return sorted(rows, key=lambda r: r.number)


def write_if_changed(path, text):
    try:
        with open(path, encoding="utf-8") as old:
            if old.read() == text:
                os.utime(path)
                return
    except FileNotFoundError:
        pass
    with open(path, "w", encoding="utf-8") as new:
        new.write(text)


def declare(row, mark=""):
    args = ", ".join(join(TYPES[kind], name) + mark for kind, name in row.args)
    return "long sys_%s(%s)" % (row.name, args or "void")


def join(ctype, name):
    return ctype + name if ctype.endswith("*") else ctype + " " + name


HEADER = """\
/* Generated from syscalls.tbl by gen_syscalls.py. */
#ifndef SYSCALLS_GEN_H
#define SYSCALLS_GEN_H

#include "core/compiler.h"

enum syscall_category {
%(categories)s
	SYSCALL_CATEGORIES
};
/* What an argument is, for the trace. */
enum syscall_arg_type {
	SYSCALL_ARG_NONE,
%(types)s
};

/* One row of the table; name is NULL where a number is not in use. */
struct syscall_info {
	const char *name;
	const char *arg_names[6];
	u8 arg_types[6]; /* enum syscall_arg_type */
	u8 args;
	u8 category; /* enum syscall_category */
	u8 stage;
};
typedef long syscall_fn(u64, u64, u64, u64, u64, u64);

/* One past the highest number; both tables have this many entries, with NULL for a number not in use. */
#define SYSCALL_COUNT %(count)d
extern syscall_fn *const syscall_table[SYSCALL_COUNT];
extern const u32 syscall_table_size;
extern const struct syscall_info syscall_infos[SYSCALL_COUNT];
extern const char *const syscall_category_names[SYSCALL_CATEGORIES];

/* What a call that no linked subsystem implements does: counts it, logs it once, returns -ENOSYS. */
long syscall_missing(u32 nr);

%(numbers)s

%(prototypes)s

#endif
"""
SOURCE = """\
/* Generated from syscalls.tbl by gen_syscalls.py. */
#include "syscalls_gen.h"

/* Defaults, for the calls whose subsystem is not linked. */
%(defaults)s

/* Arguments arrive in six registers; on x86-64 a function takes from them what its prototype says. */
#define ENTRY(name) (syscall_fn *)(void (*)(void))sys_##name

syscall_fn *const syscall_table[SYSCALL_COUNT] = {
%(table)s
};
const u32 syscall_table_size = SYSCALL_COUNT;

const struct syscall_info syscall_infos[SYSCALL_COUNT] = {
%(infos)s
};

const char *const syscall_category_names[SYSCALL_CATEGORIES] = { %(category_names)s };
"""


def info(row):
    text = '\t[NR_%s] = { .name = "%s", .category = SYSCALL_%s, .stage = %d, .args = %d' % (
        row.name, row.name, row.category.upper(), row.stage, len(row.args))
    if row.args:
        text += ",\n\t\t.arg_names = { %s }" % ", ".join('"%s"' % name for _, name in row.args)
        text += ",\n\t\t.arg_types = { %s }" % ", ".join("SYSCALL_ARG_" + kind.upper() for kind, _ in row.args)
    return text + " },"


def main():
    rows = read_table(sys.argv[1])
    out = sys.argv[2]
    write_if_changed(os.path.join(out, "syscalls_gen.c"), SOURCE % {
        "defaults": "\n".join("__weak %s { return syscall_missing(NR_%s); }" % (declare(r, " __unused"), r.name) for r in rows),
        "table": "\n".join("\t[NR_%s] = ENTRY(%s)," % (r.name, r.name) for r in rows),
        "infos": "\n".join(info(r) for r in rows),
        "category_names": ", ".join('"%s"' % c for c in CATEGORIES)})
    write_if_changed(os.path.join(out, "syscalls_gen.h"), HEADER % {
        "categories": "\n".join("\tSYSCALL_%s," % c.upper() for c in CATEGORIES),
        "types": "\n".join("\tSYSCALL_ARG_%s," % t.upper() for t in TYPES),
        "count": rows[-1].number + 1 if rows else 0,
        "numbers": "\n".join("#define NR_%s %d" % (r.name, r.number) for r in rows),
        "prototypes": "\n".join(declare(r) + ";" for r in rows)})


if __name__ == "__main__":
    main()
