"""The records of one Report (harness/verdict.py) in the forms that others read.

    junit        JUnit XML (xunit1): for staff, since the texts of failures tell what tests look for
    gradescope   results/results.json
    classroom50  result.json, schema classroom50/result/v1
    autolab      the last line of the standard output
    csv_row      a line of a class's marks

What a student's kernel said comes to people in a test's own output alone, never in a field that a service trusts. Every file is written at once or not at all."""
import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")


def clean(text):
    """Without what XML and JSON readers stumble over."""
    return _FORBIDDEN.sub("?", text)


def write(path, text):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(".%s.%d" % (path.name, os.getpid()))
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def junit(report):
    bad = [t for t in report.tests if t.status == "failed"]
    broken = [t for t in report.tests if t.status in ("error", "pending")]
    top = ET.Element("testsuites")
    suite = ET.SubElement(top, "testsuite", name="lab%02d" % report.lab, tests=str(len(report.tests)), failures=str(len(bad)), errors=str(len(broken)),
                          skipped="0", time="%.2f" % sum(t.seconds for t in report.tests))
    properties = ET.SubElement(suite, "properties")
    for name, value in (("seed", report.seed), ("source", report.source), ("score", report.score), ("points", report.points)):
        ET.SubElement(properties, "property", name=name, value=str(value))
    for t in report.tests:
        kind, _, name = t.id.partition(":")
        case = ET.SubElement(suite, "testcase", classname="lab%02d.%s" % (report.lab, kind), name=name, time="%.2f" % t.seconds)
        if t.status == "failed":
            ET.SubElement(case, "failure", message=clean(t.kind), type=clean(t.kind)).text = clean(t.output)
        elif t.status != "passed":
            ET.SubElement(case, "error", message="the test did not come to an end", type=t.status).text = clean(t.output)
        if t.log and t.status != "passed":
            ET.SubElement(case, "system-out").text = clean(t.log)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(top, encoding="unicode") + "\n"


def gradescope(report, remark=""):
    tests = []
    for i, t in enumerate(report.tests):
        tests.append({"name": t.title, "number": str(i + 1), "score": t.score, "max_score": t.points,
                      "status": "passed" if t.status == "passed" else "failed", "output": clean(t.output), "output_format": "text",
                      "tags": [t.id] + ([t.challenge] if t.challenge else []),
                      "visibility": t.visibility if t.visibility in VISIBILITIES else "hidden"})
    done = not any(t.status == "pending" for t in report.tests)
    return {"score": report.score, "output": clean(remark) or ("" if done else "The grading did not come to its end; what is missing counts as failed."),
            "visibility": "visible", "stdout_visibility": "hidden", "test_output_format": "text",
            "extra_data": {"lab": report.lab, "seed": report.seed, "source": report.source}, "leaderboard": [], "tests": tests}


def classroom50(report, classroom="", assignment="", owner="", submission="", commit="", release="", review="", datetime="", kind="individual"):
    return {"schema": "classroom50/result/v1", "classroom": classroom, "assignment": assignment or "lab%02d" % report.lab, "assignment_type": kind, "owner": owner,
            "submission": submission, "commit": commit, "release": release, "review": review, "datetime": datetime,
            "score": report.score, "max-score": report.points,
            "tests": [{"test-name": t.title, "passed": t.status == "passed", "score": t.score, "max-score": t.points} for t in report.tests]}


def autolab(report, problem=None):
    """One problem for the whole lab: its name is the assessment's in Autolab."""
    return json.dumps({"scores": {problem or "lab%02d" % report.lab: report.score}})


def write_all(report, out, notes=(), **about):
    """Every form, as files in a folder."""
    from . import page
    out = Path(out)
    write(out / "junit.xml", junit(report))
    write(out / "gradescope.json", json.dumps(gradescope(report), indent=1, ensure_ascii=False) + "\n")
    write(out / "classroom50.json", json.dumps(classroom50(report, **about), indent=1, ensure_ascii=False) + "\n")
    write(out / "autolab.txt", autolab(report) + "\n")
    write(out / "report.html", page.page(report, notes))
