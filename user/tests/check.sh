#!/bin/sh
# Run the tests on this machine's Linux and compare with expect/: check.sh BINARIES SOURCES
# Wants root (tests change owner and root folder); a newer Linux may answer a few questions otherwise.
set -u
bin=$(cd "$1" && pwd) src=$(cd "$2" && pwd)
passed=0 failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for source in "$src"/*.c; do
	name=$(basename "$source" .c)
	sed -n 1p "$source" | grep -q 'run: *host' || continue
	# Through a pipe: a test that limits the size of files must not limit its own output.
	{ (cd / && exec env -i PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root TERM=vt100 \
		setsid -w timeout 60 "$bin/$name" </dev/null 2>&1 3<&- 4<&- 5<&-); echo $? >"$scratch/status"; } |
		timeout 70 cat >"$scratch/out"
	status=$(cat "$scratch/status")
	if [ $status = 0 ] && cmp -s "$scratch/out" "$src/expect/$name.out"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $name: exit $status"
		diff "$src/expect/$name.out" "$scratch/out" | head -n 8
	fi
	rm -rf /tmp/t[0-9]*
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
