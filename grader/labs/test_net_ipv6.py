"""IPv6: QEMU's user network with programs of Alpine, and a peer that writes its frames itself: a router, neighbours, who has our address already, odd chains
of headers. Every capture is read by tshark."""
import random

import pytest
from scapy.all import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr,
                       ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, ICMPv6ParamProblem, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, HBHOptUnknown, fragment6)

from harness.peer import GUEST_MAC, MAC, TCP, UDP, Ether, Peer, Raw
from labs.scenarios import PROMPT, Session
from labs.test_net import FAULTS, judge

LINK, PREFIX = "fe80::5054:ff:fe00:2", "2001:db8:1::"       # the guest's, by its card's address
GUEST, ROUTER, PEER = "2001:db8:1:0:5054:ff:fe00:2", "fe80::1", "2001:db8:1::99"
OTHER = "2001:db8:1::98"
GROUP = "ff02::1:ff00:2"                                     # solicited-node of both
# What an error quotes may be as malformed as it came.
FAULTS6 = tuple("%s && !(icmpv6.type < 128)" % fault for fault in (*FAULTS, "icmpv6.checksum.status == 0"))


# --- QEMU's user network


@pytest.fixture(scope="module")
def user_network(tmp_path_factory):
    capture = tmp_path_factory.mktemp("user6") / "capture.pcap"
    one = Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up; ip link set eth0 up", smp=2, cap=600, extra=[
        "-netdev", "user,id=n0,ipv4=on,ipv6=on", "-device", "virtio-net-pci,netdev=n0,disable-legacy=on,mac=" + GUEST_MAC,
        "-object", "filter-dump,id=dump0,netdev=n0,file=%s" % capture])
    one.answers("until ip -6 addr show dev eth0 | grep -q fec0; do usleep 200000; done; until ping6 -c 1 fec0::2 >/dev/null 2>&1; do usleep 200000; done; ip -6 addr show dev eth0",
                "inet6 fec0::5054:ff:fe00:2/64")
    yield one
    one.guest.close()
    judge(capture)


COMMANDS = [
    ("ip -6 route | grep -o 'default via fe80::2 dev eth0'", "default via fe80::2 dev eth0"),
    ("ip -6 neigh | grep -o 'fec0::2 dev eth0 lladdr 52:56:00:00:00:02'", "fec0::2 dev eth0 lladdr 52:56:00:00:00:02"),
    ("ping6 -c 2 ::1 | grep -o '2 packets received'", "2 packets received"),
    ("ping6 -c 1 fec0::2 | grep -o 'ttl=255'", "ttl=255"),
    ("ping6 -c 1 -s 9000 ::1 | grep -o '9008 bytes from'", "9008 bytes from"),
    ("ping6 -c 1 -I eth0 fe80::2 | grep -o '1 packets received'", "1 packets received"),
    ("(echo six | nc -l -p 98 >/dev/null &); usleep 300000; netstat -tln | grep -c ':::98 '", "1"),
    ("nc ::1 98 </dev/null", "six"),
    ("(echo mapped | nc -l -p 97 >/dev/null &); usleep 300000; nc 127.0.0.1 97 </dev/null", "mapped"),
    ("wget -q -O - http://[::1]:1/ 2>&1 | grep -o refused", "refused"),
    ("ip -6 addr add 2001:db8::7/128 dev lo; ping6 -c 1 2001:db8::7 | grep -o '1 packets received'; ip -6 addr del 2001:db8::7/128 dev lo; "
     "ping6 -c 1 2001:db8::7 2>&1 | grep -o '1 packets received' | wc -l", "received\n0"),
    ("ifconfig eth0 down; ip -6 addr show dev eth0 | wc -l; ip -6 route | wc -l", "0\n0"),
]


@pytest.mark.xdist_group("net-user6")
@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=lambda n: COMMANDS[n][0][:40])
def test_command(user_network, number):
    user_network.answers(*COMMANDS[number])


