"""The report: its layout, its figures, and what they count."""

import ctypes
import gc
import signal
import types

import openvino as ov
import pytest
from support import (
    assert_consistent,
    edited_script,
    parse_report,
    requests_in_flight,
    run,
    save_slow_model,
)
from test_failures import ONNX_MODEL

import throughput_benchmark


def test_a_user_measures_googlenet_for_ten_seconds(networks):
    model = networks("googlenet-v1")
    exit_status, stdout, stderr = run(model)
    assert (exit_status, stderr) == (0, "")
    figures = parse_report(stdout)
    assert_consistent(figures)
    assert 10_000 <= figures["duration"] < 12_000
    assert figures["count"] > throughput_benchmark.MIN_ITERATIONS
    # Little's law: latency and throughput tell one story.
    in_flight = figures["average"] * figures["throughput"] / 1000
    assert 0.85 <= in_flight / requests_in_flight(model) <= 1.03


@pytest.mark.parametrize("milliseconds", [2, 20])
def test_latency_times_throughput_is_the_number_of_requests(
    tmp_path, measured, milliseconds
):
    model = save_slow_model(tmp_path / "slow.xml", milliseconds // 2)
    figures = measured(model, seconds=1)
    in_flight = figures["average"] * figures["throughput"] / 1000
    assert 0.85 <= in_flight / requests_in_flight(model) <= 1.03


def test_the_measurement_lasts_as_long_as_set(networks, measured):
    model = networks("two-convolutions")
    assert 300 <= measured(model, seconds=0.3)["duration"] < 400
    assert 600 <= measured(model, seconds=0.6)["duration"] < 700


def test_a_model_too_slow_for_the_duration_completes_min_iterations(tmp_path, measured):
    model = save_slow_model(tmp_path / "slow.xml", 20)
    figures = measured(model, seconds=0.01)
    # More were in flight when the tenth completed.
    assert 10 <= figures["count"] < 10 + requests_in_flight(model)
    assert figures["duration"] > 10 * figures["min"] / requests_in_flight(model)


def test_the_warm_up_is_not_counted(tmp_path, monkeypatch, measured):
    monkeypatch.setattr(throughput_benchmark, "MIN_ITERATIONS", 1)
    model = save_slow_model(tmp_path / "slow.xml", 20)
    # All requests are started before the first completes, and none again.
    assert measured(model, seconds=0)["count"] == requests_in_flight(model)


def test_the_requests_in_flight_at_the_end_are_waited_for(tmp_path):
    # The last of 8 completes when the first has long ended the measurement.
    script = edited_script(
        tmp_path,
        ("SECONDS_TO_RUN = 10 ", "SECONDS_TO_RUN = 0 "),
        ("MIN_ITERATIONS = 10 ", "MIN_ITERATIONS = 1 "),
        ("ov.AsyncInferQueue(compiled_model)", "ov.AsyncInferQueue(compiled_model, 8)"),
    )
    model = save_slow_model(tmp_path / "slow.xml", 20)
    exit_status, stdout, stderr = run(model, script=script)
    assert (exit_status, stderr) == (0, "")
    figures = parse_report(stdout)
    assert_consistent(figures)
    assert figures["count"] == 8


def test_each_request_is_warmed_up_once(networks, monkeypatch, measured):
    warm_ups = []
    hold_thread_state = ctypes.pythonapi.PyGILState_Ensure

    def count_and_hold_thread_state() -> None:
        warm_ups.append(hold_thread_state())

    monkeypatch.setattr(
        ctypes.pythonapi, "PyGILState_Ensure", count_and_hold_thread_state
    )
    model = networks("two-convolutions")
    measured(model)
    assert len(warm_ups) == requests_in_flight(model)


def test_the_callback_is_freed_so_that_no_run_hangs(networks, monkeypatch):
    monkeypatch.setattr(throughput_benchmark, "SECONDS_TO_RUN", 0)
    compiled_model = ov.Core().compile_model(
        networks("googlenet-v1"), "CPU", throughput_benchmark.CONFIG
    )
    sigint_handler = signal.getsignal(signal.SIGINT)
    try:
        # Without the wait it is still there after 1 measurement in 4.
        for _ in range(20):
            throughput_benchmark.measure(compiled_model)
            functions = [
                f for f in gc.get_objects() if isinstance(f, types.FunctionType)
            ]
            assert "on_complete" not in {function.__name__ for function in functions}
    finally:
        signal.signal(signal.SIGINT, sigint_handler)


def test_an_onnx_network_is_measured(measured):
    figures = measured(str(ONNX_MODEL))
    assert figures["throughput"] > 1


@pytest.mark.parametrize("device", ["AUTO", "MULTI:CPU", "HETERO:CPU"])
def test_a_device_is_chosen(networks, measured, device):
    assert measured(networks("two-convolutions"), device)["count"] > 10


def test_the_device_is_cpu_unless_named(capsys):
    assert throughput_benchmark.main(["missing.xml"]) == 1
    assert "'missing.xml' on 'CPU'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["model.xml", "CPU", "10"], ["--seconds", "1"], ["model.xml", "-d"]],
)
def test_a_wrong_call_prints_the_usage(arguments):
    exit_status, stdout, stderr = run(*arguments)
    assert (exit_status, stdout) == (2, "")
    assert stderr.startswith("usage: throughput_benchmark.py [-h] path_to_model [dev")
    assert "throughput_benchmark.py: error: " in stderr


def test_help_names_both_arguments():
    exit_status, stdout, stderr = run("--help")
    assert (exit_status, stderr) == (0, "")
    assert "path_to_model" in stdout
    assert "device_name" in stdout


def test_main_returns_what_the_process_exits_with(networks, monkeypatch):
    sigint_handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(throughput_benchmark, "SECONDS_TO_RUN", 0.1)
    assert throughput_benchmark.main([networks("two-convolutions")]) == 0
    assert throughput_benchmark.main(["missing.xml"]) == 1
    with pytest.raises(SystemExit) as exit_info:
        throughput_benchmark.main([])
    assert exit_info.value.code == 2
    # Whoever called main has Ctrl-C to himself again.
    assert signal.getsignal(signal.SIGINT) is sigint_handler
