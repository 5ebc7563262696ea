"""README: its commands, its sample output, its edits and its tables hold."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import compare
import loops
import models
import pytest
from support import README, REPORT, ROOT, SCRIPT, save_onnx, shortened, table
from test_failures import MESSAGES
from test_models import PUBLISHED

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [text for language, text in BLOCKS if language == "sh"]

SET_UP = "python -m pip install -r requirements.txt && "
# pytest runs it.
TESTS = "python -m pip install -r tests/requirements.txt && python -m pytest\n"


def test_the_first_screen_is_the_command_and_what_it_prints():
    first_screen = "".join(README.splitlines(keepends=True)[:25])
    assert f"```sh\n{COMMANDS[0]}```\n" in first_screen
    sample = {
        name: float(figure)
        for name, figure in REPORT.search(first_screen).groupdict().items()
        if name != "build"
    }
    throughput = sample["count"] / sample["duration"] * 1000
    assert sample["throughput"] == pytest.approx(throughput, abs=0.01)
    assert sample["min"] < sample["median"] < sample["max"]
    in_flight = sample["average"] * sample["throughput"] / 1000
    assert in_flight == pytest.approx(2, rel=0.03)
    assert "infer requests in flight: here 2." in README


def test_two_commands_set_everything_up():
    set_ups = [command for command in COMMANDS if "pip install" in command]
    assert len(set_ups) == 2
    assert set_ups[0].startswith(SET_UP)
    assert set_ups[1] == TESTS


@pytest.mark.parametrize("command", [text for text in COMMANDS if text != TESTS])
def test_a_command_runs(tmp_path, command):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=ignored)
    shutil.copy(SCRIPT, tmp_path)
    shortened(tmp_path / SCRIPT.name)
    save_onnx(tmp_path / "model.onnx", {"pixels": "[?,3,?,?]"})
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for part in command.removeprefix(SET_UP).split(" && "):
        result = subprocess.run(
            shlex.split(part),
            capture_output=True,
            check=False,
            cwd=tmp_path,
            encoding="utf-8",
            env={**os.environ, "PATH": path},
            timeout=40,
        )
        assert result.returncode == 0, result.stderr
    assert REPORT.search(result.stdout)


def test_each_message_in_the_table_of_errors_is_one_that_is_tested():
    rows = table("| the error shows | what to do |")
    shown = {message for row in rows for message in re.findall("`([^`]*)`", row[0])}
    assert shown - {".tflite"} == {message for message, _ in MESSAGES}


def test_the_validated_models_are_those_that_are_tested():
    for name in models.VALIDATED:
        inputs, outputs, millions = PUBLISHED[name]
        ((port, shape),) = inputs.items()
        shapes = "; ".join(",".join(map(str, output)) for output in outputs)
        shape = ",".join(map(str, shape))
        assert f"| `{name}` | `{port}` {shape} | {shapes} | {millions} M |" in README


def test_the_table_beside_benchmark_app_is_one_of_compare():
    rows = table(compare.HEADER)
    assert [row[0] for row in rows] == list(models.NETWORKS)
    for _, ours, theirs, ratio, _ in rows:
        assert float(ratio) == pytest.approx(float(ours) / float(theirs), abs=0.001)


def test_the_table_beside_other_loops_is_one_of_loops():
    rows = table(f"| two-convolutions | {loops.COLUMNS} |")
    assert [row[0] for row in rows] == ["polling", *loops.VARIANTS]
    polling = float(rows[0][1])
    for _, throughput, _, ratio, _ in rows:
        assert float(ratio) == pytest.approx(float(throughput) / polling, abs=0.001)


def test_what_makes_the_script_fast_is_worth_what_is_said():
    rows = table(f"| two-convolutions | {loops.COLUMNS} |")
    throughputs = {row[0]: float(row[1]) for row in rows}
    for loop, name in [
        ("without thread states", "The warm-up holds a thread state"),
        ("with queue.start_async", "`start_async` is that of the C++ base class"),
    ]:
        _, _, text = README.partition(name)
        factor = re.search(r"(\S+(?: to \S+)?) times\s+the\s+throughput", text)[1]
        factors = [float(number) for number in factor.split(" to ")]
        ratio = round(throughputs["the script"] / throughputs[loop], 1)
        assert factors[0] <= ratio <= factors[-1] <= factors[0] + 0.2
        assert f"{factor} times the throughput" in SCRIPT.read_text("utf-8")


def test_the_releases_are_those_that_are_required():
    oldest = re.search(r"OpenVINO (\S+) to (\S+) and Python", README)[1]
    assert f"openvino>={oldest}\n" in (ROOT / "requirements.txt").read_text("utf-8")
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
