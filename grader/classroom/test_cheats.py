"""What a student might try in place of the work. Each cheat is real: where a protection could be taken away for the test's own sake, it is, and then the cheat must
succeed, so that the test would notice if the protection were gone."""
import os
import subprocess
import tarfile
import time

import pytest
from classroom import desk, given, intake, sandbox
from harness import build, grade, ktest, qemu, usertest
from harness.build import ROOT

FIRST = "ktest:02.frames_are_aligned_and_apart"
OTHERS = [t for t in ("ktest:02.frames_come_back", "ktest:02.buddies_merge_in_any_order")]


def in_function(text, head, lines):
    """The text with lines put at the beginning of the function whose head this is."""
    at = text.index("{", text.index(head)) + 1
    return text[:at] + "\n" + lines + "\n" + text[at:]


def with_buddy(**changes):
    """The lab's files with another mm/buddy.c."""
    files = given.reference(2)
    files["mm/buddy.c"] = changes.get("text") or in_function(files["mm/buddy.c"], changes.get("head", "buddy_alloc("), changes["lines"])
    files["mm/buddy.c"] = changes.get("top", "") + files["mm/buddy.c"]
    return files


def scored(tmp_path, files, more=(), test=FIRST, stage=2):
    report, about, said = given.grade(given.pack(tmp_path / "it.tar.gz", stage, files, more), tmp_path / "out", test=test)
    return report, about, said


def test_honest_work_has_its_points(tmp_path):
    report, about, _ = scored(tmp_path, given.reference(2))
    assert report.points and report.score == report.points and not about["notes"] and not about["faults"]


# --- the archive

def test_a_conftest_and_a_json_module_are_not_taken(tmp_path):
    trap = "import os\nopen(%r, 'w').write('executed')\nraise SystemExit(0)\n" % str(tmp_path / "executed")
    lab = given.LABS[2].name
    more = [(lab + "/conftest.py", trap), (lab + "/json.py", trap), ("json.py", trap), ("grader/conftest.py", trap), (lab + "/mm/sitecustomize.py", trap)]
    report, about, _ = scored(tmp_path, given.skeleton(2), more)
    assert report.score == 0 and not (tmp_path / "executed").exists()
    for name, _ in more:
        assert any(n.startswith(name + ": not a file of lab 02") for n in about["notes"]), name


def test_a_results_file_changes_nothing(tmp_path):
    full = '{"format": 1, "score": 100, "points": 100, "tests": []}'
    lab = given.LABS[2].name
    more = [(n, full) for n in ("results.json", lab + "/results.json", "../results.json", "/autograder/results/results.json", "about.json", "../../out/results.json")]
    report, about, _ = scored(tmp_path, given.skeleton(2), more)
    assert report.score == 0 and report.tests and len(about["notes"]) == len(more)


def test_links_and_special_files_are_refused(tmp_path):
    lab, files = given.LABS[2].name, given.reference(2)
    target = str(ROOT / "solutions" / lab / "mm/buddy.c")
    del files["mm/buddy.c"], files["mm/slab.c"]
    more = [given.link(lab + "/mm/buddy.c", target), given.link(lab + "/mm/slab.c", lab + "/mm/pagetable.c", tarfile.LNKTYPE),
            given.link("extra", "/etc/shadow"), given.link(lab + "/mm/fifo.c", "", tarfile.FIFOTYPE)]
    taken = intake.take(given.pack(tmp_path / "it.tar.gz", 2, files, more), given.LABS[2])
    assert sorted(taken.files) == ["mm/pagetable.c"]
    told = "\n".join(taken.notes)
    assert "mm/buddy.c: a symbolic link, not a regular file: refused" in told and "mm/slab.c: a hard link, not a regular file: refused" in told
    assert "mm/buddy.c: not handed in: the skeleton's stands in its place" in told


def test_an_archive_that_unfolds_to_too_much_is_refused(tmp_path):
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo(given.LABS[2].name + "/mm/other.c")
        entry.size = intake.READ_LIMIT + 1
        archive.addfile(entry, open("/dev/zero", "rb"))
    with pytest.raises(intake.Refused, match="unfolds to more"):
        intake.take(tmp_path / "bomb.tar.gz", given.LABS[2])


