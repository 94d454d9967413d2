"""Power cuts with seeds that stay; longer ones with fresh seeds: make crashtest."""
import pytest

import crash.run as crash
from crash.record import LOSSY


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    return crash.Harness(tmp_path_factory.mktemp("crash"), say=lambda text: None)


@pytest.fixture(scope="module", params=[pytest.param(seed, marks=pytest.mark.xdist_group("crash %d" % seed)) for seed in (0, 1)])
def record(request, harness):
    """A workload on blocks of 4096 and 1024 bytes, without checksums that could hide a write out of order, and its seed."""
    return harness.record(request.param), request.param


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode,count", [("e2fsck", 56), ("ours", 28), ("again", 16)])
def test_nothing_is_lost(harness, record, mode, count):
    """200 cuts in all: clean after replay, and all that was synced is there byte for byte."""
    writes, seed = record
    found = harness.judge_cuts(writes, count, mode, seed)
    assert len(found) == count
    bad = ["cut before write %d (%s, %d): %s" % (*cut, "; ".join(words[:4])) for cut, words in found if words]
    assert not bad, "%d of %d\n%s" % (len(bad), count, "\n".join(bad))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.xdist_group("crash %d" % seed)) for seed in (0, 1)])
def test_what_a_call_promises_is_there_at_once(harness, seed):
    """A cut right behind each call, which takes all that no flush has made safe; and at each write of the mount before them and of the unmount after them."""
    record = harness.promises(seed)
    bad = ["cut before write %d (%s): %s" % (at, kind, "; ".join(words[:4])) for (at, kind, _), words in harness.judge_all(record, record.edges(), "e2fsck", seed) if words]
    assert not bad, "\n".join(bad)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_without_flushes_it_would_be(harness, record):
    """The control: the same writes of a kernel that asks for no flush, of which a cache may then lose any. If these cuts passed, the others would prove nothing."""
    writes, seed = record
    found = harness.judge_cuts(writes.without_flushes(), 12, "e2fsck", seed, LOSSY)
    assert len([words for _, words in found if words]) > len(found) / 2


@pytest.mark.parametrize("name, value", [("CUTS", "abc"), ("CUTS", "0"), ("CUTS", "-3"), ("SEED", "x"), ("SEED", "-1")])
def test_what_is_no_number_is_refused_in_words(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=f"{name} is a whole number"):
        crash.main()
