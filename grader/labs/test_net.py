"""The network, from the other end of the wire: a user network with programs of Alpine, and a peer that writes its frames itself. Every capture is read by
tshark, which must not find a malformed frame or a wrong checksum of ours."""
import functools
import hashlib
import http.server
import random
import ssl
import subprocess
import threading
import time

import pytest

from harness import apkrepo
from harness.peer import ADDRESS, ARP, GUEST, GUEST_MAC, ICMP, IP, MAC, TCP, UDP, Ether, Peer, Raw, TcpClient
from labs.scenarios import PROMPT, Session

FAULTS = ("_ws.malformed", "ip.checksum.status == 0", "tcp.checksum.status == 0", "udp.checksum.status == 0", "icmp.checksum.status == 0",
          "icmpv6.checksum.status == 0", "igmp.checksum.status == 0")
# QEMU's model of Intel's card writes a sum of 0 as 0xffff for TCP too, where only UDP has to: one segment in 65,536.
FAULTS_E1000 = tuple(f + " && !tcp.checksum.ffff" if f.startswith("tcp.") else f for f in FAULTS)


def judge(capture, of_guest=GUEST_MAC, faults=FAULTS):
    """tshark reads the capture: no fault in what the guest sent."""
    words = ["tshark", "-r", str(capture), "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
             "-Y", "eth.src == %s && (%s)" % (of_guest, " || ".join("(%s)" % f for f in faults))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    assert not done.stdout, "tshark finds fault with:\n" + done.stdout
    count = subprocess.run(["tshark", "-r", str(capture), "-Y", "eth.src == " + of_guest], capture_output=True, text=True, check=True)
    assert count.stdout, "the capture holds nothing of the guest"


# --- QEMU's user network


class Web(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """A server on the host's loopback: a file, and a repository of packages."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "big").write_bytes(random.Random(7).randbytes(3_000_000))
    apkrepo.write(folder / "repo", [
        ("hi-base", "1.0-r0", [("usr/share/hi/text", 0o644, b"hi there\n")], ()),
        ("hi", "1.0-r0", [("usr/bin/hi", 0o755, b"#!/bin/sh\ncat /usr/share/hi/text\n")], ("hi-base",)),
        ("hey", "1.0-r0", [("usr/bin/hey", 0o755, b"#!/bin/sh\necho hey there\n")], ())])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Web, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, server.server_address[1]
    server.shutdown()


@pytest.fixture(scope="module")
def secure_web(web):
    """The same over TLS, by a certificate that it makes itself (ca.pem in the folder): its port."""
    folder, _ = web
    key = folder.parent / (folder.name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=10.0.2.2", "-addext", "subjectAltName=IP:10.0.2.2",
                    "-keyout", str(key), "-out", str(folder / "ca.pem")], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Web, directory=str(folder)))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture(scope="module")
def user_network(tmp_path_factory):
    capture = tmp_path_factory.mktemp("user") / "capture.pcap"
    one = Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up", smp=2, cap=280, extra=[
        "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,disable-legacy=on,mac=" + GUEST_MAC,
        "-object", "filter-dump,id=dump0,netdev=n0,file=%s" % capture])
    one.answers("ip link set eth0 up; udhcpc -i eth0 -n -q -f 2>&1 | grep -o 'lease of 10.0.2.15 obtained'", "lease of 10.0.2.15 obtained")
    yield one
    one.guest.close()
    judge(capture)


COMMANDS = [
    ("ip addr show eth0 | grep -o 'inet 10.0.2.15/24'", "inet 10.0.2.15/24"),
    ("ip route | grep -o 'default via 10.0.2.2 dev eth0'", "default via 10.0.2.2 dev eth0"),
    ("route -n | grep -c '^0.0.0.0 *10.0.2.2'", "1"),
    ("cat /etc/resolv.conf", "nameserver 10.0.2.3"),
    ("ping -c 2 10.0.2.2 | grep -o '2 packets received'", "2 packets received"),
    ("ping -c 1 -s 3000 10.0.2.2 | grep -o '3008 bytes from'", "3008 bytes from"),
    ("ping -c 1 10.0.2.2 >/dev/null; arp -n | grep -o '10.0.2.2) at 52:55:0a:00:02:02'", "10.0.2.2) at 52:55:0a:00:02:02"),
    ("ifconfig eth0 | grep -o 'UP BROADCAST RUNNING MULTICAST'", "UP BROADCAST RUNNING MULTICAST"),
    ("(echo through | nc -l -p 99 > /dev/null &) ; usleep 300000; netstat -tln | grep -c ':99 '", "1"),
    ("echo x | nc -w 2 127.0.0.1 99; netstat -s | grep -c 'connections established\\|active connection openings'", ""),
    ("wget -q -O - http://10.0.2.2:1/ 2>&1 | grep -o refused", "refused"),
]


@pytest.mark.xdist_group("net-user")
@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=lambda n: COMMANDS[n][0][:40])
def test_command(user_network, number):
    user_network.answers(*COMMANDS[number])


@pytest.mark.xdist_group("net-user")
def test_a_file_arrives(user_network, web):
    folder, port = web
    digest = hashlib.sha256((folder / "big").read_bytes()).hexdigest()
    user_network.answers("wget -q -O /tmp/big http://10.0.2.2:%d/big; sha256sum /tmp/big | cut -c-64" % port, digest)


@pytest.mark.xdist_group("net-user")
def test_apk_add(user_network, web):
    command = "apk --allow-untrusted --no-cache --repositories-file /dev/null -X http://10.0.2.2:%d/repo add hi >/dev/null; echo $?; hi"
    user_network.answers(command % web[1], "0\nhi there")


@pytest.mark.xdist_group("net-user")
def test_apk_add_over_tls(user_network, web, secure_web):
    """The certificate is nobody's that Alpine knows: it is refused until it is said to be trusted."""
    command = "apk --allow-untrusted --no-cache --repositories-file /dev/null -X https://10.0.2.2:%d/repo add hey >/dev/null 2>&1 && hey || echo refused" % secure_web
    user_network.answers(command, "refused")
    # QEMU's real-time clock starts up to two seconds late: to the guest this certificate would not be valid yet.
    user_network.answers("date -s @%d >/dev/null; echo $?" % (time.time() + 60), "0")
    user_network.answers("wget -q -O - http://10.0.2.2:%d/ca.pem >>/etc/ssl/cert.pem; %s" % (web[1], command), "hey there")


def test_address_from_the_command_line(tmp_path):
    """ip=ADDRESS/BITS and Linux's longer form set the card up before any program runs."""
    card = ["-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,disable-legacy=on"]
    with Session("alpine", "stty cols 400 2>/dev/null", smp=1, cap=120, extra=card, append="ip=10.0.2.77::10.0.2.2:255.255.255.0::eth0:off").guest as guest:
        assert "10.0.2.77/24" in guest.run("ip addr show eth0", PROMPT, timeout=60)
        assert "default via 10.0.2.2" in guest.run("ip route", PROMPT, timeout=60)


# --- a peer of our own


def wired(tmp_path_factory, card, smp, *more):
    """(session, peer): the guest at 10.9.0.2, with servers on ports 7 (text comes back) and 9 (takes all)."""
    peer = Peer(card)
    capture = tmp_path_factory.mktemp("wire") / "capture.pcap"
    one = Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up; ifconfig eth0 10.9.0.2 netmask 255.255.255.0 up",
                  "(while :; do nc -l -p 7 -e cat; done) >/dev/null 2>&1 &", "(while :; do nc -l -p 9 -e dd of=/dev/null; done) >/dev/null 2>&1 &",
                  smp=smp, cap=280, extra=peer.qemu + peer.capture(capture) + list(more))
    yield one, peer
    one.guest.close()
    peer.close()
    judge(capture)


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    yield from wired(tmp_path_factory, "virtio", 1)


@pytest.mark.xdist_group("net-wire")
def test_arp_answers_for_its_own_address(wire):
    _, peer = wire
    peer.send(Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=MAC, psrc=ADDRESS, pdst=GUEST))
    reply = peer.wait(lambda f: ARP in f and f[ARP].op == 2, "an ARP reply")[ARP]
    assert (reply.hwsrc, reply.psrc, reply.hwdst, reply.pdst) == (GUEST_MAC, GUEST, MAC, ADDRESS)
    peer.send(Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=MAC, psrc=ADDRESS, pdst="10.9.0.77"))
    assert not [f for f in peer.drain() if ARP in f and f[ARP].op == 2], "it answered for another's address"


