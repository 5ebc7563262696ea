"""Devices: each is asked for throughput, waited for, and named as OpenVINO names it."""

import ast
import sys

import numpy as np
import openvino as ov
import pytest
from models import conv, ops
from support import (
    Run,
    command_with,
    edited_script,
    run_command,
    save,
    save_sum,
)

# Devices by their names, and what measures there. SLOW is the CPU under another name,
# which takes half a second longer to load.
ONE_CPU = {
    "CPU": ["CPU"],
    "AUTO:CPU": ["CPU"],
    "MULTI:CPU": ["CPU"],
    "HETERO:CPU": ["CPU"],
    "BATCH:CPU(4)": ["CPU"],
}
TWO = {
    "SLOW": ["SLOW"],
    "AUTO": ["SLOW"],
    "AUTO:SLOW,CPU": ["SLOW"],
    "AUTO:CPU,SLOW": ["CPU"],
    "MULTI:SLOW,CPU": ["SLOW", "CPU"],
    "HETERO:SLOW,CPU": ["SLOW"],
    "BATCH:SLOW": ["SLOW"],
}
# What the device that the model is compiled for says after the measurement.
AT_THE_END = """
def show(queue):
    model = queue[0].get_compiled_model()
    print(model.get_property("EXECUTION_DEVICES"), file=sys.stderr)
    if "HETERO" not in sys.argv[2]:  # which does not tell it
        print(model.get_property("PERFORMANCE_HINT"), file=sys.stderr)
call_after("wait_all", 1, show)
"""


@pytest.mark.slow
@pytest.mark.parametrize("device", [*ONE_CPU, *TWO])
def test_what_the_line_names_is_what_measures(request, tmp_path, models_by_ms, device):
    code = AT_THE_END
    if device in TWO:
        code = request.getfixturevalue("slow_device") + code
    script = edited_script(tmp_path)
    command = command_with(code, script, models_by_ms[0.04], device)
    exit_status, stdout, stderr = run_command(command)
    line, *at_the_end = stderr.splitlines(True)
    measured = Run(exit_status, stdout, line)
    assert ast.literal_eval(measured.devices) == {**ONE_CPU, **TWO}[device]
    assert at_the_end[0] == f"{measured.devices}\n"
    # Only a device by itself says in which precision it infers.
    assert (measured.precision is not None) == (device in ["CPU", "SLOW"])
    if "HETERO" not in device:
        assert at_the_end[1].endswith("THROUGHPUT\n")


STRING = """
get_property = ov.CompiledModel.get_property
ov.CompiledModel.get_property = lambda model, name: (
    "NPU" if name == "EXECUTION_DEVICES" else get_property(model, name)
)
"""


def test_a_device_that_names_itself_by_a_string_is_shown_so(tmp_path, models_by_ms):
    # As the plugin of the NPU does.
    command = command_with(STRING, edited_script(tmp_path), models_by_ms[2])
    assert Run(*run_command(command)).devices == "NPU"


@pytest.mark.slow
@pytest.mark.parametrize("device", ["AUTO:SLOW,CPU", "HETERO:SLOW,CPU"])
def test_a_stateful_model_is_measured_on_two_devices(tmp_path, slow_device, device):
    model = save_sum(tmp_path / "model.xml")
    command = command_with(slow_device, edited_script(tmp_path), model, device)
    measured = Run(*run_command(command))
    assert measured.devices == "['SLOW']"


def test_the_loop_starts_whole_rounds(measured, models_by_ms):
    for requests in [3, 7]:
        run = measured(models_by_ms[0.04], INFER_REQUESTS=requests)
        assert run.count % requests == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="under Wine each batch waits")
def test_the_last_batch_is_seldom_waited_for(tmp_path, measured):
    # A batch that is not full waits for a second. On a machine that other programs keep
    # busy it may happen; without whole rounds it happened in 8 of 8 runs.
    x = ops.parameter([1, 3, 64, 64], np.float32, name="x")
    y = conv(conv(conv(x, 64, 3), 64, 3), 64, 3)
    model = save(tmp_path / "model.xml", [y], [x])
    assert any(measured(model, "BATCH:CPU(16)").figures["max"] < 900 for _ in range(5))


@pytest.mark.parametrize("device", ["FOO", "cpu", "GPU", "AUTO:FOO", ""])
def test_a_missing_device_is_named_beside_those_there_are(fails, models_by_ms, device):
    if device in ov.Core().available_devices:
        pytest.skip(f"{device} is there")
    assert fails(models_by_ms[2], device)
