"""A bad wire: a relay between two guests' network cards that drops, doubles, reorders, delays and damages frames, as a seed says.

Each end is a QEMU `-netdev dgram`, one datagram a frame. What happens to the n-th frame of a direction depends on the seed alone. A frame that is held back
goes after so many others of its direction, or when the wire has been quiet for a while: so nothing waits for ever, and no figure depends on the clock."""
import random
import select
import shutil
import socket
import tempfile
import threading
from pathlib import Path

QUIET = 0.02  # seconds without a frame after which what is held back goes


class Direction:
    """What befalls the frames from one end to the other."""

    def __init__(self, seed, drop=0.0, double=0.0, reorder=0.0, damage=0.0, depth=5):
        self.dice = random.Random(seed)
        self.drop, self.double, self.reorder, self.damage, self.depth = drop, double, reorder, damage, depth
        self.held = []  # [frames that may still pass before it, frame]
        self.frames = self.dropped = self.doubled = self.reordered = self.damaged = 0

    def hurt(self, frame):
        """A bit turned over, in an IP packet only: ARP has no checksum that could tell."""
        if frame[12:14] not in (b"\x08\x00", b"\x86\xdd"):
            return frame
        at = self.dice.randrange(14, len(frame))
        return frame[:at] + bytes([frame[at] ^ 1 << self.dice.randrange(8)]) + frame[at + 1:]

    def through(self, frame):
        """The frames that come out at the other end now that this one went in."""
        self.frames += 1
        fate, out = self.dice.random(), []
        if fate < self.drop:
            self.dropped += 1
            return self.pass_by()
        if self.dice.random() < self.damage:
            self.damaged += 1
            frame = self.hurt(frame)
        if self.dice.random() < self.reorder:
            self.reordered += 1
            self.held.append([self.dice.randrange(1, self.depth + 1), frame])
            return self.pass_by()
        out.append(frame)
        if self.dice.random() < self.double:
            self.doubled += 1
            out.append(frame)
        return out + self.pass_by()

    def pass_by(self):
        for one in self.held:
            one[0] -= 1
        out = [one[1] for one in self.held if one[0] <= 0]
        self.held = [one for one in self.held if one[0] > 0]
        return out

    def rest(self):
        out, self.held = [one[1] for one in self.held], []
        return out


class Relay:
    """`Relay(seed, drop=0.05 …)`: the words for the two QEMUs are `qemu(0)` and `qemu(1)`; it runs until it is closed."""

    def __init__(self, seed, **fates):
        self.dir = Path(tempfile.mkdtemp(prefix="relay-"))
        self.sockets = []
        for end in (0, 1):
            one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            one.bind(str(self.dir / ("relay%d" % end)))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
            self.sockets.append(one)
        self.ways = [Direction(seed * 2, **fates), Direction(seed * 2 + 1, **fates)]
        self.running = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def qemu(self, end):
        return ["-netdev", "dgram,id=n0,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s" % (self.dir / ("guest%d" % end), self.dir / ("relay%d" % end)),
                "-device", "virtio-net-pci,netdev=n0,disable-legacy=on,mac=52:54:00:00:01:%02d" % end]

    def put(self, end, frames):
        for frame in frames:
            try:
                self.sockets[end].sendto(frame, str(self.dir / ("guest%d" % end)))
            except OSError:
                pass  # not there yet, or not any more

    def run(self):
        while self.running:
            ready, _, _ = select.select(self.sockets, [], [], QUIET)
            for end in (0, 1):
                if self.sockets[end] in ready:
                    self.put(1 - end, self.ways[end].through(self.sockets[end].recv(65536)))
                elif not ready:
                    self.put(1 - end, self.ways[end].rest())

    def close(self):
        self.running = False
        self.thread.join(5)
        for one in self.sockets:
            one.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def report(self):
        return "; ".join("%d frames: %d dropped, %d doubled, %d reordered, %d damaged" % (w.frames, w.dropped, w.doubled, w.reordered, w.damaged) for w in self.ways)
