"""The end: a run ends, whatever OpenVINO's threads are about by then, also after errors."""

import sys

import numpy as np
import pytest
from models import ops
from support import (
    ROOT,
    STRICT_PYTHON,
    message_of,
    multiply,
    parse_measured,
    run_side_by_side,
    save,
    save_reshape,
)

RUNS = """
import sys

import throughput_benchmark

throughput_benchmark.SECONDS_TO_RUN = 0.05
sys.exit(any([throughput_benchmark.main(sys.argv[1:]) for _ in range(5)]))
"""


@pytest.mark.slow
def test_twenty_runs_end(networks):
    # Side by side, so that threads get held up: freed in the wrong order, with the
    # compiled model last, each of these processes hangs on OpenVINO 2026.4.
    command = [sys.executable, "-c", RUNS, networks("face-detection-0200")]
    results = run_side_by_side(command, 4, ROOT)
    for exit_status, _, stderr in results:
        assert exit_status == 0, stderr
        assert len(stderr.splitlines()) == 5


def program(code: str) -> list[str]:
    """Return a command that imports the script, changes it and OpenVINO, and runs it."""
    program = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import openvino as ov
import throughput_benchmark
from hooks import *

throughput_benchmark.SECONDS_TO_RUN = 0.1
throughput_benchmark.INFER_REQUESTS = 8
{code}
"""
    return [*STRICT_PYTHON, "-c", program]


RUN = "sys.exit(throughput_benchmark.main(sys.argv[1:]))"
MISTAKES = {
    "where inputs are filled": """
def fill(tensor, *_):
    tensor.data.fill(undefined_name)
throughput_benchmark.fill_random = fill
""",
    "where the queue has been made": """
def warm_up(queue):
    print(undefined_name)
throughput_benchmark.warm_up = warm_up
""",
    "in the callback of the warm-up": """
def keep_output(phase, count, request):
    undefined_name.append(request)
ov.AsyncInferQueue.set_callback = set_callback_with(keep_output)
""",
    "in the callback of the measurement": """
def keep_output(phase, count, request):
    phase == 1 and count == 9 and undefined_name.append(request)
ov.AsyncInferQueue.set_callback = set_callback_with(keep_output)
""",
    "in the loop": """
def start(queue, *_):
    queue.start_async()
    print(undefined_name)
throughput_benchmark.measure = start
""",
    "in the report": """
def report(latencies, duration):
    print(undefined_name)
throughput_benchmark.report = report
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_an_edit_shows_its_line_and_ends(models_by_ms, mistake):
    command = [*program(mistake + RUN), models_by_ms[20]]
    for exit_status, _, stderr in run_side_by_side(command, 4, ROOT):
        assert exit_status == 1, stderr
        assert stderr.endswith("NameError: name 'undefined_name' is not defined\n")
        assert "Traceback" in stderr
        assert "[ ERROR ]" not in stderr
        assert 'File "<string>", line ' in stderr


FILL_AND_COUNT = """
completed = []


def fill(tensor, *_):
    tensor.data[...] = 512 if tensor.size == 2 else 127.5


def spoil_one(queue, callback):
    queue[0].input_tensors[1].data.fill(5)


def count(phase, count, request):
    completed.append(request)


set_callback = set_callback_with(count)
ov.AsyncInferQueue.set_callback = with_a_call_before(set_callback, spoil_one)
throughput_benchmark.fill_random = fill
exit_status = throughput_benchmark.main(sys.argv[1:])
print(len(completed), "completed", file=sys.stderr)
sys.exit(exit_status)
"""


@pytest.mark.slow
def test_after_a_failed_inference_the_others_are_waited_for(tmp_path):
    x = ops.parameter([512, 512], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    y = ops.reshape(x, pattern, special_zero=False)
    model = save(tmp_path / "model.xml", [multiply(y, x, 100)], [x, pattern])
    # The first fails at once, and the other seven compute for a while. Whether a queue
    # that is freed too early makes the process crash is a matter of chance.
    command = [*program(FILL_AND_COUNT), model]
    for exit_status, stdout, stderr in run_side_by_side(command, 3, ROOT):
        stderr, end, rest = stderr.partition("7 completed\n")
        assert (end, rest) == ("7 completed\n", "")
        message = message_of((exit_status, stdout, stderr), model)
        assert "conflicts with" in message


def test_of_several_errors_the_first_is_shown(tmp_path, fails):
    patterns = iter([[3, 2], [5, 6], [5, 7], [3, 2]])

    def fill(tensor, *_) -> None:
        tensor.data[...] = next(patterns) if tensor.size == 2 else 1

    model = save_reshape(tmp_path / "model.xml")
    message = fails(model, INFER_REQUESTS=4, fill_random=fill)
    assert "(5.6)" in message
    assert "(5.7)" not in message


KEEP = """
import throughput_benchmark
throughput_benchmark.SECONDS_TO_RUN = 0.05
queue = throughput_benchmark.create_queue(sys.argv[1], "CPU")
throughput_benchmark.warm_up(queue)
latencies, duration = throughput_benchmark.measure(queue)
print(len(latencies) / duration)
"""


@pytest.mark.slow
def test_an_importer_may_keep_the_queue_to_the_end(models_by_ms):
    command = [*program(KEEP), models_by_ms[2]]
    for exit_status, stdout, stderr in run_side_by_side(command, 4, ROOT):
        assert exit_status == 0
        parse_measured(stderr)
        assert float(stdout) > 0
