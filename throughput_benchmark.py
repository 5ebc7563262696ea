"""Measure how many inferences per second a device completes with OpenVINO.

The inputs are random; as many infer requests are in flight as OpenVINO finds optimal.
"""

import os
import signal

if __name__ == "__main__":
    # Until the measurement starts, Ctrl-C ends the process at once: no traceback, not
    # even from the imports below.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import argparse
import contextlib
import ctypes
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import openvino as ov

SECONDS_TO_RUN = 10  # how long to keep the infer requests busy
MIN_ITERATIONS = 10  # how many to complete, however long: a slow model's fair sample
CONFIG = {
    # For AUTO, CUMULATIVE_THROUGHPUT uses all its devices at once instead of the best.
    "PERFORMANCE_HINT": "THROUGHPUT",
}

RANDOM = np.random.default_rng(seed=0)  # the same data in each run

# (mask, offset) by element type: random bits & mask + offset are a valid value. Integers
# without an entry take any byte. The floating-point types get exponents that keep them
# below 1.0, and of the 4-bit types a mask and an offset are for two elements.
VALID_BITS = {
    "boolean": (0x01, 0),
    "i4": (0x77, 0),
    "i8": (0x7F, 0),
    "nf4": (0x77, 0x77),
    "f4e2m1": (0x11, 0),
    "f8e4m3": (0x1F, 0x18),
    "f8e5m2": (0x1F, 0x1C),
    "f8e8m0": (0x0F, 0x6F),
    "f16": (0x1FFF, 0x1C00),
    "bf16": (0x03FF, 0x3B80),
}


def fill_random(tensor: ov.Tensor) -> None:
    """Fill a tensor in place: floating point in [0, 1), integers up to 255, or words."""
    match tensor.element_type.get_type_name():
        case "f32" | "f64":
            RANDOM.random(out=tensor.data, dtype=tensor.data.dtype)
        case "string":
            letters = RANDOM.integers(ord("a"), ord("z"), (*tensor.shape, 5), np.uint32)
            tensor.str_data = letters.view("U5")[..., 0]
        case element_type:
            mask, offset = VALID_BITS.get(element_type, (0xFF, 0))
            bits = tensor.data.view(f"u{tensor.data.itemsize}")
            random_bits = np.frombuffer(RANDOM.bytes(bits.nbytes), bits.dtype)
            bits[...] = ((random_bits & mask) + offset).reshape(bits.shape)


def read_model(core: ov.Core, path: str) -> ov.Model:
    """Read a model of any format, with nothing on stderr; RuntimeError if that fails."""
    if path.endswith(".tflite") and ov.get_version() < "2026.1":
        # These releases crash on a damaged .tflite file: another process goes first.
        code = "import openvino, sys; openvino.Core().compile_model(sys.argv[1], 'CPU')"
        trial = [sys.executable, "-c", code, path]
        if subprocess.call(trial, stderr=subprocess.DEVNULL) not in (0, 1):
            raise RuntimeError("OpenVINO crashes on this file, which must be damaged.")
    # OpenVINO tries what it does not recognize as TensorFlow too, whose parser writes
    # complaints about other formats straight to file descriptor 2.
    stderr = os.dup(2)
    with open(os.devnull, "wb") as devnull:
        os.dup2(devnull.fileno(), 2)
    try:
        return core.read_model(path)
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def load_model(path: str, device: str) -> ov.CompiledModel:
    """Read a model and compile it for a device; ValueError if an input is dynamic."""
    core = ov.Core()
    model = read_model(core, path)
    dynamic_inputs = [
        f"{'/'.join(port.names or [port.node.friendly_name])} {port.partial_shape}"
        for port in model.inputs
        if port.partial_shape.is_dynamic
    ]
    if dynamic_inputs:
        raise ValueError(
            f"dynamic shape of input {', '.join(dynamic_inputs)}. Give it a static one:"
            " ovc --input, or model.reshape in this script."
        )
    try:
        return core.compile_model(model, device, CONFIG)
    except RuntimeError as error:
        devices = ", ".join(core.available_devices)
        raise RuntimeError(f"{error}\nAvailable devices: {devices}") from error


