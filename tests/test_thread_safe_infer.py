"""README's thread_safe_infer: each caller gets its own result or error, and it ends."""

import itertools
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support import (
    THREAD_SAFE_INFER,
    compile_model,
    infer_once,
    load_function,
    optimal_number_of_infer_requests,
    run_side_by_side,
    save_reshape,
    save_sum,
)

thread_safe_infer = load_function("thread_safe_infer", THREAD_SAFE_INFER)


def test_sixteen_threads_get_their_own_results_which_they_keep(small_model, arrays):
    expected = infer_once(small_model, arrays)
    infer = thread_safe_infer(small_model)

    def infer_200(client: int) -> list[tuple[int, np.ndarray]]:
        results = []
        for number in range(client, client + 200):
            if number % 10 == 0:
                with pytest.raises(RuntimeError):
                    infer(arrays[number % 20][0])
            results.append((number % 20, infer(arrays[number % 20])[0]))
        return results

    with ThreadPoolExecutor(16) as clients:
        results = list(clients.map(infer_200, range(16)))
    assert sum(map(len, results)) == 3200
    for number, output in itertools.chain(*results):
        np.testing.assert_array_equal(output, expected[number])


# Where inference has one thread, InferRequest.infer() would lose an error.
@pytest.mark.parametrize("config", [{}, {"INFERENCE_NUM_THREADS": 1}])
def test_an_error_is_raised_to_its_caller_and_no_request_is_lost(tmp_path, config):
    model = compile_model(save_reshape(tmp_path / "model.xml"), **config)
    infer = thread_safe_infer(model)
    ones, pattern = np.ones([2, 3], np.float32), np.array([3, 2])
    assert infer(ones, pattern)[0].shape == (3, 2)
    for number in range(2 * optimal_number_of_infer_requests(model) + 1):
        with pytest.raises(ValueError, match="^1 arrays for 2 inputs$"):
            infer(ones)
        with pytest.raises(ValueError, match="^3 arrays for 2 inputs$"):
            infer(ones, pattern, pattern)
        with pytest.raises(RuntimeError):
            infer(ones[:1], pattern)
        # Another one each time: OpenVINO takes a pattern that it has just refused.
        with pytest.raises(RuntimeError, match="conflicts with"):
            infer(ones, np.array([5, 5 + number]))
        assert infer(ones, pattern)[0].shape == (3, 2)


def test_no_inference_meets_the_state_that_another_has_left(tmp_path):
    infer = thread_safe_infer(compile_model(save_sum(tmp_path / "model.xml")))
    for value in range(20):
        assert infer(np.float32([value]))[0].tolist() == [value]


def test_an_array_is_cast(small_model):
    pixels = np.random.default_rng(0).integers(0, 256, [1, 3, 16, 16], np.uint8)
    infer = thread_safe_infer(small_model)
    output = infer(pixels)[0]
    np.testing.assert_array_equal(output, infer(pixels.astype(np.float32))[0])
    assert not np.allclose(output, infer(pixels / np.float32(255))[0])


# Each thread asks for its first NumPy array at the same time.
FIRST_ARRAYS = """
import sys
import threading

compiled_model = ov.Core().compile_model(
    sys.argv[1], "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}
)
infer = thread_safe_infer(compiled_model)
together = threading.Barrier(8)
outputs = []


def infer_together():
    array = np.zeros([1, 3, 16, 16], np.float32)
    together.wait()
    outputs.append(infer(array)[0])


threads = [threading.Thread(target=infer_together) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(len(outputs) - 8)
"""


@pytest.mark.slow
def test_threads_that_begin_at_once_do_not_wait_for_each_other(networks):
    # Without the first array on one thread, more than half of these processes hang.
    program = THREAD_SAFE_INFER + FIRST_ARRAYS
    command = [sys.executable, "-c", program, networks("two-convolutions")]
    assert run_side_by_side(command, 8) == [(0, "", "")] * 8
