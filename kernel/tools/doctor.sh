#!/bin/sh
# doctor.sh: one line for each tool, with the version that was found, the least that will do, and what to do about it.
set -u
bad=0

# report NAME LEAST PACKAGE FOR VERSION
report() {
	if [ -z "$5" ]; then
		verdict="missing: apt-get install $3"
		bad=$((bad + 1))
	elif [ "$(printf '%s\n%s\n' "$2" "$5" | sort -V | head -n 1)" != "$2" ]; then
		verdict="too old: at least $2, from package $3"
		bad=$((bad + 1))
	else
		verdict=ok
	fi
	printf '%-16s %-12s %-28s %s\n' "$1" "${5:--}" "$4" "$verdict"
}

# The first thing that looks like a version in what a command prints.
version() {
	command -v "$1" >/dev/null 2>&1 || return 0
	"$@" 2>&1 </dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1
}

module() {
	[ -x /usr/bin/python3 ] || return 0
	/usr/bin/python3 -c "from importlib.metadata import version; print(version('$1'))" 2>/dev/null
}

there() {
	for path; do
		[ -e "$path" ] && echo 1 && return
	done
}

printf '%-16s %-12s %-28s %s\n' tool version 'needed for' verdict
report make 4.3 make 'everything' "$(version make --version)"
report gcc 12 gcc 'everything' "$(version gcc -dumpfullversion)"
report clang 14 clang 'make CC=clang' "$(version clang --version)"
report ld 2.38 binutils 'everything' "$(version ld --version)"
report python3 3.9 python3 'everything' "$(version python3 --version)"
report qemu 7.0 qemu-system-x86 'make run, test' "$(version qemu-system-x86_64 --version)"
report grub-mkrescue 2.06 grub-common 'make run, iso' "$(version grub-mkrescue --version)"
report 'grub (BIOS)' 1 grub-pc-bin 'make run, iso' "$(there /usr/lib/grub/i386-pc/modinfo.sh)"
report 'grub (UEFI)' 1 grub-efi-amd64-bin 'make run, iso' "$(there /usr/lib/grub/x86_64-efi/modinfo.sh)"
report xorriso 1.5 xorriso 'make run, iso' "$(version xorriso --version)"
report mtools 4.0 mtools 'make run, iso' "$(version mtools --version)"
report ovmf 1 ovmf 'make test (UEFI boot)' "$(there /usr/share/ovmf/OVMF.fd /usr/share/OVMF/OVMF_CODE.fd)"
report sphinx 5.0 python3-sphinx 'make book' "$(version sphinx-build --version)"
report myst 0.18 python3-myst-parser 'make book' "$(module myst-parser)"
report furo 1 furo 'make book' "$(there /usr/lib/python3/dist-packages/furo)"
report graphviz 2.4 graphviz 'make book' "$(version dot -V)"
report chromium 100 chromium 'make book (PDF)' "$(version chromium --version)"
report busybox 1.30 busybox-static 'make run ROOTFS=busybox' "$(version busybox)"
report newlib 1 newlib-source 'user programs' "$(there /usr/src/newlib)"
report xz 5.2 xz-utils 'user programs' "$(version xz --version)"
report musl-gcc 1 musl-tools 'user programs' "$(there /usr/bin/musl-gcc)"
report cpio 2.13 cpio 'make test' "$(version cpio --version)"
report unifdef 2.10 unifdef 'make skeletons, test' "$(version unifdef -V)"
report git 2.30 git 'make test, skeletons' "$(version git --version)"
report patch 2.7 patch 'make test' "$(version patch --version)"
report pytest 7 python3-pytest 'make test' "$(module pytest)"
report pexpect 4.8 python3-pexpect 'make test' "$(module pexpect)"
report pytest-timeout 2.1 python3-pytest-timeout 'make test' "$(module pytest-timeout)"
report pytest-xdist 3 python3-pytest-xdist 'make test' "$(module pytest-xdist)"
report pyelftools 0.29 python3-pyelftools 'make test' "$(module pyelftools)"
report gdb 12 gdb 'make gdb' "$(version gdb --version)"
report bwrap 0.4 bubblewrap 'make grade-submission' "$(version bwrap --version)"
report parallel 1 parallel 'make grade-class' "$(there /usr/bin/parallel)"

if [ $bad = 0 ]; then
	echo 'All tools are there.'
else
	echo "$bad to mend. Each door installs what it needs by itself; \`make setup\` installs everything now."
fi
[ $bad = 0 ]
