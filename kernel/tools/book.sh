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
/usr/bin/python3 handouts/generate.py "$book/source/generated"

sphinx() {
	PYTHONDONTWRITEBYTECODE=1 sphinx-build -q -W --keep-going -d "$book/doctrees" -b "$1" "$book/source" "$book/$2"
}
sphinx html html
sphinx singlehtml single

# Chromium wants a folder of its own for its profile, and no sandbox where it runs as root. One that does not come back is tried once more.
print_pdf() {
	profile=$(mktemp -d)
	timeout -k 5 600 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking \
		--disable-component-update --disable-extensions --disable-software-rasterizer --disable-pdf-tagging --user-data-dir="$profile" \
		--no-pdf-header-footer --print-to-pdf="$book/switchback.pdf.new" \
		"file://$(realpath "$book/single/index.html")" >"$book/chromium.log" 2>&1
	status=$?
	rm -rf "$profile"
	return $status
}
print_pdf || print_pdf || { cat "$book/chromium.log" >&2; exit 1; }
mv "$book/switchback.pdf.new" "$book/switchback.pdf"
echo "$book/html/index.html"
echo "$book/switchback.pdf"
