"""Commands for gdb on this kernel, loaded by `make gdb`:

    ps               threads: number, state, CPU, what it is called, and where one that does not run has stopped
    pagetable ADDR   the walk of an address through the tables of the selected CPU (its CR3), entry by entry
    vmas PID         the areas of a process, and the file of each
    locks            what is held: spinlocks, mutexes and rwlocks of the image, locks of address spaces; in a DEBUG=1
                     kernel everything that each CPU and each thread holds, and who took it

They read memory only, so they work on a kernel that stopped anywhere; what is not there yet (threads before lab 04) is told so.
"""
import re

import gdb

DIRECT_BASE = 0xffff800000000000


def number(value):
    return int(value) & (1 << 64) - 1


def symbol(name):
    """A global or static variable, or None if this kernel has none of that name."""
    try:
        found = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
        return found.value() if found else None
    except gdb.error:
        return None


def kind(name):
    try:
        return gdb.lookup_type(name)
    except gdb.error:
        return None


def container(pointer, type_name, field):
    """What pointer points into: a struct with this field."""
    whole = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in whole.fields() if f.name == field)
    return gdb.Value(number(pointer) - offset).cast(whole.pointer())


def each(head, type_name, field):
    """The members of a struct list."""
    at, seen = head["next"], 0
    while number(at) and number(at) != number(head.address) and seen < 100000:
        yield container(at, type_name, field)
        at, seen = at["next"], seen + 1


def text(value):
    return value.string(errors="replace") if number(value.address if value.type.code == gdb.TYPE_CODE_ARRAY else value) else "?"


def where(address):
    """function+offset, file:line"""
    block = gdb.find_pc_line(address)
    function = gdb.block_for_pc(address)
    while function and not function.function:
        function = function.superblock
    name = function.function.name if function else "?"
    return "%s (%s:%d)" % (name, block.symtab.filename, block.line) if block.symtab else name


def cpus():
    """(struct cpu *, id) of those that are up"""
    table = symbol("cpus")
    for i in range(64):
        cpu = table[i]
        if not number(cpu):
            return
        yield cpu, i


def percpu(name, cpu):
    """This CPU's copy of a PERCPU variable, or None."""
    template = symbol(name)
    if template is None:
        return None
    at = gdb.Value((number(template.address) + number(cpu["percpu_offset"])) & (1 << 64) - 1)
    return at.cast(template.type.pointer()).dereference()


def has_threads():
    head = symbol("thread_list")
    return head is not None and number(head["next"]) not in (0, number(head.address))


def threads():
    head = symbol("thread_list")
    if not has_threads():
        raise gdb.GdbError("There are no threads: they come with lab 04, and stand in thread_list once `sched` has started.")
    return each(head, "struct thread", "all_link")


def u64_at(address):
    return int.from_bytes(gdb.selected_inferior().read_memory(address, 8).tobytes(), "little")


class Command(gdb.Command):
    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        try:
            self.run(argument.strip())
        except gdb.MemoryError as error:
            raise gdb.GdbError("%s: %s" % (self.name, error))


class Ps(Command):
    """ps: all threads, what runs first."""
    name = "ps"
    STATES = {0: "R", 1: "S", 2: "D", 3: "T", 4: "X"}

    @classmethod
    def wake_place(cls, t):
        """Where a thread that sleeps will go on: the first return address on its stack that is no part of switching."""
        if not number(t["kernel_sp"]):
            return "leaves a CPU for the first time"  # stopped in the middle of the switch
        rbp = u64_at(number(t["kernel_sp"]) + 40)  # sched/switch.S: r15 r14 r13 r12 rbx rbp
        for _ in range(16):
            if not rbp:
                break
            back = u64_at(rbp + 8)
            place = where(back - 1)
            if not re.match(r"(__wrap_)?(reschedule|schedule|context_switch|sched_|wait_)", place):
                return place
            rbp = u64_at(rbp)
        return where(u64_at(number(t["kernel_sp"]) + 48))

    def run(self, argument):
        known = list(threads())
        on = {number(cpu["current"]): i for cpu, i in cpus()}
        print("%5s %5s %s %3s %-16s %s" % ("PID", "TID", "S", "CPU", "NAME", "WHERE"))
        for cpu, i in cpus():
            if number(cpu["current"]) not in {number(t) for t in known}:
                known.append(cpu["current"])  # idle threads are in no list
        for t in sorted(known, key=lambda t: (number(t) not in on, int(t["tid"]))):
            process, pid = t["process"], "-"
            if number(process) and kind("struct process"):
                pid = str(int(process.cast(gdb.lookup_type("struct process").pointer())["pid"]))
            state = self.STATES.get(int(t["state"]), "?")
            place = "running on CPU %d" % on[number(t)] if number(t) in on else self.wake_place(t)
            print("%5s %5d %s %3d %-16s %s" % (pid, int(t["tid"]), state, int(t["cpu"]), text(t["name"]), place))


