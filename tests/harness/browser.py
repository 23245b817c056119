"""Chromium without a window, spoken to by the DevTools protocol over a pair of pipes."""

import base64
import fcntl
import json
import os
import selectors
import shutil
import subprocess
import tempfile
import time

from . import wait
from .process import environment, tied

# Nobody but this machine can be reached, and what a browser does on its own account is off.
OPTIONS = [
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--remote-debugging-pipe",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions",
    "--disable-sync", "--password-store=basic", "--window-size=1200,1600",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip


class Browser:
    """`with Browser() as browser:`; one page. `events` are those that came, oldest first."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="purser-browser-")
        self.events = []
        self.count = 0
        self.text = b""
        self.session = None

    def __enter__(self):
        try:
            self._start()
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Network", "Runtime", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
        # As its descriptors 3 and 4; high numbers before, so that neither is in the other's way.
        high = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (theirs_in, theirs_out)]
        os.close(theirs_in), os.close(theirs_out)
        command = ["chromium", *OPTIONS, f"--user-data-dir={self.directory}", "about:blank"]
        self.process = subprocess.Popen(
            tied("KILL", ["bash", "-c", f'exec "$@" 3<&{high[0]} 4>&{high[1]}', "browser", *command]), pass_fds=high,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env=environment(HOME=self.directory),
        )  # fmt: skip
        for each in high:
            os.close(each)
        self.to, self.from_ = os.fdopen(ours_out, "wb", buffering=0), ours_in

    def call(self, method, **params):
        """One command; its result."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.to.write(json.dumps(message).encode() + b"\0")
        end = time.monotonic() + wait.PATIENCE_S
        while True:
            answer = self._receive(end)
            if answer.get("id") == self.count:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _receive(self, end):
        with selectors.DefaultSelector() as ready:
            ready.register(self.from_, selectors.EVENT_READ)
            while b"\0" not in self.text:
                if not ready.select(max(0, end - time.monotonic())):
                    raise TimeoutError("the browser says nothing")
                piece = os.read(self.from_, 1 << 20)
                assert piece, "the browser is gone"
                self.text += piece
        whole, _, self.text = self.text.partition(b"\0")
        message = json.loads(whole)
        if "method" in message:
            self.events.append(message)
        return message

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def until(self, expression):
        """Wait until an expression is true in the page; its value."""
        return wait.until(lambda: self.evaluate(expression), expression, pause=0.05)

    def open(self, address):
        """Go there. What the page's policy forbids is collected in `violations`, in the page."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source="""
            window.violations = [];
            document.addEventListener("securitypolicyviolation", (event) =>
                window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`));
        """)
        self.call("Page.navigate", url=address)

    def told(self, method):
        """The parameters of the events of one kind."""
        return [event["params"] for event in self.events if event["method"] == method]

    def screenshot(self):
        """What the window shows, as a PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def __exit__(self, *_):
        if hasattr(self, "process"):
            self.process.terminate()
            try:
                self.process.wait(wait.PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.to.close()
            os.close(self.from_)
        shutil.rmtree(self.directory, ignore_errors=True)
