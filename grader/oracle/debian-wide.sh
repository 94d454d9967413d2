## bash job control deeper
bash -c 'set -m; trap "echo chld" CHLD; sleep 0.2 & wait; trap - CHLD; (kill -STOP $BASHPID; exit 5) & sleep 0.3; jobs | tr -s " "; kill -CONT %1; wait %1; echo $?; sleep 9 & sleep 9 & disown %1; jobs | tr -s " "; kill %2; wait %2; echo $?; for i in 1 2 3 4 5; do (sleep 0.$i; exit $i) & done; while wait -n; s=$?; [ $s -ne 127 ]; do echo $s; done; wait -n -p who; echo $? ${who-unset}; sleep 5 & p=$!; kill $p; wait -f $p; echo $?; jobs -x echo %1 2>&1; kill -l 130; fg 2>&1 | sed "s/line [0-9]*/line/"; ulimit -u >/dev/null'; pkill -x sleep
## bash coprocs and fds
bash -c 'coproc cat; echo one >&${COPROC[1]}; read -u ${COPROC[0]} x; echo $x; kill $COPROC_PID; wait $COPROC_PID; echo $?; coproc X { read a; echo "<$a>"; }; eval "exec ${X[1]}>&-" ; cat <&${X[0]}; exec 3<>/dev/null 4>&1 5<&0; ls -l /proc/self/fd | wc -l; exec 3>&- 4>&-; { echo a; echo b >&2; } 2>&1 >/dev/null | cat; exec {a}>x {b}>y; echo $((b-a)); echo p >&$a; exec {a}>&-; echo q >&$a; echo $?; cat x; mapfile -n 2 -t l < <(seq 9); echo ${l[@]}; while read -u 9 z; do echo $z; cat </dev/null; done 9< <(seq 3); cat < <(echo deep < <(echo deeper)); diff <(ls /) <(ls /) && echo same; f() { echo $1; cat $1; }; f <(echo fn) | sed "s/[0-9][0-9]*$/N/"; x=$(cat <(sleep 0.1; echo slow)); echo $x; : > >(cat >z); sleep 0.2; stat -c %s z; yes | head -c 100000 > >(wc -c); sleep 0.5' 2>&1 | sed 's/line [0-9]*/line/'
## bash many processes
bash -c 'for i in {1..100}; do (echo $i) & done | sort -n | md5sum; wait; f() { (( $1 )) && ( f $(($1-1)) ) || echo bottom; }; f 40; x=0; for i in {1..300}; do x=$((x+$(echo 1))); done; echo $x; seq 500 | while read n; do :; done; echo a | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat; for i in {1..50}; do sleep 0.1 & done; wait; jobs; echo ${PIPESTATUS[@]}; time -p sleep 0' 2>&1 | grep -v -e ^real -e ^user -e ^sys
## bash interactive on a pty
(sleep 1; printf 'echo $-\n'; sleep 0.5; printf 'sleep 9\n'; sleep 1; printf '\032'; sleep 0.7; printf 'jobs\n'; sleep 0.5; printf '%%1 &\n'; sleep 0.5; printf 'jobs\n'; sleep 0.3; printf 'fg\n'; sleep 0.5; printf '\003'; sleep 0.5; printf 'echo st $?\n'; sleep 0.3; printf 'ehco x\025echo line\n'; sleep 0.3; printf 'cat\n'; sleep 0.5; printf 'through\n\004'; sleep 0.3; printf 'kill -TSTP $$; echo still\n'; sleep 0.3; printf 'stty -a | head -1; bash -c "kill -INT 0; sleep 1"; echo $?\n'; sleep 0.7; printf 'exit 7\n'; sleep 0.3) | script -qec 'env -i PATH=$PATH PS1=: TERM=dumb bash --norc --noprofile -i' /dev/null | tr -d '\r\007' | sed 's/\x1b\[?*[0-9;]*[A-Za-z]//g'; echo $?
## perl fork pipe and sockets
perl -e 'use POSIX qw(:sys_wait_h :errno_h); $|=1; for(1..20){defined($p=fork) or die; exit $_ unless $p; push @p,$p} $s+=(waitpid($_,0)==$_) && $?>>8 for @p; print "$s\n"; print waitpid(-1,WNOHANG)," ",$!+0,"\n"; open P,"-|","echo out; exit 3"; print <P>; close P; print $?>>8,"\n"; open P,"|-","cat"; print P "in\n"; close P; if(!($p=open K,"-|")){print "kid\n"; exit 2} print <K>; close K; print $?>>8,"\n"; pipe R,W; close R; $SIG{PIPE}=sub{print "sigpipe\n"}; syswrite(W,"x") or print $!{EPIPE}?"epipe\n":"?\n"; kill(9,999999) or print $!+0,"\n"; local $SIG{CHLD}=sub{print "chld\n"}; system "exit 4"; print $?>>8,"\n"; $SIG{CHLD}="IGNORE"; if(!fork){exit 9} print wait,"\n"; print `kill -9 \$\$`,$?,"\n"; exec "nosuch" or print $!+0,"\n"; print -t STDIN ? 1:0, getpgrp==getpgrp($$)?1:0,"\n"; setpgrp(0,0); print getpgrp==$$?1:0,"\n"; print join(",",(times)[2,3]) ne ""?1:0,"\n"; print getppid>0?1:0,"\n"; umask 027; mkdir "q"; printf "%o\n",(stat "q")[2]&07777; print POSIX::ttyname(0)//"none","\n"; print POSIX::sysconf(POSIX::_SC_OPEN_MAX()),"\n"'
## perl files
perl -MFcntl=:flock,:seek,:mode -MPOSIX -e 'open F,"+>","f"; print F "x"x10; seek F,5,0; print F "y"; seek F,0,0; print <F>,"\n"; truncate F,3; print -s F,"\n"; flock F,LOCK_EX|LOCK_NB or die; if(!fork){open G,"f"; print flock(G,LOCK_SH|LOCK_NB)?1:0,$!+0,"\n"; exit} wait; print fcntl(F,F_GETFD,0),"\n"; link "f","g"; symlink "f","l"; print readlink "l","\n"; print((lstat "l")[7],"\n"); utime 5,6,"f"; print join(",",(stat "f")[8,9]),"\n"; chmod 0400,"f"; printf "%o\n",S_IMODE((stat "f")[2]); rename "g","h"; unlink "nosuch" or print $!+0,"\n"; mkdir "d"; rmdir "d"; opendir D,"."; print join(" ",sort readdir D),"\n"; print -d "." ?1:0,-p STDIN?1:0,-c "/dev/null"?1:0,-r "f"?1:0,-u "f"?1:0,"\n"; chdir "/nosuch" or print $!+0,"\n"; open X,"<","/" ; print defined(sysread X,$b,1)?1:0,$!+0,"\n"; ($a,$b)=POSIX::pipe(); POSIX::write($b,"abc",3); POSIX::read($a,$c,9); print "$c\n"; print POSIX::dup2($a,20),"\n"; print POSIX::access("f",POSIX::W_OK)?1:0,"\n"; POSIX::mkfifo("p",0600); print -p "p"?1:0,"\n"; print POSIX::getcwd ne ""?1:0,"\n"; glob("*"); local @ARGV=("f"); chmod 0600,"f"; $^I=".bak"; while(<>){s/x/z/; print} print STDOUT -e "f.bak"?1:0,"\n"'
## python subprocess corners
python3 - <<'P'
import subprocess as S,os,signal,sys,time
print(S.run(['sh','-c','exit 7']).returncode,S.run(['sh','-c','kill -11 $$']).returncode)
for a in (['/nosuch'],['/etc'],['/etc/passwd'],['']):
    try: S.run(a)
    except OSError as e: print(type(e).__name__,e.errno)
