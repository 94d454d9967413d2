"""The last line of a run: `N passed, N failed`. A skip is a failure, unless its text says why it must be."""
import pytest

MUST_SKIP = "must skip: "


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = set(), set(), {}

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report):
        name = report.nodeid
        if report.failed:
            if name not in self.failed:
                print("\nFAILED %s" % name, flush=True)  # at once, not only at the end
            self.failed.add(name)
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            reason = reason.removeprefix("Skipped: ")
            self.skipped[name] = reason
            if not reason.startswith(MUST_SKIP):
                self.failed.add(name)
        elif report.when == "call":
            self.passed.add(name)

    @pytest.hookimpl
    def pytest_collectreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid or "collection")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        if self.failed:
            session.exitstatus = 1

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self):
        for name, reason in sorted(self.skipped.items()):
            print("%s %s: %s" % ("SKIPPED" if reason.startswith(MUST_SKIP) else "FAILED", name, reason))
        print("%d passed, %d failed" % (len(self.passed - self.failed), len(self.failed)), flush=True)


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally())
