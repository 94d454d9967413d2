"""Scenarios: what is judged from outside, lab by lab. A function named lab_NN_name plays one with a Kit, and fails by an
assertion that says what was expected and what came. They are run by test_labs.py on the reference, by `make grade` on a
student's work, and by the self-test on skeletons and wrong solutions. Lab 10's are in scenarios_disk.py, lab 11's in scenarios_net.py; the others, and how one is found by its name, are here."""
import ctypes
import importlib
import re
import secrets
import subprocess
import time

from harness import ktest, usertest
from harness.build import BUILD, CHECKING, ROOT, kernel, rootfs
from harness.chance import chance
from harness.qemu import GuestFailure, Machine

# Labs whose scenarios are in a module of their own. It is loaded for that lab only: scapy alone, which lab 11 needs, takes most of a second.
MODULES = {10: "scenarios_disk", 11: "scenarios_net"}
WALL = 600  # seconds: a machine that is stuck itself. A guest that hangs is found out long before (qemu.Watch)


class Kit:
    """The kernel under judgement, and ways to boot it."""

    def __init__(self, lab, source, variables, patience=1000):
        self.lab, self.source, self.variables, self.patience = lab, source, variables, patience

    def cap(self):
        """Seconds of wall-clock time for a run, at most: less where a hang is expected."""
        return min(WALL, self.patience)

    def image(self):
        return kernel(self.lab, self.source, *self.variables)

    def ktest_image(self):
        return kernel(self.lab, self.source, *self.variables, ktest=True)

    def boot(self, **options):
        options.setdefault("cmdline", "console=ttyS0")
        options["cap"] = self.cap()
        return Machine(self.image(), watch=True, **options)

    def iso(self, cmdline, initramfs=None):
        """An ISO of this kernel: the only way through GRUB and so through a Multiboot2 walk."""
        image = self.image()
        folder = ROOT / BUILD / "grade"
        folder.mkdir(parents=True, exist_ok=True)
        name = "lab%02d-%s-%s" % (self.lab, self.source, secrets.token_hex(4))
        chosen = folder / (name + ".chosen")
        if initramfs:
            chosen.write_text(str(initramfs))
        iso = folder / (name + ".iso")
        subprocess.run(["sh", str(ROOT / "kernel/tools/mkiso.sh"), str(iso), str(image), str(chosen) if initramfs else "", cmdline],
                       check=True, cwd=ROOT)
        chosen.unlink(missing_ok=True)
        return iso


class Session:
    """One boot of the full kernel, then command by command what a person would type: for a fixture of a module."""

    def __init__(self, system, *setup, append="", image=None, **machine):
        self.guest = Machine(image or kernel(), initrd=rootfs(system), icount=False, cmdline=("console=ttyS0 quiet panic=-1 " + append).strip(), **machine)
        self.guest.expect(PROMPT)
        for command in setup:
            self.guest.run(command, PROMPT, timeout=20)

    def answers(self, command, wanted):
        text = self.guest.run(command, PROMPT, timeout=60)
        # A number is the whole last line: "0" stands in "40" too.
        found = text.split()[-1:] == [wanted] if wanted.isdigit() else wanted in text
        assert found, "wrong output: %s\n%s" % (command, text)
        assert "PANIC" not in self.guest.verdict, self.guest.report()


def _named(lab):
    """All that has a name in the lab's own module, or here: scenarios are looked up by theirs."""
    return vars(importlib.import_module("labs." + MODULES[lab])) if lab in MODULES else globals()


def of(lab):
    """Those that count. The ones of the optional challenges, challenge_*, are asked for by name."""
    prefix = "lab_%02d_" % lab
    return [name[len(prefix):] for name in _named(lab) if name.startswith(prefix) and not name.startswith(prefix + "challenge_")]


def share(lab):
    """Do the lab's scenarios hand something on to each other? Then they are played one after the other."""
    return _named(lab).get("SHARED", False)


def play(lab, name, source="solutions", *variables, patience=1000):
    _named(lab)["lab_%02d_%s" % (lab, name)](Kit(lab, source, variables, patience))


