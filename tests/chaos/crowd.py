"""Connections by the thousand, all in one thread: those that ask, and those that are only kept open."""

import resource
import selectors
import socket
import time
from collections import Counter
from typing import NamedTuple

PATIENCE_S = 60.0  # nothing may take so long
WAVE = 250  # connections that ask at the same time, of those that all ask once
SPARE = 200  # descriptors for everything else


def need_descriptors(count):
    """Let this process open so many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))  # root may raise the hard one, too


def get(path, *headers):
    """A request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: chaos", *headers, "", ""]).encode()


class Answer(NamedTuple):
    """`status` is None where the connection broke."""

    status: int
    seconds: float
    retry_after: str = None


class Caller:
    """One kept connection, and the answer that it is waiting for."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket.setblocking(False)
        self.received = bytearray()
        self.asked_at = None
        self.broken = False

    def ask(self, request):
        self.received.clear()
        self.asked_at = time.monotonic()
        try:
            self.socket.send(request)  # a new or answered connection has room for it
        except OSError:
            pass  # it was closed: listen() says so

    def listen(self):
        """Take what there is; the Answer once it is there whole."""
        try:
            piece = self.socket.recv(1 << 20)
        except BlockingIOError:
            return None
        except OSError:
            piece = b""
        self.received += piece
        seconds = time.monotonic() - (self.asked_at or time.monotonic())
        if not piece:
            return Answer(None, seconds)
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.received[:end].decode("latin-1").lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        length = headers.get("content-length")
        whole = self.received.endswith(b"0\r\n\r\n") if length is None else len(self.received) == end + 4 + int(length)
        return Answer(int(head.split(" ", 2)[1]), seconds, headers.get("retry-after")) if whole else None


class Crowd:
    """`with Crowd(port) as crowd:` closes what it has opened."""

    def __init__(self, port):
        self.port = port
        self.callers = []
        self.ready = selectors.DefaultSelector()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ready.close()
        for caller in self.callers:
            caller.socket.close()

    def add(self, count=1):
        need_descriptors(len(self.callers) + count)
        for _ in range(count):
            caller = Caller(self.port)
            self.callers.append(caller)
            self.ready.register(caller.socket, selectors.EVENT_READ, caller)
        return caller

    def take_answers(self, wait_s):
        """(caller, Answer) of those that have come, or come within `wait_s`."""
        for key, _ in self.ready.select(max(0, wait_s)):
            caller = key.data
            answer = caller.listen()
            if answer and not answer.status:
                self.ready.unregister(caller.socket)
                caller.broken = True
            if answer and caller.asked_at is not None:
                caller.asked_at = None
                yield caller, answer

    def ask_all(self, request):
        """One request on every connection at once."""
        for caller in self.callers:
            caller.ask(request)

    def collect(self, count):
        """The next so many Answers, or what there is of them after a long time."""
        answers, end = [], time.monotonic() + PATIENCE_S
        while len(answers) < count and time.monotonic() < end:
            answers += [answer for _, answer in self.take_answers(end - time.monotonic())]
        return answers

    def ask_each(self, request):
        """One request on every connection that is still there, a wave after the other; the Answers."""
        answers = []
        end = time.monotonic() + PATIENCE_S
        for first in range(0, len(self.callers), WAVE):
            wave = [caller for caller in self.callers[first:first + WAVE] if not caller.broken]
            for caller in wave:
                caller.ask(request)
            waiting = len(wave)
            while waiting and time.monotonic() < end:
                came = [answer for _, answer in self.take_answers(end - time.monotonic())]
                waiting -= len(came)
                answers += came
        return answers

    def offer(self, request, rate, seconds):
        """So many requests a second, whatever becomes of them; the Answers, to the last one."""
        free, answers, waiting = [], [], 0
        began = time.monotonic()
        due = [began + turn / rate for turn in range(int(rate * seconds))]
        for at in due:
            while True:
                for caller, answer in self.take_answers(at - time.monotonic()):
                    answers.append(answer)
                    waiting -= 1
                    if answer.status:
                        free.append(caller)
                if time.monotonic() >= at:
                    break
            (free.pop() if free else self.add()).ask(request)
            waiting += 1
        while waiting and time.monotonic() < due[-1] + PATIENCE_S:
            came = [answer for _, answer in self.take_answers(1)]
            waiting -= len(came)
            answers += came
        return answers


def statuses(answers):
    return Counter(answer.status for answer in answers)


def percentile(seconds, part):
    """Of a list of times."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0
