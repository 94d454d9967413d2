"""Two guests on a bad wire: what one sends arrives at the other whole, both ways, whatever the wire loses, doubles, reorders and damages. MEGABYTES=1024 in the
environment makes it a long one."""
import os
import re

import pytest

from harness.relay import Relay
from labs.scenarios import PROMPT, Session
from labs.test_net_hostile import extended

MEGABYTES = int(os.environ.get("MEGABYTES") or 1)
BAD = {"drop": 0.05, "double": 0.02, "reorder": 0.03, "damage": 0.005}


@pytest.fixture(scope="module")
def ends():
    """(relay, two sessions): 10.9.1.1 and 10.9.1.2."""
    relay = Relay(20261126, **BAD)
    both = [Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up; ifconfig eth0 10.9.1.%d netmask 255.255.255.0 up" % (end + 1), "mkfifo copy",
                    smp=1, cap=900 + 30 * MEGABYTES, extra=relay.qemu(end)) for end in (0, 1)]
    yield relay, both
    for one in both:
        one.guest.close()
    relay.close()


@pytest.mark.timeout(1200 + 60 * MEGABYTES)
@pytest.mark.xdist_group("net-loss")
@pytest.mark.parametrize("sender", [0, 1])
def test_a_file_through_a_bad_wire(ends, sender):
    """Random bytes, of which each end makes a SHA-256: the receiver's comes back through the same connection."""
    relay, both = ends
    there, here = both[sender], both[1 - sender]
    here.guest.run("nc -l -p 99 -e sha256sum </dev/null >/dev/null 2>&1 &", PROMPT, timeout=60)
    here.guest.run("until netstat -tln | grep -q ':99 '; do usleep 100000; done", PROMPT, timeout=120)
    said = there.guest.run("sha256sum <copy >sent & dd if=/dev/urandom bs=64k count=%d 2>/dev/null | tee copy | nc 10.9.1.%d 99; wait; cat sent"
                           % (16 * MEGABYTES, 2 - sender), PROMPT, timeout=600 + 30 * MEGABYTES)
    digests = re.findall(r"\b[0-9a-f]{64}\b", said)
    assert len(digests) == 2 and digests[0] == digests[1], "what arrived, and what was sent:\n%s\n%s" % (said, relay.report())
    for one in both:
        assert "PANIC" not in one.guest.verdict, one.guest.report()
    assert extended(there)["TCPSackRecovery"] > 0, "no loss was made good by selective acknowledgements: " + relay.report()
    way = relay.ways[sender]
    assert way.dropped and way.doubled and way.reordered and way.damaged, relay.report()
    print(relay.report())
