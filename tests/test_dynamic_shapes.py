"""Dynamic shapes: what the error shows to paste, and that the models run with it."""

import ast
import re
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import Node, ops
from onnx_model import save_onnx
from support import save

import throughput_benchmark

Shapes = dict[str, str]

ONE: Shapes = {"images": "[?,3,?,?]"}
TWO_OF_THREE: Shapes = {"ids": "[?,8]", "mask": "[2,8]", "types": "[2,?]"}
BATCH: Shapes = {"tokens": "[?,128]"}


def save_ir(path: Path, shapes: Shapes) -> str:
    """Save a model that sums each of its inputs."""
    inputs = [
        ops.parameter(ov.PartialShape(shape), np.float32, name=name)
        for name, shape in shapes.items()
    ]
    return save(path, [ops.reduce_sum(x, np.int64([0])) for x in inputs], inputs)


def to_paste(message: str) -> str:
    """Return the line to paste from the whole of the message."""
    start = "dynamic shape. Set it at the top of this script: INPUT_SHAPES = "
    assert message.startswith(start)
    assert message.endswith("}\n")
    return message.removeprefix(start).removesuffix("\n")


@pytest.mark.parametrize(
    "shapes, shown",
    [
        (ONE, "{'images': '[?,3,?,?]'}"),
        (TWO_OF_THREE, "{'ids': '[?,8]', 'types': '[2,?]'}"),
        (BATCH, "{'tokens': '[?,128]'}"),
    ],
    ids=["one", "two of three", "batch"],
)
@pytest.mark.parametrize("save_model", [save_ir, save_onnx])
def test_the_line_to_paste_makes_the_model_run(
    tmp_path, monkeypatch, fails, measured, save_model, shapes, shown
):
    extension = {save_ir: "xml", save_onnx: "onnx"}[save_model]
    model = save_model(tmp_path / f"model.{extension}", shapes)
    line = to_paste(fails(model))
    assert line == shown
    # What the user makes of it.
    input_shapes = ast.literal_eval(line.replace("?", "4"))
    used = []
    measure = throughput_benchmark.measure

    def look_and_measure(queue: ov.AsyncInferQueue) -> tuple:
        used.extend(list(tensor.shape) for tensor in queue[0].input_tensors)
        return measure(queue)

    monkeypatch.setattr(throughput_benchmark, "measure", look_and_measure)
    measured(model, INPUT_SHAPES=input_shapes)
    assert used == [
        ast.literal_eval(shape.replace("?", "4")) for shape in shapes.values()
    ]


# Of the last one, not even the number of sizes is known.
@pytest.mark.parametrize("shape", ["[?,?]", "[1..4,3]", "[..4,2..]", "[...]"])
def test_a_shape_is_shown_as_openvino_writes_it(tmp_path, fails, measured, shape):
    model = save_ir(tmp_path / "model.xml", {"x": shape})
    line = to_paste(fails(model))
    assert line == f"{{'x': '{shape}'}}"
    # Pasted as it is, or half edited, it is shown again.
    assert to_paste(fails(model, INPUT_SHAPES=ast.literal_eval(line))) == line
    half = f"{{'x': '{shape.replace('[?', '[2')}'}}"
    assert to_paste(fails(model, INPUT_SHAPES=ast.literal_eval(half))) == half
    measured(model, INPUT_SHAPES={"x": "[2,3]"})


def save_without_names(path: Path, *inputs: Node) -> str:
    """Save a model in which the second and the third input have no tensor name."""
    model = Path(
        save(path, [ops.add(ops.add(inputs[0], inputs[1]), inputs[2])], list(inputs))
    )
    names = r' names="(second|third)"'
    model.write_text(re.sub(names, "", model.read_text("utf-8")), "utf-8")
    ports = ov.Core().read_model(model).inputs
    assert [bool(port.names) for port in ports] == [True, False, False]
    return str(model)


def test_an_input_without_a_name_is_shown_by_its_index(tmp_path, fails, measured):
    inputs = [
        ops.parameter([-1, 8], name=name) for name in ["first", "second", "third"]
    ]
    model = save_without_names(tmp_path / "model.xml", *inputs)
    line = to_paste(fails(model))
    assert line == "{'first': '[?,8]', 1: '[?,8]', 2: '[?,8]'}"
    measured(model, INPUT_SHAPES=ast.literal_eval(line.replace("?", "2")))


def test_the_first_of_several_names_is_shown_whatever_is_in_it(
    tmp_path, fails, measured
):
    x = ops.parameter([-1, 8], name="x")
    x.output(0).get_tensor().set_names({"it's:0", "x/it's:0"})
    model = save(tmp_path / "model.xml", [ops.relu(x)], [x])
    line = to_paste(fails(model))
    assert line == """{"it's:0": '[?,8]'}"""
    measured(model, INPUT_SHAPES=ast.literal_eval(line.replace("?", "2")))


def test_only_an_input_that_stays_dynamic_is_shown(tmp_path, fails):
    model = save_ir(tmp_path / "model.xml", TWO_OF_THREE)
    message = fails(model, INPUT_SHAPES={"types": [2, 8]})
    assert to_paste(message) == "{'ids': '[?,8]'}"


def test_a_static_model_needs_no_entry_and_takes_one(tmp_path, measured):
    assert throughput_benchmark.INPUT_SHAPES == {}
    model = save_ir(tmp_path / "model.xml", {"x": "[1,8]"})
    measured(model)
    measured(model, INPUT_SHAPES={"x": [4, 8]})


@pytest.mark.parametrize(
    "input_shapes, reason",
    [
        ({"pixels": [1, 3, 8, 8]}, "Input for tensor name 'pixels' is not found"),
        ({"images": [1, 4, 8, 8]}, "Argument shapes are inconsistent"),
        ({"images": [1, 3]}, "Argument shapes are inconsistent"),
        ({"images": ["a"]}, "Cannot parse dimension"),
        ({"images": "[1,3,8,8"}, "Cannot parse dimension"),
    ],
)
def test_a_wrong_entry_gets_openvinos_reason(tmp_path, fails, input_shapes, reason):
    images = ops.parameter([-1, 3, -1, -1], name="images")
    y = ops.add(images, np.ones([1, 3, 1, 2], np.float32))
    model = save(tmp_path / "model.xml", [y], [images])
    assert reason in fails(model, INPUT_SHAPES=input_shapes)
