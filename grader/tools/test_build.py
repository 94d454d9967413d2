"""The house rules of the tree, and the tools that hold them: each tool must also catch what it is there for."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness.build import BUILD, ROOT, kernel, make

sys.path.insert(0, str(ROOT / "kernel/tools"))
import check_layers  # noqa: E402
import gen_syscalls  # noqa: E402
from labs_mk import Layers, read_labs  # noqa: E402

LABS = read_labs(ROOT)


def sh(*command, cwd, **more):
    return subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, **more)


# --- the tree as it is

def test_every_layer_keeps_to_what_lies_below():
    make("objects")
    complaints = check_layers.check(ROOT, ROOT / BUILD / "obj/gcc")
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("lab", range(5, 14))
def test_a_prefix_implements_exactly_its_system_calls(lab):
    image = kernel(lab, "solutions")
    symbols = sh("nm", image, cwd=ROOT).stdout
    check = sh(sys.executable, "kernel/tools/check_syscalls.py", "kernel/include/abi/syscalls.tbl", lab, cwd=ROOT, input=symbols)
    assert check.returncode == 0, check.stderr


def test_the_skeletons_are_those_of_the_solutions(tmp_path):
    made = sh("sh", "kernel/tools/skeletons.sh", tmp_path, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    drift = []
    for lab in LABS:
        for name in lab.files:
            fresh, kept = tmp_path / lab.name / name, ROOT / "labs" / lab.name / name
            if not kept.exists() or kept.read_bytes() != fresh.read_bytes():
                drift.append("labs/%s/%s" % (lab.name, name))
    assert not drift, "`make skeletons` would change: %s" % " ".join(drift)


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_a_lab_names_its_files(lab):
    def below(top):
        return {str(p.relative_to(top)) for p in top.rglob("*")
                if p.is_file() and not {"mutants", "challenges"} & set(p.relative_to(top).parts) and p.name not in ("lab.mk", "README.md")}
    solutions, labs = ROOT / "solutions" / lab.name, ROOT / "labs" / lab.name
    assert below(solutions) == set(lab.files), "lab.mk's LAB_FILES and solutions/%s differ" % lab.name
    assert below(labs) == set(lab.files), "lab.mk's LAB_FILES and labs/%s differ" % lab.name
    for name in lab.files:
        assert not (ROOT / "kernel" / name).exists(), "%s is the student's and lies in kernel/ too" % name


def answer_lines(path):
    out = sh("unifdef", "-x2", "-DSOLUTION", path, cwd=ROOT)
    return len(out.stdout.splitlines())


@pytest.mark.parametrize("lab", [lab for lab in LABS if lab.files], ids=lambda lab: lab.name)
def test_a_students_file_stays_small(lab):
    for name in lab.files:
        lines = answer_lines(ROOT / "solutions" / lab.name / name)
        assert lines <= 250, "%s has %d lines in the reference" % (name, lines)


def test_no_stage_reaches_the_compiler():
    flags = (ROOT / BUILD / "obj/gcc/flags")
    make("objects")
    assert not re.search(r"-D\S*(LAB|STAGE)", flags.read_text())


def test_stripped_image_is_small(tmp_path):
    image = kernel(None, None, "DEBUG=0")
    sh("strip", "-s", "-o", tmp_path / "k", image, cwd=ROOT)
    size = (tmp_path / "k").stat().st_size
    assert size <= 2 << 20, "%d bytes stripped" % size


def test_the_image_knows_its_functions():
    image = kernel()
    lines = sh("nm", "-n", image, cwd=ROOT).stdout.splitlines()
    address = {line.split()[2]: int(line.split()[0], 16) for line in lines if len(line.split()) == 3}
    functions = {n for n in (line.split()[2] for line in lines if line.split()[-2] in "tT")}
    assert "kmain" in functions
    data = image.read_bytes()
    assert b"\0kmain\0" in data
    assert address["ksyms_strings"] > address["ksyms_names"] > address["ksyms_offsets"] > address["ksyms_count"]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warnings(compiler):
    make("objects", "WERROR=1", "CC=" + compiler)


@pytest.mark.parametrize("lab", range(1, 14))
def test_skeletons_compile_without_warnings(lab):
    make("objects", "WERROR=1", "LAB=%02d" % lab, "FROM=labs")


# --- the tools, on a tree of a few files

KERNEL_LD = """ENTRY(kmain)
SECTIONS { . = 0xffffffff80100000; .text : { *(.text .text.*) }
.rodata : { *(.rodata*) *(.ksyms) *(.embedded_initramfs) } .data : { *(.data*) } .bss : { *(.bss*) } }
"""
TABLE = "0 read file 05 fd:fd,buf:buf,size:count\n2 open file 06 path:path,oflags:flags,mode:mode\n"


@pytest.fixture
def tree(tmp_path):
    """A small kernel of the first six stages with the real build in it."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "kernel/tools", tmp_path / "kernel/tools")
    write = Writer(tmp_path)
    for lab in LABS[:6]:
        write("labs/%s/lab.mk" % lab.name, re.sub(r"^LAB_FILES.*?[^\\]\n", "LAB_FILES :=\n",
              (ROOT / "labs" / lab.name / "lab.mk").read_text(), flags=re.M | re.S))
    write("kernel/include/core/compiler.h", (ROOT / "kernel/include/core/compiler.h").read_text())
    write("kernel/include/core/types.h", (ROOT / "kernel/include/core/types.h").read_text())
    write("kernel/include/abi/syscalls.tbl", TABLE)
    write("kernel/boot/kernel.ld", KERNEL_LD)
    write("kernel/boot/boot.c", "void kmain(void);\nvoid kmain(void) { for (;;); }\n")
    write("kernel/mm/frame.c", '#include "mm/frame.h"\nint frame_get(void) { return 1; }\n')
    write("kernel/include/mm/frame.h", "int frame_get(void);\n")
    write("kernel/usermode/call.c", '#include "syscalls_gen.h"\nlong syscall_missing(u32 nr) { return -38; }\n'
          "long sys_read(int fd, void *buf, size_t size) { return fd; }\n")
    write("kernel/exec/exec.c", '#include "syscalls_gen.h"\nlong sys_open(const char *p, int f, u32 m) { return f; }\n')
    return write