@pytest.mark.xdist_group("net-wire")
def test_arp_asks_and_keeps_packets(wire):
    session, peer = wire
    peer.answers = False
    session.guest.console.line("ping -c 1 -w 20 10.9.0.50 >/dev/null &")
    peer.wait(lambda f: ARP in f and f[ARP].op == 1 and f[ARP].pdst == "10.9.0.50", "a question for 10.9.0.50")
    peer.send(Ether(src="52:54:00:00:00:50", dst=GUEST_MAC) / ARP(op=2, hwsrc="52:54:00:00:00:50", psrc="10.9.0.50", hwdst=GUEST_MAC, pdst=GUEST))
    ping = peer.wait(lambda f: ICMP in f and f[IP].dst == "10.9.0.50", "the packet that waited")
    assert ping.dst == "52:54:00:00:00:50"
    peer.answers = True


@pytest.mark.xdist_group("net-wire")
def test_what_waits_goes_when_the_address_is_set_by_hand(wire):
    session, peer = wire
    session.guest.console.line("ping -c 1 -w 20 10.9.0.51 >/dev/null &")
    peer.wait(lambda f: ARP in f and f[ARP].op == 1 and f[ARP].pdst == "10.9.0.51", "a question for 10.9.0.51")
    session.guest.console.line("arp -s 10.9.0.51 52:54:00:00:00:51")
    ping = peer.wait(lambda f: ICMP in f and f[IP].dst == "10.9.0.51", "the packet that waited")
    assert ping.dst == "52:54:00:00:00:51"


