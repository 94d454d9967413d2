"""Make the kernel's table of function names: `nm -n` lines on stdin, assembly on stdout.

The table (core/ksyms.h) is sorted by address: ksyms_offsets[i] is a function's distance from KERNEL_BASE in 32 bits,
ksyms_names[i] the place of its name in ksyms_strings. An empty input gives an empty, well-formed table."""
import re
import sys

KERNEL_BASE = 0xFFFFFFFF80000000
# Local labels and the compilers' helper names would only blur a back-trace.
NOISE = re.compile(r"^(\.L|__pfx_|\$)")


def main():
    functions = []
    for line in sys.stdin:
        address, _, name = line.split()[:3]
        offset = int(address, 16) - KERNEL_BASE
        if 0 <= offset < 1 << 31 and not NOISE.match(name):
            functions.append((offset, name))
    functions.sort()
    strings, place = [], 0
    print('.section .ksyms, "a"')
    print(".globl ksyms_count, ksyms_offsets, ksyms_names, ksyms_strings")
    print(".balign 8\nksyms_count: .quad %d" % len(functions))
    print("ksyms_offsets:")
    for offset, _ in functions:
        print(".long 0x%x" % offset)
    print("ksyms_names:")
    for _, name in functions:
        print(".long %d" % place)
        strings.append(name)
        place += len(name) + 1
    print("ksyms_strings:")
    for name in strings:
        print('.asciz "%s"' % name)
    print('.byte 0\n.section .note.GNU-stack, "", @progbits')


main()
