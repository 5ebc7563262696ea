"""README: its commands, its sample output, its edits and its tables hold."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import compare
import models
import numpy as np
import onnx
import pytest
from support import REPORT, ROOT, SCRIPT, assert_consistent, edited_script, run
from test_models import PUBLISHED

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [text for language, text in BLOCKS if language == "sh"]
DIFFS = [text for language, text in BLOCKS if language == "diff"]

SET_UP = "python -m pip install -r requirements.txt && "
# pytest runs it.
TESTS = "python -m pip install -r tests/requirements.txt && python -m pytest\n"
# Minutes long; test_comparisons.py runs them shortened.
COMPARISONS = ["python tests/compare.py\n", "python tests/loops.py\n"]


def edits_of(diff: str) -> list[tuple[str, str]]:
    """Return the passages that a diff replaces, and by what."""
    edits = []
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines()
        old = [line[1:] for line in lines if line[0] in " -"]
        new = [line[1:] for line in lines if line[0] in " +"]
        edits.append(("\n".join(old), "\n".join(new)))
    return edits


def shortened(script: Path) -> Path:
    source = script.read_text("utf-8")
    source, number = re.subn(
        r"^SECONDS_TO_RUN = \d+ ", "SECONDS_TO_RUN = 0.2 ", source, flags=re.MULTILINE
    )
    assert number == 1
    script.write_text(source, "utf-8")
    return script


def save_dynamic_onnx_model(folder: Path) -> None:
    """Write model.onnx, two images large, with an input of dynamic shape."""
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
    sample = REPORT.search(first_screen)
    figures = sample.groupdict()
    del figures["build"]
    figures = {name: float(figure) for name, figure in figures.items()}
    assert_consistent(figures)
    in_flight = figures["average"] * figures["throughput"] / 1000
    assert in_flight == pytest.approx(2, rel=0.02)
    assert "infer requests in flight, here 2." in README


def test_two_commands_set_everything_up():
    set_ups = [command for command in COMMANDS if "pip install" in command]
    assert len(set_ups) == 2
    assert set_ups[0].startswith(SET_UP)
    assert set_ups[1] == TESTS


@pytest.mark.parametrize(
    "command", [text for text in COMMANDS if text not in [TESTS, *COMPARISONS]]
)
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
    )
    assert result.returncode == 0, result.stderr
    if SCRIPT.name in command:
        assert REPORT.search(result.stdout)
    if command == "ovc model.onnx\n":
        assert (tmp_path / "model.xml").exists()
        assert (tmp_path / "model.bin").exists()


@pytest.mark.parametrize("diff", DIFFS)
def test_an_edit_runs(tmp_path, networks, diff):
    script = shortened(edited_script(tmp_path, *edits_of(diff)))
    model = networks("googlenet-v1")
    if "pixels" in diff:
        save_dynamic_onnx_model(tmp_path)
        model = "model.onnx"
    np.save(tmp_path / "image.npy", np.ones([1, 3, 224, 224], np.float32))
    exit_status, stdout, stderr = run(model, script=script, cwd=tmp_path)
    assert (exit_status, stderr) == (0, "")
    report = re.sub(r"^\d+\n", "", stdout, flags=re.MULTILINE)
    assert REPORT.fullmatch(report)
    assert (report != stdout) == ("print(" in diff)


def test_the_validated_models_are_those_that_are_tested():
    for name in models.VALIDATED:
        inputs, outputs, millions = PUBLISHED[name]
        ((port, shape),) = inputs.items()
        shapes = "; ".join(",".join(map(str, output)) for output in outputs)
        shape = ",".join(map(str, shape))
        assert f"| `{name}` | `{port}` {shape} | {shapes} | {millions} M |" in README


def test_the_table_is_one_of_compare():
    assert f"{compare.HEADER}\n" in README
    for name in models.VALIDATED:
        assert f"\n| {name} | " in README


def test_links_lead_somewhere():
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }
    links = re.findall(r"\]\(([^)]*)\)", README)
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors
        elif not link.startswith("https://"):
            assert (ROOT / link).exists(), link
