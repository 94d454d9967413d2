"""TCP from the other end of the wire when segments are lost, and when the peer means ill: selective acknowledgements, SYN floods and cookies, peers that
never read or acknowledge byte by byte, pieces that overlap. Beside each an honest connection goes on, and nothing is held that was not held before.

Timers of the guest that would make a test long are set short by /proc/sys/net. FLOOD=100000 in the environment makes the flood a long one."""
import os
import random
import re

import pytest

from harness.peer import ADDRESS, GUEST, GUEST_MAC, ICMP, IP, MAC, TCP, UDP, Ether, Peer, Raw, TcpClient, frame_maker
from labs.scenarios import PROMPT, Session
from labs.test_net import judge

FLOOD = int(os.environ.get("FLOOD") or 6_000)
MODERN = [("MSS", 1460), ("SAckOK", b""), ("WScale", 5)]


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    """(session, peer): text comes back on port 7, port 9 takes all, port 19 sends without end."""
    peer = Peer()
    capture = tmp_path_factory.mktemp("hostile") / "capture.pcap"
    one = Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up; ifconfig eth0 10.9.0.2 netmask 255.255.255.0 up; route add default gw 10.9.0.1",
                  "echo 1 > /proc/sys/net/ipv4/tcp_synack_retries; echo 1 > /proc/sys/net/ipv4/ipfrag_time",
                  "(while :; do nc -l -p 7 -e cat; done) >/dev/null 2>&1 &", "(while :; do nc -l -p 9 -e dd of=/dev/null; done) >/dev/null 2>&1 &",
                  "printf '#!/bin/sh\\nexec cat /dev/zero\\n' > zero; chmod +x zero; (while :; do nc -l -p 19 -e /tmp/zero; done) >/dev/null 2>&1 &",
                  smp=1, cap=1800, extra=peer.qemu + peer.capture(capture))
    yield one, peer
    one.guest.close()
    peer.close()
    judge(capture)


@pytest.fixture
def dial(wire):
    """dial(port, source, ...): a TcpClient, whose connection a RST ends with the test however that ends, since a server here serves one at a time."""
    made = []

    def make(port, source, **more):
        made.append(TcpClient(wire[1], port, source=source, **more))
        return made[-1]
    yield make
    for client in made:
        client.send("R")


def objects(session):
    """name -> number of /proc/objects, once what was closed is gone."""
    text = session.guest.run("cat /proc/objects", PROMPT, timeout=120)
    return {name: int(n) for name, n in re.findall(r"^(\S+) (\d+)\r?$", text, re.M)}


def extended(session):
    """The TcpExt counters."""
    names, values = [line.split()[1:] for line in session.guest.run("grep -h TcpExt /proc/net/netstat", PROMPT, timeout=120).split("\n") if line.startswith("TcpExt:")]
    return dict(zip(names, map(int, values)))


def back_to(wire, before, slack=8):
    """Waits until no cache holds more than it did. What a card has sent it gives back when it sends the next: so it is made to."""
    session, peer = wire
    for number in range(2000, 2200):
        peer.send(echo(number))
        answered(peer, number)
        after = objects(session)
        more = {name: (before.get(name, 0), n) for name, n in after.items() if name != "frames" and n > before.get(name, 0) + slack}
        if not more:
            return
        session.guest.run("usleep 200000", PROMPT, timeout=60)
    raise AssertionError("not given back (before, after): %s" % more)


def honest(peer, client, text):
    """One line there and back."""
    client.send("PA", text)
    client.seq = (client.seq + len(text)) & 0xffffffff
    got = client.wait(lambda t: bytes(t.payload)[:len(text)] == text, "the honest text back")
    client.ack = (got.seq + len(text)) & 0xffffffff
    client.send("A")


