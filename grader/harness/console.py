"""The guest's serial line: a thread that drains it, and expect() over what came."""
import re
import threading


class Console:
    def __init__(self, reader, writer):
        self._writer = writer
        self._data = bytearray()
        self._seen = 0  # what expect() has gone past
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._drain, args=(reader,), daemon=True)
        self._thread.start()

    def _drain(self, reader):
        while True:
            try:
                piece = reader.read1(65536)
            except (OSError, ValueError):
                piece = b""
            with self._changed:
                if not piece:
                    self._closed = True
                    self._changed.notify_all()
                    return
                self._data += piece
                self._changed.notify_all()

    @property
    def text(self):
        with self._changed:
            return self._data.decode("utf-8", "replace")

    @property
    def closed(self):
        return self._closed

    def finish(self, timeout=30):
        """Once the other end has gone: waits until all that it had said is read."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, timeout)

    def send(self, text):
        self._writer.write(text.encode() if isinstance(text, str) else text)
        self._writer.flush()

    def line(self, text):
        self.send(text + "\n")

    def wait(self, pattern, timeout):
        """The match of `pattern` in what came since the last match, or None after `timeout` seconds or the end of the line."""
        regex = re.compile(pattern.encode() if isinstance(pattern, str) else pattern, re.S | re.M)
        with self._changed:
            def found():
                return regex.search(self._data, self._seen)
            self._changed.wait_for(lambda: found() or self._closed, timeout)
            match = found()
            if match:
                self._seen = match.end()
            return match

    def since(self, mark):
        with self._changed:
            return self._data[mark:].decode("utf-8", "replace")

    @property
    def mark(self):
        with self._changed:
            return len(self._data)
