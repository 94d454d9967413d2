"""What scenarios draw at random. Each has a sequence of its own, from the grader's seed and its name: so several can be played at once, and one alone draws what it drew among all."""
import random
import threading


class _Chance(threading.local):
    """A `random.Random` for each thread: `chance.randrange(5)`, and so on."""

    def __init__(self):
        self.own = random.Random()

    def begin(self, seed, name):
        """The sequence of this scenario; without a seed, any."""
        self.own = random.Random("%d %s" % (seed, name) if seed is not None else None)

    def __getattr__(self, name):
        return getattr(self.own, name)


chance = _Chance()