# --- a peer of our own


class Peer6(Peer):
    """It answers for its own addresses."""

    def receive(self):
        frame = super().receive()
        if frame is not None and self.answers and ICMPv6ND_NS in frame and frame[ICMPv6ND_NS].tgt in (ROUTER, PEER, OTHER) and frame[IPv6].src != "::":
            self.send(Ether(src=MAC, dst=frame.src) / IPv6(src=frame[ICMPv6ND_NS].tgt, dst=frame[IPv6].src, hlim=255) /
                      ICMPv6ND_NA(tgt=frame[ICMPv6ND_NS].tgt, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=MAC))
        return frame


def group_mac(group):
    return "33:33:ff:" + ":".join("%02x" % b for b in bytes(IPv6(dst=group))[37:40])


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    """(session, peer): the guest has made itself an address from a prefix that the peer, a router, advertised; text comes back from port 7."""
    peer = Peer6()
    capture = tmp_path_factory.mktemp("wire6") / "capture.pcap"
    one = Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up", "ip link set eth0 up", "(while :; do nc -l -p 7 -e cat; done) >/dev/null 2>&1 &",
                  smp=1, cap=600, extra=peer.qemu + peer.capture(capture))
    detection = peer.wait(lambda f: ICMPv6ND_NS in f and f[ICMPv6ND_NS].tgt == LINK, "the detection of duplicates")
    assert (detection[IPv6].src, detection[IPv6].dst, detection[IPv6].hlim) == ("::", GROUP, 255) and ICMPv6NDOptSrcLLAddr not in detection
    asked = peer.wait(lambda f: ICMPv6ND_RS in f, "a question for routers")
    assert (asked[IPv6].src, asked[IPv6].dst, asked[IPv6].hlim) == (LINK, "ff02::2", 255)
    advertisement = IPv6(src=ROUTER, dst="ff02::1", hlim=255) / ICMPv6ND_RA(chlim=77, routerlifetime=1800) / ICMPv6NDOptSrcLLAddr(lladdr=MAC) / \
        ICMPv6NDOptPrefixInfo(prefix=PREFIX, prefixlen=64, L=1, A=1, validlifetime=7200, preferredlifetime=3600)
    # From further away than the link it is not believed.
    wrong = advertisement.copy()
    wrong[IPv6].hlim = 254
    wrong[ICMPv6NDOptPrefixInfo].prefix = "2001:db8:666::"
    for frame in (wrong, advertisement):
        peer.send(Ether(src=MAC, dst="33:33:00:00:00:01") / frame)
    peer.wait(lambda f: ICMPv6ND_NS in f and f[ICMPv6ND_NS].tgt == GUEST and f[IPv6].src == "::", "the detection for the address from the prefix")
    peer.drain(2)
    yield one, peer
    one.guest.close()
    peer.close()
    judge(capture, faults=FAULTS6)


pytestmark = pytest.mark.xdist_group("net-wire6")


def echo(peer, number, frame):
    """The answer to an echo of this number that was sent somehow."""
    for one in frame if isinstance(frame, list) else [frame]:
        peer.send(one)
    return peer.wait(lambda f: ICMPv6EchoReply in f and f[ICMPv6EchoReply].seq == number, "the echo %d" % number)


def ping(number, data=b"data", **ip):
    return IPv6(**{"src": PEER, "dst": GUEST, **ip}) / ICMPv6EchoRequest(id=9, seq=number, data=data)


def test_addresses_from_a_prefix(wire):
    session, _ = wire
    text = session.guest.run("ip -6 addr show dev eth0; ip -6 route", PROMPT, timeout=60)
    assert GUEST + "/64" in text and LINK + "/64" in text and "default via fe80::1" in text and "666" not in text, text


