#!/bin/sh
# setup.sh DOOR... : see that the tools a door of the Makefile needs are there; name and install what is missing.
#
# Needs nothing but a shell, since a fresh machine has nothing else. What is there is found out by looking for one
# command or file of each package, so that it costs a few milliseconds and works on any system. Installing is Debian's
# apt-get: at a terminal it asks, otherwise it is told -y. Without root it goes through sudo; where that cannot be, the
# exact command is printed and nothing is changed.
set -u

# package  what shows that it is there (a command, or a path; several paths with | between)
probe() {
	case $1 in
	binutils) echo ld ;;
	libc6-dev) echo '/usr/include/stdio.h' ;;
	qemu-system-x86) echo qemu-system-x86_64 ;;
	qemu-utils) echo qemu-img ;;
	grub-common) echo grub-mkrescue ;;
	grub-pc-bin) echo '/usr/lib/grub/i386-pc/modinfo.sh' ;;
	grub-efi-amd64-bin) echo '/usr/lib/grub/x86_64-efi/modinfo.sh' ;;
	mtools) echo mformat ;;
	ovmf) echo '/usr/share/ovmf/OVMF.fd|/usr/share/OVMF/OVMF_CODE.fd' ;;
	python3-pytest) echo '/usr/lib/python3/dist-packages/pytest' ;;
	python3-scapy) echo '/usr/lib/python3/dist-packages/scapy' ;;
	python3-pexpect) echo '/usr/lib/python3/dist-packages/pexpect' ;;
	python3-pytest-timeout) echo '/usr/lib/python3/dist-packages/pytest_timeout.py' ;;
	python3-pytest-xdist) echo '/usr/lib/python3/dist-packages/xdist' ;;
	python3-sphinx) echo sphinx-build ;;
	python3-myst-parser) echo '/usr/lib/python3/dist-packages/myst_parser' ;;
	furo) echo '/usr/lib/python3/dist-packages/furo' ;;
	graphviz) echo dot ;;
	python3-pyelftools) echo '/usr/lib/python3/dist-packages/elftools' ;;
	newlib-source) echo '/usr/src/newlib' ;;
	xz-utils) echo xz ;;
	musl-tools) echo musl-gcc ;;
	linux-libc-dev) echo '/usr/include/linux/version.h' ;;
	busybox-static) echo '/bin/busybox|/usr/bin/busybox' ;;
	linux-image-cloud-amd64) echo '/boot/vmlinuz-*-cloud-amd64' ;;
	ca-certificates) echo '/etc/ssl/certs/ca-certificates.crt' ;;
	lld) echo ld.lld ;;
	libclang-rt-14-dev) echo '/usr/lib/llvm-14/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a' ;;
	bubblewrap) echo bwrap ;;
	slurm-client) echo sbatch ;;
	munge) echo '/usr/sbin/munged' ;;
	e2fsprogs) echo '/sbin/mke2fs|/usr/sbin/mke2fs' ;;
	slurmctld | slurmd) echo "/usr/sbin/$1" ;;
	*) echo "$1" ;;
	esac
}

packages() {
	case $1 in
	kernel) echo make gcc binutils python3 ;;
	clang) echo clang ;;
	fuzz) echo clang libclang-rt-14-dev libc6-dev ;;
	iso) echo grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools ;;
	qemu) echo qemu-system-x86 ;;
	disk) echo e2fsprogs ;;
	busybox | alpine) echo python3 ca-certificates busybox-static ;;
	newlib | user | debian) echo libc6-dev newlib-source xz-utils musl-tools linux-libc-dev ;;
	gdb) echo gdb ;;
	book) echo python3-sphinx python3-myst-parser furo graphviz chromium ;;
	sandbox) echo bubblewrap ;;
	parallel) echo parallel ;;
	slurm) echo slurm-client ;;
	slurm-here) echo slurmctld slurmd munge ;;
	linux) echo linux-image-cloud-amd64 ;;
	skeletons) echo unifdef ;;
	test) echo libc6-dev unifdef cpio ovmf tshark python3-scapy python3-pytest python3-pexpect python3-pytest-timeout python3-pytest-xdist \
		python3-pyelftools git patch ;;
	*)
		echo "setup.sh: no door called $1" >&2
		return 1 ;;
	esac
}

present() {
	probe=$(probe "$1")
	case $probe in
	/*)
		IFS='|'
		for path in $probe; do
			if [ -e "$path" ]; then
				unset IFS
				return 0
			fi
		done
		unset IFS
		return 1 ;;
	*) command -v "$probe" >/dev/null ;;
	esac
}

missing=
for door in "$@"; do
	list=$(packages "$door") || exit 2
	for package in $list; do
		present "$package" && continue
		case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
	done
done
[ -n "$missing" ] || exit 0

echo "Missing packages:$missing" >&2
install="apt-get install --no-install-recommends$missing"
refuse() {
	echo "$1" >&2
	echo "On Debian 12 these do it, as root:" >&2
	echo "    apt-get update && $install" >&2
	exit 1
}

command -v apt-get >/dev/null || refuse "This system has no apt-get; install the like of them in its own way."
as_root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || refuse "Installing them needs root, and there is no sudo."
	if [ ! -t 0 ]; then
		sudo -n true 2>/dev/null || refuse "Installing them needs root, and sudo wants a password but there is no terminal."
	fi
	as_root=sudo
fi
if [ ! -t 0 ] || [ ! -t 1 ]; then
	install="apt-get install -y --no-install-recommends$missing"
	export DEBIAN_FRONTEND=noninteractive
fi

# The lists of packages may be absent or stale on a fresh machine.
known() {
	for package in $missing; do
		apt-cache show "$package" >/dev/null 2>&1 || return 1
	done
}
# shellcheck disable=SC2086 # word splitting is what is wanted
{
	if ! known; then
		$as_root apt-get update -q >&2 || refuse "apt-get update failed."
	fi
	if ! $as_root $install >&2; then
		$as_root apt-get update -q >&2 && $as_root $install >&2 || refuse "apt-get failed."
	fi
}
for package in $missing; do
	present "$package" || refuse "$package was installed, but $(probe "$package") is still not there."
done
