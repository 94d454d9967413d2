"""What cards do in TCP's stead: several segments in one packet, both ways, cut by the card, by the host or by us. Who says what is right is the host's Linux at the
other end of a tap, or a capture that tshark reads."""
import hashlib
import random
import re
import socket
import threading

import pytest

from harness import tap
from harness.peer import CARDS, GUEST_MAC
from labs.scenarios import PROMPT, Session
from labs.test_net import FAULTS, FAULTS_E1000, judge

TOO_LONG = ("frame.len > 1514",)


@pytest.fixture(scope="module")
def sink():
    """A server on the host's loopback that answers with the SHA-256 of what it got: its port."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()

    def run():
        while True:
            try:
                one, _ = server.accept()
            except OSError:
                return
            seen = hashlib.sha256()
            while data := one.recv(1 << 20):
                seen.update(data)
            one.sendall(seen.hexdigest().encode() + b"\n")
            one.close()
    threading.Thread(target=run, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.mark.xdist_group("net-user")
@pytest.mark.parametrize("smp", [1, 4])
@pytest.mark.parametrize("card", CARDS)
def test_what_is_cut_arrives_whole(tmp_path, sink, card, smp):
    """virtio's card on a user network cuts nothing, so we do; Intel's does it itself. No frame is longer than the MTU allows, and each has its own checksum."""
    capture = tmp_path / "capture.pcap"
    with Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up; ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up", smp=smp, cap=280, extra=[
            "-netdev", "user,id=n0", "-device", CARDS[card] + ",netdev=n0,romfile=,mac=" + GUEST_MAC,
            "-object", "filter-dump,id=dump0,netdev=n0,file=%s" % capture]).guest as guest:
        said = guest.run("head -c 4000001 /dev/urandom >f; sha256sum <f; nc 10.0.2.2 %d <f" % sink, PROMPT, timeout=120)
        digests = re.findall(r"\b[0-9a-f]{64}\b", said)
        assert len(digests) == 2 and digests[0] == digests[1], said
    judge(capture, faults=(FAULTS_E1000 if card == "e1000" else FAULTS) + TOO_LONG)


@pytest.fixture(scope="module", params=[1, 4], ids="smp{}".format)
def linux(request):
    """A session whose card ends at the host's Linux."""
    why = tap.possible()
    if why:
        pytest.skip("must skip: a tap in a namespace of its own cannot be made here: " + why)
    with tap.namespace():
        one = Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up; ifconfig eth0 10.9.0.2 netmask 255.255.255.0 up; ip -6 addr add fd09::2/64 dev eth0",
                      smp=request.param, cap=400, extra=tap.card())
    one.answers("until nc 10.9.0.1 5003 </dev/null >/dev/null 2>&1; do usleep 200000; done; echo th''ere", "there")
    yield one
    one.guest.close()


def frames(session):
    """(received, sent) by the host's end, packets of several segments counted once."""
    text = session.guest.run("nc 10.9.0.1 5003 </dev/null", PROMPT, timeout=60)
    fields = re.search(r"t0: *(.*)", text).group(1).split()
    return int(fields[1]), int(fields[9])


@pytest.mark.xdist_group("net-tap")
@pytest.mark.parametrize("host", [tap.ADDRESS, "fd09::1"])
def test_large_packets_both_ways(linux, host):
    linux.answers("until ping -c 1 %s >/dev/null 2>&1; do usleep 200000; done; echo th''ere" % host, "there")
    before = frames(linux)
    said = linux.guest.run("head -c %d /dev/urandom >f; sha256sum <f; nc %s 5001 <f" % (tap.SIZE, host), PROMPT, timeout=200)
    digests = re.findall(r"\b[0-9a-f]{64}\b", said)
    assert len(digests) == 2 and digests[0] == digests[1], said
    between = frames(linux)
    assert tap.digest() in linux.guest.run("nc %s 5002 </dev/null | sha256sum" % host, PROMPT, timeout=200)
    after = frames(linux)
    segments = tap.SIZE // 1448
    sent, received = between[0] - before[0], after[1] - between[1]
    assert sent < segments / 2 and received < segments / 2, "not large: %d packets out and %d in, for %d segments" % (sent, received, segments)


@pytest.mark.xdist_group("net-tap")
def test_several_queues():
    """Four pairs of queues on four processors: all of them are agreed on, several are used, and what goes through them is whole."""
    why = tap.possible()
    if why:
        pytest.skip("must skip: a tap in a namespace of its own cannot be made here: " + why)
    with tap.namespace(queues=4):
        one = Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up; ifconfig eth0 10.9.0.2 netmask 255.255.255.0 up", smp=4, cap=400, extra=tap.card(queues=4))
    with one.guest as guest:
        assert "queues 4" in guest.run("dmesg | grep virtio-net,", PROMPT, timeout=60)
        one.answers("until nc 10.9.0.1 5003 </dev/null >/dev/null 2>&1; do usleep 200000; done; echo th''ere", "there")
        said = guest.run("head -c 3000000 /dev/urandom >f; sha256sum <f; p=; for i in 1 2 3 4; do (nc 10.9.0.1 5001 <f >up$i; nc 10.9.0.1 5002 </dev/null | sha256sum >down$i) & p=\"$p $!\"; "
                         "done; wait $p; cat up? down?", PROMPT, timeout=300)
        digests = re.findall(r"\b[0-9a-f]{64}\b", said)
        assert digests == [digests[0]] * 5 + [tap.digest()] * 4, said
        interrupts = re.findall(r"^ *\d+:((?: +\d+)+) .*virtio-net", guest.run("cat /proc/interrupts", PROMPT, timeout=60), re.MULTILINE)
        busy = sum(any(int(n) for n in line.split()) for line in interrupts)
        assert busy >= 3, "interrupts of %d vectors of %d" % (busy, len(interrupts))
