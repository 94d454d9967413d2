## list root
ls -la / | awk '{print $1,$2,$3,$4,$NF}' | grep -v oracle
## list dev
ls -l /dev | awk '{print $1,$3,$4,$NF}' | grep -E ' (null|zero|full|random|urandom|tty|console|ttyS0|ptmx|kmsg|fd|stdin|stdout|stderr)$'
ls -ld /dev/pts /dev/shm /dev/fd
## stat
for f in / /etc/passwd /bin/busybox /bin/sh /dev/null /dev/zero /proc /sys /dev /tmp /proc/self/exe /dev/console; do stat -c '%n %F %a %u %g %h %t %T' $f; done
## stat fs
stat -f -c '%T %s %l' / /tmp /proc /sys /dev /dev/pts
## pipelines
echo hello | tr a-z A-Z | rev; seq 1 1000 | awk '{s+=$1} END {print s}'; yes | head -n 1000 | wc -l; cat /etc/passwd | sort | uniq | wc -l
## redirections
echo a >f; echo b >>f; cat <f; cat f nofile >out 2>&1; cat out; exec 3>g; echo x >&3; exec 3>&-; cat g; : >f; wc -c f; cat <<E
here $((1+2))
E
## noclobber
set -C; echo a >f; echo b >f; cat f; echo $?
## tar and gzip
mkdir d; cp -a /etc d/; tar czf x.tgz d; mkdir o; tar xzf x.tgz -C o; diff -r d o/d && echo same; tar tzf x.tgz | wc -l; gzip -l x.tgz | tail -1 | awk '{print ($2>0)}'; tar cf - d | bzip2 | bunzip2 | tar tf - | sort | md5sum
## compressors
seq 1 20000 >n; for c in gzip bzip2 xz lzma lzop; do which $c >/dev/null && $c -c n 2>/dev/null | $c -dc 2>/dev/null | md5sum; done
## find
find / -xdev -path /oracle -prune -o -type f -print 2>/dev/null | grep -v -e oracle | wc -l; find /etc -name '*.conf' | sort; find /bin -type l | wc -l; find / -xdev -perm -4000 | sort; find /etc -type d -empty | sort
## md5 of everything
find /bin /sbin /lib /usr /etc -xdev -type f | sort | xargs md5sum | md5sum
## awk sed grep
awk -F: '{print $1, $3}' /etc/passwd; sed -n 's/^\(.*\):x:\([0-9]*\).*/\2 \1/p' /etc/group | sort -n | head; grep -c nologin /etc/passwd; grep -rn root /etc/passwd /etc/group /etc/shadow 2>&1 | head
## expr and arithmetic
expr 3 \* 4; echo $((0x1f << 3)) $((7 % -3)) $((1 ? 2 : 3)); printf '%05d %x %s|%-5s|\n' 42 255 abc de; factor 1234567; seq 3 -1 1 | tr '\n' ' '
## traps
trap 'echo got usr1' USR1; trap 'echo bye' EXIT; kill -USR1 $$; (trap 'echo sub term; exit 3' TERM; kill -TERM $(sh -c 'echo $PPID'); sleep 1); echo $?; sh -c 'kill -9 $$'; echo $?; sh -c 'kill -SEGV $$'; echo $?
## background jobs
for i in $(seq 1 200); do (echo $i >o.$i) & done; wait; cat o.* | sort -n | md5sum; jobs
## wait status
sleep 0 & wait $!; echo $?; (exit 7) & wait $!; echo $?; false & wait $!; echo $?; wait 99999; echo $?
## job control
set -m; sleep 5 & kill -STOP %1; sleep 0.3; jobs | sed 's/^\[1\]+ *//'; kill -CONT %1; kill %1; wait %1; echo $?
## signals list
kill -l | head -40; kill -l 9; kill -l TERM; kill -0 $$ && echo alive; kill -9 99999; echo $?
## su
su nobody -s /bin/sh -c 'id; cat /etc/shadow; touch /etc/x; ls -ld /root; cd /root; echo $?'
## permissions
umask 022; touch f; chmod 600 f; chown nobody f; ls -l f | awk '{print $1,$3}'; su nobody -s /bin/sh -c "cat $PWD/f; echo ok; chmod 644 $PWD/f; rm $PWD/f"; mkdir -m 1777 t; touch t/a; su nobody -s /bin/sh -c "rm -f $PWD/t/a; touch $PWD/t/b; ls $PWD/t"
## adduser
adduser -D -s /bin/sh bob; id bob; grep bob /etc/passwd; ls -ld /home/bob | awk '{print $1,$3,$4}'; echo 'bob:secret' | chpasswd; grep -c '^bob:\$' /etc/shadow; addgroup grp; addgroup bob grp; su bob -c 'id; pwd; echo $HOME'; deluser bob; delgroup grp; id bob
## apk
apk info 2>/dev/null | sort; apk info -L musl 2>/dev/null; apk audit 2>/dev/null | grep -v -e oracle -e 'A ' | sort | head -30; apk version 2>/dev/null; apk info -W /bin/busybox 2>/dev/null; apk --print-arch; apk policy busybox 2>/dev/null
## vi
printf 'one\ntwo\nthree\n' >f; printf 'dd:wq\r' | vi f >/dev/null 2>&1; cat f
## dd and sparse
dd if=/dev/zero of=s bs=1M count=3 seek=10 2>/dev/null; ls -l s | awk '{print $5}'; du -k s | cut -f1; dd if=/dev/urandom bs=4096 count=10 2>/dev/null | wc -c; head -c 10 /dev/full | od -c; echo x >/dev/full; echo $?; truncate -s 100 s; wc -c s
## links
echo a >a; ln a b; ln -s a c; ln -s nowhere d; ls -l | awk '{print $1,$2,$NF}'; readlink c d; cat d; ln a b; ln -s a c; rm a; cat b; cat c; readlink -f b; realpath c; stat -c %h b
## rename matrix
mkdir d1 d2 d2/x; touch f1 f2; mv f1 f2 && ls; mv -T d1 d2; mv -T f2 d1; mkdir e; mv e e/f; mv d2 d2/x/y; mv nofile z; mv -T d1 e; ls
## rmdir unlink
mkdir -p a/b/c; rmdir a; rmdir -p a/b/c; ls; rm nofile; rm -f nofile; mkdir d; rm d; rm -r d; rmdir /; rmdir .; rm -rf .
## path errors
touch f; cat f/; cat f/x; cat nofile/x; ls ''; cd f; mkdir f; mkdir d/e; mkdir d; mkdir d; cat d; echo x >d; : > d/; touch d/; ls d/../f; ln -s l l; cat l; cat $(printf 'a%.0s' $(seq 1 300)) 2>&1 | cut -c1-20,300-
## mount
mkdir m; mount -t tmpfs -o size=64k tmpfs m; dd if=/dev/zero of=m/f bs=1k count=100 2>&1 | grep -v -e copied -e records; ls -l m/f | awk '{print $5}'; df -k m | tail -1 | awk '{print $1,$2,$3,$4,$5}'; umount m; ls m; mkdir b; mount --bind /etc b; ls b/passwd; mount -o remount,ro,bind b; touch b/x; umount b; umount b; mount -t nofs x b; mount -t tmpfs x nodir; grep tmpfs /proc/mounts | sort | cut -d' ' -f1-3; cut -d' ' -f3 /proc/mounts | sort | uniq -c
## mount busy
mkdir m; mount -t tmpfs x m; cd m; umount ../m; echo $?; cd ..; sleep 3 <m 2>/dev/null & umount -l m; echo $?; kill $!
## chroot
mkdir -p r/bin r/lib; cp /bin/busybox r/bin/; cp /lib/ld-musl-x86_64.so.1 r/lib/; chroot r /bin/busybox sh -c 'pwd; /bin/busybox ls /; echo /*; cd ..; pwd'
## proc self
cat /proc/self/comm; tr '\0' ' ' </proc/self/cmdline; echo; readlink /proc/self/exe; cat /proc/self/stat | awk '{print NF}'; grep -E '^(Name|State|Threads|Uid|Gid|SigBlk|SigIgn|SigCgt|CapEff|NoNewPrivs|Seccomp)' /proc/self/status; ls /proc/self | sort | tr '\n' ' '; wc -l </proc/self/limits; cat /proc/self/limits | head -20; ls -l /proc/self/fd | awk '{print $1,$NF}' | sed 's/[0-9][0-9]*$/N/'
## proc files
for f in cmdline cpuinfo devices filesystems interrupts loadavg meminfo mounts partitions stat swaps uptime version vmstat; do [ -s /proc/$f ] && echo $f; done; head -8 /proc/meminfo | awk '{print $1,$3}'; awk '{print NF}' /proc/loadavg /proc/uptime; grep -c processor /proc/cpuinfo; grep -E '^(cpu|ctxt|btime|processes|procs|intr|softirq)' /proc/stat | awk '{print $1}'; ls /proc/sys /proc/sys/kernel/hostname /proc/sys/kernel/osrelease /proc/sys/vm/overcommit_memory
## uname
uname -s; uname -m; uname -o; uname -p; hostname foo; hostname; cat /proc/sys/kernel/hostname; echo bar >/proc/sys/kernel/hostname; hostname; nproc; arch
## ps
sleep 3 & ps -o pid,ppid,comm,args,user,stat,nice,vsz 2>&1 | head -1; ps -o comm,stat,args | grep '[s]leep 3'; pgrep sleep | wc -l; pidof sleep | wc -w; kill %1
## top
top -b -n 1 | head -4 | sed 's/[0-9][0-9]*/N/g; s/ \+/ /g'; top -b -n1 | sed -n 4,5p | awk '{print $1,$2,$3,$4,$6,$8}' | head -1
## memory commands
free | awk '{print NF}'; free -m | head -1; vmstat 1 1 2>&1 | head -2; uptime | grep -c load; df / | head -1; df -h /tmp | tail -1 | awk '{print $6}'
## time and sleep
s=$(date +%s); sleep 1.2; e=$(date +%s); [ $((e-s)) -ge 1 ] && [ $((e-s)) -le 3 ] && echo slept; date -d @1000000000 -u; date -u -d '2024-02-29 12:00' +%A; time true 2>&1 | sed 's/[0-9.]*s/s/'; timeout 1 sleep 5; echo $?; timeout -s KILL 1 sleep 5; echo $?
## touch times
touch -d '2001-02-03 04:05:06' f; stat -c '%y' f; touch -r f g; stat -c %Y g; touch -h -d '2002-01-01' l 2>&1; cp -p f h; stat -c %y h; find . -newer f | sort
## fifo
mkfifo p; (echo through >p) & cat p; ls -l p | cut -c1; (sleep 0.2; echo late >p) & read x <p; echo $x; timeout 1 cat p; echo $?
## exec format
printf '#!/bin/sh\necho script $0 "$@"\n' >s; ./s; chmod +x s; ./s a 'b c'; printf '#!/nope\n' >t; chmod +x t; ./t; echo $?; printf 'echo plain\n' >u; chmod +x u; ./u; printf '#!%s/s one two\n' $PWD >v; chmod +x v; ./v three; head -c 100 /bin/busybox >w; chmod +x w; ./w; echo $?; : >x; chmod +x x; ./x; echo $?; printf '#!/bin/cat\nself\n' >y; chmod +x y; ./y; mkdir z; ./z; echo $?
## env
env -i A=b sh -c 'echo $A; env | sort'; env -u HOME sh -c 'echo [$HOME]'; sh -c 'echo $0 $1' zero one; A=1 B=2 sh -c 'echo $A$B'
## ulimit
ulimit -a; ulimit -n 64; sh -c 'ulimit -n; exec 100>x'; ulimit -f 1; dd if=/dev/zero of=big bs=1k count=10 2>/dev/null; echo $?; ulimit -u
## nice
nice -n 5 nice; nice -n -5 nice; renice 10 $$ ; nice; ionice 2>&1 | head -1; chrt -p $$ 2>&1 | sed 's/pid [0-9]*/pid N/'; taskset -p $$ 2>&1 | sed 's/pid [0-9]*/pid N/'; taskset 1 nproc
## many files
i=0; while [ $i -lt 2000 ]; do : >f$i; i=$((i+1)); done; ls | wc -l; ls | sort | md5sum; rm f1*; ls | wc -l; rm -rf *; ls -a
## deep directories
p=.; for i in $(seq 1 100); do p=$p/d; mkdir $p; done; find . | wc -l; cd $p; pwd | wc -c; cd /tmp/w; rm -rf d; ls
## xargs
seq 1 500 | xargs -n 50 echo | wc -l; seq 1 8 | xargs -P 4 -I{} sh -c 'sleep 0.1; echo {}' | sort; find /etc -type f -print0 | xargs -0 wc -l | tail -1
## subshells and pipes status
(exit 3); echo $?; false | true; echo $?; set -o pipefail; false | true; echo $?; ! true; echo $?; { echo a; exit 4; } | cat; echo $?; yes | true; echo $?
## sigpipe
(yes; echo $? >&2) | head -1; trap '' PIPE; (echo x; sleep 0.2; echo y; echo $? >&2) | head -1
## uuid and random
cat /proc/sys/kernel/random/boot_id | wc -c; cat /proc/sys/kernel/random/uuid | wc -c; od -An -N8 -tx1 /dev/urandom | wc -w; head -c 1000000 /dev/urandom | gzip | wc -c | awk '{print ($1>1000000)}'
## tty
tty; echo $?; stty -a; echo $?; test -t 0; echo $?
## script on a pty
script -q -c 'tty | sed s/[0-9]*$/N/; stty -a | head -3; stty raw; stty -a | tail -2; stty sane' /dev/null
## diff patch cmp
seq 1 20 >a; sed 's/7/seven/; 12d' a >b; diff -u a b | tail -n +3 >p; cat p; patch a <p; cmp a b && echo same; cmp a /etc/passwd; comm -12 a b | wc -l
## dc bc
echo '2^100' | bc; echo '10k 2v p' | dc; echo 'scale=5; 22/7' | bc
## cal hexdump strings
cal 2 2024; echo abcdef | hexdump -C; echo abc | xxd; strings /bin/busybox | head -3 | wc -l; echo hello | base64; echo hello | sha256sum; echo hello | sha512sum | cut -c1-20; echo hello | cksum; echo hello | sum
## less pager ed
printf 'a\nb\n' | less; printf '1,2p\nq\n' | ed /etc/passwd 2>&1 | head -3; printf 'a\nx\n.\nw f\nq\n' | ed; cat f
## crond inetd
crond -h 2>&1 | head -1; mdev -s; echo $?; ls -l /dev/null | cut -c1-10
## lsof fuser
sleep 2 & lsof 2>/dev/null | grep -c sleep | awk '{print ($1>0)}'; exec 5>f; fuser f >/dev/null && echo used; flock f echo locked; flock -n f true; echo $?
## swap modules dmesg
swapon -a; lsmod 2>&1 | head -1; dmesg | wc -l | awk '{print ($1>0)}'; dmesg -n 1; echo $?; sysctl kernel.hostname kernel.ostype; sysctl -w kernel.hostname=q; hostname
## network absent
ip link 2>&1 | head -3; ifconfig -a 2>&1 | head -2; ping -c 1 127.0.0.1 2>&1 | tail -1; wget -O- http://127.0.0.1/ 2>&1 | tail -1; nc 127.0.0.1 80 2>&1 | tail -1; netstat -an 2>&1 | head -2
## login and passwd
printf 'pw12pw12\npw12pw12\n' | passwd root 2>&1 | tail -2; grep '^root:' /etc/shadow | cut -c1-8; passwd -l root; passwd -u root; grep '^root:' /etc/shadow | cut -c1-7
## setsid nohup
setsid sh -c 'ps -o pid,sid,pgid,comm | awk -v p=$$ "\$1==p{print (\$1==\$2),(\$1==\$3)}"'; nohup echo n; nohup true 2>&1; start-stop-daemon -S -b -x /bin/sleep -- 3; sleep 0.3; pgrep -f 'sleep 3' | wc -l; start-stop-daemon -K -x /bin/sleep 2>&1 | sed 's/[0-9][0-9]*/N/g'
## watch and logger
logger hi; echo $?; syslogd -n 2>&1 & sleep 0.3; logger -t tag there; sleep 0.3; kill %1; tail -1 /var/log/messages | cut -d' ' -f5-
## ipc commands
ipcs 2>&1 | head -5; mkfifo p; ls -F; [ -p p ] && echo fifo; [ -S p ]; echo $?; [ -c /dev/null ] && echo chr; [ -L /bin/sh ] && echo link; [ /etc/passwd -nt /nope ]; echo $?
## heavy fork
i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done; echo $i; sh -c 'f() { [ $1 -gt 0 ] && sh -c ":" && f $(($1-1)); }; f 30'; echo done
## big file
dd if=/dev/zero bs=1M count=64 2>/dev/null | md5sum; dd if=/dev/zero of=big bs=1M count=64 2>/dev/null; md5sum big; cp big big2; cmp big big2; rm big big2
## split join
seq 1 100 >n; split -l 10 n x; ls x* | wc -l; cat x* | cmp - n && echo ok; join n n | head -2; paste n n | head -2; fold -w 3 n | wc -l; nl n | tail -1; tac n | head -1; shuf n | sort -n | cmp - n; cut -c1 n | uniq -c | sort -rn | head -3; expand n | unexpand | md5sum; od -c n | head -2; rev n | tail -1; wc n; tail -c 5 n; head -c 5 n; tee t <n >/dev/null; cmp n t
## ln and cp -a
mkdir a; echo 1 >a/f; ln a/f a/g; ln -s f a/l; mkfifo a/p; cp -a a b; ls -l b | awk '{print $1,$2,$NF}'; install -m 700 a/f c; ls -l c | cut -c1-10; cp -r a/f nodir/x; mv a z; ls z
## cpio
(cd /etc; find . -maxdepth 1 -type f | sort | cpio -o -H newc 2>/dev/null) >c; mkdir x; (cd x; cpio -id <../c 2>&1 | tail -1); diff -r /etc x 2>&1 | grep -v -e '^Only in /etc' ; echo $?
## wc proc counts
ls -d /proc/[0-9]* | wc -l | awk '{print ($1>2)}'; cat /proc/1/comm; ls /proc/1/task | wc -l; cat /proc/$$/oom_score_adj; cat /proc/self/mountinfo | head -1 | awk '{print NF>8}'; cat /proc/self/maps | awk '{print $NF}' | grep -E 'busybox|stack|heap|vdso|musl' | sort | uniq -c
## ipcs and ipcrm
ipcs; ipcs -l; ipcs -u; ipcrm -Q 0x1234; echo $?; ipcrm -s 77; echo $?; ipcrm -m 77; echo $?; cat /proc/sysvipc/*; ls -l /proc/sysvipc | awk '{print $1,$3,$4,$NF}'
## limits of IPC
for f in msgmax msgmnb msgmni sem shmmax shmall shmmni; do echo $f $(cat /proc/sys/kernel/$f); done; cat /proc/sys/fs/mqueue/*
echo 100 >/proc/sys/kernel/msgmax; cat /proc/sys/kernel/msgmax; echo x >/proc/sys/kernel/msgmax; echo $?; echo -1 >/proc/sys/kernel/msgmax; echo $?
echo "100 200 30 4" >/proc/sys/kernel/sem; cat /proc/sys/kernel/sem; echo 7 >/proc/sys/kernel/sem; echo 7 8 9 99999 >/proc/sys/kernel/sem; echo $?; cat /proc/sys/kernel/sem