try: S.run(['sleep','9'],timeout=.2)
except S.TimeoutExpired as e: print('timeout')
p=S.Popen(['cat'],stdin=-1,stdout=-1); o,_=p.communicate(b'x'*1000000); print(len(o))
p=S.Popen(['sh','-c','echo out; echo err >&2'],stdout=-1,stderr=-1,start_new_session=True); print(p.communicate())
print(S.run(['sh','-c','ps -o pgid= -p $$; echo $$'],capture_output=True,text=True,process_group=0).stdout.split()[0:1]!=[])
print(S.run(['pwd'],cwd='/proc',capture_output=True).stdout,S.run(['id','-u'],user=65534,capture_output=True).stdout,S.run(['id','-G'],group=5,extra_groups=[6,7],capture_output=True).stdout,S.run(['sh','-c','umask'],umask=0o77,capture_output=True).stdout)
r,w=os.pipe(); print(S.run(['sh','-c',f'echo via >&{w}'],pass_fds=(w,)).returncode,os.read(r,99)); print(S.run(['sh','-c',f'echo no >&{w}'],capture_output=True).returncode)
print(S.getstatusoutput('kill -TERM $$'),S.check_output('echo $0 $1',shell=True))
try: S.Popen(['true'],preexec_fn=lambda:1/0)
except S.SubprocessError as e: print(e)
p=S.Popen(['sleep','9']); p.send_signal(signal.SIGSTOP); print(os.WIFSTOPPED(os.waitpid(p.pid,os.WUNTRACED)[1])); p.terminate(); p.send_signal(signal.SIGCONT); print(p.wait())
print(os.posix_spawnp('sh',['sh','-c','exit 3'],os.environ,file_actions=[(os.POSIX_SPAWN_OPEN,1,'o',os.O_CREAT|os.O_WRONLY,0o600)],setsigmask=[10],resetids=True)>0, os.wait()[1]); print(os.system('exit 5'),os.popen('echo pop').read(),os.spawnlp(os.P_WAIT,'false','false'))
ps=[S.Popen(['sh','-c',f'sleep 0.{i}; exit {i}']) for i in range(5)]; print([q.wait() for q in ps])
print(os.waitid(os.P_ALL,0,os.WEXITED|os.WNOHANG) if 0 else '')
try: os.wait()
except ChildProcessError as e: print(e.errno)
P
## python threading and queues
python3 - <<'P'
import threading as T,queue,time,os,signal,concurrent.futures as C,sys
q=queue.Queue(10); out=[]
def prod(n): [q.put((n,i)) for i in range(200)]
def cons():
    while (x:=q.get()) is not None: out.append(x)
ps=[T.Thread(target=prod,args=(i,)) for i in range(4)]; cs=[T.Thread(target=cons) for _ in range(3)]; [t.start() for t in ps+cs]; [t.join() for t in ps]; [q.put(None) for _ in cs]; [t.join() for t in cs]; print(len(out),len(set(out)))
b=T.Barrier(8); n=[0]; l=T.Lock(); e=T.Event(); s=T.Semaphore(2); c=T.Condition()
def w():
    b.wait()
    for _ in range(500):
        with l: n[0]+=1
    e.wait()
