"""The other end of the wire: frames to and from a guest's network card, one datagram each, over QEMU's `-netdev dgram`. Scapy writes and reads them.

What is expected is waited for by the frames that come, not by the clock: `wait` gives up when the guest has ended, or after a cap that only a machine
that is stuck reaches."""
import shutil
import socket
import tempfile
import time
from pathlib import Path

from scapy.all import ARP, ICMP, IP, TCP, UDP, Ether, Raw  # noqa: F401 (for the tests)
from scapy.config import conf

conf.verb = 0
CAP = 60
MAC, GUEST_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"
ADDRESS, GUEST = "10.9.0.1", "10.9.0.2"


class Peer:
    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="peer-"))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.dir / "peer"))
        self.socket.settimeout(0.1)
        self.seen = []   # every frame that came
        self.answers = True  # whether it says who has its address

    @property
    def qemu(self):
        """QEMU's words for the guest's card."""
        return ["-netdev", "dgram,id=n0,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s" % (self.dir / "guest", self.dir / "peer"),
                "-device", "virtio-net-pci,netdev=n0,disable-legacy=on,mac=" + GUEST_MAC]

    def capture(self, path):
        return ["-object", "filter-dump,id=dump0,netdev=n0,file=%s" % path]

    def close(self):
        self.socket.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def send(self, frame):
        """A frame from us, or what is inside one: the Ethernet header is added."""
        if not isinstance(frame, (bytes, Ether)):
            frame = Ether(src=MAC, dst=GUEST_MAC) / frame
        for _ in range(1000):
            try:
                self.socket.sendto(bytes(frame), str(self.dir / "guest"))
                return
            except (BlockingIOError, TimeoutError, socket.timeout):
                time.sleep(0.01)  # its queue is full

    def receive(self):
        """The next frame, or None; who asks for our address is answered."""
        try:
            frame = Ether(self.socket.recv(65536))
        except (TimeoutError, socket.timeout):
            return None
        self.seen.append(frame)
        if self.answers and ARP in frame and frame[ARP].op == 1 and frame[ARP].pdst == ADDRESS and frame[ARP].psrc != ADDRESS:
            self.send(Ether(src=MAC, dst=frame.src) / ARP(op=2, hwsrc=MAC, psrc=ADDRESS, hwdst=frame.src, pdst=frame[ARP].psrc))
        return frame

    def wait(self, wanted, what):
        """The first frame from now on that `wanted` says yes to."""
        end = time.monotonic() + CAP
        while time.monotonic() < end:
            frame = self.receive()
            if frame is not None and wanted(frame):
                return frame
        raise AssertionError("%s did not come; the last that came: %s" % (what, [f.summary() for f in self.seen[-5:]]))

    def drain(self, seconds=0.5):
        """Whatever still comes until it has been quiet for so long."""
        frames, last = [], time.monotonic()
        while time.monotonic() - last < seconds:
            frame = self.receive()
            if frame is not None:
                frames.append(frame)
                last = time.monotonic()
        return frames


class TcpClient:
    """One connection to the guest, segment by segment."""

    def __init__(self, peer, port, source=40000, seq=1000, window=8192, options=()):
        self.peer, self.port, self.source, self.seq, self.ack, self.window = peer, port, source, seq, 0, window
        self.options = list(options)

    def segment(self, flags, data=b"", seq=None, ack=None, **more):
        return IP(src=ADDRESS, dst=GUEST) / TCP(sport=self.source, dport=self.port, flags=flags, seq=self.seq if seq is None else seq,
                                               ack=self.ack if ack is None else ack, window=self.window, **more) / Raw(data)

    def send(self, flags, data=b"", **more):
        self.peer.send(self.segment(flags, data, **more))

    def mine(self, frame):
        return TCP in frame and frame[TCP].sport == self.port and frame[TCP].dport == self.source

    def wait(self, wanted, what):
        return self.peer.wait(lambda f: self.mine(f) and wanted(f[TCP]), what)[TCP]

    def connect(self):
        """Opens it; a server that is about to listen again is asked until it does."""
        for _ in range(200):
            self.send("S", options=self.options)
            answer = self.wait(lambda t: t.flags == "SA" or "R" in t.flags, "SYN,ACK")
            if answer.flags == "SA":
                break
            time.sleep(0.1)
            self.source += 1000
        assert answer.ack == self.seq + 1
        self.seq += 1
        self.ack = answer.seq + 1
        self.send("A")
        return answer

    def write(self, data):
        """Text, and its acknowledgement."""
        self.send("PA", data)
        self.seq += len(data)
        return self.wait(lambda t: t.ack == self.seq, "an ACK for the text")
