# SPDX-License-Identifier: Apache-2.0
#
# /// script
# requires-python = ">=3.10"
# dependencies = [
#     "openvino>=2023.3,!=2026.3.*",  # 2026.3 may hang when a queue is freed
#     "numpy",
# ]
# ///
"""Measure how many inferences per second a device completes, on random inputs.

The inputs are filled once and used for every inference, so that preparing data is not
measured. The latency is the time from the start of an inference to its callback, while
other inferences run. The throughput is the number of completed inferences over the time
from the start of the first to the end of the last. FPS means inferences per second:
multiply it by the batch size for images per second.

There are no options besides model and device: the settings are the constants at the top
of the script.
"""

import argparse
import contextlib
import ctypes
import sys
import time

import numpy as np
import openvino as ov

# The settings: edit these lines.
SECONDS_TO_RUN = 10  # at least this long
MIN_ITERATIONS = 10  # and at least this many inferences
INFER_REQUESTS = 0  # 0: the device's OPTIMAL_NUMBER_OF_INFER_REQUESTS
INPUT_SHAPES = {}  # by name or index: {"data": "[8,3,224,224]"}, {0: "[8,3,224,224]"}
CONFIG = {"PERFORMANCE_HINT": "THROUGHPUT"}  # properties of the device


def create_queue(path: str, device: str) -> tuple[ov.Model, ov.AsyncInferQueue]:
    """Read a model and compile it for a device; return it and a queue of infer requests.

    Raises RuntimeError if OpenVINO cannot do that, or if INPUT_SHAPES has to be set.
    """
    core = ov.Core()
    model = core.read_model(path)
    make_static(model)
    config = CONFIG
    if device.startswith("AUTO"):
        # Let AUTO wait for the device that it selects. Otherwise, it begins on the CPU,
        # and the queue may get too few infer requests. Other devices refuse this property.
        config = {"ENABLE_STARTUP_FALLBACK": "NO", **CONFIG}
    # With the THROUGHPUT performance hint, a device runs several inferences at once.
    # Each one takes longer, but more of them complete per second.
    compiled_model = core.compile_model(model, device, config)
    # An infer request runs one inference at a time, and owns its inputs and outputs.
    queue = ov.AsyncInferQueue(compiled_model, INFER_REQUESTS)
    # Keep the queue, not core and compiled_model: a queue with a callback has to be freed
    # last, after both of them, or OpenVINO 2026.4 may hang. The queue keeps what it needs.
    # Where you need the compiled model, ask the queue for it, as print_devices() does.
    return model, queue


def make_static(model: ov.Model) -> None:
    """Set INPUT_SHAPES. Only if there are none, set a dynamic batch to 1.

    Raises RuntimeError if a shape is still dynamic, or if the model refuses one.
    """
    model.reshape(INPUT_SHAPES)  # {} changes nothing
    # Copies: only reshape() changes the model.
    shapes = [port.partial_shape for port in model.inputs]
    if not INPUT_SHAPES:
        for shape in shapes:
            # The first of two dimensions or more is assumed to be the batch. The rank,
            # which is the number of dimensions, may be dynamic, too.
            if shape.rank.is_static and len(shape) >= 2 and shape[0].is_dynamic:
                shape[0] = 1
    if any(shape.is_dynamic for shape in shapes):
        raise RuntimeError(
            "the model has dynamic shapes. Replace the line of INPUT_SHAPES in "
            "throughput_benchmark.py by this one, with sizes filled in, such as "
            f"[1,3,480,640] for [?,3,?,?]:\nINPUT_SHAPES = {shapes_by_name(model)}"
        )
    model.reshape(dict(enumerate(shapes)))


def shapes_by_name(model: ov.Model) -> dict[str | int, str]:
    """Return the shape of each input by its name, or by its index if it has no name."""
    return {
        port.any_name if port.names else index: str(port.partial_shape)
        for index, port in enumerate(model.inputs)
    }


def print_devices(model: ov.Model, queue: ov.AsyncInferQueue) -> None:
    """Print what is measured, on stderr, because stdout is for the report."""
    compiled_model = queue[0].get_compiled_model()
    devices = compiled_model.get_property("EXECUTION_DEVICES")
    line = f"[ INFO ] Devices: {devices}, infer requests: {len(queue)}, "
    # A device may infer in a lower precision than the model has. AUTO, BATCH and HETERO,
    # for example, do not tell it.
    name = "INFERENCE_PRECISION_HINT"
    if name in compiled_model.get_property("SUPPORTED_PROPERTIES"):
        line += f"{name}: {compiled_model.get_property(name).get_type_name()}, "
    print(f"{line}INPUT_SHAPES = {shapes_by_name(model)}", file=sys.stderr)


def fill_inputs(queue: ov.AsyncInferQueue) -> None:
    """Fill the inputs of all infer requests with random data."""
    rng = np.random.default_rng(seed=0)  # each run of the script has the same data
    for request in queue:
        for tensor in request.input_tensors:
            fill_random(tensor, rng)  # or your own data: tensor.data[...] = array


