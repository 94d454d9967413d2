"""Each campaign for a moment, with seeds that stay: that it runs, finds nothing, and that the counts come back. How much it gets
done on a busy host is no matter. Long ones with fresh seeds: make campaign."""
import pytest

import campaign.run as campaign

SECONDS = 30
FEW = {"images": {"BOOTS": "2"}, "chaos": {"BOOTS": "1", "ONLY": "ipc_futex"}}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", campaign.KINDS)
def test_finds_nothing(kind):
    said = []
    found = campaign.run(kind, 2024, 10 if kind == "net" else SECONDS, environment=FEW.get(kind), say=said.append)
    assert not found, "%s\n%s" % ("\n".join(said), found)
    assert any("the shell answer" in line or "the counts are back" in line or "every one as on Linux" in line for line in said), said
