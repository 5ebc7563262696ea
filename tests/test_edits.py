"""Edits: what README sets in the script does what it is said to do."""

import re

import openvino as ov
import pytest
from support import (
    README,
    REPORT,
    SCRIPT,
    edited_script,
    load_script,
    run,
    save_onnx,
    shortened,
    table,
)

ROWS = {row[0]: row[-1] for row in table("| to get | set |")}


def assignments(text: str) -> list[tuple[str, str]]:
    """Return as edits what is set in a text, `NAME = value` each."""
    edits = []
    for name, value in re.findall(r"`([A-Z_]+) = ([^`?]*)`", text):
        script = SCRIPT.read_text("utf-8")
        (line,) = re.findall(rf"^{name} = .*$", script, re.MULTILINE)
        edits.append((line, f"{name} = {value}"))
    return edits


def test_the_shape_of_a_dynamic_input_is_set(tmp_path):
    _, _, section = README.partition("### Dynamic shapes\n")
    (edit,) = assignments(section.split("\n#")[0])
    save_onnx(tmp_path / "model.onnx", {"pixels": "[?,3,?,?]"})
    script = shortened(edited_script(tmp_path, edit))
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
    assert len(more_requests.create_queue(model, "CPU")) == 4
    assert len(latency.create_queue(model, "CPU")) == 1
    precision.create_queue(model, "CPU")
    hints = [str(record["PERFORMANCE_HINT"]).split(".")[-1] for record in compiled]
    assert hints == ["THROUGHPUT", "LATENCY", "THROUGHPUT"]
    assert compiled[2]["INFERENCE_PRECISION_HINT"] == ov.Type.f32


def test_what_the_device_chose_is_printed(tmp_path, networks):
    (diff,) = re.findall(
        r"^```diff\n(\+    for.*?)^```$", README, re.MULTILINE | re.DOTALL
    )
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
