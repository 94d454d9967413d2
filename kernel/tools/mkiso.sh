#!/bin/sh
# mkiso.sh ISO IMAGE CHOSEN CMDLINE : a disk that GRUB2 boots from BIOS and from UEFI.
#
# CHOSEN is a file that holds the path of the initramfs, or empty. GRUB waits for nobody (a timeout that is not set would
# wait for ever) and speaks on the serial line as well as on the screen.
set -eu
iso=$1 image=$2 chosen=$3 cmdline=$4
tree=$iso.tree
rm -rf "$tree"
mkdir -p "$tree/boot/grub"
trap 'rm -rf "$tree"' EXIT

strip -s -o "$tree/boot/switchback.elf" "$image"
module=
if [ -n "$chosen" ]; then
	ln "$(cat "$chosen")" "$tree/boot/initramfs.cpio.gz" 2>/dev/null || cp "$(cat "$chosen")" "$tree/boot/initramfs.cpio.gz"
	module='	module2 /boot/initramfs.cpio.gz initramfs'
fi
cat > "$tree/boot/grub/grub.cfg" <<CFG
set timeout=0
set timeout_style=hidden
set default=0
insmod all_video
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
menuentry "Switchback" {
	multiboot2 /boot/switchback.elf $cmdline
$module
}
CFG
# GRUB's first step asks for every kind of partition table, and complains aloud about one that is not there.
partitions='part_gpt part_msdos part_acorn part_amiga part_apple part_bsd part_dfly part_dvh part_plan part_sun part_sunpc'
grub-mkrescue --install-modules="normal multiboot2 iso9660 $partitions fat boot serial terminal search configfile video all_video" \
	--locales= --fonts= --themes= -o "$iso.new" "$tree" > "$iso.log" 2>&1 || { cat "$iso.log" >&2; exit 1; }
mv "$iso.new" "$iso"
rm -f "$iso.log"
