"""Edits: what README sets in the script or changes in it does what it is said to do."""

import ast
import re

import numpy as np
import openvino as ov
import pytest
from support import (
    CHOICES,
    OWN_DATA,
    VERY_SHORT,
    edited_script,
    edits_of,
    load_script,
    message_of,
    parse_measured,
    parse_report,
    run,
    table,
)

# The constants that each row of the table sets.
ROWS = [
    {n: ast.literal_eval(value) for n, value in re.findall(r"`(\w+) = ([^`]*)`", text)}
    for _, text in table("| To get | Set |")
]


@pytest.mark.slow
def test_the_rows_of_the_table_do_what_they_are_for(tmp_path, networks):
    batch, latency, f32, one_thread = [
        load_script(edited_script(tmp_path, **constants)) for constants in ROWS
    ]
    model = networks("googlenet-v1")
    assert len(latency.create_queue(model, "CPU")) == 1
    assert batch.create_queue(model, "CPU")[0].input_tensors[0].shape[0] == 8
    for script, name, value in [
        (one_thread, "NUM_STREAMS", 1),
        (latency, "PERFORMANCE_HINT", "LATENCY"),
        (f32, "INFERENCE_PRECISION_HINT", ov.Type.f32),
    ]:
        compiled_model = script.create_queue(model, "CPU")[0].get_compiled_model()
        assert compiled_model.get_property(name) == value


@pytest.mark.slow
def test_what_the_device_chose_is_printed(tmp_path, networks):
    script = edited_script(tmp_path, *edits_of(CHOICES))
    exit_status, stdout, stderr = run(networks("face-detection-0200"), script=script)
    assert exit_status == 0
    parse_measured(stderr)
    choices = dict(
        re.findall(r"^\[ INFO \] ([A-Z_]{3,}): (\S.*)\n", stdout, re.MULTILINE)
    )
    assert list(choices) == re.findall(r'"([A-Z_]+)"', CHOICES)
    assert choices["NUM_STREAMS"].isdecimal()
    parse_report(re.sub(r"\[ INFO \] [A-Z_]{3,}: .*\n", "", stdout))


@pytest.mark.parametrize("shape", [[1, 3, 16, 16], [3, 16, 16], [16, 16]])
def test_own_data_is_what_is_inferred_and_a_smaller_array_is_repeated(
    tmp_path, networks, monkeypatch, shape
):
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(1).random(shape, np.float32)
    np.save("image.npy", image)
    script = load_script(edited_script(tmp_path, *edits_of(OWN_DATA)))
    for request in script.create_queue(networks("two-convolutions"), "CPU"):
        expected = np.broadcast_to(image, [1, 3, 16, 16])
        np.testing.assert_array_equal(request.input_tensors[0].data, expected)


def test_own_data_that_does_not_fit_shows_the_line(tmp_path, networks):
    np.save(tmp_path / "image.npy", np.zeros([16, 16, 3], np.float32))
    script = edited_script(tmp_path, *edits_of(OWN_DATA))
    exit_status, _, stderr = run(
        networks("two-convolutions"), script=script, cwd=tmp_path
    )
    assert exit_status == 1
    assert "tensor.data[...] = np.load(file)" in stderr
    assert "ValueError: could not broadcast input array" in stderr
    assert "[ ERROR ]" not in stderr


def test_own_data_that_is_not_there_is_named(tmp_path, networks):
    script = edited_script(tmp_path, *edits_of(OWN_DATA))
    result = run(networks("two-convolutions"), script=script, cwd=tmp_path)
    assert message_of(result) == "[Errno 2] No such file or directory: 'image.npy'\n"


def test_very_short_inferences_are_measured_with_the_base_class(tmp_path, networks):
    script = edited_script(tmp_path, *edits_of(VERY_SHORT))
    exit_status, stdout, stderr = run(networks("two-convolutions"), script=script)
    assert exit_status == 0
    parse_measured(stderr)
    assert parse_report(stdout)["count"] > 10
