"""Addresses of a kernel as function, file and line."""
import re
import subprocess

TRACE = re.compile(r"^TRACE ([0-9a-f]+) ", re.M)
_ADDRESS = re.compile(r"\b(RIP|RBP)=([0-9a-f]{16})")


def lines(image, addresses):
    """One line for each address: `function at file:line`. All but the first are where calls return to."""
    if not addresses or not image:
        return []
    asked = [a if i == 0 else a - 1 for i, a in enumerate(addresses)]
    run = subprocess.run(["addr2line", "-f", "-e", str(image)] + ["%#x" % a for a in asked], capture_output=True, text=True, check=False)
    told = run.stdout.splitlines()
    out = []
    for i, address in enumerate(addresses):
        function, place = (told[2 * i], told[2 * i + 1]) if 2 * i + 1 < len(told) else ("??", "??:0")
        place = re.sub(r" \(discriminator \d+\)", "", place)
        if place.startswith("??"):
            place = "%#x" % address
        out.append("%s at %s" % (function if function != "??" else "?", re.sub(r"^\./", "", place)))
    return out


def of_panic(text):
    """The addresses that a panic printed."""
    return [int(a, 16) for a in TRACE.findall(text)]


def of_triple_fault(log):
    """Where the CPU was: QEMU notes its registers when it resets itself."""
    at = log.find("Triple fault")
    match = re.search(r"\bRIP=([0-9a-f]{16})", log[at:]) if at >= 0 else None
    return [int(match.group(1), 16)] if match else []


def of_running(qmp, depth=16):
    """Where the first CPU is, and who called: from outside, over the monitor. The kernel keeps frame pointers."""
    text = qmp.monitor("info registers")
    found = dict(_ADDRESS.findall(text))
    if "RIP" not in found:
        return []
    addresses, rbp, last = [int(found["RIP"], 16)], int(found.get("RBP", "0"), 16), 0
    while len(addresses) < depth and rbp >= 0xffff800000000000 and rbp % 8 == 0 and rbp > last:
        words = re.findall(r"0x([0-9a-f]{16})", qmp.monitor("x /2gx %#x" % rbp))
        if len(words) < 2 or not int(words[1], 16):
            break
        addresses.append(int(words[1], 16))
        last, rbp = rbp, int(words[0], 16)
    return addresses
