#!/bin/sh
# link.sh IMAGE SCRIPT OBJECT... : link a kernel that carries the names of its own functions.
#
# The table of names must hold addresses that only a link can tell. So: link with an empty table, list the functions,
# build the table, link again. The table lies behind all code, so the code does not move; if it does after all (a linker
# script of another shape), one more round settles it, and a table that still does not fit is an error.
#
# From the environment: LD NM LDFLAGS PYTHON3, EMBED (an initramfs to put inside, or empty), STAGE, SYSCALL_TBL (empty
# below stage 05), SYSCALL_CHECK (`warn` to go on after a difference), LINES_WANTED (not empty: a table of source lines too).
set -eu
image=$1 script=$2
shift 2
work=$image.tmp
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

{
	echo '.section .embedded_initramfs, "a"'
	echo '.globl embedded_initramfs_start, embedded_initramfs_end'
	echo '.balign 16'
	echo 'embedded_initramfs_start:'
	[ -z "$EMBED" ] || echo ".incbin \"$EMBED\""
	echo 'embedded_initramfs_end:'
	echo '.section .note.GNU-stack, "", @progbits'
} > "$work/embed.s"
as --64 -o "$work/embed.o" "$work/embed.s"

: > "$work/names0"
round=0
while :; do
	$PYTHON3 kernel/tools/gen_ksyms.py < "$work/names$round" > "$work/ksyms.s"
	as --64 -o "$work/ksyms.o" "$work/ksyms.s"
	# Code has its place after the first link, so that its lines are right in the second.
	if [ -n "$LINES_WANTED" ] && [ $round -gt 0 ]; then
		$PYTHON3 kernel/tools/gen_klines.py "$work/image" > "$work/klines.s"
	else
		$PYTHON3 kernel/tools/gen_klines.py > "$work/klines.s"
	fi
	as --64 -o "$work/klines.o" "$work/klines.s"
	$LD $LDFLAGS -T "$script" -Map "$work/map" -o "$work/image" "$@" "$work/embed.o" "$work/ksyms.o" "$work/klines.o"
	next=$((round + 1))
	$NM -n "$work/image" | grep -E ' [tTwW] ' > "$work/names$next" || :
	if cmp -s "$work/names$round" "$work/names$next"; then
		break
	fi
	if [ $next -gt 4 ]; then
		echo "link.sh: the table of function names does not settle: code must not lie behind .ksyms" >&2
		exit 1
	fi
	round=$next
done

if [ -n "$SYSCALL_TBL" ]; then
	$NM "$work/image" | $PYTHON3 kernel/tools/check_syscalls.py "$SYSCALL_TBL" "$STAGE" ${SYSCALL_CHECK:-}
fi
mv "$work/map" "$image.map"
mv "$work/image" "$image"
