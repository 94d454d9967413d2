"""Lab 11's scenarios: the other end of the wire is scapy's, so nothing of ours says what is right on it."""
import tempfile

from harness import usertest
from harness.chance import chance
from harness.peer import ADDRESS, ARP, GUEST, GUEST_MAC, ICMP, IP, MAC, TCP, UDP, Ether, Peer, Raw, TcpClient
from harness.qemu import GuestFailure, last_words

NETWORK = "ip=%s::%s:255.255.255.0::eth0:off" % (GUEST, ADDRESS)


class _Echo:
    """The guest with user/tests/net_echo.c on port 7, and the peer beside it. It was asked for its address until it was there."""

    def __init__(self, kit):
        self.peer, self.folder = Peer(), tempfile.TemporaryDirectory()
        self.guest = usertest.boot(kit.image(), ["net_echo"], self.folder.name, cap=kit.cap(), watch=True, extra=self.peer.qemu, append=NETWORK)

    def __enter__(self):
        try:
            self.guest.wait_for_verdict(r"^BOOTED \d+")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, error, _):
        """A frame that does not come, or that cannot be sent any more: if the guest has ended, that is why."""
        try:
            if isinstance(error, OSError):
                self.guest.wait_end()
            outcome = self.guest.outcome()
            if isinstance(error, (AssertionError, OSError)) and not isinstance(error, GuestFailure) and outcome != "runs":
                kind = "wrong output" if outcome in ("powered off", "passed", "failed") else outcome
                why = last_words(self.guest.verdict) or "the guest ended too early"
                raise GuestFailure("%s: %s\n%s" % (kind, why, self.guest.report()), self.guest.trace()) from None
        finally:
            self.close()

    def close(self):
        self.guest.close()
        self.peer.close()
        self.folder.cleanup()

    def ask(self, frame, wanted, what, tries=200):
        """Sends it until an answer comes: the guest may be still on its way up."""
        for _ in range(tries):
            self.peer.send(frame)
            for answer in self.peer.drain(0.1):
                if wanted(answer):
                    return answer
            assert self.guest.outcome() == "runs", "the guest ended before %s came" % what
        raise AssertionError("wrong output: %s did not come" % what)


def lab_11_a_peer_asks_and_is_answered(kit):
    """ARP, an echo, a datagram there and back, a port where nobody is."""
    with _Echo(kit) as net:
        everybody = Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff")
        reply = net.ask(everybody / ARP(op=1, hwsrc=MAC, psrc=ADDRESS, pdst=GUEST), lambda f: ARP in f and f[ARP].op == 2, "an answer to the question for its address")
        found = (reply.dst, reply[ARP].hwsrc, reply[ARP].psrc, reply[ARP].hwdst, reply[ARP].pdst)
        wanted = (MAC, GUEST_MAC, GUEST, MAC, ADDRESS)
        assert found == wanted, "wrong output: the answer to a question for its address\nexpected: %s\nfound:    %s" % (wanted, found)
        data = chance.randbytes(chance.randrange(1, 1400))
        number = chance.getrandbits(16)
        question = IP(src=ADDRESS, dst=GUEST) / ICMP(type=8, id=number, seq=1) / Raw(data)
        reply = net.ask(question, lambda f: ICMP in f and f[ICMP].type == 0 and f[ICMP].id == number, "an echo")
        assert bytes(reply[ICMP].payload)[:len(data)] == data, "wrong output: the echo has other bytes than the question"
        data, port = chance.randbytes(chance.randrange(1, 1400)), chance.randrange(2000, 60000)
        reply = net.ask(IP(src=ADDRESS, dst=GUEST) / UDP(sport=port, dport=7) / Raw(data), lambda f: UDP in f and f[UDP].dport == port, "the datagram back")
        assert bytes(reply[UDP].payload)[:len(data)] == data, "wrong output: the datagram came back with other bytes"
        nowhere = IP(src=ADDRESS, dst=GUEST) / UDP(sport=port, dport=8) / Raw(data)
        error = net.ask(nowhere, lambda f: ICMP in f and f[ICMP].type == 3, "an error about a port where nobody is")
        assert error[ICMP].code == 3, "wrong output: an error about a port where nobody is\nexpected: code 3\nfound:    code %d" % error[ICMP].code
        damaged = bytearray(bytes(Ether(src=MAC, dst=GUEST_MAC) / IP(src=ADDRESS, dst=GUEST) / UDP(sport=port, dport=7) / Raw(b"damaged on the way")))
        damaged[-3] ^= 0x10
        net.peer.send(bytes(damaged))
        assert not [f for f in net.peer.drain() if UDP in f and f[UDP].dport == port], "wrong output: a damaged datagram was taken"


