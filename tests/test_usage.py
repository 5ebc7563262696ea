"""Usage: both arguments, and what the chosen device is asked for."""

import pytest
from support import run

import throughput_benchmark


@pytest.mark.parametrize("device", [None, "CPU", "AUTO", "MULTI:CPU", "HETERO:CPU"])
def test_the_device_is_asked_for_throughput_and_nothing_else(
    networks, monkeypatch, measured, compiled, device
):
    in_flight = []
    measure = throughput_benchmark.measure

    def count_and_measure(queue):
        in_flight.append(len(queue))
        return measure(queue)

    monkeypatch.setattr(throughput_benchmark, "measure", count_and_measure)
    model = networks("face-detection-0200")
    measured(model, *[device] if device else [])
    (record,) = compiled
    assert record["device"] == (device or "CPU")
    assert record["config"] == {"PERFORMANCE_HINT": "THROUGHPUT"}
    if device != "AUTO":  # which may find another
        assert list(record["EXECUTION_DEVICES"]) == ["CPU"]
    # HETERO does not tell the hint.
    if device != "HETERO:CPU":
        hint = str(record["PERFORMANCE_HINT"])
        assert hint.removeprefix("PerformanceMode.") == "THROUGHPUT"
    assert in_flight == [record["OPTIMAL_NUMBER_OF_INFER_REQUESTS"]]


@pytest.mark.parametrize(
    "arguments",
    [["model.xml", "CPU", "10"], ["--seconds", "1"], ["model.xml", "-d"]],
)
def test_a_wrong_call_prints_the_usage(capsys, arguments):
    with pytest.raises(SystemExit) as exit_info:
        throughput_benchmark.main(arguments)
    assert exit_info.value.code == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.startswith("usage: ")
    assert "[-h] path_to_model [device_name]" in stderr
    assert ": error: " in stderr


def test_a_user_calls_it_without_a_model():
    exit_status, stdout, stderr = run()
    assert (exit_status, stdout) == (2, "")
    assert stderr.startswith("usage: throughput_benchmark.py [-h] path_to_model [dev")
    assert "error: the following arguments are required: path_to_model" in stderr


def test_help_says_what_it_does_and_names_both_arguments(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as exit_info:
        throughput_benchmark.main(["--help"])
    assert exit_info.value.code == 0
    stdout, stderr = capsys.readouterr()
    assert stderr == ""
    assert "inferences per second" in stdout
    assert "path_to_model  OpenVINO IR, ONNX" in stdout
    assert "device_name    default: CPU" in stdout
