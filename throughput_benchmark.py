# SPDX-License-Identifier: Apache-2.0
"""Measure how many inferences per second a device completes, on random inputs."""

import argparse
import contextlib
import ctypes
import sys
import time

import numpy as np
import openvino as ov

SECONDS_TO_RUN = 10  # how long to keep the infer requests busy
MIN_ITERATIONS = 10  # go on until so many have completed, for the sake of slow models
INFER_REQUESTS = 0  # how many are in flight; 0 for the number OpenVINO finds optimal
INPUT_SHAPES = {}  # for inputs of dynamic shape, such as {"images": [1, 3, 640, 640]}
CONFIG = {"PERFORMANCE_HINT": "THROUGHPUT"}  # many inferences at a time
RANDOM = np.random.default_rng(seed=0)  # the same data in each run

# The range of bit patterns to draw from, by element type; for others 0 to 255. Those
# of floating point end at 1.0 and stay clear of denormal numbers, which are slow.
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
    """Fill a tensor: floats of 8 bits and more in [0, 1), integers up to 255, text."""
    match tensor.element_type.get_type_name():
        case "f32" | "f64":
            RANDOM.random(out=tensor.data, dtype=tensor.data.dtype)
        case "string":
            tensor.str_data = RANDOM.integers(10**6, size=tensor.shape).astype(str)
        case element_type:
            bits = tensor.data.view(f"u{tensor.data.itemsize}")
            low, high = BIT_PATTERNS.get(element_type, (0, 256))
            bits[...] = RANDOM.integers(low, high, bits.shape, bits.dtype)


def create_queue(path: str, device: str) -> ov.AsyncInferQueue:
    """Read a model and compile it for a device; ValueError if a shape stays dynamic."""
    core = ov.Core()
    model = core.read_model(path)
    model.reshape(INPUT_SHAPES)
    missing = []
    for index, port in enumerate(model.inputs):
        if port.partial_shape.is_dynamic:
            name = min(port.names, default=index)  # names is a set, and may be empty
            sizes = ["?" if n.is_dynamic else str(n) for n in port.partial_shape]
            missing.append(f"{name!r}: [{','.join(sizes) or '?,...'}]")
    if missing:
        line = f"INPUT_SHAPES = {{{', '.join(missing)}}}"
        raise ValueError(f"dynamic shape. Set it at the top of this script: {line}")
    try:
        compiled_model = core.compile_model(model, device, CONFIG)
    except RuntimeError as error:
        devices = ", ".join(core.available_devices)
        raise RuntimeError(f"{error}\nAvailable devices: {devices}") from error
    # No name of the compiled model may outlive the queue and its requests: it is freed
    # with the GIL held, which a thread of OpenVINO may want yet. Up to 1 run in 3 hung.
    return ov.AsyncInferQueue(compiled_model, INFER_REQUESTS)


def measure(queue: ov.AsyncInferQueue) -> tuple[list[float], float, bool]:
    """Return the latencies in ms, the duration in s, and whether Ctrl-C ended it."""
    # queue.start_async without its Python part, for inputs: 1.2 times the throughput of
    # a model of 0.04 ms. To hand inputs over, call queue.start_async(inputs, userdata),
    # since this takes no NumPy arrays. When either raises, a request is lost for good.
    start_async = super(ov.AsyncInferQueue, queue).start_async

    # Warm up. Callbacks run on threads of OpenVINO, and CPython makes a thread state
    # for each. One reference never released keeps it: 1.3 to 1.5 times the throughput.
    queue.set_callback(lambda request, userdata: ctypes.pythonapi.PyGILState_Ensure())
    for _ in range(len(queue)):
        start_async({}, None)
    queue.wait_all()

    latencies: list[float] = []
    queue.set_callback(lambda request, userdata: latencies.append(request.latency))
    interrupted = False
    start = time.perf_counter()
    end = start + SECONDS_TO_RUN
    try:
        while time.perf_counter() < end or len(latencies) < MIN_ITERATIONS:
            start_async({}, None)  # waits until a request is idle
        queue.wait_all()
    except KeyboardInterrupt:
        interrupted = True
        queue.wait_all()
    return latencies, time.perf_counter() - start, interrupted


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
        queue = create_queue(args.path_to_model, args.device_name)
        with contextlib.ExitStack() as stack:  # goes on after a wait that raises
            for request in queue:
                stack.callback(request.wait)  # none in flight when the queue is freed
                for tensor in request.input_tensors:
                    fill_random(tensor)
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
