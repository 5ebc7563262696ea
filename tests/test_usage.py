"""Usage: both arguments, and what the chosen device is asked for."""

import pytest
from support import run

import throughput_benchmark

OTHERS = ["AUTO", "MULTI:CPU", "HETERO:CPU"]


@pytest.mark.parametrize(
    "device",
    [None, "CPU", *[pytest.param(name, marks=pytest.mark.slow) for name in OTHERS]],
)
def test_the_device_is_asked_for_throughput(networks, measured, device):
    model = networks("face-detection-0200")
    measured(model, *[device] if device else [])
    compiled_model = throughput_benchmark.compile_model(model, device or "CPU")
    if device != "AUTO":  # which may find another
        assert list(compiled_model.get_property("EXECUTION_DEVICES")) == ["CPU"]
    # HETERO does not tell the hint.
    if device != "HETERO:CPU":
        hint = str(compiled_model.get_property("PERFORMANCE_HINT"))
        assert hint.removeprefix("PerformanceMode.") == "THROUGHPUT"


def test_a_user_calls_it_wrongly_or_asks_for_help():
    usage = "usage: throughput_benchmark.py [-h] path_to_model [device_name]\n"
    for arguments in [[], ["model.xml", "CPU", "10"], ["model.xml", "-d"]]:
        exit_status, stdout, stderr = run(*arguments)
        assert (exit_status, stdout) == (2, "")
        assert stderr.startswith(usage)
    exit_status, stdout, stderr = run("--help")
    assert (exit_status, stderr) == (0, "")
    assert stdout.startswith(usage)
    assert "inferences per second" in stdout
