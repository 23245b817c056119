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
    documented = dict(re.findall(r"^\| `(PURSER_\w+)` \| ([^|]*?) ?\|", readme(), re.M))
    printed = subprocess.run([BINARY, "config"], env=environment(), capture_output=True, text=True, check=True).stdout
    real = dict(re.findall(r"^(PURSER_\w+)=(.*)$", printed, re.M))
    assert documented.keys() == real.keys()
    for name in ("PURSER_WORKERS", "PURSER_NGINX_PROCESSES"):  # depend on the machine
        del documented[name], real[name]
    assert documented == real


def makefile():
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def targets():
    """The targets that `make help` lists."""
    return {name for names in re.findall(r"^([a-z -]+):.*## ", makefile(), re.M) for name in names.split()}


def texts():
    """Every text of the checkout, by its path."""
    files = [file for pattern in ("*.md", "[a-z]*/*.md", "[a-z]*/*/*.md") for file in ROOT.glob(pattern)]
    return {file.relative_to(ROOT): file.read_text(encoding="utf-8") for file in files}


def commands(text):
    """The commands of a text: its indented lines, without their comments, and what stands in `…`, broken or not."""
    lines = [line.partition("#")[0] for line in re.findall(r"^    .*$", text, re.M)]
    return "\n".join(lines + [" ".join(words.split()) for words in re.findall(r"`([^`]+)`", text)])


def test_every_make_target_of_a_text_is_there():
    for path, text in texts().items():
        named = re.findall(r"(?:^|[ ;&|])make ([\w-]+(?: [a-z][\w-]*)*)", commands(text), re.M)
        assert {name for names in named for name in names.split()} <= targets(), path


def test_every_group_of_packages_that_the_makefile_names_is_there():
    asked = set(re.findall(r"install/packages (\w+)", makefile()))
    for names in re.findall(r"^([a-z -]+): test-%.*\n\t@install/packages \$\*$", makefile(), re.M):
        asked |= {name.removeprefix("test-") for name in names.split()}
    assert {"test", "delivery", "cluster"} <= asked
    assert asked <= set(re.findall(r"^    (\w+)\) ?", (ROOT / "install" / "packages").read_text(encoding="utf-8"), re.M))


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


def test_the_curl_lines_of_the_readme_work(stack, tmp_path):
    text = "\n".join(re.findall(r"^    (.*)$", readme(), re.M)).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.startswith("curl ")]
    assert len(lines) >= 6
    for line in lines:
        line = line.replace("127.0.0.1:8080", f"127.0.0.1:{stack.port}").replace("curl ", "curl --fail --silent --show-error ", 1)
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stderr)
