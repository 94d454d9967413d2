#!/bin/sh
# Build newlib from Debian's newlib-source into PREFIX/ (include/, libc.a, libm.a).
# usage: newlib/build.sh PREFIX [gcc|clang]
# The compiler is the host's own: told that it is not compiling for Linux, and to find no header but newlib's.
set -eu
prefix=$1
cc=${2:-gcc}
tarball=$(ls /usr/src/newlib/newlib-*.tar.* 2>/dev/null | head -n 1)
if [ -z "$tarball" ]; then
	echo "newlib: /usr/src/newlib holds no tarball; its package is newlib-source" >&2
	exit 1
fi

mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
work=$prefix/work
log=$prefix/build.log
rm -rf "$work"
mkdir -p "$work/obj"
trap 'test $? = 0 || { echo "newlib: the build failed; the end of $log:" >&2; tail -n 20 "$log" >&2; }' EXIT
exec 3>&1 >"$log" 2>&1

tar -C "$work" -xf "$tarball"
source=$(ls -d "$work"/newlib*/ | head -n 1)

flags="-O2 -g0 -fPIE -ffunction-sections -fdata-sections -fno-stack-protector -U_FORTIFY_SOURCE
 -fcf-protection=none -U__linux__ -Ulinux -U__linux -U__gnu_linux__ -Uunix -U__unix -U__unix__"
case $cc in
*clang*)
	CC_FOR_TARGET="$cc --target=x86_64-unknown-elf"
	headers=$("$cc" -print-resource-dir)/include
	flags="$flags -Wno-implicit-function-declaration" ;;
*)
	CC_FOR_TARGET=$cc
	headers=$("$cc" -print-file-name=include) ;;
esac
export CC_FOR_TARGET
export AR_FOR_TARGET=ar RANLIB_FOR_TARGET=ranlib AS_FOR_TARGET=as LD_FOR_TARGET=ld NM_FOR_TARGET=nm
export OBJCOPY_FOR_TARGET=objcopy OBJDUMP_FOR_TARGET=objdump READELF_FOR_TARGET=readelf STRIP_FOR_TARGET=strip
CFLAGS_FOR_TARGET=$(echo "-nostdinc -idirafter $headers -ffile-prefix-map=$work=newlib $flags")
export CFLAGS_FOR_TARGET
# A make above this one must not lend its job server to a build that names its own width.
unset MAKEFLAGS MFLAGS MAKELEVEL || :

cd "$work/obj"
"$source/configure" --target=x86_64-elf --prefix="$prefix" --disable-multilib \
	--disable-newlib-supplied-syscalls --disable-libgloss --enable-newlib-io-long-long \
	--enable-newlib-io-c99-formats --disable-nls MAKEINFO=true
make -s "-j${JOBS:-$(nproc)}" all-target-newlib
make -s install-target-newlib

rm -rf "$prefix/include"
mv "$prefix/x86_64-elf/include" "$prefix/include"
mv "$prefix/x86_64-elf/lib/libc.a" "$prefix/x86_64-elf/lib/libm.a" "$prefix"
cd /
rm -rf "$work" "$prefix/x86_64-elf"
date >"$prefix/stamp"
echo "newlib: built from $(basename "$tarball")" >&3
