## bash arrays
bash -c 'a=(1 2 3); a+=(4); echo ${a[@]} ${#a[@]} ${a[-1]} ${a[@]:1:2}; declare -A h=([x]=1 [y]=2); for k in ${!h[@]}; do echo $k=${h[$k]}; done | sort; mapfile -t m < <(seq 5); echo ${m[@]}; unset "a[1]"; echo ${!a[@]}'
## bash here-strings and documents
bash -c 'cat <<<"one string"; read -r a b <<<"x y z"; echo "$a|$b"; cat <<-E
	tabs go
	E
seq 1 30000 > f; x=$(<f); wc -c <<<"$x"'
## bash process substitution
bash -c 'diff <(seq 1 5) <(seq 1 6); cat <(echo one) <(echo two); tee >(wc -l >n) <<<"a
b" >/dev/null; sleep 0.3; cat n; echo <(true) | sed "s/[0-9][0-9]*/N/"; paste <(seq 3) <(seq 4 6)'
## bash coproc
bash -c 'coproc C { while read l; do echo "got $l"; done; }; echo hello >&${C[1]}; read r <&${C[0]}; echo $r; exec {C[1]}>&-; wait $C_PID; echo $?' 2>&1
## bash job control
bash -c 'set -m; sleep 5 & p=$!; kill -STOP $p; sleep 0.3; jobs | tr -s " "; bg >/dev/null 2>&1; jobs | tr -s " "; kill %1; wait $p; echo $?; (exit 3) & wait -n; echo $?; sleep 9 | sleep 9 & kill -- -$!; kill %+; wait; jobs'
## bash traps
bash -c 'trap "echo INT" INT; trap "echo CHLD" CHLD; trap "echo bye" EXIT; kill -INT $$; (exit 1); trap - CHLD; trap -p; trap "echo err" ERR; false; trap "echo dbg" DEBUG; :' 
bash -c 'trap "" TERM; kill $$; echo alive; bash -c "kill \$\$; echo still"; trap - TERM; kill $$; echo no'; echo $?
bash -c 'trap "echo usr; exit 4" USR1; (sleep 0.3; kill -USR1 $$) & wait; echo no'; echo $?
## bash ulimit
bash -c 'for o in c d e f i l m n p q r s t u v x; do case $o in i|u|l) ulimit -$o >/dev/null && echo ok;; *) echo $o $(ulimit -$o) $(ulimit -H$o);; esac; done; ulimit -n 20; exec 19</dev/null; exec 20</dev/null; echo $?; ulimit -f 1; head -c 2000 /dev/zero >f; echo $? $(stat -c %s f); ulimit -v 100000; python3 -c "x=bytearray(1<<28)" 2>&1 | tail -1'
## bash read
bash -c 'read -t 0.2 x < <(sleep 1); echo $?; read -n 3 y <<<abcdef; echo $y; read -d : z <<<"q:r"; echo $z; read -a w <<<"1 2 3"; echo ${w[2]}; read -t 0 </dev/null; echo $?; read -N 4 v < <(printf "a\nbcd"); echo "$v"; read -s -p "" u <<<hid; echo $u; read -u 7 t 7<<<seven; echo $t'
## bash printf and dates
bash -c 'printf "%(%Y)T\n" 0; printf "%q %b %05.1f %x\n" "a b" "x\ty" 3.14159 255; printf -v v %s hi; echo $v; (( ${EPOCHREALTIME%.*} > 1000000 )) && echo time; TZ=UTC printf "%(%F %T)T\n" 86399; echo $((RANDOM >= 0)) $SECONDS'
## bash globs on ten thousand files
bash -c 'mkdir d; cd d; for ((i=0;i<10000;i++)); do :> f$i; done; a=(*); echo ${#a[@]}; a=(f9??9); echo ${#a[@]}; shopt -s extglob nullglob globstar; a=(f+([0-4])); echo ${#a[@]}; a=(!(f*)); echo ${#a[@]}; mkdir -p x/y/z; : > x/y/z/w; echo **/w; ls | wc -l; ls -U | sort | md5sum; rm -f f*; ls'
## bash redirections
bash -c 'exec 5<>f; echo hello >&5; exec 5<&-; cat f; { echo o; echo e >&2; } &>both; cat both; echo x >|f; set -C; echo y >f; echo $?; exec {fd}<f; echo $((fd >= 10)); cat <&$fd; cat /dev/fd/3 3<f; echo a | cat /dev/stdin - </dev/null; cat </dev/fd/9' 2>&1 | sed 's/line [0-9]*/line/'
bash -c 'echo x > /dev/tcp/127.0.0.1/9' 2>&1 | head -1 | cut -c1-5
## bash subshells and pipes
bash -c 'set -o pipefail; false | true; echo $?; true | exit 5; echo ${PIPESTATUS[@]}; yes | head -1; echo ${PIPESTATUS[@]}; shopt -s lastpipe; seq 3 | readarray -t q; echo ${#q[@]}; x=$(exit 9); echo $?; time -p true' 2>&1 | grep -v -e real -e user -e sys
## bash exec and login
bash -c 'exec -a zero bash -c "echo \$0"; '; bash -lc 'shopt login_shell'; bash -ic 'echo $-' 2>&1 | tail -1; env -i bash -c 'env | sort | grep -v _='; bash -c 'type -a ls; hash; command -v cd; enable -n echo; echo via ext; cd -P /proc/self/cwd; pwd; cd /nonexist; umask; umask -S; times >/dev/null; suspend' 2>&1 | sed 's/line [0-9]*/line/'
## stat
for f in / /etc/passwd /bin/bash /bin /dev/null /dev/ttyS0 /proc /proc/self /proc/self/exe /proc/mounts /sys /dev/pts /dev/shm /tmp; do stat -c '%n %F %a %A %u %U %g %G %h %t %T %B %o %N' $f; stat -L -c '%F %a' $f; done; : >f; ln f g; stat -c '%h %s %b' g; touch -d @86400.123456789 f; stat -c '%X %Y %y %x' f; stat -f -c '%T %s %S %l %t' / /proc /sys /dev /dev/pts /dev/shm /tmp; stat -c %w /etc/passwd; stat nofile
## stat of sizes
truncate -s 5G big; stat -c '%s %b %B' big; du -k big; du --apparent-size -k big; printf x >>big; stat -c '%s %b' big; head -c 5000 /dev/zero >small; stat -c '%s %b' small; du -b small; ls -ls small; mkdir d; stat -c '%s %b %h' d; : >d/x; stat -c '%s %h' d; ln -s abcdef l; stat -c '%s %b' l
## df
df --output=source,fstype,target 2>&1 | grep -v oracle; df -h /tmp | wc -l; df -i /tmp | wc -l; df -T /proc; df -a | awk '{print $1,$NF}' | sort; df /nonexist; mount -t tmpfs -o size=1m,nr_inodes=10 x /mnt; df -k --output=size,used,avail /mnt; df -i --output=itotal,iused /mnt; i=0; while : >/mnt/$i 2>/dev/null; do i=$((i+1)); done; echo $i; umount /mnt
## du
mkdir -p a/b/c; head -c 10000 /dev/urandom >a/x; head -c 5000 /dev/urandom >a/b/y; ln a/x a/b/c/z; du -ab a | sort; du -s --apparent-size -B1 a; du -k --max-depth=1 a | sort -k2 | cut -f2; du --inodes -s a; du -x / -s >/dev/null && echo ok; du -l -b a/b
## sort
seq 1 50000 | sort -R --random-source=/bin/bash | sort -n -S 64K -T . | md5sum; seq 1 50000 | sort -S 100K --parallel=4 | md5sum; printf 'b 2\na 10\nc 1\n' | sort -k2n; printf 'b\na\n' >f; sort -o f f; cat f; sort -c f && echo sorted; sort -m f f; printf '1.10\n1.9\n' | sort -V; printf '1K\n1G\n1M\n' | sort -h; ls
## split
seq 1 10000 >f; split -l 3000 f p.; wc -l p.*; split -b 1k -d -a 3 f q.; ls q.* | wc -l; cat q.* | cmp - f; split -n 4 f r.; ls r.*; split -n l/3 f s.; cat s.* | cmp - f; seq 100 | split -l 30 --filter='wc -l'; csplit -s f 100 200; wc -l xx*
## dd
dd if=/dev/zero of=f bs=1k count=10 2>&1 | head -2; dd if=/bin/bash of=g bs=4k count=3 skip=2 seek=1 conv=notrunc,sync,fsync status=none; stat -c %s g; printf abcd | dd conv=ucase,swab status=none; echo; echo hello | dd of=f conv=notrunc oflag=append status=none; stat -c %s f; dd if=f bs=1 skip=10240 status=none; dd if=/dev/zero of=sp bs=1M seek=100 count=0 status=none; stat -c '%s %b' sp; dd if=g of=h iflag=direct,fullblock oflag=sync,nofollow bs=512 status=none; echo $?; dd if=f iflag=nonblock,noatime,count_bytes count=100 status=none | wc -c; dd if=/dev/null of=h conv=excl; echo $?; dd if=sp of=sp2 conv=sparse bs=64k status=none; stat -c '%s %b' sp2; (sleep 0.3; pkill -USR1 -x dd) & dd if=/dev/zero of=/dev/null bs=1 count=3000000 2>&1 | grep -c records; dd if=/dev/zero of=/dev/full count=1 2>&1 | tail -4 | head -2; dd iflag=directory if=f 2>&1; dd if=f of=/dev/null conv=fdatasync status=none; echo $?
## timeout
timeout 0.2 sleep 5; echo $?; timeout -s KILL 0.2 sleep 5; echo $?; timeout -k 0.2 0.2 bash -c 'trap "" TERM; sleep 3 & wait; sleep 2'; echo $?; timeout 5 sh -c 'exit 7'; echo $?; timeout --preserve-status 0.2 sleep 5; echo $?; timeout --foreground 0.2 sleep 5; echo $?; timeout 1 nosuch; echo $?; timeout -v 0.1 sleep 1; echo $?
## stdbuf nohup env
stdbuf -oL seq 3; stdbuf -o0 -i0 cat </etc/hostname; nohup sh -c 'kill -HUP $$; echo survived' 2>&1; env -S 'A=1 sh -c "echo $A"' 2>&1; env -i A=b env; env -u HOME sh -c 'echo [$HOME]'; env -C /proc pwd; env --block-signal=TERM sh -c 'kill $$; echo blocked'; env --ignore-signal=INT sh -c 'kill -INT $$; echo ignored'; env --list-signal-handling true; env --default-signal=PIPE true; printf '#!/usr/bin/env -S bash -c\necho' >s; env nosuch; echo $?
## chroot nice id
chroot / id; mkdir -p r/bin; cp /bin/busybox r/bin/ 2>/dev/null && chroot r /bin/busybox ls /; chroot --userspec=1000:1000 / id; chroot --groups=5 / id; chroot --userspec=nobody / chroot / true; echo $?; chroot /nonexist true; echo $?; nice; nice -n 5 nice; nice -n -5 nice; nice -n 30 nice; chroot --userspec=nobody / nice -n -3 nice 2>&1; id; id -un; id -G; groups; whoami; id nobody; id nosuch; logname; who; users; tty; who am i
## mktemp install
umask 022; stat -c '%a %F' $(mktemp ./XXXXXX); stat -c '%a %F' $(mktemp -d ./dXXXXXX); mktemp -u XXXX >/dev/null; echo x >a; install -m 640 -o 1000 -g 5 a b; stat -c '%a %u %g' b; install -d -m 2775 p/q; stat -c '%a' p p/q; install -D a x/y/z; cat x/y/z; install -p -C a a2; install -b a b; ls; install -s /bin/true t 2>&1; ./t; echo $?
## shred truncate fallocate
head -c 10000 /dev/urandom >f; shred -n 1 -z f; od -An -tx1 f | sort -u; shred -u f; ls; truncate -s 100 f; truncate -s +50 f; truncate -s '<120' f; stat -c %s f; truncate -s %64 f; stat -c %s f; truncate -r /etc/passwd f; cmp -n 0 f f; fallocate -l 1M f; stat -c '%s %b' f; fallocate -p -o 0 -l 65536 f; stat -c '%s %b' f; fallocate -n -l 2M f; stat -c '%s %b' f; fallocate -c -o 0 -l 4096 f; echo $?; fallocate -z -o 4096 -l 4096 f; echo $?; fallocate -d f; stat -c %b f; fallocate -i -o 0 -l 4096 f; echo $?; truncate -s -1 f; truncate -s 8E f; echo $?
## tail
seq 1 5 >f; (tail -f f >o & p=$!; sleep 0.7; echo 6 >>f; sleep 1.5; kill $p; wait $p; echo $?); cat o; tail -n +4 f; tail -c 5 f; seq 100 | tail -n 2; sleep 0.3 & tail -f --pid=$! -s 0.1 f | tail -1; (tail -F -n 1 -s 0.1 g 2>e >o2 & p=$!; sleep 0.5; echo new >g; sleep 1.4; kill $p); cat o2; sed 's/;.*//' e
## tee sync head
echo x | tee a b >/dev/null; cat a b; echo y | tee -a a | cat; cat a; seq 100000 | tee >/dev/null /dev/full; echo $?; seq 100000 | tee -p c | head -1; sync; sync -d a; sync -f a; sync nofile; echo $?; head -c -2 a; head -n -1 a; echo; seq 10 | (head -n 2; cat) | wc -l
## nproc uptime
nproc; nproc --all; OMP_NUM_THREADS=3 nproc; taskset -c 0 nproc 2>&1; uptime | grep -c 'load average'; uptime -s | wc -c; uptime -p | cut -c1-2; arch; uname -s; uname -m; uname -o; hostname; hostid | wc -c; getconf _NPROCESSORS_ONLN; getconf PAGESIZE; getconf ARG_MAX; getconf OPEN_MAX; getconf CLK_TCK; getconf CHILD_MAX >/dev/null; getconf PATH_MAX /; getconf LINK_MAX /tmp; getconf _POSIX_VERSION; getconf NGROUPS_MAX; getconf PIPE_BUF /; getconf NAME_MAX /tmp; getconf IOV_MAX
## ls
mkdir d; cd d; : >a; ln -s a l; ln -s no dangling; mkdir s; mkfifo p; mknod c c 1 3; mknod b b 7 0; chmod 4755 a; chmod 1777 s; touch -d '2001-02-03 04:05:06.789 UTC' a; TZ=UTC ls -l --full-time a; ls -l | awk '{print $1,$2,$3,$4,$NF}'; ls -F; ls -p; ls --color=always; ls -i | wc -l; ls -d */; ls -1rt | head -1; ls -S /bin/bash /bin/true; ls -Rn / 2>/dev/null >/dev/null; ls -lZ a | awk '{print $5}'; ls -1 --quoting-style=c; ls nofile; echo $?; ls -l /proc/self/fd | awk 'NR>1{print $(NF-2),$(NF-1)}'; ls -la --time-style=+%s / | wc -l; dir; vdir | wc -l
## cp
echo x >a; chmod 4711 a; touch -d @1000 a; cp -p a b; stat -c '%a %Y' b; cp --reflink=auto a c; stat -c %a c; cp --reflink=always a d; echo $?; truncate -s 10M sp; printf end >>sp; cp --sparse=always sp sq; stat -c '%s %b' sq; cmp sp sq; cp --sparse=never sp sn; stat -c '%s' sn; cp --sparse=auto sp sa; stat -c %b sa; mkdir t; mkfifo t/f; ln -s ../a t/l; ln t/l t/h 2>/dev/null; mknod t/n c 1 3; cp -a t u; ls -l u | awk '{print $1,$2,$NF}'; cp -rL t/l v; cat v; cp -u a b; cp -l a hard; stat -c %h a; cp -s $PWD/a sym; readlink sym | sed 's/.*work//'; cp -b a b; ls b*; cp a a; echo $?; cp -x / . 2>&1 | head -1; cp /proc/version pv; wc -l pv; cp /proc/self/status ps; grep -c Name ps; cp -n a b; cp --attributes-only a e; stat -c %s e; cp -T a nodir/x; echo $?; cp -r t t/inside; echo $?
## mv
echo x >a; echo y >b; mv -n a b; cat b; mv -b a b; ls; mkdir /dev/shm/m; cp b keep; chmod 751 b; mv b /dev/shm/m/; stat -c %a /dev/shm/m/b; mkdir -p t/u; ln -s q t/l; mkfifo t/f; mv t /dev/shm/m/; ls -R /dev/shm/m; ls; mv /dev/shm/m/t .; ls -F t; rm -r /dev/shm/m; mkdir x y; mv x y; mv y y; echo $?; mv nofile z; echo $?; mv y y/x; echo $?; : >f; mv f x; mv -T keep y 2>&1; echo $?; mv --exchange a b 2>&1 | head -1; mount -t tmpfs t y; mv y z; echo $?; umount y
## ln realpath
mkdir -p a/b c; : >a/b/f; ln -rs a/b/f c/l; readlink c/l; ln -sf x c/l; readlink c/l; ln -sfn c d; ln -sT a e; ln a/b/f g; stat -c %h g; ln a dirlink; echo $?; ln -s l1 l2; ln -s l2 l1; cat l1; realpath a/../c/./; realpath --relative-to=c a/b/f; realpath -e nofile; realpath -m no/../such; readlink -f d/../a; ln nofile n; echo $?; ln g g; echo $?; link g h; unlink h; unlink a; echo $?; ln -P e ee; readlink ee; ln -L g gg; namei -m a/b/f 2>/dev/null; pathchk -p 'a:b'; echo $?; basename /a/b.c .c; dirname /a/b
## mkfifo mknod
mkfifo -m 600 p; stat -c '%F %a' p; (echo data >p &); cat p; mkfifo p; echo $?; mknod n c 1 5; head -c 3 n | od -An -tx1; mknod b b 1 0; cat b 2>&1; mknod s p; test -p s; echo $?; chroot --userspec=1000 / mknod /tmp/zz c 1 3; echo $?; timeout 0.3 cat p; echo $?; exec 3<>p; echo rw >&3; read x <&3; echo $x; dd if=p iflag=nonblock status=none; echo $?; exec 3>&-; dd if=/dev/zero of=s oflag=nonblock,append conv=nocreat count=1; echo $?
## rm rmdir mkdir chmod
mkdir -p a/b/c; rmdir a; echo $?; rmdir -p a/b/c; ls; mkdir -m 0 z; chroot --userspec=nobody / ls $PWD/z; rm -r z; : >f; chmod 000 f; cat f; echo $?; rm f; rm f; echo $?; rm -f f; mkdir d; rm d; rm -d d; mkdir -m 1777 st; mkdir st/x; chown 1000 st; chmod u=rwx,g+s,o-x st; stat -c '%a %u' st; chmod --reference=/tmp st; chmod +X st; chown nobody:tty st; stat -c '%U %G %a' st; chown -h 1000 nofile; mkdir /proc/x; echo $?; mkdir ''; rmdir .; rmdir /; rm -rf .; rm /dev/full -i </dev/null; touch /proc/x; touch -c nn; mkdir $(printf 'n%.0s' $(seq 256)); mkdir $(printf 'n%.0s' $(seq 255)) && ls | wc -c; umask 077; mkdir u; : >v; stat -c %a u v
## text tools
seq 10 | paste -sd+ | bc 2>/dev/null; seq 5 | tac; printf 'a\tb\n' | expand | cat -A; seq 12 | pr -3 -t; echo abc | fold -w1; seq 6 | shuf --random-source=/bin/ls | sort; printf '1 a\n2 b\n' >x; printf '1 c\n2 d\n' >y; join x y; comm -12 x x; cut -d' ' -f2 x; tr -d a <x; nl x; od -c x; sum x; cksum x; b2sum x; sha512sum x; md5sum x >m; md5sum -c m; base64 /bin/true | base64 -d | cmp - /bin/true; base32 x; basenc --hex x; numfmt --to=iec 123456; fmt -w 20 /etc/os-release | head -3; tsort <<T
a b
b c
T
factor 1000000007 123456789012; uniq -c x; ptx x | wc -l; expr length hello; seq -w 8 11; dircolors | head -c 9; printenv HOME; date -u -d @0; date -u -d '2020-02-29 +1 year' +%F; date +%Z; sleep 0.01; test -t 0; echo $?; stty; echo $?; yes 2>/dev/null | head -c 4; pinky 2>&1 | head -1; mesg 2>&1; runcon 2>&1 | head -1
## find
mkdir -p d/e/f; for i in 1 2 3 4 5; do head -c ${i}000 /dev/zero >d/e/$i; done; touch -d '2 days ago' d/e/1; find d -type f -size +2k | sort; find d -mtime +1; find d -newer d/e/1 -type f | sort; find d -empty; find d -name '[12]' -exec wc -c {} + | sort; find d -type f -delete -print | sort; find d -depth; find d -maxdepth 1 -mindepth 1; find / -xdev -perm -4000 2>/dev/null | sort; find d -printf '%p %y %m %d %s %n %U\n' | sort; find /dev -type c -name 'tty*' | sort | head -5; find /proc/self/fd -lname '/dev/null'; find d -execdir pwd \; | sed 's/.*work//'; find . -inum $(stat -c %i d); find -L /proc/self/exe -samefile $(which find); find nofile; find d -user root -group root | wc -l; find /proc -maxdepth 1 -name self; find d -ok true {} \; </dev/null 2>&1; find d -fstype tmpfs | wc -l; find / -fstype proc -prune 2>/dev/null | head -1; find d -readable -writable -executable | wc -l
## xargs
seq 100000 | xargs echo | wc -l; seq 10 | xargs -n 3; seq 8 | xargs -P 4 -n 1 sh -c 'echo $0' | sort; printf 'a b\0c\0' | xargs -0 -n1; echo x | xargs -I{} echo {} {}; false | xargs -r echo; echo 1 | xargs sh -c 'exit 255'; echo $?; echo 1 | xargs nosuch; echo $?; echo 1 | xargs sh -c 'kill $$'; echo $?; xargs --show-limits -r </dev/null 2>&1 | grep -v environment; find / -xdev -type f -print0 2>/dev/null | xargs -0 stat -c %s | awk '{s+=$1} END {print (s>1e8)}'
## procps
ps -e -o pid= -o comm= | awk '$1==1'; ps -ef | head -1; ps -o pid,ppid,pgid,sid,tty,stat,nice,comm -p $$ | awk 'NR>1{print ($1==$3), $5, $7, $8}'; ps axjf | head -1; ps aux | awk 'NR>1' | wc -l | awk '{print ($1>1)}'; ps -eLo pid,lwp,nlwp,class,rtprio,pri,ni,psr,stat,wchan:14,comm | grep -c ps; ps -o user,uid,ruser,euid,group,egid -p 1; ps -o rss=,vsz=,drs=,trs=,sz= -p $$ | awk '{print ($1>100),($2>$1),($5>0)}'; ps -o lstart=,etime=,etimes=,time=,cputime= -p 1 | wc -w; ps -C sh -o args= | head -1 | cut -c1-2; ps -o cmd= -p $$ | cut -d' ' -f1; ps -o sig,sigmask,sigignore,sigcatch -p 1 | head -1; ps -o %cpu=,%mem= -p 1 | wc -w; ps -o ttyname= -p $$ 2>&1 | head -1; ps --ppid 1 -o comm= | head -1; ps -o start_time= -p 99999; echo $?; ps -o cgroup=,lsession=,ns= -p 1 2>&1 | head -2 | wc -l
## top free vmstat
top -b -n 1 | head -7 | sed 's/[0-9][0-9.:,]*/N/g; s/ \+/ /g' | cut -d, -f1; top -b -n 2 -d 0.2 | grep -c '^top'; top -b -n1 -p 1 | tail -1 | awk '{print $1,$2,$NF}'; free -h | awk '{print $1,NF}'; free -b -t -w -s 0.1 -c 2 | awk '{print $1,NF}'; vmstat | awk '{print NF}'; vmstat 1 2 | wc -l; vmstat -s | wc -l; vmstat -m 2>&1 | head -1; vmstat -d | head -2; vmstat -a | head -2 | tail -1; w | head -2 | tail -1; slabtop -o 2>&1 | head -1 | cut -c1-8; tload -V; pidof sh | wc -w | awk '{print ($1>0)}'
## pgrep pkill
sleep 50 & sleep 51 & sleep 0.1; pgrep -x sleep | wc -l; pgrep -f 'sleep 5[01]' | wc -l; pgrep -P $$ | wc -l; pgrep -n sleep | wc -l; pgrep -c sleep; pkill -STOP -f 'sleep 50'; sleep 0.2; pgrep -r T sleep | wc -l; pgrep -u root -x sleep | wc -l; pgrep -s 0 -x sleep | wc -l; pgrep -l -a sleep | awk '{print $2,$3}' | sort; pkill sleep; pkill -CONT sleep; wait; pgrep sleep; echo $?; pidwait nosuch; echo $?; kill -l; skill -l 2>/dev/null | head -1; killall nosuch; echo $?; fuser . 2>&1 | wc -w | awk '{print ($1>0)}'; pstree 2>/dev/null | head -1 | cut -c1-2; snice -V 2>&1 | head -1
## sysctl pmap
sysctl kernel.ostype kernel.pid_max kernel.threads-max 2>&1 | sed 's/= [0-9]*$/= N/'; sysctl -n kernel.hostname; sysctl -w kernel.hostname=newname; hostname; sysctl fs.file-max fs.nr_open fs.pipe-max-size vm.overcommit_memory kernel.randomize_va_space kernel.ngroups_max kernel.cap_last_cap kernel.printk fs.protected_symlinks vm.swappiness vm.max_map_count kernel.core_pattern 2>&1 | sed 's/max = [0-9]\{10,\}/max = BIG/'; pmap $$ | tail -1 | cut -c1-6; pmap -x $$ | head -2 | tail -1; pmap $$ | grep -c -E 'libc|stack'; pmap -X $$ | head -2 | tail -1; pwdx $$ | sed 's/.*: //'; pmap 1 | head -1; cat /proc/sys/kernel/random/uuid | wc -c; cat /proc/sys/kernel/random/boot_id | wc -c; cat /proc/sys/fs/file-nr | wc -w; cat /proc/sys/fs/pipe-user-pages-soft
## proc files
cd /proc/self; for f in cmdline comm status stat statm maps smaps smaps_rollup limits mounts mountinfo mountstats io environ auxv oom_score oom_score_adj loginuid sessionid cgroup wchan stack syscall sched schedstat personality coredump_filter timers timerslack_ns setgroups uid_map gid_map numa_maps pagemap clear_refs attr/current; do [ -e $f ] && echo $f; done; ls ns fd fdinfo task map_files -d; ls -l ns 2>/dev/null | awk 'NR>1{print $9}'; cat limits; cat oom_score_adj cgroup coredump_filter personality timerslack_ns loginuid uid_map; grep -E '^(Name|Umask|State|Uid|Gid|FDSize|Groups|Threads|Sig(Blk|Ign|Cgt)|Cap|NoNewPrivs|Seccomp|NSpid|Cpus_allowed)' status; awk '{print NF}' stat statm; cat /proc/self/comm; tr '\0' ' ' </proc/self/cmdline; cat /proc/self/task/*/comm; cat fdinfo/0; echo renamed >comm; cat /proc/self/comm; cat mountinfo | awk '{print $5,$(NF-2)}'; cat io | cut -d: -f1
## proc system files
cd /proc; for f in buddyinfo cgroups cmdline consoles cpuinfo crypto devices diskstats execdomains filesystems interrupts iomem ioports kallsyms kcore kmsg loadavg locks mdstat meminfo misc modules mounts mtrr pagetypeinfo partitions sched_debug slabinfo softirqs stat swaps sysrq-trigger timer_list uptime version vmallocinfo vmstat zoneinfo thread-self self sys/kernel/osrelease sys/vm/drop_caches sysvipc/shm pressure/cpu net/dev tty/drivers; do [ -e $f ] && echo $f; done; cut -d: -f1 meminfo; awk '{print $1}' stat | sort -u | head -20; awk '{print NF}' loadavg uptime; cat consoles | awk '{print $1}'; cat swaps; cat filesystems | sort | grep -E 'proc|sysfs|tmpfs|devpts|ramfs'; cat partitions | head -1; cat execdomains; sed -n 's/:.*//p' cpuinfo | sort -u; cat cmdline | grep -c rdinit; grep -c . vmstat | awk '{print ($1>20)}'; readlink mounts thread-self net | sed 's/[0-9][0-9]*/N/g'; cat locks; (flock 9; cat locks | awk '{print $2,$3,$4,$(NF-1),$NF}') 9>/tmp/w/l
## util-linux
flock l echo locked; flock -n l sh -c 'flock -n l echo no || echo busy'; flock -w 0.2 l true; echo $?; (flock -s 9; flock -s -n l echo shared; flock -n -x l echo no || echo no) 9>l; setsid sh -c 'ps -o pid=,sid= -p $$' | awk '{print ($1==$2)}'; setsid -w false; echo $?; taskset -p $$ | sed 's/pid [0-9]*/pid N/'; taskset 1 sh -c 'taskset -p $$' | sed 's/pid [0-9]*/pid N/'; taskset -c 0 true; taskset 80 true; echo $?; chrt -p $$ | sed 's/pid [0-9]*/pid N/'; chrt -b 0 true; echo $?; chrt -f 10 chrt -p 0 | sed 's/pid [0-9]*/pid N/'; chrt -i 0 sh -c 'chrt -p $$' | sed 's/pid [0-9]*/pid N/'; chrt -r 5 true; echo $?; chrt -m; ionice; ionice -c 3 ionice; ionice -c2 -n7 ionice; renice -n 3 -p $$ | sed 's/^[0-9]*/N/'; nice; prlimit --nofile --core --stack --noheadings; prlimit --nofile=50 sh -c 'ulimit -n'; prlimit -p $$ --nofile=100:200; ulimit -n; choom -p $$ | sed 's/[0-9][0-9]*/N/g'; choom -n 500 -- cat /proc/self/oom_score_adj; lscpu | sed -n 's/:.*//p' | head -8; mountpoint /proc; mountpoint -q /etc; echo $?; findmnt -n -o TARGET,FSTYPE | tr -d '│├└─ ' | sort; lsblk 2>&1 | head -1; hexdump -C /etc/hostname; rev /etc/hostname; column -t /etc/fstab 2>&1; getopt ab: -a -b x y; mcookie | wc -c; look 2>/dev/null; uuidgen 2>/dev/null | wc -c; fallocate -l 10 f; cal 2 2024 2>/dev/null | head -1; logger x; echo $?; script -qc 'echo in script; tty | cut -c1-8' /dev/null 2>&1 | tr -d '\r'; whereis sh | cut -c1-3; lsns 2>&1 | head -1; unshare -m true; echo $?; unshare -u sh -c 'hostname x; hostname'; hostname; nsenter -t 1 -m true; echo $?; setpriv --dump | head -4; setpriv --reuid 1000 --clear-groups id -u; setpriv --no-new-privs grep NoNew /proc/self/status; dmesg | head -1 | wc -l; dmesg -n 4; lsipc 2>&1 | head -1; ipcs -s 2>&1 | head -2 | tail -1; wdctl 2>&1 | head -1 | cut -c1-6; lslocks | head -1; swapon -s; blkid; echo $?; hwclock 2>&1 | wc -l; rtcwake -m show 2>&1 | head -1 | cut -c1-8; losetup -a; fstrim / 2>&1; blockdev --getsize /dev/null 2>&1; zramctl 2>&1
## mount
mkdir m n; mount -t tmpfs -o size=2m,mode=700,uid=1000 T m; stat -c '%a %u' m; grep work/m /proc/mounts; mount -o remount,ro m; touch m/x; mount -o remount,rw,noexec m; cp /bin/true m/; m/true; echo $?; mount --bind m n; ls n; umount m; umount n; mount --move n m; echo $?; mount -t nosuch x m; echo $?; mount /dev/null m; echo $?; mount -t tmpfs -o bad=1 x m; echo $?; umount m; echo $?; mount -t proc p m; ls m/self/fd | wc -l | awk '{print ($1>2)}'; cd m; umount ../m; echo $?; cd ..; umount -l m; mount -t ramfs r m; df -T m | tail -1 | awk '{print $2}'; umount m; mount | grep -c ' /proc '; mount -o bind,ro / m; touch m/q; echo $?; umount m; mount --make-rprivate /; echo $?; mount -t tmpfs -o nosuid,nodev,noatime x m; mknod m/n c 1 3; cat m/n; grep work/m /proc/mounts; umount -R m; mount -t sysfs s m; ls m | head -3; umount m; mount -t overlay o -o lowerdir=m,upperdir=n,workdir=n m 2>/dev/null; mount -t cgroup2 c m; echo $?; umount m
## passwd and su
useradd -m -s /bin/bash alice; echo $?; getent passwd alice; id alice; echo alice:secret | chpasswd; echo $?; grep -c '^alice:\$y\$' /etc/shadow; su - alice -c 'id -un; pwd; echo $HOME $SHELL'; su alice -c 'cat /etc/shadow'; su nobody -s /bin/bash -c whoami; usermod -aG tty alice; id -nG alice; su alice -c 'su -c id root </dev/null' 2>&1 | tail -1; passwd -S alice | cut -d' ' -f1,2; passwd -l alice; passwd -S alice | cut -d' ' -f2; groupadd grp; gpasswd -a alice grp; getent group grp; newgrp grp </dev/null; sg grp 'id -gn'; chage -l alice | head -1 | cut -c1-11; chsh -s /bin/dash alice; getent passwd alice | cut -d: -f7; chfn -f Al alice; userdel -r alice; echo $?; getent passwd alice; groupdel grp; pwck -r | tail -1; runuser -u nobody -- id -u; login -V 2>&1 | head -1 | cut -c1-5; getent group tty; getent hosts localhost; getent services ssh; getent ahosts 127.0.0.1 | head -1; getent passwd nosuch; echo $?; locale; locale -a; ldd /bin/bash | awk '{print $1}'; ldd /bin/busybox; /sbin/ldconfig -p | tail -1 | wc -l; iconv -l | head -1; iconv -f utf-8 -t latin1 <<<x 2>&1
## perl
perl -e 'use Fcntl qw(:DEFAULT :flock :mode); $|=1; my $p=fork; if(!$p){exit 3} waitpid $p,0; print $?>>8,"\n"; pipe R,W; if(!fork){close R; print W "child\n"; exit} close W; print <R>; wait; $SIG{USR1}=sub{print "usr1\n"}; kill USR1=>$$; $SIG{ALRM}=sub{die "alarm\n"}; alarm 1; eval{select undef,undef,undef,5}; print $@; sysopen F,"f",O_RDWR|O_CREAT|O_EXCL,0640 or die; syswrite F,"hello"; sysseek F,1,0; sysread F,$b,3; print "$b\n"; print flock(F,LOCK_EX|LOCK_NB)?"locked\n":"no\n"; print -s "f"," ",(-d "/tmp"?1:0),(-p STDIN?1:0),(-c "/dev/null"?1:0),(-x "/bin/sh"?1:0),(-u "/bin/su"?1:0),"\n"; @s=stat "f"; printf "%o %d\n",$s[2],$s[7]; vec($rin,fileno(STDIN),1)=1; print scalar select($o=$rin,undef,undef,0.1),"\n"; print `echo bt`; open P,"|cat"; print P "piped\n"; close P; print $?,"\n"; system "exit 5"; print $?>>8,"\n"; truncate F,2; print -s "f","\n"; utime 100,200,"f"; print((stat "f")[9],"\n"); rename "f","g"; symlink "g","l"; print readlink "l","\n"; opendir D,"."; print join(" ",sort readdir D),"\n"; mkdir "d",0700; rmdir "d"; print umask,"\n"; print getppid>0,"\n"; $0="renamed"; open C,"/proc/$$/cmdline"; print <C>,"\n"; print times>0,"\n"; chmod 0400,"g"; chown 1,1,"g"; print ((stat "g")[4],"\n"); link "g","h"; print unlink("g","h"),"\n"; exec "true"'; perl -e 'use Socket; socket(S,PF_INET,SOCK_STREAM,0) or print "no: $!\n"' | cut -c1-2; perl -MPOSIX -e 'print join(" ",(POSIX::uname)[0,4]),"\n"; print ttyname(0)//"none","\n"; sigprocmask(SIG_BLOCK,POSIX::SigSet->new(SIGTERM)); kill TERM=>$$; my $s=POSIX::SigSet->new; sigpending($s); print $s->ismember(SIGTERM),"\n"; print POSIX::sysconf(_SC_PAGESIZE),"\n"; POSIX::nice(3); print POSIX::strtol("ff",16),"\n"; print mktime(0,0,0,1,0,70),"\n"; print setlocale(LC_ALL,"C"),"\n"; my ($r,$w)=POSIX::pipe; POSIX::write($w,"x",1); print POSIX::read($r,$b,9),"\n"; POSIX::_exit 9'; echo $?
## perl modules
perl -MFile::Temp=tempfile -MFile::Find -MFile::Copy -MIPC::Open3 -MTime::HiRes=usleep,setitimer,ITIMER_REAL -MDigest::SHA=sha1_hex -MStorable -MSys::Hostname -MIO::Select -MIO::File -e '($fh,$n)=tempfile(UNLINK=>1); print $fh "x"x5; close $fh; copy($n,"c"); print -s "c","\n"; $pid=open3($i,$o,undef,"cat"); print $i "o3\n"; close $i; print <$o>; waitpid $pid,0; usleep 1000; $SIG{ALRM}=sub{print "tick\n"}; setitimer ITIMER_REAL,0.05; sleep 1; print sha1_hex("a"),"\n"; find(sub{$c++},"/etc"); print $c>10,"\n"; store {a=>1},"s"; print retrieve("s")->{a},"\n"; for(1..50){push @p,fork||exit $_} waitpid $_,0,$s+=$?>>8 for @p; print $s,"\n"; $s=IO::Select->new(\*STDIN); print scalar $s->can_read(0),"\n"; print eval{use threads;1}?"thr":"nothr","\n"; @t=map{threads->create(sub{$_[0]*2},$_)}1..10; print join(",",map{$_->join}@t),"\n"'
## gcc
cat >a.c <<C
#define _GNU_SOURCE
#include <stdio.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <unistd.h>
#include <sys/wait.h>
#include <sys/resource.h>
static __thread int t=5; static pthread_mutex_t m=PTHREAD_MUTEX_INITIALIZER; static long c; static sigjmp_buf j; static pthread_barrier_t b; static pthread_key_t k; static pthread_rwlock_t rw=PTHREAD_RWLOCK_INITIALIZER;
static void *f(void*a){t+=(long)a;pthread_setspecific(k,a);pthread_barrier_wait(&b);for(int i=0;i<20000;i++){pthread_mutex_lock(&m);c++;pthread_mutex_unlock(&m);}pthread_rwlock_rdlock(&rw);pthread_rwlock_unlock(&rw);return (void*)(long)t;}
static void h(int s){siglongjmp(j,s);}
static void *canc(void*a){for(;;)pause();return a;}
static int __attribute__((noipa)) deep(int n){volatile char x[4096];x[0]=n;return n?deep(n-1)+x[0]*0:1;}
static void on(int s,siginfo_t*i,void*u){static char *p;(void)u;p=i->si_addr;if(!sigsetjmp(j,0)){} _exit(p==(char*)8?42:43);(void)s;}
int main(void){pthread_t p[20];void*r;long s=0;pthread_key_create(&k,0);pthread_barrier_init(&b,0,20);
for(long i=0;i<20;i++)pthread_create(p+i,0,f,(void*)i);for(int i=0;i<20;i++){pthread_join(p[i],&r);s+=(long)r;}printf("%ld %ld\n",c,s);
if(!(s=sigsetjmp(j,1))){signal(SIGSEGV,h);*(volatile int*)0=1;}printf("sig %ld\n",s);signal(SIGFPE,h);if(!(s=sigsetjmp(j,1))){volatile int z=0;z=1/z;}printf("sig %ld\n",s);
pthread_create(p,0,canc,0);pthread_cancel(p[0]);pthread_join(p[0],&r);printf("%d\n",r==PTHREAD_CANCELED);
printf("%d\n",deep(1500));printf("%.10f %.3e %g\n",sin(1.0)*exp(2.0),1e300*10,(double)(1LL<<53));
pthread_attr_t a;pthread_attr_init(&a);pthread_attr_setstacksize(&a,64<<20);pthread_create(p,&a,canc,0);pthread_cancel(p[0]);pthread_join(p[0],0);size_t sz;void*st;pthread_getattr_np(pthread_self(),&a);pthread_attr_getstack(&a,&st,&sz);printf("%d\n",(char*)&a>(char*)st);
cpu_set_t cs;pthread_getaffinity_np(pthread_self(),sizeof cs,&cs);printf("%d\n",CPU_COUNT(&cs)>0);char nm[16];pthread_setname_np(pthread_self(),"name");pthread_getname_np(pthread_self(),nm,16);puts(nm);
pid_t q=fork();if(!q){struct sigaction x={.sa_sigaction=on,.sa_flags=SA_SIGINFO};sigaction(SIGSEGV,&x,0);*(volatile int*)8=1;}int w;waitpid(q,&w,0);printf("%d\n",WEXITSTATUS(w));
q=fork();if(!q)abort();waitpid(q,&w,0);printf("%d\n",WTERMSIG(w));q=fork();if(!q)deep(1<<20);waitpid(q,&w,0);printf("%d\n",WTERMSIG(w));FILE*o=popen("echo popen","r");char l[20];fgets(l,20,o);fputs(l,stdout);printf("%d\n",pclose(o));return 0;}
C
gcc -O2 -Wall -g a.c -o a -lm -pthread 2>&1 | grep -c error; ./a; gcc -O0 -static a.c -o as -lm && ./as | md5sum; gcc -O3 -fPIE -pie -D_FORTIFY_SOURCE=2 -fstack-protector-all a.c -o ap -lm && ./ap | md5sum
## make ar ld
printf 'int g(void){return 7;}\n' >g.c; printf '#include <stdio.h>\nint g(void);int main(void){printf("%%d\\n",g());return 0;}\n' >m.c; printf 'all: m\nm: m.o libg.a\n\tgcc -o $@ m.o -L. -lg\nlibg.a: g.o\n\tar rcs $@ $<\n%%.o: %%.c\n\tgcc -c $< -o $@\n' >Makefile; make -s -j4; ./m; make; touch g.c; make -n | wc -l; gcc -shared -fPIC g.c -o libg2.so; gcc m.c -L. -lg2 -Wl,-rpath,. -o m2; ./m2; nm libg.a | grep T; objdump -d g.o | grep -c ret; size g.o | tail -1 | awk '{print NF}'; strip m -o ms; ./ms; readelf -h m | grep Type; gcc -S m.c -o - | grep -c call; echo 'int main(){return x;}' >bad.c; gcc bad.c 2>&1 | grep -c error; echo $?; gcc -v 2>&1 | tail -1 | cut -c1-11; as --version | head -1 | cut -c1-3; printf 'program: ; exit 3\n' | make -f -; echo $?; make -j 8 -f - <<'M' | sort | md5sum
all: $(foreach i,1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20,t$i)
t%: ; @echo $@; sleep 0.01
M
## git
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1; git config --global user.email a@b; git config --global user.name n; git config --global init.defaultBranch main; git init -q r; cd r; for i in $(seq 50); do echo $i >f$i; done; GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' sh -c 'git add .; git commit -qm first'; git rev-parse HEAD; git log --oneline --stat | tail -1; echo x >>f1; git diff --stat; git status -s; git stash -q; git stash pop -q; git commit -qam second; git checkout -qb br HEAD~1; echo y >>f2; git commit -qam third; git merge -q main -m merge; git log --format=%s | sort; git gc -q; git fsck --strict; git count-objects | cut -d' ' -f1; cd ..; git clone -q r c; cd c; git log --format=%s | wc -l; git tag t; git push -q origin t; cd ../r; git tag; git rebase -q main 2>&1 | tail -1; git grep -c 1 | wc -l; git archive HEAD | tar tf - | wc -l; git bisect start -q 2>/dev/null; git reset -q --hard; git clean -fdxq; git show --stat HEAD | tail -1; git blame f1 | wc -l; git clone -q --bare . ../b.git; git -C ../b.git repack -adq; git worktree add -q ../wt 2>/dev/null; ls ../wt | wc -l; git submodule status; git hash-object f1; git bundle create -q ../x.bundle main; git clone -q ../x.bundle ../fromb 2>&1; ls ../fromb | wc -l; git daemon --help >/dev/null 2>&1; git --no-pager log --graph --oneline | wc -l
## sqlite3
sqlite3 a.db 'create table t(a integer primary key,b text); begin; with recursive c(x) as (select 1 union all select x+1 from c where x<20000) insert into t select x,hex(randomblob(10)) from c; commit; select count(*),sum(a) from t; pragma journal_mode; pragma integrity_check;'; sqlite3 a.db 'pragma journal_mode=wal; insert into t values(50000,"w"); select count(*) from t;'; ls a.db*; sqlite3 a.db 'pragma mmap_size=100000000; select max(a) from t; pragma wal_checkpoint(truncate);'; (sqlite3 a.db 'begin immediate; select 1;' '.shell sleep 0.5' 'commit;' & sleep 0.2; sqlite3 a.db 'insert into t values(60000,"x");' 2>&1; wait); for i in 1 2 3 4 5 6; do sqlite3 -cmd '.timeout 20000' a.db "insert into t values(7000$i+0,'p');" & done; wait; sqlite3 a.db 'select count(*) from t where a>=60000; pragma journal_mode=delete; vacuum; create index i on t(b); pragma integrity_check; pragma quick_check;'; sqlite3 a.db .dump | wc -l; sqlite3 a.db 'pragma locking_mode=exclusive; begin exclusive; insert into t values(80000,1); commit;'; sqlite3 -readonly a.db 'delete from t'; echo $?; sqlite3 /proc/x 'create table q(a)'; echo $?; sqlite3 m.db 'pragma journal_mode=memory; pragma synchronous=full; create table z(a); attach "a.db" as o; insert into z select count(*) from o.t; select * from z;'; sqlite3 :memory: 'select sqlite_version()<>"",round(3.14159,2),json_extract("{\"a\":5}","$.a")'; python3 - <<P
import sqlite3,threading
d=sqlite3.connect("t.db"); d.execute("pragma journal_mode=wal"); d.execute("create table t(a)"); d.commit()
def w(n):
    c=sqlite3.connect("t.db",timeout=30)
    for i in range(20):
        c.execute("insert into t values(?)",(n,)); c.commit()