@pytest.mark.xdist_group("net-wire")
def test_echo(wire):
    _, peer = wire
    for size in (0, 1, 56, 1472, 4000):
        data = bytes(i % 251 for i in range(size))
        whole = IP(src=ADDRESS, dst=GUEST, id=size + 1) / ICMP(type=8, id=5, seq=size) / Raw(data)
        for piece in whole.fragment(1480) if size > 1472 else [whole]:
            peer.send(piece)
        if size <= 1472:
            reply = peer.wait(lambda f, n=size: ICMP in f and f[ICMP].type == 0 and f[ICMP].seq == n, "the echo of %d bytes" % size)
            assert bytes(reply[ICMP].payload)[:size] == data
        else:
            pieces = {}
            while sum(map(len, pieces.values())) < size + 8:
                f = peer.wait(lambda f: IP in f and f[IP].src == GUEST and f[IP].proto == 1, "the echo in pieces")
                pieces[f[IP].frag] = bytes(f[IP].payload)[:f[IP].len - 20]
            assert b"".join(pieces[k] for k in sorted(pieces))[8:] == data


@pytest.mark.xdist_group("net-wire")
def test_a_port_without_a_program(wire):
    _, peer = wire
    peer.send(IP(src=ADDRESS, dst=GUEST) / UDP(sport=1234, dport=4321) / Raw(b"anybody?"))
    error = peer.wait(lambda f: ICMP in f and f[ICMP].type == 3, "an ICMP error")
    assert error[ICMP].code == 3 and b"anybody?" in bytes(error[ICMP].payload)
    client = TcpClient(peer, 4321, source=41000)
    client.send("S")
    reset = client.wait(lambda t: "R" in t.flags, "a RST")
    assert reset.flags == "RA" and reset.ack == client.seq + 1 and reset.seq == 0
    client.send("A", seq=5, ack=777)
    assert client.wait(lambda t: "R" in t.flags, "a RST").seq == 777