def test_neighbours_are_told(wire):
    _, peer = wire
    peer.send(Ether(src=MAC, dst=group_mac(GROUP)) / IPv6(src=PEER, dst=GROUP, hlim=255) / ICMPv6ND_NS(tgt=GUEST) / ICMPv6NDOptSrcLLAddr(lladdr=MAC))
    told = peer.wait(lambda f: ICMPv6ND_NA in f, "an advertisement")
    assert (told[IPv6].src, told[IPv6].dst, told[IPv6].hlim) == (GUEST, PEER, 255)
    assert (told[ICMPv6ND_NA].tgt, told[ICMPv6ND_NA].S, told[ICMPv6ND_NA].R, told[ICMPv6NDOptDstLLAddr].lladdr) == (GUEST, 1, 0, GUEST_MAC)
    # Who asks whether it is free hears it too, all of them.
    peer.send(Ether(src=MAC, dst=group_mac(GROUP)) / IPv6(src="::", dst=GROUP, hlim=255) / ICMPv6ND_NS(tgt=GUEST))
    assert peer.wait(lambda f: ICMPv6ND_NA in f, "the defence")[IPv6].dst == "ff02::1"
    # Not from further away, nor for others.
    peer.send(Ether(src=MAC, dst=group_mac(GROUP)) / IPv6(src=PEER, dst=GROUP, hlim=254) / ICMPv6ND_NS(tgt=GUEST) / ICMPv6NDOptSrcLLAddr(lladdr=MAC))
    peer.send(Ether(src=MAC, dst=group_mac(GROUP)) / IPv6(src=PEER, dst=GROUP, hlim=255) / ICMPv6ND_NS(tgt=PREFIX + "77") / ICMPv6NDOptSrcLLAddr(lladdr=MAC))
    assert not [f for f in peer.drain() if ICMPv6ND_NA in f]


def test_echo_and_extension_headers(wire):
    _, peer = wire
    reply = echo(peer, 1, ping(1))
    assert (reply[IPv6].src, reply[IPv6].hlim, reply[ICMPv6EchoReply].data) == (GUEST, 77, b"data")
    around = ICMPv6EchoRequest(id=9, seq=2, data=b"data")
    echo(peer, 2, IPv6(src=PEER, dst=GUEST) / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting(type=0, segleft=0) / IPv6ExtHdrDestOpt() / around)
    around.seq = 3
    echo(peer, 3, IPv6(src=PEER, dst=GUEST) / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x1e)]) / around)
    for build, code, where in [
            (lambda x: IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x9e)]) / x, 2, 42),
            (lambda x: IPv6ExtHdrRouting(type=0, segleft=1, addresses=[PEER]) / x, 0, 42),
            (lambda x: IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop() / x, 1, 40),
            (lambda x: Raw(b"12345678"), 1, 6)]:
        around.seq = 4
        frame = IPv6(src=PEER, dst=GUEST) / build(around)
        if Raw in frame and code == 1 and where == 6:
            frame[IPv6].nh = 253
        peer.send(frame)
        error = peer.wait(lambda f: ICMPv6ParamProblem in f, "a parameter problem")[ICMPv6ParamProblem]
        assert (error.code, error.ptr) == (code, where)
    # Thrown away without a word: an option that says so, and a chain that has no end.
    for chain in (IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x5e)]), IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() /
                  IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt()):
        around.seq = 5
        peer.send(IPv6(src=PEER, dst=GUEST) / chain / around)
    assert not [f for f in peer.drain() if IPv6 in f and f[IPv6].src == GUEST and ICMPv6ND_NS not in f]


