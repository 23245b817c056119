"""Where a request ends: two servers that disagree would let a client hide one request in another.

Each case is sent with a request behind it, in the same bytes. Either all of it is understood as it is meant, and both
are answered, or the first is refused and the connection closed: what follows it is never looked at.
"""

import pytest
from harness import wait
from harness.web import assert_problem, exchange

pytestmark = pytest.mark.usefixtures("no_worker_ends")

LAST = b"GET /zero HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HIDDEN = b"GET /hello?hidden HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"
BODY = b"2\r\n{}\r\n0\r\n\r\n"  # {} in chunks


def post(*headers, body=b"{}", version="1.1"):
    """A request to create an employee of whom nothing is said: 422 where the body that arrives is {}."""
    lines = [f"POST /v1/employees HTTP/{version}", "Host: x", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


UNDERSTOOD = {
    "chunked": post(CHUNKED, body=BODY),
    "chunked in capitals": post("TRANSFER-ENCODING: CHUNKED", body=BODY),
    "chunked with blanks": post("Transfer-Encoding:   chunked  ", body=BODY),
    "header that ends with LF alone": post("X: y\nTransfer-Encoding: chunked", body=BODY),
    "length": post("Content-Length: 2"),
    "length with blanks": post("Content-Length:  2 "),
    "length, in HTTP/1.0": post("Content-Length: 2", "Connection: keep-alive", version="1.0"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_is_understood(stack, name):
    first, last = exchange(stack.port, UNDERSTOOD[name] + LAST)
    assert_problem(first, 422, "invalid-fields", ["/name", "/age", "/email"])
    assert last.body == b'{"0":""}'


LENGTHS = ["2, 2", "+2", "-2", "0x2", "2.0", "2e0", "2;3", "two", "", "\t2", "2\t", "2 2", "2\0", "\xb2", str(2**63),
           str(2**64 + 2), "9" * 20]
TWO_LENGTHS = {
    "two lengths": post("Content-Length: 2", f"Content-Length: {2 + len(HIDDEN)}", body=b"{}" + HIDDEN),
    "two lengths, the longer one first": post(f"Content-Length: {2 + len(HIDDEN)}", "Content-Length: 2",
                                              body=b"{}" + HIDDEN),
    "the same length twice": post("Content-Length: 2", "Content-Length: 2", body=b"{}" + HIDDEN),
    "length before chunked": post(f"Content-Length: {5 + len(HIDDEN)}", CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "chunked before length": post(CHUNKED, f"Content-Length: {5 + len(HIDDEN)}", body=b"0\r\n\r\n" + HIDDEN),
    "length 0 before chunked": post("Content-Length: 0", CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "chunked twice": post(CHUNKED, CHUNKED, body=BODY + HIDDEN),
    "chunked, then identity": post(CHUNKED, "Transfer-Encoding: identity", body=BODY + HIDDEN),
    "identity, then chunked": post("Transfer-Encoding: identity", CHUNKED, body=BODY + HIDDEN),
    "chunked in HTTP/1.0": post(CHUNKED, version="1.0", body=BODY + HIDDEN),
}  # fmt: skip
NAMES = ["Content-Length ", "Content-Length\t", " Content-Length", "\tContent-Length", "Content\0-Length",
         "Content-\rLength"]
LINES = {
    "chunked on the next line": post("Transfer-Encoding:\r\n chunked", body=BODY + HIDDEN),
    "chunked on the next line, behind a tab": post("Transfer-Encoding:\r\n\tchunked", body=BODY + HIDDEN),
    "length that continues": post("Content-Length: 2\r\n 0", body=b"{}" + HIDDEN),
    "header that continues with another": post("X: y\r\n Transfer-Encoding: chunked", body=BODY + HIDDEN),
    "header that ends with CR alone": post("X: y\rTransfer-Encoding: chunked", body=BODY + HIDDEN),
    "NUL in chunked": post("Transfer-Encoding: chun\0ked", body=BODY + HIDDEN),
    "NUL behind chunked": post("Transfer-Encoding: chunked\0", body=BODY + HIDDEN),
    "NUL in another header": post("Content-Length: 2", "X: \0", body=b"{}" + HIDDEN),
}  # fmt: skip
SIZES = ["g", "2g", "0x2", "-2", "+2", " 2", "2,", "", "F" * 16, "7" + "F" * 15, "1" + "0" * 15 + "2", "1", "2\r{}",
         "\0" + "2"]
MALFORMED = {
    **TWO_LENGTHS,
    **LINES,
    **{f"length {length!r}": post(f"Content-Length: {length}", body=b"{}" + HIDDEN) for length in LENGTHS},
    **{f"header {name!r}": post(f"{name}: 2", body=b"{}" + HIDDEN) for name in NAMES},
    **{f"chunk of {size!r}": post(CHUNKED, body=size.encode() + b"\r\n{}\r\n0\r\n\r\n" + HIDDEN) for size in SIZES},
    "chunk without an end": post(CHUNKED, body=b"2\r\n{}0\r\n\r\n" + HIDDEN),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_is_malformed(stack, name):
    (answer,) = exchange(stack.port, MALFORMED[name] + LAST)
    assert_problem(answer, 400, "malformed-request")
    assert answer.headers["connection"] == "close"


CODINGS = ["xchunked", "chunkedx", "chunked, identity", "identity, chunked", "chunked, chunked", "gzip, chunked",
           "chunked,", "identity", "chunked;x=y", '"chunked"', "gzip", "\tchunked", "chunked\t", "\x0bchunked",
           "\xa0chunked", "chunked\x7f",
           ""]  # fmt: skip


@pytest.mark.parametrize("coding", CODINGS, ids=repr)
def test_a_coding_that_is_not_understood(stack, coding):
    (answer,) = exchange(stack.port, post(f"Transfer-Encoding: {coding}", body=BODY + HIDDEN) + LAST)
    assert_problem(answer, 501, "not-implemented")
    assert answer.headers["connection"] == "close"


CHUNKS = {
    "extension": b"2;a=b\r\n{}\r\n0\r\n\r\n",
    "extension that opens a quote": b'2;a="\r\n{}\r\n0\r\n\r\n',
    "extension with NUL": b"2;\0\r\n{}\r\n0\r\n\r\n",
    "extension of 5,000 bytes": b"2;" + b"a" * 5000 + b"\r\n{}\r\n0\r\n\r\n",
    "extension at the end": b"2\r\n{}\r\n0;x\r\n\r\n",
    "blank behind the size": b"2 \r\n{}\r\n0\r\n\r\n",
    "zeros": b"0" * 30 + b"2\r\n{}\r\n00\r\n\r\n",
    "two of them": b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    "header behind it": b"2\r\n{}\r\n0\r\nX: y\r\n\r\n",
    "length behind it": b"2\r\n{}\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n",
    "request behind it, as headers": b"2\r\n{}\r\n0\r\n" + HIDDEN,
}  # fmt: skip


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_that_are_understood(stack, name):
    first, last = exchange(stack.port, post(CHUNKED, body=CHUNKS[name]) + LAST)
    assert_problem(first, 422, "invalid-fields")
    assert last.body == b'{"0":""}'


def test_a_request_inside_a_body_is_a_body(stack):
    """By its length, by its chunks, and where the method needs no body."""
    length = f"Content-Length: {len(HIDDEN)}"
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
    for data in (post(length, body=HIDDEN), post(CHUNKED, body=chunk)):
        first, last = exchange(stack.port, data + LAST)
        assert_problem(first, 400, "malformed-json")
        assert last.body == b'{"0":""}'
    get = f"GET /hello HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n".encode() + HIDDEN
    first, last = exchange(stack.port, get + LAST)
    assert (first.body, last.body) == (b'{"message":"ok"}', b'{"0":""}')


def test_what_is_no_length_hides_nothing_either(stack):
    """A header that only looks like one: what follows is the next request, for everybody who reads it by the book."""
    first, second, last = exchange(stack.port, post(f"Content_Length: {len(HIDDEN)}", body=HIDDEN) + LAST)
    assert_problem(first, 400, "malformed-json")
    assert (second.body, last.body) == (b'{"message":"ok"}', b'{"0":""}')


def test_a_length_with_zeros_in_front(stack):
    """nginx reads as many bytes as it says, the worker would rather not guess: nothing is hidden, nothing done."""
    first, last = exchange(stack.port, post("Content-Length: 0002") + LAST)
    assert_problem(first, 400, "malformed-request")
    assert last.body == b'{"0":""}'


def test_the_log_has_a_line_for_each_refused_request_and_none_for_what_it_hides(stack):
    cases = [*MALFORMED.values(), *(post(f"Transfer-Encoding: {coding}", body=BODY + HIDDEN) for coding in CODINGS)]
    for data in cases:
        data = data.replace(b"/v1/employees", b"/v1/employees?buried").replace(b"/hello?hidden", b"/hello?buried")
        exchange(stack.port, data + LAST.replace(b"/zero", b"/zero?buried"))

    def lines():
        return [line for line in stack.log() if line["program"] == "nginx" and line["path"].endswith("buried")]

    wait.until(lambda: len(lines()) >= len(cases), "the log")
    assert {(line["path"], line["status"]) for line in lines()} == {("/v1/employees?buried", 400),
                                                                    ("/v1/employees?buried", 501)}
    assert len(lines()) == len(cases)
