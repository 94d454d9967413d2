#!/bin/sh
# PID 1 of a benchmark: everything that is timed inside the machine. The output is lines "row NAME NUMBER".
PATH=/bench:/bin:/sbin:/usr/bin:/usr/sbin
export PATH
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev 2>/dev/null
echo "@@BENCH"
# Linux's INT 0x80 is the door for 32-bit programs and has numbers of its own.
case $(uname -v) in
*SMP*PREEMPT_DYNAMIC*Debian* | *Debian*) getpid linux ;;
*) getpid ;;
esac
process
timed shell-loop-us 20000 sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done'
timed shell-commands-us 100 sh -c 'i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done'
timed pipeline-us 1 sh -c 'find / -xdev | sort | wc -l >/dev/null'
echo "@@DONE"
poweroff -f
