"""The built pages: no link, picture or anchor leads nowhere, nothing is fetched from a network, and the PDF has all chapters."""
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from harness import book
from harness.build import BUILD, ROOT

HTML = ROOT / BUILD / "book/html"
PAGES = sorted(p for p in HTML.glob("*.html"))
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("object", "data"), ("iframe", "src"), ("source", "src"), ("embed", "src")}


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if values.get("id"):
            self.ids.add(values["id"])
        for name, value in attributes:
            if (tag, name) in LOADED and value and values.get("rel") not in ("index", "search", "next", "prev", "canonical"):
                self.loads.append(value)
            elif tag == "a" and name == "href" and value:
                self.links.append(value)


@pytest.fixture(scope="module")
def pages():
    assert PAGES, "build the book first: make book"
    return {p.name: Page(p) for p in PAGES}


def test_every_chapter_has_its_page(pages):
    for path in book.chapters():
        assert path.stem + ".html" in pages, path.name


@pytest.mark.parametrize("name", [p.name for p in PAGES])
def test_nothing_is_loaded_from_elsewhere_and_all_is_there(name, pages):
    for target in pages[name].loads:
        if target.startswith("data:"):
            continue
        assert not re.match(r"(https?:)?//", target), "%s is fetched from a network" % target
        path = HTML / unquote(re.split(r"[?#]", target)[0])
        assert path.is_file() and path.stat().st_size, "%s: %s is not there" % (name, target)
        if path.suffix == ".svg":
            assert "<svg" in path.read_text(encoding="utf-8"), target


@pytest.mark.parametrize("name", [p.name for p in PAGES])
def test_links_of_a_page_lead_somewhere(name, pages):
    for target in pages[name].links:
        if re.match(r"(https?:)?//|mailto:", target):
            continue
        file, _, anchor = target.partition("#")
        file = unquote(file) or name
        assert (HTML / file).is_file(), "%s: %s" % (name, target)
        if anchor and file in pages:
            assert unquote(anchor) in pages[file].ids, "%s: no anchor %s" % (name, target)


def test_the_pictures_of_a_chapter_are_on_its_page(pages):
    for path in book.chapters():
        wanted = sum(t.endswith(".dot") for t in book.links(path))
        shown = sum(t.endswith(".svg") and "graphviz" in t for t in pages[path.stem + ".html"].loads)
        assert shown == wanted, "%s: %d of %d pictures" % (path.name, shown, wanted)


def test_the_pdf_is_whole():
    data = (ROOT / BUILD / "book/switchback.pdf").read_bytes()
    assert data.startswith(b"%PDF") and data.rstrip().endswith(b"%%EOF")
    pages = max(int(n) for n in re.findall(rb"/Count (\d+)", data))
    assert pages >= 60, "%d pages" % pages
