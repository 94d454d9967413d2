"""Debian's own servers and clients of the network in the full kernel, over QEMU's user network: from the host to the guest, back, and inside of it."""
import functools
import hashlib
import http.client
import http.server
import os
import random
import socket
import subprocess
import threading

import pytest

from harness.build import BUILD, ROOT
from harness.qemu import free_port
from labs.scenarios import PROMPT, Session

PORTS = (22, 80, 6379)  # of the guest, that the host reaches by ports of its own


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


def git(*words, cwd):
    settings = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
                "GIT_COMMITTER_EMAIL": "a@b"}
    return subprocess.run(["git", *words], cwd=cwd, env={**os.environ, **settings}, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """(folder, port, the repository's head): a server on the host's loopback with a file and a repository of git."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "big").write_bytes(random.Random(11).randbytes(4_000_000))
    work = folder / "work"
    work.mkdir()
    git("init", "-q", "-b", "main", cwd=work)
    for i in range(5):
        (work / ("file%d" % i)).write_bytes(random.Random(i).randbytes(20_000))
        git("add", ".", cwd=work)
        git("commit", "-q", "-m", "change %d" % i, cwd=work)
    git("clone", "-q", "--bare", "work", "repo.git", cwd=folder)
    git("update-server-info", cwd=folder / "repo.git")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, server.server_address[1], git("rev-parse", "HEAD", cwd=work)
    server.shutdown()


@pytest.fixture(scope="module")
def debian():
    """(session, {port of the guest: port of the host})"""
    ports = {port: free_port() for port in PORTS}
    forward = "".join(",hostfwd=tcp:127.0.0.1:%d-:%d" % (there, here) for here, there in ports.items())
    one = Session("debian-net", "exec bash --noediting --norc", "export PATH=$PATH:/usr/sbin HOME=/root; mkdir -p /tmp/w; cd /tmp/w; set +m",
                  "ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2",
                  smp=2, cap=900, mem="512M", extra=["-netdev", "user,id=n0" + forward, "-device", "virtio-net-pci,netdev=n0,disable-legacy=on"])
    yield one, ports
    one.guest.close()


def slow(session, command, wanted):
    """As Session.answers, for what takes longer."""
    text = session.guest.run(command, PROMPT, timeout=400)
    assert wanted in text, "wrong output: %s\n%s" % (command, text)


pytestmark = pytest.mark.xdist_group("net-programs")


@pytest.mark.parametrize("command, wanted", [
    ("ip -br -4 addr show dev eth0", "10.0.2.15/24"),
    ("ip route get 10.0.2.9 | head -n 1", "10.0.2.9 dev eth0 src 10.0.2.15"),
    ("ip route get 10.0.2.255 | head -n 1", "broadcast 10.0.2.255 dev eth0 src 10.0.2.15"),
    ("ping -c 1 10.0.2.255 2>&1 | head -n 1", "Do you want to ping broadcast?"),
    ("ip neigh add 10.0.2.77 lladdr 52:54:00:11:22:33 dev eth0; ip neigh add 10.0.2.77 lladdr 52:54:00:11:22:33 dev eth0 2>&1; ip neigh flush dev eth0; ip neigh get 10.0.2.77 dev eth0",
     "10.0.2.77 dev eth0 lladdr 52:54:00:11:22:33 PERMANENT"),
    ("ip neigh del 10.0.2.77 dev eth0; ip neigh change 10.0.2.77 lladdr 52:54:00:11:22:33 dev eth0 2>&1", "No such file or directory"),
    ("ip link set eth0 name net7 2>&1", "Device or resource busy"),
    ("ip route add blackhole 10.99.0.0/16; ip route get 10.99.0.1 2>&1; ip route del blackhole 10.99.0.0/16", "Invalid argument"),
    ("ip -4 route show default", "default via 10.0.2.2 dev eth0"),
    ("ip -s link show lo | grep -c 'RX:'", "1"),
    ("ping -c 2 -i 0.2 10.0.2.2 | grep -o '2 received'", "2 received"),
    ("ping -c 1 -M do -s 2000 10.0.2.2 2>&1 | grep -o 'message too long'", "message too long"),
    ("ip neigh show dev eth0 | grep -o '10.0.2.2 lladdr 52:55:0a:00:02:02'", "10.0.2.2 lladdr 52:55:0a:00:02:02"),
], ids=lambda v: v[:40])
def test_iproute_and_ping(debian, command, wanted):
    debian[0].answers(command, wanted)


def test_ss_tells_of_sockets(debian):
    """By sock_diag, with the processes that have them; and ends one."""
    session, _ = debian
    session.answers("cd /tmp/w; nc -l 127.0.0.1 710 >/dev/null & nc -l -U u & nc -u -l 127.0.0.1 711 >/dev/null & sleep 0.5; (sleep 60 | nc 127.0.0.1 710) & sleep 0.5; "
                    "ss -Htnp state established sport = 710 | grep -o 'users:((\"nc\",pid=[0-9]*,fd=[0-9]*))' | grep -c .", "1")
    session.answers("ss -Htani dport = 710 | grep -o 'cubic wscale:7,7'", "cubic wscale:7,7")
    session.answers("ss -Huanp sport = 711 | grep -c UNCONN.*127.0.0.1:711.*nc", "1")
    session.answers("ss -Hxlp | grep -c 'u_str LISTEN.* u .*nc'", "1")
    session.answers("ss -Htan src 127.0.0.2 | wc -l", "0")
    session.answers("ss -HK dport = 710 2>&1 | grep -c Invalid; sleep 0.2; ss -Htan state established dport = 710 | wc -l", "0")
    session.answers("kill $(jobs -p); wait; rm -f u; jobs | wc -l", "0")


def test_nginx(debian):
    session, ports = debian
    session.answers("seq 200000 >/var/www/numbers; nginx && ss -Htln sport = 80 | grep -c LISTEN", "1")
    wanted = "".join("%d\n" % i for i in range(1, 200001)).encode()
    connection = http.client.HTTPConnection("127.0.0.1", ports[80], timeout=200)
    for _ in range(3):  # on one connection
        connection.request("GET", "/numbers")
        assert connection.getresponse().read() == wanted
    connection.request("GET", "/numbers", headers={"Range": "bytes=0-3"})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (206, b"1\n2\n")
    connection.close()
    session.answers("curl -s http://127.0.0.1/numbers | sha256sum | cut -c-64", hashlib.sha256(wanted).hexdigest())
    session.answers("curl -s -o /dev/null -o /dev/null -w '%{http_code} %{num_connects}\\n' http://127.0.0.1/none http://127.0.0.1/numbers | tr '\\n' ' '; echo", "404 1 200 0")
    session.answers("nginx -s quit; for i in $(seq 50); do [ -e /run/nginx.pid ] || break; sleep 0.1; done; ss -Htln sport = 80 | grep -c LISTEN", "0")


def test_redis(debian):
    session, ports = debian
    session.answers("redis-server --daemonize yes --protected-mode no --save '' --logfile /tmp/redis.log >/dev/null; for i in $(seq 100); do redis-cli ping && break; sleep 0.1; done 2>/dev/null", "PONG")
    slow(session, "redis-benchmark -q -n 3000 -c 20 -t set,get 2>&1 | tr '\\r' '\\n' | grep -c 'requests per second, p50'", "2")
    with socket.create_connection(("127.0.0.1", ports[6379]), timeout=200) as s, s.makefile("rwb") as f:
        value = random.Random(3).randbytes(100_000)
        f.write(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" % (len(value), value))
        f.flush()
        assert f.readline() == b"+OK\r\n" and f.readline() == b"$100000\r\n" and f.read(len(value)) == value
    session.answers("redis-cli strlen k; redis-cli shutdown nosave; redis-cli ping 2>&1 | grep -o refused", "refused")


def test_ssh_login(debian):
    session, ports = debian
    slow(session, "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; "
                    "cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys; chown root:root / /root /root/.ssh; chmod 755 /; /usr/sbin/sshd && echo s''up", "sup")
    ssh = "ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR"
    session.answers(ssh + " 127.0.0.1 'id -un; exit 7'; echo $?", "root\n7")
    session.answers(ssh + " -tt 127.0.0.1 'tty; stty size >/dev/null && echo on a terminal' | tr -d '\\r'", "/dev/pts/0\non a terminal")
    session.answers("head -c 3000000 /dev/urandom >r; scp -q -o StrictHostKeyChecking=no r 127.0.0.1:/tmp/r2; cmp r /tmp/r2 && echo same", "same")
    session.answers("tar cf - r | " + ssh + " 127.0.0.1 'tar tvf - | wc -l'", "1")
    with socket.create_connection(("127.0.0.1", ports[22]), timeout=200) as s:
        assert s.recv(100).startswith(b"SSH-2.0-OpenSSH")


def test_iperf3_both_ways(debian):
    """The host's side is the same program, from the tree that the image was made of."""
    tree = ROOT / BUILD / "rootfs/debian/tree-net/usr"
    port = free_port()
    server = subprocess.Popen([str(tree / "bin/iperf3"), "-s", "-B", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ, "LD_LIBRARY_PATH": str(tree / "lib/x86_64-linux-gnu")})
    try:
        for way in ("", "-R", "-P 3", "-u -b 5M"):
            text = "for i in 1 2 3 4 5; do iperf3 -c 10.0.2.2 -p %d -n 2M %s >out 2>&1 && break; sleep 0.5; done; grep -c 'receiver' out; tail -n 1 out" % (port, way)
            slow(debian[0], text, "iperf Done.")
    finally:
        server.kill()
        server.wait()


def test_curl_and_git(debian, web):
    folder, port, head = web
    digest = hashlib.sha256((folder / "big").read_bytes()).hexdigest()
    debian[0].answers("curl -s http://10.0.2.2:%d/big | sha256sum | cut -c-64" % port, digest)
    debian[0].answers("curl -s --parallel http://10.0.2.2:%d/big -o a http://10.0.2.2:%d/big -o b; cmp a b && sha256sum <b | cut -c-64" % (port, port), digest)
    slow(debian[0], "git clone -q http://10.0.2.2:%d/repo.git c && git -C c fsck --strict 2>&1 | grep -v notice; git -C c rev-parse HEAD" % port, head)


def test_netcat(debian):
    session, _ = debian
    session.answers("(sleep 0.1; echo out) | nc -l -N 127.0.0.1 700 >in & sleep 0.3; echo over | nc -N 127.0.0.1 700; wait; cat in", "out\nover")
    session.answers("nc -u -l -W 1 127.0.0.1 701 >in & sleep 0.3; echo datagram | nc -u -w 1 127.0.0.1 701; wait; cat in", "datagram")
    session.answers("nc -z -v 127.0.0.1 1 2>&1 | grep -o refused", "refused")
    session.answers("rm -f s; (echo local | nc -l -N -U s &); sleep 0.3; nc -N -U s </dev/null", "local")
