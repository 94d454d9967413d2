"""What a student sees of a fault of memory in a checking kernel: the grader's report names what it was, file, line and chapter.

Each fault is planted into a copy of the lab's reference, which then takes the place of labs/."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import grade as grading
from harness.build import BUILD, ROOT
from labs_mk import read_labs

LABS = {lab.stage: lab for lab in read_labs(ROOT)}
HEAP = '#include "mm/slab.h"\n'

# name -> lab, file, what stands there, what takes its place (the last line of it is the faulty one), a check that comes by, the report
FAULTS = {
    "02-overrun": (2, "mm/slab.c", "for (unsigned i = c->per_slab; i-- > 0;) {\n\t\tvoid **obj = (void **)(base + (size_t)i * c->size);\n\t\t*obj = head->private;",
                   "for (unsigned i = c->per_slab + 1; i-- > 0;) {\n\t\tvoid **obj = (void **)(base + (size_t)i * c->size);\n\t\t*obj = head->private;",
                   "ktest:02.slab_objects_are_apart", r"KASAN: (heap overrun|use of a free page): write of 8 bytes"),
    "02-use-after-free": (2, "mm/slab.c", "frame_free(head, c->order);", "frame_free(head, c->order);\n\t*(u64 *)frame_to_virt(head) = 0;",
                          "ktest:02.slab_frees_are_used_again", r"KASAN: use of a free page: write of 8 bytes"),
    "02-double-free": (2, "mm/slab.c", "frame_free(head, c->order);", "frame_free(head, c->order);\n\tframe_free(head, c->order);",
                       "ktest:02.slab_frees_are_used_again", r"freed twice|ASSERT|assertion"),
    "04-overrun": (4, "sched/wait.c", "\te->queue = q;\n",
                   "\te->queue = q;\n\tstruct wait_entry own, *at = &own;\n\tvolatile int one = 1;\n\tat[one].thread = e->thread;\n",
                   "ktest:04.a_wake_up_reaches_all_who_wait", r"KASAN: stack overrun: write of 8 bytes"),
    "04-use-after-free": (4, "sched/wait.c", "\te->queue = q;\n",
                          "\te->queue = q;\n\tstruct wait_entry *copy = kmalloc(sizeof(*copy), ALLOC_ATOMIC);\n\tkfree(copy);\n\tcopy->thread = e->thread;\n",
                          "ktest:04.a_wake_up_reaches_all_who_wait", r"KASAN: use after free: write of 8 bytes[^$]*allocated by[^$]*freed by"),
    "04-double-free": (4, "sched/wait.c", "\te->queue = q;\n",
                       "\te->queue = q;\n\tvoid *copy = kmalloc(40, ALLOC_ATOMIC);\n\tkfree(copy);\n\tkfree(copy);\n",
                       "ktest:04.a_wake_up_reaches_all_who_wait", r"KASAN: double free[^$]*allocated by[^$]*freed by"),
    "07-overrun": (7, "proc/sigframe.c", "memset(&frame, 0, sizeof(frame));", "memset(&frame, 0, sizeof(frame) + 1);", "user:sig_frame", r"KASAN: stack overrun: write of 441 bytes"),
    "07-use-after-free": (7, "proc/wait.c", "MAX(parent->children_max_rss, u->max_rss);", "MAX(parent->children_max_rss, u->max_rss);\n\tstruct usage *copy = kmemdup(u, sizeof(*u), 0);\n\tkfree(copy);\n\tparent->children_user_ns += copy->user_ns;",
                          "user:proc_fork", r"KASAN: use after free: read of 8 bytes"),
    "07-double-free": (7, "proc/wait.c", "MAX(parent->children_max_rss, u->max_rss);", "MAX(parent->children_max_rss, u->max_rss);\n\tstruct usage *copy = kmemdup(u, sizeof(*u), 0);\n\tkfree(copy);\n\tkfree(copy);",
                       "user:proc_fork", r"KASAN: double free"),
    "08-overrun": (8, "vfs/namei.c", "kmalloc(len + rest_len, 0)", "kmalloc(len + rest_len - 1, 0)", "ktest:08.links_are_followed_in_the_middle_and_at_the_end", r"KASAN: heap overrun: write of \d+ bytes"),
    "08-use-after-free": (8, "vfs/namei.c", "w->text = text;\n", "kfree(text);\n\tw->text = text;\n", "ktest:08.links_are_followed_in_the_middle_and_at_the_end", r"KASAN: use after free: read of 1 bytes"),
    "08-double-free": (8, "vfs/namei.c", "kfree(w.text);", "kfree(w.text);\n\tkfree(w.text);", "ktest:08.links_are_followed_in_the_middle_and_at_the_end", r"KASAN: double free"),
}


def plant(name, lab, file, before, after):
    folder = Path(BUILD) / "planted" / ("fault-" + name)
    shutil.rmtree(ROOT / folder, ignore_errors=True)
    for one in lab.files:
        target = ROOT / folder / lab.name / one
        target.parent.mkdir(parents=True, exist_ok=True)
        text = subprocess.run(["unifdef", "-x2", "-DSOLUTION", str(ROOT / "solutions" / lab.name / one)], capture_output=True, text=True, check=True).stdout
        if one == file:
            assert text.count(before) >= 1, "the reference has changed: %s" % before
            text = text.replace(before, after, 1)
            if "kmalloc" in after or "kmemdup" in after:
                text = text.replace("#include", HEAP + "#include", 1)
        target.write_text(text)
    return folder


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_is_named(name):
    stage, file, before, after, check, report = FAULTS[name]
    lab = LABS[stage]
    folder = plant(name, lab, file, before, after)
    verdict, = grading.grade(stage, "base", "LABS=%s" % folder, "DEBUG=1", only=[check], cap=60)
    assert not verdict.passed, "nobody noticed"
    assert re.search(report, verdict.why), verdict.why
    place = re.search(r"The nearest line of a lab is (\S+):\d+, in \w+\(\)\. The chapter is (\S+)\.", verdict.why)
    assert place, "no line of the lab is named:\n" + verdict.why
    assert place.group(1) == "%s/%s/%s" % (folder, lab.name, file) and place.group(2) == lab.name, place.group(0)
