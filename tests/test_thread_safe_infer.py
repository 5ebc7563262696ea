"""README's thread_safe_infer and its service: each caller gets its own result or error."""

import contextlib
import itertools
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import openvino as ov
import pytest
from support import (
    SECONDS_TO_WAIT,
    load_program,
    run_side_by_side,
    save_reshape,
    save_sum,
)
from test_infer_all import compile_model, infer_once, number_of_requests

thread_safe_infer = load_program("service").thread_safe_infer


@pytest.fixture(scope="module")
def small_model(networks: Callable[[str], str]) -> ov.CompiledModel:
    return compile_model(networks("two-convolutions"))


def test_sixteen_threads_get_their_own_results_which_they_keep(small_model):
    arrays = np.random.default_rng(0).random([20, 1, 3, 16, 16], np.float32)
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
    for number in range(number_of_requests(model) + 1):
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


def test_it_has_twice_the_optimal_number_of_infer_requests(small_model, monkeypatch):
    requests = []
    create_infer_request = ov.CompiledModel.create_infer_request

    def create_and_record(model: ov.CompiledModel) -> ov.InferRequest:
        requests.append(create_infer_request(model))
        return requests[-1]

    monkeypatch.setattr(ov.CompiledModel, "create_infer_request", create_and_record)
    thread_safe_infer(small_model)
    assert len(requests) == number_of_requests(small_model)


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


sys.setswitchinterval(1e-6)
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


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[tuple[subprocess.Popen, httpx.Client]]:
    """Run the service as README says, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "service:app", "--port", str(port)]
    with subprocess.Popen(
        command,
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as server:
        limits = httpx.Limits(max_connections=32)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=SECONDS_TO_WAIT
        ) as client:
            try:
                for line in server.stderr:
                    if "Uvicorn running" in line:
                        break
                yield server, client
            finally:
                server.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_service_answers_each_client_and_ends(folder, networks):
    arrays = np.random.default_rng(0).random([8, 1, 3, 224, 224], np.float32)
    path = networks("googlenet-v1")
    (folder / "model.xml").symlink_to(path)
    (folder / "model.bin").symlink_to(Path(path).with_suffix(".bin"))
    model = compile_model(path)
    classes = [int(output.argmax()) for output in infer_once(model, arrays)]

    def classify(number: int) -> tuple[int, object]:
        content = arrays[number % 8].tobytes()
        if number % 5 == 4:
            content = content[:-1]
        answer = client.post("/classify", content=content)
        return answer.status_code, answer.json()

    for sent, exit_status in [
        (signal.SIGINT, {0, -signal.SIGINT}),
        (signal.SIGTERM, {0, -signal.SIGTERM}),
    ]:
        with serve(folder) as (server, client), ThreadPoolExecutor(16) as clients:
            answers = list(clients.map(classify, range(200)))
            # Under way when the signal comes: answered as well.
            late = [clients.submit(classify, number) for number in range(4)]
            time.sleep(0.02)
            server.send_signal(sent)
            for number, future in enumerate(late):
                with contextlib.suppress(httpx.TransportError):
                    assert future.result() == (200, classes[number])
            _, stderr = server.communicate(timeout=SECONDS_TO_WAIT)
        assert server.returncode in exit_status
        assert not re.search("Traceback|terminate|FATAL", stderr), stderr
        for number, (status, answer) in enumerate(answers):
            if number % 5 == 4:
                detail = "not the f32 of 3 x 224 x 224 pixels"
                assert (status, answer) == (400, {"detail": detail})
            else:
                assert (status, answer) == (200, classes[number % 8])
