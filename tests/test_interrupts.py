"""Ctrl-C: the end at once, or a whole report of what has completed."""

import signal
import sys

import pytest
from support import (
    SCRIPT,
    STRICT_PYTHON,
    assert_nothing_measured,
    command_with,
    edited_script,
    parse_measured,
    parse_report,
    press_after,
    run_command,
    save_slow_model,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Ctrl-C cannot be sent to one process"
)

SAY_SO = """
def say_so(phase, count, request):
    if (phase, count) == (1, 1):
        print("measuring", flush=True)
ov.AsyncInferQueue.set_callback = set_callback_with(say_so)
"""
PRESS_IN_MEASUREMENT = """
def press(phase, count, request):
    if phase == 1 and count in {}:
        press_ctrl_c()
ov.AsyncInferQueue.set_callback = set_callback_with(press)
"""


def assert_killed_without_a_word(result: tuple[int, str, str]) -> None:
    exit_status, stdout, stderr = result
    assert exit_status == -signal.SIGINT
    assert_nothing_measured(stdout)
    if stderr:
        parse_measured(stderr)


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [0.04, 2, 100])
def test_what_completed_is_reported(models_by_ms, tmp_path, milliseconds):
    script = edited_script(tmp_path, SECONDS_TO_RUN=10)
    command = command_with(SAY_SO, script, models_by_ms[milliseconds])
    exit_status, stdout, stderr = press_after("measuring\n", command, presses=(0.3,))
    assert exit_status == 130
    parse_measured(stderr)
    figures = parse_report(stdout.replace("measuring\n", ""))
    assert figures["count"] >= 1
    assert 290 <= figures["duration"] < 10_000


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [0.04, 100])
@pytest.mark.parametrize("pause", [0.001, 0.06])
def test_two_presses_end_with_a_whole_report_or_none(
    models_by_ms, tmp_path, milliseconds, pause
):
    script = edited_script(tmp_path, SECONDS_TO_RUN=10)
    command = command_with(SAY_SO, script, models_by_ms[milliseconds])
    result = press_after("measuring\n", command, presses=(0.3, pause))
    exit_status, stdout, stderr = result
    stdout = stdout.replace("measuring\n", "")
    if exit_status == 130:
        parse_report(stdout)
    else:
        assert_killed_without_a_word((exit_status, stdout, stderr))


def test_the_second_press_ends_it_at_once(models_by_ms, tmp_path):
    # The first ends the loop, so that the second comes while the last ones complete.
    script = edited_script(tmp_path, SECONDS_TO_RUN=10, INFER_REQUESTS=16)
    press = PRESS_IN_MEASUREMENT.format([1, 8])
    command = command_with(press, script, models_by_ms[100])
    assert_killed_without_a_word(run_command(command))


@pytest.mark.parametrize("requests", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_it_starts_no_other_inference(models_by_ms, tmp_path, requests):
    script = edited_script(tmp_path, SECONDS_TO_RUN=10, INFER_REQUESTS=requests)
    press = PRESS_IN_MEASUREMENT.format([3])
    exit_status, stdout, stderr = run_command(
        command_with(press, script, models_by_ms[100])
    )
    assert exit_status == 130
    parse_measured(stderr)
    figures = parse_report(stdout)
    # Those in flight when the third completed have completed too, within the duration.
    assert 2 + requests <= figures["count"] <= 3 + requests
    latencies = figures["average"] * figures["count"]
    assert latencies <= requests * figures["duration"] + 0.1


def test_while_the_last_one_completes_it_ends_with_a_report(models_by_ms, tmp_path):
    # One to complete, and one that was started before that was seen and is waited for.
    constants = {"SECONDS_TO_RUN": 0, "MIN_ITERATIONS": 1, "INFER_REQUESTS": 1}
    script = edited_script(tmp_path, **constants)
    press = PRESS_IN_MEASUREMENT.format([2])
    exit_status, stdout, stderr = run_command(
        command_with(press, script, models_by_ms[100])
    )
    assert exit_status == 130
    parse_measured(stderr)
    assert parse_report(stdout)["count"] == 2


def test_before_the_first_inference_of_the_measurement_it_is_reported(
    models_by_ms, tmp_path
):
    # The callback of the measurement is set before its first inference is started.
    press = """
presses = iter([lambda: None, press_ctrl_c])
def press(*_):
    next(presses)()
ov.AsyncInferQueue.set_callback = with_a_call_before(ov.AsyncInferQueue.set_callback, press)
"""
    script = edited_script(tmp_path, SECONDS_TO_RUN=60)
    exit_status, stdout, _ = run_command(command_with(press, script, models_by_ms[20]))
    assert exit_status == 130
    assert parse_report(stdout)["count"] == 1


@pytest.mark.parametrize(
    "owner, method",
    [
        ("ov.Core", "read_model"),
        ("ov.AsyncInferQueue", "__iter__"),
        ("ov.AsyncInferQueue", "wait_all"),
    ],
    ids=["read", "fill", "warm up"],
)
def test_before_the_measurement_it_ends_at_once(models_by_ms, tmp_path, owner, method):
    press = f"""
presses = iter([press_ctrl_c])
def press_once(*_, **__):
    next(presses, lambda: None)()
{owner}.{method} = with_a_call_before({owner}.{method}, press_once)
"""
    script = edited_script(tmp_path, SECONDS_TO_RUN=60)
    command = command_with(press, script, models_by_ms[20])
    assert_killed_without_a_word(run_command(command))


@pytest.mark.slow
def test_a_user_presses_it_while_the_model_is_compiled(tmp_path):
    model = save_slow_model(tmp_path / "model.xml", 1000)
    command = [*STRICT_PYTHON, str(SCRIPT), model]
    assert_killed_without_a_word(press_after("Build", command, presses=(0.5,)))


def test_a_press_within_the_report_changes_nothing(models_by_ms, tmp_path):
    press = """
def press(text):
    if "Median" in text:
        press_ctrl_c()
sys.stdout.write = with_a_call_before(sys.stdout.write, press)
"""
    command = command_with(press, edited_script(tmp_path), models_by_ms[2])
    exit_status, stdout, stderr = run_command(command)
    assert exit_status == 0
    parse_measured(stderr)
    parse_report(stdout)


@pytest.mark.slow
@pytest.mark.parametrize("presses", [(0,), (0, 0.001, 0.001)])
def test_a_press_at_the_end_changes_nothing(models_by_ms, tmp_path, presses):
    command = [*STRICT_PYTHON, str(edited_script(tmp_path)), models_by_ms[2]]
    exit_status, stdout, stderr = press_after("Throughput", command, presses=presses)
    assert exit_status == 0
    parse_measured(stderr)
    parse_report(stdout)
