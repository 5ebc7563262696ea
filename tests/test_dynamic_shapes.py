"""Dynamic shapes: a batch of 1 is taken, and other sizes are asked for by a line to set."""

import ast
import re
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from models import ops
from support import (
    README,
    assert_nothing_measured,
    edited_script,
    parse_report,
    run,
    save,
    save_sum_of_each,
)

import throughput_benchmark

WARNING = """\
[ WARNING ] The first dimension is dynamic: the smallest batch is measured. For another, \
replace the line of INPUT_SHAPES in throughput_benchmark.py by this one, edited:
INPUT_SHAPES = {}
"""
ERROR = """\
the model has dynamic shapes. Replace the line of INPUT_SHAPES in \
throughput_benchmark.py by this one, with a number for each ? or range:
INPUT_SHAPES = {}
"""


@pytest.fixture
def shapes_of(monkeypatch, capfd):
    """Return a function from a model to the shapes of its inputs once it is compiled."""

    def shapes(model: str, input_shapes: dict) -> list[list[int]]:
        monkeypatch.setattr(throughput_benchmark, "INPUT_SHAPES", input_shapes)
        inputs = throughput_benchmark.compile_model(model, "CPU").inputs
        capfd.readouterr()
        return [list(port.shape) for port in inputs]

    return shapes


def test_a_user_measures_a_batch_of_1_and_pastes_the_line_for_another(tmp_path):
    model = save_sum_of_each(tmp_path / "model.xml", {"input_1": "[?,640]"})
    exit_status, stdout, stderr = run(model, script=edited_script(tmp_path))
    assert exit_status == 0
    assert stderr == WARNING.format("{'input_1': '[1,640]'}")
    parse_report(stdout)
    # What the user makes of it.
    line = stderr.splitlines()[-1].replace("[1,", "[8,")
    script = edited_script(tmp_path, ("INPUT_SHAPES = {}", line))
    exit_status, stdout, stderr = run(model, script=script)
    assert (exit_status, stderr) == (0, "")
    parse_report(stdout)


@pytest.mark.parametrize(
    "shape, taken",
    [
        ("[?,640]", [1, 640]),
        ("[?]", [1]),
        ("[1..8,3]", [1, 3]),
        ("[4..8,3]", [4, 3]),
        ("[4..,3]", [4, 3]),
        ("[..8,3]", [1, 3]),
    ],
)
def test_the_batch_is_1_or_the_least_that_the_model_allows(
    tmp_path, measured, shapes_of, shape, taken
):
    model = save_sum_of_each(tmp_path / "model.xml", {"x": shape})
    line = {"x": str(ov.PartialShape(taken))}
    measured(model, stderr=WARNING.format(line))
    assert shapes_of(model, {}) == [taken]
    # Once it is set there is no warning.
    measured(model, INPUT_SHAPES=line)
    assert shapes_of(model, {"x": [6, *taken[1:]]}) == [[6, *taken[1:]]]


# Of the last one, not even the number of sizes is known.
@pytest.mark.parametrize(
    "shape, shown",
    [
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
    filled_in = re.sub(r"\?|1\.\.4|2\.\.|\.\.\.", "3", shown)
    measured(model, INPUT_SHAPES={"x": filled_in})


INPUTS = {"ids": "[?,8]", "mask": "[2,8]", "types": "[?,?]"}


def test_of_several_inputs_all_dynamic_ones_are_shown(
    tmp_path, fails, measured, shapes_of
):
    model = save_sum_of_each(tmp_path / "model.xml", INPUTS)
    assert fails(model) == ERROR.format({"ids": "[1,8]", "types": "[1,?]"})
    line = {"ids": "[1,8]", "types": "[1,4]"}
    measured(model, INPUT_SHAPES=line)
    assert shapes_of(model, line) == [[1, 8], [2, 8], [1, 4]]


def test_what_is_set_is_kept_and_stays_in_the_line(
    tmp_path, fails, measured, shapes_of
):
    model = save_sum_of_each(tmp_path / "model.xml", INPUTS)
    message = fails(model, INPUT_SHAPES={"ids": [3, 8]})
    assert message == ERROR.format({"ids": [3, 8], "types": "[1,?]"})
    # A shape that is set may leave the batch dynamic, too.
    half = {"ids": [3, 8], "types": "[?,4]"}
    whole = {"ids": [3, 8], "types": "[1,4]"}
    measured(model, INPUT_SHAPES=half, stderr=WARNING.format(whole))
    assert shapes_of(model, half) == [[3, 8], [2, 8], [1, 4]]


def test_an_input_has_one_of_its_names_or_its_index(tmp_path, fails, measured):
    inputs = [ops.parameter([-1, 8], name=name) for name in "abc"]
    inputs[0].output(0).get_tensor().set_names({"it's:0", "x/it's:0"})
    y = ops.add(ops.add(inputs[0], inputs[1]), inputs[2])
    model = Path(save(tmp_path / "model.xml", [y], inputs))
    # Only in the file can the names of the second and the third be taken away.
    text = re.sub(r' names="[bc]"', "", model.read_text("utf-8"))
    model.write_text(text, "utf-8")
    shapes = {"it's:0": "[1,8]", 1: "[1,8]", 2: "[1,8]"}
    measured(str(model), stderr=WARNING.format(shapes))
    shapes = {name: shape.replace("1", "2") for name, shape in shapes.items()}
    measured(str(model), INPUT_SHAPES=shapes)


def test_strings_may_have_a_dynamic_batch(tmp_path, measured):
    if not hasattr(ov.Type, "string"):
        pytest.skip("this release has no strings")
    x = ops.parameter(ov.PartialShape("[?]"), ov.Type.string, name="text")
    model = save(tmp_path / "model.xml", [ops.shape_of(x)], [x])
    measured(model, stderr=WARNING.format({"text": "[1]"}))


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


ONNX = """<ir_version: 8, opset_import: ["": 13]>
sum (int64[batch,n] input_ids, int64[batch,n] attention_mask) => (int64[batch,n] y) {
    y = Mul(input_ids, attention_mask)
}"""


@pytest.mark.slow
def test_a_user_pastes_the_line_of_readme_and_fills_it_in(tmp_path):
    model = onnx.parser.parse_model(ONNX)
    onnx.save(model, tmp_path / "model.onnx")
    shown, filled_in = re.findall(r"`?INPUT_SHAPES = (\{'input_ids'.*?\})", README)
    exit_status, _, stderr = run("model.onnx", cwd=tmp_path)
    assert exit_status == 1
    assert stderr.endswith(f"\nINPUT_SHAPES = {shown}\n")
    script = edited_script(tmp_path, INPUT_SHAPES=ast.literal_eval(filled_in))
    exit_status, stdout, stderr = run("model.onnx", script=script, cwd=tmp_path)
    assert (exit_status, stderr) == (0, "")
    parse_report(stdout)
