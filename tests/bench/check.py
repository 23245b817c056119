"""Before a stack is measured it must answer right: the same objects, field by field, from every one."""

import http.client
import json

import rows
from load import Refused


def ask(port, method, path, body=None):
    """One request; the raw body of its answer, which must be 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Refused(f"{method} {path}: {error!r}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise Refused(f"{method} {path} was answered with {answer.status}")
    return text


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
