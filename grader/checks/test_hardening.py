"""The walk over every CPU's page tables, with several CPUs, plain and checking; what one program sees of it is user/tests/sys_hidden.c."""
import pytest

from harness import ktest
from harness.build import kernel


@pytest.mark.parametrize("checking", ("DEBUG=0", "DEBUG=1"))
def test_every_cpu(checking):
    run = ktest.run(kernel(None, None, checking, ktest=True), "05.every_cpu_is_hardened", smp=4, icount=False, cap=120)
    assert run.complaint("05.every_cpu_is_hardened") is None, run.complaint("05.every_cpu_is_hardened")
    assert run.results["05.every_cpu_is_hardened"].notes["cpus"] == 4
