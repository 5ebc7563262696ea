# SPDX-License-Identifier: Apache-2.0
"""Measure how many inferences per second a device completes, on random inputs."""

import argparse
import contextlib
import ctypes
import signal
import sys
import time
from collections.abc import Iterator

import numpy as np
import openvino as ov

SECONDS_TO_RUN = 10  # how long to keep the infer requests busy
MIN_ITERATIONS = 10  # at least so many, however slow the model
INFER_REQUESTS = 0  # in flight at a time; 0 for the number OpenVINO finds optimal
INPUT_SHAPES = {}  # for inputs of dynamic shape: {"images": "[1,3,640,640]"}
CONFIG = {"PERFORMANCE_HINT": "THROUGHPUT"}  # many inferences at a time
RANDOM = np.random.default_rng(seed=0)  # the same data in each run


def fill_random(tensor: ov.Tensor) -> None:
    """Fill a tensor: f16 to f64 between 0 and 1, integers up to 255, strings of digits."""
    match tensor.element_type.get_type_name():
        case "f32" | "f64":
            RANDOM.random(out=tensor.data, dtype=tensor.data.dtype)
        case "f16":
            tensor.data[...] = RANDOM.random(tensor.shape, np.float32)
        case "bf16":  # the upper half of an f32; NumPy has no such type
            floats = RANDOM.random(tensor.shape, np.float32)
            tensor.data.view(np.uint16)[...] = floats.view(np.uint32) >> 16
        case "boolean":
            tensor.data[...] = RANDOM.integers(0, 2, tensor.shape, bool)
        case "string":
            tensor.str_data = RANDOM.integers(10**6, size=tensor.shape).astype(str)
        case _:  # i8 wraps; f8 and types of fewer bits take them as random bits
            tensor.data[...] = RANDOM.integers(0, 256, tensor.data.shape, np.uint8)


def compile_model(path: str, device: str) -> ov.CompiledModel:
    """Read and compile a model; ValueError names the inputs of dynamic shape."""
    core = ov.Core()
    model = core.read_model(path)
    model.reshape(INPUT_SHAPES)
    dynamic = {
        min(port.names, default=index): str(port.partial_shape)  # first name, or index
        for index, port in enumerate(model.inputs)
        if port.partial_shape.is_dynamic
    }
    if dynamic:
        place = "at the top of throughput_benchmark.py"
        raise ValueError(f"dynamic shape. Set {place}: INPUT_SHAPES = {dynamic}")
    try:
        return core.compile_model(model, device, CONFIG)
    except RuntimeError as error:
        devices = ", ".join(core.available_devices)
        raise RuntimeError(f"{error}\nAvailable devices: {devices}") from error


@contextlib.contextmanager
def open_queue(path: str, device: str) -> Iterator[ov.AsyncInferQueue]:
    """Yield a queue, its inputs filled; wait for its requests when the block ends."""
    queue = ov.AsyncInferQueue(compile_model(path, device), INFER_REQUESTS)
    for request in queue:
        for tensor in request.input_tensors:
            fill_random(tensor)
    try:
        yield queue
        queue.wait_all()  # raises the first error, and does not wait for later requests
    finally:
        for request in queue:  # freed with one in flight, a queue hangs or crashes
            with contextlib.suppress(RuntimeError, KeyboardInterrupt):
                request.wait()


def warm_up(queue: ov.AsyncInferQueue) -> None:
    """Run each infer request once, and make later callbacks cheaper."""
    # A leak on purpose: a thread keeps the Python state that each callback would make.
    queue.set_callback(lambda request, userdata: ctypes.pythonapi.PyGILState_Ensure())
    for _ in range(len(queue)):
        queue.start_async()
    queue.wait_all()


def measure(queue: ov.AsyncInferQueue, latencies: list[float]) -> None:
    """Keep the infer requests busy; their callback appends each latency, in ms."""
    # queue.start_async is Python around this one: 0.83 of the throughput at 0.04 ms.
    start_async = super(ov.AsyncInferQueue, queue).start_async
    queue.set_callback(lambda request, userdata: latencies.append(request.latency))
    end = time.perf_counter() + SECONDS_TO_RUN
    while time.perf_counter() < end or len(latencies) < MIN_ITERATIONS:
        start_async({}, None)  # waits until a request is idle


def report(latencies: list[float], duration: float) -> None:
    """Print the figures; latencies are in ms, the duration is in s."""
    print(f"[ INFO ] Count:          {len(latencies)} iterations")
    print(f"[ INFO ] Duration:       {duration * 1000:.2f} ms\n[ INFO ] Latency:")
    figures = {"Median:": np.median, "Average:": np.mean, "Min:": min, "Max:": max}
    for name, figure in figures.items():
        print(f"[ INFO ]     {name:11} {figure(latencies):.2f} ms")
    print(f"[ INFO ] Throughput: {len(latencies) / duration:.2f} FPS", flush=True)


def interrupt_once(*_: object) -> None:
    """Raise KeyboardInterrupt, and let no later Ctrl-C cut the report."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; the exit status is 0, 1 after an error or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path_to_model", help="OpenVINO IR, ONNX, TensorFlow, ...")
    parser.add_argument("device_name", nargs="?", default="CPU", help="default: CPU")
    path, device = vars(parser.parse_args(arguments)).values()
    latencies: list[float] = []
    exit_status = 130
    try:
        with contextlib.suppress(KeyboardInterrupt):
            print("[ INFO ] OpenVINO:")
            print("[ INFO ] Build", "." * 33, ov.get_version(), flush=True)
            with open_queue(path, device) as queue:
                warm_up(queue)
                start = time.perf_counter()
                measure(queue, latencies)
            exit_status = 0
        if latencies:
            report(latencies, time.perf_counter() - start)
    except Exception as error:
        reason = str(error).strip() or repr(error)
        print(f"[ ERROR ] Cannot run '{path}' on '{device}': {reason}", file=sys.stderr)
        exit_status = 1
    return exit_status


if __name__ == "__main__":
    signal.signal(signal.SIGINT, interrupt_once)
    sys.exit(main())
