"""Edits: what README sets in the script or changes in it does what it is said to do."""

import ast
import re
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import ops
from support import (
    BLOCKS,
    edited_script,
    edits_of,
    load_script,
    parse_report,
    run,
    save,
    table,
)

CHOICES, OWN_DATA, STATE = [text for language, text in BLOCKS if language == "diff"]
# The constants that each row of the table sets.
ROWS = [
    {n: ast.literal_eval(value) for n, value in re.findall(r"`(\w+) = ([^`]*)`", text)}
    for _, text in table("| to get | set |")
]


def test_the_rows_of_the_table_do_what_they_are_for(tmp_path, networks):
    longer, four, one_thread, latency, f32 = [
        load_script(edited_script(tmp_path, **constants)) for constants in ROWS
    ]
    assert longer.SECONDS_TO_RUN == 60
    model = networks("googlenet-v1")
    for script, number in [(four, 4), (latency, 1)]:
        with script.open_queue(model, "CPU") as queue:
            assert len(queue) == number
            script.warm_up(queue)
    for script, name, value in [
        (one_thread, "NUM_STREAMS", 1),
        (latency, "PERFORMANCE_HINT", "LATENCY"),
        (f32, "INFERENCE_PRECISION_HINT", ov.Type.f32),
    ]:
        assert script.compile_model(model, "CPU").get_property(name) == value


def test_what_the_device_chose_is_printed(tmp_path, networks):
    script = edited_script(tmp_path, *edits_of(CHOICES))
    exit_status, stdout, stderr = run(networks("face-detection-0200"), script=script)
    assert (exit_status, stderr) == (0, "")
    choices = dict(
        re.findall(r"^\[ INFO \] ([A-Z_]{3,}): (\S.*)\n", stdout, re.MULTILINE)
    )
    assert list(choices) == re.findall(r'"([A-Z_]+)"', CHOICES)
    assert choices["NUM_STREAMS"].isdecimal()
    assert choices["OPTIMAL_NUMBER_OF_INFER_REQUESTS"].isdecimal()
    parse_report(re.sub(r"\[ INFO \] [A-Z_]{3,}: .*\n", "", stdout))


@pytest.mark.parametrize("shape", [[1, 3, 16, 16], [3, 16, 16], [16, 16], [1]])
def test_own_data_fills_all_or_is_refused(tmp_path, networks, monkeypatch, shape):
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(1).random(shape, np.float32)
    np.save("image.npy", image)
    script = load_script(edited_script(tmp_path, *edits_of(OWN_DATA)))
    opened = script.open_queue(networks("two-convolutions"), "CPU")
    if image.size == 3 * 16 * 16:
        with opened as queue:
            for request in queue:
                data = request.input_tensors[0].data
                np.testing.assert_array_equal(data.flat, image.flat)
    else:
        with pytest.raises(ValueError, match="cannot reshape array"), opened:
            pass


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
    exit_status, _, stderr = run(model, script=edited_script(tmp_path))
    if "Can not create StaticMemory" in stderr:
        pytest.skip("this release keeps no state of dynamic shape")
    assert exit_status == 1
    assert "conflicts with" in stderr
    script = edited_script(tmp_path, *edits_of(STATE))
    exit_status, stdout, stderr = run(model, script=script)
    assert (exit_status, stderr) == (0, "")
    parse_report(stdout)
