#!/bin/sh
# Lay out the packages of debian/packages as a tree: collect.sh TREE DOWNLOADS [LIST...]
# Each further LIST names more packages, and with a minus those that are not wanted; then upstream's own tests and the zones of time stay in.
# A package that is installed is copied from this machine; one that is not is downloaded into DOWNLOADS and
# unpacked, and not installed. Documentation, translations and what no test runs stay out.
set -eu
tree=$1 debs=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$tree.new"
mkdir -p "$tree.new" "$debs"
for name in bin sbin lib lib64; do
	mkdir -p "$tree.new/usr/$name"
	ln -s "usr/$name" "$tree.new/$name"
done

some='|/zoneinfo|/test/|perl-base/unicore/lib'
[ $# -eq 0 ] || some=
wanted() {
	grep -Ev '^/(bin|sbin|lib|lib64)$|^/usr/share/(doc|man|locale|info|lintian|bug|gdb|pixmaps|menu|apport|common-licenses|bash-completion)|/lto1$|lto-dump|/gconv/|/lib(asan|tsan|ubsan|lsan|itm|gomp|quadmath|hwasan)[._]|/(lib2to3|idlelib|ensurepip|__pycache__)/|/gprofng|ld\.gold$|(^|[/-])dwp$'"$some"
}

grep -hEv '^#|^$' "$here/packages" "$@" | awk '/^-/ { sub("-", ""); out[$0]; next } { name[n++] = $0 } END { for (i = 0; i < n; i++) if (!(name[i] in out)) print name[i] }' |
while read -r package; do
	if dpkg -s "$package" 2>/dev/null | grep -q '^Status: .* installed'; then
		dpkg -L "$package" | wanted | while read -r path; do
			if [ -L "$path" ] || [ -f "$path" ]; then echo ".$path"; fi
		done | tar -C / --no-recursion -cf - -T - | tar -C "$tree.new" --keep-directory-symlink -xf -
		continue
	fi
	deb=$(ls "$debs/${package}_"*.deb 2>/dev/null | head -n 1)
	if [ -z "$deb" ]; then
		(cd "$debs" && apt-get -q download "$package" >/dev/null) || {
			echo "rootfs: $package is neither installed nor to be had by apt-get download" >&2
			exit 1
		}
		deb=$(ls "$debs/${package}_"*.deb | head -n 1)
	fi
	mkdir -p "$debs/one"
	dpkg-deb -x "$deb" "$debs/one"
	(cd "$debs/one" && find . ! -type d | sed 's/^\.//' | wanted | sed 's/^/./' | tar --no-recursion -cf - -T -) | tar -C "$tree.new" --keep-directory-symlink -xf -
	rm -rf "$debs/one"
done
rm -rf "$tree"
mv "$tree.new" "$tree"