def complain(run, name):
    """Fails if this in-kernel test did; with the back-trace, if there is one."""
    why = run.complaint(name)
    if why:
        raise GuestFailure(why, run.trace_of(None if name not in run.results else name))


def word():
    return "w%08x" % chance.getrandbits(32)


# --- 01

def _format_questions():
    """(kind, size, format, value) for lab 01's ask_format, drawn by the seed; a value is a number or a text."""
    questions = [("i", 64, fmt, value) for fmt in ("%#.5o", "%#o", "%#.0o", "%.0x", "%#.4x", "%07.3d", "%+.0d", "%+u", "% u", "%+x") for value in (0, 8, 2**32 - 1)]
    numbers = [0, 1, 7, 8, 9, 10, 15, 16, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
    for _ in range(260):
        conversion = chance.choice("dduixXocspp")
        flags = "".join(f for f in "-0+ #" if chance.random() < 0.25)
        if conversion in "csp":
            flags = "-" if "-" in flags else ""
        elif conversion not in "di":
            flags = re.sub("[+ ]", "", flags)
        if conversion in "diu":
            flags = flags.replace("#", "")
        width = chance.choice(["", "", "1", "5", "12", "21"])
        precision = "" if conversion in "cp" or chance.random() < 0.6 else "." + chance.choice(["", "0", "1", "3", "8", "15"])
        modifier = "" if conversion in "csp" else chance.choice(["", "", "hh", "h", "l", "ll", "z", "t", "j"])
        size = chance.choice([64, 64, 64, 64, 64, 0, 1, 2, 5, 9])
        value = chance.choice(numbers) if chance.random() < 0.6 else chance.getrandbits(64)
        kind = "i"
        if conversion == "s":
            kind, value = "s", chance.choice(["", "a", "some words", "a hundred percent"])
            if chance.random() < 0.15:
                kind, precision = "n", ""
        elif conversion == "c":
            value = chance.randrange(33, 126)
        elif conversion == "p":
            value = value or 1  # the C library has a word of its own for no pointer
        if kind == "i" and chance.random() < 0.15 and conversion in "duxX":
            questions.append(("w", size, "%" + flags + "*" + modifier.replace("l", "").replace("z", "").replace("t", "").replace("j", "") + conversion, chance.choice([0, 3, 9, -9])))
            continue
        questions.append((kind, size, "%s%%%s%s%s%s%s%s" % (chance.choice(["", "a ", "%%"]), flags, width, precision, modifier, conversion, chance.choice(["", ".", "%%"])), value))
    return questions


def _as_libc(kind, size, fmt, value):
    """What the host's C library makes of it: length, and the text as far as it fits."""
    libc = ctypes.CDLL(None)
    text = ctypes.create_string_buffer(256)
    if kind == "w":
        argument = [ctypes.c_int(value), ctypes.c_int(4711)]
    elif kind == "i":
        argument = [ctypes.c_ulong(value)]
    else:
        argument = [ctypes.c_char_p(None if kind == "n" else value.encode())]
    length = libc.snprintf(text, ctypes.c_size_t(size), fmt.encode(), *argument)
    return "%d %s|" % (length, text.value.decode() if size else "")


def _stopped_early(run):
    """A kernel in which a function is still to be written says so: that is no wrong answer."""
    assert run.outcome != "stopped", "stopped: %s\n%s" % (run.said, run.report)


def lab_01_printf_agrees_with_the_c_library(kit):
    """Random directives, answered by the host's C library and by the kernel."""
    questions = _format_questions()
    asked = "".join("%s\t%x\t%s\t%s\n" % (k, size, fmt, "%x" % (v & (2**64 - 1)) if k in "iw" else v) for k, size, fmt, v in questions)
    run = ktest.run(kit.ktest_image(), "01.ask_format", cap=kit.cap(), files={"format": asked})
    complain(run, "01.ask_format")
    told = re.findall(r"^format (.*)$", run.verdict, re.M)
    for question, answer in zip(questions, told):
        wanted = _as_libc(*question)
        assert answer == wanted, "wrong output: the format \"%s\", size %d, value %s\nexpected: %s\nfound:    %s" % (
            question[2], question[1], question[3] if isinstance(question[3], str) else hex(question[3]), wanted, answer)
    assert len(told) == len(questions), "wrong output: %d answers to %d questions" % (len(told), len(questions))


def lab_01_a_machine_without_a_uart(kit):
    """No chip at the port: uart_init says so, and the machine boots on without a console."""
    run = ktest.run(kit.ktest_image(), "01.ask_uart_init_without_a_chip", cap=kit.cap(), uart=False)
    complain(run, "01.ask_uart_init_without_a_chip")


def lab_01_a_ticket_past_the_wrap_waits(kit):
    """The lock shows 65535 and the ticket is 0: from outside, the kernel has computed for a while and is not in."""
    with Machine(kit.ktest_image(), cmdline="console=ttyS0", cap=kit.cap(), watch=True,
                 fwcfg={"nonce": "0", "seed": "1", "tests": "01.ask_wrapped_ticket"}) as guest:
        guest.wait_for_verdict(r"^ticket waits")
        enough = guest.cpu_seconds() + 0.3
        while guest.process.poll() is None and guest.cpu_seconds() < enough:
            time.sleep(0.05)
        assert "ticket entered" not in guest.verdict, "wrong output: the lock shows ticket 65535, which somebody holds, and ours is 0\n" \
            "expected: we wait\nfound:    we are in"


def _grub(kit, iso, secret, **machine):
    with Machine(iso=iso, icount=False, watch=True, cap=kit.cap(), **machine) as guest:
        guest.expect(r"Switchback")
        guest.expect(re.escape("secret=" + secret))
        guest.expect(r"memory: \d+ MiB usable")
        return guest.console.text.replace("\r", "")


def lab_01_grub_hands_over_what_it_knows(kit):
    """The command line comes; each range that the firmware told is on the console, and with another size of memory the usable part changes."""
    secret = word()
    iso = kit.iso("console=ttyS0 secret=" + secret)
    try:
        for megabytes in chance.sample(range(64, 512, 16), 2):
            text = _grub(kit, iso, secret, mem="%dM" % megabytes)
            ranges = [(int(a, 16), int(b, 16)) for a, b in re.findall(r"([0-9a-f]{8,16}) - ([0-9a-f]{8,16}) .*usable", text)]
            total = sum(b + 1 - a for a, b in ranges)
            assert abs(total - (megabytes << 20)) <= 1 << 20, "wrong output: the memory map on the console\nexpected: %d MiB usable\nfound:    %s" % (
                megabytes, [(hex(a), hex(b)) for a, b in ranges])
            assert re.search(r"loader: .*GRUB", text), "wrong output: the loader's name is not on the console\n" + text[-1500:]
    finally:
        iso.unlink()


# --- 02

def _registers(guest):
    """CR3 and the bases and limits of the tables, from QEMU's monitor."""
    text = guest.qmp.monitor("info registers")
    tables = {n: (int(b, 16), int(l, 16)) for n, b, l in re.findall(r"^(GDT|IDT)= +([0-9a-f]+) ([0-9a-f]+)", text, re.M)}
    return int(re.search(r"CR3=([0-9a-f]+)", text).group(1), 16), tables


def _words(guest, address, count, physical=True):
    """Quad words of the guest's memory, from outside."""
    text = guest.qmp.monitor("%s /%dgx %#x" % ("xp" if physical else "x", count, address))
    return [int(w, 16) for w in re.findall(r"0x([0-9a-f]{16})", text)]


def _leaves(guest, table, level=4, base=0, rights=(True, True, True), seen=None):
    """(address, size, writable, executable, user) of each page that is mapped. A table that stands in many places with the same rights, as a checking
    kernel's shadow of nothing does, is looked at once."""
    seen = set() if seen is None else seen
    if (table, level, rights) in seen:
        return
    seen.add((table, level, rights))
    for i, entry in enumerate(_words(guest, table & ~0xfff, 512)):
        if not entry & 1:
            continue
        address = base | i << (12 + 9 * (level - 1))
        now = (rights[0] and entry & 2 > 0, rights[1] and not entry >> 63, rights[2] and entry & 4 > 0)
        if level == 1 or entry & 0x80 and level < 4:
            yield (address, 1 << (12 + 9 * (level - 1))) + now
        else:
            yield from _leaves(guest, entry & 0xffffffffff000, level - 1, address, now, seen)


def lab_02_the_page_tables_seen_from_outside(kit):
    """QEMU's monitor reads the tables that CR3 names: nothing is writable and executable, nothing is open to ring 3, all memory is mapped once."""
    with kit.boot(cmdline="console=ttyS0", mem="128M", cap=30) as guest:
        guest.wait_for_verdict(r"^BOOTED")
        guest.qmp.execute("stop")
        cr3, _ = _registers(guest)
        pages = [p for p in _leaves(guest, cr3 & 0xffffffffff000)]
        high = [p for p in pages if p[0] >> 47]
        wrong = ["%#x is %s" % (p[0], "writable and executable" if p[2] and p[3] else "open to ring 3") for p in high if p[2] and p[3] or p[4]]
        assert not wrong, "wrong output: page tables of the kernel\nexpected: nothing writable and executable, nothing for ring 3\nfound:    %s" % "; ".join(wrong[:4])
        direct = sum(p[1] for p in high if p[2])
        assert direct >= 100 << 20, "wrong output: of 128 MiB of memory only %d MiB are mapped for writing" % (direct >> 20)


HEAP_MISUSES = {"crash_object_of_another_cache": "an object of another cache", "crash_middle_of_an_object": "an address in the middle of an object",
                "crash_no_object_at_all": "an address in no slab"}


def lab_02_misuse_of_a_slab_is_told(kit):
    """What slab_give cannot take back is a panic in slab_give, and no harm done in silence."""
    for name, what in HEAP_MISUSES.items():
        run = ktest.run(kit.ktest_image(), "02." + name, cap=kit.cap())
        _stopped_early(run)
        assert run.outcome == "panic" and "slab_give" in run.report, "wrong output: %s is given back\nexpected: a panic in slab_give\nfound:    %s: %s\n%s" % (
            what, run.outcome, run.said or "nobody minded", run.report)


# --- 03

def lab_03_a_fault_is_told_with_names(kit):
    """A wild write in the kernel is a panic with a back-trace that names the function and its caller."""
    run = ktest.run(kit.ktest_image(), "03.crash_write_to_null", cap=kit.cap())
    _stopped_early(run)
    assert run.outcome == "panic", "wrong output: outcome is %s, not a panic\n%s" % (run.outcome, run.report)
    for name in ("ktest_crash_here", "crash_write_to_null"):
        assert name in run.report, "wrong output: %s is not in the back-trace\n%s" % (name, run.report)


GATE_OPEN_TO_RING_3 = (3, 4)  # INT3 and INTO
GATES_WITH_A_STACK = {1: 4, 2: 2, 8: 1, 18: 3}


def lab_03_the_descriptor_table_seen_from_outside(kit):
    """QEMU's monitor says where the IDT is, and reads it gate by gate."""
    with kit.boot(cmdline="console=ttyS0", cap=30) as guest:
        guest.wait_for_verdict(r"^BOOTED")
        guest.qmp.execute("stop")
        base, limit = _registers(guest)[1]["IDT"]
        assert limit == 4095, "wrong output: the limit of the IDT\nexpected: 4095, the last byte of 256 gates\nfound:    %d" % limit
        words = _words(guest, base, 512, physical=False)
        entries = set()
        for vector in range(256):
            low, high = words[2 * vector:2 * vector + 2]
            ist, kind, selector = low >> 32 & 7, low >> 40 & 0xff, low >> 16 & 0xffff
            offset = (low & 0xffff) | (low >> 48 << 16) | (high & 0xffffffff) << 32
            told = "type %#x, selector %#x, stack %d, reserved %#x" % (kind, selector, ist, high >> 32)
            wanted = "type %#x, selector 0x8, stack %d, reserved 0x0" % (0xee if vector in GATE_OPEN_TO_RING_3 else 0x8e, GATES_WITH_A_STACK.get(vector, 0))
            assert told == wanted, "wrong output: gate %d\nexpected: %s\nfound:    %s" % (vector, wanted, told)
            assert offset >> 31 == 0x1ffffffff, "wrong output: gate %d leads to %#x, which is no code of the kernel" % (vector, offset)
            entries.add(offset)
        assert len(entries) == 256, "wrong output: %d different entries for 256 gates" % len(entries)


FAULTS = {"crash_write_to_null": "page fault in the kernel: write of 8, which is not mapped",
          "crash_read_far": "page fault in the kernel: read of ffffb00000001000, which is not mapped",
          "crash_run_data": "page fault in the kernel: execution of", "crash_write_code": "which is protected",
          "crash_divide": "divide error in the kernel, error code 0", "crash_vector_9": "reserved exception in the kernel, error code 0"}
# In a checking kernel a checker is there before the fault, or before the code that would tell.
CHECKED = {"crash_write_to_null": "KASAN: null pointer: write of 8 bytes at 8", "crash_mutex_taken_twice": "lock check: door is taken again by its holder",
           "crash_mutex_not_mine": "lock check: door is released by one who does not hold it",
           "crash_sleep_under_a_spinlock": "sleeps, but a spinlock is held or preemption is off"}


def _checked(names):
    return {name: CHECKED[name] for name in names if CHECKING and name in CHECKED}


def lab_03_each_fault_is_told_for_what_it_is(kit):
    """What the panic says of the exception: its name, what was tried, and where."""
    for name, wanted in (FAULTS | _checked(FAULTS)).items():
        run = ktest.run(kit.ktest_image(), "03." + name, cap=kit.cap())
        _stopped_early(run)
        assert run.outcome == "panic", "wrong output: %s\nexpected: panic\nfound:    %s\n%s" % (name, run.outcome, run.report)
        assert wanted in run.report, "wrong output: %s\nexpected: %s\nfound:    %s\n%s" % (name, wanted, run.said, run.report)


def lab_03_the_timer_ticks(kit):
    """From outside: the kernel's clock, read twice over the debugger's stub, has gone on."""
    run = ktest.run(kit.ktest_image(), "03.time_goes_forward", cap=kit.cap())
    complain(run, "03.time_goes_forward")


# --- 04

def lab_04_threads_on_two_cpus(kit):
    """The stage's own tests once more with two CPUs that really run at the same time."""
    names = [n for n in ktest.listed(ROOT, 4) if n != "04.nice_shares_the_cpu_by_weight"]  # with two CPUs that is the host's to say
    run = ktest.run(kit.ktest_image(), " ".join(names), smp=2, icount=False, threads="multi", watch=True, cap=kit.cap())
    for name in sorted(names, key=lambda n: n not in run.results):  # the one that hangs before those that were not reached
        assert run.complaint(name) is None, run.complaint(name)
    assert run.results["04.every_cpu_runs_threads"].notes.get("cpus") == 2, "wrong output: not two CPUs\n" + run.report


MISUSES = {"crash_mutex_taken_twice": "mutex door: taken twice", "crash_mutex_not_mine": "mutex door: released by",
           "crash_sleep_under_a_spinlock": "gives the CPU away while it may not"}


def lab_04_misuse_is_told(kit):
    """A mutex taken twice, one released by somebody else, a sleep where nobody may sleep: each is a panic that says so, and no hang."""
    for name, wanted in (MISUSES | _checked(MISUSES)).items():
        run = ktest.run(kit.ktest_image(), "04." + name, cap=kit.cap())
        _stopped_early(run)
        assert run.outcome == "panic" and wanted in run.report, "wrong output: %s\nexpected: a panic with `%s`\nfound:    %s: %s\n%s" % (
            name, wanted, run.outcome, run.said, run.report)


# --- 05

def lab_05_the_first_program_speaks_through_both_entries(kit):
    """Ring 3 speaks by SYSCALL and by INT 0x80, ends in order; one that reads kernel memory is ended by SIGSEGV."""
    with kit.boot(cmdline="console=ttyS0 panic=-1", cap=20) as guest:
        guest.expect("hello by SYSCALL")
        guest.expect("hello by INT 0x80")
        guest.wait_for_verdict(r"^ring3 good (\d+) bad (\d+)$")
        good, bad = map(int, re.search(r"^ring3 good (\d+) bad (\d+)$", guest.verdict, re.M).groups())
        assert good & 0x7f == 0 and bad == 11, "wrong output: wait statuses %d and %d\n%s" % (good, bad, guest.report())


RING3 = ("syscall_keeps_the_registers", "int80_keeps_the_registers", "syscall_bears_the_flags_of_a_program", "int80_bears_the_flags_of_a_program",
         "a_changed_frame_is_heeded", "work_is_done_before_ring_3_goes_on", "copies_end_where_the_page_ends")


def _ring3(name):
    def play_it(kit):
        run = ktest.run(kit.ktest_image(), "05.ask_" + name, cap=kit.cap())
        complain(run, "05.ask_" + name)
    play_it.__doc__ = "A program in ring 3: " + name.replace("_", " ") + "."
    return play_it


for _name in RING3:
    globals()["lab_05_" + _name] = _ring3(_name)


def lab_05_a_program_runs_in_ring_3(kit):
    """From outside: the CPU's privilege level, selectors and flags while the program runs, and what its page tables allow."""
    with Machine(kit.ktest_image(), cmdline="console=ttyS0", icount=False, cap=kit.cap(), fwcfg={"nonce": "0", "seed": "1", "tests": "05.ask_spin"}) as guest:
        guest.wait_for_verdict(r"^ktest \S+ begin 05.ask_spin")
        text = ""
        for _ in range(100):
            guest.qmp.execute("stop")  # first: between two looks the timer's interrupt may come
            text = guest.qmp.monitor("info registers")
            if "CPL=3" in text or guest.process.poll() is not None:
                break
            guest.qmp.execute("cont")
            time.sleep(0.05)
        if "CPL=3" not in text:
            guest.look_where()
            guest.fail("the program is not seen in ring 3 (CPL=3)")
        for pattern, what in ((r"^CS =0033 ", "CS is 0x33"), (r"^SS =002b ", "SS is 0x2b"), (r"RIP=0000000000400[0-9a-f]{3}", "RIP is in the program's page")):
            assert re.search(pattern, text, re.M), "wrong output: registers in ring 3\nexpected: %s\nfound:\n%s" % (what, text[:1200])
        flags = int(re.search(r"RFL=([0-9a-f]+)", text).group(1), 16)
        assert flags & 0x7302 == 0x202, "wrong output: flags in ring 3\nexpected: interrupts on, I/O privilege level 0\nfound:    %#x" % flags
        open_pages = [p for p in _leaves(guest, _registers(guest)[0] & 0xffffffffff000) if p[4]]
        assert sorted(p[0] for p in open_pages) == [0x400000, 0x7ffff000], "wrong output: pages that ring 3 may touch: %s" % [hex(p[0]) for p in open_pages]


# --- 07

def lab_07_no_end_is_slept_over(kit):
    """A child ends between its parent's look and its parent's sleep: two CPUs and a lock make that moment. And with two CPUs it shows who takes no lock."""
    names = ["07.ask_the_locks_are_taken", "07.ask_no_end_is_slept_over"]
    run = ktest.run(kit.ktest_image(), " ".join(names), smp=2, cap=kit.cap())
    for name in names:
        complain(run, name)


# --- programs that judge by themselves

CHALLENGES = {7: ("copy_ahead", "signed_frames"), 13: ("no_endless_wait",)}


def _judge(program, about):
    """user/tests/PROGRAM.c says what is wrong, and ends with 0 if nothing is; it may draw from SEED. Linux is no oracle here."""
    def play_it(kit):
        run = usertest.run_many(kit.image(), [program], cap=kit.cap(), icount=True, shift=usertest.SHIFT, append="SEED=%d" % chance.getrandbits(30))
        answer = run[program]
        if not answer.done:
            raise GuestFailure(run.complaint(program), run.trace_of(program))
        assert answer.ended == "exit 0" and "LEAK " not in answer.output, "wrong output: %s ended with `%s`\n%s" % (program, answer.ended, answer.output[-2000:])
    play_it.__doc__ = about
    return play_it


for _lab, _names in CHALLENGES.items():
    for _name in _names:
        globals()["lab_%02d_challenge_%s" % (_lab, _name)] = _judge("challenge_" + _name, "A program that judges a challenge: " + _name.replace("_", " ") + ".")

lab_13_the_clock_computes_by_the_page = _judge("vdso_random", "The vDSO's clocks by numbers drawn at random.")
lab_13_the_clock_reads_one_moment = _judge("vdso_moment", "The vDSO's clock, one instruction at a time, while the numbers change.")


# --- 12

PROMPT = r"# (?:\x1b\[6n)?$"


def _shell(kit, name, **options):
    """A shell as the first program, at its prompt."""
    options.setdefault("cmdline", "console=ttyS0 quiet panic=-1 rdinit=/bin/sh")
    guest = Machine(kit.image(), initrd=rootfs(name), icount=False, watch=True, cap=kit.cap(), **options)
    try:
        guest.expect(PROMPT)
    except BaseException:
        guest.close()
        raise
    return guest


def equal(got, wanted, guest):
    assert got == wanted, "wrong output: got %r, wanted %r\n%s" % (got, wanted, guest.report())


def lab_12_a_shell_of_busybox(kit):
    secret = word()
    with _shell(kit, "busybox") as guest:
        equal(guest.run("echo $((6 * 7)) %s | tr a-z A-Z" % secret, PROMPT), "42 " + secret.upper(), guest)
        equal(guest.run("for i in 3 1 2; do echo $i; done | sort | tr '\\n' ' '; echo", PROMPT).strip(), "1 2 3", guest)


def lab_12_a_line_is_edited(kit):
    """Canonical mode: erase, kill and end of file act before the reader sees the line."""
    with _shell(kit, "busybox") as guest:
        guest.console.line("echo rea''dy; cat; echo over")
        guest.expect(r"ready\r?\n")  # by then the shell's own line editing has given the terminal back
        guest.console.send("abX\x7fc\n")
        guest.expect(r"\r?\nabc\r?\n")
        guest.console.send("all of this goes\x15only this\n")
        guest.expect(r"\r?\nonly this\r?\n")
        guest.console.send("\x04")
        guest.expect(r"over\r?\n")


def lab_12_jobs_are_controlled(kit):
    with _shell(kit, "busybox", cmdline="console=ttyS0 quiet panic=-1") as guest:
        guest.console.line("sleep 1000")
        guest.expect(r"sleep 1000\r?\n")
        time.sleep(0.5)
        guest.console.send("\x1a")
        guest.expect(r"Stopped.*sleep 1000")
        guest.expect(PROMPT)
        assert "Stopped" in guest.run("jobs", PROMPT), guest.report()
        guest.console.line("fg")
        guest.expect(r"fg\r?\nsleep 1000")
        time.sleep(0.5)
        guest.console.send("\x03")
        guest.expect(PROMPT)
        equal(guest.run("echo $?", PROMPT), "130", guest)


def lab_12_background_jobs_keep_their_hands_off(kit):
    """A background job that reads is stopped; one that writes is only with `stty tostop`."""
    with _shell(kit, "busybox", cmdline="console=ttyS0 quiet panic=-1") as guest:
        guest.run("cat >/dev/null &", PROMPT)
        time.sleep(0.5)
        assert re.search(r"Stopped.*tty input", guest.run("jobs", PROMPT)), guest.report()
        guest.run("kill %1; sleep 1", PROMPT)
        assert "free words" in guest.run("echo free words & wait", PROMPT), guest.report()
        guest.run("stty tostop; echo caught words & sleep 1", PROMPT)
        assert re.search(r"Stopped.*tty output", guest.run("jobs", PROMPT)), guest.report()


def lab_12_calls_are_counted(kit):
    """/proc/syscalls shows what was called. And with two CPUs it shows who adds nothing up, and who takes no lock."""
    names = ["12.ask_each_cpu_counts", "12.ask_the_terminals_lock_is_taken"]
    run = ktest.run(kit.ktest_image(), " ".join(names), smp=2, cap=kit.cap())
    for name in names:
        complain(run, name)
    with _shell(kit, "busybox", cmdline="console=ttyS0 quiet panic=-1") as guest:
        text = guest.run("cat /proc/syscalls", PROMPT)
        for name in ("read", "execve", "brk"):
            assert re.search(r"\b%s\b.*\b[1-9]\d*" % name, text), "wrong output: no count of %s in /proc/syscalls\n%s" % (name, text)


def lab_12_a_mode_takes_calls_away(kit):
    """linux=custom without the time category: sleep is told ENOSYS; the shell lives on."""
    with _shell(kit, "busybox", cmdline="console=ttyS0 quiet panic=-1 rdinit=/bin/sh linux=custom:+file,+process,+memory,+ipc,+system,-time") as guest:
        equal(guest.run("echo still here", PROMPT), "still here", guest)
        assert "ot implemented" in guest.run("usleep 1 || date -s 2020-01-01; nice true; date -s 2020-01-01", PROMPT), guest.report()


# --- 13

def lab_13_alpines_init_and_login(kit):
    with Machine(kit.image(), initrd=rootfs("alpine"), icount=False, watch=True, cap=kit.cap(), cmdline="console=ttyS0 quiet panic=-1") as guest:
        guest.expect(PROMPT)
        equal(guest.run("cat /etc/alpine-release", PROMPT), "3.19.4", guest)
        equal(guest.run("id -un; tty", PROMPT), "root\n/dev/ttyS0", guest)
        guest.console.line("poweroff")
        guest.wait_end()
        equal(guest.outcome(), "powered off", guest)


def lab_13_apk_reads_its_database(kit):
    with _shell(kit, "alpine", cmdline="console=ttyS0 quiet panic=-1") as guest:
        assert "musl-" in guest.run("apk info -v 2>/dev/null | grep ^musl", PROMPT), guest.report()
        equal(guest.run("apk audit --system >/dev/null; echo $?", PROMPT), "0", guest)


def lab_13_a_lock_keeps_others_out(kit):
    with _shell(kit, "alpine", cmdline="console=ttyS0 quiet panic=-1") as guest:
        guest.run("mkfifo /tmp/held /tmp/go", PROMPT)
        guest.run("flock /tmp/l -c 'echo >/tmp/held; cat /tmp/go' & cat /tmp/held", PROMPT)
        equal(guest.run("flock -n /tmp/l -c true; echo $?", PROMPT), "1", guest)
        guest.run("echo >/tmp/go; wait; sleep 0", PROMPT)  # the shell tells of the job's end before the next prompt
        equal(guest.run("flock -n /tmp/l -c true; echo $?", PROMPT), "0", guest)


def lab_13_the_clock_agrees_with_itself(kit):
    """The vDSO's clock beside the kernel's: /proc/uptime and date, twice."""
    with _shell(kit, "alpine", cmdline="console=ttyS0 quiet panic=-1") as guest:
        first = float(guest.run("cut -d' ' -f1 /proc/uptime", PROMPT))
        start = int(guest.run("date +%s", PROMPT))
        guest.run("sleep 1", PROMPT)
        assert 1 <= float(guest.run("cut -d' ' -f1 /proc/uptime", PROMPT)) - first < 30, guest.report()
        assert 1 <= int(guest.run("date +%s", PROMPT)) - start < 30, guest.report()
        assert abs(start - time.time()) < 120, "wrong output: the guest's date is %d\n%s" % (start, guest.report())
