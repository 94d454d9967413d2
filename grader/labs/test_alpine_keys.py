"""Alpine's interactive programs, key by key on the serial line: what a person sees, and what is left in the files afterwards.

Each dialogue starts at root's login shell and ends there. The same dialogues pass under Linux 6.1:
ORACLE=/boot/vmlinuz-... pytest labs/test_alpine_keys.py
"""
import os

import pytest

from harness.build import kernel, rootfs
from harness.qemu import Machine

SHELL = r"[#$] (?:\x1b\[6n)?$"
ESC, CTRL_C, CTRL_D, CTRL_U, CTRL_W, CTRL_Z, CTRL_BACKSLASH, CTRL_V = "\x1b", "\x03", "\x04", "\x15", "\x17", "\x1a", "\x1c", "\x16"

# name, [(keys to send, pattern that must come), ...]; a missing pattern is the shell's prompt.
DIALOGUES = [
    ("vi edits a file", [
        ("printf 'one\\ntwo\\nthree\\n' > f; vi f\r", r"three"),
        ("jcwTWO" + ESC, r"- f \[Modified\] 2/3"), ("ofour" + ESC, r"- f \[Modified\] 3/4"), ("ggdd", r"- f \[Modified\] 1/3"), (":wq\r", SHELL),
        ("cat f | tr '\\n' ,; echo\r", r"\nTWO,four,three,\r\n"),
    ]),
    ("vi in a small window", [
        ("stty rows 6 cols 30; seq 100 > f; vi f\r", r"5;1H5.*f 1/100"), ("G", r"f 100/100"), ("?42\r", r"f 42/100"), ("x:x\r", SHELL),
        ("sed -n 42p f; stty rows 24 cols 80\r", r"\n2\r\n"),
    ]),
    ("vi is stopped and goes on", [
        ("echo old > f; vi f\r", r"old"), (":!echo sub\r", r"sub"), ("\r", r"old"), ("Anew" + ESC, r"new"), (CTRL_Z, r"Stopped"),
        ("jobs\r", r"Stopped.* vi"), ("fg\r", r"oldnew"), (":wq\r", SHELL), ("cat f\r", r"\noldnew\r\n"),
    ]),
    ("top", [
        ("sleep 77 &\r", SHELL), ("top -d 1\r", r"Mem:.*CPU:.*Load average:.*PID  PPID"), ("", r"sleep 77"), ("M", r"PPID"), ("q", SHELL),
        ("kill %1; wait\r", SHELL), ("stty -a | grep -o ' icanon\\| -icanon'\r", r"\n icanon"),
    ]),
    ("top is interrupted", [("top\r", r"PPID"), (CTRL_C, SHELL), ("stty | head -1\r", r"speed 115200 baud")]),
    ("less", [
        ("seq 1 300 > n; less n\r", r"\n\r?20"), (" ", r"40"), ("G", r"300"), ("g", r"\n\r?5"), ("/77\r", r"77"), ("q", SHELL),
    ]),
    ("less reads a pipe and the keys from the terminal", [("seq 5000 | less\r", r"20"), ("G", r"5000"), ("q", SHELL)]),
    ("su and passwd", [
        ("adduser -D -s /bin/sh ann\r", SHELL), ("passwd ann\r", r"[Nn]ew password: "), ("Secr3t-word\r", r"(Retype|Reenter).*password: "),
        ("Secr3t-word\r", r"changed"), ("su ann\r", r"\$ "), ("id -un; tty\r", r"ann\r\n/dev/ttyS0"), ("su ann -c 'echo in'\r", r"Password: "),
        ("wrong\r", r"incorrect|Authentication"), ("su ann -c 'echo in'\r", r"Password: "), ("Secr3t-word\r", r"\nin\r\n"),
        ("passwd\r", r"(Old|Current).*password: "), ("bad\r", r"(ncorrect|unchanged)"), ("exit\r", SHELL),
        ("deluser ann\r", SHELL),
    ]),
    ("passwd is interrupted, and the echo is back", [
        ("passwd\r", r"[Nn]ew password: "), (CTRL_C, SHELL), ("stty -a | grep -o ' echo '\r", r"\n echo "),
    ]),
    ("adduser asks", [
        ("adduser bob\r", r"[Nn]ew password: "), ("Passw0rd-long\r", r"(Retype|Reenter).*password: "), ("Passw0rd-long\r", r"changed"),
        ("login bob\r", r"Password: "), ("Passw0rd-long\r", r"\$ "), ("pwd; echo $HOME\r", r"/home/bob\r\n/home/bob"), ("exit\r", r"login: |# "),
    ]),
    ("jobs", [
        ("sleep 100\r", r"\n"), (CTRL_Z, r"Stopped"), ("jobs\r", r"\[1\]\+ *Stopped +sleep 100"), ("bg\r", r"sleep 100"), ("jobs\r", r"Running"),
        ("sleep 200\r", r"\n"), (CTRL_Z, r"Stopped"), ("jobs\r", r"\[1\]- *Running.*\[2\]\+ *Stopped"), ("fg %1\r", r"sleep 100"), (CTRL_C, SHELL),
        ("jobs\r", r"\[2\]\+ *Stopped"), ("kill %2\r", SHELL), ("wait\r", SHELL), ("\r", SHELL),
    ]),
    ("a pipeline is one job", [
        ("sleep 50 | cat | cat\r", r"\n"), (CTRL_Z, r"Stopped"), ("ps -o stat,args | grep -c '^T.*sleep 50'\r", r"\n1\r\n"), ("fg\r", r"sleep 50"),
        (CTRL_BACKSLASH, r"Quit|" + SHELL), ("echo st $?\r", r"st (131|0)"),
    ]),
    ("the background may not read, and may be kept from writing", [
        ("cat &\r", SHELL), ("sleep 1\r", SHELL), ("jobs\r", r"Stopped \(tty input\)|Stopped"), ("fg\r", r"cat"), ("typed\r", r"typed\r\ntyped"), (CTRL_D, SHELL),
        ("stty tostop; (sleep 1; echo late) & sleep 2\r", SHELL), ("jobs\r", r"Stopped"), ("stty -tostop; fg\r", r"\nlate\r\n"),
    ]),
    ("a trap and a read", [
        ("sh -c 'trap \"echo caught\" INT; read x; echo got $x'\r", r"\n"), (CTRL_C, r"caught"), ("", r""), ("word\r", SHELL),
        ("trap 'echo at the prompt' USR1; kill -USR1 $$\r", r"at the prompt"), ("read -n 1 k; echo [$k]\r", r"\n"), ("z", r"\[z\]"),
        ("read -s p; echo [$p]\r", r"\n"), ("hid\r", r"\[hid\]"), ("read -t 1 q; echo $?\r", r"\n(1|142)\r\n"),
    ]),
    ("editing a line in canonical mode", [
        ("cat > c\r", r"\n"), ("abX\x7fc\r", r"c\r\n"), ("junk" + CTRL_U + "clean\r", r"clean\r\n"), ("two words" + CTRL_W + "left\r", r"left\r\n"),
        (CTRL_V + CTRL_C + "x\r", r"\^C"), ("noeol" + CTRL_D + CTRL_D, SHELL), ("cat -v c | tr '\\n' ,; echo\r", r"\nabc,clean,two left,\^Cx,noeol\r\n"),
    ]),
    ("the window's size", [
        ("stty rows 33 cols 111; stty size\r", r"\n33 111\r\n"), ("sh -c 'trap \"stty size\" WINCH; stty rows 20 cols 60; :'\r", r"20 60"),
        ("stty rows 24 cols 80; stty -a | head -1\r", r"rows 24; columns 80"), ("ttysize\r", r"80 24"),
    ]),
    ("flow control and special characters", [
        ("stty -a | tr ';' '\\n' | grep -c =\r", r"\n1[0-9]\r\n"), ("stty intr ^E; sleep 99\r", r"\n"), ("\x05", SHELL), ("stty intr ^C; echo back\r", r"\nback"),
        ("stty -echo; echo quiet\r", r"quiet"), ("stty echo\r", SHELL), ("echo one\x13", r""), ("\x11\r", r"one\r\n"),
        ("stty raw; stty -a > t; stty sane; grep -o -e ' -icanon' t\r", r"\n -icanon"),
    ]),
    ("watch and tail", [
        ("watch -n 1 date +tick\r", r"Every 1\.0s.*tick"), (CTRL_C, SHELL), ("echo l1 > w; (sleep 1; echo l2 >> w) & tail -f w\r", r"l2"), (CTRL_C, SHELL),
    ]),
    ("ed and dc ask", [("ed f\r", r"\d+\r\n"), ("1s/./Z/\r1p\r", r"\nZ"), ("q\r", r"\?"), ("Q\r", SHELL), ("dc\r", r"\n"), ("2 3 * p\r", r"\n6\r\n"), (CTRL_D, SHELL)]),
    ("more", [("seq 60 | more\r", r"--More--"), (" ", r"4\d"), ("q", SHELL)]),
    ("crontab starts an editor", [("EDITOR=vi crontab -e\r", r"crontab|/var|root|~|#"), (":q!\r", SHELL)]),
    ("login at the terminal", [("exit\r", SHELL), ("echo again; ps -o pid,tty,args | grep -c '[-]sh\\|[-]ash'\r", r"\n\d\r\n")]),
]


class Session:
    def __init__(self):
        image = os.environ.get("ORACLE") or kernel()
        self.guest = Machine(image, initrd=rootfs("alpine"), smp=2, icount=False, cap=900, cmdline="console=ttyS0 quiet panic=-1 no_timer_check")
        self.guest.expect(SHELL)
        self.guest.run("cd /tmp; stty rows 24 cols 80", SHELL)


@pytest.fixture(scope="module")
def session():
    one = Session()
    yield one
    one.guest.close()


@pytest.mark.xdist_group("alpine_keys")
@pytest.mark.parametrize("name", [name for name, _ in DIALOGUES])
def test_dialogue(session, name):
    guest = session.guest
    for keys, wanted in ((step + (SHELL,))[:2] for step in dict(DIALOGUES)[name]):
        guest.console.send(keys)
        guest.expect(wanted, timeout=60)
    guest.console.send("\r")
    guest.expect(SHELL, timeout=60)
    assert "PANIC" not in guest.verdict, guest.report()
