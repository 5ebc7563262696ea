"""Dynamic shapes: what the error shows to paste, and that the models run with it."""

import ast
import re
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from models import ops
from support import README, edited_script, parse_report, run, save

import throughput_benchmark

TWO_OF_THREE = {"ids": "[?,8]", "mask": "[2,8]", "types": "[2,?]"}


def save_ir(path: Path, shapes: dict[str, str]) -> str:
    """Save a model that sums each of its inputs."""
    inputs = [
        ops.parameter(ov.PartialShape(shape), np.float32, name=name)
        for name, shape in shapes.items()
    ]
    return save(path, [ops.reduce_sum(x, np.int64([0])) for x in inputs], inputs)


ONNX = """<ir_version: 8, opset_import: ["": 13]>
sum (float[batch,3,height,width] pixels) => (float y) { y = ReduceSum(pixels) }"""


def to_paste(message: str) -> str:
    """Return what the line to paste sets, from the whole of the message."""
    start = "dynamic shape. Set at the top of throughput_benchmark.py: INPUT_SHAPES = "
    assert message.startswith(start)
    assert message.endswith("}\n")
    return message.removeprefix(start).removesuffix("\n")


def test_the_line_to_paste_makes_the_model_run(tmp_path, monkeypatch, fails, measured):
    model = save_ir(tmp_path / "model.xml", TWO_OF_THREE)
    line = to_paste(fails(model))
    assert line == "{'ids': '[?,8]', 'types': '[2,?]'}"
    # What the user makes of it.
    input_shapes = ast.literal_eval(line.replace("?", "4"))
    measured(model, INPUT_SHAPES=input_shapes)
    monkeypatch.setattr(throughput_benchmark, "INPUT_SHAPES", input_shapes)
    inputs = throughput_benchmark.compile_model(model, "CPU").inputs
    assert [list(port.shape) for port in inputs] == [[4, 8], [2, 8], [2, 4]]


def test_a_user_pastes_the_line_of_readme_and_edits_it(tmp_path):
    model = onnx.parser.parse_model(ONNX)
    onnx.save(model, tmp_path / "model.onnx")
    pasted, edited = re.findall(r"`INPUT_SHAPES = (\{'pixels'.*?\})`", README)
    for shapes in ["{}", pasted]:
        script = edited_script(tmp_path, INPUT_SHAPES=ast.literal_eval(shapes))
        exit_status, _, stderr = run("model.onnx", script=script, cwd=tmp_path)
        assert exit_status == 1
        assert stderr.endswith(f": INPUT_SHAPES = {pasted}\n")
    script = edited_script(tmp_path, INPUT_SHAPES=ast.literal_eval(edited))
    exit_status, stdout, stderr = run("model.onnx", script=script, cwd=tmp_path)
    assert (exit_status, stderr) == (0, "")
    parse_report(stdout)


# Of the last one, not even the number of sizes is known.
@pytest.mark.parametrize("shape", ["[?,?]", "[1..4,3]", "[..4,2..]", "[...]"])
def test_a_shape_is_shown_as_openvino_writes_it(tmp_path, fails, measured, shape):
    model = save_ir(tmp_path / "model.xml", {"x": shape})
    line = to_paste(fails(model))
    assert line == f"{{'x': '{shape}'}}"
    # Half edited, it is shown again.
    half = f"{{'x': '{shape.replace('[?', '[2')}'}}"
    assert to_paste(fails(model, INPUT_SHAPES=ast.literal_eval(half))) == half
    measured(model, INPUT_SHAPES={"x": "[2,3]"})


def test_an_input_has_its_first_name_or_its_index(tmp_path, fails, measured):
    inputs = [ops.parameter([-1, 8], name=name) for name in "abc"]
    inputs[0].output(0).get_tensor().set_names({"it's:0", "x/it's:0"})
    y = ops.add(ops.add(inputs[0], inputs[1]), inputs[2])
    model = Path(save(tmp_path / "model.xml", [y], inputs))
    # Only in the file can the names of the second and the third be taken away.
    text = re.sub(r' names="[bc]"', "", model.read_text("utf-8"))
    model.write_text(text, "utf-8")
    line = to_paste(fails(str(model)))
    assert line == """{"it's:0": '[?,8]', 1: '[?,8]', 2: '[?,8]'}"""
    measured(str(model), INPUT_SHAPES=ast.literal_eval(line.replace("?", "2")))


def test_only_an_input_that_stays_dynamic_is_shown(tmp_path, fails):
    model = save_ir(tmp_path / "model.xml", TWO_OF_THREE)
    message = fails(model, INPUT_SHAPES={"types": [2, 8]})
    assert to_paste(message) == "{'ids': '[?,8]'}"
