#!/usr/bin/python3
"""Get Alpine's mini root file system: from the mirror folder, else from Alpine's own site. Verify it.

    fetch-alpine.py SHA512SUMS MIRROR DESTINATION

SHA512SUMS holds the one file that this tree is made for. Exit status: 0 the verified file is at DESTINATION;
1 a file is there but it is not the right one; 2 no file and no way to get one. On failure one line on
stderr says why, and DESTINATION does not exist.
"""
import hashlib
import os
import re
import sys
import urllib.request

SITE = "https://dl-cdn.alpinelinux.org/alpine"
WRONG, ABSENT = 1, 2
CONNECT_SECONDS = 15


def fail(status, text):
    print(f"rootfs: {text}", file=sys.stderr)
    sys.exit(status)


def site_address(name):
    branch = re.fullmatch(r"alpine-minirootfs-(\d+\.\d+)\.\d+-(\w+)\.tar\.gz", name)
    return f"{SITE}/v{branch.group(1)}/releases/{branch.group(2)}/{name}"


def check(data, want, where):
    have = hashlib.sha512(data).hexdigest()
    if have != want:
        fail(WRONG, f"{where} is not the file that is pinned: {len(data)} bytes, SHA-512 {have[:16]}..., "
                    f"wanted {want[:16]}...; refused")


def store(data, destination):
    temporary = f"{destination}.{os.getpid()}"
    with open(temporary, "wb") as stream:
        stream.write(data)
    os.replace(temporary, destination)


def main():
    sums, mirror, destination = sys.argv[1:]
    with open(sums, encoding="ascii") as stream:
        want, name = stream.read().split()
    os.makedirs(os.path.dirname(destination) or ".", exist_ok=True)
    if os.path.exists(destination):
        with open(destination, "rb") as stream:
            if hashlib.sha512(stream.read()).hexdigest() == want:
                return
        os.unlink(destination)
    local = os.path.join(mirror, name)
    if os.path.exists(local):
        with open(local, "rb") as stream:
            data = stream.read()
        check(data, want, local)
    else:
        address = site_address(name)
        try:
            with urllib.request.urlopen(address, timeout=CONNECT_SECONDS) as stream:
                data = stream.read()
        except (OSError, ValueError) as error:
            fail(ABSENT, f"no {name} in {mirror}, and {address} cannot be reached "
                         f"({getattr(error, 'reason', error)})")
        check(data, want, address)
    store(data, destination)


if __name__ == "__main__":
    main()
