"""Sphinx's settings for the course book. `make book` copies this folder to build/book/source, adds what is generated from the tree
(handouts/generate.py), and builds there: nothing is written into the sources, and nothing is fetched from a network."""
project = "Switchback"
author = "the Switchback course"
copyright = "the Switchback course"  # noqa: A001
html_title = "Switchback: a kernel in thirteen labs"
extensions = ["myst_parser", "sphinx.ext.graphviz"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
root_doc = "index"
exclude_patterns = ["generated/*.md", "README.md"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None
graphviz_output_format = "svg"
graphviz_dot_args = ["-Gfontname=Helvetica", "-Nfontname=Helvetica", "-Efontname=Helvetica", "-Nfontsize=11", "-Efontsize=10", "-Gfontsize=11"]
highlight_language = "none"
pygments_style = "friendly"


def setup(app):
    """Commands for gdb are shown as they are; the word behind ``` is what tells the test of the book to try them."""
    from pygments.lexers.special import TextLexer
    app.add_lexer("gdb", TextLexer)


suppress_warnings = ["myst.header"]
