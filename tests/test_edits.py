"""Edits: what README sets in the script does what it is said to do."""

import re
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import ops
from onnx_model import save_onnx
from support import (
    README,
    REPORT,
    SCRIPT,
    edited_script,
    load_script,
    run,
    save,
    shortened,
    table,
)

ROWS = {row[0]: row[-1] for row in table("| to get | set |")}


def assignments(text: str) -> list[tuple[str, str]]:
    """Return as edits what is set in a text, `NAME = value` each."""
    edits = []
    for name, value in re.findall(r"`([A-Z_]+) = ([^`]*)`", text):
        script = SCRIPT.read_text("utf-8")
        (line,) = re.findall(rf"^{name} = .*$", script, re.MULTILINE)
        edits.append((line, f"{name} = {value}"))
    return edits


def test_the_line_that_the_error_shows_is_pasted_and_edited(tmp_path):
    _, _, section = README.partition("### Dynamic shapes\n")
    pasted, edited = assignments(section.split("\n#")[0])
    save_onnx(tmp_path / "model.onnx", {"pixels": "[?,3,?,?]"})
    for edits in [[], [pasted]]:
        script = edited_script(tmp_path, *edits)
        exit_status, _, stderr = run("model.onnx", script=script, cwd=tmp_path)
        assert exit_status == 1
        assert stderr.endswith(f": {pasted[1]}\n")
    script = shortened(edited_script(tmp_path, edited))
    exit_status, stdout, stderr = run("model.onnx", script=script, cwd=tmp_path)
    assert (exit_status, stderr) == (0, "")
    assert REPORT.fullmatch(stdout)


@pytest.mark.parametrize("row", ROWS)
def test_an_edit_runs(tmp_path, networks, row):
    script = shortened(edited_script(tmp_path, *assignments(ROWS[row])))
    exit_status, stdout, stderr = run(networks("face-detection-0200"), script=script)
    assert (exit_status, stderr) == (0, "")
    assert REPORT.fullmatch(stdout)


def test_the_edits_do_what_they_are_for(tmp_path, networks, compiled):
    longer, more_requests, latency, precision = [
        load_script(edited_script(tmp_path, *assignments(text)))
        for text in ROWS.values()
    ]
    assert longer.SECONDS_TO_RUN == 60
    model = networks("face-detection-0200")
    for script, number in [(more_requests, 4), (latency, 1)]:
        with script.open_queue(model, "CPU") as queue:
            assert len(queue) == number
    with precision.open_queue(model, "CPU"):
        pass
    hints = [str(record["PERFORMANCE_HINT"]).split(".")[-1] for record in compiled]
    assert hints == ["THROUGHPUT", "LATENCY", "THROUGHPUT"]
    assert compiled[2]["INFERENCE_PRECISION_HINT"] == ov.Type.f32


def save_with_growing_cache(path: Path) -> str:
    """Save a model that keeps its inputs, and fails when it has kept one before."""
    x = ops.parameter([1, 4], np.float32, name="x")
    start = np.zeros([1, 4], np.float32)
    cache = ops.read_value(start, "cache", np.float32, ov.PartialShape("[?,4]"))
    all_x = ops.concat([cache, x], 0)
    y = ops.reshape(all_x, np.int64([2, 4]), special_zero=False)
    return save(path, [y], [x], [ops.assign(all_x, "cache")])


def test_a_state_is_reset_after_each_inference(tmp_path):
    model = save_with_growing_cache(tmp_path / "model.xml")
    exit_status, _, stderr = run(model, script=shortened(edited_script(tmp_path)))
    if "Can not create StaticMemory" in stderr:
        pytest.skip("this release keeps no state of dynamic shape")
    assert exit_status == 1
    assert "conflicts with" in stderr
    callbacks = re.findall(r"`(lambda .*reset_state.*?)`", README)
    before = [re.sub(r"\((.*), .*\)", r"\1", callback) for callback in callbacks]
    edits = zip(before, callbacks, strict=True)
    script = shortened(edited_script(tmp_path, *edits))
    exit_status, stdout, stderr = run(model, script=script)
    assert (exit_status, stderr) == (0, "")
    assert REPORT.fullmatch(stdout)


def test_what_the_device_chose_is_printed(tmp_path, networks):
    (diff,) = re.findall(r"^```diff\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    lines = diff.splitlines()
    (context,) = [line[1:] for line in lines if line[0] == " "]
    edit = (f"\n{context}\n", "".join(f"\n{line[1:]}" for line in [*lines, " "]))
    script = shortened(edited_script(tmp_path, edit))
    exit_status, stdout, stderr = run(networks("face-detection-0200"), script=script)
    assert (exit_status, stderr) == (0, "")
    choices = re.findall(r"^\[ INFO \] ([A-Z_]+): (\S.*)\n", stdout, re.MULTILINE)
    assert [name for name, _ in choices] == re.findall(r'"([A-Z_]+)"', diff)
    assert choices[0][1].isdecimal()
    assert choices[1][1].isdecimal()
    assert REPORT.fullmatch(re.sub(r"\[ INFO \] [A-Z_]{3,}: .*\n", "", stdout))