def lab_11_a_text_arrives_through_a_bad_wire(kit):
    """A text goes there and back; of the guest's segments some are not acknowledged as they come, and of ours some come twice, or late, or at first not at all."""
    text = chance.randbytes(chance.randrange(9000, 14000))
    with _Echo(kit) as net:
        net.ask(Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=MAC, psrc=ADDRESS, pdst=GUEST), lambda f: ARP in f and f[ARP].op == 2, "an answer to ARP")
        client = TcpClient(net.peer, 7, source=chance.randrange(20000, 60000), seq=0xffffc000 + chance.randrange(0x3000), window=5000, options=[("MSS", 1000)])
        client.connect()
        start, expected, got = client.seq, client.ack, bytearray()
        sent = 0        # bytes of the text that the guest has acknowledged
        lost = set(chance.sample(range(0, len(text), 700), 4))  # beginnings of our segments that are lost once
        dropped = set(chance.sample(range(9000), 4))            # the guest's segments that hold these bytes are lost once
        waited = 0      # rounds without news
        while len(got) < len(text) and waited < 120:
            if sent < len(text):
                pieces = [at for at in range(sent, min(sent + 2800, len(text)), 700)]
                chance.shuffle(pieces)
                for at in pieces:
                    if at in lost:
                        lost.discard(at)
                        continue
                    for _ in range(chance.choice([1, 1, 1, 2])):
                        client.send("PA", text[at:at + 700], seq=(start + at) % 2**32, ack=(expected + len(got)) % 2**32)
            news = False
            for frame in net.peer.drain(0.15):
                if not client.mine(frame):
                    continue
                segment = frame[TCP]
                assert "R" not in segment.flags, "wrong output: the connection was reset"
                advanced = (segment.ack - start) % 2**32
                if advanced <= len(text):
                    sent = max(sent, advanced)
                length = frame[IP].len - frame[IP].ihl * 4 - segment.dataofs * 4
                at = (segment.seq - expected) % 2**32
                hole = {n for n in dropped if at <= n < at + length}
                if hole:
                    dropped -= hole
                    continue
                if length and at <= len(got) < at + length:
                    got += bytes(segment.payload)[len(got) - at:length]
                    news = True
            waited = 0 if news else waited + 1
            if news:
                client.send("A", seq=(start + sent) % 2**32, ack=(expected + len(got)) % 2**32)
            assert net.guest.outcome() == "runs", "the guest ended in the middle"
        assert bytes(got) == text, "wrong output: a text of %d bytes\nexpected: all of it back\nfound:    %d bytes, of which the first that is wrong is number %d" % (
            len(text), len(got), next((i for i, (a, b) in enumerate(zip(got, text)) if a != b), len(got)))
        client.seq, client.ack = (start + len(text)) % 2**32, (expected + len(text)) % 2**32
        end = net.ask(client.segment("FA"), lambda f: client.mine(f) and "F" in f[TCP].flags, "the guest's end")[TCP]
        client.seq, client.ack = (client.seq + 1) % 2**32, (end.seq + 1) % 2**32
        client.send("A")
        net.guest.wait_end()
        assert "bytes: %d" % len(text) in net.guest.console.text, "wrong output: net_echo\n" + net.guest.report()