ts=[T.Thread(target=w) for _ in range(8)]; [t.start() for t in ts]; time.sleep(.1); e.set(); [t.join() for t in ts]; print(n, l.acquire(timeout=.05), l.acquire(timeout=.05), T.active_count())
with C.ThreadPoolExecutor(16) as x: print(sum(x.map(lambda v:v*v,range(500))))
with C.ProcessPoolExecutor(3) as x: print(list(x.map(abs,range(-5,0))))
t=T.Timer(.05,lambda:print('timer')); t.start(); t.join(); print(T.get_native_id()==os.getpid()); r=[]; t=T.Thread(target=lambda:r.append(T.get_native_id()),name='nm'); t.start(); t.join(); print(r[0]!=os.getpid())
def boom(): raise ValueError
T.excepthook=lambda a:print('hook',a.exc_type.__name__); t=T.Thread(target=boom); t.start(); t.join()
signal.signal(14,lambda *a:print('alrm in',T.current_thread().name)); signal.setitimer(0,.05); time.sleep(.2)
def f(): signal.pthread_kill(T.main_thread().ident,10)
signal.signal(10,lambda *a:print('usr1')); t=T.Thread(target=f); t.start(); t.join(); time.sleep(.05)
T.stack_size(1<<20); ts=[T.Thread(target=e.wait) for _ in range(150)]; [t.start() for t in ts]; [t.join() for t in ts]; time.sleep(.2); print(len(os.listdir('/proc/self/task')))
def forker():
    p=os.fork()
    if not p: os._exit(T.active_count())
    print(os.waitpid(p,0)[1]>>8)
t=T.Thread(target=forker); t.start(); t.join(); d=T.Thread(target=time.sleep,args=(99,),daemon=True); d.start(); print('end')
P
## python multiprocessing shared
python3 - <<'P'
import multiprocessing as M,os,time,signal
from multiprocessing import shared_memory
def w(v,l,q):
    for _ in range(100):
        with l: v.value+=1
    q.put(os.getpid())
def child(c): c.send([1,{'a':2}]); print(c.recv()); c.close()
def arr(a,i): a[i]=i*i
if 1:
    for m in ('fork','forkserver'):
        try:
            c=M.get_context(m); v=c.Value('i',0); l=c.Lock(); q=c.Queue()
            if m=='fork':
                ps=[c.Process(target=w,args=(v,l,q)) for _ in range(5)]; [p.start() for p in ps]; print(len({q.get() for _ in ps})); [p.join() for p in ps]; print(v.value,[p.exitcode for p in ps])
        except Exception as e: print(m,type(e).__name__)
    a,b=M.Pipe(duplex=False); b.send('one way'); print(a.recv()); x=M.Array('d',5); ps=[M.Process(target=arr,args=(x,i)) for i in range(5)]; [p.start() for p in ps]; [p.join() for p in ps]; print(x[:])
    s=shared_memory.SharedMemory(create=True,size=5000); s.buf[:3]=b'abc'; t=shared_memory.SharedMemory(s.name); print(bytes(t.buf[:3]),t.size); t.close(); s.close(); s.unlink(); print([f for f in os.listdir('/dev/shm') if f.startswith('psm')])
    with M.Pool(4) as p: print(sum(p.imap_unordered(abs,range(-300,0),chunksize=7))); r=p.apply_async(time.sleep,(9,)); 
    e=M.Event(); s=M.Semaphore(1); print(s.acquire(timeout=.1),s.acquire(timeout=.1)); p=M.Process(target=time.sleep,args=(99,)); p.start(); p.terminate(); p.join(); print(p.exitcode); p=M.Process(target=os._exit,args=(3,)); p.start(); p.join(); print(p.exitcode); print(M.active_children()); bq=M.Barrier(2); p=M.Process(target=bq.wait); p.start(); bq.wait(); p.join(); print('barrier')
P
## python mmap select tempfile zipfile
python3 - <<'P'
import mmap,os,select,tempfile,shutil,zipfile,tarfile,signal,errno,io,fcntl,struct
with open('m','w+b') as f:
    f.truncate(10000); m=mmap.mmap(f.fileno(),0); m[5:8]=b'abc'; m.flush(); print(os.pread(f.fileno(),3,5)); m.resize(20000); print(os.fstat(f.fileno()).st_size); m.move(100,5,3); print(m.find(b'abc',50)); m.madvise(mmap.MADV_DONTNEED); print(m[5:8]); m.close()
    p=mmap.mmap(f.fileno(),4096,flags=mmap.MAP_PRIVATE); p[0:1]=b'Z'; print(os.pread(f.fileno(),1,0)); r=mmap.mmap(f.fileno(),4096,prot=mmap.PROT_READ)
    try: r[0:1]=b'x'
    except TypeError as e: print('ro')
    for a in ((f.fileno(),0,mmap.MAP_SHARED,mmap.PROT_READ),):
        pass
    try: mmap.mmap(f.fileno(),1<<20)
    except (ValueError,OSError) as e: print(e)
    try: mmap.mmap(f.fileno(),4096,offset=100)
    except (ValueError,OSError) as e: print(e)
a=mmap.mmap(-1,1<<20)
if not os.fork(): a[:5]=b'child'; os._exit(0)
os.wait(); print(a[:5])
pid=os.fork()
if not pid:
    g=open('m','r+b'); q=mmap.mmap(g.fileno(),0); g.truncate(0); q[0]; os._exit(0)
print(os.waitpid(pid,0)[1])
r,w=os.pipe(); print(select.select([r],[w],[],0)); os.set_blocking(w,False); n=0
try:
    while 1: n+=os.write(w,b'x'*4096)