ts=[threading.Thread(target=w,args=(i,)) for i in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]
print(d.execute("select count(*) from t").fetchone())
P
## editors
printf 'one\ntwo\nthree\n' >f; vim.tiny -es -u NONE -c '%s/two/TWO/' -c 'normal Gofour' -c wq f; echo $?; cat f; printf 'g/o/d\nw\nq\n' | ed -s f 2>/dev/null; printf ':%%s/T/t/\n:wq\n' | script -qc 'TERM=xterm vim.tiny -u NONE f' /dev/null >/dev/null; cat f; less f | head -2; more f 2>/dev/null | head -1; script -qc 'stty rows 10 cols 40; printf "hi\030y\n" | timeout 3 nano -I g' /dev/null </dev/null >/dev/null; echo $?; TERM=xterm timeout 2 nano --version | head -1; clear -x | od -c | head -1; TERM=xterm tput cols; TERM=xterm tput setaf 1 | od -c | head -1; infocmp xterm | head -1 | cut -c1-3; toe -a 2>/dev/null | wc -l | awk '{print ($1>3)}'; tset -q 2>&1 | head -1; reset -q 2>&1 | head -1; stty -a </dev/ttyS0 | head -3; script -qc 'stty -a | head -2; stty raw -echo; stty -g; stty sane; tty | cut -c1-9; tput cols' /dev/null </dev/null | tr -d '\r'; tmux -V; timeout 5 tmux new-session -d 'sleep 1' 2>&1 | sed 's/(.*//'; script -V
## archives
seq 1 50000 >n; for c in gzip bzip2 xz zstd 'xz -T2' 'zstd -T2 -19'; do $c -c n 2>/dev/null | ${c%% *} -dc | cmp - n && echo $c; done; mkdir d; cp -a /etc/pam.d d/; ln -s x d/l; ln d/pam.d/su d/h; mkfifo d/p; truncate -s 1M d/sp; mknod d/n c 1 3; for f in '' z j J --zstd; do tar c${f#--}f x.tar d 2>/dev/null || tar -c $f -f x.tar d; done; tar -c -S --zstd -f x.tzst d; rm -rf o; mkdir o; tar -C o -xpf x.tzst; ls -lR o | awk '{print $1,$2,$NF}' | grep -v total; stat -c '%b' o/d/sp; tar -df x.tzst -C o; echo $?; tar cf - d | tar tvf - | wc -l; find d | cpio -o -H newc 2>/dev/null | cpio -t 2>/dev/null | wc -l; find d | cpio -pdm q 2>/dev/null; ls q; tar --exclude=h -c d | tar -t | wc -l; tar -rf x2.tar n; tar -uf x2.tar d; tar --delete -f x2.tar n; tar tf x2.tar | head -1; tar -cg snap -f i0.tar d; echo new >d/new; tar -cg snap -f i1.tar d; tar tf i1.tar | grep new; xz -l <(xz -c n) 2>&1 | wc -l; zcat <(gzip -c n) | wc -l; bzip2 -t n 2>&1 | head -1; gzip n; gunzip n.gz; wc -l n; tar -c --mtime=@0 --sort=name --owner=0 --group=0 --numeric-owner d/pam.d | md5sum; diff -r d o/d; patch -p0 <<P
--- n
+++ n
@@ -1,2 +1,2 @@
-1
+one
 2
P
head -1 n
## openssl
openssl sha256 /bin/bash | wc -w; echo -n abc | openssl dgst -sha512; openssl rand -hex 8 | wc -c; openssl speed -seconds 1 -bytes 1024 sha256 2>&1 | tail -1 | awk '{print $1}'; openssl genrsa 1024 2>/dev/null | openssl rsa -check -noout 2>/dev/null; openssl enc -aes-256-cbc -pbkdf2 -pass pass:x -in /etc/passwd | openssl enc -d -aes-256-cbc -pbkdf2 -pass pass:x | cmp - /etc/passwd && echo same; openssl version | cut -d' ' -f1; openssl prime 104729; openssl req -x509 -newkey rsa:1024 -nodes -keyout k -out c -subj /CN=x -days 1 2>/dev/null; openssl verify -CAfile c c; openssl s_client -connect 127.0.0.1:1 2>&1 | tail -1 | cut -c1-10; openssl passwd -6 -salt x y
## awk variants
for a in mawk gawk original-awk 'busybox awk'; do seq 10 | $a '{s+=$1; print $1*2 | "sort -rn"} END {close("sort -rn"); print s, length("abc"), substr("hello",2,3); "date +%Y" | getline y; print (y>2000); printf "%5.2f %s\n", 3.14159, toupper("x"); while(("seq 3" | getline l)>0) n+=l; print n; system("exit 3"); print ENVIRON["HOME"]; print "err" > "/dev/stderr"; print split("a:b:c",q,":"); gsub(/l/,"L"); print match("foobar",/o+/),RSTART,RLENGTH}'; done; gawk 'BEGIN{print strftime("%Y",0); c="cat"; print "co" |& c; close(c,"to"); c |& getline x; print x; print PROCINFO["version"]>0; printf "%s\n", systime()>0}'; gawk 'BEGIN{"/inet/tcp/0/127.0.0.1/1" |& getline x; print x, ERRNO}' 2>&1 | wc -l
## dash and busybox
dash -c 'set -e; f() { local x=1; return 3; }; f || echo $?; i=0; while [ $i -lt 1000 ]; do i=$((i+1)); done; echo $i; trap "echo t" 0; set -- a b c; shift; echo $# $*; case abc in a*) echo m;; esac; echo ${x:-d} ${#HOME}; exec 3<<X
heredoc
X
cat <&3; (ulimit -n 64; ulimit -n); umask 027; umask; getopts ab: o -a; echo $o; wait; kill -l 15; type cd; printf "%s\n" "$-"'; busybox sh -c 'echo $((1<<40)); busybox ls -l /proc/self/exe | sed "s/.*->//"'; for a in 'ps' 'top -bn1' 'free' 'df' 'mount' 'uptime' 'id' 'dmesg' 'netstat' 'ifconfig' 'vmstat'; do timeout 5 busybox $a >o 2>e; echo "$a $? $(test -s o && echo out)"; done; busybox stat -c '%n %F' /; busybox find /etc -name passwd; busybox tar c /etc/passwd 2>/dev/null | busybox tar t; busybox dc -e '2 3 + p' 2>&1; busybox vi -c 2>&1 | head -1; busybox time true 2>&1 | wc -l; busybox mkpasswd -m sha512 -S abcdefgh x; busybox fold -w 3 /etc/hostname; busybox nproc; busybox pidof sh | wc -w | awk '{print ($1>0)}'; busybox watch -t -n 1 date </dev/null 2>&1 >/dev/null & sleep 0.5; kill $!; busybox ash -c 'read -t 1 x; echo $?' </dev/null
## tcl and bc
tclsh8.6 <<'T'
puts [exec echo sub]; set f [open f w]; puts $f hi; close $f; puts [file size f]; after 50 {set d 1}; vwait d; puts $d; puts [expr {2**100}]; puts [llength [glob /etc/*]]; fconfigure stdin -blocking 0; puts [gets stdin l]; set p [open "|cat" r+]; puts $p x; flush $p; puts [gets $p]; close $p; puts [clock format 0 -gmt 1]; catch {exec false} e o; puts [dict get $o -errorcode] ; puts [file attributes f -permissions]; catch {socket 127.0.0.1 1} e; puts [string length $e]
T
echo 'scale=50; 4*a(1); 2^200' | bc -l; echo '10 20 + p' | dc 2>/dev/null
## strace
strace -e trace=none true 2>&1 | tail -1 | cut -c1-8; strace -V | head -1 | cut -c1-6; file /bin/bash | cut -d, -f1,2; file /dev/null; file -b /etc/passwd; time -p true 2>&1 | wc -l; /usr/bin/time -f %x false; /usr/bin/time -v true 2>&1 | cut -d: -f1 | head -30
## python os
python3 - <<'P'
import os,sys,stat,errno,resource,time
def t(f,*a,**k):
    try: print(f.__name__, f(*a,**k))
    except OSError as e: print(f.__name__, errno.errorcode[e.errno])
t(os.uname); os.umask(0o22)
fd=os.open('f',os.O_RDWR|os.O_CREAT,0o644); t(os.write,fd,b'hello world'); t(os.pread,fd,5,6); t(os.pwritev,fd,[b'A',b'B'],0); b=bytearray(4); t(os.preadv,fd,[b],0)
t(os.copy_file_range,fd,fd,3,0,20); t(os.sendfile,fd,fd,0,4); t(os.posix_fallocate,fd,0,100000); t(os.posix_fadvise,fd,0,0,os.POSIX_FADV_WILLNEED); t(os.lockf,fd,os.F_TLOCK,10); t(os.fdatasync,fd); t(os.get_blocking,fd); t(os.ftruncate,fd,3); t(os.lseek,fd,0,os.SEEK_DATA); t(os.lseek,fd,5,os.SEEK_HOLE)
t(os.setxattr,'f','user.x',b'1'); t(os.getxattr,'f','trusted.y'); t(os.listxattr,'f'); t(os.memfd_create,'m'); t(os.eventfd,3); t(os.getrandom,0); t(os.sched_getaffinity,99999); t(os.sched_getscheduler,0); t(os.sched_get_priority_max,os.SCHED_FIFO); t(os.sched_rr_get_interval,0); t(os.sched_setscheduler,0,os.SCHED_BATCH,os.sched_param(0)); t(os.getpriority,os.PRIO_PROCESS,0)
t(os.pipe2,os.O_CLOEXEC|os.O_NONBLOCK); t(os.splice,fd,4,10,offset_src=0); t(os.statvfs,'/proc'); t(os.pathconf,'/','PC_NAME_MAX'); t(os.getgrouplist,'root',0); t(os.getresuid); t(os.getlogin); t(os.ttyname,0); t(os.ctermid); t(os.get_terminal_size)
t(os.link,'f','g'); t(os.symlink,'f','l'); t(os.readlink,'l'); t(os.rename,'g','nodir/x'); t(os.replace,'g','h'); t(os.mkfifo,'p'); t(os.mknod,'q',0o600|stat.S_IFREG); t(os.chown,'l',1,1,follow_symlinks=False); t(os.utime,'l',ns=(1,2),follow_symlinks=False); print(os.stat('l',follow_symlinks=False).st_mtime_ns); t(os.chmod,'l',0o600,follow_symlinks=False) if os.chmod in os.supports_follow_symlinks else print('no lchmod'); t(os.truncate,'f',-1); t(os.access,'f',os.W_OK,effective_ids=True)
d=os.open('.',os.O_RDONLY); t(os.mkdir,'dd',dir_fd=d); t(os.rmdir,'dd',dir_fd=d); t(os.stat,'nofile',dir_fd=d); print(sorted(os.listdir(d))); print(sorted((e.name,e.is_dir(),e.is_symlink()) for e in os.scandir('.')))
p=os.fork()
if not p: os._exit(9)
r=os.waitid(os.P_PID,p,os.WEXITED|os.WNOWAIT); print(r.si_status,r.si_code); print(os.waitstatus_to_exitcode(os.wait4(p,0)[1]))
t(os.pidfd_open,os.getpid()); t(os.wait); t(os.kill,99999,0); t(os.killpg,99999,0); t(os.setpgid,1,1); t(os.getsid,0) if 0 else 0; t(os.nice,2); print(os.times().user>=0, os.cpu_count()>0, os.getloadavg()[0]>=0, os.sysconf('SC_OPEN_MAX'), os.confstr('CS_PATH'))
print(os.posix_spawn('/bin/true',['true'],{})>0, os.wait()[1]); print(os.popen('echo p').read()); print(os.system('exit 3')); print(os.path.realpath('/proc/self/cwd/../'), os.path.ismount('/proc'), os.path.samefile('f','l'))
print(sorted(x for x in dir(resource) if x.startswith('RLIMIT'))); print([(n,resource.getrlimit(getattr(resource,n))) for n in dir(resource) if n.startswith('RLIMIT') and n not in('RLIMIT_NPROC','RLIMIT_SIGPENDING','RLIMIT_MEMLOCK')]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss>1000, resource.getpagesize())
print([time.clock_getres(c)<0.01 for c in (0,1,2,3,4,5,6,7)]); print(time.monotonic()<time.clock_gettime(7)+1); print(time.tzname, time.get_clock_info('time').resolution)
os.closerange(50,60); print(os.readv(os.open('/etc/hostname',0),[bytearray(3)])); t(os.open,'.',os.O_TMPFILE|os.O_RDWR); t(os.open,'f',os.O_PATH); t(os.unshare,0) if hasattr(os,'unshare') else 0; t(os.sync); t(os.chroot,'/'); t(os.setgroups,[1,2]); t(os.getgroups); t(os.initgroups,'root',0); t(os.setresuid,1,2,3); t(os.setuid,0); t(os.seteuid,3)
P
## python subprocess
python3 - <<'P'
import subprocess as s,os,signal,sys,time
print(s.run(['echo','a'],capture_output=True,text=True)); print(s.check_output('cat',input=b'x'*200000).__len__()); p=s.Popen(['sleep','9']); p.terminate(); print(p.wait()); 
try: s.run(['sleep','5'],timeout=.2)
except s.TimeoutExpired as e: print('timeout')
try: s.run(['nosuch'])
except OSError as e: print(e)
try: s.run(['true'],cwd='/nonexist')
except OSError as e: print(e)
print(s.run('echo e >&2; exit 4',shell=True,stderr=s.STDOUT,stdout=s.PIPE)); a=s.Popen(['yes'],stdout=s.PIPE); b=s.Popen(['head','-n','2'],stdin=a.stdout,stdout=s.PIPE); a.stdout.close(); print(b.communicate()[0],a.wait()); print(s.run(['id','-u'],user=1000,group=1000,extra_groups=[],capture_output=True).stdout, s.run(['cat','/proc/self/stat'],start_new_session=True,capture_output=True).returncode); print(s.getstatusoutput('exit 3')); print(s.run(['sh','-c','umask'],umask=0o77,capture_output=True).stdout); r,w=os.pipe(); print(s.run(['sh','-c','echo q >&%d'%w],pass_fds=[w]).returncode, os.read(r,9)); print(s.run(['true'],preexec_fn=os.setsid,process_group=None).returncode); ps=[s.Popen(['true']) for _ in range(50)]; print(sum(p.wait() for p in ps)); p=s.Popen(['cat'],stdin=s.PIPE,stdout=s.PIPE,bufsize=0); p.stdin.write(b'hi'); print(p.stdout.read(2)); p.send_signal(signal.SIGSTOP); time.sleep(.1); print(os.waitpid(p.pid,os.WUNTRACED|os.WNOHANG)[1]); p.kill(); print(p.wait()); p.stdin.close()
P
## python threads
python3 - <<'P'
import threading,queue,time,concurrent.futures as cf,os,signal
n=0; l=threading.Lock(); q=queue.Queue(5); out=[]
def w(i):
    global n
    for _ in range(1000):
        with l: n+=1
ts=[threading.Thread(target=w,args=(i,)) for i in range(50)]; [t.start() for t in ts]; [t.join() for t in ts]; print(n)
def c():
    while (x:=q.get()) is not None: out.append(x)
t=threading.Thread(target=c); t.start(); [q.put(i) for i in range(1000)]; q.put(None); t.join(); print(sum(out))
b=threading.Barrier(20); r=[]
ts=[threading.Thread(target=lambda:r.append(b.wait())) for _ in range(20)]; [t.start() for t in ts]; [t.join() for t in ts]; print(sorted(r)==list(range(20)))
with cf.ThreadPoolExecutor(50) as e: print(sum(e.map(lambda x:x*x,range(500))))
e=threading.Event(); print(e.wait(.05)); s=threading.Semaphore(2); print(s.acquire(timeout=.1),s.acquire(),s.acquire(timeout=.1)); cv=threading.Condition()
with cv: print(cv.wait(.05))
threading.Timer(.05,e.set).start(); print(e.wait(5)); print(threading.get_native_id()==os.getpid()); threading.stack_size(1<<20); t=threading.Thread(target=lambda:print('small')); t.start(); t.join(); print(l.acquire(timeout=.1)); signal.signal(signal.SIGALRM,lambda *a:print('alrm')); signal.setitimer(signal.ITIMER_REAL,.05); print(e.clear(),e.wait(.2)); print(len(os.listdir('/proc/self/task')))
P
## python multiprocessing
cat >m.py <<'P'
import multiprocessing as mp,os,sys
def sq(x): return x*x
def put(q,i): q.put(i)
def inc(v,l):
    for _ in range(100):
        with l: v.value+=1
def main():
    for m in ('fork','spawn','forkserver'):
        try:
            c=mp.get_context(m)
            q=c.SimpleQueue(); ps=[c.Process(target=put,args=(q,i)) for i in range(4)]; [p.start() for p in ps]; print(m,sorted(q.get() for _ in ps)); [p.join() for p in ps]
            v=c.Value('i',0); l=c.Lock(); ps=[c.Process(target=inc,args=(v,l)) for _ in range(4)]; [p.start() for p in ps]; [p.join() for p in ps]; print(v.value,[p.exitcode for p in ps])
            with c.Pool(4) as p: print(sum(p.map(sq,range(100))))
        except OSError as e: print(m,e)
    a,b=mp.Pipe(False); b.send([1,2]); print(a.recv(),a.poll(.05)); b.close()
    try: a.recv()
    except EOFError: print('eof')
    from multiprocessing import shared_memory as sm
    s=sm.SharedMemory(create=True,size=10000); s.buf[0]=7; t=sm.SharedMemory(s.name); print(t.buf[0]); t.close(); s.close(); s.unlink()
    print(mp.cpu_count()==os.cpu_count()); p=mp.get_context('fork').Process(target=os.abort); p.start(); p.join(); print(p.exitcode)
    s=mp.Semaphore(2); print(s.acquire(),s.acquire(),s.acquire(timeout=.1)); e=mp.Event(); print(e.wait(.05))
if __name__=='__main__': main()
P
python3 m.py
## python signals
python3 - <<'P'
import signal as s,os,time,select,threading
got=[]; s.signal(s.SIGUSR1,lambda n,f:got.append(n)); os.kill(os.getpid(),s.SIGUSR1); print(got); s.pthread_sigmask(s.SIG_BLOCK,[s.SIGUSR2]); os.kill(os.getpid(),s.SIGUSR2); print(s.sigpending()); print(s.sigwait([s.SIGUSR2])); os.kill(os.getpid(),s.SIGUSR2); i=s.sigwaitinfo([s.SIGUSR2]); print(i.si_code,i.si_uid,i.si_pid==os.getpid()); print(s.sigtimedwait([s.SIGUSR2],.05)); r,w=os.pipe2(os.O_NONBLOCK); s.set_wakeup_fd(w); os.kill(os.getpid(),s.SIGUSR1); print(os.read(r,9)); s.set_wakeup_fd(-1); s.setitimer(s.ITIMER_VIRTUAL,.02); s.signal(s.SIGVTALRM,lambda *a:got.append('v')); t=time.time()
while 'v' not in got and time.time()-t<5: pass
print(got); s.setitimer(s.ITIMER_PROF,.02); s.signal(s.SIGPROF,lambda *a:got.append('p')); t=time.time()
while 'p' not in got and time.time()-t<5: pass
print(got); s.pthread_kill(threading.get_ident(),s.SIGUSR1); print(len(got)); s.signal(s.SIGCHLD,lambda *a:got.append('c')); os.spawnlp(os.P_WAIT,'true','true'); print(got[-1]); s.siginterrupt(s.SIGALRM,True); print(sorted(s.valid_signals())[-1]); s.alarm(1); s.signal(s.SIGALRM,lambda *a:1/0)
try: time.sleep(5)
except ZeroDivisionError: print('zde')
try: s.signal(9,s.SIG_IGN)
except OSError as e: print(e)
s.signal(s.SIGTSTP,s.SIG_IGN); s.pidfd_send_signal(os.pidfd_open(os.getpid()),s.SIGUSR1); print(len(got))
P
echo $?
## python select
python3 - <<'P'
import select,os,time,errno,fcntl
r,w=os.pipe(); print(select.select([r],[w],[],.05)[1]==[w]); p=select.poll(); p.register(r,select.POLLIN); print(p.poll(20)); os.write(w,b'x'); print(p.poll(20)[0][1]); e=select.epoll(); e.register(r,select.EPOLLIN|select.EPOLLET); print(len(e.poll(.1)),len(e.poll(.05))); os.write(w,b'y'); print(len(e.poll(.1))); e.modify(r,select.EPOLLIN|select.EPOLLONESHOT); print(len(e.poll(.1)),len(e.poll(.05)));
try: e.register(r)
except OSError as x: print(x.errno)
try: e.register(os.open('/etc/passwd',0))
except OSError as x: print(x.errno)
os.close(w); print(p.poll(20)[0][1]); os.read(r,9); print(p.poll(20)[0][1]); e.modify(r,0); print(e.poll(.1)[0][1]); print(select.select([r],[],[],0)[0]==[r]); f=os.eventfd(0,os.EFD_NONBLOCK); e.register(f,select.EPOLLIN); os.eventfd_write(f,5); print(len(e.poll(.1))); print(os.eventfd_read(f)); r,w=os.pipe(); print(fcntl.fcntl(w,fcntl.F_GETPIPE_SZ),fcntl.fcntl(w,fcntl.F_SETPIPE_SZ,4096)); os.set_blocking(w,False); n=0
try:
    while 1: n+=os.write(w,b'z'*1000)
except BlockingIOError: print(n)
print(select.select([],[w],[],0)[1]); import array,termios; a=array.array('i',[0]); fcntl.ioctl(r,termios.FIONREAD,a); print(a[0]); import selectors; s=selectors.DefaultSelector(); s.register(r,1); print(len(s.select(.1)))
P
## python mmap fcntl pty
python3 - <<'P'
import mmap,os,fcntl,pty,termios,struct,tty,signal,time
f=open('f','w+b'); f.truncate(10000); m=mmap.mmap(f.fileno(),0); m[0:5]=b'hello'; m.flush(); f.seek(0); print(f.read(5)); m.resize(20000); print(len(m),os.fstat(f.fileno()).st_size); m.madvise(mmap.MADV_DONTNEED); print(m[:5]); c=mmap.mmap(f.fileno(),0,access=mmap.ACCESS_COPY); c[0]=88; print(m[0]); a=mmap.mmap(-1,1<<20); a[5]=9; 
p=os.fork()
if not p: a[6]=4; os._exit(0)
os.wait(); print(a[6]); a.madvise(mmap.MADV_HUGEPAGE); m.close(); fcntl.flock(f,fcntl.LOCK_EX); g=open('f')
try: fcntl.flock(g,fcntl.LOCK_SH|fcntl.LOCK_NB)
except OSError as e: print(e.errno)
fcntl.lockf(f,fcntl.LOCK_EX,10,5)
p=os.fork()
if not p:
    print(struct.unpack('hhqqi',fcntl.fcntl(f,fcntl.F_GETLK,struct.pack('hhqqi',fcntl.F_WRLCK,0,0,0,0)))[:4],flush=True)
    try: fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB,1,7)
    except OSError as e: print(e.errno,flush=True)
    os._exit(0)
os.wait(); print(fcntl.fcntl(f,fcntl.F_GETFL)&0o100003, fcntl.fcntl(f,fcntl.F_GETFD)); fcntl.fcntl(f,1033,2) if 0 else 0; print(fcntl.fcntl(f,fcntl.F_GETLEASE))
p,fd=pty.fork()
if not p: os.execlp('sh','sh','-c','tty | cut -c1-9; stty size; read x; echo got $x; sleep 5')
termios.tcsetwinsize(fd,(33,77)); time.sleep(.3); os.write(fd,b'word\n'); time.sleep(.6); o=os.read(fd,999); print(o[-20:]); os.write(fd,b'\x03'); print(os.waitpid(p,0)[1]); 
try: os.read(fd,99); os.read(fd,99)
except OSError as e: print(e.errno)
a,b=pty.openpty(); print(os.ttyname(b)[:9],os.isatty(a)); t=termios.tcgetattr(b); print(t[:6]); tty.setraw(b); os.write(a,b'raw\x03'); print(os.read(b,9)); print(termios.tcgetwinsize(b)); termios.tcdrain(b); termios.tcflush(b,termios.TCIOFLUSH); print(os.tcgetpgrp(b) if 0 else '')
try: os.tcgetpgrp(b)
except OSError as e: print(e.errno)
P
## python asyncio
python3 - <<'P'
import asyncio
async def main():
    print(await asyncio.gather(*(asyncio.sleep(.01*i,i) for i in range(10)))); p=await asyncio.create_subprocess_exec('cat',stdin=-1,stdout=-1); print(await p.communicate(b'sub')); l=asyncio.get_running_loop(); print(await l.run_in_executor(None,sum,range(10))); l.add_signal_handler(10,lambda:print('sig')); import os; os.kill(os.getpid(),10); await asyncio.sleep(.05)
    try: await asyncio.wait_for(asyncio.sleep(5),.05)
    except asyncio.TimeoutError: print('to')
    r,w=os.pipe(); f=asyncio.Future(); l.add_reader(r,lambda:f.set_result(os.read(r,9))); os.write(w,b'q'); print(await f)
try: asyncio.run(main())
except OSError as e: print(e)
P
python3 -c 'import socket; a,b=socket.socketpair(); a.send(b"x"); print(b.recv(9))' 2>&1 | tail -1
## python modules
python3 - <<'P'
import ctypes,json,gzip,hashlib,zlib,bz2,lzma,tempfile,os,sys,math,time,decimal,random,struct,pickle,re,shutil,glob,locale,uuid,platform,secrets,zipfile,tarfile,io,string,datetime,getpass,pwd,grp,syslog
c=ctypes.CDLL(None,use_errno=True); print(c.getpid()==os.getpid(), c.strlen(b'abc')); print(c.open(b'/nofile',0),ctypes.get_errno()); CB=ctypes.CFUNCTYPE(ctypes.c_int,ctypes.c_int); print(CB(lambda x:x+1)(4)); print(c.syscall(39)==os.getpid(), c.syscall(9999), ctypes.get_errno())
print(json.loads(json.dumps({'a':[1,2.5]})),gzip.decompress(gzip.compress(b'x'*1000))==b'x'*1000,hashlib.sha3_256(b'').hexdigest()[:8],zlib.crc32(b'abc'),bz2.decompress(bz2.compress(b'q')),lzma.decompress(lzma.compress(b'r'))); print(len(str(3**100000)) if not hasattr(sys,'set_int_max_str_digits') else (sys.set_int_max_str_digits(0),len(str(3**100000)))[1], math.factorial(500)%1000007, pow(7,10**50,10**9+7)); decimal.getcontext().prec=60; print(decimal.Decimal(2).sqrt()); f=tempfile.NamedTemporaryFile(); print(oct(os.stat(f.name).st_mode)); t=tempfile.TemporaryFile(); t.write(b'z'); d=tempfile.mkdtemp(); open(d+'/a','w').close(); shutil.copytree(d,d+'2'); print(glob.glob(d+'2/*')!=[]); shutil.rmtree(d); s=tempfile.SpooledTemporaryFile(10); s.write(b'x'*20); print(s.tell()); print(shutil.disk_usage('/proc'),shutil.which('ls')); print(platform.system(),platform.machine(),platform.libc_ver()[0]); print(uuid.UUID(int=5),len(uuid.uuid4().hex),datetime.datetime.fromtimestamp(0,datetime.timezone.utc)); print(pwd.getpwuid(0).pw_dir,grp.getgrgid(0).gr_name,getpass.getuser()); z=zipfile.ZipFile('z.zip','w'); z.writestr('a','b'); z.close(); print(zipfile.ZipFile('z.zip').read('a')); print(struct.pack('<d',math.pi).hex(), float('nan')!=float('nan'), 0.1+0.2, math.fma(1,2,3) if hasattr(math,'fma') else '', (2.5).hex()); random.seed(5); print(random.random()); print(sys.getfilesystemencoding(),locale.getpreferredencoding(),sys.stdin.isatty(), sys.getswitchinterval(), sys.maxsize); syslog.syslog('x'); print(time.strftime('%Z'))
sys.setrecursionlimit(100000)
def r(n): return n and r(n-1)+1
print(r(15000)); print(sum(i*i for i in range(300000)))
P
## upstream test_posix
timeout 170 python3 -m test -v --timeout 150 test_posix 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_os
timeout 170 python3 -m test -v --timeout 150 test_os 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_signal
timeout 170 python3 -m test -v --timeout 150 test_signal 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_mmap
timeout 170 python3 -m test -v --timeout 150 test_mmap 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_fcntl
timeout 170 python3 -m test -v --timeout 150 test_fcntl 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_select
timeout 170 python3 -m test -v --timeout 150 test_select 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_poll
timeout 170 python3 -m test -v --timeout 150 test_poll 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_epoll
timeout 170 python3 -m test -v --timeout 150 test_epoll 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_selectors
timeout 170 python3 -m test -v --timeout 150 test_selectors 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_pty
timeout 170 python3 -m test -v --timeout 150 test_pty 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_openpty
timeout 170 python3 -m test -v --timeout 150 test_openpty 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_time
timeout 170 python3 -m test -v --timeout 150 test_time 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_resource
timeout 170 python3 -m test -v --timeout 150 test_resource 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_wait3
timeout 170 python3 -m test -v --timeout 150 test_wait3 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_wait4
timeout 170 python3 -m test -v --timeout 150 test_wait4 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_fork1
timeout 170 python3 -m test -v --timeout 150 test_fork1 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_popen
timeout 170 python3 -m test -v --timeout 150 test_popen 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_stat
timeout 170 python3 -m test -v --timeout 150 test_stat 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_glob
timeout 170 python3 -m test -v --timeout 150 test_glob 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_ioctl
timeout 170 python3 -m test -v --timeout 150 test_ioctl 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_tty
timeout 170 python3 -m test -v --timeout 150 test_tty 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_termios
timeout 170 python3 -m test -v --timeout 150 test_termios 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_threadsignals
timeout 170 python3 -m test -v --timeout 150 test_threadsignals 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_thread
timeout 170 python3 -m test -v --timeout 150 test_thread 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_tempfile
timeout 170 python3 -m test -v --timeout 150 test_tempfile 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_shutil
timeout 170 python3 -m test -v --timeout 150 test_shutil 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_fileio
timeout 170 python3 -m test -v --timeout 150 test_fileio 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_posixpath
timeout 170 python3 -m test -v --timeout 150 test_posixpath 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_subprocess
timeout 170 python3 -m test -v --timeout 150 test_subprocess 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_threading
timeout 170 python3 -m test -v --timeout 150 test_threading 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_eintr
timeout 170 python3 -m test -v --timeout 150 test_eintr 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_pathlib
timeout 170 python3 -m test -v --timeout 150 test_pathlib 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_tarfile
timeout 170 python3 -m test -v --timeout 150 test_tarfile 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
