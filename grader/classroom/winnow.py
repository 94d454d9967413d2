"""Hints of copied code, by winnowing (Schleimer, Wilkerson, Aiken: Winnowing: Local Algorithms for Document Fingerprinting, SIGMOD 2003).

A file becomes its tokens, with every name and every number as one and the same, so that renaming hides nothing; comments and blanks are gone. Each run of K
tokens has a hash, and of each WINDOW hashes in a row the least one is kept: of any common run of K + WINDOW - 1 tokens at least one hash is kept in both.
What the skeleton has, and what most of a class has, says nothing. A hint is a hint: two people look at the two texts."""
import hashlib
import re
from collections import Counter
from pathlib import Path

K, WINDOW = 24, 16
COMMON = 0.25   # what more than this share of a class has (and more than three) is nobody's
LIKELY = 0.35   # of the shorter fingerprint
LEAST = 12      # hashes: less is too little to say anything

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
_TOKEN = re.compile(r'[A-Za-z_]\w*|\d\w*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|\S')
_WORDS = frozenset("if else for while do switch case default return break continue goto struct union enum static const void int char bool unsigned long "
                   "sizeof NULL true false".split())


def tokens(text):
    out = []
    for token in _TOKEN.findall(_COMMENT.sub(" ", text)):
        if token[0].isalpha() or token[0] == "_":
            out.append(token if token in _WORDS else "n")
        elif token[0].isdigit():
            out.append("0")
        elif token[0] in "\"'":
            out.append(token[0])
        else:
            out.append(token)
    return out


def hashes(text):
    """The set of the kept hashes."""
    words = tokens(text)
    runs = [int.from_bytes(hashlib.blake2b(" ".join(words[i:i + K]).encode(), digest_size=8).digest(), "big") for i in range(len(words) - K + 1)]
    kept = set()
    for i in range(max(1, len(runs) - WINDOW + 1)):
        if runs:
            kept.add(min(runs[i:i + WINDOW]))
    return kept


def fingerprint(files, lab, root=Path(__file__).resolve().parents[2]):
    """Of what a submission has more than the skeleton, sorted."""
    given, own = set(), set()
    for name, data in files.items():
        own |= hashes(data.decode(errors="replace"))
        skeleton = root / "labs" / lab.name / name
        if skeleton.exists():
            text = skeleton.read_text(encoding="utf-8", errors="replace")
            words = tokens(text)
            given |= {int.from_bytes(hashlib.blake2b(" ".join(words[i:i + K]).encode(), digest_size=8).digest(), "big") for i in range(len(words) - K + 1)}
    return sorted(own - given)


def alike(prints):
    """name -> fingerprint; pairs (share, common hashes, one, other) that somebody should look at, the likeliest first."""
    count = Counter(h for p in prints.values() for h in set(p))
    limit = max(3, COMMON * len(prints))
    rare = {name: {h for h in p if count[h] <= limit} for name, p in prints.items()}
    names, found = sorted(rare), []
    for i, one in enumerate(names):
        for other in names[i + 1:]:
            common, least = len(rare[one] & rare[other]), min(len(rare[one]), len(rare[other]))
            if least >= LEAST and common / least >= LIKELY:
                found.append((common / least, common, one, other))
    return sorted(found, reverse=True)