class PageTable(Command):
    """pagetable ADDR: walk ADDR through the page tables that CR3 names. Physical memory is read by QEMU, so this works before there is a direct map."""
    name = "pagetable"
    NAMES = {4: "level 4", 3: "level 3", 2: "level 2", 1: "level 1"}
    BITS = ((0, "present"), (1, "write"), (2, "user"), (3, "write-through"), (4, "no-cache"), (5, "accessed"), (6, "dirty"), (8, "global"),
            (9, "special"), (63, "no-execute"))

    @staticmethod
    def entry(physical):
        """A table's entry. QEMU's stub reads physical memory when told to; gdb must not answer from what it remembers."""
        answer = gdb.execute("maintenance packet Qqemu.PhyMemMode:1", to_string=True)
        if '"OK"' not in answer:
            return u64_at(DIRECT_BASE + physical)
        try:
            raw = gdb.execute("maintenance packet m%x,8" % physical, to_string=True)
        finally:
            gdb.execute("maintenance packet Qqemu.PhyMemMode:0", to_string=True)
        found = re.search(r'received: "([0-9a-f]{16})"', raw)
        if not found:
            raise gdb.GdbError("no memory at physical %#x" % physical)
        return int.from_bytes(bytes.fromhex(found.group(1)), "little")

    def run(self, argument):
        if not argument:
            raise gdb.GdbError("pagetable ADDR")
        va = number(gdb.parse_and_eval(argument).cast(gdb.lookup_type("unsigned long")))
        table = number(gdb.parse_and_eval("$cr3").cast(gdb.lookup_type("unsigned long"))) & 0x000ffffffffff000
        print("%#018x   CR3 -> table at %#x" % (va, table))
        for level in (4, 3, 2, 1):
            index = va >> (12 + 9 * (level - 1)) & 511
            e = self.entry(table + 8 * index)
            large = level in (2, 3) and e & 0x80
            rights = ", ".join(n for bit, n in self.BITS if e >> bit & 1) or "nothing"
            print("  %s [%3d] = %#018x  %s%s" % (self.NAMES[level], index, e, rights, ", large page" if large else ""))
            if not e & 1:
                print("  not mapped")
                return
            table = e & 0x000ffffffffff000
            if large or level == 1:
                size = 1 << 12 + 9 * (level - 1)
                physical = table & ~(size - 1) | va & (size - 1)
                print("  physical %#x, a page of %s" % (physical, {1: "4 KiB", 2: "2 MiB", 3: "1 GiB"}[level]))
                return


