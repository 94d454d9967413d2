"""Scenarios draw at random: each its own sequence, whoever else is at it."""
import threading

from harness.chance import chance


def drawn(seed, names):
    """What each of the names draws, all at once."""
    found, gate = {}, threading.Barrier(len(names))

    def play(name):
        chance.begin(seed, name)
        numbers = []
        for _ in range(50):
            gate.wait(20)
            numbers.append(chance.getrandbits(32))
        found[name] = numbers
    threads = [threading.Thread(target=play, args=(name,)) for name in names]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return found


def test_one_alone_draws_what_it_drew_among_all():
    together = drawn(7, ["one", "two", "three"])
    assert drawn(7, ["two"])["two"] == together["two"]
    assert len({tuple(numbers) for numbers in together.values()}) == 3


def test_the_seed_decides():
    assert drawn(7, ["one"]) != drawn(8, ["one"])
    assert drawn(None, ["one"]) != drawn(None, ["one"])
