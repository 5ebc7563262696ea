"""The measurement: the arguments, what is measured for how long, and each figure."""

import ast
import re
import subprocess

import numpy as np
import openvino as ov
import pytest
from support import (
    ROOT,
    SCRIPT,
    STRICT_PYTHON,
    Run,
    edited_script,
    run,
    save_sum,
)

import throughput_benchmark


def test_each_figure_is_the_one_known_by_hand(capsys):
    throughput_benchmark.report([9.5, 1.004, 1234.5678, 2.5], 2.5)
    text = """\
[ INFO ] Count:          4 iterations
[ INFO ] Duration:       2500.00 ms
[ INFO ] Latency:
[ INFO ]     Median:     6.00 ms
[ INFO ]     Average:    311.89 ms
[ INFO ]     Min:        1.00 ms
[ INFO ]     Max:        1234.57 ms
[ INFO ] Throughput: 1.60 FPS
"""
    assert capsys.readouterr().out == text


@pytest.mark.slow
def test_a_user_measures_googlenet_for_ten_seconds(networks):
    measured = Run(*run(networks("googlenet-v1")))
    assert measured.said == ""
    assert measured.devices == "['CPU']"
    assert measured.line == "INPUT_SHAPES = {'data': '[1,3,224,224]'}"
    figures = measured.figures
    throughput = figures["count"] / figures["duration"] * 1000
    assert figures["throughput"] == pytest.approx(throughput, abs=0.01)
    assert 10_000 <= figures["duration"] < 10_900
    # Little's law: latency and throughput tell one story.
    in_flight = figures["average"] * figures["throughput"] / 1000
    assert 0.75 <= in_flight / measured.requests <= 1.03


def test_a_user_calls_it_wrongly_or_asks_for_help():
    usage = "usage: throughput_benchmark.py [-h] path_to_model [device_name]\n"
    for arguments in [[], ["model.xml", "CPU", "10"], ["model.xml", "-d"]]:
        exit_status, stdout, stderr = run(*arguments)
        assert (exit_status, stdout) == (2, "")
        assert stderr.startswith(usage)
    exit_status, stdout, stderr = run("--help")
    assert (exit_status, stderr) == (0, "")
    assert stdout.startswith(usage)
    assert "There are no options" in stdout


def test_the_file_alone_names_the_requirements():
    # Inline script metadata, PEP 723. Python 3.10 has no tomllib to read it.
    source = SCRIPT.read_text("utf-8")
    (block,) = re.findall(r"^# /// script\n((?:#.*\n)*?)# ///\n", source, re.MULTILINE)
    assert '# requires-python = ">=3.10"\n' in block
    _, dependencies = block.split("# dependencies = [")
    requirements = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert re.findall('"(.*?)"', dependencies) == requirements


def test_both_streams_in_one_pipe_have_their_order(tmp_path, models_by_ms):
    script = edited_script(tmp_path)
    result = subprocess.run(
        [*STRICT_PYTHON, script, models_by_ms[0.04]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=True,
    )
    lines = result.stdout.splitlines(True)
    assert lines[2].startswith("[ INFO ] Devices: ")
    Run(0, "".join(lines[:2] + lines[3:]), lines[2])


def test_the_line_names_the_precision_that_the_device_chose(measured, models_by_ms):
    compiled_model = ov.Core().compile_model(models_by_ms[0.04], "CPU")
    chosen = compiled_model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    assert measured(models_by_ms[0.04]).precision == chosen
    config = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
    assert measured(models_by_ms[0.04], CONFIG=config).precision == "f32"


@pytest.mark.parametrize("requests, count", [(3, 12), (8, 16)])
def test_a_slow_model_infers_whole_rounds_of_ten_or_more(
    models_by_ms, measured, requests, count
):
    constants = {"SECONDS_TO_RUN": 0, "INFER_REQUESTS": requests}
    assert measured(models_by_ms[20], **constants).count == count


def test_neither_count_nor_duration_covers_the_warm_up(models_by_ms, measured):
    constants = {"SECONDS_TO_RUN": 0, "MIN_ITERATIONS": 2, "INFER_REQUESTS": 1}
    figures = measured(models_by_ms[100], **constants).figures
    assert figures["count"] == 2
    latencies = figures["average"] * 2
    assert latencies - 0.1 <= figures["duration"] < 1.3 * latencies


def test_where_nothing_was_started_it_says_so(tmp_path, models_by_ms):
    script = edited_script(tmp_path, SECONDS_TO_RUN=0, MIN_ITERATIONS=0)
    exit_status, stdout, stderr = run(models_by_ms[2], script=script)
    assert exit_status == 1
    assert len(stdout.splitlines()) == 2
    assert stderr.splitlines()[1:] == ["[ ERROR ] No inference has completed."]


COUNT_CALLS = """
import atexit, collections
calls = collections.Counter()
def count(method):
    original = getattr(ov.AsyncInferQueue, method)
    def call(*arguments):
        calls[method] += 1
        return original(*arguments)
    setattr(ov.AsyncInferQueue, method, call)
count("start_async")
count("set_callback")
atexit.register(lambda: print(dict(calls), file=sys.stderr))
"""


@pytest.mark.parametrize("requests", [1, 5])
def test_each_request_infers_once_before_and_one_callback_is_set(
    measured, models_by_ms, requests
):
    # A callback that is replaced may abort a program that ends at once: OpenVINO's thread
    # still lets go of the former one.
    run = measured(models_by_ms[0.04], code=COUNT_CALLS, INFER_REQUESTS=requests)
    starts = run.count + requests
    assert ast.literal_eval(run.said) == {"set_callback": 1, "start_async": starts}


def test_what_the_script_suggests_for_own_arrays_infers_them(networks):
    # As a user does who takes the comment for a line.
    source = SCRIPT.read_text("utf-8")
    (suggested,) = re.findall(r'# (queue\.start_async\(\{"data".*)\n', source)
    (copied,) = re.findall(r"# (request\.output_.*\.copy\(\))\n", source)
    path = networks("two-convolutions")
    _, queue = throughput_benchmark.create_queue(path, "CPU")
    results = {}

    def callback(request: ov.InferRequest, number: int) -> None:
        results[number] = eval(copied)

    queue.set_callback(callback)
    arrays = np.random.default_rng(0).random([20, 1, 3, 16, 16], np.float32)
    array = np.empty_like(arrays[0])
    for userdata in range(500):
        array[...] = arrays[userdata % 20]
        eval(suggested)
    queue.wait_all()
    expected = [queue[0].get_compiled_model()(array)[0].copy() for array in arrays]
    assert sorted(results) == list(range(500))
    for number, output in results.items():
        np.testing.assert_array_equal(output, expected[number % 20])


READ_SUMS = """
import atexit
sums = []
def read(request):
    x, total = request.get_input_tensor(), request.get_output_tensor()
    sums.append((float(x.data[0]), float(total.data[0])))
call_in_callbacks(read)
atexit.register(lambda: print(sums, file=sys.stderr))
"""


@pytest.mark.parametrize("device", ["CPU", "AUTO", "HETERO:CPU"])
def test_no_inference_meets_what_another_has_left(tmp_path, measured, device):
    model = save_sum(tmp_path / "model.xml")
    run = measured(model, device, code=READ_SUMS, INFER_REQUESTS=2)
    sums = ast.literal_eval(run.said)
    assert len(sums) >= 12
    for x, total in sums:
        assert total == pytest.approx(x, rel=0.01)  # a CPU may compute in bf16 or f16
