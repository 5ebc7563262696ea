"""Ctrl-C: in the measurement it ends with a report, elsewhere as in any Python program."""

import signal
import sys

import pytest
from support import (
    REPORT,
    SCRIPT,
    Run,
    command_with,
    edited_script,
    press_after,
    run_command,
    save_slow_model,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Ctrl-C cannot be sent to one process"
)

SAY_SO = """
call_after("start_async", 5, lambda queue: print("measuring", file=sys.stderr))
"""


def assert_ended_by_python(result: tuple[int, str, str]) -> None:
    exit_status, _, stderr = result
    assert exit_status == -signal.SIGINT, result
    assert stderr.endswith("KeyboardInterrupt\n")


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [0.04, 2, 100])
def test_what_completed_is_reported(models_by_ms, tmp_path, milliseconds):
    script = edited_script(tmp_path, SECONDS_TO_RUN=60)
    command = command_with(SAY_SO, script, models_by_ms[milliseconds])
    exit_status, stdout, stderr = press_after("measuring\n", command, [0.3])
    run = Run(exit_status, stdout, stderr.replace("measuring\n", ""))
    assert run.count >= 1
    assert 290 <= run.figures["duration"] < 60_000


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [0.04, 100])
@pytest.mark.parametrize("pause", [0.001, 0.06])
def test_two_presses_end_it_with_a_whole_report_or_as_python_does(
    models_by_ms, tmp_path, milliseconds, pause
):
    script = edited_script(tmp_path, SECONDS_TO_RUN=60)
    command = command_with(SAY_SO, script, models_by_ms[milliseconds])
    exit_status, stdout, _ = press_after("measuring\n", command, [0.3, pause])
    assert exit_status in [0, -signal.SIGINT]
    if "Throughput" in stdout:
        assert REPORT.fullmatch(stdout)
    else:
        assert exit_status == -signal.SIGINT


def test_what_was_started_is_waited_for_and_no_more_is_started(models_by_ms, tmp_path):
    script = edited_script(tmp_path, SECONDS_TO_RUN=60, INFER_REQUESTS=3)
    # Three of the warm-up, and one more.
    press = 'call_after("start_async", 4, press_ctrl_c)'
    result = run_command(command_with(press, script, models_by_ms[100]))
    assert Run(*result).count == 1


@pytest.mark.parametrize(
    "method, number", [("__iter__", 1), ("set_callback", 1), ("start_async", 1)]
)
def test_before_the_measurement_it_ends_without_a_report(
    models_by_ms, tmp_path, method, number
):
    script = edited_script(tmp_path, SECONDS_TO_RUN=60, INFER_REQUESTS=4)
    press = f'call_after("{method}", {number}, press_ctrl_c)'
    result = run_command(command_with(press, script, models_by_ms[20]))
    assert_ended_by_python(result)
    assert "Throughput" not in result[1]


def test_a_second_press_while_the_last_ones_complete_ends_without_a_report(
    models_by_ms, tmp_path
):
    script = edited_script(tmp_path, SECONDS_TO_RUN=60, INFER_REQUESTS=4)
    press = """
wait_all = ov.AsyncInferQueue.wait_all
def press_and_wait(queue):
    press_ctrl_c()
    wait_all(queue)
def press_twice(queue):
    ov.AsyncInferQueue.wait_all = press_and_wait
    press_ctrl_c()
call_after("start_async", 8, press_twice)
"""
    command = command_with(press, script, models_by_ms[100])
    result = run_command(command)
    assert_ended_by_python(result)
    assert "Throughput" not in result[1]


@pytest.mark.slow
def test_while_the_model_is_compiled_it_is_heard_then(tmp_path):
    model = save_slow_model(tmp_path / "model.xml", 300)
    script = edited_script(tmp_path, SECONDS_TO_RUN=60)
    say_so = """
compile_model = ov.Core.compile_model
def say_so_and_compile(*arguments):
    print("compiling", file=sys.stderr)
    return compile_model(*arguments)
ov.Core.compile_model = say_so_and_compile
"""
    result = press_after("compiling", command_with(say_so, script, model), [0.3])
    assert_ended_by_python(result)


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [2, 100])
def test_a_user_presses_it_at_any_time_and_it_ends(
    models_by_ms, tmp_path, milliseconds
):
    command = command_with("", SCRIPT, models_by_ms[milliseconds])
    for pause in [0.01, 0.2, 0.5, 1]:
        result = press_after("Devices", command, [pause])
        if result[0] == 0:
            Run(*result)
        else:
            assert_ended_by_python(result)
