"""Alpine's own binaries at work in the full kernel: one boot, then command by command what a person would type."""
import pytest

from labs.scenarios import Session

# command, what must be in its output
COMMANDS = [
    ("ls -la / | head -3", "root"),
    ("cat /proc/version", "ersion"),
    ("find / -xdev 2>/dev/null | wc -l | awk '$1 > 400 { print \"many\" }'", "many"),
    ("seq 1 100 | awk '{ s += $1 } END { print s }'", "5050"),
    ("echo hello world | sed 's/o/0/g' | tr a-z A-Z", "HELL0 W0RLD"),
    ("cd /tmp && tar cf - /etc 2>/dev/null | gzip -9 > e.tgz && mkdir x && tar xzf e.tgz -C x && diff -r /etc x/etc && echo same", "same"),
    ("for i in $(seq 200); do (exit $((i % 7))) & done; wait; echo all", "all"),
    ("sh -c 'trap \"echo caught\" TERM; kill $$; echo after'", "caught\nafter"),
    ("ps | grep -c '\\[*init\\|sh'", ""),
    ("top -bn1 | head -4", "CPU:"),
    ("free | grep Mem", "Mem:"),
    ("df /tmp | tail -1", "/tmp"),
    ("mount | grep -c proc", ""),
    ("uptime", "load average"),
    ("echo -e 'one\\ntwo' > f; cp f g; cmp f g && mv g h && cat h", "one\ntwo"),
    ("ln -s f l; readlink l; ln f k; stat -c %h f", "f\n2"),
    ("su -s /bin/sh nobody -c 'id -un; cat /etc/shadow' 2>&1", "nobody"),
    ("adduser -D somebody && grep -c somebody /etc/passwd", "1"),
    ("echo 'somebody:secret' | chpasswd 2>&1 && grep -c '^somebody:[$]' /etc/shadow", "1"),
    ("apk info | sort | head -1", "alpine-baselayout"),
    ("dd if=/dev/urandom of=r bs=1k count=100 2>/dev/null; sha256sum r | cut -c65-", "r"),
    ("mkfifo p; (echo through > p &) ; cat p", "through"),
    ("kill -9 1; echo alive", "alive"),
    ("/bin/sh -c 'kill -SEGV $$'; echo $?", "139"),
    ("printf '#!/no/such\\n' > s; chmod +x s; ./s; echo $?", "127"),
    ("head -c 300 /dev/urandom > b; chmod +x b; ./b 2>/dev/null; echo $((($? != 0)))", "1"),
    ("dd if=/dev/zero of=/dev/full bs=1 count=1 2>&1 | head -1", "No space left"),
    ("mount -t tmpfs -o size=64k t /mnt; dd if=/dev/zero of=/mnt/f bs=4k count=99 2>&1 | grep -o 'No space left'; umount /mnt", "No space left"),
    ("i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); done; echo $i", "1000"),
    # Not as root, whom no limit holds; what is left of it is killed by its own user.
    ("su -s /bin/sh nobody -c 'ulimit -u 60; f() { f | f & }; f' >/dev/null 2>&1; sleep 2; "
     "su -s /bin/sh nobody -c 'kill -9 -1'; echo survived", "survived"),
    ("dmesg | head -1 | wc -l", "1"),
    ("cat /proc/subsystems | grep -c ok", ""),
]


@pytest.fixture(scope="module")
def session():
    one = Session("alpine", "cd /tmp; stty cols 400 2>/dev/null", smp=2, cap=280)
    yield one
    one.guest.close()


@pytest.mark.xdist_group("alpine")
@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=lambda n: COMMANDS[n][0][:40])
def test_command(session, number):
    session.answers(*COMMANDS[number])
