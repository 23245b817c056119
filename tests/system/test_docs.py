"""What the README and the map of files say is what there is."""

import re
import subprocess

from harness.process import BINARY, ROOT, environment


def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_route_is_in_the_readme_once(http):
    documented = re.findall(r"^\| `([A-Z]+) (/\S*)` \|", readme(), re.M)
    served = [(route["method"], route["path"]) for route in http("GET", "/").json["routes"]]
    assert sorted(documented) == sorted(served)


def test_every_setting_is_in_the_readme_with_its_default():
    documented = dict(re.findall(r"^\| `(PURSER_\w+)` \| ([^|]*) \|", readme(), re.M))
    printed = subprocess.run([BINARY, "config"], env=environment(), capture_output=True, text=True, check=True).stdout
    real = dict(re.findall(r"^(PURSER_\w+)=(.*)$", printed, re.M))
    assert documented.keys() == real.keys()
    for name in ("PURSER_WORKERS", "PURSER_NGINX_PROCESSES"):  # depend on the machine
        del documented[name], real[name]
    assert documented == real


def test_every_make_target_of_the_readme_is_there():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in set(re.findall(r"`make (\w+)", readme())) | {"up", "down", "bench", "lint", "format", "clean"}:
        assert re.search(rf"\bmake {target}\b|^make .*\b{target}\b", listed, re.M), target


def test_every_file_of_the_program_is_on_the_map():
    text = (ROOT / "fcgi" / "README.md").read_text(encoding="utf-8")
    table = "\n".join(line for line in text.splitlines() if line.startswith("| `"))
    named = {name.removesuffix(".c") for name in re.findall(r"`([\w.]+)`", table)}
    files = {path.stem for path in (ROOT / "fcgi").glob("*.c")}
    assert files - named == set()


def test_every_problem_type_has_a_page(http):
    sources = (ROOT / "nginx" / "problems.conf.in").read_text(encoding="utf-8")
    sources += (ROOT / "fcgi" / "problem.c").read_text(encoding="utf-8")
    slugs = set(re.findall(r"/problems/([a-z-]+)", sources)) | set(re.findall(r'\{"([a-z]+(?:-[a-z]+)+|conflict)",', sources))
    assert len(slugs) > 15
    for slug in slugs:
        page = http("GET", f"/problems/{slug}")
        assert page.status == 200 and page.json["type"] == f"/problems/{slug}", slug
