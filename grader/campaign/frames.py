"""Frames with everything at odds, from a seed, and a run of the kernel under them: `make campaign KIND=net`.

Most have their checksums right, so that they get past the first door. Four in ten are aimed at connections that are open, near the numbers that these expect.
Beside them an honest connection talks all the time. Afterwards the shell answers, and what the kernel holds is what it held before."""
import random
import struct
import time

from harness.peer import ADDRESS, GUEST, GUEST_MAC, MAC, TcpClient, checksum

HERE, THERE = (bytes(int(x) for x in a.split(".")) for a in (ADDRESS, GUEST))
MACS = bytes.fromhex(GUEST_MAC.replace(":", "")), bytes.fromhex(MAC.replace(":", ""))
PORTS = [7, 9, 19]
VICTIMS = 6


class Frames:
    """`next()` gives one after the other."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.victims = []  # (their port, our port, the number we send next, what we acknowledged)

    def number(self, near=None):
        dice = self.dice
        if near is None or dice.random() < 0.1:
            return dice.getrandbits(32)
        return (near + dice.choice([0, 0, 0, 1, -1, 2, dice.randrange(-100, 100), dice.randrange(-70000, 70000), dice.choice([1 << 31, (1 << 31) - 1])])) & 0xffffffff

    def data(self):
        return self.dice.randbytes(self.dice.choice([0, 0, 1, 2, 7, 40, 536, 1400, 1460]))

    def source(self):
        dice = self.dice
        return dice.choice([HERE, HERE, bytes([10, 9, 0, dice.randrange(256)]), dice.randbytes(4), THERE, b"\x7f\0\0\1", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xe0\0\0\1"])

    # --- layers

    def tcp_options(self, near):
        """Mostly such as there are; some cut, some with lengths that lie."""
        dice, out = self.dice, b""
        while len(out) < 40 and dice.random() < 0.7:
            kind = dice.randrange(9)
            if kind == 0:
                one = b"\2\4" + struct.pack(">H", dice.choice([0, 1, 88, 536, 1460, 65535]))
            elif kind == 1:
                one = b"\3\3" + bytes([dice.choice([0, 7, 14, 15, 255])])
            elif kind == 2:
                one = b"\4\2"
            elif kind == 3:
                blocks = dice.randrange(1, 5)
                one = bytes([5, 2 + 8 * blocks]) + b"".join(struct.pack(">II", self.number(near), self.number(near)) for _ in range(blocks))
            elif kind == 4:
                one = b"\x08\x0a" + struct.pack(">II", dice.getrandbits(32), dice.getrandbits(32))
            elif kind == 5:
                one = b"\1"
            elif kind == 6:
                one = b"\0"
            elif kind == 7:
                one = bytes([dice.randrange(256), dice.randrange(6)]) + dice.randbytes(dice.randrange(4))
            else:
                one = dice.randbytes(dice.randrange(1, 12))
            out += one
        out = out[:40]
        return out + bytes(-len(out) % 4)

    def tcp(self):
        dice = self.dice
        flags = dice.choice([2, 16, 16, 24, 17, 18, 20, 4, 48, 0, dice.randrange(256)])
        if self.victims and dice.random() < 0.6:
            port, ours, seq, ack = dice.choice(self.victims)
            if flags & 4 and dice.random() < 0.9:
                flags &= ~4  # a RST at the right number would end the play
            source, seq, ack, near = HERE, self.number(seq), self.number(ack), ack
        else:
            port, ours, source, near = dice.choice([*PORTS, dice.randrange(65536)]), dice.randrange(65536), self.source(), None
            seq, ack = self.number(), self.number()
        options = self.tcp_options(near)
        offset = 5 + len(options) // 4
        if dice.random() < 0.05:
            offset = dice.randrange(16)
        head = struct.pack(">HHIIBBHHH", ours, port, seq, ack, offset << 4 | dice.randrange(16) * (dice.random() < 0.1), flags,
                           dice.choice([0, 1, 100, 8192, 65535]), 0, dice.choice([0, 0, 1, 5, 65535]))
        return 6, source, head + options + self.data(), 16

    def udp(self):
        dice, data = self.dice, self.data()
        length = 8 + len(data) if dice.random() < 0.8 else dice.choice([0, 7, 8, 65535, dice.randrange(65536)])
        return 17, self.source(), struct.pack(">HHHH", dice.randrange(65536), dice.choice([7, 53, 68, dice.randrange(65536)]), length, 0) + data, 6

    def icmp(self):
        dice = self.dice
        kind = dice.choice([8, 8, 0, 3, 3, 3, 4, 5, 11, 12, 13, 17, dice.randrange(256)])
        data = self.data()
        if kind in (3, 4, 5, 11, 12):
            port, ours, _, ack = dice.choice(self.victims or [(7, 1, 1, 1)])
            inner = struct.pack(">HHI", port, ours, self.number(ack)) + dice.randbytes(dice.choice([0, 4, 12]))
            data = struct.pack(">BBHHHBBH4s4s", dice.choice([0x45, 0x45, 0x45, 0x4f, 0x40, 0x60]), 0, 40, 1, 0, 64, dice.choice([6, 6, 17, 1, dice.randrange(256)]), 0,
                               THERE, HERE) + inner
        rest = dice.choice([struct.pack(">HH", 0, dice.choice([0, 68, 296, 576, 1500, 65535])), dice.randbytes(4)])
        return 1, self.source(), bytes([kind, dice.choice([0, 1, 2, 3, 4, dice.randrange(256)]), 0, 0]) + rest + data, 2

    def other(self):
        return self.dice.choice([2, 41, 47, 50, 58, 255, self.dice.randrange(256)]), self.source(), self.data(), None

    def ip(self):
        """An IPv4 packet, or a piece of one."""
        dice = self.dice
        protocol, source, body, place = dice.choice([self.tcp, self.tcp, self.tcp, self.udp, self.icmp, self.icmp, self.other])()
        to = dice.choice([THERE] * 8 + [b"\x0a\x09\x00\xff", b"\xff\xff\xff\xff", b"\xe0\0\0\1", b"\x7f\0\0\1", dice.randbytes(4)])
        if place is not None and len(body) >= place + 2 and dice.random() < 0.9:
            pseudo = source + to + struct.pack(">HH", protocol, len(body)) if protocol != 1 else b""
            body = bytearray(body)
            body[place:place + 2] = b"\0\0"
            body[place:place + 2] = struct.pack(">H", checksum(pseudo + bytes(body)))
            body = bytes(body)
        options = dice.choice([b""] * 8 + [b"\x94\4\0\0", b"\7\7\4\0\0\0\0\0", b"\x83\7\4\x0a\x09\0\1\0", dice.randbytes(4 * dice.randrange(1, 11))])
        fragment, total = 0, 20 + len(options) + len(body)
        if dice.random() < 0.15:
            fragment = dice.choice([0x2000, 0x2000, 0, 0x4000, 0x8000]) | dice.choice([0, 0, 1, 2, 3, 8189, dice.randrange(8192)])
        if dice.random() < 0.05:
            total = dice.randrange(65536)
        head = bytearray(struct.pack(">BBHHHBBH4s4s", 0x40 | (5 + len(options) // 4), dice.randrange(256), total, dice.choice([1, 2, 3, dice.randrange(65536)]), fragment,
                                     dice.choice([64, 64, 1, 0, 255]), protocol, 0, source, to) + options)
        if dice.random() < 0.03:
            head[0] = dice.randrange(256)
        if dice.random() < 0.97:
            head[10:12] = struct.pack(">H", checksum(bytes(head)))
        return 0x800, bytes(head) + body

    def arp(self):
        dice = self.dice
        who = dice.choice([HERE, bytes([10, 9, 0, dice.randrange(3, 256)]), THERE, dice.randbytes(4), bytes(4)])
        # Our own address is left what it is: an honest connection needs it.
        mac = MACS[1] if who == HERE else dice.choice([dice.randbytes(6), MACS[1], b"\xff" * 6, bytes(6)])
        head = struct.pack(">HHBBH", dice.choice([1, 1, 1, 6, 0]), dice.choice([0x800, 0x800, 0x800, 0x86dd]), dice.choice([6, 6, 6, 0, 255]), dice.choice([4, 4, 4, 16]),
                           dice.choice([1, 1, 2, 2, 0, 3, 8, dice.randrange(65536)]))
        whole = head + mac + who + dice.choice([bytes(6), MACS[0]]) + dice.choice([THERE, THERE, dice.randbytes(4)])
        return 0x806, whole[:dice.choice([28, 28, 28, dice.randrange(28)])] + dice.choice([b"", bytes(18)])

    def ip6(self):
        """A header, a chain of extension headers, and anything."""
        dice = self.dice
        kinds, chain = [0, 43, 44, 51, 60, 135], b""
        first = following = dice.choice(kinds)
        for _ in range(dice.randrange(6)):
            following = dice.choice([*kinds, 6, 17, 58, 59])
            length = dice.choice([0, 0, 1, 2, 255])
            chain += struct.pack(">BB", following, length) + dice.randbytes(6 + 8 * min(length, 2))
            if following not in kinds:
                break
        body = chain + self.data()
        address = dice.choice([bytes.fromhex("fe80000000000000505400fffe000002"), bytes.fromhex("ff020000000000000000000000000001"), dice.randbytes(16)])
        return 0x86dd, struct.pack(">IHBB", 0x60000000 | dice.getrandbits(28), dice.choice([len(body), len(body), 0, 65535]), first, dice.choice([64, 255, 0, 1])) + \
            dice.choice([bytes.fromhex("fe80000000000000505400fffe000001"), dice.randbytes(16), bytes(16)]) + address + body

    def next(self):
        dice = self.dice
        kind, payload = dice.choice([self.ip] * 8 + [self.arp, self.ip6])()
        to = dice.choice([MACS[0]] * 8 + [b"\xff" * 6, b"\x01\x00\x5e\0\0\1", dice.randbytes(6)])
        if dice.random() < 0.02:
            kind = dice.choice([0, 0x05dc, 0x8100, 0x88a8, 0x8035, dice.randrange(65536)])
        frame = to + dice.choice([MACS[1], MACS[1], MACS[1], dice.randbytes(6), b"\xff" * 6]) + struct.pack(">H", kind) + payload
        if dice.random() < 0.03:
            frame = frame[:dice.randrange(1, len(frame))]
        return frame[:1514]


def connect(peer, port, source):
    client = TcpClient(peer, port, source=source, options=[("MSS", 1460), ("SAckOK", b""), ("WScale", 7)])
    peer.only = source
    client.connect()
    return client


def end(peer, port, source):
    """Ends a connection of which nobody knows any more what its numbers are: what is out of its window it answers with the one that a RST needs."""
    one = TcpClient(peer, port, source=source)
    peer.only = source
    for number in range(100):
        one.send("A", seq=number << 25)
        heard = one.wait(lambda t: True, "a word of a connection that was played with")
        if "R" in heard.flags:
            return
        one.send("R", seq=heard.ack)
    raise AssertionError("a connection that was played with does not end")


class Play:
    """The peer's part: frames, victims, and the honest connection."""

    def __init__(self, peer, seed):
        self.peer, self.frames, self.sent, self.talks = peer, Frames(seed), 0, 0
        self.source = 20000
        self.honest = connect(peer, 7, 19999)

    def no_victims(self):
        for port, ours, _, _ in self.frames.victims:
            end(self.peer, port, ours)
        self.frames.victims = []
        self.peer.only = self.honest.source

    def fresh_victims(self):
        """Others in place of those that were played with."""
        self.no_victims()
        for number in range(VICTIMS):
            self.source = 20000 + (self.source - 19999) % 10000
            one = connect(self.peer, 7 if number & 1 else 19, self.source)
            self.frames.victims.append((one.port, one.source, one.seq, one.ack))
        self.peer.only = self.honest.source

    def talk(self):
        """A text that was not said before: an old one may come back twice, and would be taken for the answer, with all that comes behind it left unread."""
        self.talks += 1
        text = b"honest %07d" % self.talks
        one = self.honest
        one.send("PA", text)
        one.seq = (one.seq + len(text)) & 0xffffffff
        got = one.wait(lambda t: bytes(t.payload)[:len(text)] == text, "the honest text back, after %d frames" % self.sent)
        one.ack = (got.seq + len(text)) & 0xffffffff
        one.send("A")
        self.peer.seen.clear()

    def some(self, count):
        for _ in range(count):
            self.peer.send(self.frames.next())
            self.sent += 1
            if self.sent % 1000 == 0:
                self.talk()
            if self.sent % 4000 == 0:
                self.fresh_victims()

    def end(self):
        self.no_victims()
        self.talk()


