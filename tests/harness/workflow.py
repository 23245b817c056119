"""GitHub's workflow files, read, and as much of a runner as it takes to run their steps here."""

import re

import yaml

from .process import ROOT

DIRECTORY = ROOT / ".github" / "workflows"


def load(name):
    """A workflow file; YAML 1.1 takes its key `on` for true."""
    return yaml.safe_load((DIRECTORY / name).read_text(encoding="utf-8"))


def all_jobs():
    """Every job: (file, name, job)."""
    files = sorted(path.name for path in DIRECTORY.iterdir())
    return [(file, name, job) for file in files for name, job in load(file)["jobs"].items()]


def triggers(workflow):
    return workflow[True]


def evaluate(expression, values):
    """What an expression of GitHub's is; `values` holds what its names stand for, {"vars.REGISTRY": "…"}."""
    words = r"'[^']*'|[a-z][\w.-]*\.[\w.-]+|&&|\|\||!(?!=)"
    translated = re.sub(words, lambda match: _word(match.group(), values), expression)
    return eval(" ".join(translated.split()), {"__builtins__": {}})  # pylint: disable=eval-used # our own files


def _word(word, values):
    operators = {"&&": " and ", "||": " or ", "!": " not "}
    if word in operators:
        return operators[word]
    return word if word.startswith("'") else repr(values[word])


def fill(text, values):
    """A text with its ${{ }} filled in."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: str(evaluate(match.group(1), values)), str(text), flags=re.S)


class Runner:
    """Runs the steps of a job in a checkout, as GitHub does, without its actions.

    `values` are what the expressions' names stand for, `settings` the variables of this machine, where a
    step doesn't set them.
    """

    def __init__(self, checkout, values, **settings):
        self.checkout, self.values, self.settings = checkout, values, settings

    def wants(self, thing):
        """Whether the `if` of a job or step holds."""
        return "if" not in thing or bool(evaluate(thing["if"], self.values))

    def run(self, workflow, name, leave_out=()):
        """Run a job, and make its outputs known as needs.NAME.outputs; what its steps wrote. `leave_out`: commands."""
        job = load(workflow)["jobs"][name]
        assert self.wants(job), f"{name} is not to run"
        written = ""
        for step in job["steps"]:
            if "run" in step and step["run"] not in leave_out and self.wants(step):
                written += self._step(step, {**job.get("env", {}), **step.get("env", {})})
        for output, value in job.get("outputs", {}).items():
            self.values[f"needs.{name}.outputs.{output}"] = fill(value, self.values)
        return written

    def _step(self, step, env):
        output = self.checkout.home / "github-output"
        output.write_text("")
        env = {key: fill(value, self.values) for key, value in env.items()}
        assert "${{" not in step["run"]
        done = self.checkout.call("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"],
                                  **{**self.settings, **env, "GITHUB_OUTPUT": output})  # fmt: skip
        assert done.returncode == 0, f"{step['run']}\n{done.stdout}\n{done.stderr}"
        for line in output.read_text().splitlines():
            key, _, value = line.partition("=")
            self.values[f"steps.{step['id']}.outputs.{key}"] = value
        return done.stdout + done.stderr
