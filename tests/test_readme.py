"""README: its commands, its sample output, its edits and its tables hold."""

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
    README,
    REPORT,
    ROOT,
    SCRIPT,
    run_command,
    shortened,
    table,
)
from test_failures import MESSAGES

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
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
    in_flight = figures["average"] * figures["throughput"] / 1000
    product = f"{sample['average']} ms x {sample['throughput']}/s = {in_flight:.2f}"
    assert f"Above, {product}, of the 2 that" in " ".join(README.split())
    assert in_flight == pytest.approx(2, rel=0.03)


@pytest.mark.parametrize("command", [text for text in COMMANDS if text != TESTS])
def test_a_command_runs(tmp_path, networks, command):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=ignored)
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copy(SCRIPT, tmp_path)
    shortened(tmp_path / SCRIPT.name)
    model = Path(networks("two-convolutions"))
    for suffix in [".xml", ".bin"]:
        shutil.copy(model.with_suffix(suffix), tmp_path / f"model{suffix}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for part in command.removeprefix(SET_UP).split(" && "):
        environment = {**os.environ, "PATH": path}
        exit_status, stdout, stderr = run_command(
            shlex.split(part), tmp_path, environment
        )
        assert exit_status == 0, stderr
    assert REPORT.search(stdout)


PROGRAMS = sorted(set(re.findall(r"`python (tests/\w+\.py)", README)))
WITHOUT_PACKAGES_OF_THE_TESTS = """
import runpy
import sys

sys.modules.update(onnx=None, pytest=None)
sys.argv = sys.argv[1:]
sys.path[0] = "tests"
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_is_named_takes_what_the_script_takes(program):
    command = [sys.executable, "-c", WITHOUT_PACKAGES_OF_THE_TESTS, program, "--help"]
    exit_status, stdout, stderr = run_command(command, ROOT)
    assert (exit_status, stderr) == (0, "")
    assert stdout.startswith("usage: ")


def test_the_programs_that_are_named_are_those_there_are():
    assert PROGRAMS == ["tests/compare.py", "tests/loops.py", "tests/models.py"]


def test_each_message_in_the_table_of_errors_is_one_that_is_tested():
    rows = table("| the error shows | what to do |")
    shown = {message for row in rows for message in re.findall("`([^`]*)`", row[0])}
    tested = {message for messages, _ in MESSAGES for message in messages}
    assert shown == tested


def test_the_table_beside_benchmark_app_is_one_of_compare():
    rows = table(compare.HEADER)
    assert [row[0] for row in rows] == list(models.NETWORKS)
    for _, ours, theirs, ratio, _ in rows:
        assert float(ratio) == pytest.approx(float(ours) / float(theirs), abs=0.001)


def test_the_table_beside_other_loops_is_one_of_loops():
    rows = table(f"| two-convolutions | {loops.COLUMNS} |")
    assert [row[0] for row in rows] == list(loops.LOOPS)
    polling = float(rows[0][1])
    for _, throughput, _, ratio, _ in rows:
        assert float(ratio) == pytest.approx(float(throughput) / polling, abs=0.001)


def test_the_releases_are_those_that_are_required():
    oldest = re.search(r"OpenVINO (\S+) to (\S+) and Python", README)[1]
    requirements = (ROOT / "requirements.txt").read_text("utf-8")
    (excluded,) = re.findall(r"(\S+) is excluded", README)
    assert f"openvino>={oldest},!={excluded}.*\n" in requirements
    assert f'"openvino=={oldest}.*"' in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_script_begins_with_the_licence():
    first_line, _, _ = SCRIPT.read_text("utf-8").partition("\n")
    assert first_line == "# SPDX-License-Identifier: Apache-2.0"
    assert "Licence: [Apache 2.0](LICENSE)." in README


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
