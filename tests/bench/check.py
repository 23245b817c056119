"""Before a stack is measured it must answer right: the same objects, field by field, from every one."""

import http.client
import json

import rows
from load import Refused


class Client:
    """One connection that is kept; whatever is not as it must be is Refused."""

    def __init__(self, port, timeout_s=60):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def open(self, method, path, body=None, headers=None, status=200):
        """An answer of which only the head has been read."""
        try:
            self.connection.request(method, path, body=body, headers=headers or {})
            answer = self.connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f"{method} {path}: {error!r}") from error
        if answer.status != status:
            raise Refused(f"{method} {path} was answered with {answer.status}, not {status}: {answer.read(300)!r}")
        return answer

    def ask(self, method, path, body=None, headers=None, status=200):
        """An answer's headers and its body, whole."""
        answer = self.open(method, path, body, headers, status)
        try:
            return answer.headers, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f"{method} {path}: {error!r}") from error


def ask(port, method, path, body=None):
    """One request; the raw body of its answer, which must be 200."""
    with Client(port, 10) as client:
        return client.ask(method, path, body, {"Content-Type": "application/json"} if body else {})[1]


def answers(port, work, passengers):
    """Asks once for the work's answer and compares it; returns the least size that the answers can have."""
    if work == "get":
        texts = [ask(port, "GET", f"/getpassenger/{p['uuid']}") for p in passengers[::100]]
        right = [json.loads(text) for text in texts] == passengers[::100]
    elif work == "list":
        texts = [ask(port, "GET", "/passengerlist")]
        right = sorted(json.loads(texts[0]), key=lambda p: p["uuid"]) == passengers
    else:
        texts = [ask(port, "POST", "/postpassenger", json.dumps(rows.NEW))]
        made = json.loads(texts[0])
        right = len(made) == 1 and {**made[0], "uuid": None} == {**rows.NEW, "uuid": None}
    if not right:
        raise Refused(f"the answer is wrong: {texts[0][:200]!r}")
    return min(len(text) for text in texts) // 2
