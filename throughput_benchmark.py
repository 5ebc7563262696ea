# SPDX-License-Identifier: Apache-2.0
"""Measure how many inferences per second a device completes, on random inputs."""

import argparse
import contextlib
import ctypes
import signal
import sys
import time

import numpy as np
import openvino as ov

# There are no options: edit these lines instead.
SECONDS_TO_RUN = 10  # start inferences for so long, then wait for the last ones
MIN_ITERATIONS = 10  # complete at least so many inferences, however slow they are
INFER_REQUESTS = 0  # infer requests; 0 for the number that OpenVINO finds optimal
INPUT_SHAPES = {}  # shapes by the name of the input: {"images": "[8,3,224,224]"}
CONFIG = {"PERFORMANCE_HINT": "THROUGHPUT"}  # properties of the device

interrupted = False  # becomes True when Ctrl-C is pressed


def compile_model(path: str, device: str) -> ov.CompiledModel:
    """Read a model, set its shapes and compile it; RuntimeError says what is wrong."""
    core = ov.Core()
    model = core.read_model(path)
    model.reshape(INPUT_SHAPES)  # {} changes nothing
    set_batch_size(model)
    try:
        # With the THROUGHPUT performance hint, a device runs several inferences at a
        # time, each in a stream. Each takes longer, but more complete per second.
        return core.compile_model(model, device, CONFIG)
    except RuntimeError as error:
        devices = ", ".join(core.available_devices)
        raise RuntimeError(f"{error}\nAvailable devices: {devices}") from error


def set_batch_size(model: ov.Model) -> None:
    """Set the first dimension of each input, the batch, to 1 or the least allowed.

    A static batch is kept. RuntimeError shows the inputs with other dynamic dimensions.
    """
    shapes = {}
    still_dynamic = False
    for index, port in enumerate(model.inputs):
        shape = port.partial_shape  # a copy: only reshape() changes the model
        if shape.is_static:
            continue
        if shape.rank.is_static and shape[0].is_dynamic:  # the rank may be unknown
            shape[0] = max(1, shape[0].min_length)
        name = port.any_name if port.names else index
        shapes[name] = str(shape)
        if shape.is_dynamic:
            still_dynamic = True

    line = f"INPUT_SHAPES = {INPUT_SHAPES | shapes}"
    if still_dynamic:
        raise RuntimeError(
            "the model has dynamic shapes. Replace the line of INPUT_SHAPES in "
            "throughput_benchmark.py by this one, with a number for each ? or range:\n"
            f"{line}"
        )
    if shapes:
        print(
            "[ WARNING ] The first dimension is dynamic: the smallest batch is "
            "measured. For another, replace the line of INPUT_SHAPES in "
            f"throughput_benchmark.py by this one, edited:\n{line}",
            file=sys.stderr,
        )
        model.reshape(shapes)


def create_queue(path: str, device: str) -> ov.AsyncInferQueue:
    """Compile a model; return a queue of infer requests, their inputs filled."""
    # An infer request runs one inference at a time, and owns its inputs and outputs.
    # The queue has as many as keep all streams busy, unless INFER_REQUESTS is set. Where
    # an inference takes far less than a millisecond, try twice as many.
    #
    # Do not keep the compiled model in a variable of its own: if it is freed after the
    # queue, the program may hang at its end (OpenVINO 2026.4). Where you need it, call
    # queue[0].get_compiled_model().
    queue = ov.AsyncInferQueue(compile_model(path, device), INFER_REQUESTS)
    rng = np.random.default_rng(seed=0)  # each run of the script has the same data
    for request in queue:
        for tensor in request.input_tensors:
            fill_random(tensor, rng)  # or your own data: tensor.data[...] = array
    return queue


def fill_random(tensor: ov.Tensor, rng: np.random.Generator) -> None:
    """Fill a tensor: f16 to f64 between 0 and 1, integers up to 255, digits as text."""
    # tensor.data is the memory of the tensor, as a NumPy array.
    match tensor.element_type.get_type_name():
        case "f32" | "f64":
            # In place: a large input is not copied.
            rng.random(out=tensor.data, dtype=tensor.data.dtype)
        case "f16":
            # NumPy has random numbers of f32 and f64 only.
            tensor.data[...] = rng.random(tensor.shape, np.float32)
        case "bf16":
            # NumPy has no bf16. Its 16 bits are the upper half of an f32.
            bits = rng.random(tensor.shape, np.float32).view(np.uint32) >> 16
            tensor.data.view(np.uint16)[...] = bits
        case "boolean":
            tensor.data[...] = rng.integers(0, 2, tensor.shape, bool)
        case "string":
            # NumPy cannot write into the memory of strings, which are set as a whole.
            tensor.str_data = rng.integers(10**6, size=tensor.shape).astype(str)
        case _:
            # Integers. Types that NumPy does not have, such as u4 and f8e4m3, come as
            # an array of bytes, and random bytes are random elements.
            tensor.data[...] = rng.integers(0, 256, tensor.data.shape, np.uint8)