@pytest.mark.parametrize("size", [b"\x80" + b"\x7f" * 11, b"\xff" * 12, b"77777777777\0"])
def test_a_member_that_lies_about_its_size_holds_nobody_up(tmp_path, size):
    entry = tarfile.TarInfo(given.LABS[2].name + "/mm/buddy.c")
    head = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    head[124:136] = size
    head[148:156] = b"%06o\0 " % (sum(head[:148]) + sum(head[156:512]) + 8 * ord(" "))
    (tmp_path / "it.tar").write_bytes(bytes(head) + b"int x;\n".ljust(512, b"\0") + bytes(1024))
    with pytest.raises(intake.Refused, match="cannot be read as an archive|none of the files"):
        intake.take(tmp_path / "it.tar", given.LABS[2])


def test_rubbish_has_no_points_and_a_reason(tmp_path):
    (tmp_path / "it.tar.gz").write_bytes(os.urandom(3000))
    report, _, said = given.grade(tmp_path / "it.tar.gz", tmp_path / "out", "--lab", "2")
    assert report.score == 0 and "cannot be read as an archive" in said and all(t.status == "failed" for t in report.tests)


# --- compiling

@pytest.mark.parametrize("secret", ["grader/ktest/02_frames.c", "grader/harness/ktest.py", "solutions/02-memory/mm/buddy.c", "solutions/03-interrupts/irq/idt.c",
                                    "build/obj/gcc/solutions/02-memory/mm/buddy.c.o", "build/obj/gcc/grader/ktest/02_frames.c.o"])
def test_tests_and_answers_are_not_there_for_the_assembler(tmp_path, secret):
    assert (ROOT / secret).exists() or secret.startswith("build/")
    path = secret if not secret.startswith("build/") else str(build.BUILD) + secret[5:]
    lines = '__asm__(".section .rodata.stolen\\n.incbin \\"%s\\"\\n.text");'
    files = given.reference(2)
    files["mm/slab.c"] += lines % (ROOT / path) + "\n"
    report, _, _ = scored(tmp_path, files)
    assert report.score == 0 and report.tests[0].kind == "build" and "file not found" in report.tests[0].output, report.tests[0].output


def test_what_a_student_has_anyway_is_there(tmp_path):
    """Else the test above would tell nothing."""
    files = given.reference(2)
    files["mm/slab.c"] += '__asm__(".section .rodata.mine\\n.incbin \\"%s\\"\\n.text");\n' % (ROOT / "kernel/mm/frame.c")
    report, _, _ = scored(tmp_path, files)
    assert report.score == report.points, report.tests[0].output


def test_the_reference_cannot_be_included(tmp_path):
    files = given.skeleton(2)
    files["mm/buddy.c"] = '#define SOLUTION 1\n#include "%s"\n' % (ROOT / "solutions/02-memory/mm/buddy.c")
    report, _, _ = scored(tmp_path, files)
    assert report.score == 0 and report.tests[0].kind == "build"


def test_changed_makefiles_do_nothing(tmp_path):
    lab, mark = given.LABS[2].name, tmp_path / "shell"
    bomb = "LAB_FILES := $(shell touch %s; sh -c 'b() { b | b & }; b')\n" % mark
    report, about, _ = scored(tmp_path, given.reference(2), [(lab + "/lab.mk", bomb), ("Makefile", bomb), ("labs/default.mk", bomb), ("kernel/tools/build.mk", bomb)])
    assert report.score == report.points and not mark.exists() and len(about["notes"]) == 4


def test_a_fork_bomb_is_held(tmp_path):
    """Should a way be found to run a command while files are compiled: it comes to an end, and nothing of it is left."""
    user = sandbox.user_of(tmp_path)
    started = time.monotonic()
    status, said = sandbox.run(["bash", "-c", "b() { b | b & b; }; b"], user=user, seconds=3)
    assert status and time.monotonic() - started < 60, said[-500:]
    if os.geteuid() == 0:
        left = subprocess.run(["ps", "-u", str(user), "-o", "pid="], capture_output=True, text=True, check=False).stdout.split()
        assert not left


