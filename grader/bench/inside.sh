#!/bin/sh
# PID 1 of a benchmark: everything that is measured inside the machine. The output is lines "row NAME NUMBER".
# From the kernel's command line come bench= (what to run), bench_rows= (rows, with commas; none means all), bench_memory=.
PATH=/bench:/bin:/sbin:/usr/bin:/usr/sbin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys 2>/dev/null
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mount -t tmpfs tmpfs /tmp
ifconfig lo up
rows=$(echo "$bench_rows" | tr , ' ')
modules() {
	case $(uname -v) in
	*Debian*) for module in $(ls /bench/modules | sort -n); do insmod /bench/modules/$module; done ;;
	esac
}
echo "@@BENCH"
case $bench in
rows)
	# Linux's INT 0x80 is the door for 32-bit programs and has numbers of its own.
	case $(uname -v) in
	*Debian*) getpid linux ;;
	*) getpid ;;
	esac
	for program in calls memory process ipc files net; do
		$program $rows
	done ;;
profile)
	while :; do
		if [ -x "/bench/${rows%% *}" ]; then
			$rows
		else
			for program in calls memory process ipc files net; do
				$program $rows
			done
		fi
	done ;;
scale)
	scale $rows
	net =10000 ;;
parallel)
	parallel $rows
	[ -e /proc/lock_stat ] && sed 's/^/contended /' /proc/lock_stat ;;
lookups)
	modules
	disk /dev/vda /disk lookups ;;
disk)
	modules
	disk /dev/vda /disk
	again() { umount /disk; mount -t ext4 /dev/vda /disk; }
	mount -t ext4 /dev/vda /disk
	rm -rf /disk/*
	tar cf /tmp/root.tar -C / bin etc lib sbin usr var
	timed disk-untar 1 sh -c 'mkdir /disk/root && tar xf /tmp/root.tar -C /disk/root && sync'
	again
	timed disk-find-cold 1 sh -c 'find /disk -type f >/dev/null'
	timed disk-find-warm 1 sh -c 'find /disk -type f >/dev/null'
	dd if=/dev/urandom of=/disk/large bs=1M count=256 2>/dev/null
	again
	timed disk-copy-256M 1 sh -c 'cp /disk/large /disk/copy && sync'
	timed disk-remove-tree 1 sh -c 'rm -rf /disk/* && sync'
	umount /disk ;;
footprint) footprint "$bench_memory" ;;
jobs)
	timed shell-loop 20000 sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done'
	timed thousand-true 1 sh -c 'i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i + 1)); done'
	timed find-md5sum 1 sh -c 'find / -xdev -type f | xargs md5sum >/dev/null'
	timed tar-root 1 sh -c 'tar cf /tmp/root.tar -C / bin etc lib sbin usr var'
	timed gzip-root 1 sh -c 'gzip -c /tmp/root.tar >/tmp/root.tar.gz'
	timed untar-root 1 sh -c 'mkdir /tmp/x && tar xf /tmp/root.tar -C /tmp/x'
	timed pipeline 1 sh -c 'find / -xdev | sort | wc -l >/dev/null' ;;
esac
echo "@@DONE"
poweroff -f
