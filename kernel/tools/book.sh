#!/bin/sh
# The course book, built from a copy, so that nothing is written into handouts/: BUILD=build sh kernel/tools/book.sh
#
#   build/book/source    the chapters, and generated/ beside them
#   build/book/html      the pages (a warning of Sphinx is an error)
#   build/book/single    all on one page, which Chromium prints
set -eu
book=${BUILD:-build}/book
rm -rf "$book/source"
mkdir -p "$book"
cp -r handouts "$book/source"
[ -e "$book/source/checkers.md" ] || printf "# The checkers\n\nThis chapter is not in this tree.\n" >"$book/source/checkers.md"
/usr/bin/python3 handouts/generate.py "$book/source/generated"

sphinx() {
	PYTHONDONTWRITEBYTECODE=1 sphinx-build -q -W --keep-going -d "$book/doctrees" -b "$1" "$book/source" "$book/$2"
}
sphinx html html
sphinx singlehtml single

# Chromium wants a folder of its own for its profile, and no sandbox where it runs as root.
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir="$profile" --no-pdf-header-footer \
	--virtual-time-budget=20000 --print-to-pdf="$book/switchback.pdf.new" "file://$(realpath "$book/single/index.html")" >"$book/chromium.log" 2>&1 ||
	{ cat "$book/chromium.log" >&2; exit 1; }
mv "$book/switchback.pdf.new" "$book/switchback.pdf"
echo "$book/html/index.html"
echo "$book/switchback.pdf"