def test_the_sandbox_has_no_network_and_no_sight(tmp_path):
    (tmp_path / "secret").write_text("x")
    script = "ls / /home /root %s 2>&1; cat %s/secret 2>&1; cat /etc/passwd 2>&1; ls /sys/class/net /proc/1/root/etc 2>&1; (echo > /dev/tcp/127.0.0.1/22) 2>&1; touch /usr/x" % (ROOT, tmp_path)
    _, said = sandbox.run(["bash", "-c", script], user=sandbox.user_of(tmp_path))
    assert "root:x:0" not in said and "grader" not in said and "\nx\n" not in said and said.count("No such file") >= 3, said


def test_limits_are_in_force(tmp_path):
    user = sandbox.user_of(tmp_path)
    status, _ = sandbox.run(["python3", "-c", "x = bytearray(6 << 30)"], user=user)
    assert status
    started = time.monotonic()
    status, _ = sandbox.run(["sleep", "100"], user=user, seconds=2)
    assert status == 124 and time.monotonic() - started < 30


# --- running

def test_an_endless_loop_is_a_hang(tmp_path, monkeypatch):
    """Told by the instructions that it has executed; here a hundredth of the budget, since each costs the host time."""
    files = with_buddy(lines="\tfor (;;)\n\t\t__asm__ volatile(\"\");")
    monkeypatch.setattr(qemu, "HANG_BUDGET", qemu.HANG_BUDGET // 100)
    desk.prepare(given.LABS[2], "base")
    os.chmod(tmp_path, 0o711)
    with desk.Desk(given.LABS[2], "base", tmp_path / "work", {n: t.encode() for n, t in files.items()}):
        verdicts = grade.grade(2, "base", only=[FIRST])
    assert [v.kind for v in verdicts] == ["hang"], verdicts
    assert any("buddy_alloc" in line for line in verdicts[0].trace), verdicts[0].trace


SAY = """static void say(const char *s)
{
	for (; *s; s++) {
		__asm__ volatile("outb %0, %1" : : "a"(*s), "Nd"((unsigned short)0xe9));
		__asm__ volatile("outb %0, %1" : : "a"(*s), "Nd"((unsigned short)0x3f8));
	}
}
"""


@pytest.mark.parametrize("nonce", ["", "0123456789abcdef ", "- "])
def test_verdict_lines_without_the_nonce_are_none(tmp_path, nonce):
    """Before anything else the kernel says that all went well, down to the lines of the checks, and ends the machine as a test kernel does that is content."""
    names = ["02." + n.partition(".")[2] for n in [FIRST] + OTHERS]
    known = desk.prepare(given.LABS[2], "base")
    told = "".join("ktest %sbegin %s\\nktest %send %s 0 %s\\n" % (nonce, n, nonce, n, ",".join(map(str, known[n]))) for n in names)
    lines = '\tsay("ktest %shello\\nktest hello %s\\n%sktest %sdone 1 0\\n");\n\t__asm__ volatile("outl %%0, %%1" : : "a"(0x20), "Nd"((unsigned short)0xf4));' % (
        nonce, nonce, told, nonce)
    report, _, _ = scored(tmp_path, with_buddy(head="buddy_init(", lines=lines, top=SAY))
    assert report.score == 0, report.tests


def test_the_judges_functions_cannot_be_called(tmp_path):
    for name, top in (("verdict_exit", "void verdict_exit(int);\n"), ("ktest_check", "_Bool ktest_check(_Bool, const char *, int, const char *);\n")):
        call = "\tverdict_exit(0x20);" if name == "verdict_exit" else '\tktest_check(1, "x", 1, "x");'
        report, _, _ = scored(tmp_path, with_buddy(lines=call, top=top))
        assert report.score == 0 and report.tests[0].kind == "build" and name in report.tests[0].output, report.tests[0].output


def test_a_test_cannot_be_planted(tmp_path):
    top = '#include "core/ktest.h"\nKTEST(02, frames_are_aligned_and_apart)\n{\n}\n'
    files = given.reference(2)
    files["mm/slab.c"] += top
    report, _, _ = scored(tmp_path, files)
    assert report.score == 0 and "belongs to the grader" in report.tests[0].output


# Finds the frame of who called, reads from the first instructions of its function which registers it has put away, takes them back, and returns to where the caller
# would return to: a test that calls this ends at once, and none of its checks was made.
LEAVE = r"""
static void leave_for(unsigned char *at, unsigned long *frame) __attribute__((noinline));
static void leave_for(unsigned char *at, unsigned long *frame)
{
	unsigned long reg[6] = { 0 }; /* rbx r12 r13 r14 r15 */
	int n = 0;

	__asm__ volatile("movq %%rbx, %0; movq %%r12, %1; movq %%r13, %2; movq %%r14, %3; movq %%r15, %4"
		: "=m"(reg[0]), "=m"(reg[1]), "=m"(reg[2]), "=m"(reg[3]), "=m"(reg[4]));
	while (!(at[0] == 0x55 && at[1] == 0x48 && at[2] == 0x89 && at[3] == 0xe5))
		at--;
	for (at += 4;; ) {
		if (at[0] == 0x41 && at[1] >= 0x54 && at[1] <= 0x57) {
			reg[at[1] - 0x53] = frame[-++n];
			at += 2;
		} else if (at[0] == 0x53) {
			reg[0] = frame[-++n];
			at += 1;
		} else if (at[0] == 0x45 && at[1] == 0x31) { /* an xor between them */
			at += 3;
		} else if (at[0] == 0x31) {
			at += 2;
		} else if (at[0] >= 0xb8 && at[0] <= 0xbf) {
			at += 5;
		} else if (at[0] == 0x41 && at[1] >= 0xb8 && at[1] <= 0xbf) {
			at += 6;
		} else {
			break;
		}
	}
	__asm__ volatile("movq %0, %%rbx; movq %1, %%r12; movq %2, %%r13; movq %3, %%r14; movq %4, %%r15; movq %5, %%rbp; movq %%rbp, %%rsp; popq %%rbp; ret"
		: : "m"(reg[0]), "m"(reg[1]), "m"(reg[2]), "m"(reg[3]), "m"(reg[4]), "a"(frame) : "memory");
	__builtin_unreachable();
}
"""
JUMP = "\tleave_for(__builtin_return_address(0), *(unsigned long **)__builtin_frame_address(0));"


def leaving():
    """The lab's files, with a buddy.c that works but for leaving by the back door as soon as it is asked for figures, as tests do."""
    files = given.reference(2)
    text = in_function(files["mm/buddy.c"], "buddy_free_blocks(", JUMP)
    files["mm/buddy.c"] = text.replace("#include", LEAVE.replace("\n#include", "\n#") + "\n#include", 1)
    return files


def test_a_jump_behind_the_checks_is_noticed(tmp_path):
    """Without the witness this passes, which shows that the cheat is one. It reads the compiler's plain prologues, and a checking kernel would notice the abandoned frame."""
    name = "02.frames_come_back"
    files = leaving()
    lab = given.LABS[2]
    desk.prepare(lab, "base")
    os.chmod(tmp_path, 0o711)
    with desk.Desk(lab, "base", tmp_path / "work", {n: t.encode() for n, t in files.items()}):
        image = build.kernel(2, "base", "DEBUG=0", ktest=True)
        run = ktest.run(image, name, cap=60)
        noticed = run.complaint(name)
        ktest.witness = {}
        assert run.complaint(name) is None, "the cheat does not work: %s" % run.complaint(name)
    assert noticed and "left by another way than through its checks" in noticed


def test_printing_what_is_expected(tmp_path):
    """A kernel that cannot fork, but knows what the programs of the lab print on Linux, and how the runner frames it."""
    name = usertest.names(7)[0]
    told = "%s\n@@END %s exit 0\n@@DONE 1\n" % (usertest.wanted(name), name)  # the runner has said that it begins
    text = told.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    files = given.skeleton(7)
    head = SAY + "static const char told[] = \"%s\";\n" % text
    at = files["proc/fork.c"].index("TODO(")
    files["proc/fork.c"] = head + files["proc/fork.c"][:at] + "say(told);\n\t" + files["proc/fork.c"][at:]
    report, _, _ = scored(tmp_path, files, test="user:" + name, stage=7)
    assert [t.id for t in report.tests] == ["user:" + name] and report.score == 0 and "@@END" in report.tests[0].log
