"""Make a checking kernel's table of source lines: the image's path as the argument (none: an empty table), assembly on stdout.

The table (core/ksyms.h) is sorted by address: klines_offsets[i] is a place's distance from KERNEL_BASE in 32 bits, klines_places[i] its file (upper half) and
line (lower half), klines_files[n] where the name of file n stands in klines_strings. Each place is good up to the next."""
import re
import subprocess
import sys

KERNEL_BASE = 0xFFFFFFFF80000000
ROW = re.compile(rb"\s0x(ffffffff[0-9a-f]{8})\b")


def places(image):
    """(offset, file, line), sorted; neighbours differ."""
    listing = subprocess.run(["objdump", "--dwarf=decodedline", image], capture_output=True, check=True).stdout
    addresses = sorted({int(found, 16) for found in ROW.findall(listing)})
    words = "".join("%x\n" % a for a in addresses)
    answer = subprocess.run(["addr2line", "-e", image], input=words, capture_output=True, text=True, check=True).stdout.splitlines()
    before = None
    for address, text in zip(addresses, answer):
        name, _, line = text.partition(" ")[0].rpartition(":")
        here = (name.removeprefix("./"), int(line) if line.isdigit() else 0)
        if here != before:
            yield (address - KERNEL_BASE, *here)
        before = here


def main():
    rows = list(places(sys.argv[1])) if len(sys.argv) > 1 else []
    files, at = {}, 0
    for _, name, _ in rows:
        if name not in files:
            files[name] = at
            at += len(name) + 1
    numbers = {name: n for n, name in enumerate(files)}
    print('.section .klines, "a"')
    print(".globl klines_count, klines_offsets, klines_places, klines_files, klines_strings")
    print(".balign 8\nklines_count: .quad %d" % len(rows))
    print("klines_offsets:")
    for offset, _, _ in rows:
        print(".long 0x%x" % offset)
    print("klines_places:")
    for _, name, line in rows:
        print(".long 0x%x" % (numbers[name] << 16 | min(line, 0xFFFF)))
    print("klines_files:")
    for place in files.values():
        print(".long %d" % place)
    print("klines_strings:")
    for name in files:
        print('.asciz "%s"' % name)
    print('.byte 0\n.section .note.GNU-stack, "", @progbits')


main()