class Writer:
    def __init__(self, root):
        self.root = root

    def __call__(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def make(self, *words):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        return sh("make", *words, cwd=self.root, env=environment)

    def layers(self):
        built = self.make("objects")
        assert built.returncode == 0, built.stderr
        return check_layers.check(self.root, self.root / "build/obj/gcc")


def test_small_tree_is_clean(tree):
    assert tree.layers() == []
    for lab in ("1", "04", "5", "06"):
        built = tree.make("SYSCALL_CHECK=", "LAB=" + lab)
        assert built.returncode == 0, built.stderr


def test_layers_catch_a_symbol_from_above(tree):
    tree("kernel/core/bad.c", "int frame_get(void);\nint bad(void);\nint bad(void) { return frame_get(); }\n")
    complaints = tree.layers()
    assert len(complaints) == 1 and "uses frame_get" in complaints[0], complaints


def test_layers_catch_an_include_from_above(tree):
    tree("kernel/core/bad.c", '#include "mm/frame.h"\n')
    complaints = tree.layers()
    assert len(complaints) == 1 and "includes mm/frame.h" in complaints[0], complaints


def test_layers_catch_an_include_in_a_header(tree):
    tree("kernel/include/core/bad.h", '#include "mm/frame.h"\n')
    assert any("core/bad.h:1" in c for c in tree.layers())


def test_layers_catch_a_private_header_outside(tree):
    tree("kernel/mm/slab_priv.h", "")
    tree("kernel/exec/bad.c", '#include "mm/slab_priv.h"\n')
    assert any("slab_priv.h is private" in c for c in tree.layers())


def test_layers_catch_a_neighbour_that_was_not_declared(tree):
    tree("kernel/boot/boot.c", "void kmain(void);\nvoid kmain(void) { for (;;); }\nint from_boot(void);\nint from_boot(void) { return 1; }\n")
    tree("kernel/core/bad.c", "int from_boot(void);\nint bad(void);\nint bad(void) { return from_boot(); }\n")
    assert any("uses from_boot" in c for c in tree.layers())


def test_layers_catch_a_circle(tree):
    tree("labs/01-boot/lab.mk", "LAB_TITLE := x\nLAB_ENABLES := boot core lib\nLAB_NEEDS := boot:core core:lib lib:boot\n")
    with pytest.raises(ValueError, match="circle"):
        Layers(read_labs(tree.root))


@pytest.mark.parametrize("line", ["#if LAB >= 3", "#ifdef CONFIG_STAGE_5", "#elif defined(LAB_07)"])
def test_layers_catch_a_stage_conditional(tree, line):
    tree("kernel/core/bad.c", ("#if 0\n" if "elif" in line else "") + line + "\n#endif\n")
    assert any("stage conditional" in c for c in tree.layers())


def test_link_fails_without_a_row(tree):
    tree("kernel/usermode/more.c", '#include "syscalls_gen.h"\nlong sys_flock(int fd, int op);\nlong sys_flock(int fd, int op) { return op; }\n')
    built = tree.make("SYSCALL_CHECK=", "LAB=05")
    assert built.returncode and "sys_flock is implemented, but" in built.stderr


def test_link_fails_without_an_implementation(tree):
    (tree.root / "kernel/exec/exec.c").unlink()
    built = tree.make("SYSCALL_CHECK=", "LAB=06")
    assert built.returncode and "sys_open (stage 06) is in the table" in built.stderr
    assert not (tree.root / "build/lab06-solutions/switchback.elf").exists()


def test_link_fails_for_a_call_that_came_too_early(tree):
    shutil.move(tree.root / "kernel/exec/exec.c", tree.root / "kernel/usermode/exec.c")
    built = tree.make("SYSCALL_CHECK=", "LAB=05")
    assert built.returncode and "its row says stage 06" in built.stderr


@pytest.mark.parametrize("row,text", [
    ("0 write file 05 -", "already read"), ("0 write file - -", "already read"), ("1 read file 05 -", "already in line"), ("1 write disk 05 -", "category disk"),
    ("1 write file 04 -", "stage 4"), ("1 write file 05 blob:x", "argument type 'blob'"), ("1 write file 05 fd", "argument"),
    ("1 write file", "a row is"),
])
def test_table_refuses(tree, row, text):
    tree("kernel/include/abi/syscalls.tbl", TABLE + row + "\n")
    with pytest.raises(SystemExit) as stop:
        gen_syscalls.read_table(tree.root / "kernel/include/abi/syscalls.tbl")
    assert text in str(stop.value)


SKELETON = "#ifdef SOLUTION\nint answer(void) { return 42; }\n#else\nint answer(void) { return 0; }\n#endif\n"


def test_skeletons_hide_the_answer(tree):
    tree("solutions/02-memory/mm/answer.c", SKELETON)
    tree("solutions/02-memory/mutants/wrong.patch", "SOLUTION\n")
    made = sh("sh", "kernel/tools/skeletons.sh", cwd=tree.root)
    assert made.returncode == 0, made.stderr
    assert (tree.root / "labs/02-memory/mm/answer.c").read_text() == "int answer(void) { return 0; }\n"
    assert not (tree.root / "labs/02-memory/mutants").exists()


def test_skeletons_refuse_a_leftover(tree):
    tree("solutions/02-memory/mm/answer.c", "/* SOLUTION */\n" + SKELETON)
    made = sh("sh", "kernel/tools/skeletons.sh", cwd=tree.root)
    assert made.returncode and "SOLUTION" in made.stderr
    assert not (tree.root / "labs/02-memory/mm").exists()


def test_skeletons_spare_somebodys_work(tree):
    tree("solutions/02-memory/mm/answer.c", SKELETON)
    tree("labs/02-memory/mm/answer.c", "my work\n")
    made = sh("sh", "kernel/tools/skeletons.sh", cwd=tree.root)
    assert made.returncode and "not committed" in made.stderr
    assert (tree.root / "labs/02-memory/mm/answer.c").read_text() == "my work\n"


def test_overlay_takes_the_file_that_was_asked_for(tree):
    tree("labs/02-memory/lab.mk", "LAB_TITLE := x\nLAB_ENABLES := mm\nLAB_FILES := mm/answer.c\n")
    tree("labs/03-interrupts/lab.mk", "LAB_TITLE := x\nLAB_ENABLES := irq\nLAB_FILES := irq/idt.c\n")
    for lab, name in (("02-memory/mm", "answer"), ("03-interrupts/irq", "idt")):
        tree("solutions/%s/%s.c" % (lab, name), "int %s_reference(void);\nint %s_reference(void) { return 1; }\n" % (name, name))
        tree("labs/%s/%s.c" % (lab, name), "int %s_student(void);\nint %s_student(void) { return 1; }\n" % (name, name))
    expected = {"labs": ("answer_student", "idt_student"), "base": ("answer_reference", "idt_student"),
                "solutions": ("answer_reference", "idt_reference")}
    paths = set()
    for source, names in expected.items():
        built = tree.make("-s", "LAB=3", "FROM=" + source, "kernel", "kernel-path")
        assert built.returncode == 0, built.stderr
        path = built.stdout.split()[-1]
        paths.add(path)
        symbols = sh("nm", path, cwd=tree.root).stdout
        found = set(re.findall(r"\b(?:answer|idt)_\w+", symbols))
        assert found == set(names), (source, found)
    assert len(paths) == 3
    built = tree.make("-s", "LAB=2", "FROM=labs", "kernel", "kernel-path")
    assert "idt_student" not in sh("nm", built.stdout.split()[-1], cwd=tree.root).stdout


def test_a_students_tree_is_its_own_work_by_default(tree):
    tree("labs/02-memory/lab.mk", "LAB_TITLE := x\nLAB_ENABLES := mm\nLAB_FILES := mm/answer.c\n")
    tree("labs/02-memory/mm/answer.c", "int answer_student(void);\nint answer_student(void) { return 1; }\n")
    assert tree.make("-s", "kernel-path", "LAB=2").stdout.strip() == "build/lab02-labs/switchback.elf"
    assert tree.make("skeletons").returncode
    tree("solutions/02-memory/mm/answer.c", "int a;\n")
    assert tree.make("-s", "kernel-path", "LAB=2").stdout.strip() == "build/lab02-solutions/switchback.elf"
    assert tree.make("-s", "kernel-path").stdout.strip() == "build/switchback.elf"


def test_nothing_to_do_does_nothing(tree):
    assert "LINK" in tree.make("LAB=3").stdout
    assert tree.make("LAB=3").stdout == ""


def test_a_change_of_flags_rebuilds(tree):
    tree.make("objects")
    mk = tree.root / "kernel/tools/build.mk"
    mk.write_text(mk.read_text().replace("-fno-common", "-fno-common -DNEW=1"))
    assert "CC" in tree.make("objects").stdout


def test_a_source_that_went_away_links_again(tree):
    tree("kernel/core/extra.c", "int extra(void);\nint extra(void) { return 1; }\n")
    tree.make("LAB=1")
    (tree.root / "kernel/core/extra.c").unlink()
    assert "LINK" in tree.make("LAB=1").stdout
    assert "extra" not in sh("nm", "build/lab01-solutions/switchback.elf", cwd=tree.root).stdout


def test_embedded_initramfs_is_in_the_image(tree):
    tree("some.cpio.gz", "these are the bytes")
    path = tree.make("-s", "LAB=1", "EMBED=some.cpio.gz", "kernel", "kernel-path").stdout.split()[-1]
    assert path != "build/lab01-solutions/switchback.elf"
    assert b"these are the bytes" in (tree.root / path).read_bytes()


def test_unknown_lab_and_source_are_refused(tree):
    assert "no such lab" in tree.make("LAB=77").stderr
    assert "must be" in tree.make("FROM=nowhere").stderr


# --- set-up, on a machine that lacks things

def run_setup(tmp_path, doors, *, commands=(), uid="1000"):
    """Run setup.sh with a PATH that holds these commands alone."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name in ("cat", "grep", "head", "sort"):
        (bin_dir / name).symlink_to(shutil.which(name))
    (bin_dir / "id").write_text("#!/bin/sh\necho %s\n" % uid)
    for name, text in dict(commands).items():
        (bin_dir / name).write_text("#!/bin/sh\n%s\n" % text)
    for file in bin_dir.iterdir():
        if not file.is_symlink():
            file.chmod(0o755)
    return subprocess.run(["/bin/sh", str(ROOT / "kernel/tools/setup.sh"), *doors], env={"PATH": str(bin_dir)},
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_setup_names_what_is_missing_and_the_command(tmp_path):
    run = run_setup(tmp_path, ["kernel"])
    assert run.returncode
    assert re.search(r"^Missing packages: .*\bgcc\b", run.stderr, re.M)
    assert re.search(r"apt-get install .*\bgcc\b", run.stderr)


def test_setup_without_root_and_sudo_changes_nothing(tmp_path):
    log = tmp_path / "log"
    run = run_setup(tmp_path, ["kernel"], commands={"apt-get": "echo called >> %s" % log, "apt-cache": "exit 0"})
    assert run.returncode and "no sudo" in run.stderr and "apt-get install" in run.stderr
    assert not log.exists()


def test_setup_as_root_installs_with_yes_where_nobody_can_answer(tmp_path):
    log = tmp_path / "log"
    run = run_setup(tmp_path, ["gdb"], uid="0", commands={
        "apt-get": 'echo "$@" >> %s; : > %s/bin/gdb; /bin/chmod +x %s/bin/gdb' % (log, tmp_path, tmp_path), "apt-cache": "exit 0"})
    assert run.returncode == 0, run.stderr
    assert log.read_text() == "install -y --no-install-recommends gdb\n"


def test_setup_through_sudo(tmp_path):
    log = tmp_path / "log"
    run = run_setup(tmp_path, ["gdb"], commands={
        "sudo": '[ "$1" = -n ] && exit 0; echo "sudo $*" >> %s; : > %s/bin/gdb; /bin/chmod +x %s/bin/gdb' % (log, tmp_path, tmp_path),
        "apt-get": "exit 1", "apt-cache": "exit 0"})
    assert run.returncode == 0, run.stderr
    assert "sudo apt-get install -y" in log.read_text()


def test_setup_is_silent_when_all_is_there(tmp_path):
    run = run_setup(tmp_path, ["gdb"], commands={"gdb": "exit 0"})
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize("word, says", [("MEM=abc", "MEM=abc: must be a size"), ("MEM=", "MEM=: must be a size"), ("SMP=x", "SMP=x: must be a number"),
                                        ("SMP=0", "SMP=0: must be a number"), ("SMP=65", "1 to 64"), ("MEM=12X", "must be a size")])
def test_a_machine_that_cannot_be_is_refused(word, says):
    """In one line, before anything is built or QEMU starts; other doors do not look."""
    done = sh("env", "-u", "MAKELEVEL", "-u", "MAKEFLAGS", "make", "run", word, cwd=ROOT)  # as a person types it, not inside of a make
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2 and says in lines[-1] and not done.stdout.strip(), done.stdout + done.stderr
    assert len([line for line in lines if "***" in line]) == 1, done.stderr
    assert sh("make", "-s", "kernel-path", word, cwd=ROOT).returncode == 0


@pytest.mark.parametrize("words", [("MEM=2G", "SMP=4"), ("MEM=512", "SMP=64"), ("MEM=1g,slots=2,maxmem=2g", "SMP=4,sockets=2")])
def test_a_machine_that_can_be_is_taken(words):
    done = sh("make", "-n", "do-run", "ROOTFS=none", *words, cwd=ROOT)
    for word in words:
        assert (" -m " if word[0] == "M" else " -smp ") + word[4:] + " " in done.stdout, done.stdout[-300:] + done.stderr


def test_doors_do_not_meet(tree):
    """Two doors in one command with -j: the second starts when the first has ended, so that nothing is made twice at once."""
    done = tree.make("-j8", "kernel", "iso", "objects", "ROOTFS=none", "LAB=06", "FROM=solutions")
    assert done.returncode == 0, done.stdout + done.stderr
    made = re.findall(r"^ +(?:CC|LINK) +(\S+)$", done.stdout, re.M)
    assert len(made) > 4 and sorted(made) == sorted(set(made)), done.stdout


def test_help_lists_the_doors():
    text = make("help")
    for door in ("run", "test", "kernel", "kernel-path", "iso", "gdb", "tree", "compile_commands.json", "doctor", "setup",
                 "skeletons", "clean", "grade", "bench", "submit", "report", "release", "checkpoints", "grade-submission", "grade-class", "autograder"):
        assert re.search(r"make (-s )?%s\b" % re.escape(door), text), door


def test_path_of_the_full_kernel():
    assert Path(make("kernel-path").strip()) == BUILD / "switchback.elf"