def warm_up(queue: ov.AsyncInferQueue) -> None:
    """Run each infer request once: a first inference takes about twice as long."""

    def callback(request: ov.InferRequest, userdata: object) -> None:
        request.reset_state()  # does nothing, unless the model is stateful
        # Fast path, may be left out. OpenVINO's threads are not Python's, so Python
        # makes a thread state for each callback and frees it afterwards. This call is
        # never released, on purpose: each thread keeps its state as long as it lives.
        # Worth 1.3 times the throughput at 0.04 ms an inference, and 1.9 times with 64
        # streams at 1 ms.
        ctypes.pythonapi.PyGILState_Ensure()

    queue.set_callback(callback)
    for _ in range(len(queue)):
        queue.start_async()
    queue.wait_all()


def measure(queue: ov.AsyncInferQueue) -> tuple[list[float], float]:
    """Keep all infer requests busy; return the latencies in ms, the duration in s."""
    latencies = []
    # Language models are stateful, for example. Other models are not reset, because each
    # call takes time: 5 % of the throughput at 0.04 ms an inference.
    is_stateful = bool(queue[0].query_state())

    # An inference has completed: OpenVINO calls this on a thread of its own. The infer
    # request is idle again when this has returned, so that the latency and the outputs
    # are those of this inference.
    def callback(request: ov.InferRequest, userdata: object) -> None:
        latencies.append(request.latency)
        # Read outputs here, and copy them, because the next inference overwrites them:
        # request.output_tensors[0].data.copy()

        if is_stateful:
            # The next inference of this infer request would continue this one.
            request.reset_state()

    queue.set_callback(callback)

    start_async = queue.start_async
    # Fast path, may be left out. queue.start_async is a wrapper in Python, which
    # converts arrays. This is the method of C++ inside it, which accepts no arrays:
    # worth 1.3 times the throughput at 0.04 ms an inference.
    start_async = super(ov.AsyncInferQueue, queue).start_async

    start = time.perf_counter()
    end = start + SECONDS_TO_RUN
    while time.perf_counter() < end or len(latencies) < MIN_ITERATIONS:
        if interrupted:
            break
        # Wait for an idle infer request, and start it with the inputs that it has ({})
        # and no userdata (None). With arrays of your own, which are copied, and a
        # number that the callback gets: queue.start_async({"images": array}, number)
        start_async({}, None)
    queue.wait_all()
    duration = time.perf_counter() - start
    return latencies, duration


def report(latencies: list[float], duration: float) -> None:
    """Print the figures; latencies are in ms, the duration is in s."""
    print(f"[ INFO ] Count:          {len(latencies)} iterations")
    print(f"[ INFO ] Duration:       {duration * 1000:.2f} ms")
    print("[ INFO ] Latency:")
    print(f"[ INFO ]     Median:     {np.median(latencies):.2f} ms")
    print(f"[ INFO ]     Average:    {np.mean(latencies):.2f} ms")
    print(f"[ INFO ]     Min:        {min(latencies):.2f} ms")
    print(f"[ INFO ]     Max:        {max(latencies):.2f} ms")
    # Flushed, so that an error of the output is raised here, where main() reports it.
    print(f"[ INFO ] Throughput: {len(latencies) / duration:.2f} FPS", flush=True)


def benchmark(path: str, device: str) -> None:
    """Measure a model on a device, and print the report."""
    build = ov.get_version()
    print("[ INFO ] OpenVINO:")
    print(f"[ INFO ] Build ................................. {build}", flush=True)
    queue = create_queue(path, device)
    try:
        if not interrupted:
            warm_up(queue)
        latencies, duration = measure(queue)  # starts nothing when interrupted
    finally:
        # After an error, other infer requests may still be running, and a queue that is
        # freed then hangs or crashes. wait_all() would stop at the first error, which is
        # already known.
        for request in queue:
            with contextlib.suppress(RuntimeError):
                request.wait()
    if latencies:
        report(latencies, duration)
    else:
        print("[ WARNING ] No inference has completed.", file=sys.stderr)


def interrupt(signal_number: int, frame: object) -> None:
    """Note Ctrl-C in a flag: an exception could come in the middle of the report."""
    global interrupted
    interrupted = True


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; the exit status is 0, 1 after an error or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path_to_model", help="OpenVINO IR, ONNX, TensorFlow, ...")
    parser.add_argument("device_name", nargs="?", default="CPU", help="default: CPU")
    args = parser.parse_args(arguments)
    path, device = args.path_to_model, args.device_name
    try:
        benchmark(path, device)
    # What OpenVINO, memory, files and the output raise. Most mistakes in an edited line
    # raise something else, and show their traceback.
    except (RuntimeError, MemoryError, OSError, UnicodeError) as error:
        reason = str(error).strip() or repr(error)
        print(f"[ ERROR ] Cannot run '{path}' on '{device}': {reason}", file=sys.stderr)
        return 1
    return 130 if interrupted else 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, interrupt)
    exit_status = main()
    # While Python shuts down it has no handler: Ctrl-C would change the exit status.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(exit_status)
