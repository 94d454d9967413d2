"""The course book as the tests see it: chapters, their links, and their code blocks with what is to be done with each (handouts/README.md)."""
import re
from dataclasses import dataclass, field

from .build import ROOT

HANDOUTS = ROOT / "handouts"
FENCE = re.compile(r"^(?:<!--\s*(?P<mark>run(?::\s*(?P<instead>.*?))?)\s*-->\n)?```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.M | re.S)
LANGUAGES = {"sh", "gdb", "console", "text"}


@dataclass
class Block:
    page: str
    line: int
    language: str
    body: str
    variables: list = field(default_factory=list)  # of a gdb block, for make
    run: bool = False
    instead: str = ""

    @property
    def name(self):
        return "%s:%d" % (self.page, self.line)

    @property
    def commands(self):
        if self.language == "console":
            return [line[2:] for line in self.body.splitlines() if line.startswith("# ")]
        return [line for line in self.body.splitlines() if line.strip()]

    @property
    def lab(self):
        return self.page[:2] if re.match(r"\d\d-", self.page) else None


def chapters():
    return sorted(p for p in HANDOUTS.glob("*.md") if p.name != "README.md")


def blocks():
    for path in chapters():
        text = path.read_text(encoding="utf-8")
        for m in FENCE.finditer(text):
            words = m["info"].split()
            if words and words[0].startswith("{"):
                continue  # a directive of MyST
            yield Block(path.name, text.count("\n", 0, m.start("body")), words[0] if words else "", m["body"], words[1:], bool(m["mark"]), m["instead"] or "")


def prose(path):
    """The words of a chapter, without code blocks, directives and tables of marks."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return re.sub(r"<!--.*?-->", "", text, flags=re.S).split()


def links(path):
    """(target, text) of Markdown links, and the pictures of directives."""
    text = path.read_text(encoding="utf-8")
    bare = re.sub(r"```.*?^```$|`[^`\n]*`", "", text, flags=re.M | re.S)
    found = [m.group(1) for m in re.finditer(r"!?\[[^\]]*\]\(([^)\s]+)\)", bare)]
    found += [m.group(1) for m in re.finditer(r"^```\{(?:graphviz|include)\}\s*(\S+)$", text, re.M)]
    return found


def makefiles():
    return [ROOT / "Makefile", *sorted((ROOT / "kernel/tools").glob("*.mk"))]


def doors():
    """Every target of the Makefile that is meant for people, and every variable that it looks at."""
    text = "\n".join(p.read_text(encoding="utf-8") for p in makefiles())
    targets = {w for m in re.finditer(r"^\.PHONY:(.*)$", text, re.M) for w in m.group(1).split()}
    variables = set(re.findall(r"\$\((?:origin |filter [^,()]*,)?([A-Z][A-Z0-9_]*)\)", text)) | set(re.findall(r"^([A-Z][A-Z0-9_]*) *[?:]?=", text, re.M))
    return targets, variables


def exists_as_page(target):
    """Does a link of a chapter lead somewhere in handouts/?"""
    name = target.partition("#")[0]
    return bool(re.match(r"https?:", target)) or not name or (HANDOUTS / name).exists()
