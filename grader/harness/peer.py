"""The other end of the wire: frames to and from a guest's network card, one datagram each, over QEMU's `-netdev dgram`. Scapy writes and reads them.

What is expected is waited for by the frames that come, not by the clock: `wait` gives up after a cap that only a machine that is stuck reaches. A thread takes
frames from the wire all the time: a card whose frames nobody takes cannot send the one that is waited for."""
import queue
import shutil
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path

from scapy.config import conf
from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: F401 (for the tests)
from scapy.layers.l2 import ARP, Ether  # noqa: F401 (all of scapy takes twice as long to load)
from scapy.packet import Raw  # noqa: F401

conf.verb = 0
CAP = 120
MAC, GUEST_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"
ADDRESS, GUEST = "10.9.0.1", "10.9.0.2"


CARDS = {"virtio": "virtio-net-pci,disable-legacy=on", "e1000": "e1000"}


class Peer:
    def __init__(self, card="virtio"):
        self.card = card  # of CARDS: what the guest has
        self.dir = Path(tempfile.mkdtemp(prefix="peer-"))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.dir / "peer"))
        self.socket.settimeout(0.1)
        self.came = queue.Queue()  # bytes that nobody has looked at
        self.seen = []       # every frame that was looked at
        self.answers = True  # whether it says who has its address
        self.only = None     # a port: IPv4 packets to others are thrown away, as they come in a flood
        self.open = True
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    @property
    def qemu(self):
        """QEMU's words for the guest's card."""
        return ["-netdev", "dgram,id=n0,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s" % (self.dir / "guest", self.dir / "peer"),
                "-device", CARDS[self.card] + ",netdev=n0,id=card,romfile=,mac=" + GUEST_MAC]

    def capture(self, path):
        return ["-object", "filter-dump,id=dump0,netdev=n0,file=%s" % path]

    def close(self):
        self.open = False
        self.thread.join(5)
        self.socket.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def take(self):
        """The thread: who asks for our address is answered at once, so that no flood keeps the guest waiting for it."""
        asked, us = b"\0\1\x08\0\6\4\0\1", socket.inet_aton(ADDRESS)
        while self.open:
            try:
                data = self.socket.recv(65536)
                kind = data[12:14]
                if kind == b"\x08\x06" and self.answers and data[14:22] == asked and data[38:42] == us != data[28:32]:
                    mac = bytes.fromhex(MAC.replace(":", ""))
                    self.send(data[6:12] + mac + b"\x08\x06" + asked[:7] + b"\2" + mac + us + data[22:32])
                if self.only is None or kind != b"\x08\0" or data[36:38] == struct.pack(">H", self.only):
                    self.came.put(data)
            except TimeoutError:
                continue
            except OSError:
                return  # the guest has ended

    def send(self, frame):
        """A frame from us, or what is inside one: the Ethernet header is added. It waits as long as the card takes none."""
        if not isinstance(frame, (bytes, Ether)):
            frame = Ether(src=MAC, dst=GUEST_MAC) / frame
        data, end = bytes(frame), time.monotonic() + CAP
        while time.monotonic() < end and self.open:
            try:
                self.socket.sendto(data, str(self.dir / "guest"))
                return
            except TimeoutError:
                pass  # its queue is full
        raise AssertionError("the guest's card takes no frame")

    def receive(self):
        """The next frame, or None."""
        try:
            frame = Ether(self.came.get(timeout=0.1))
        except queue.Empty:
            return None
        self.seen.append(frame)
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


def checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame_maker(packet):
    """A function that makes this TCP segment's frame anew with other names and number, checksums included: a hundred times faster than scapy does."""
    whole = bytearray(bytes(Ether(src=MAC, dst=GUEST_MAC) / packet))

    def make(source, sport, seq):
        struct.pack_into(">I", whole, 26, source)
        struct.pack_into(">H", whole, 34, sport)
        struct.pack_into(">I", whole, 38, seq)
        struct.pack_into(">H", whole, 24, 0)
        struct.pack_into(">H", whole, 24, checksum(bytes(whole[14:34])))
        struct.pack_into(">H", whole, 50, 0)
        text = bytes(whole[34:])
        struct.pack_into(">H", whole, 50, checksum(bytes(whole[26:34]) + struct.pack(">HH", 6, len(text)) + text))
        return bytes(whole)
    return make


class TcpClient:
    """One connection to the guest, segment by segment."""

    def __init__(self, peer, port, source=40000, seq=1000, window=8192, options=()):
        self.peer, self.port, self.source, self.seq, self.ack, self.window = peer, port, source, seq, 0, window
        self.options = list(options)

    def segment(self, flags, data=b"", seq=None, ack=None, **more):
        seq, ack = self.seq if seq is None else seq, self.ack if ack is None else ack
        return IP(src=ADDRESS, dst=GUEST) / TCP(sport=self.source, dport=self.port, flags=flags, seq=seq & 0xffffffff, ack=ack & 0xffffffff,
                                               window=self.window, **more) / Raw(data)

    def send(self, flags, data=b"", **more):
        self.peer.send(self.segment(flags, data, **more))

    def mine(self, frame):
        return TCP in frame and frame[TCP].sport == self.port and frame[TCP].dport == self.source

    def wait(self, wanted, what):
        return self.peer.wait(lambda f: self.mine(f) and wanted(f[TCP]), what)[TCP]

    def connect(self):
        """Opens it; a server that is about to listen again is asked until it does."""
        end = time.monotonic() + CAP
        while True:
            self.send("S", options=self.options)
            answer = self.wait(lambda t: t.flags == "SA" or "R" in t.flags, "SYN,ACK")
            if answer.flags == "SA":
                break
            assert time.monotonic() < end, "nobody listens on port %d" % self.port
            time.sleep(0.1)
        assert answer.ack == self.seq + 1
        self.seq += 1
        self.ack = (answer.seq + 1) & 0xffffffff
        self.send("A")
        return answer

    def write(self, data):
        """Text, and its acknowledgement."""
        self.send("PA", data)
        self.seq += len(data)
        return self.wait(lambda t: t.ack == self.seq, "an ACK for the text")
