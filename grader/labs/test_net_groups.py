"""What a router hears of groups that programs join and leave: IGMP and MLD, in the newest version and in those of older routers."""
import pytest
from scapy.all import ICMPv6MLQuery2, ICMPv6MLReport, ICMPv6MLReport2, ICMPv6MLDone, ICMPv6MLQuery, IPv6, IPv6ExtHdrHopByHop, IPOption_Router_Alert, RouterAlert
from scapy.contrib.igmp import IGMP
from scapy.contrib.igmpv3 import IGMPv3, IGMPv3mq, IGMPv3mr

from harness import usertest
from harness.build import kernel
from harness.peer import ADDRESS, GUEST, IP, MAC, UDP, Ether, Peer, Raw
from labs.scenarios_net import NETWORK
from labs.test_net import judge

GROUP, OTHER, GROUP6 = "239.1.2.3", "239.1.2.4", "ff05::1:3"
IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE = 2, 3, 4
ROUTER6 = "fe80::5054:ff:fe00:1"


class Guest:
    """The guest with user/tests/net_groups.c, and us as its router."""

    def __init__(self, folder):
        self.peer, self.capture = Peer(), folder / "groups.pcap"
        self.guest = usertest.boot(kernel(), ["net_groups"], str(folder), smp=1, cap=240, extra=[*self.peer.qemu, *self.peer.capture(self.capture)], append=NETWORK)
        self.guest.wait_for_verdict(r"^BOOTED \d+")

    def order(self, text):
        """Sends it until the answer comes: at first the program is not there yet."""
        for _ in range(200):
            self.peer.send(IP(src=ADDRESS, dst=GUEST) / UDP(sport=99, dport=7) / Raw(text.encode()))
            for _ in range(20):
                frame = self.peer.receive()
                if frame is not None and UDP in frame and frame[UDP].dport == 99:
                    return frame[Raw].load.decode()
        raise AssertionError("no answer to %r" % text)

    def tell(self, text, wanted, what):
        """What is told because of an order: often before its answer."""
        self.peer.send(IP(src=ADDRESS, dst=GUEST) / UDP(sport=99, dport=7) / Raw(text.encode()))
        return self.peer.wait(wanted, what)


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    one = Guest(tmp_path_factory.mktemp("groups"))
    assert one.order("+" + OTHER) == "done"
    yield one
    one.peer.send(IP(src=ADDRESS, dst=GUEST) / UDP(sport=99, dport=7) / Raw(b"."))
    one.guest.wait_end()
    one.guest.close()
    one.peer.close()
    judge(one.capture)


def v3(what, group):
    def wanted(f):
        return IGMPv3mr in f and f[IP].dst == "224.0.0.22" and any((r.rtype, r.maddr) == (what, group) for r in f[IGMPv3mr].records)
    return wanted


def v2(kind, group, to):
    return lambda f: IP in f and f[IP].proto == 2 and f[IP].dst == to and bytes(f[IP].payload)[:1] == bytes([kind]) and IGMP(bytes(f[IP].payload)).gaddr == group


def mld2(what, group):
    def wanted(f):
        return ICMPv6MLReport2 in f and f[IPv6].dst == "ff02::16" and any((r.rtype, r.dst) == (what, group) for r in f[ICMPv6MLReport2].records)
    return wanted


@pytest.mark.xdist_group("net-groups")
def test_joined_and_left(wire):
    told = wire.tell("+" + GROUP, v3(TO_EXCLUDE, GROUP), "a report of the group that was joined")
    assert (told[IP].ttl, told[IP].tos) == (1, 0xc0) and any(isinstance(o, IPOption_Router_Alert) for o in told[IP].options)
    wire.peer.wait(v3(TO_EXCLUDE, GROUP), "the report once more")
    wire.tell("-" + GROUP, v3(TO_INCLUDE, GROUP), "a report of the group that was left")
    wire.peer.wait(v3(TO_INCLUDE, GROUP), "the report once more")


@pytest.mark.xdist_group("net-groups")
def test_a_router_asks(wire):
    """Asked for all or for this one it answers; it does not for one that nobody is in. What it says between is of the question that it can answer."""
    def ask(group):
        wire.peer.send(Ether(src=MAC, dst="01:00:5e:00:00:01") / IP(src=ADDRESS, dst="224.0.0.1" if group == "0.0.0.0" else group, ttl=1) / IGMPv3(type=0x11, mrcode=5) / IGMPv3mq(gaddr=group))

    ask("0.0.0.0")
    wire.peer.wait(v3(IS_EXCLUDE, OTHER), "an answer to the question for all groups")
    ask("239.9.9.9")
    wire.peer.send(Ether(src=MAC, dst="01:00:5e:01:02:04") / IP(src=ADDRESS, dst=OTHER, ttl=1) / IGMPv3(type=0x11, mrcode=5) / IGMPv3mq(gaddr=OTHER))
    seen = len(wire.peer.seen)
    wire.peer.wait(v3(IS_EXCLUDE, OTHER), "an answer to the question for this group")
    assert not any(v3(IS_EXCLUDE, "239.9.9.9")(f) for f in wire.peer.seen[seen:])


@pytest.mark.xdist_group("net-groups")
def test_ipv6(wire):
    told = wire.tell("+" + GROUP6, mld2(TO_EXCLUDE, GROUP6), "a report of the group that was joined")
    assert told[IPv6].hlim == 1 and IPv6ExtHdrHopByHop in told and any(isinstance(o, RouterAlert) for o in told[IPv6ExtHdrHopByHop].options)
    wire.peer.send(Ether(src=MAC, dst="33:33:00:00:00:01") / IPv6(src=ROUTER6, dst="ff02::1", hlim=1) / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLQuery2(mrd=500))
    wire.peer.wait(mld2(IS_EXCLUDE, GROUP6), "an answer to the question for all groups")
    wire.tell("-" + GROUP6, mld2(TO_INCLUDE, GROUP6), "a report of the group that was left")


@pytest.mark.xdist_group("net-groups")
def test_older_routers(wire):
    """Last: what it heard it heeds for minutes."""
    wire.peer.send(Ether(src=MAC, dst="01:00:5e:00:00:01") / IP(src=ADDRESS, dst="224.0.0.1", ttl=1) / IGMP(type=0x11, mrcode=5, gaddr="0.0.0.0"))
    wire.peer.wait(v2(0x16, OTHER, OTHER), "an answer in version 2")
    wire.tell("+" + GROUP, v2(0x16, GROUP, GROUP), "a report in version 2")
    wire.tell("-" + GROUP, v2(0x17, GROUP, "224.0.0.2"), "a leave in version 2")
    wire.peer.send(Ether(src=MAC, dst="33:33:00:00:00:01") / IPv6(src=ROUTER6, dst="ff02::1", hlim=1) / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLQuery(mrd=500))
    wire.tell("+" + GROUP6, lambda f: ICMPv6MLReport in f and f[IPv6].dst == GROUP6 == f[ICMPv6MLReport].mladdr, "a report in version 1")
    wire.tell("-" + GROUP6, lambda f: ICMPv6MLDone in f and f[IPv6].dst == "ff02::2" and f[ICMPv6MLDone].mladdr == GROUP6, "a leave in version 1")