def measure(compiled_model: ov.CompiledModel) -> tuple[list[float], float, bool]:
    """Return the latencies in ms, the duration in s, and whether Ctrl-C ended it.

    From its start on, Ctrl-C ends the measurement and no longer the process.
    """
    latencies: list[float] = []

    def on_complete(request: ov.InferRequest, is_warm_up: bool) -> None:
        if is_warm_up:
            # CPython makes a thread state for each callback on a thread that is not its
            # own. A reference that is never released keeps it: 1.4 times the throughput
            # at 30 us an inference.
            ctypes.pythonapi.PyGILState_Ensure()
        else:
            latencies.append(request.latency)

    queue = ov.AsyncInferQueue(compiled_model)
    queue.set_callback(on_complete)
    for request in queue:
        for tensor in request.input_tensors:
            fill_random(tensor)
    # queue.start_async without its Python part, which sees to input data that is passed
    # along, none here: 1.15 times the throughput at 30 us an inference.
    start_async = super(ov.AsyncInferQueue, queue).start_async

    try:
        for _ in range(len(queue)):
            start_async({}, True)
        queue.wait_all()

        interrupted = threading.Event()
        signal.signal(signal.SIGINT, lambda *_: interrupted.set())
        start = time.perf_counter()
        while True:
            start_async({}, False)
            queue.get_idle_request_id()  # blocks until a request is idle
            is_time_up = time.perf_counter() - start >= SECONDS_TO_RUN
            is_enough = is_time_up and len(latencies) >= MIN_ITERATIONS
            if is_enough or interrupted.is_set():
                break
        queue.wait_all()
        return latencies, time.perf_counter() - start, interrupted.is_set()
    finally:
        # After a failed inference others may be in flight: let them end.
        for request in queue:
            with contextlib.suppress(RuntimeError):
                request.wait()
        # The thread that ran the last one may be about to free the callback. It needs
        # the GIL for that, and whoever frees compiled_model holds the GIL until the
        # thread has ended: 1 run in 8 hung. So the callback goes first.
        callback_freed = threading.Event()
        weakref.finalize(on_complete, callback_freed.set)
        del queue, request, start_async, on_complete
        callback_freed.wait(timeout=1)


def report(latencies: list[float], duration: float) -> None:
    """Print the figures; latencies are in ms, the duration is in s."""
    print(
        f"""\
[ INFO ] Count:          {len(latencies)} iterations
[ INFO ] Duration:       {duration * 1000:.2f} ms
[ INFO ] Latency:
[ INFO ]     Median:     {np.median(latencies):.2f} ms
[ INFO ]     Average:    {np.mean(latencies):.2f} ms
[ INFO ]     Min:        {min(latencies):.2f} ms
[ INFO ]     Max:        {max(latencies):.2f} ms
[ INFO ] Throughput: {len(latencies) / duration:.2f} FPS""",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; the exit status is 0, 1 after an error or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path_to_model", help="OpenVINO IR, ONNX, TensorFlow, ...")
    parser.add_argument("device_name", nargs="?", default="CPU", help="default: CPU")
    args = parser.parse_args(arguments)

    sigint_handler = signal.getsignal(signal.SIGINT)
    try:
        print("[ INFO ] OpenVINO:")
        build = ov.get_version()
        print(f"[ INFO ] Build ................................. {build}", flush=True)
        compiled_model = load_model(args.path_to_model, args.device_name)
        latencies, duration, interrupted = measure(compiled_model)
        report(latencies, duration)
        return 130 if interrupted else 0
    except Exception as error:  # noqa: BLE001 - OpenVINO raises several types
        target = f"'{args.path_to_model}' on '{args.device_name}'"
        reason = str(error).strip() or repr(error)
        print(f"[ ERROR ] Cannot run {target}: {reason}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGINT, sigint_handler)


if __name__ == "__main__":
    exit_status = main()
    # The report is out, and a late Ctrl-C must not change the exit status.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(exit_status)
