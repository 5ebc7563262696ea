"""Edits: what README sets in the script or changes in it does what it is said to do."""

import ast
import re

import numpy as np
import openvino as ov
import pytest
from support import (
    BLOCKS,
    README,
    edited_script,
    edits_of,
    load_script,
    parse_report,
    run,
    table,
)

OWN_DATA, CHOICES = [text for language, text in BLOCKS if language == "diff"]
# The constants that each row of the table sets.
ROWS = [
    {n: ast.literal_eval(value) for n, value in re.findall(r"`(\w+) = ([^`]*)`", text)}
    for _, text in table("| To get | Set |")
]


@pytest.mark.slow
def test_the_rows_of_the_table_do_what_they_are_for(tmp_path, networks):
    longer, four, batch, latency, f32, one_thread = [
        load_script(edited_script(tmp_path, **constants)) for constants in ROWS
    ]
    assert longer.SECONDS_TO_RUN == 60
    model = networks("googlenet-v1")
    for script, number in [(four, 4), (latency, 1)]:
        assert len(script.create_queue(model, "CPU")) == number
    assert batch.compile_model(model, "CPU").inputs[0].shape[0] == 8
    for script, name, value in [
        (one_thread, "NUM_STREAMS", 1),
        (latency, "PERFORMANCE_HINT", "LATENCY"),
        (f32, "INFERENCE_PRECISION_HINT", ov.Type.f32),
    ]:
        assert script.compile_model(model, "CPU").get_property(name) == value


@pytest.mark.slow
def test_all_devices_at_a_time_are_measured(tmp_path, networks):
    (config,) = re.findall(r"`CONFIG = (\{.*CUMULATIVE.*?\})`", README)
    script = edited_script(tmp_path, CONFIG=ast.literal_eval(config))
    exit_status, stdout, stderr = run(
        networks("two-convolutions"), "AUTO", script=script
    )
    assert (exit_status, stderr) == (0, "")
    parse_report(stdout)


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("shape", [[1, 3, 16, 16], [3, 16, 16], [16, 16], [1]])
def test_own_data_fills_all_or_is_refused(tmp_path, networks, shape):
    image = np.random.default_rng(1).random(shape, np.float32)
    np.save(tmp_path / "image.npy", image)
    script = edited_script(tmp_path, *edits_of(OWN_DATA))
    exit_status, stdout, stderr = run(
        networks("two-convolutions"), script=script, cwd=tmp_path
    )
    if image.size == 3 * 16 * 16:
        assert (exit_status, stderr) == (0, "")
        parse_report(stdout)
    else:
        # Of an edit, the line is shown.
        assert exit_status == 1
        assert "np.load(file).reshape(tensor.data.shape)" in stderr
        assert "ValueError: cannot reshape array" in stderr
        assert "[ ERROR ]" not in stderr


def test_own_data_is_what_is_inferred(tmp_path, networks, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(1).random([3, 16, 16], np.float32)
    np.save("image.npy", image)
    script = load_script(edited_script(tmp_path, *edits_of(OWN_DATA)))
    for request in script.create_queue(networks("two-convolutions"), "CPU"):
        np.testing.assert_array_equal(request.input_tensors[0].data[0], image)