@pytest.mark.xdist_group("net-wire")
def test_tcp_opens_talks_and_closes(wire):
    _, peer = wire
    client = TcpClient(peer, 7, source=42000, options=[("MSS", 1000)])
    opened = client.connect()
    assert ("MSS", 1460) in opened.options
    client.send("PA", b"hello")
    client.seq += 5
    text = client.wait(lambda t: bytes(t.payload)[:5] == b"hello", "the text back")
    assert text.seq == client.ack and text.ack == client.seq
    client.ack += 5
    client.send("A")
    client.send("FA")
    fin = client.wait(lambda t: "F" in t.flags, "its FIN")
    assert fin.ack == client.seq + 1
    client.seq += 1
    client.ack = fin.seq + 1
    client.send("A")
    assert not [f for f in peer.drain(1.5) if client.mine(f) and f[TCP].seq == fin.seq and "F" in f[TCP].flags], "a FIN that was acknowledged came again"


@pytest.mark.xdist_group("net-wire")
def test_tcp_puts_text_into_order(wire):
    _, peer = wire
    client = TcpClient(peer, 7, source=42001, seq=0xfffffff0)  # the numbers wrap in the midst
    client.connect()
    base = client.seq
    for start, data in ((10, b"klmno"), (5, b"fghij"), (3, b"defgh"), (12, b"mnopqrst")):
        client.send("A", data, seq=(base + start) & 0xffffffff)
        hole = client.wait(lambda t: True, "an ACK")
        assert hole.ack == base, "it acknowledged what it has not"
    client.send("PA", b"abcde", seq=base)
    got, client.seq = b"", (base + 20) & 0xffffffff
    while len(got) < 20:
        t = client.wait(lambda t: bytes(t.payload)[:1] and t.seq == (client.ack + len(got)) & 0xffffffff, "the text back")
        got += bytes(t.payload)
    assert got[:20] == b"abcdefghijklmnopqrst"
    client.send("R")


@pytest.mark.xdist_group("net-wire")
def test_tcp_sends_again(wire):
    """Text that nobody acknowledges comes again, later each time; three duplicate ACKs bring it at once."""
    _, peer = wire
    client = TcpClient(peer, 7, source=42002)
    client.connect()
    client.send("PA", b"again")
    client.seq += 5
    first = client.wait(lambda t: bytes(t.payload)[:5] == b"again", "the text")
    times = [first.time if hasattr(first, "time") else 0]
    for _ in range(2):
        again = client.wait(lambda t: bytes(t.payload)[:5] == b"again", "the text again")
        assert again.seq == first.seq
    client.send("A", ack=first.seq + 5)
    assert times and not [f for f in peer.drain(2) if client.mine(f) and bytes(f[TCP].payload)[:5] == b"again"]
    client.send("R")


@pytest.mark.xdist_group("net-wire")
def test_tcp_heeds_the_window(wire):
    """No more than the window is sent; a window that is shut is asked about."""
    _, peer = wire
    client = TcpClient(peer, 7, source=42003, window=10)
    client.connect()
    for _ in range(4):
        client.send("PA", b"0123456789")
        client.seq += 10
    first = client.wait(lambda t: bytes(t.payload)[:2] == b"01", "the first text")
    assert len(bytes(first.payload)) <= 10
    assert all(len(bytes(f[TCP].payload)) + f[TCP].seq - client.ack <= 10 for f in peer.drain() if client.mine(f) and len(f[IP].payload) > f[TCP].dataofs * 4)
    client.window = 0
    client.ack = first.seq + 10
    client.send("A")
    probe = client.wait(lambda t: t.seq == client.ack - 1 or t.seq == client.ack, "a probe")
    assert probe.flags & 0x10
    client.window = 1000
    client.send("A")
    client.wait(lambda t: bytes(t.payload)[:2] == b"01" and t.seq == client.ack, "the rest")
    client.send("R")


@pytest.mark.xdist_group("net-wire")
def test_tcp_believes_no_forged_reset(wire):
    """RFC 5961: a RST in the window but not at the number expected, and a SYN, are answered by an ACK, and the connection goes on."""
    _, peer = wire
    client = TcpClient(peer, 7, source=42004)
    client.connect()
    client.send("R", seq=client.seq + 100)
    challenge = client.wait(lambda t: t.flags == "A", "a challenge ACK")
    assert challenge.ack == client.seq
    client.send("R", seq=client.seq - 1000)
    client.send("PA", b"alive")
    client.seq += 5
    client.wait(lambda t: bytes(t.payload)[:5] == b"alive", "the text back")
    client.send("R", seq=client.seq)
    client.send("A")
    assert "R" in client.wait(lambda t: "R" in t.flags, "a RST: the connection is gone").flags


