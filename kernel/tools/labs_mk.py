"""What labs/*/lab.mk say, for the tools: which stage owns a folder, a source, a header."""
import re
from pathlib import Path


class Lab:
    """One lab.mk. `needs` holds the edges of LAB_NEEDS inside the stage; without it a folder may use those listed before
    it in LAB_ENABLES."""

    def __init__(self, directory):
        text = re.sub(r"\\\n", " ", (directory / "lab.mk").read_text())
        var = dict(re.findall(r"^(LAB_\w+)\s*:=[ \t]*(.*?)\s*$", text, re.M))
        self.name = directory.name
        self.stage = int(directory.name[:2])
        self.title = var.get("LAB_TITLE", "")
        self.enables = var.get("LAB_ENABLES", "").split()
        self.files = var.get("LAB_FILES", "").split()
        if "LAB_NEEDS" in var:
            self.needs = {sub: set() for sub in self.enables}
            for edge in var["LAB_NEEDS"].split():
                upper, _, lower = edge.partition(":")
                self.needs[upper] |= set(lower.split(","))
        else:
            self.needs = {sub: set(self.enables[:i]) for i, sub in enumerate(self.enables)}


def read_labs(root):
    return [Lab(d.parent) for d in sorted(Path(root).glob("labs/[0-9][0-9]-*/lab.mk"))]


class Layers:
    """Who may use whom: the stage of each folder, and the edges inside a stage with what follows from them."""

    def __init__(self, labs):
        self.stage = {sub: lab.stage for lab in labs for sub in lab.enables}
        self.direct = {sub: needs for lab in labs for sub, needs in lab.needs.items()}
        self.reach = {sub: self._closure(sub, ()) for sub in self.stage}

    def _closure(self, sub, path):
        if sub in path:
            raise ValueError("a circle inside a stage: %s" % " -> ".join(path[path.index(sub):] + (sub,)))
        found = set()
        for lower in self.direct.get(sub, ()):
            found |= {lower} | self._closure(lower, path + (sub,))
        return found

    def may_use(self, user, used):
        if user == used or self.stage[used] < self.stage[user]:
            return True
        return self.stage[used] == self.stage[user] and used in self.reach[user]

    def owner(self, path):
        """The folder that owns `path` (written as below kernel/), the longest that fits; None for none."""
        parts = Path(path).parts
        for n in range(len(parts) - 1, 0, -1):
            sub = "/".join(parts[:n])
            if sub in self.stage:
                return sub
        return None
