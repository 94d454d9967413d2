"""Generate dispatch, prototypes and trace data from the one table of system calls.

gen_syscalls.py kernel/include/abi/syscalls.tbl OUTDIR writes OUTDIR/syscalls_gen.h and OUTDIR/syscalls_gen.c.

A row of the table is   number name category stage args   with args `type:name,type:name` or `-`; `#` starts a comment.
For a row NAME the header has `NR_NAME` and the prototype `long sys_NAME(...)`; the source has a weak default for it that
returns syscall_missing(NR_NAME), its place in syscall_table[], and its row in syscall_info[]. The subsystem that does the
work defines the strong sys_NAME. kernel/include/usermode/syscall.h holds the structures that are filled here.

What a type of the table means in C and to the trace is in TYPES; a type that is not there ends in a clear error."""
import os
import sys
from collections import namedtuple

Row = namedtuple("Row", "number name category stage args line")
CATEGORIES = ("file", "process", "memory", "ipc", "network", "time")

# name in the table -> (C type of the prototype, kind for the trace). A kind without a decoder prints as a number.
TYPES = {
    "int": ("int", "int"), "uint": ("unsigned int", "uint"), "long": ("long", "long"), "ulong": ("unsigned long", "ulong"),
    "size": ("size_t", "ulong"), "off": ("long", "long"), "fd": ("int", "fd"), "dirfd": ("int", "dirfd"),
    "flags": ("int", "hex"), "mode": ("unsigned int", "octal"), "pid": ("int", "int"), "uid": ("unsigned int", "int"),
    "gid": ("unsigned int", "int"), "sig": ("int", "signal"), "ptr": ("unsigned long", "ptr"),
    "path": ("const char *", "path"), "str": ("const char *", "path"),
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
            if fields[0] == "number":
                continue
            if len(fields) < 5:
                bad(lineno, "a row is: number name category stage args")
            number, name, category, stage = fields[:4]
            args = "".join(fields[4:])
            if not number.isdigit() or not stage.isdigit():
                bad(lineno, "number and stage must be decimal")
            row = Row(int(number), name, category, int(stage), [], lineno)
            if row.number in numbers:
                bad(lineno, "number %d is already %s (line %d)" % (row.number, *numbers[row.number]))
            if name in names:
                bad(lineno, "%s is already in line %d" % (name, names[name]))
            if category not in CATEGORIES:
                bad(lineno, "category %s is none of %s" % (category, " ".join(CATEGORIES)))
            if not 5 <= row.stage <= 13:
                bad(lineno, "stage %d: system calls start in 05 and end in 13" % row.stage)
            for arg in [] if args == "-" else args.split(","):
                kind, _, argname = arg.partition(":")
                if not argname:
                    bad(lineno, "argument '%s' is not type:name" % arg)
                row.args.append((kind, argname))
            if len(row.args) > 6:
                bad(lineno, "more than six arguments")
            numbers[row.number], names[name] = (name, lineno), lineno
            rows.append(row)
    return sorted(rows, key=lambda r: r.number)


def c_type(kind):
    """The C type of a table type: known by name, or a pointer `struct_x*` / `x*` written out."""
    if kind in TYPES:
        return TYPES[kind][0]
    return None


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
