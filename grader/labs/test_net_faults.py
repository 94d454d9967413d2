"""Frames that a device does not send, and frames that come when memory is short: they are lost and counted, and what goes over TCP arrives whole."""
import re

import pytest

from harness import build
from harness.peer import CARDS, GUEST_MAC
from labs.scenarios import PROMPT, Session
from labs.test_net_offload import sink  # noqa: F401, pylint: disable=unused-import

BYTES = 600001


def lost(guest, kind):
    columns = re.search(r"^ *eth0:(.*)$", guest.run("cat /proc/net/dev", PROMPT), re.M)[1].split()
    return int(columns[{"rx": 3, "tx": 11}[kind]])


@pytest.mark.xdist_group("net-user")
@pytest.mark.parametrize("kind", ["tx", "rx"])
@pytest.mark.parametrize("card", CARDS)
def test_each_eleventh_frame_is_lost(sink, card, kind):  # noqa: F811, pylint: disable=redefined-outer-name
    with Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", "ifconfig lo up; ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up", smp=2, cap=280,
                 image=build.kernel(None, None, "DEBUG=1"), append="fault=%s:11:every" % kind,
                 extra=["-netdev", "user,id=n0", "-device", CARDS[card] + ",netdev=n0,romfile=,mac=" + GUEST_MAC]).guest as guest:
        before = lost(guest, kind)
        said = guest.run("head -c %d /dev/urandom >f; sha256sum <f; nc 10.0.2.2 %d <f" % (BYTES, sink), PROMPT, timeout=240)
        after = lost(guest, kind)
    digests = re.findall(r"\b[0-9a-f]{64}\b", said)
    assert len(digests) == 2 and digests[0] == digests[1], said
    assert after - before >= 5, "nothing was lost: %d, then %d" % (before, after)
