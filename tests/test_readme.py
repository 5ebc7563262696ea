"""README: its commands, its sample output, its edits and its tables hold."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import compare
import loops
import models
import onnx
import pytest
from support import README, REPORT, ROOT, SCRIPT, edited_script, run, shortened
from test_failures import MESSAGES
from test_models import PUBLISHED

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [text for language, text in BLOCKS if language == "sh"]

SET_UP = "python -m pip install -r requirements.txt && "
# pytest runs it.
TESTS = "python -m pip install -r tests/requirements.txt && python -m pytest\n"


def table(header: str) -> list[list[str]]:
    """Return the rows below a header of README, in cells."""
    _, _, text = README.partition(f"{header}\n")
    rows = text.split("\n\n")[0].splitlines()[1:]
    assert rows
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def assignments(text: str) -> list[tuple[str, str]]:
    """Return as edits what is set in a text, `NAME = value` each."""
    edits = []
    for name, value in re.findall(r"`([A-Z_]+) = ([^`?]*)`", text):
        lines = [
            line
            for line in SCRIPT.read_text("utf-8").splitlines()
            if line.startswith(f"{name} = ")
        ]
        assert len(lines) == 1, name
        edits.append((lines[0], f"{name} = {value}"))
    return edits


def save_dynamic_onnx_model(folder: Path) -> None:
    """Write model.onnx, an image large, with an input of dynamic shape."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    pixels = helper.make_tensor_value_info("pixels", float32, ["N", 3, "H", "W"])
    classes = helper.make_tensor_value_info("classes", float32, ["N", 3])
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["classes"], axes=[2, 3], keepdims=0)
    ]
    graph = helper.make_graph(nodes, "graph", [pixels], [classes])
    opset = helper.make_opsetid("", 13)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.save(model, folder / "model.onnx")


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
    save_dynamic_onnx_model(tmp_path)
    bin_folder = Path(sys.executable).parent
    result = subprocess.run(
        command.removeprefix(SET_UP),
        capture_output=True,
        check=False,
        cwd=tmp_path,
        encoding="utf-8",
        env={**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
        shell=True,
        timeout=40,
    )
    assert result.returncode == 0, result.stderr
    assert REPORT.search(result.stdout)


def test_the_shape_of_a_dynamic_input_is_set(tmp_path):
    _, _, section = README.partition("### Dynamic shapes\n")
    (edit,) = assignments(section.split("\n#")[0])
    save_dynamic_onnx_model(tmp_path)
    script = shortened(edited_script(tmp_path, edit))
    exit_status, stdout, stderr = run("model.onnx", script=script, cwd=tmp_path)
    assert (exit_status, stderr) == (0, "")
    assert REPORT.fullmatch(stdout)


@pytest.mark.parametrize("row", table("| to get | set |"), ids=lambda row: row[0])
def test_an_edit_runs(tmp_path, networks, row):
    edits = assignments(row[-1])
    assert edits
    script = shortened(edited_script(tmp_path, *edits))
    model = networks("face-detection-0200")
    exit_status, stdout, stderr = run(model, script=script)
    assert (exit_status, stderr) == (0, "")
    assert REPORT.fullmatch(stdout)


def test_what_the_device_chose_is_printed(tmp_path, networks):
    (diff,) = [
        text for language, text in BLOCKS if language == "diff" and "+    for" in text
    ]
    lines = diff.splitlines()
    (context,) = [line[1:] for line in lines if line[0] == " "]
    edit = (context, "\n".join(line[1:] for line in lines))
    script = shortened(edited_script(tmp_path, edit))
    exit_status, stdout, stderr = run(networks("face-detection-0200"), script=script)
    assert (exit_status, stderr) == (0, "")
    choices = re.findall(r"^\[ INFO \] ([A-Z_]+): (\S.*)\n", stdout, re.MULTILINE)
    assert [name for name, _ in choices] == re.findall(r'"([A-Z_]+)"', diff)
    assert choices[0][1].isdecimal()
    assert choices[1][1].isdecimal()
    assert REPORT.fullmatch(re.sub(r"\[ INFO \] [A-Z_]{3,}: .*\n", "", stdout))


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
        factor = re.search(r"([\d.]+) times\s+the\s+throughput", text)[1]
        assert float(factor) == round(throughputs["the script"] / throughputs[loop], 1)
        assert f"{factor} times the throughput" in SCRIPT.read_text("utf-8")


def test_the_releases_are_those_that_are_required():
    oldest = re.search(r"OpenVINO (\S+) to (\S+) and Python", README)[1]
    assert f"openvino>={oldest}\n" in (ROOT / "requirements.txt").read_text("utf-8")
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