def test_fragments(wire):
    _, peer = wire
    data = bytes(i % 251 for i in range(4000))
    pieces = [p for p in fragment6(IPv6(src=PEER, dst=GUEST) / IPv6ExtHdrFragment(id=5) / ICMPv6EchoRequest(id=9, seq=20, data=data), 1280)]
    assert len(pieces) > 2
    for order in (pieces, pieces[::-1]):
        for piece in order:
            peer.send(piece)
        got = {}
        while sum(map(len, got.values())) < len(data) + 8:
            f = peer.wait(lambda f: IPv6ExtHdrFragment in f and f[IPv6].src == GUEST, "the echo in pieces")
            assert len(f) <= 1514
            got[f[IPv6ExtHdrFragment].offset] = bytes(f[IPv6ExtHdrFragment].payload)[:f[IPv6].plen - 8]
        assert b"".join(got[k] for k in sorted(got))[8:] == data
    # One that is whole by itself; and pieces that overlap, which no honest sender makes.
    echo(peer, 21, IPv6(src=PEER, dst=GUEST) / IPv6ExtHdrFragment(id=6) / ICMPv6EchoRequest(id=9, seq=21, data=b"x"))
    peer.send(IPv6(src=PEER, dst=GUEST) / IPv6ExtHdrFragment(id=7, m=1, nh=58) / Raw(bytes(ICMPv6EchoRequest(id=9, seq=22, data=b"y" * 56))))
    peer.send(IPv6(src=PEER, dst=GUEST) / IPv6ExtHdrFragment(id=7, m=0, offset=4, nh=58) / Raw(b"y" * 64))
    assert not [f for f in peer.drain() if ICMPv6EchoReply in f]


def test_ports_without_a_program_and_path_mtu(wire):
    session, peer = wire
    peer.send(IPv6(src=PEER, dst=GUEST) / UDP(sport=1234, dport=4321) / Raw(b"anybody?"))
    error = peer.wait(lambda f: ICMPv6DestUnreach in f, "an error")
    assert error[ICMPv6DestUnreach].code == 4 and b"anybody?" in bytes(error[ICMPv6DestUnreach].payload)
    peer.send(IPv6(src=PEER, dst="ff02::1") / UDP(sport=1234, dport=4321) / Raw(b"anybody?"))
    # A datagram without a checksum is none.
    peer.send(IPv6(src=PEER, dst=GUEST) / UDP(sport=1234, dport=4321, chksum=0) / Raw(b"anybody?"))
    assert not [f for f in peer.drain() if ICMPv6DestUnreach in f]
    # The path is narrower: what follows is cut to it.
    session.guest.console.line("ping6 -c 1 -w 1 -s 1400 %s >/dev/null" % PEER)
    big = peer.wait(lambda f: ICMPv6EchoRequest in f, "an echo from the guest")
    peer.send(IPv6(src=ROUTER, dst=GUEST) / ICMPv6PacketTooBig(mtu=1300) / Raw(bytes(big[IPv6])[:1200]))
    session.guest.expect(PROMPT)
    session.guest.console.line("ping6 -c 1 -w 1 -s 1400 %s >/dev/null" % PEER)
    piece = peer.wait(lambda f: IPv6ExtHdrFragment in f and f[IPv6].src == GUEST, "a fragment")
    assert len(bytes(piece[IPv6])) <= 1300
    session.guest.expect(PROMPT)


def test_tcp(wire):
    _, peer = wire

    def send(flags, seq, ack, data=b""):
        peer.send(IPv6(src=OTHER, dst=GUEST) / TCP(sport=43000, dport=7, flags=flags, seq=seq, ack=ack, window=8192, options=[("MSS", 1200)] if flags == "S" else []) / Raw(data))

    def wait(wanted, what):
        return peer.wait(lambda f: TCP in f and f[TCP].dport == 43000 and wanted(f[TCP]), what)[TCP]

    send("S", 0xfffffffe, 0)
    opened = wait(lambda t: t.flags == "SA", "a SYN,ACK")
    assert ("MSS", 1440) in opened.options and opened.ack == 0xffffffff
    ack = opened.seq + 1 & 0xffffffff
    send("A", 0xffffffff, ack)
    send("PA", 0xffffffff, ack, b"hello")
    text = wait(lambda t: bytes(t.payload)[:5] == b"hello", "the text back")
    assert text.ack == 4
    send("R", 4, ack)
    send("S", 100, 0)
    peer.send(IPv6(src=OTHER, dst=GUEST) / TCP(sport=43001, dport=4444, flags="S", seq=7))
    assert peer.wait(lambda f: TCP in f and f[TCP].dport == 43001, "a RST")[TCP].flags == "RA"


