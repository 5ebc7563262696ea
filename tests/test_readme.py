"""README: its commands, its sample output, its messages and its tables hold."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import compare
import loops
import models
import pytest
from support import (
    BLOCKS,
    README,
    REPORT,
    ROOT,
    edited_script,
    run_command,
    table,
)
from test_failures import MESSAGES

COMMANDS = [text for language, text in BLOCKS if language == "sh"]
SET_UP = "python -m pip install -r requirements.txt && "
# pytest runs it.
TESTS = "python -m pip install -r tests/requirements.txt && python -m pytest\n"


def test_the_first_screen_is_the_users_command_and_an_example_with_its_output():
    first_screen = "".join(README.splitlines(keepends=True)[:28])
    assert COMMANDS[0] == "python throughput_benchmark.py model.xml\n"
    for command in COMMANDS[:2]:
        assert f"```sh\n{command}```\n" in first_screen
    sample = REPORT.search(first_screen)
    figures = {n: float(f) for n, f in sample.groupdict().items() if n != "build"}
    throughput = figures["count"] / figures["duration"] * 1000
    assert figures["throughput"] == pytest.approx(throughput, abs=0.01)
    assert figures["min"] < figures["median"] < figures["max"]


@pytest.mark.parametrize("command", [text for text in COMMANDS if text != TESTS])
def test_a_command_runs(tmp_path, networks, command):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=ignored)
    shutil.copy(ROOT / "README.md", tmp_path)
    edited_script(tmp_path)
    model = Path(networks("two-convolutions"))
    for suffix in [".xml", ".bin"]:
        shutil.copy(model.with_suffix(suffix), tmp_path / f"model{suffix}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    for part in command.removeprefix(SET_UP).replace("-t 10", "-t 1").split(" && "):
        exit_status, stdout, stderr = run_command(
            shlex.split(part), tmp_path, environment
        )
        assert exit_status == 0, stderr
    assert re.search(r"Throughput: +\d+\.\d\d FPS\n", stdout)


def test_the_command_of_benchmark_app_is_that_of_the_comparison():
    assert f"benchmark_app -m model.xml {compare.OPTIONS}\n" in COMMANDS


def test_each_message_in_the_table_of_errors_is_one_that_is_tested():
    rows = table("| the error shows | what to do |")
    shown = {message for row in rows for message in re.findall("`([^`]*)`", row[0])}
    tested = {text for messages, _ in MESSAGES for text in messages.split("|")}
    assert shown == tested


@pytest.mark.parametrize(
    "header, names",
    [
        (compare.HEADER, models.NETWORKS),
        (f"| two-convolutions | {loops.COLUMNS} |", loops.LOOPS),
    ],
)
def test_a_table_is_one_of_a_comparison(header, names):
    rows = table(header)
    assert [row[0] for row in rows] == list(names)
    for *_, ratio, middle_half in rows:
        low, high = middle_half.split(" to ")
        assert float(low) <= float(ratio) <= float(high)


def test_the_releases_are_those_that_are_required():
    oldest = re.search(r"OpenVINO (\S+) to (\S+) and Python", README)[1]
    requirements = (ROOT / "requirements.txt").read_text("utf-8")
    (excluded,) = re.findall(r"(\S+) is excluded", README)
    assert f"openvino>={oldest},!={excluded}.*\n" in requirements
    assert f'"openvino=={oldest}.*"' in (ROOT / ".ci" / "run").read_text("utf-8")


def test_links_lead_somewhere():
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }
    for link in re.findall(r"\]\(([^)]*)\)", README):
        if link.startswith("#"):
            assert link[1:] in anchors
        elif not link.startswith("https://"):
            assert (ROOT / link).exists(), link