except BlockingIOError: print(n)
print(select.select([r],[w],[],0.05)); fcntl.fcntl(w,1031,1<<20); print(fcntl.fcntl(w,1032)); print(struct.unpack('i',fcntl.ioctl(r,0x541b,b'1234')))
e=select.epoll(); e.register(r,select.EPOLLIN|select.EPOLLET); print([x[1] for x in e.poll(0)],e.poll(0)); os.close(w); print([x[1] for x in e.poll(0)])
try: e.register(0 if 0 else os.open('m',os.O_RDONLY))
except PermissionError as x: print(x.errno)
pl=select.poll(); pl.register(r); pl.register(77); print([v for _,v in pl.poll(0)])
with tempfile.TemporaryDirectory() as d:
    os.makedirs(d+'/a/b'); open(d+'/a/f','w').write('x'*100000); os.symlink('f',d+'/a/l'); os.link(d+'/a/f',d+'/a/h'); shutil.make_archive('z','zip',d); shutil.make_archive('z','xztar',d); print(sorted(zipfile.ZipFile('z.zip').namelist())); print(sorted(x.name+x.linkname for x in tarfile.open('z.tar.xz'))); shutil.unpack_archive('z.tar.xz','out'); print(os.readlink('out/a/l'),os.stat('out/a/f').st_nlink); shutil.move('out','out2'); shutil.copy2('out2/a/f','c'); shutil.rmtree('out2'); print(os.path.exists('out2')); print(tempfile.gettempdir()); fd,n=tempfile.mkstemp(dir=d); print(oct(os.fstat(fd).st_mode)); t=tempfile.TemporaryFile(); print(os.fstat(t.fileno()).st_nlink)
print(os.path.exists(d)); print(signal.sigtimedwait([10],.05)); signal.pthread_sigmask(0,[10]); os.kill(os.getpid(),10); print(signal.sigpending(),signal.sigwait([10])); print(os.pidfd_open.__name__ if hasattr(os,'pidfd_open') else '')
P
## python asyncio pipes
python3 - <<'P' 2>&1
import asyncio,os,sys,selectors,time
class L(asyncio.SelectorEventLoop):
    pass
# The loop's own wake-up is a socket pair; where there is none a pipe stands in for it.
import socket
class P:
    def __init__(s,fd): s.fd=fd
    def fileno(s): return s.fd
    def setblocking(s,b): os.set_blocking(s.fd,b)
    def recv(s,n): return os.read(s.fd,n)
    def send(s,b): return os.write(s.fd,b)
    def close(s): os.close(s.fd)
def pair(*a): r,w=os.pipe(); return P(r),P(w)
socket.socketpair=pair
async def main():
    l=asyncio.get_running_loop(); r,w=os.pipe(); rd=asyncio.StreamReader(); await l.connect_read_pipe(lambda:asyncio.StreamReaderProtocol(rd),os.fdopen(r,'rb')); t,pr=await l.connect_write_pipe(asyncio.streams.FlowControlMixin,os.fdopen(w,'wb')); wr=asyncio.StreamWriter(t,pr,None,l); wr.write(b'line\n'*3); await wr.drain(); print(await rd.readline()); wr.close(); print(await rd.read())
    q=asyncio.Queue(); ts=[asyncio.create_task(q.get()) for _ in range(5)]; [q.put_nowait(i) for i in range(5)]; print(sorted(await asyncio.gather(*ts))); print(await asyncio.to_thread(sum,[1,2])); s=asyncio.Semaphore(2); t0=time.monotonic(); await asyncio.gather(*(asyncio.sleep(.05) for _ in range(100))); print(time.monotonic()-t0<5)
    l.add_signal_handler(12,lambda:print('usr2')); os.kill(os.getpid(),12); await asyncio.sleep(.05); l.call_later(.01,print,'later'); await asyncio.sleep(.05)
    async with asyncio.timeout(5): print('in')
    t=asyncio.create_task(asyncio.sleep(9)); await asyncio.sleep(0); t.cancel(); print((await asyncio.gather(t,return_exceptions=True))[0].__class__.__name__)