SERVERS = """
echo 1 > /proc/sys/net/ipv4/tcp_synack_retries
echo 1 > /proc/sys/net/ipv4/ipfrag_time
echo 1 > /proc/sys/net/ipv6/ip6frag_time
ifconfig lo up
ifconfig eth0 10.9.0.2 netmask 255.255.255.0 up
route add default gw 10.9.0.1
nc -ll -p 7 -e cat >/dev/null 2>&1 &
printf '#!/bin/sh\\nexec cat /dev/zero\\n' >/tmp/zero
chmod +x /tmp/zero
nc -ll -p 19 -e /tmp/zero >/dev/null 2>&1 &
"""


# Who may hold a packet.
HOLDERS = ["cat /proc/objects", "cat /proc/net/tcp", "cat /proc/net/tcp6", "cat /proc/net/udp", "cat /proc/net/raw", "cat /proc/net/arp", "cat /proc/net/snmp", "cat /proc/net/dev", "ps"]


def settle(one, guest, before, counts, grown, prompt):
    """What is not back after the longest of the timers: TIME-WAIT, neighbours. What a card has sent it gives back when it sends the next."""
    found = []
    for _ in range(40):
        one.talk()
        found = grown(before, counts(guest))
        if not found:
            break
        guest.run("sleep 5", prompt, 300)
    return found


def play(guest, peer, seed, seconds, frames, say, counts, grown, prompt):
    """Text of what was not given back; None."""
    one = Play(peer, seed)
    one.fresh_victims()
    one.some(2000)
    one.end()
    guest.run("sleep 5", prompt, 300)
    before = counts(guest)
    start = told = time.monotonic()
    one.fresh_victims()
    while (frames and one.sent < frames) or (not frames and time.monotonic() - start < seconds):
        one.some(1000)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            say("  %d s: %d frames" % (told - start, one.sent))
    one.end()
    say("  total: %d frames, the honest connection answered after each thousand" % one.sent)
    found = settle(one, guest, before, counts, grown, prompt)
    if found:
        found += ["\n## %s\n%s" % (c, guest.run(c, prompt, 300)) for c in HOLDERS]
    return "; ".join(found) or None
