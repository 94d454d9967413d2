#!/bin/sh
# Build the root file system to boot and write its path to OUT/chosen.
# usage: choose.sh NAME OUT MAKE ROOTFS_MK BUILD MIRROR
# Alpine that can be had neither from the mirror nor from the network gives way to Busybox; a file that
# is there and wrong does not.
set -eu
name=$1 out=$2 make=$3 mk=$4 build=$5 mirror=$6
here=$(dirname "$mk")

case $name in
alpine)
	tarball=$(sed 's/.* //' "$here/alpine/SHA512SUMS")
	status=0
	"${ROOTFS_PYTHON:-python3}" "$here/fetch-alpine.py" "$here/alpine/SHA512SUMS" "$mirror" "$out/$tarball" 2>"$out/fetch.log" || status=$?
	if [ "$status" = 2 ]; then
		echo "$(cat "$out/fetch.log"): booting Busybox instead" >&2
		name=busybox
	elif [ "$status" != 0 ]; then
		cat "$out/fetch.log" >&2
		exit 1
	fi ;;
busybox | newlib | debian) ;;
*)
	echo "rootfs: ROOTFS=$name is none of alpine, busybox, newlib, debian" >&2
	exit 1 ;;
esac
"$make" -s --no-print-directory -f "$mk" BUILD="$build" MIRROR="$mirror" "$name.cpio.gz" >&2
echo "$out/$name.cpio.gz" >"$out/chosen"
