"""The bench's own promises: no figure from a run with errors, and ratios beside their targets."""

import http.server
import json
import threading

import pytest

import bigtable
import load
import report
import rows
import settings

CLEAN = {"requests": 1000, "duration_us": 2_000_000, "bytes": 200_000, "p50_us": 900, "p99_us": 4000, "max_us": 5000,
         "connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}


def summary(**changes):
    return "Running 1s test\nSUMMARY " + json.dumps({**CLEAN, **changes}) + "\n"


def test_a_clean_run_has_figures():
    figures = load.read_summary(summary(), least_bytes=100)
    assert (figures.rps, figures.p50_ms, figures.p99_ms) == (500, 0.9, 4.0)


@pytest.mark.parametrize("fault", ["connect", "read", "write", "status", "timeout"])
def test_one_error_refuses_the_run(fault):
    with pytest.raises(load.Refused):
        load.read_summary(summary(**{fault: 1}), least_bytes=100)


def test_answers_that_are_too_short_refuse_the_run():
    with pytest.raises(load.Refused):
        load.read_summary(summary(bytes=99_000), least_bytes=100)


def test_a_run_without_an_answer_is_refused():
    with pytest.raises(load.Refused):
        load.read_summary(summary(requests=0, bytes=0), least_bytes=100)


def result(**flask):
    return {"works": {"get": {"purser": {"rps": 30_000.0, "p50_ms": 1, "p99_ms": 2}, "flask": flask}}}


def test_a_ratio_stands_beside_its_target():
    row = report.table(result(rps=3_100.0, p50_ms=10, p99_ms=20))[2]
    assert row[-2:] == ("9.68 ×", "≥ 10 ×, missed")


def test_a_refused_row_shows_no_figure():
    assert report.table(result())[2][2:] == ("refused", "", "", "", "")


def test_null_and_real_fields_survive_the_copy():
    line = dict.fromkeys(rows.KEYS[1:], "")
    made = rows.passenger(3, {**line, "passengerClass": "1", "name": "A, \"B\"", "siblingsOrSpousesAboard": "0",
                              "parentsOrChildrenAboard": "2"})
    assert made["survived"] is made["sex"] is made["age"] is made["fare"] is None
    assert rows.as_copy([made]) == '01890000-0000-7000-8000-000000000003,,1,"A, ""B""",,,0,2,\n'


class Pieces(http.server.BaseHTTPRequestHandler):
    """A list of five rows in chunks of three bytes, so that every key is cut."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        text = b"[" + b",".join([b'{"uuid":"1"}'] * 5) + b"]"
        for start in range(0, len(text), 3):
            piece = text[start:start + 3]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


@pytest.fixture(name="port")
def serve_pieces():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pieces)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_rows_are_counted_though_their_keys_are_cut(port):
    reader = bigtable.Reader(port, 5)
    reader.read_once()
    assert len(reader.passes_s) == 1


def test_a_list_with_a_row_missing_is_refused(port):
    with pytest.raises(load.Refused):
        bigtable.Reader(port, 6).read_once()


def test_each_of_the_older_works_has_a_target_for_each_peer():
    assert all(set(settings.TARGETS[work]) == {"flask", "go", "pgbench"} for work in ("get", "list", "create"))


def test_each_target_is_of_a_row_that_the_report_knows():
    assert set(settings.TARGETS) <= {*report.WORKS, *report.TRANSFERS}
    assert {name for targets in settings.TARGETS.values() for name in targets} <= set(report.BY)


def transfer(work, **others):
    return {"transfers": {work: {"purser": {"rows": 10_000, "bytes": 2_000_000, "seconds": 0.25}, **others}}}


def test_a_bulk_insert_is_judged_by_its_rows():
    psql = {"rows": 10_000, "bytes": 1_000_000, "seconds": 0.1}
    row = report.transfers(transfer("bulk_json", copy_in=psql))[2]
    assert row[2:] == ("100,000", "10.0", "0.100", "0.40 ×", "≥ 0.5 ×, missed")


def test_an_export_is_judged_by_its_bytes():
    psql = {"rows": 10_000, "bytes": 1_600_000, "seconds": 0.1}
    row = report.transfers(transfer("export", copy_out=psql))[2]
    assert row[-2:] == ("0.50 ×", "≥ 0.4 ×, reached")


def test_a_refused_transfer_shows_no_figure():
    assert report.transfers(transfer("export", copy_out={}))[2][2:] == ("refused", "", "", "", "")


def test_answers_that_are_too_long_refuse_the_run():
    with pytest.raises(load.Refused):
        load.read_summary(summary(bytes=1_000_000), least_bytes=0, most_bytes=300)
