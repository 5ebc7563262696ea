"""Shapes: a dynamic batch becomes 1, others are asked for, and a line says which are measured."""

import ast
import re
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import ops
from support import (
    README,
    assert_nothing_measured,
    edited_script,
    parse_measured,
    parse_report,
    run,
    save,
    save_sum_of_each,
)

import throughput_benchmark

WARNING = """\
[ WARNING ] The batch is dynamic: the smallest is measured, INPUT_SHAPES = {}
"""
ERROR = """\
the model has dynamic shapes. Replace the line of INPUT_SHAPES in \
throughput_benchmark.py by this one, with a number for each ? or range:
INPUT_SHAPES = {}
"""


@pytest.fixture
def shapes_of(monkeypatch, capfd):
    """Return a function from a model to the shapes that are shown and measured."""

    def shapes(model: str, input_shapes: dict) -> dict[str | int, str]:
        monkeypatch.setattr(throughput_benchmark, "INPUT_SHAPES", input_shapes)
        queue = throughput_benchmark.create_queue(model, "CPU")
        line = capfd.readouterr().err.splitlines(True)[-1]
        shown = ast.literal_eval(parse_measured(line)["shapes"])
        tensors = [str(list(tensor.shape)) for tensor in queue[0].input_tensors]
        assert list(shown.values()) == [text.replace(" ", "") for text in tensors]
        return shown

    return shapes


def test_a_user_measures_a_batch_of_1_and_pastes_the_line_for_another(tmp_path):
    model = save_sum_of_each(tmp_path / "model.xml", {"input_1": "[?,640]"})
    exit_status, stdout, stderr = run(model, script=edited_script(tmp_path))
    assert exit_status == 0
    warning, line = stderr.splitlines(True)
    assert warning == WARNING.format("{'input_1': '[1,640]'}")
    assert f"\n{warning}" in README
    assert parse_measured(line)["line"] == "INPUT_SHAPES = {'input_1': '[1,640]'}"
    parse_report(stdout)
    # What the user makes of it.
    eight = parse_measured(line)["line"].replace("[1,", "[8,")
    script = edited_script(tmp_path, ("INPUT_SHAPES = {}", eight))
    exit_status, stdout, stderr = run(model, script=script)
    assert exit_status == 0
    assert parse_measured(stderr)["line"] == eight
    parse_report(stdout)


@pytest.mark.parametrize(
    "shape, taken",
    [
        ("[?,640]", "[1,640]"),
        ("[?,3,4,5]", "[1,3,4,5]"),
        ("[1..8,3]", "[1,3]"),
        ("[4..8,3]", "[4,3]"),
        ("[4..,3]", "[4,3]"),
        ("[..8,3]", "[1,3]"),
    ],
)
def test_the_batch_is_1_or_the_least_that_the_model_allows(
    tmp_path, measured, shapes_of, shape, taken
):
    model = save_sum_of_each(tmp_path / "model.xml", {"x": shape})
    measured(model, warning=WARNING.format({"x": taken}))
    assert shapes_of(model, {}) == {"x": taken}
    # Once it is set there is no warning.
    measured(model, INPUT_SHAPES={"x": taken})
    six = re.sub(r"\d", "6", taken, count=1)
    assert shapes_of(model, {"x": six}) == {"x": six}


# What has one dimension is no batch. Of [...], not even the number of sizes is known.
@pytest.mark.parametrize(
    "shape, shown",
    [
        ("[?]", "[?]"),
        ("[4..8]", "[4..8]"),
        ("[?,3,?,?]", "[1,3,?,?]"),
        ("[?,?]", "[1,?]"),
        ("[4..8,1..4]", "[4,1..4]"),
        ("[..4,2..]", "[1,2..]"),
        ("[3,?]", "[3,?]"),
        ("[...]", "[...]"),
    ],
)
def test_other_sizes_are_asked_for(tmp_path, fails, measured, shape, shown):
    model = save_sum_of_each(tmp_path / "model.xml", {"x": shape})
    assert fails(model) == ERROR.format({"x": shown})
    # Pasted as it is, it is asked for again.
    assert fails(model, INPUT_SHAPES={"x": shown}) == ERROR.format({"x": shown})
    filled_in = re.sub(r"4\.\.8|1\.\.4|2\.\.|\.\.\.|\?", "4", shown)
    measured(model, INPUT_SHAPES={"x": filled_in})


INPUTS = {"ids": "[?,8]", "mask": "[2,8]", "types": "[?,?]"}


