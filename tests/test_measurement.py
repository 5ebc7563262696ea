"""The measurement: how long it lasts, what it counts, and what the latencies are of."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openvino as ov
import pytest
from hooks import set_callback_with

import throughput_benchmark


def test_it_lasts_as_long_as_set(models_by_ms, measured):
    latencies, duration = measured(
        models_by_ms[2], SECONDS_TO_RUN=0.3, MIN_ITERATIONS=1, INFER_REQUESTS=1
    )
    assert duration >= 0.3
    # The last but one had been started and the one before had completed when the clock
    # was looked at for the last time.
    assert sum(latencies[:-2]) < 300


def test_a_slow_model_completes_ten_iterations(models_by_ms, measured):
    latencies, _ = measured(models_by_ms[20], SECONDS_TO_RUN=0, INFER_REQUESTS=1)
    # Another was being started when the tenth had completed.
    assert len(latencies) == 11


def test_neither_count_nor_duration_covers_the_warm_up(models_by_ms, measured):
    latencies, duration = measured(
        models_by_ms[100], SECONDS_TO_RUN=0, MIN_ITERATIONS=1, INFER_REQUESTS=1
    )
    # One to complete, and one that was started before that was seen.
    assert len(latencies) == 2
    assert sum(latencies) <= duration * 1000 < 1.3 * sum(latencies)


@pytest.mark.slow
def test_the_requests_in_flight_at_the_end_are_waited_for(models_by_ms, measured):
    latencies, duration = measured(
        models_by_ms[100], SECONDS_TO_RUN=0, MIN_ITERATIONS=1, INFER_REQUESTS=8
    )
    assert len(latencies) == 9
    assert max(latencies) <= duration * 1000


@pytest.mark.parametrize("requests", [1, 5])
def test_each_request_infers_once_before_the_measurement(
    networks, monkeypatch, measured, requests
):
    addresses = [[], []]

    def record(phase: int, count: int, request: ov.InferRequest) -> None:
        addresses[phase].append(request.get_input_tensor().data.ctypes.data)

    monkeypatch.setattr(ov.AsyncInferQueue, "set_callback", set_callback_with(record))
    latencies, _ = measured(networks("two-convolutions"), INFER_REQUESTS=requests)
    assert len(addresses[0]) == len(set(addresses[0])) == requests
    assert len(addresses[1]) == len(latencies)


def test_who_imports_it_measures_on_any_thread_and_keeps_ctrl_c(
    models_by_ms, monkeypatch
):
    monkeypatch.setattr(throughput_benchmark, "SECONDS_TO_RUN", 0.05)
    handler = signal.getsignal(signal.SIGINT)

    def measure() -> tuple[list[float], float]:
        queue = throughput_benchmark.create_queue(models_by_ms[2], "CPU")
        throughput_benchmark.warm_up(queue)
        return throughput_benchmark.measure(queue)

    with ThreadPoolExecutor() as threads:
        latencies, duration = threads.submit(measure).result()
    assert 0 < sum(latencies) / 1000 <= duration * 2 * os.cpu_count()
    assert signal.getsignal(signal.SIGINT) is handler


def test_outputs_are_read_in_the_callback_and_arrays_have_their_number(networks):
    # What comments of the script say to those who copy it.
    queue = throughput_benchmark.create_queue(networks("two-convolutions"), "CPU")
    results = {}

    def callback(request: ov.InferRequest, number: int) -> None:
        results[number] = request.output_tensors[0].data.copy()

    queue.set_callback(callback)
    arrays = np.random.default_rng(0).random([20, 1, 3, 16, 16], np.float32)
    array = np.empty_like(arrays[0])
    for number in range(500):
        array[...] = arrays[number % 20]
        queue.start_async({"data": array}, number)
    queue.wait_all()
    model = queue[0].get_compiled_model()
    expected = [model(array)[0].copy() for array in arrays]
    assert sorted(results) == list(range(500))
    for number, output in results.items():
        np.testing.assert_array_equal(output, expected[number % 20])