def pieces_of(packet, size):
    """The pieces of a packet, as a sender makes them."""
    whole = bytes(packet[IP].payload)
    return [IP(src=packet.src, dst=packet.dst, id=packet.id, proto=packet.proto, frag=at // 8, flags="MF" if at + size < len(whole) else 0) / Raw(whole[at:at + size])
            for at in range(0, len(whole), size)]


def echo(number, size=64):
    return IP(src=ADDRESS, dst=GUEST, id=number, proto=1) / ICMP(type=8, id=number, seq=1) / Raw(bytes(i % 251 for i in range(size)))


def answered(peer, number):
    return peer.wait(lambda f: ICMP in f and f[ICMP].type == 0 and f[ICMP].id == number, "the echo of number %d" % number)


def sacks(segment):
    """Its SACK blocks: [(from, to)]."""
    for kind, value in segment.options:
        if kind == "SAck":
            return list(zip(value[::2], value[1::2]))
    return []


def data_of(frame):
    ip = frame[IP]
    length = ip.len - ip.ihl * 4 - frame[TCP].dataofs * 4
    return bytes(frame[TCP].payload)[:length]


# --- selective acknowledgements


@pytest.mark.xdist_group("net-hostile")
def test_what_came_early_is_said(wire, dial):
    """RFC 2018: the block of what came last is the first, blocks that touch become one, and none is said once the hole is filled."""
    _, peer = wire
    client = dial(7, 43000, options=MODERN)
    opened = client.connect()
    assert any(kind == "SAckOK" for kind, _ in opened.options), "it does not permit what we offered"
    base = client.seq

    def sent(start, size):
        client.send("A", bytes(size), seq=base + start)
        answer = client.wait(lambda t: t.flags == "A" and t.ack == base, "an ACK")
        return [(a - base, b - base) for a, b in sacks(answer)]

    assert sent(100, 100) == [(100, 200)]
    assert sent(300, 100) == [(300, 400), (100, 200)]
    assert sent(500, 100) == [(500, 600), (300, 400), (100, 200)]
    assert sent(200, 100) == [(100, 400), (500, 600)]
    assert sent(100, 100)[:2] == [(100, 200), (100, 400)], "what came twice is not said (RFC 2883)"
    client.send("PA", bytes(100), seq=base)
    half = client.wait(lambda t: t.ack == base + 400, "an ACK up to the next hole")
    assert [(a - base, b - base) for a, b in sacks(half)] in ([(500, 600)], [])
    client.send("PA", bytes(100), seq=base + 400)
    whole = client.wait(lambda t: t.ack == base + 600, "an ACK for all")
    assert not sacks(whole)
    client.seq = base + 600


@pytest.mark.xdist_group("net-hostile")
def test_only_the_holes_are_sent_again(wire, dial):
    """RFC 6675: of its first window two segments are lost: they come once more, the others do not."""
    _, peer = wire
    client = dial(19, 43100, options=[("MSS", 1000), ("SAckOK", b"")], window=20000)
    client.connect()
    window = {}
    while len(window) < 10:
        frame = peer.wait(lambda f: client.mine(f) and data_of(f), "its first window")
        window[frame[TCP].seq] = len(data_of(frame))
    segments = sorted(window.items())
    lost = (segments[2], segments[5])
    top, said = sum(segments[9]), []
    for seq, length in segments:
        if (seq, length) in lost:
            continue
        if seq < lost[0][0]:
            client.ack = seq + length
            client.send("A")
            continue
        if said and said[0][1] == seq:
            said[0] = (said[0][0], seq + length)
        else:
            said.insert(0, (seq, seq + length))
        client.send("A", options=[("SAck", tuple(x for block in said for x in block))])
    # Timers may have run out before all that was heard: what counts is what comes once it was, which the echo behind it proves.
    peer.send(echo(3000))
    answered(peer, 3000)
    heard = len(peer.seen)

    def again():
        return {f[TCP].seq for f in peer.seen[heard:] if client.mine(f) and data_of(f) and f[TCP].seq < top}
    client.wait(lambda t: t.seq == lost[0][0], "the first that was lost")
    client.ack = lost[1][0]
    client.send("A", options=[("SAck", (lost[1][0] + lost[1][1], top))])
    client.wait(lambda t: t.seq == lost[1][0], "the second that was lost")
    client.ack = top
    client.send("A")
    peer.drain(0.3)
    assert again() <= {seq for seq, _ in lost}, "sent again: %s, lost were %s" % (again(), lost)


@pytest.mark.xdist_group("net-hostile")
def test_lies_about_what_arrived(wire, dial):
    """Blocks backwards, beyond what was sent, below what was acknowledged, and a peer that takes its word back: all is sent in the end."""
    _, peer = wire
    client = dial(19, 43200, options=[("MSS", 500), ("SAckOK", b"")], window=5000)
    client.connect()
    base = client.ack
    peer.wait(lambda f: client.mine(f) and data_of(f), "its text")
    peer.drain(0.3)
    for blocks in ([(base + 4000, base + 1000)], [(base + 100000, base + 200000)], [(base - 5000, base - 4000)], [(base, base)],
                   [(0, 0xffffffff), (base + 500, base + 1000), (base + 1000, base + 1500)], [(base + 1, base + 2)] * 3):
        client.send("A", options=[("SAck", tuple(x & 0xffffffff for b in blocks for x in b))])
    # It said that it has the second and third; now it acknowledges nothing of that: they come again once the timer has run out.
    client.ack = base + 500
    client.send("A")
    client.wait(lambda t: t.seq == base + 500, "what was taken back")
    client.ack = base + 1000
    client.send("A")
    client.wait(lambda t: t.seq == base + 1000, "the rest of what was taken back")


# --- floods


@pytest.mark.timeout(1800)
@pytest.mark.xdist_group("net-hostile")
def test_syn_flood(wire, dial):
    """SYNs that nobody stands behind: whoever comes in good faith is served, by a cookie; one that guesses a cookie is not."""
    session, peer = wire
    client = dial(7, 44000, options=MODERN)
    client.connect()
    honest(peer, client, b"before")
    before = objects(session)
    make = frame_maker(IP(src="10.9.0.3", dst=GUEST) / TCP(sport=1, dport=9, flags="S", seq=1, window=1000, options=[("MSS", 1460)]))
    dice = random.Random(5)
    peer.only = client.source
    for number in range(FLOOD):
        peer.send(make(source=0x0a090000 | dice.randrange(256, 65536), sport=dice.randrange(1024, 65536), seq=dice.getrandbits(32)))
        if number % 1000 == 999:
            honest(peer, client, b"flood %06d" % number)
    peer.only = None
    guess = dial(9, 44501, seq=7)
    guess.ack = 12345
    guess.send("A")
    assert "R" in guess.wait(lambda t: True, "an answer to a guess").flags
    late = dial(9, 44500, options=MODERN)
    late.connect()
    late.write(b"in good faith")
    late.send("R", seq=late.seq)
    sent = extended(session)["SyncookiesSent"]
    assert sent > FLOOD / 4, "%d cookies were sent" % sent
    back_to(wire, before)
    honest(peer, client, b"after")


@pytest.mark.xdist_group("net-hostile")
def test_a_peer_that_never_reads(wire, dial):
    """It takes nothing from one that sends without end: that holds no more than its buffer, and all goes when the peer ends it."""
    session, peer = wire
    client = dial(7, 45000)
    client.connect()
    before = objects(session)
    one = dial(19, 45100, window=0)
    one.connect()
    for _ in range(3):
        probe = peer.wait(lambda f: one.mine(f) and f[TCP].seq in (one.ack - 1, one.ack), "a probe of the shut window")
        assert len(data_of(probe)) <= 1, "it sends into a shut window"
        one.send("A")
        honest(peer, client, b"beside")
    used = {name: n - before.get(name, 0) for name, n in objects(session).items()}
    assert used["packet"] < 300, used
    one.send("R", seq=one.seq)
    back_to(wire, before)


@pytest.mark.xdist_group("net-hostile")
def test_a_peer_that_acknowledges_byte_by_byte(wire, dial):
    session, peer = wire
    client = dial(7, 46000)
    client.connect()
    before = objects(session)
    one = dial(19, 46100, window=4000, options=[("MSS", 1000)])
    one.connect()
    base = one.ack
    for number in range(1, 1500):
        one.ack = (base + number) & 0xffffffff
        one.send("A")
        if number % 500 == 0:
            honest(peer, client, b"beside %d" % number)
    far = max((f[TCP].seq + len(data_of(f)) - base) & 0xffffffff for f in peer.seen if one.mine(f) and data_of(f))
    assert far <= 1500 + 4000, "it sent past the window"
    one.send("R", seq=one.seq)
    back_to(wire, before)


@pytest.mark.xdist_group("net-hostile")
def test_pieces_that_overlap(wire):
    """Teardrop, a Ping of Death, pieces of pieces, and very many first ones: none is put together, none stays."""
    session, peer = wire
    before = objects(session)
    for number in range(1, 300):
        first, *_ = pieces_of(echo(number), 40)
        peer.send(first)
        peer.send(IP(src=ADDRESS, dst=GUEST, id=number, frag=1 + number % 4, proto=1) / Raw(bytes(40)))          # reaches into the first and past it
        peer.send(IP(src=ADDRESS, dst=GUEST, id=number, frag=8189, proto=1) / Raw(bytes(1000)))                  # reaches past what a packet may be
        source = "10.9.%d.%d" % (1 + number % 200, 1 + number % 250)
        peer.send(IP(src=source, dst=GUEST, id=number, flags="MF", proto=17) / UDP(sport=7, dport=7, len=1600) / Raw(bytes(792)))
    peer.send(echo(1000))
    answered(peer, 1000)
    assert not [f for f in peer.seen if ICMP in f and f[ICMP].type == 0 and f[ICMP].id < 300], "it answered an echo whose pieces overlap"
    for piece in pieces_of(echo(1001, 4000), 1480):
        peer.send(piece)
    answered(peer, 1001)
    back_to(wire, before)
    assert "PANIC" not in session.guest.verdict, session.guest.report()


@pytest.mark.xdist_group("net-hostile")
def test_pieces_that_come_twice_or_never(wire):
    """A piece that comes twice does no harm, in whatever order they come; where one never comes the sender of the first is told (RFC 792)."""
    session, peer = wire
    before = objects(session)
    dice = random.Random(6)
    for number in range(1100, 1120):
        pieces = pieces_of(echo(number, 2000), 400) * 2
        dice.shuffle(pieces)
        for piece in pieces:
            peer.send(piece)
        answered(peer, number)
    for at in (0, 2):
        for piece in pieces_of(echo(1200 + at, 2000), 400)[at:4]:
            peer.send(piece)
    error = peer.wait(lambda f: ICMP in f and f[ICMP].type == 11 and f[ICMP].payload.id == 1200, "word of the piece that did not come")
    assert error[ICMP].code == 1
    back_to(wire, before)
    peer.send(echo(1300))
    answered(peer, 1300)
    assert not [f for f in peer.seen if ICMP in f and f[ICMP].type == 11 and f[ICMP].payload.id == 1202], "it told of one whose first piece it never had"


@pytest.mark.xdist_group("net-hostile")
def test_land(wire, dial):
    """From itself to itself: to a port that listens, with and without an open connection."""
    session, peer = wire
    for flags in ("S", "SA", "A", "R", "FPU", "SR"):
        peer.send(Ether(src=MAC, dst=GUEST_MAC) / IP(src=GUEST, dst=GUEST) / TCP(sport=7, dport=7, flags=flags, seq=3, ack=4))
        peer.send(Ether(src=MAC, dst=GUEST_MAC) / IP(src="127.0.0.1", dst=GUEST) / TCP(sport=7, dport=7, flags=flags))
    left = session.guest.run("netstat -tn", PROMPT, timeout=60)
    assert not re.search(r"10\.9\.0\.2:7 +\S*(10\.9\.0\.2|127\.0\.0\.1):7 ", left), "a connection with itself:\n" + left
    client = dial(7, 47000)
    client.connect()
    honest(peer, client, b"still here")
    assert "PANIC" not in session.guest.verdict, session.guest.report()
