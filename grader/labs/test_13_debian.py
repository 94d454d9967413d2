"""Debian's own glibc binaries in the full kernel: one boot, then a handful of jobs, each by what it must answer."""
import pytest

from labs.scenarios import Session

# command, what must be in its output
COMMANDS = [
    ("declare -A h=([x]=1 [y]=2); echo $((h[x] + h[y])); cat <(echo through) <<<unread; mapfile -t m < <(seq 5); echo ${m[@]: -2}", "3\nthrough\n4 5"),
    ("coproc cat; echo twice >&${COPROC[1]}; read -r x <&${COPROC[0]}; kill %1; wait 2>/dev/null; echo \"[$x]\"", "[twice]"),
    ("mkdir d; for ((i = 0; i < 2000; i++)); do : >d/$i; done; a=(d/1*); echo ${#a[@]} $(find d -type f | wc -l)", "1111 2000"),
    ("truncate -s 1G s; cp --sparse=always s t; stat -c '%s %b' t; rm s t", "1073741824 0"),
    ("timeout 0.2 sleep 5; echo $?; sleep 9 & kill -STOP $!; sleep 0.2; ps -o stat= -p $!; kill -9 $!", "124\n"),
    ("flock -w 0.1 l sleep 0; echo $?; (flock 9; flock -w 0.1 l true; echo $?) 9>l", "0\n1"),
    ("python3 -c 'import threading as t; n = []; a = [t.Thread(target=n.append, args=(i,)) for i in range(50)]; "
     "[x.start() for x in a]; [x.join() for x in a]; print(len(n), len(str(3 ** 5000)))'", "50 2386"),
    ("python3 -c 'import subprocess as s, mmap, os; m = mmap.mmap(-1, 4096); p = os.fork() or (m.write(b\"shared\"), os._exit(0)); os.wait(); "
     "print(m[:6], s.run([\"cat\"], input=b\"x\" * 100000, capture_output=True).stdout.count(b\"x\"))'", "b'shared' 100000"),
    ("perl -e '$SIG{ALRM} = sub { print \"tick\\n\" }; alarm 1; sleep 5; pipe R, W; if (!fork) { print W \"child\"; exit 3 } close W; print <R>; wait; print $? >> 8, \"\\n\"'",
     "tick\nchild3"),
    ("printf '#include <stdio.h>\\n#include <pthread.h>\\nstatic __thread int t = 4;\\nvoid *f(void *p) { t++; printf(\"%%d\", t); return p; }\\n"
     "int main(void) { pthread_t p; pthread_create(&p, 0, f, 0); pthread_join(p, 0); printf(\"%%d %%.3f\\\\n\", t, 1 / 3.0); return 0; }\\n' >p.c; "
     "gcc -O1 p.c -o p && ./p", "54 0.333"),
    ("sqlite3 a.db 'pragma journal_mode=wal; create table t(a); insert into t values(3),(4); select sum(a) from t; pragma integrity_check;'", "wal\n7\nok"),
]


@pytest.fixture(scope="module")
def session():
    # bash without an editor of its own, so that the terminal echoes what is typed as it is.
    one = Session("debian", "exec bash --noediting --norc", "mkdir -p /tmp/w; cd /tmp/w; set +m", smp=2, cap=200, mem="1G")
    yield one
    one.guest.close()


@pytest.mark.xdist_group("debian")
@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=lambda n: COMMANDS[n][0][:40])
def test_command(session, number):
    session.answers(*COMMANDS[number])