class Vmas(Command):
    """vmas PID: the areas of the process (or of a thread's number)."""
    name = "vmas"

    def in_order(self, node):
        stack = []
        while number(node) or stack:
            while number(node):
                stack.append(node)
                node = node["left"]
            node = stack.pop()
            yield container(node, "struct area", "node")
            node = node["right"]

    @staticmethod
    def path(file):
        dentry, names = file["dentry"], []
        if not number(dentry) or not kind("struct dentry"):
            return "file %#x" % number(file)
        dentry = dentry.cast(gdb.lookup_type("struct dentry").pointer())
        while number(dentry["parent"]) not in (0, number(dentry)) and len(names) < 64:
            names.insert(0, text(dentry["name"]))
            dentry = dentry["parent"]
        return "/" + "/".join(names)

    def run(self, argument):
        if not argument.isdigit():
            raise gdb.GdbError("vmas PID")
        found = next((t for t in threads() if int(t["tid"]) == int(argument)), None)
        if found is None:
            raise gdb.GdbError("no thread has the number %s" % argument)
        if not number(found["aspace"]) or not kind("struct area"):
            raise gdb.GdbError("%s has no user memory" % text(found["name"]))
        as_ = found["aspace"].cast(gdb.lookup_type("struct aspace").pointer())
        print("%s: %d areas, heap %#x-%#x" % (text(found["name"]), int(as_["area_count"]), number(as_["brk_start"]), number(as_["brk"])))
        for a in self.in_order(as_["areas"]["root"]):
            prot, flags = int(a["prot"]), int(a["flags"])
            rights = "".join(c if prot & bit else "-" for c, bit in (("r", 1), ("w", 2), ("x", 4))) + ("s" if flags & 1 else "p")
            label = "[stack]" if flags & 2 else "[heap]" if flags & 4 else "[vdso]" if flags & 8 else ""
            if number(a["file"]):
                label = self.path(a["file"])
            print("%014x-%014x %s %6d KiB  %s" % (number(a["start"]), number(a["end"]), rights, (number(a["end"]) - number(a["start"])) // 1024, label))


class Locks(Command):
    """locks: what is held now, and by whom."""
    name = "locks"

    @staticmethod
    def variables(type_name):
        """Variables of the image with exactly this type."""
        listing = gdb.execute("info variables -q -t ^%s$" % type_name.replace(" ", "\\ "), to_string=True)
        for name in sorted(set(re.findall(r"\b(\w+);$", listing, re.M))):
            value = symbol(name)
            if value is not None and str(value.type) == type_name:
                yield name, value

    @staticmethod
    def thread_name(pointer):
        t = pointer.cast(gdb.lookup_type("struct thread").pointer())
        return "%s [%d]" % (text(t["name"]), int(t["tid"]))

    def spin(self, name, lock, say):
        waiting = (int(lock["ticket"]["next"]) - int(lock["ticket"]["owner"])) & 0xffff
        if waiting:
            say("spinlock %s: held by CPU %d%s" % (name, int(lock["owner_cpu"]), ", %d waiting" % (waiting - 1) if waiting > 1 else ""))

    def sleeping(self, name, lock, say):
        if "readers" in [f.name for f in lock.type.fields()]:
            readers = int(lock["readers"])
            if readers > 0:
                say("rwlock %s: %d readers" % (name, readers))
            elif readers < 0:
                say("rwlock %s: written by %s" % (name, self.thread_name(lock["owner"])))
        elif number(lock["owner"]):
            say("mutex %s: held by %s" % (name, self.thread_name(lock["owner"])))

    def held_lists(self, say):
        """The lists that a checking kernel keeps."""
        for cpu, i in cpus():
            held = percpu("held_locks", cpu)
            if held is not None:
                self.held("CPU %d" % i, held, say)
        if has_threads():
            for t in threads():
                self.held(self.thread_name(t), t["held"], say)

    @staticmethod
    def held(who, held, say):
        names = gdb.parse_and_eval("'kernel/core/lock_check.c'::classes")
        for i in range(int(held["count"])):
            one = held["locks"][i]
            say("%s holds %s, taken in %s" % (who, text(names[int(one["class"])]["name"]), where(number(one["caller"]) - 1)))

    def run(self, argument):
        said = []

        def say(line):
            if line not in said:
                said.append(line)
                print(line)
        for cpu, i in cpus():
            print("CPU %d: preemption count %#x" % (i, int(cpu["preempt_count"])))
        for name, lock in self.variables("struct spinlock"):
            self.spin(name, lock, say)
        for type_name in ("struct mutex", "struct rwlock"):
            for name, lock in self.variables(type_name):
                self.sleeping(name, lock, say)
        if kind("struct runqueue"):
            for cpu, i in cpus():
                queue = percpu("runqueue_template", cpu)
                if queue is not None:
                    self.spin("of CPU %d's run queue" % i, queue["lock"], say)
        if has_threads():
            for t in threads():
                if number(t["aspace"]) and kind("struct area"):
                    as_ = t["aspace"].cast(gdb.lookup_type("struct aspace").pointer())
                    self.spin("page_lock of %s" % self.thread_name(t), as_["page_lock"], say)
                    self.sleeping("of the memory of %s" % self.thread_name(t), as_["lock"], say)
        if kind("struct held_locks"):
            self.held_lists(say)
        if not said:
            print("nothing is held")


for command in (Ps, PageTable, Vmas, Locks):
    command()
gdb.execute("set print pretty on")
