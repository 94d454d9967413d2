"""Many connections: ten thousand on a machine of 256 MiB, and a packet costs as much as among ten."""
import re

import pytest

from campaign.run import PROMPT, image
from harness.build import kernel
from harness.qemu import Machine

ROW = re.compile(r"(\d+) connections: (\d+) ns a round, (-?\d+) KiB held")


@pytest.mark.timeout(1800)
def test_ten_thousand(tmp_path):
    whole = image(tmp_path, "net_many", 1, 1, "")
    found = {}
    with Machine(kernel(), initrd=whole, smp=1, mem="256M", icount=True, cmdline="console=ttyS0 quiet panic=-1 rdinit=/bin/sh", cap=900) as guest:
        guest.expect(PROMPT, 300)
        guest.run("/tests/prepare", PROMPT, 300)
        for count in (10, 10_000):
            text = guest.run("/tests/net_many %d" % count, PROMPT, 800)
            row = ROW.search(text)
            assert row, "%s\n%s" % (text, guest.report())
            found[count] = int(row.group(2)), int(row.group(3))
        assert "PANIC" not in guest.verdict, guest.report()
    few, many = found[10][0], found[10_000][0]
    print("a round among 10: %d instructions, among 10,000: %d; %d KiB held" % (few, many, found[10_000][1]))
    assert many <= 1.3 * few, "a round among 10 costs %d instructions, among 10,000 %d" % (few, many)