asyncio.run(main())
P
## gcc threads and signals
cat >a.c <<'C'
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/signalfd.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
extern char **environ; static sem_t s; static pthread_cond_t c=PTHREAD_COND_INITIALIZER; static pthread_mutex_t m=PTHREAD_MUTEX_INITIALIZER; static int turn; static atomic_int hits;
static void *ping(void*a){long me=(long)a;for(int i=0;i<300;i++){pthread_mutex_lock(&m);while(turn!=me)pthread_cond_wait(&c,&m);turn=!me;pthread_cond_broadcast(&c);pthread_mutex_unlock(&m);}return 0;}
static void h(int n){(void)n;hits++;}
static void *blk(void*a){(void)a;sem_post(&s);for(;;){char b;if(read(*(int*)a,&b,1)<0&&errno==EINTR)return (void*)1;return 0;}}
static void tf(union sigval v){hits+=v.sival_int;}
int main(void){pthread_t a,b;pthread_create(&a,0,ping,(void*)0);pthread_create(&b,0,ping,(void*)1);pthread_join(a,0);pthread_join(b,0);puts("pingpong");
sem_init(&s,0,0);int p[2];pipe(p);struct sigaction sa={.sa_handler=h};sigaction(SIGUSR1,&sa,0);pthread_create(&a,0,blk,p);sem_wait(&s);usleep(100000);pthread_kill(a,SIGUSR1);void*r;pthread_join(a,&r);printf("eintr %ld %d\n",(long)r,hits);
pthread_mutexattr_t ma;pthread_mutexattr_init(&ma);pthread_mutexattr_settype(&ma,PTHREAD_MUTEX_RECURSIVE);pthread_mutex_t q;pthread_mutex_init(&q,&ma);pthread_mutex_lock(&q);printf("%d\n",pthread_mutex_lock(&q));pthread_mutexattr_settype(&ma,PTHREAD_MUTEX_ERRORCHECK);pthread_mutex_init(&q,&ma);pthread_mutex_lock(&q);printf("%d\n",pthread_mutex_lock(&q)==EDEADLK);
pthread_mutexattr_setrobust(&ma,PTHREAD_MUTEX_ROBUST);pthread_mutexattr_setpshared(&ma,PTHREAD_PROCESS_SHARED);pthread_mutexattr_settype(&ma,PTHREAD_MUTEX_NORMAL);pthread_mutex_t*sm=mmap(0,4096,3,MAP_SHARED|MAP_ANONYMOUS,-1,0);pthread_mutex_init(sm,&ma);if(!fork()){pthread_mutex_lock(sm);_exit(0);}wait(0);printf("%d\n",pthread_mutex_lock(sm)==EOWNERDEAD);pthread_mutex_consistent(sm);pthread_mutex_unlock(sm);
pthread_mutexattr_t pi;pthread_mutexattr_init(&pi);printf("%d\n",pthread_mutexattr_setprotocol(&pi,PTHREAD_PRIO_INHERIT));pthread_mutex_t pm;int e=pthread_mutex_init(&pm,&pi);printf("pi %d %d\n",e,e?0:pthread_mutex_lock(&pm));
struct timespec t={time(0)-1,0};printf("%d\n",pthread_mutex_timedlock(sm,&t)==0);printf("%d\n",sem_timedwait(&s,&t)<0&&errno==ETIMEDOUT);sem_t*n=sem_open("/nm",O_CREAT,0600,2);printf("%d\n",n!=SEM_FAILED&&!sem_trywait(n)&&!sem_trywait(n)&&sem_trywait(n)<0&&errno==EAGAIN);sem_unlink("/nm");
timer_t tm;struct sigevent ev={.sigev_notify=SIGEV_THREAD,.sigev_notify_function=tf,.sigev_value.sival_int=100};printf("%d\n",timer_create(CLOCK_MONOTONIC,&ev,&tm));struct itimerspec it={{0,0},{0,10000000}};timer_settime(tm,0,&it,0);usleep(200000);printf("%d\n",hits);timer_delete(tm);
int ef=eventfd(0,EFD_SEMAPHORE),td=timerfd_create(CLOCK_MONOTONIC,0),ep=epoll_create1(0);sigset_t ss;sigemptyset(&ss);sigaddset(&ss,SIGUSR2);sigprocmask(0,&ss,0);int sf=signalfd(-1,&ss,0);timerfd_settime(td,0,&it,0);kill(getpid(),SIGUSR2);eventfd_write(ef,3);usleep(100000);int fds[]={ef,td,sf};for(int i=0;i<3;i++){struct epoll_event x={EPOLLIN,{.fd=fds[i]}};epoll_ctl(ep,1,fds[i],&x);}struct epoll_event o[9];printf("ev %d\n",epoll_wait(ep,o,9,0));struct signalfd_siginfo si;read(sf,&si,sizeof si);printf("%d %d\n",si.ssi_signo,si.ssi_pid==getpid());unsigned long v;read(td,&v,8);printf("%lu\n",v);
posix_spawnattr_t at;posix_spawnattr_init(&at);posix_spawnattr_setflags(&at,POSIX_SPAWN_SETPGROUP|POSIX_SPAWN_SETSIGDEF);posix_spawnattr_setpgroup(&at,0);pid_t k;char*av[]={"sh","-c","exit 11",0};posix_spawnp(&k,"sh",0,&at,av,environ);int w;waitpid(k,&w,0);printf("%d\n",WEXITSTATUS(w));
struct iovec iv[2]={{"ab",2},{"cd",2}};printf("%zd\n",writev(p[1],iv,2));char bb[9]={0};iv[0].iov_base=bb;iv[0].iov_len=3;iv[1].iov_base=bb+4;printf("%zd %s %s\n",readv(p[0],iv,2),bb,bb+4);prctl(PR_SET_NAME,"renamed");char nm[16];prctl(PR_GET_NAME,nm);puts(nm);
signal(SIGALRM,h);struct itimerspec z;timer_create(CLOCK_PROCESS_CPUTIME_ID,&(struct sigevent){.sigev_notify=SIGEV_SIGNAL,.sigev_signo=SIGALRM},&tm);it.it_value.tv_nsec=20000000;timer_settime(tm,0,&it,0);int was=hits;time_t t0=time(0);while(hits==was&&time(0)<t0+20);printf("cpu timer %d\n",hits-was);timer_gettime(tm,&z);struct timespec cr;clock_getres(CLOCK_MONOTONIC,&cr);printf("%ld\n",cr.tv_nsec);clockid_t ci;printf("%d\n",pthread_getcpuclockid(pthread_self(),&ci)||clock_gettime(ci,&cr));
void*x=mmap(0,8192,3,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);mprotect((char*)x+4096,4096,0);printf("%zd %d\n",write(p[1],(char*)x+4090,10),errno==0);write(p[1],"q",1);printf("%d %d\n",(int)read(p[0],(char*)x+4096,1),errno);int rr=syscall(SYS_membarrier,0,0,0);printf("%d\n",rr>=0);printf("%d\n",memfd_create("m",0)>0);puts("end");return 0;}
C
gcc-12 -O1 -w a.c -o a -pthread && ./a; echo $?
## gcc setjmp and stacks
cat >b.c <<'C'
#define _GNU_SOURCE
#include <ucontext.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <dlfcn.h>
#include <link.h>
#include <execinfo.h>
#include <fenv.h>
static ucontext_t a,b; static char st[65536],alt[65536]; static sigjmp_buf j;
static void co(void){puts("in co");swapcontext(&b,&a);puts("again");}
static void sv(int s,siginfo_t*i,void*u){ucontext_t*c=u;printf("sig %d code %d onalt %d trap %lld\n",s,i->si_code,(char*)&c>=alt&&(char*)&c<alt+sizeof alt,(long long)c->uc_mcontext.gregs[REG_TRAPNO]);siglongjmp(j,1);}
static int deep(int n){char b[10000];memset(b,n,sizeof b);return b[n%1000]+deep(n+1);}
int main(void){getcontext(&b);b.uc_stack.ss_sp=st;b.uc_stack.ss_size=sizeof st;b.uc_link=&a;makecontext(&b,co,0);swapcontext(&a,&b);puts("main");swapcontext(&a,&b);
stack_t s={.ss_sp=alt,.ss_size=sizeof alt};sigaltstack(&s,0);struct sigaction sa={.sa_sigaction=sv,.sa_flags=SA_SIGINFO|SA_ONSTACK};for(int n=1;n<32;n++)if(n!=9&&n!=19&&n!=17)sigaction(n,&sa,0);
if(!sigsetjmp(j,1))deep(0);if(!sigsetjmp(j,1))*(volatile int*)0x1234=1;if(!sigsetjmp(j,1))__builtin_trap();volatile int z=0;if(!sigsetjmp(j,1))z=1/z;if(!sigsetjmp(j,1))((void(*)(void))st)();if(!sigsetjmp(j,1))*(volatile int*)0xffff800000000000=1;if(!sigsetjmp(j,1))__asm__ volatile("int3");if(!sigsetjmp(j,1))__asm__ volatile("hlt");if(!sigsetjmp(j,1))__asm__ volatile("movq $0x123456789abcdef0,%%rax; jmp *%%rax":::"rax");
feenableexcept(FE_DIVBYZERO);volatile double d=0;if(!sigsetjmp(j,1))d=1/d;fedisableexcept(FE_ALL_EXCEPT);if(!sigsetjmp(j,1))raise(SIGUSR1);if(!sigsetjmp(j,1))kill(getpid(),SIGUSR2);if(!sigsetjmp(j,1))sigqueue(getpid(),SIGTERM,(union sigval){5});
char*f=mmap(0,8192,3,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);munmap(f+4096,4096);if(!sigsetjmp(j,1))f[4096]=1;mprotect(f,4096,PROT_READ);if(!sigsetjmp(j,1))f[0]=1;f=mmap(0,4096,PROT_READ|PROT_EXEC|PROT_WRITE,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);memcpy(f,"\xb8\x07\0\0\0\xc3",6);printf("jit %d\n",((int(*)(void))f)());
void*h=dlopen("libm.so.6",RTLD_NOW);double(*c)(double)=dlsym(h,"cos");printf("%.3f\n",c(0.5));void*bt[9];printf("%d\n",backtrace(bt,9)>1);struct rlimit rl;getrlimit(RLIMIT_STACK,&rl);printf("%ld\n",(long)rl.rlim_cur);signal(SIGABRT,SIG_DFL);if(!fork())abort();int w;wait(&w);printf("%x\n",w&0x7f);
struct rusage ru;getrusage(RUSAGE_CHILDREN,&ru);printf("%d\n",ru.ru_maxrss>0);void*big=malloc(1<<30);printf("%d\n",big!=0);free(big);char*bk=sbrk(0);printf("%d\n",sbrk(100000)==bk&&sbrk(-100000)!=(void*)-1);printf("%d\n",malloc(1L<<46)==0);return 0;}
C
gcc-12 -O0 -w b.c -o b -lm -ldl && ./b; echo $?
## make jobs
mkdir src; for i in $(seq 1 12); do echo "int f$i(void){return $i;}" >src/f$i.c; done; cat >Makefile <<'M'
O=$(patsubst src/%.c,%.o,$(wildcard src/*.c))
CC=gcc-12
all: lib.a ; @ar t lib.a | sort | wc -l
lib.a: $(O) ; @ar rc $@ $^
%.o: src/%.c ; @$(CC) -c $< -o $@
slow: $(foreach i,1 2 3 4 5 6,s$i)
s%: ; @sleep 0.2; echo $@ >>log
fail: ; @exit 3
kill: ; @kill -9 $$$$
rec: ; @$(MAKE) -s slow
.PHONY: all slow fail kill rec
M
make -s -j4 all; make -s -j6 slow; sort log; make fail; echo $?; make kill; echo $?; make -k fail slow -j3 >/dev/null 2>&1; echo $?; make -s -j3 rec; sort log | uniq -c; make -q all; echo $?; make nosuch; echo $?; make -s -j2 -O slow; (make -s slow & sleep 0.1; kill $!; wait $!; echo $?) 2>&1; touch -d @1 src/f1.c; make -n all | wc -l; touch src/f1.c; make -n all | wc -l
## git local clones
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'; git config --global user.email a@b; git config --global user.name n; git config --global init.defaultBranch main; git config --global protocol.file.allow always; git init -q a; cd a; for i in 1 2 3 4 5; do seq $((i*100)) >f$i; git add .; git commit -qm c$i; done; git log --format=%H | md5sum; cd ..; git clone -q a b; git clone -q --bare a c.git; git clone -q --no-hardlinks --depth 2 file://$PWD/a d 2>&1; (cd b; git checkout -qb x; echo z >z; git add z; git commit -qm z; git push -q origin x 2>&1; git fetch -q; git branch -a; git worktree add -q ../w main~1 2>&1; ls ../w; git stash list; echo q >>f1; git stash -q; git status -s; git stash pop -q; git status -s); (cd d; git log --oneline | wc -l); cd a; git gc -q; git count-objects -v | grep -E '^(count|packs)'; git fsck; git merge -q x; git rebase -q HEAD~2 2>&1; git bisect start -q HEAD HEAD~4 2>&1 | tail -1 | cut -c1-9; git bisect reset -q 2>&1 | wc -l; git tag t; git archive t | tar t | wc -l; git repack -adq; git prune; git grep -c 99 | head -3; git blame f1 | wc -l; git format-patch -1 -q; git apply --stat 0*.patch; git reflog | wc -l; git diff HEAD~1 --stat | tail -1; git submodule add -q ../c.git sub 2>&1; git status -s; git clean -fdq; mkdir -p .git/hooks; printf '#!/bin/sh\necho hook; exit 1\n' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; echo n >n; git add n; git commit -qm no; echo $?
## sqlite concurrent writers
sqlite3 t.db 'pragma journal_mode=wal; create table t(w,i);'; for w in 1 2 3 4; do (for i in 1 2 3 4 5 6 7 8 9 10; do echo "pragma busy_timeout=20000; insert into t values($w,$i);"; done | sqlite3 t.db >/dev/null) & done; wait; sqlite3 t.db 'select count(*), count(distinct w*100+i) from t; pragma integrity_check; pragma wal_checkpoint(truncate);'; sqlite3 t.db 'pragma journal_mode=delete; begin immediate; insert into t values(9,9); .system sqlite3 t.db "insert into t values(8,8)" 2>&1' 2>&1 | tail -1; (echo 'begin exclusive;'; sleep 1) | sqlite3 t.db & sleep 0.4; sqlite3 t.db 'select 1 from t limit 1' 2>&1; wait; sqlite3 t.db 'pragma mmap_size=1000000; select count(*) from t; vacuum;'; sqlite3 :memory: 'with recursive c(x) as (select 1 union all select x+1 from c where x<100000) select sum(x),avg(x) from c'; chmod 444 t.db; chroot --userspec=nobody / sqlite3 $PWD/t.db 'insert into t values(1,1)' 2>&1; ls t.db*
## tar and compressors
mkdir -p d/sub; seq 1 30000 >d/n; ln d/n d/hard; ln -s n d/sym; mkfifo d/p; truncate -s 3M d/sparse; printf x | dd of=d/sparse bs=1 seek=2000000 conv=notrunc status=none; setfattr -n user.a -v b d/n 2>/dev/null; for z in --gzip --xz --zstd --bzip2; do tar -c $z -f t d; mkdir o; tar -x -f t -C o; diff -r --exclude=p d o/d && echo $z; stat -c '%h %F' o/d/hard o/d/p; rm -rf o; done; tar -cSf t d; stat -c %s t | awk '{print ($1<400000)}'; mkdir o; tar -xf t -C o; stat -c '%s %b' o/d/sparse; tar -cf t --format=pax d; tar -tvf t | awk '{print $1,$2,$3}' | sort | head -4; echo new >d/new; tar -rf t d/new; tar -tf t | tail -1; tar --delete -f t d/new; tar -df t d; echo $?; touch -d '2020-01-01' d/n; tar -g snap -cf inc d; echo more >d/more; tar -g snap -cf inc2 d; tar -tf inc2 | sort; tar -cM -L 100 -f v1 -f v2 -f v3 d/n; echo $?; ls v*; tar -c d | tar -x -C o; tar --to-command='wc -c' -xf t d/n; tar -xf t --strip-components=1 -C o d/n; ls o; tar -cf /dev/full d; echo $?; tar --totals -cf /dev/null d/n 2>&1 | cut -d' ' -f1-3; for c in gzip 'xz -T2' 'zstd -q' bzip2; do $c -k d/n; done; ls d; xz -l d/n.xz | wc -l; zstd -q -t d/n.zst; cat d/n | zstd -q -T2 | zstd -dcq | md5sum; xz -dc d/n.xz | head -1; gzip -dc <d/n.gz | tail -1; xz -k d/n; echo $?; zstd d/n </dev/null 2>&1 | tail -1 | cut -c1-40; bzip2 -t d/n.bz2; xz --memlimit=1M -dc d/n.xz 2>&1 >/dev/null | cut -c1-30
## vim and less
printf 'one\ntwo\nthree\n' >f; vim.tiny -es -u NONE f -c '%s/o/0/g' -c 'g/three/d' -c '$put ="tail"' -c 'r !echo shell' -c 'w out' -c 'q!' ; echo $?; cat out; vim.tiny -es -u NONE f -c 'w !cat' -c q; vim.tiny -es -u NONE -c 'e /nosuch/x' -c 'w' -c 'cq'; echo $?; (sleep 1; printf 'ihello\033:w g\r'; sleep 0.5; printf ':!echo sub\r\r'; sleep 1; printf ':q\r'; sleep 0.5) | script -qc 'stty rows 10 cols 40; TERM=vt100 vim.tiny -u NONE -i NONE -n' /dev/null >/dev/null; cat g; chmod 444 f; vim.tiny -es -u NONE f -c 's/one/ONE/' -c 'w!' -c q; cat f; ls -a; seq 200 >n; (sleep 0.7; printf 'G'; sleep 0.3; printf 'g'; sleep 0.3; printf '/77\r'; sleep 0.3; printf 'q') | script -qc 'stty rows 8 cols 30; TERM=vt100 less n' /dev/null | tr -d '\r' | grep -E '^(200|77|1)$' | sort -u; less n | md5sum; less nofile; echo $?; cat n | less - | tail -1; lesspipe n | head -1; more n | tail -1; nano --version | head -1 | cut -d, -f1
## procps and psmisc
sleep 77 & p=$!; sleep 0.2; ps -o pid,ppid,comm,args,stat,ni,pri,cls,rtprio,psr,wchan,tty,nlwp -p $p | tail -1 | awk -v p=$p -v s=$$ '{print ($1==p),($2==s),$3,$4,$5,$6,$7,$8,$9,$10}'; ps -C sleep -o comm=; ps --ppid $$ -o comm= >o; grep -c sleep o; ps -p 99999; echo $?; ps -o lstart= -p $p | wc -w; ps -o etimes= -p $p | awk '{print ($1<100)}'; ps -o %cpu,%mem,bsdtime,cputime,sigmask,ignored,caught,pending,blocked,f -p $p | head -1; ps -o f= -p 1; ps -o cgroup,ipcns,oom,supgid,euser,fuser,lsession,ouid,unit,slice -p $p | head -1; pstree -p $p | sed 's/[0-9][0-9]*/N/g'; pstree -a 1 | head -1; fuser /bin/sleep 2>&1 | wc -w | awk '{print ($1>1)}'; killall -q -STOP sleep; sleep 0.2; ps -o stat= -p $p; pwdx $p | cut -d: -f2; pmap $p | tail -1 | awk '{print $1}'; pmap -x $p | head -2 | tail -1; prlimit -p $p --nofile; prlimit -p $p --nofile=50:60; prlimit -p $p --nofile -o SOFT,HARD --noheadings; choom -p $p | sed 's/pid [0-9]*/pid N/'; choom -n 10 -p $p | sed 's/pid [0-9]*/pid N/'; renice -n 5 -p $p | sed 's/^[0-9]*/N/'; ionice -p $p; chrt -p $p | sed 's/pid [0-9]*/N/'; uclampset -p $p 2>&1 | sed 's/([0-9]*)//' | tail -1; prtstat $p | head -1 | sed 's/[0-9][0-9]*/N/g'; kill -KILL $p; wait $p; echo $?; skill -l | head -1; lsns 2>&1 | wc -l | awk '{print ($1>0)}'; lslocks | head -1; lscpu | grep -E '^(Architecture|Byte Order|CPU\(s\)|On-line)' | tr -s ' '; lsblk 2>&1 | head -1; lsirq 2>&1 | head -1; findmnt -n -o FSTYPE /proc; findmnt /tmp -o TARGET,FSTYPE,SOURCE; ipcs -q 2>&1 | head -2 | tail -1; mcookie | wc -c; namei -l /bin/sh | tail -1; rename.ul a b nofile; whereis sh | cut -d: -f1; script -qc 'setterm --reset' /dev/null | wc -c | awk '{print ($1>0)}'; nsenter -t 1 -m true; echo $?; unshare -U true; echo $?; unshare true; echo $?; setpriv --reuid 5 --clear-groups id -u; setpriv -d | head -3; setpriv --nnp su nobody -s /bin/sh -c id 2>&1 | head -1 | sed 's/\[[0-9]*\]//'; setarch -R true; echo $?; linux32 uname -m; setarch x86_64 uname -m; fincore /bin/sleep | wc -l; hardlink -q .; cal 2>&1 | head -1 | wc -c | awk '{print ($1>0)}'; look 2>&1 | head -1; getopt -o ab: -- -a -b c d; flock -n x -c 'flock -n x true; echo $?'; wdctl 2>&1 | head -1; zramctl 2>&1 | head -1; blkid; echo $?; swapon --show; losetup -a; echo $?; mkswap x 2>&1 | tail -1 | cut -c1-30; dmesg --level=err | wc -l | awk '{print ($1>=0)}'; dmesg -T 2>&1 | head -1 | wc -l; last -f /dev/null | tail -1 | cut -c1-5
## strace is refused
strace -f -o t true; echo $?; cat t | tail -1; strace -c true 2>&1 | tail -1; strace -p 1 2>&1 | head -1
## coreutils locales and sums
LC_ALL=C.UTF-8 printf '%s\n' é z a | LC_ALL=C.UTF-8 sort; LC_ALL=C.UTF-8 wc -m <<<é 2>/dev/null; echo é | iconv -f utf8 -t latin1 | od -An -tx1; numfmt --to=iec 1048576; stat --printf '%n %s\n' /etc/hostname; date -u -d 'tomorrow 00:00' +%H; date -d 'TZ="Asia/Tokyo" 2020-01-01 09:00' -u +%F_%T; seq 1000 | shuf | sort -n | tail -1; basenc --base32hex <<X
hi
X
tsort <<X
a b
b c
X
ls --time-style=+%Y -ld --time=atime / | wc -l; pathchk -p 'a:b'; echo $?; cksum -a sha256 /etc/hostname | wc -w; install -d a/b; cp -a --parents /etc/hostname a; ls a/etc; dircolors -b | head -1 | cut -c1-9; timeout 1 tail -f --pid=1 /dev/null; echo $?; cp -rl /etc/pam.d p 2>&1 | head -1; cp -rs /etc/pam.d q; ls -l q | head -2 | tail -1 | cut -c1; rm -rf --one-file-system p q; rm -rf --preserve-root / 2>&1 | head -1; chcon x y 2>&1 | head -1; sync -d /etc/hostname; echo $?; stty -F /dev/null 2>&1; stty -F /dev/ttyS0 size; tty -s; echo $?; who -b 2>&1 | wc -l; users | wc -w; nproc --ignore=1; link /etc/hostname h; echo $?; unlink h; sleep 0.1s 0.1; echo $?; kill -L | head -1; env printf '%b\n' '\101'; shred --help | head -1 | cut -c1-6; ls -l --zero / | tr '\0' '\n' | wc -l | awk '{print ($1>5)}'; df --total / | tail -1 | cut -d' ' -f1; b2sum -l 64 /etc/hostname | cut -c1-4 | wc -c; split -n r/3 /etc/passwd z; cat z?? | sort | cmp - <(sort /etc/passwd) 2>/dev/null; echo $?
## upstream test_io
timeout 300 python3 -m test -v --timeout 250 test_io test_file test_fileinput test_filecmp 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_multiprocessing_fork
timeout 300 python3 -m test -v --timeout 250 test_multiprocessing_fork 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream test_concurrent_futures
timeout 300 python3 -m test -v --timeout 250 test_queue test_sched test_thread_local_bytearray test_concurrent_futures -m 'ThreadPool*' -m 'test_queue*' 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
## upstream small ones
timeout 300 python3 -m test -v --timeout 250 test_faulthandler test_cmd_line test_getpass test_grp test_pwd test_mailbox test_zipapp test_dbm_dumb test_shelve test_netrc test_largefile test_sundry test_locale test_nis test_crypt test_spwd test_syslog test_pipes test_uuid test_utime test_bufio test_univnewlines 2>&1 | grep -aE "\.\.\. (ok|ERROR|FAIL|skipped)|^(FAIL|ERROR)|result" | sed "s/0x[0-9a-f]*/X/g"
