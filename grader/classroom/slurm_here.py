"""A Slurm cluster of a few nodes on this one machine, without systemd and without touching the machine's own Slurm: for trying a class's run, and for the test
that kills a node. Everything lies in one folder; every process is started, and ended, by its number.

Nodes have names of their own and ports of their own on 127.0.0.1. Jobs of a dead node are queued again by slurmctld once SlurmdTimeout is over."""
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

CONF = """ClusterName=here
SlurmctldHost=%(host)s(127.0.0.1)
SlurmctldPort=%(port)d
SlurmUser=%(user)s
SlurmdUser=%(user)s
AuthType=auth/munge
AuthInfo=socket=%(top)s/munge.sock,cred_expire=30
CredType=cred/munge
StateSaveLocation=%(top)s/state
SlurmdSpoolDir=%(top)s/spool-%%n
SlurmctldPidFile=%(top)s/ctld.pid
SlurmdPidFile=%(top)s/d-%%n.pid
SlurmctldLogFile=%(top)s/ctld.log
SlurmdLogFile=%(top)s/d-%%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobCompType=jobcomp/filetxt
JobCompLoc=%(top)s/jobcomp.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=30
KillWait=5
MinJobAge=60
JobRequeue=1
RequeueExit=99
SchedulerParameters=sched_interval=2,batch_sched_delay=1
%(nodes)sPartitionName=grade Nodes=ALL Default=YES MaxTime=00:30:00 State=UP
"""


class Here:
    def __init__(self, top, nodes=2, cpus=1):
        self.top = Path(top)
        self.names = ["here%d" % (i + 1) for i in range(nodes)]
        self.conf = self.top / "slurm.conf"
        self.environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        self.daemons = {}
        ports = _free_ports(nodes + 1)
        for name in ["state"] + ["spool-" + n for n in self.names]:
            (self.top / name).mkdir(parents=True, exist_ok=True)
        lines = "".join("NodeName=%s NodeHostname=%s NodeAddr=127.0.0.1 Port=%d CPUs=%d RealMemory=2000 State=UNKNOWN\n" % (name, socket.gethostname(), port, cpus)
                        for name, port in zip(self.names, ports[1:]))
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        self.conf.write_text(CONF % {"host": socket.gethostname(), "port": ports[0], "user": user, "top": self.top, "nodes": lines})

    # --- life

    def __enter__(self):
        try:
            self._munge()
            self._start("ctld", ["/usr/sbin/slurmctld", "-D", "-f", str(self.conf)])
            for name in self.names:
                self.start_node(name)
            self.wait(lambda: self.states().count("idle") == len(self.names), "the nodes")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in self.names:
            self.kill_node(name)
        for process in reversed(self.daemons.values()):
            process.terminate()
        for process in self.daemons.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name, command):
        with open(self.top / (name + ".out"), "ab") as log:
            self.daemons[name] = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _munge(self):
        key = self.top / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        self.top.chmod(0o755)
        self._start("munge", ["/usr/sbin/munged", "--foreground", "--force", "--key-file=%s" % key, "--socket=%s/munge.sock" % self.top, "--pid-file=%s/munge.pid" % self.top,
                              "--log-file=%s/munge.log" % self.top, "--seed-file=%s/munge.seed" % self.top])
        self.wait(lambda: (self.top / "munge.sock").exists(), "munged")

    def start_node(self, name):
        self._start(name, ["/usr/sbin/slurmd", "-D", "-N", name, "-f", str(self.conf)])

    def processes_of(self, name):
        """The numbers of the node's own processes, in the order in which they are to die: slurmstepd of each job, slurmd, and what the jobs have started."""
        steps, daemons, jobs = set(), [], []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                environment = (place / "environ").read_bytes().split(b"\0")
                words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                above = Path("/proc/%d/cmdline" % parent).read_bytes() if parent else b""
            except (OSError, ValueError):
                continue
            if b"SLURM_CONF=" + str(self.conf).encode() not in environment:
                continue
            if "slurmd -D -N %s " % name in words:
                daemons.append(int(place.name))
            elif b"SLURMD_NODENAME=" + name.encode() in environment:
                jobs.append(int(place.name))
                if above.startswith(b"slurmstepd"):
                    steps.add(parent)
        return sorted(steps) + daemons + jobs

    def kill_node(self, name):
        """As if its plug was pulled: everything on it ends at once, and nobody is told. How many processes that were."""
        count = 0
        for _ in range(3):
            for number in self.processes_of(name):
                try:
                    os.kill(number, signal.SIGKILL)
                    count += 1
                except ProcessLookupError:
                    pass
        if name in self.daemons:
            self.daemons.pop(name).wait()
        return count

    # --- looking

    def run(self, *words):
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False).stdout

    def states(self):
        return [s.rstrip("*") for s in self.run("sinfo", "-h", "-N", "-o", "%t").split()]

    def wait(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                logs = "\n".join("--- %s\n%s" % (p.name, p.read_text(errors="replace")[-1500:]) for p in sorted(self.top.glob("*.log")) + sorted(self.top.glob("*.out")))
                raise TimeoutError("%s: not after %d s\n%s" % (what, seconds, logs))
            time.sleep(0.2)


def _free_ports(count):
    links = [socket.socket() for _ in range(count)]
    for link in links:
        link.bind(("127.0.0.1", 0))
    ports = [link.getsockname()[1] for link in links]
    for link in links:
        link.close()
    return ports


def there():
    return all(shutil.which(c, path=os.environ.get("PATH", "") + ":/usr/sbin") for c in ("sbatch", "slurmctld", "slurmd", "munged"))