def test_the_line_shows_each_input_once_whatever_is_set(
    tmp_path, fails, measured, shapes_of
):
    model = save_sum_of_each(tmp_path / "model.xml", INPUTS)
    asked = {"ids": "[1,8]", "mask": "[2,8]", "types": "[1,?]"}
    assert fails(model) == ERROR.format(asked)
    # By the index, or as a list of numbers.
    asked["ids"] = "[3,8]"
    assert fails(model, INPUT_SHAPES={0: [3, 8]}) == ERROR.format(asked)
    # A shape that is set may leave the batch dynamic, too.
    half = {0: [3, 8], "types": "[?,4]"}
    whole = {"ids": "[3,8]", "mask": "[2,8]", "types": "[1,4]"}
    measured(model, INPUT_SHAPES=half, warning=WARNING.format(whole))
    assert shapes_of(model, half) == whole
    # Pasted, the run is the same and says the same.
    assert shapes_of(model, whole) == whole
    measured(model, INPUT_SHAPES=whole)


def test_an_input_without_a_name_has_its_index(tmp_path, measured, shapes_of):
    inputs = [ops.parameter([-1, 8], name=name) for name in "abc"]
    inputs[0].output(0).get_tensor().set_names({"it's:0", "x/it's:0"})
    y = ops.add(ops.add(inputs[0], inputs[1]), inputs[2])
    model = Path(save(tmp_path / "model.xml", [y], inputs))
    # Only in the file can the names of the second and the third be taken away.
    text = re.sub(r' names="[bc]"', "", model.read_text("utf-8"))
    model.write_text(text, "utf-8")
    shapes = {"it's:0": "[1,8]", 1: "[1,8]", 2: "[1,8]"}
    measured(str(model), warning=WARNING.format(shapes))
    shapes = {name: shape.replace("1", "2") for name, shape in shapes.items()}
    assert shapes_of(str(model), shapes) == shapes
    # Either name is taken, and the same shown.
    other = {"x/it's:0": "[2,8]", 1: "[2,8]", 2: "[2,8]"}
    assert shapes_of(str(model), other) == shapes


def test_the_line_of_a_model_without_inputs_or_dimensions_is_pasted(
    tmp_path, shapes_of
):
    y = ops.random_uniform([10], np.float32(0), np.float32(1), "f32")
    assert shapes_of(save(tmp_path / "none.xml", [y], []), {}) == {}
    x = ops.parameter([], np.float32, name="x")
    model = save(tmp_path / "scalar.xml", [ops.relu(x)], [x])
    assert shapes_of(model, {}) == shapes_of(model, {"x": "[]"}) == {"x": "[]"}


def test_strings_are_asked_for_like_numbers(tmp_path, fails, measured):
    if not hasattr(ov.Type, "string"):
        pytest.skip("this release has no strings")
    x = ops.parameter(ov.PartialShape("[?]"), ov.Type.string, name="text")
    model = save(tmp_path / "model.xml", [ops.shape_of(x)], [x])
    assert fails(model) == ERROR.format({"text": "[?]"})
    measured(model, INPUT_SHAPES={"text": "[1]"})


def test_where_a_batch_of_1_does_not_suit_the_reason_follows_the_warning(tmp_path):
    x = ops.parameter(ov.PartialShape("[?,3]"), np.float32, name="x")
    y = ops.matmul(x, np.ones([4, 3], np.float32), True, True)
    y = ops.matmul(np.ones([6, 4], np.float32), ops.reshape(x, [4, 3], False), 0, 0)
    model = save(tmp_path / "model.xml", [y], [x])
    exit_status, stdout, stderr = run(model, script=edited_script(tmp_path))
    assert exit_status == 1
    assert_nothing_measured(stdout)
    warning = WARNING.format({"x": "[1,3]"})
    assert stderr.startswith(f"{warning}[ ERROR ] Cannot run '{model}' on 'CPU': ")
    assert "hape" in stderr.removeprefix(warning)
    assert stderr.count("INPUT_SHAPES = ") == 1
    script = edited_script(tmp_path, INPUT_SHAPES={"x": "[4,3]"})
    assert run(model, script=script)[0] == 0


def test_a_user_pastes_the_line_of_readme_and_fills_it_in(tmp_path):
    (shown,) = re.findall(r"^INPUT_SHAPES = (\{'input_ids'.*\})$", README, re.MULTILINE)
    dynamic = ast.literal_eval(shown.replace("[1,", "[?,"))
    save_sum_of_each(tmp_path / "model.xml", dynamic)
    exit_status, _, stderr = run("model.xml", cwd=tmp_path)
    assert exit_status == 1
    error = f"[ ERROR ] Cannot run 'model.xml' on 'CPU': {ERROR.format(shown)}"
    assert stderr == error
    assert error in README
    tokens, batch = "[1,128]", "[1]"
    assert f"such as `{tokens}`" in README
    filled_in = shown.replace("[1,?]", tokens).replace("[?]", batch)
    script = edited_script(tmp_path, INPUT_SHAPES=ast.literal_eval(filled_in))
    exit_status, stdout, stderr = run("model.xml", script=script, cwd=tmp_path)
    assert exit_status == 0
    assert parse_measured(stderr)["shapes"] == filled_in
    parse_report(stdout)