def bad_frames(dice, count):
    """Frames with every field at odds, most with checksums that are right."""
    for _ in range(count):
        source = "10.9.0.%d" % dice.randrange(1, 255)
        ip = dict(src=source, dst=dice.choice([GUEST, GUEST, GUEST, "10.9.0.255", "224.0.0.1", "127.0.0.1"]), id=dice.randrange(65536), ttl=dice.randrange(256),
                  flags=dice.randrange(8), frag=dice.choice([0, 0, 0, dice.randrange(8192)]), tos=dice.randrange(256))
        if dice.random() < 0.2:
            ip["len"] = dice.randrange(65536)
        if dice.random() < 0.1:
            ip["ihl"] = dice.randrange(16)
        data = Raw(dice.randbytes(dice.choice([0, 1, 7, 40, 1400])))
        upper = dice.randrange(5)
        if upper == 0:
            body = UDP(sport=dice.randrange(65536), dport=dice.randrange(65536), **({"len": dice.randrange(65536)} if dice.random() < 0.3 else {})) / data
        elif upper == 1:
            body = TCP(sport=dice.randrange(65536), dport=dice.choice([7, 9, dice.randrange(65536)]), seq=dice.getrandbits(32), ack=dice.getrandbits(32),
                       flags=dice.randrange(256), window=dice.randrange(65536), urgptr=dice.randrange(65536),
                       **({"dataofs": dice.randrange(16)} if dice.random() < 0.3 else {})) / data
        elif upper == 2:
            body = ICMP(type=dice.randrange(20), code=dice.randrange(20)) / data
        elif upper == 3:
            body = ICMP(type=3, code=dice.randrange(16)) / IP(src=GUEST, dst=source, **({"ihl": dice.randrange(16)} if dice.random() < 0.5 else {})) / \
                TCP(sport=dice.choice([7, 9]), dport=dice.randrange(65536), seq=dice.getrandbits(32)) / data
        else:
            body = data
            ip["proto"] = dice.randrange(256)
        frame = bytearray(bytes(Ether(src=MAC, dst=GUEST_MAC) / IP(**ip) / body))
        if dice.random() < 0.1:
            frame = bytearray(bytes(Ether(src=MAC, dst=GUEST_MAC, type=0x806)) + dice.randbytes(dice.randrange(60)))
        if dice.random() < 0.05:
            frame = frame[:dice.randrange(1, len(frame))]
        yield bytes(frame)[:1514]


@pytest.mark.xdist_group("net-wire")
def test_bad_frames_do_no_harm(wire):
    """Thousands of frames from a seed; an honest connection beside them goes on, and the kernel holds no more than before."""
    session, peer = wire
    client = TcpClient(peer, 7, source=42010)
    client.connect()
    for number, frame in enumerate(bad_frames(random.Random(20261126), 3000)):
        peer.send(frame)
        if number % 500 == 499:
            client.send("PA", b"still %04d" % number)
            client.seq += 10
            text = client.wait(lambda t, n=number: bytes(t.payload)[:10] == b"still %04d" % n, "the honest text back")
            client.ack = text.seq + 10
            client.send("A")
    # Teardrop: pieces that overlap. Land: from itself to itself.
    peer.send(IP(src=ADDRESS, dst=GUEST, id=9, flags="MF", proto=17) / Raw(b"x" * 36))
    peer.send(IP(src=ADDRESS, dst=GUEST, id=9, frag=3, proto=17) / Raw(b"x" * 4))
    peer.send(IP(src=GUEST, dst=GUEST) / TCP(sport=7, dport=7, flags="S"))
    client.send("R")
    peer.send(IP(src=ADDRESS, dst=GUEST) / ICMP(type=8, id=6, seq=1))
    peer.wait(lambda f: ICMP in f and f[ICMP].type == 0 and f[ICMP].id == 6, "an echo after all that")
    assert "PANIC" not in session.guest.verdict, session.guest.report()