def fill_random(tensor: ov.Tensor, rng: np.random.Generator) -> None:
    """Fill a tensor with random whole numbers from 0 to 255, or with booleans.

    i8 gets -128 to 127. Types that NumPy does not have, such as bf16, get other numbers.
    """
    if tensor.element_type == ov.Type.string:
        # tensor.data of strings is a copy, and filling it would change nothing.
        tensor.str_data = rng.integers(256, size=tensor.shape).astype(str)
    else:
        data = tensor.data  # the memory of the tensor, as a NumPy array
        end = 2 if data.dtype == bool else 256
        data[...] = rng.integers(end, size=data.shape, dtype=np.uint8)


def measure(queue: ov.AsyncInferQueue, is_stateful: bool) -> tuple[list[float], float]:
    """Keep all infer requests busy; return the latencies in ms, the duration in s."""
    latencies = []

    # OpenVINO calls this for each completed inference, before its infer request is idle
    # again. Keep it short, because other callbacks may wait for it. On CPU, one thread
    # runs all callbacks. On GPU, they may overlap: append() is safe there, count += 1 is
    # not. If the callback raises, a later start_async() or wait_all() raises the error.
    def callback(request: ov.InferRequest, userdata: object) -> None:
        if not latencies:
            # Only for speed: keep Python's state of OpenVINO's thread until the program
            # ends. Otherwise, each callback makes it anew, which takes 5 to 15 us.
            ctypes.pythonapi.PyGILState_Ensure()
        latencies.append(request.latency)
        # Copy the outputs that you need, because the next inference overwrites them:
        # request.output_tensors[0].data.copy()
        if is_stateful:
            # Otherwise, the next inference of this infer request would continue this one,
            # as a language model continues a text.
            request.reset_state()

    queue.set_callback(callback)

    # The warm-up: the first inference of an infer request takes longer.
    for _ in range(len(queue)):
        queue.start_async()
    queue.wait_all()
    latencies.clear()

    started = 0
    start = time.perf_counter()
    end = start + SECONDS_TO_RUN
    try:
        while time.perf_counter() < end or started < MIN_ITERATIONS:
            # Start a whole round. GPU and the device BATCH may collect inferences into
            # batches, and wait a second for the last batch if it is incomplete. Whole
            # rounds make that rarer. Where Max is a second longer than Median, run again.
            for _ in range(len(queue)):
                # Your own arrays are copied. Inferences may complete in another order
                # than they start, so pass a userdata that tells the callback which it is:
                # queue.start_async({"data": array}, userdata)
                queue.start_async()  # waits until an infer request is idle
            started += len(queue)
    except KeyboardInterrupt:
        print("[ INFO ] Ctrl-C has ended the measurement.", file=sys.stderr)
    queue.wait_all()  # until the last callback has returned
    duration = time.perf_counter() - start
    return latencies, duration


def wait_for_each(queue: ov.AsyncInferQueue) -> None:
    """Wait until no inference runs. A queue that is freed earlier may hang or crash.

    wait_all() is not enough: if an inference fails, it does not wait for the others.
    """
    for request in queue:
        # The error has been raised before, by start_async() or wait_all().
        with contextlib.suppress(RuntimeError):
            request.wait()


def report(latencies: list[float], duration: float) -> None:
    """Print the figures; latencies are in ms, the duration is in s."""
    print(f"[ INFO ] Count:          {len(latencies)} iterations")
    print(f"[ INFO ] Duration:       {duration * 1000:.2f} ms")
    print("[ INFO ] Latency:")
    print(f"[ INFO ]     Median:     {np.median(latencies):.2f} ms")
    print(f"[ INFO ]     Average:    {np.mean(latencies):.2f} ms")
    print(f"[ INFO ]     Min:        {min(latencies):.2f} ms")
    print(f"[ INFO ]     Max:        {max(latencies):.2f} ms")
    print(f"[ INFO ] Throughput: {len(latencies) / duration:.2f} FPS")


def main() -> None:
    """Run the benchmark; SystemExit if a model cannot be compiled or nothing completes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path_to_model", help="OpenVINO IR, ONNX, TensorFlow, ...")
    parser.add_argument("device_name", nargs="?", default="CPU", help="default: CPU")
    args = parser.parse_args()

    print("[ INFO ] OpenVINO:")
    version = ov.get_version()
    print(f"[ INFO ] Build ................................. {version}", flush=True)
    try:
        model, queue = create_queue(args.path_to_model, args.device_name)
    except RuntimeError as error:
        sys.exit(
            f"[ ERROR ] Cannot run '{args.path_to_model}' on '{args.device_name}' "
            f"(available: {ov.Core().available_devices}): {str(error).strip()}"
        )

    print_devices(model, queue)
    fill_inputs(queue)
    is_stateful = len(model.get_sinks()) > 0  # sinks are operations that store a state
    try:
        latencies, duration = measure(queue, is_stateful)
    finally:
        wait_for_each(queue)
    if not latencies:
        sys.exit("[ ERROR ] No inference has completed.")
    report(latencies, duration)


if __name__ == "__main__":
    main()
