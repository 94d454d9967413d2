#!/bin/sh
# skeletons.sh [OUT] : write the students' files from the reference files, into labs/ or, for a comparison, below OUT.
#
# A reference file carries its skeleton as #ifdef SOLUTION ... #else ... #endif; unifdef takes the answer out. Nothing is
# written before every file came out whole: a file that still has the word SOLUTION in it stops the run. A file in labs/
# that is neither what git has nor what this script wrote last is somebody's work, and stops it too.
set -eu
out=${1:-labs}
build=${BUILD:-build}
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
last=$build/skeletons

for source in $(find solutions \( -path '*/mutants' -o -path '*/challenges' \) -prune -o -type f -print | sort); do
	name=${source#solutions/}
	mkdir -p "$new/$(dirname "$name")"
	unifdef -x2 -USOLUTION -o "$new/$name" "$source"
	if grep -n SOLUTION "$new/$name" >&2; then
		echo "skeletons: $source: the word SOLUTION is left in the skeleton; in .S files a lone quote can hide a line" >&2
		exit 1
	fi
done
if [ "$out" = labs ]; then
	for file in $(cd "$new" && find . -type f); do
		[ -e "labs/$file" ] || continue
		cmp -s "labs/$file" "$new/$file" && continue
		cmp -s "labs/$file" "$last/$file" && continue
		git diff --quiet HEAD -- "labs/$file" 2>/dev/null && git ls-files --error-unmatch "labs/$file" >/dev/null 2>&1 && continue
		echo "skeletons: labs/${file#./} has changes that are not committed: commit them or put them away" >&2
		exit 1
	done
	rm -rf "$last"
	mkdir -p "$last"
	cp -R "$new/." "$last"
fi
for file in $(cd "$new" && find . -type f); do
	cmp -s "$new/$file" "$out/$file" && continue
	mkdir -p "$out/$(dirname "$file")"
	cp "$new/$file" "$out/$file"
	echo "  WRITE   $out/${file#./}"
done
