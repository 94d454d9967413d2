"""Intel's card in place of virtio's: the same wire, and what is the card's own: what it lets through, the link, a way out that is blocked."""
import hashlib
import re

import pytest
from scapy.all import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6

from harness.peer import ADDRESS, GUEST, GUEST_MAC, ICMP, IP, MAC, UDP, Ether, Raw
from harness.qmp import GdbStub
from labs.scenarios import PROMPT, Session
# Collected here once more, on the `wire` below.
from labs.test_net import (FAULTS_E1000, judge, test_a_port_without_a_program, test_arp_answers_for_its_own_address, test_bad_frames_do_no_harm, test_echo,  # noqa: F401
                           test_tcp_opens_talks_and_closes, test_tcp_puts_text_into_order, test_tcp_sends_again, web, wired)


@pytest.fixture(scope="module", params=[1, 4], ids="smp{}".format)
def wire(request, tmp_path_factory):
    stub = tmp_path_factory.mktemp("stub") / "gdb"
    for one, peer in wired(tmp_path_factory, "e1000", request.param, "-gdb", "unix:%s,server=on,wait=off" % stub):
        one.stub = stub
        yield one, peer


def received(session):
    """Frames that the card has handed to the kernel."""
    return int(re.search(r"eth0: *\d+ +(\d+)", session.guest.run("cat /proc/net/dev", PROMPT, timeout=60)).group(1))


def echoes(peer, number):
    peer.send(IP(src=ADDRESS, dst=GUEST) / ICMP(type=8, id=77, seq=number))
    return peer.wait(lambda f: ICMP in f and f[ICMP].type == 0 and f[ICMP].seq == number, "an echo")


def heard(session, peer, number, destination, count=20):
    """How many of so many frames to this Ethernet address came through."""
    before = received(session)
    for _ in range(count):
        peer.send(Ether(src=MAC, dst=destination) / IP(src=ADDRESS, dst="224.9.9.9") / UDP(sport=1, dport=2) / Raw(b"anybody"))
    echoes(peer, number)  # the card has had them all
    return received(session) - before - 1


STRANGER, GROUP = "52:54:00:00:00:99", "01:00:5e:09:09:09"


@pytest.mark.xdist_group("net-wire")
def test_it_hears_what_it_is_told_to(wire):
    session, peer = wire
    echoes(peer, 100)
    assert (heard(session, peer, 101, STRANGER), heard(session, peer, 102, GROUP)) == (0, 0)
    session.guest.run("ifconfig eth0 allmulti", PROMPT, timeout=60)
    assert (heard(session, peer, 103, STRANGER), heard(session, peer, 104, GROUP)) == (0, 20)
    session.guest.run("ifconfig eth0 -allmulti promisc", PROMPT, timeout=60)
    assert (heard(session, peer, 105, STRANGER), heard(session, peer, 106, GROUP)) == (20, 20)
    session.guest.run("ifconfig eth0 -promisc", PROMPT, timeout=60)
    assert (heard(session, peer, 107, STRANGER), heard(session, peer, 108, GROUP)) == (0, 0)


@pytest.mark.xdist_group("net-wire")
def test_it_hears_who_looks_for_its_addresses(wire):
    """The solicited-node group of an IPv6 address comes and goes with it."""
    session, peer = wire
    group = "33:33:ff:34:56:78"
    ask = Ether(src=MAC, dst=group) / IPv6(src="fd00::1", dst="ff02::1:ff34:5678", hlim=255) / ICMPv6ND_NS(tgt="fd00::1234:5678") / ICMPv6NDOptSrcLLAddr(lladdr=MAC)
    assert heard(session, peer, 110, group) == 0
    session.guest.run("ip -6 addr add fd00::1234:5678/64 dev eth0; while ip -6 addr show dev eth0 | grep -q tentative; do usleep 200000; done", PROMPT, timeout=60)
    peer.send(ask)
    assert peer.wait(lambda f: ICMPv6ND_NA in f, "an advertisement")[ICMPv6ND_NA].tgt == "fd00::1234:5678"
    session.guest.run("ip -6 addr del fd00::1234:5678/64 dev eth0", PROMPT, timeout=60)
    assert heard(session, peer, 111, group) == 0


@pytest.mark.xdist_group("net-wire")
def test_the_cable_is_pulled(wire):
    session, peer = wire
    session.guest.qmp.execute("set_link", name="card", up=False)
    session.answers("until ip link show eth0 | grep NO-CARRIER; do usleep 100000; done", "state DOWN")
    session.answers("ping -c 1 -w 1 %s | grep -o ' 0 packets received'" % ADDRESS, "0 packets received")
    session.guest.qmp.execute("set_link", name="card", up=True)
    session.answers("until ip link show eth0 | grep LOWER_UP; do usleep 100000; done", "state UP")
    echoes(peer, 120)


PINGS, PIECES = 16, 41


@pytest.mark.xdist_group("net-wire")
def test_nothing_is_lost_when_nothing_goes_out(wire):
    """The card's transmitter is switched off behind the driver's back (TCTL), as if it were stuck. More frames than its ring has room for are sent; the driver
    notices, resets the card, and all of them come, in their order."""
    session, peer = wire
    session.guest.run("ping -c 1 %s" % ADDRESS, PROMPT, timeout=60)
    bar = int(re.search(r"8086:100e.*?BAR0: 32 bit memory at (0x[0-9a-f]+)", session.guest.qmp.monitor("info pci"), re.DOTALL).group(1), 16)
    stub = GdbStub(session.stub)
    stub.write_physical(bar + 0x400, bytes(4))
    stub.detach()
    peer.drain(0.2)
    session.guest.run("p=; for i in $(seq %d); do ping -c 1 -W 1 -s 60000 %s >/dev/null & p=\"$p $!\"; done; wait $p" % (PINGS, ADDRESS), PROMPT, timeout=120)
    pieces = {}
    while sum(map(len, pieces.values())) < PINGS * PIECES:
        f = peer.wait(lambda f: IP in f and f[IP].src == GUEST and f[IP].proto == 1, "a piece; %s came" % {k: len(v) for k, v in pieces.items()})
        pieces.setdefault(f[IP].id, []).append(f[IP].frag)
    assert sorted(map(len, pieces.values())) == [PIECES] * PINGS and all(offsets == sorted(set(offsets)) for offsets in pieces.values())
    session.answers("dmesg | grep 'the card was reset' | wc -l", "1")
    echoes(peer, 130)


@pytest.mark.xdist_group("net-user")
@pytest.mark.parametrize("smp", [1, 4])
def test_a_file_arrives_on_a_user_network(tmp_path, web, smp):  # noqa: F811
    folder, port = web
    capture = tmp_path / "capture.pcap"
    with Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up", smp=smp, cap=280, extra=[
            "-netdev", "user,id=n0", "-device", "e1000,netdev=n0,romfile=,mac=" + GUEST_MAC,
            "-object", "filter-dump,id=dump0,netdev=n0,file=%s" % capture]).guest as guest:
        assert "obtained" in guest.run("ip link set eth0 up; udhcpc -i eth0 -n -q -f 2>&1", PROMPT, timeout=60)
        digest = hashlib.sha256((folder / "big").read_bytes()).hexdigest()
        assert digest in guest.run("wget -q -O - http://10.0.2.2:%d/big | sha256sum" % port, PROMPT, timeout=120)
    judge(capture, faults=FAULTS_E1000)
