#!/bin/sh
# PID 1 where the network is measured, in Debian's image: bench=servers waits to be asked, bench=sender and bench=receiver are two guests on one wire.
# From the kernel's command line come bench_address= (of eth0), bench_peer=, bench_seconds=.
PATH=/bench:/bin:/sbin:/usr/bin:/usr/sbin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
case $(uname -v) in
*Debian*) insert $(ls /bench/modules/* | sort -t / -k 4 -n) ;;
esac
ip link set lo up
ip link set eth0 up
ip addr add "$bench_address/24" dev eth0
case $bench in
servers)
	head -c 1024 /dev/zero >/var/www/kilobyte
	nginx
	redis-server --daemonize yes --protected-mode no --save '' --logfile /tmp/redis.log >/dev/null
	iperf3 -s -D
	until redis-cli ping >/dev/null 2>&1; do sleep 0.1; done
	until ss -Htln | grep -q :5201; do sleep 0.1; done
	echo @@READY ;;
receiver)
	iperf3 -s -D
	until ss -Htln | grep -q :5201; do sleep 0.1; done
	echo @@READY ;;
sender)
	until iperf3 -c "$bench_peer" -t "$bench_seconds" -f k >/tmp/out 2>&1; do sleep 0.5; done
	cat /tmp/out
	echo @@DONE ;;
esac
while :; do sleep 1000; done
