## perl sockets and fork
perl -MSocket -MIO::Socket::UNIX -MIO::Select -e '$|=1; socketpair(A,B,AF_UNIX,SOCK_STREAM,0) or die; if(!($p=fork)){close A; while(sysread B,$b,9){syswrite B,uc $b} exit 7} close B; for(qw(one two three)){syswrite A,$_; sysread A,$r,9; print "$r\n"} shutdown A,1; print sysread(A,$r,9),"\n"; waitpid $p,0; print $?>>8,"\n";
$s=IO::Socket::UNIX->new(Local=>"s",Listen=>3,Type=>SOCK_STREAM) or die; for $n(1..4){if(!fork){$c=IO::Socket::UNIX->new(Peer=>"s") or die $!; print $c "hello $n\n"; print scalar(<$c>)=~/^bye $n$/?"":"wrong\n"; exit}} $sel=IO::Select->new($s); $k=0; while($k<4){for $f($sel->can_read){if($f==$s){$sel->add($s->accept)}else{$l=<$f>; if(defined $l){($n)=$l=~/(\d)/; $sum+=$n; print $f "bye $n\n"; $k++} $sel->remove($f); close $f}}} print "$sum\n"; 1 while wait>0;
socket(D,AF_UNIX,SOCK_DGRAM,0); bind(D,sockaddr_un("d")); socket(E,AF_UNIX,SOCK_DGRAM,0); bind(E,sockaddr_un("e")); send(E,"dgram",0,sockaddr_un("d")); $from=recv(D,$m,99,0); print "$m ",(unpack_sockaddr_un($from))[0],"\n"; print send(E,"x"x300000,0,sockaddr_un("d"))//"$!","\n"; unlink "d"; print send(E,"x",0,sockaddr_un("d"))//"$!","\n"; connect(E,sockaddr_un("s"))or print "$!\n"; close $s; socket(F,AF_UNIX,SOCK_STREAM,0); connect(F,sockaddr_un("s"))or print "$!\n"; connect(F,sockaddr_un("nosuch"))or print "$!\n"; print getsockopt(A,SOL_SOCKET,SO_TYPE)?unpack("i",getsockopt(A,SOL_SOCKET,SO_TYPE)):"?","\n"'
## perl system V
perl -MIPC::SysV=:all -MIPC::Msg -MIPC::Semaphore -MIPC::SharedMem -e '$|=1; $m=IPC::Msg->new(IPC_PRIVATE,0600); if(!fork){$m->snd(3,"three"); $m->snd(1,"one"); $m->snd(2,"two"); exit} wait; print $m->stat->qnum,"\n"; for(-2,0,0){print $m->rcv($b,99,$_),"$b\n"} defined $m->rcv($b,9,0,IPC_NOWAIT) or print "$!\n"; $m->snd(1,"longer"); defined $m->rcv($b,2,0,IPC_NOWAIT) or print "$!\n"; if(!fork){defined $m->rcv($b,9,9) or print "$!\n"; exit} select undef,undef,undef,0.3; $m->remove; wait;
$s=IPC::Semaphore->new(IPC_PRIVATE,2,0600); $s->setall(1,0); for(1..5){if(!fork){$s->op(0,-1,SEM_UNDO); $s->op(1,1,0); exit}} 1 while wait>0; print join(",",$s->getall),"\n"; if(!fork){$s->op(1,-9,0) or print "$!\n"; exit} select undef,undef,undef,0.3; print $s->getncnt(1),"\n"; $s->remove; wait; 
$h=IPC::SharedMem->new(IPC_PRIVATE,8192,0600); $h->attach; $h->write("abc",0,3); if(!fork){$h->attach; $h->write("xyz",4096,3); exit} wait; print $h->read(0,3),$h->read(4096,3),$h->stat->nattch,"\n"; $h->remove; print $h->read(0,3),"\n"; $h->detach'
## perl signals
perl -MPOSIX -MTime::HiRes=ualarm,sleep,setitimer,ITIMER_REAL -e '$|=1; $SIG{$_}=sub{push @g,shift} for qw(USR1 USR2 HUP WINCH); $b=POSIX::SigSet->new(SIGUSR1,SIGUSR2); sigprocmask(SIG_BLOCK,$b); kill USR1=>$$; kill USR1=>$$; kill USR2=>$$; $p=POSIX::SigSet->new; sigpending($p); print $p->ismember(SIGUSR1),$p->ismember(SIGHUP),"\n"; sigprocmask(SIG_UNBLOCK,$b); print "@{[sort @g]}\n"; $n=0; $SIG{ALRM}=sub{$n++}; setitimer(ITIMER_REAL,.05,.05); 1 while $n<5; setitimer(ITIMER_REAL,0); print "$n\n"; eval{local $SIG{ALRM}=sub{die "late\n"}; ualarm 100000; sleep 9}; print $@; pipe R,W; $SIG{ALRM}=sub{syswrite W,"t"}; ualarm 100000; print sysread(R,$c,1)//"$!"," $c\n"; sigaction(SIGCHLD,POSIX::SigAction->new(sub{print "chld\n"},POSIX::SigSet->new,SA_NOCLDSTOP)); if(!($k=fork)){kill STOP=>$$; exit 3} waitpid $k,WUNTRACED; print WIFSTOPPED(${^CHILD_STATUS_NATIVE})?1:0,"\n"; kill CONT=>$k; 1 while waitpid($k,0)<0; print $?>>8,"\n"; kill 0,$k or print "$!\n"; $SIG{ABRT}="DEFAULT"; if(!fork){POSIX::setsid; abort} wait; print $?&127,"\n"'
## sqlite with a write-ahead log
sqlite3 t.db 'pragma journal_mode=wal; pragma mmap_size=1048576; create table t(a integer primary key, b); insert into t values(1,0);'; ls t.db*
for p in 1 2 3; do (for i in $(seq 15); do echo "pragma mmap_size=1048576; .timeout 60000
begin immediate; update t set b=b+1 where a=1; insert into t(b) values($p); commit;" | sed 's/pragma[^;]*; //'; done | sqlite3 t.db) & done; for i in 1 2 3 4 5; do sqlite3 -cmd '.timeout 60000' t.db 'select count(*)-1=b from t, (select b from t where a=1)' | tail -1; done | sort | uniq -c | wc -l; wait
sqlite3 t.db 'pragma mmap_size=1048576; select b from t where a=1; select count(*) from t; pragma integrity_check; pragma wal_checkpoint(truncate);'; stat -c %s t.db-wal 2>&1; ls
python3 - <<'P'
import sqlite3,os
a=sqlite3.connect('t.db',timeout=0); b=sqlite3.connect('t.db',timeout=0)
print(a.execute('pragma mmap_size=4194304').fetchall(),a.execute('pragma journal_mode').fetchall())
a.execute('begin immediate'); a.execute('insert into t(b) values(9)')
try: b.execute('begin immediate')
except sqlite3.OperationalError as e: print(e)
print(b.execute('select count(*) from t').fetchone()); a.commit(); print(b.execute('select count(*) from t').fetchone())
b.execute('begin'); b.execute('select * from t').fetchone(); a.execute('delete from t where a>5'); a.commit(); print(b.execute('select count(*) from t').fetchone()); b.commit(); print(b.execute('select count(*) from t').fetchone())
a.execute('pragma journal_mode=delete') if 0 else None; b.close(); print(a.execute('pragma journal_mode=delete').fetchall()); a.execute('pragma locking_mode=exclusive'); a.execute('insert into t(b) values(1)'); a.commit()
p=os.fork()
if p==0:
    c=sqlite3.connect('t.db',timeout=0)
    try: print(c.execute('select count(*) from t').fetchone())
    except sqlite3.OperationalError as e: print('child:',e,flush=True)
    os._exit(0)
os.waitpid(p,0); a.execute('vacuum'); print(a.execute('pragma integrity_check').fetchone())
P
## gcc and make of many files
export GCC_COLORS=; for i in $(seq 12); do printf '#include "all.h"\nint f%d(int x){return x+%d;}\n' $i $i >f$i.c; printf 'int f%d(int);\n' $i >>all.h; done; { echo '#include <stdio.h>'; echo '#include "all.h"'; echo 'int main(void){int s=0;'; for i in $(seq 12); do echo "s=f$i(s);"; done; echo 'printf("%d!", s); puts(""); return 0; }'; } >main.c
printf 'OBJ=$(patsubst %%.c,%%.o,$(sort $(wildcard *.c)))\nprog: $(OBJ) ; @gcc -o $@ $^ && echo linked\n%%.o: %%.c all.h ; @gcc -O1 -c $<\nlib.a: $(OBJ) ; @ar rcs $@ $^ && ranlib $@\nclean: ; rm -f *.o prog\n' >Makefile; make -j4; ./prog; make -j4; sleep 1.1; touch f3.c; make -j4; make -s -j4 lib.a; ar t lib.a | wc -l; gcc -pipe -shared -fPIC -o libx.so f*.c && gcc main.c -L. -lx -Wl,-rpath,. -o dyn && ./dyn; ldd dyn | sed 's/ (.*//;s/^\s*//' | sort | head -3; gcc -pthread -g -x c - -o m <<'C'
#include <stdio.h>
int main(void){printf("from stdin %s\n", __FILE__); int *p=0; return *p;}
C
./m; echo $?; size m | tail -1 | wc -w; nm prog | grep -c ' T f'; objdump -d prog | grep -c '<f1>'; gcc -E nosuch.c; echo $?
## git with history
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' HOME=$PWD; git config --global init.defaultBranch main; git config --global gc.autoDetach false; git config --global color.ui never; git config --global core.pager cat; export GIT_PROGRESS_DELAY=1000
git init -q r; cd r; for i in $(seq 12); do seq $i 400 >f$i; mkdir -p d/$i; echo $i >d/$i/x; git add -A; git commit -q -m "c$i"; done; git log --oneline | md5sum; git gc -q; ls .git/objects/pack | sed 's/.*\.//' | sort; git fsck --no-progress; git count-objects -v | grep -v size; git checkout -q -b side HEAD~3; echo s >s; git add s; git commit -q -m side; git merge -q main -m merge; git log --oneline --graph | wc -l; git diff HEAD~1 --stat | tail -1; git stash -q 2>&1; echo z >>f1; git stash -q; git stash pop -q; git status --short; git checkout -q -- f1; git rebase -q main 2>&1; git log -1 --format=%s; git tag v1; git archive v1 | tar t | wc -l; git grep -c 399 f1; git bisect start HEAD HEAD~8 2>&1 | tail -1 | cut -c1-9; git bisect run sh -c 'test ! -e f9' 2>&1 | grep -c 'first bad'; git bisect reset 2>&1; git worktree add -q ../w main 2>&1; ls ../w | wc -l; cd ..; git clone -q r c1; git clone -q --no-hardlinks --depth 2 file://$PWD/r c2; git -C c2 log --oneline | wc -l; git clone -q --bare r b.git; cd c1; echo more >>f2; git commit -qam more; git remote add b ../b.git; git push -q b HEAD:main 2>&1 | tail -1 | cut -c1-20; git push -q b HEAD:new; git -C ../b.git branch | sort; git repack -adfq; git prune; git gc -q --aggressive; git fsck --full --no-progress; git -C ../c2 pull -q 2>&1 | wc -l; git ls-files -s | md5sum; chmod +x f3; git diff --summary; ln -s f1 l; git add l; git ls-files -s l; git clean -ndx; git update-index --refresh; git blame f2 | tail -1 | cut -d')' -f2
## rsync
mkdir -p a/b/c; seq 1000 >a/x; seq 5 >a/b/y; ln -s x a/l; ln a/x a/h; chmod 640 a/b/y; touch -d @1000000000 a/b/y; mkfifo a/p; truncate -s 1M a/sparse; rsync -aHS --stats a/ d 2>&1 | grep -E '^Number of' | head -3; diff -r --no-dereference a d 2>&1 | grep -v fifo; stat -c '%n %a %Y %h' d/b/y; stat -c '%h %b' d/h d/sparse; echo n >a/new; rm a/x; rsync -a --delete -i a/ d | sort; rsync -ain a/ d | wc -l; seq 2000 >a/h; rsync -a --no-whole-file --inplace a/h d/h; cmp a/h d/h; rsync -a --link-dest=$PWD/d a/ e; stat -c %h e/b/y; rsync -a --exclude='*.o' --include='*/' a/b f; ls f; rsync -aX --chmod=D700,F600 a/ g; stat -c %a g/b g/b/y; rsync nosuch z 2>/dev/null; echo $?; rsync -a --partial-dir=.pp --temp-dir=/tmp a/ i; rsync -ac --remove-source-files i/ j; find i -type f | wc -l
## parallel xargs find
seq 20 | parallel -k -j4 'echo $(({}*2))' | tr '\n' ' '; seq 6 | parallel -j3 --halt now,fail=1 'exit $(( {} == 3 ))' >/dev/null 2>&1; echo $?; seq 100 | parallel -k --pipe -N10 wc -l | sort | uniq -c | wc -l; parallel -k echo ::: a b ::: 1 2; parallel --dry-run -k echo {.} ::: x.c y.c; seq 3 | parallel -j2 --joblog log true; wc -l <log; seq 4 | parallel --timeout 1 -j4 'sleep $(( {} == 2 ? 9 : 0 ))'; echo $?
seq 40 | xargs -P8 -n1 sh -c 'exit 0'; echo $?; seq 40 | xargs -P4 -n3 echo | wc -w; seq 5 | xargs -I% sh -c '[ % = 3 ] && exit 255; echo %'; echo $?; printf 'a b\0c\n\0' | xargs -0 -n1 | wc -l; seq 100000 | xargs echo | wc -l; head -c 200000 /dev/zero | tr '\0' x | xargs echo 2>&1 | cut -c1-40; mkdir -p t/{1..20}/{1..5}; touch t/{1..20}/{1..5}/f; find t -type f -print0 | xargs -0 -P4 -n7 ls -l | wc -l; find t -name f -execdir sh -c 'pwd' \; | sort -u | wc -l; find t -type f -exec rm {} + ; find t -type d -empty -delete; find . -newer log -printf '%y %m\n' | sort | uniq -c | wc -l
## tmux
export LC_ALL=C.UTF-8 SHELL=/bin/bash TERM=xterm; tmux -f /dev/null new-session -d -x 60 -y 15 'PS1="$ " bash --norc --noediting'; sleep 1; tmux send-keys 'echo one; tty | cut -c1-8; stty size' Enter; sleep 1; tmux capture-pane -p | grep -v '^$'; tmux split-window -v 'cat'; sleep 0.5; tmux send-keys 'typed' Enter; sleep 0.5; tmux capture-pane -p | grep -v '^$'; tmux list-panes -F '#{pane_index} #{pane_height} #{pane_current_command}'; tmux send-keys C-c; sleep 0.7; tmux list-panes | wc -l; tmux send-keys 'stty size' Enter; sleep 0.7; tmux capture-pane -p | grep -v '^$' | tail -2; tmux new-window -n two 'sleep 50'; tmux list-windows -F '#{window_name}'; tmux kill-window -t two; tmux pipe-pane 'cat >piped'; tmux send-keys 'vim.tiny -u NONE -N file' Enter; sleep 1.5; tmux send-keys 'ihello' Escape 'yyp' ':wq' Enter; sleep 1.5; cat file; tmux send-keys 'sleep 30' Enter; sleep 0.5; tmux send-keys C-z; sleep 0.5; tmux send-keys 'jobs; kill -KILL %1; sleep 0.5' Enter; sleep 1; tmux capture-pane -p | grep -v '^$' | tail -4 | tr -s ' '; test -s piped && echo piped; tmux set-buffer abc; tmux show-buffer; tmux kill-server; sleep 0.5; tmux ls 2>&1 | cut -c1-9
## screen
export TERM=xterm SHELL=/bin/bash SCREENDIR=$PWD/sd; mkdir -m 700 sd; screen -dmS one bash --norc --noediting; sleep 1; screen -ls | grep -c Detached; screen -S one -X stuff 'echo in screen; tty | cut -c1-8
'; sleep 1; screen -S one -X hardcopy $PWD/hc; sleep 0.5; grep -v '^$' hc; screen -S one -X screen sleep 40; sleep 0.5; screen -S one -X quit; sleep 0.5; screen -ls | tail -1 | cut -c1-10
## editors and pagers on a pty
python3 - <<'P'
import pty,os,time,select,sys,signal,struct,fcntl,termios
def go(argv,keys,wait=0.5,ready=b''):
    pid,fd=pty.fork()
    if pid==0:
        os.environ.update(TERM='xterm',LC_ALL='C.UTF-8'); os.execvp(argv[0],argv)
    fcntl.ioctl(fd,termios.TIOCSWINSZ,struct.pack('HHHH',24,80,0,0)); out=b''
    def drain(t):
        nonlocal out
        while select.select([fd],[],[],t)[0]:
            try: d=os.read(fd,4096)
            except OSError: return
            if not d: return
            out+=d
    drain(2)
    while ready not in out: drain(1)
    for k in keys:
        if k is None: os.kill(pid,signal.SIGWINCH)
        else: os.write(fd,k)
        drain(wait)
    for _ in range(100):
        p,s=os.waitpid(pid,os.WNOHANG)
        if p: break
        drain(0.1)
    else: os.kill(pid,9); _,s=os.waitpid(pid,0)
    os.close(fd); return s,out
open('t','w').write(''.join(f'line {i}\n' for i in range(200)))
s,o=go(['less','t'],[b' ',b'G',b'?line 50\n',b'g',b'!echo shelled\n',b'\n',None,b'q']); print(s,b'line 199' in o,b'line 50' in o,b'shelled' in o)
s,o=go(['vim.tiny','-u','NONE','-N','t'],[b'Gonew\x1b',b':%s/line/LINE/g\r',b':!echo out\r',b'\r',b':r !seq 3\r',b':wq\r'],0.8); print(s,b'out' in o); print(open('t').read().split('\n')[-6:])
s,o=go(['nano','t'],[b'abc',b'\x0f',b'\r',b'\x18']); print(s,open('t').readline())
s,o=go(['bash','--norc','-i'],[b'stty -a | grep -c isig\n',b'sleep 40\n',b'\x03',b'sleep 40\n',b'\x1a',b'jobs\n',b'kill %1; wait 2>/dev/null\n',b'ec\tho tab\n',b'cat\n',b'x\n',b'\x04',b'printf "%s\\n" a{1..3}\n',b'\x12ec',b'\n',b'exit 3\n']); print(s>>8,b'Stopped' in o,b'^C' in o,b'a3' in o)
s,o=go(['python3','-q'],[b'1+1\n',b'import os; os.isatty(0)\n',b'while 1: pass\n',b'\n',b'\x03',b'\x04'],ready=b'>>> '); print(s,b'KeyboardInterrupt' in o,b'True' in o)
s,o=go(['top','-b','-n1'],[]); print(s,b'PID' in o)
s,o=go(['top'],[b'c',b'q'],1.0); print(s,b'PID' in o)
s,o=go(['sqlite3'],[b'create table t(x);\n',b'insert into t values(4);\n',b'select x*2 from t;\n',b'.q\n']); print(s,b'8' in o)
s,o=go(['script','-q','-c','stty size; echo hi','ts'],[],1.0); print(s,b'hi' in o)
P
