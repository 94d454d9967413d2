"""QEMU's two windows into a running guest: the monitor (QMP) and the debugger's stub."""
import json
import socket
import struct
import time


def connect(path, timeout=10, alive=lambda: True):
    end = time.monotonic() + timeout
    while True:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect(str(path))
            link.settimeout(timeout)
            return link
        except OSError:
            link.close()
            if time.monotonic() > end or not alive():
                raise
            time.sleep(0.02)


class Qmp:
    def __init__(self, path, alive=lambda: True):
        self._link = connect(path, alive=alive)
        self._file = self._link.makefile("rw", encoding="utf-8")
        self.events = []
        self._receive()
        self.execute("qmp_capabilities")

    def _receive(self):
        line = self._file.readline()
        if not line:
            raise ConnectionError("QEMU closed its monitor")
        return json.loads(line)

    def execute(self, command, **arguments):
        self._file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._file.flush()
        while True:
            answer = self._receive()
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError("%s: %s" % (command, answer["error"]["desc"]))
            else:
                return answer["return"]

    def monitor(self, line):
        return self.execute("human-monitor-command", **{"command-line": line})

    def close(self):
        try:
            self._file.close()
        except OSError:
            pass  # QEMU was quicker
        self._link.close()


class GdbStub:
    """The remote serial protocol, as far as a grader needs it: stop, read memory and registers, break, go on."""
    REGISTERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                 "r15", "rip")

    def __init__(self, path):
        self._link = connect(path)
        self._data = b""

    def _packet(self, timeout=None):
        self._link.settimeout(timeout or 10)
        while True:
            start = self._data.find(b"$")
            end = self._data.find(b"#", start)
            if start >= 0 and end >= 0 and len(self._data) >= end + 3:
                body, self._data = self._data[start + 1:end], self._data[end + 3:]
                self._link.sendall(b"+")
                return body.decode("latin-1")
            piece = self._link.recv(65536)
            if not piece:
                raise ConnectionError("QEMU closed the debugger's link")
            self._data += piece

    def command(self, text, timeout=None):
        self._link.sendall(b"$%s#%02x" % (text.encode(), sum(text.encode()) & 255))
        return self._packet(timeout)

    def read(self, address, length):
        data = b""
        while len(data) < length:
            answer = self.command("m%x,%x" % (address + len(data), min(1024, length - len(data))))
            if answer.startswith("E") or not answer:
                raise ValueError("no memory at %#x" % (address + len(data)))
            data += bytes.fromhex(answer)
        return data

    def read_u64(self, address):
        return struct.unpack("<Q", self.read(address, 8))[0]

    def read_u32(self, address):
        return struct.unpack("<I", self.read(address, 4))[0]

    def registers(self):
        raw = bytes.fromhex(self.command("g"))
        return dict(zip(self.REGISTERS, struct.unpack("<17Q", raw[:17 * 8])))

    def break_at(self, address):
        if self.command("Z1,%x,1" % address) != "OK":
            raise RuntimeError("no hardware break at %#x" % address)

    def unbreak(self, address):
        self.command("z1,%x,1" % address)

    def write_physical(self, address, data):
        """Memory or a card's register, by its physical address; a machine that runs has been stopped by the connection, which is told first."""
        answers = [self.command("Qqemu.PhyMemMode:1")]
        if answers[0].startswith("T"):
            answers = [self._packet()]
        answers.append(self.command("M%x,%x:%s" % (address, len(data), data.hex())))
        if answers != ["OK", "OK"]:
            raise ValueError("no memory at %#x: %s" % (address, answers))

    def resume(self, timeout=30):
        """Run until the next stop; its reason."""
        return self.command("c", timeout)

    def detach(self):
        self._link.sendall(b"$D#44")
        self._link.close()
