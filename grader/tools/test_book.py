"""The cheap half of the book's tests: what can be known without building it. The other half is `make book-check` (grader/book)."""
import json
import re
import shlex
import subprocess
import sys

import pytest
from harness import book
from harness.build import ROOT

sys.path.insert(0, str(ROOT / "kernel/tools"))
from labs_mk import read_labs  # noqa: E402

LABS = [lab for lab in read_labs(ROOT) if lab.files]
SECTIONS = ("What and why", "Read", "Your files", "Steps", "When it goes wrong", "What is graded", "Questions", "Challenges", "Wrong solutions that the grader knows")
BLOCKS = list(book.blocks())


def chapter_of(lab):
    return book.HANDOUTS / (lab.name + ".md")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    out = tmp_path_factory.mktemp("parts")
    subprocess.run([sys.executable, "handouts/generate.py", str(out)], cwd=ROOT, check=True)
    return out


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_a_lab_has_its_chapter(lab):
    text = chapter_of(lab).read_text(encoding="utf-8")
    heads = re.findall(r"^## (.*)$", text, re.M)
    assert [h for h in heads if h not in ("The picture", "The pictures")] == list(SECTIONS), heads
    words = len(book.prose(chapter_of(lab)))
    assert 1500 <= words <= 3500, "%d words" % words
    for name in lab.files:
        assert "`%s`" % name in text, "%s is not in its chapter" % name
    assert "{graphviz} pictures/" in text, "no picture"
    assert len(re.findall(r"^\d+\. .*\?", text.partition("## Questions")[2], re.M)) >= 5, "fewer than five questions"
    assert len(re.findall(r"^- \*\*|^- \*\*`", text.partition("## Challenges")[2], re.M)) >= 2, "fewer than two challenges"


def test_every_function_of_a_student_is_in_the_table_of_files(parts):
    """generate.py finds them by the skeletons' TODO; the skeletons' C files must have no other."""
    for lab in LABS:
        table = (parts / ("files-%02d.md" % lab.stage)).read_text(encoding="utf-8")
        for name in lab.files:
            if name.endswith(".c"):
                skeleton = (ROOT / "labs" / lab.name / name).read_text(encoding="utf-8")
                row = next(line for line in table.splitlines() if line.startswith("| `%s` |" % name))
                assert row.split("|")[2].count("`") == 2 * len(re.findall(r"^\tTODO\(", skeleton, re.M)), row


def test_the_generated_parts_say_what_the_tree_says(parts):
    mutants = (parts / "mutants.md").read_text(encoding="utf-8")
    patches = list((ROOT / "solutions").glob("*/mutants/*.patch"))
    assert len(mutants.splitlines()) == len(patches) + 2
    for patch in patches:
        assert "| %s |" % patch.stem in mutants, patch
    calls = (parts / "syscalls.md").read_text(encoding="utf-8")
    assert re.search(r"^\| 57 \| `fork\(\)` \| process \|$", calls, re.M)
    assert calls.index("### Lab 05") < calls.index("| 1 | `write(") < calls.index("### Lab 06")
    graph = (parts / "subsystems.dot").read_text(encoding="utf-8")
    assert '"vfs" -> ' in graph or '-> "vfs"' in graph
    for lab in LABS:
        assert "labs/" not in (parts / ("checks-%02d.md" % lab.stage)).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*book.chapters(), book.HANDOUTS / "README.md"], ids=lambda p: p.name)
def test_links_lead_somewhere(path, parts):
    for target in book.links(path):
        if target.startswith("generated/"):
            assert (parts / target.partition("/")[2]).exists(), target
        else:
            assert book.exists_as_page(target), "%s: %s" % (path.name, target)


def test_every_picture_is_shown_and_can_be_drawn(tmp_path):
    shown = {t for p in book.chapters() for t in book.links(p) if t.startswith("pictures/")}
    drawn = {"pictures/" + p.name for p in (book.HANDOUTS / "pictures").glob("*.dot")}
    assert shown == drawn


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.name)
def test_a_block_is_of_a_kind_that_is_tested(block):
    assert block.language in book.LANGUAGES, "a code block without a known language"
    if block.language == "text":
        assert not re.search(r"^\$? ?make ", block.body, re.M) or "make help" in block.body, "a command hidden in a block that nobody tests"


def test_no_command_hides_in_the_prose():
    """`make WORD` in the text must be a door as well."""
    targets, _ = book.doors()
    for path in book.chapters():
        for word in re.findall(r"`make (?:-s )?([a-z][\w-]*)", path.read_text(encoding="utf-8")):
            assert word in targets, "%s: make %s" % (path.name, word)


@pytest.mark.parametrize("line", sorted({line for b in BLOCKS if b.language == "sh" for line in b.commands} | {b.instead for b in BLOCKS if b.instead}))
def test_the_doors_of_a_line_exist(line):
    words = shlex.split(line)
    if words[0] != "make":
        assert words[0] in {"qemu-system-x86_64", "objdump", "readelf", "nm", "addr2line"}, "which tool is this?"
        return
    targets, variables = book.doors()
    for word in words[1:]:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            assert name in variables, "no makefile looks at %s" % name
        elif not word.startswith("-"):
            assert word in targets, "make has no door %s" % word


def test_what_editors_read_is_well_formed():
    """Comments are allowed in none of them; each door that they call exists."""
    targets, _ = book.doors()
    for name in (".vscode/launch.json", ".vscode/tasks.json", ".devcontainer/devcontainer.json"):
        text = (ROOT / name).read_text(encoding="utf-8")
        json.loads(text)
        for word in re.findall(r"make (?:-s )?([a-z][\w.-]*)", text):
            assert word in targets, "%s: make %s" % (name, word)
    tasks = {t["label"] for t in json.loads((ROOT / ".vscode/tasks.json").read_text())["tasks"]}
    for one in json.loads((ROOT / ".vscode/launch.json").read_text())["configurations"]:
        assert one["preLaunchTask"] in tasks
    docker = (ROOT / ".devcontainer/Dockerfile").read_text()
    doors = re.search(r"setup\.sh ((?:kernel)[\w ]*)", docker).group(1)
    assert subprocess.run("sh kernel/tools/setup.sh %s </dev/null" % doors.split()[0], shell=True, cwd=ROOT).returncode == 0
