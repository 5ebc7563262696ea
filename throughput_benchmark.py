# SPDX-License-Identifier: Apache-2.0
"""Measure how many inferences per second a device completes, on random inputs."""

import argparse
import contextlib
import ctypes
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

# Bit patterns to draw, from the first to below the second, by element type; for others
# below 256. Floats stay below 1.0, and clear of denormal numbers, which are slow.
BIT_PATTERNS = {
    "boolean": (0, 2),
    "i8": (0, 0x80),
    "f8e4m3": (0x18, 0x38),
    "f8e5m2": (0x1C, 0x3C),
    "f8e8m0": (0x6F, 0x7F),
    "f16": (0x1C00, 0x3C00),
    "bf16": (0x3B80, 0x3F80),
}


def fill_random(tensor: ov.Tensor) -> None:
    """Fill a tensor: floats of 8 bits or more in [0, 1), integers up to 255, digits."""
    match tensor.element_type.get_type_name():
        case "f32" | "f64":
            RANDOM.random(out=tensor.data, dtype=tensor.data.dtype)
        case "string":
            tensor.str_data = RANDOM.integers(10**6, size=tensor.shape).astype(str)
        case element_type:
            bits = tensor.data.view(f"u{tensor.data.itemsize}")
            low, high = BIT_PATTERNS.get(element_type, (0, 256))
            bits[...] = RANDOM.integers(low, high, bits.shape, bits.dtype)


@contextlib.contextmanager
def open_queue(path: str, device: str) -> Iterator[ov.AsyncInferQueue]:
    """Yield a queue, its inputs filled; wait for its requests when the block ends."""
    core = ov.Core()
    model = core.read_model(path)
    model.reshape(INPUT_SHAPES)
    dynamic = {
        min(port.names, default=index): str(port.partial_shape)  # names may be empty
        for index, port in enumerate(model.inputs)
        if port.partial_shape.is_dynamic
    }
    if dynamic:
        line = f"INPUT_SHAPES = {dynamic}"
        raise ValueError(f"dynamic shape. Set it at the top of this script: {line}")
    try:
        compiled_model = core.compile_model(model, device, CONFIG)
    except RuntimeError as error:
        devices = ", ".join(core.available_devices)
        raise RuntimeError(f"{error}\nAvailable devices: {devices}") from error
    queue = ov.AsyncInferQueue(compiled_model, INFER_REQUESTS)
    del compiled_model  # freed after the queue, it may deadlock with a callback (GIL)
    try:
        # On one thread: two that ask for their first tensor.data at once may deadlock.
        for request in queue:
            for tensor in request.input_tensors:
                fill_random(tensor)
        yield queue
        queue.wait_all()  # raises the first error, and does not wait for later requests
    finally:
        for request in queue:  # freed with one in flight, a queue hangs or crashes
            with contextlib.suppress(RuntimeError, KeyboardInterrupt):
                request.wait()


def warm_up(queue: ov.AsyncInferQueue) -> None:
    """Run each infer request once, and make later callbacks cheaper."""
    # Ensure without Release: threads of OpenVINO keep the state that CPython otherwise
    # makes for each callback. Faster below a millisecond, most with many streams.
    queue.set_callback(lambda request, userdata: ctypes.pythonapi.PyGILState_Ensure())
    for _ in range(len(queue)):
        queue.start_async()
    queue.wait_all()


def measure(queue: ov.AsyncInferQueue) -> tuple[list[float], float, bool]:
    """Return the latencies in ms, the duration in s, and whether Ctrl-C ended it."""
    # AsyncInferQueue.start_async is Python code that copies inputs. They are in place
    # here, so the C++ method of the base class is enough.
    start_async = super(ov.AsyncInferQueue, queue).start_async
    latencies: list[float] = []
    queue.set_callback(lambda request, userdata: latencies.append(request.latency))
    start = time.perf_counter()
    end = start + SECONDS_TO_RUN
    try:
        while time.perf_counter() < end or len(latencies) < MIN_ITERATIONS:
            start_async({}, None)  # waits until a request is idle
        queue.wait_all()
    except KeyboardInterrupt:
        if not latencies:
            raise
        queue.wait_all()
        return latencies, time.perf_counter() - start, True
    return latencies, time.perf_counter() - start, False


def report(latencies: list[float], duration: float) -> None:
    """Print the figures; latencies are in ms, the duration is in s."""
    print(f"[ INFO ] Count:          {len(latencies)} iterations")
    print(f"[ INFO ] Duration:       {duration * 1000:.2f} ms")
    print("[ INFO ] Latency:")
    print(f"[ INFO ]     Median:     {np.median(latencies):.2f} ms")
    print(f"[ INFO ]     Average:    {np.mean(latencies):.2f} ms")
    print(f"[ INFO ]     Min:        {min(latencies):.2f} ms")
    print(f"[ INFO ]     Max:        {max(latencies):.2f} ms")
    print(f"[ INFO ] Throughput: {len(latencies) / duration:.2f} FPS", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; the exit status is 0, 1 after an error or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path_to_model", help="OpenVINO IR, ONNX, TensorFlow, ...")
    parser.add_argument("device_name", nargs="?", default="CPU", help="default: CPU")
    args = parser.parse_args(arguments)

    try:
        print("[ INFO ] OpenVINO:")
        print("[ INFO ] Build", "." * 33, ov.get_version(), flush=True)
        with open_queue(args.path_to_model, args.device_name) as queue:
            warm_up(queue)
            latencies, duration, interrupted = measure(queue)
        report(latencies, duration)
        return 130 if interrupted else 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - OpenVINO raises several types
        target = f"'{args.path_to_model}' on '{args.device_name}'"
        reason = str(error).strip() or repr(error)
        print(f"[ ERROR ] Cannot run {target}: {reason}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
