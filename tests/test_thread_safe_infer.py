"""README's thread_safe_infer and its service: each caller gets its own result or error."""

import itertools
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import httpx
import numpy as np
import pytest
from support import (
    SECONDS_TO_WAIT,
    load_program,
    optimal_number_of_infer_requests,
    run_side_by_side,
    save_reshape,
    save_sum,
)
from test_infer_all import compile_model, infer_once

thread_safe_infer = load_program("service").thread_safe_infer


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
        with pytest.raises(TypeError):
            infer(None, pattern)
        # Another one each time: OpenVINO takes a pattern that it has just refused.
        with pytest.raises(RuntimeError, match="conflicts with"):
            infer(ones, np.array([5, 5 + number]))
        assert infer(ones, pattern)[0].shape == (3, 2)


def test_no_inference_meets_the_state_that_another_has_left(tmp_path):
    infer = thread_safe_infer(compile_model(save_sum(tmp_path / "model.xml")))
    for value in range(20):
        assert infer(np.float32([value]))[0].tolist() == [value]


def test_an_array_is_cast_and_an_output_has_its_name(networks):
    model = compile_model(networks("two-convolutions"))
    model.outputs[0].get_tensor().set_names({"y"})
    pixels = np.random.default_rng(0).integers(0, 256, [1, 3, 16, 16], np.uint8)
    infer = thread_safe_infer(model)
    by_index = infer(pixels)[0]
    np.testing.assert_array_equal(by_index, infer(pixels.astype(np.float32))[0])
    assert not np.allclose(by_index, infer(pixels / np.float32(255))[0])


# Each thread asks for its first NumPy array at the same time.
FIRST_ARRAYS = """
import sys
import threading

import numpy as np
from service import thread_safe_infer
from throughput_benchmark import compile_model

infer = thread_safe_infer(compile_model(sys.argv[1], "CPU"))
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


def test_threads_that_begin_at_once_do_not_wait_for_each_other(folder, networks):
    # Without the first view on one thread, more than half of these processes hang.
    command = [sys.executable, "-c", FIRST_ARRAYS, networks("two-convolutions")]
    assert run_side_by_side(command, 8, folder) == {(0, "")}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_service_answers_each_client_and_ends(folder, networks, sent):
    images = np.random.default_rng(0).random([8, 1, 3, 224, 224], np.float32)
    path = networks("googlenet-v1")
    (folder / "model.xml").symlink_to(path)
    (folder / "model.bin").symlink_to(Path(path).with_suffix(".bin"))
    classes = [int(y.argmax()) for y in infer_once(compile_model(path), images)]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "service:app", "--port", str(port)]
    server = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert any("Uvicorn running" in line for line in server.stderr)

    client = httpx.Client(timeout=SECONDS_TO_WAIT)

    def classify(number: int) -> tuple[int, object]:
        content = images[number % 8].tobytes()[: -1 if number % 5 == 4 else None]
        answer = client.post(f"http://127.0.0.1:{port}/classify", content=content)
        return answer.status_code, answer.json()

    try:
        with ThreadPoolExecutor(16) as clients:
            answers = list(clients.map(classify, range(200)))
            under_way = [clients.submit(classify, number) for number in range(16)]
            wait(under_way, return_when=FIRST_COMPLETED)
            server.send_signal(sent)
        _, stderr = server.communicate(timeout=SECONDS_TO_WAIT)
    finally:
        server.kill()
    assert server.returncode in [0, -sent]  # uvicorn may raise the signal again
    assert not re.search("Traceback|terminate|FATAL", stderr), stderr
    answers += [future.result() for future in under_way if not future.exception()]
    assert len(answers) > 200
    for number, answer in enumerate(answers[:200]):
        detail = {"detail": "not the f32 of 3 x 224 x 224 pixels"}
        right = (400, detail) if number % 5 == 4 else (200, classes[number % 8])
        assert answer == right
