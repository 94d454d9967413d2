"""A class: who handed in what, and what was decided for all of them once (OUT/class.json)."""
import csv
import hashlib
import json
import re
import secrets
from pathlib import Path

from report import formats

ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$")


class Wrong(Exception):
    """The roster cannot be used as it is."""


def read(path):
    """[{id, name, submission}] of a CSV file with the columns id, submission and, if you like, name. A submission's path counts from the roster's folder;
    an empty one, and one that is not there, mean that nothing was handed in."""
    path = Path(path)
    out, seen = [], set()
    with open(path, newline="", encoding="utf-8-sig") as stream:
        for row in csv.DictReader(stream):
            who = (row.get("id") or "").strip()
            if not ID.match(who):
                raise Wrong("%s: `%s` cannot be an id: letters, digits and . _ @ + -" % (path.name, who))
            if who.lower() in seen:
                raise Wrong("%s: %s comes twice" % (path.name, who))
            seen.add(who.lower())
            told = (row.get("submission") or "").strip()
            place = path.parent / told if told else None
            out.append({"id": who, "name": (row.get("name") or "").strip(), "submission": str(place.resolve()) if place and place.exists() else ""})
    if not out:
        raise Wrong("%s: nobody is in it; its first line must be id,submission or id,name,submission" % path.name)
    return out


def open_class(out, roster, lab, test, seed):
    """Writes OUT/class.json. What was decided stays: a run that is begun again grades with the same seeds."""
    out = Path(out)
    try:
        before = json.loads((out / "class.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    if before and (before["lab"], before["test"]) != (lab, test):
        raise Wrong("%s holds the marks of lab %02d%s; take another OUT=" % (out, before["lab"], ", TEST=" + before["test"] if before["test"] else ""))
    whole = {"lab": lab, "test": test, "secret": str(seed) if seed is not None else before.get("secret") or secrets.token_hex(16), "students": read(roster)}
    formats.write(out / "class.json", json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    return whole


def load(out):
    return json.loads((Path(out) / "class.json").read_text(encoding="utf-8"))


def seed_of(whole, who, digest):
    """Another seed for each student and each thing that is handed in (a report names it), the same at each run, and nobody's guess."""
    return int.from_bytes(hashlib.sha256(("%s %s %s" % (whole["secret"], who, digest)).encode()).digest()[:4], "big")


def folder(out, who):
    return Path(out) / "students" / who
