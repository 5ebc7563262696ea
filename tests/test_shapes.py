"""Shapes: a batch of 1 where nothing is set, and a line that asks for the rest."""

import re
from pathlib import Path

import numpy as np
import pytest
from models import ops
from support import Run, edited_script, run, save, save_sum_of_each

ERROR = """\
the model has dynamic shapes. Replace the line of INPUT_SHAPES in \
throughput_benchmark.py by this one, with sizes filled in, such as \
[1,3,480,640] for [?,3,?,?]:
INPUT_SHAPES = {}
"""


def test_a_user_measures_a_batch_of_1_and_pastes_the_line_for_another(
    tmp_path, measured
):
    model = save_sum_of_each(tmp_path / "model.xml", {"input_1": "[?,640]"})
    one = measured(model)
    assert one.line == "INPUT_SHAPES = {'input_1': '[1,640]'}"
    # What the user makes of it.
    eight = one.line.replace("[1,", "[8,")
    script = edited_script(tmp_path, INPUT_SHAPES={})
    source = script.read_text("utf-8").replace("\nINPUT_SHAPES = {}\n", f"\n{eight}\n")
    script.write_text(source, "utf-8")
    assert Run(*run(model, script=script)).line == eight


@pytest.mark.parametrize(
    "shapes, measured_shapes",
    [
        (["[?,640]"], ["[1,640]"]),
        (["[?,3,4,5]"], ["[1,3,4,5]"]),
        (["[2..8,3]"], ["[1,3]"]),
        (["[4..,3]", "[?,2]", "[7,4]", "[9]"], ["[1,3]", "[1,2]", "[7,4]", "[9]"]),
    ],
)
def test_a_dynamic_batch_becomes_1(tmp_path, measured, shapes, measured_shapes):
    model = save_sum_of_each(tmp_path / "model.xml", dict(zip("abcd", shapes)))
    assert measured(model).shapes == dict(zip("abcd", measured_shapes))


# What has one dimension is no batch. Of [...], not even the number of sizes is known.
@pytest.mark.parametrize(
    "shape", ["[?]", "[4..8]", "[?,3,?,?]", "[4..8,1..4]", "[3,?]", "[...]"]
)
def test_other_sizes_are_asked_for_as_the_model_has_them(
    tmp_path, fails, measured, shape
):
    model = save_sum_of_each(tmp_path / "model.xml", {"x": shape})
    assert fails(model) == ERROR.format({"x": shape})
    # Pasted as it is, it is asked for again.
    assert fails(model, INPUT_SHAPES={"x": shape}) == ERROR.format({"x": shape})
    filled_in = re.sub(r"4\.\.8|1\.\.4|\.\.\.|\?", "4", shape)
    run = measured(model, INPUT_SHAPES={"x": filled_in})
    assert run.shapes == {"x": filled_in}


def test_a_shape_for_one_input_asks_for_the_others(tmp_path, fails, measured):
    model = save_sum_of_each(tmp_path / "model.xml", {"a": "[?,8]", "b": "[?,8]"})
    asked = ERROR.format({"a": "[4,8]", "b": "[?,8]"})
    # By the name, by the index, or as a list of numbers.
    for shapes in [{"a": "[4,8]"}, {0: "[4,8]"}, {0: [4, 8]}]:
        assert fails(model, INPUT_SHAPES=shapes) == asked
    both = {"a": "[4,8]", "b": "[4,8]"}
    assert measured(model, INPUT_SHAPES=both).shapes == both


def test_an_input_without_a_name_has_its_index(tmp_path, measured):
    inputs = [ops.parameter([-1, 8], name=name) for name in "abc"]
    inputs[0].output(0).get_tensor().set_names({"it's:0", "x/it's:0"})
    y = ops.add(ops.add(inputs[0], inputs[1]), inputs[2])
    model = Path(save(tmp_path / "model.xml", [y], inputs))
    # Only in the file can the names of the second and the third be taken away.
    text = re.sub(r' names="[bc]"', "", model.read_text("utf-8"))
    model.write_text(text, "utf-8")
    shapes = {"it's:0": "[1,8]", 1: "[1,8]", 2: "[1,8]"}
    assert measured(str(model)).shapes == shapes
    # Either name is taken, and the same shown.
    other = {"x/it's:0": "[2,8]", 1: "[2,8]", 2: "[2,8]"}
    shapes = {name: "[2,8]" for name in shapes}
    assert measured(str(model), INPUT_SHAPES=other).shapes == shapes


def test_where_a_batch_of_1_does_not_suit_the_reason_is_shown(
    tmp_path, fails, measured
):
    x = ops.parameter([-1, 3], np.float32, name="x")
    y = ops.matmul(np.ones([6, 4], np.float32), ops.reshape(x, [4, 3], False), 0, 0)
    model = save(tmp_path / "model.xml", [y], [x])
    assert "hape" in fails(model)
    measured(model, INPUT_SHAPES={"x": "[4,3]"})