def test_an_address_that_another_has(wire):
    """RFC 4862 section 5.4: it is not used."""
    session, peer = wire
    session.guest.run("ip -6 addr add %s5/64 dev eth0" % PREFIX, PROMPT, timeout=60)
    peer.wait(lambda f: ICMPv6ND_NS in f and f[ICMPv6ND_NS].tgt == PREFIX + "5", "the detection of duplicates")
    peer.send(Ether(src=MAC, dst="33:33:00:00:00:01") / IPv6(src=PREFIX + "5", dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=PREFIX + "5", R=0, S=0, O=1) /
              ICMPv6NDOptDstLLAddr(lladdr=MAC))
    session.answers("usleep 300000; ip -6 addr show dev eth0 | grep %s5/64" % PREFIX, "dadfailed")
    peer.send(IPv6(src=PEER, dst=PREFIX + "5") / ICMPv6EchoRequest(id=9, seq=30))
    assert not [f for f in peer.drain() if ICMPv6EchoReply in f]


def bad_frames(dice, count):
    """Chains of headers with every field at odds, most with checksums that are right."""
    for _ in range(count):
        source = dice.choice([PEER, "2001:db8:1::%x" % dice.randrange(1, 99), "::", "::1", "fe80::%x" % dice.randrange(1, 9), "::ffff:127.0.0.1", "ff02::1"])
        ip = dict(src=source, dst=dice.choice([GUEST, GUEST, GUEST, LINK, "ff02::1", GROUP, "::1", "::ffff:10.0.0.1"]), hlim=dice.choice([255, 255, dice.randrange(256)]))
        if dice.random() < 0.15:
            ip["plen"] = dice.randrange(65536)
        frame = IPv6(**ip)
        for _ in range(dice.choice([0, 0, 1, 2, 9])):
            frame = frame / dice.choice([
                IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=dice.randrange(256), optdata=dice.randbytes(dice.randrange(20)))]),
                IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=dice.randrange(256), optdata=dice.randbytes(dice.randrange(20)))]),
                IPv6ExtHdrRouting(type=dice.randrange(5), segleft=dice.randrange(3), addresses=[PEER] * dice.randrange(3)),
                IPv6ExtHdrFragment(id=dice.randrange(4), m=dice.randrange(2), offset=dice.choice([0, dice.randrange(8192)]))])
        data = Raw(dice.randbytes(dice.choice([0, 1, 7, 40, 1000])))
        frame = frame / dice.choice([
            UDP(sport=dice.randrange(65536), dport=dice.randrange(65536)) / data, TCP(sport=dice.randrange(65536), dport=7, flags=dice.randrange(256)) / data,
            ICMPv6EchoRequest(id=1, seq=1) / data, ICMPv6ND_NS(tgt=dice.choice([GUEST, "ff02::1"])) / data, ICMPv6ND_NA(tgt=PEER, S=1, O=0) / data,
            ICMPv6ND_RA(routerlifetime=0) / data, ICMPv6DestUnreach(code=dice.randrange(9)) / data, ICMPv6PacketTooBig(mtu=dice.randrange(2000)) / data, data])
        yield bytes(Ether(src=MAC, dst=GUEST_MAC) / frame)[:1514]


def test_bad_frames_do_no_harm(wire):
    session, peer = wire
    for number, frame in enumerate(bad_frames(random.Random(20261126), 2000)):
        peer.send(frame)
        if number % 500 == 499:
            echo(peer, 1000 + number, ping(1000 + number))
    peer.drain()
    assert "PANIC" not in session.guest.verdict, session.guest.report()
    session.answers("echo still $((40 + 2))", "still 42")
