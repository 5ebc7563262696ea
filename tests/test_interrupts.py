"""Ctrl-C: a whole report of what completed, or a line that says that nothing did."""

import pytest
from support import (
    SCRIPT,
    STRICT_PYTHON,
    assert_nothing_measured,
    command_with,
    edited_script,
    parse_report,
    press_after,
    run_command,
    save_slow_model,
)

NOTHING = "[ WARNING ] No inference has completed.\n"
PRESS_IN_MEASUREMENT = """
def press(phase, count, request):
    if (phase, count) == (1, {}):
        press_ctrl_c()
ov.AsyncInferQueue.set_callback = set_callback_with(press)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "presses",
    [(0.3,), (0.3, 0.001, 0.001), (0.3, 0.01, 0.02), (0.3, 0.05, 0.1)],
)
@pytest.mark.parametrize("milliseconds", [0.04, 2, 100])
def test_what_completed_is_reported(models_by_ms, tmp_path, milliseconds, presses):
    say_so = """
def say_so(phase, count, request):
    if (phase, count) == (1, 1):
        print("measuring", flush=True)
ov.AsyncInferQueue.set_callback = set_callback_with(say_so)
"""
    script = edited_script(tmp_path, SECONDS_TO_RUN=10)
    command = command_with(say_so, script, models_by_ms[milliseconds])
    exit_status, stdout, stderr = press_after("measuring\n", command, presses=presses)
    assert (exit_status, stderr) == (130, "")
    figures = parse_report(stdout.replace("measuring\n", ""))
    assert figures["count"] >= 1
    assert 290 <= figures["duration"] < 10_000


@pytest.mark.parametrize("requests", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_it_starts_no_other_inference(models_by_ms, tmp_path, requests):
    script = edited_script(tmp_path, SECONDS_TO_RUN=10, INFER_REQUESTS=requests)
    press = PRESS_IN_MEASUREMENT.format(3)
    exit_status, stdout, stderr = run_command(
        command_with(press, script, models_by_ms[100])
    )
    assert (exit_status, stderr) == (130, "")
    figures = parse_report(stdout)
    # Those in flight when the third completed have completed too, within the duration.
    assert 2 + requests <= figures["count"] <= 3 + requests
    latencies = figures["average"] * figures["count"]
    assert latencies <= requests * figures["duration"] + 0.1


def test_while_the_last_one_completes_it_ends_with_a_report(models_by_ms, tmp_path):
    # One to complete, and one that was started before that was seen and is waited for.
    constants = {"SECONDS_TO_RUN": 0, "MIN_ITERATIONS": 1, "INFER_REQUESTS": 1}
    script = edited_script(tmp_path, **constants)
    press = PRESS_IN_MEASUREMENT.format(2)
    exit_status, stdout, stderr = run_command(
        command_with(press, script, models_by_ms[100])
    )
    assert (exit_status, stderr) == (130, "")
    assert parse_report(stdout)["count"] == 2


@pytest.mark.parametrize("presses", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "owner, method, infers",
    [
        ("ov.Core", "read_model", False),
        pytest.param("ov.Core", "compile_model", False, marks=pytest.mark.slow),
        pytest.param("ov.AsyncInferQueue", "__iter__", False, marks=pytest.mark.slow),
        ("ov.AsyncInferQueue", "set_callback", True),
        pytest.param("ov.AsyncInferQueue", "wait_all", True, marks=pytest.mark.slow),
    ],
    ids=["read", "compile", "fill", "warm up", "end of the warm-up"],
)
def test_before_the_measurement_it_says_that_nothing_completed(
    models_by_ms, tmp_path, owner, method, infers, presses
):
    press = f"""
def press(*_, **__):
    for _ in range({presses}):
        press_ctrl_c()
def say_so(*_):
    print("an inference", flush=True)
ov.AsyncInferQueue.set_callback = set_callback_with(say_so)
{owner}.{method} = with_a_call_before({owner}.{method}, press)
"""
    script = edited_script(tmp_path, SECONDS_TO_RUN=60, INFER_REQUESTS=8)
    command = command_with(press, script, models_by_ms[20])
    exit_status, stdout, stderr = run_command(command)
    assert (exit_status, stderr) == (130, NOTHING)
    # The warm-up ends, if it has begun.
    assert stdout.count("an inference\n") == (8 if infers else 0)
    assert_nothing_measured(stdout.replace("an inference\n", ""))


@pytest.mark.slow
def test_a_user_presses_it_while_the_model_is_loaded(tmp_path):
    model = save_slow_model(tmp_path / "model.xml", 1000)
    command = [*STRICT_PYTHON, str(SCRIPT), model]
    exit_status, stdout, stderr = press_after("Build", command)
    assert (exit_status, stderr) == (130, NOTHING)
    assert_nothing_measured(stdout)


def test_a_press_within_the_report_does_not_cut_it(models_by_ms, tmp_path):
    press = """
def press(text):
    if "Median" in text:
        press_ctrl_c()
sys.stdout.write = with_a_call_before(sys.stdout.write, press)
"""
    command = command_with(press, edited_script(tmp_path), models_by_ms[2])
    exit_status, stdout, stderr = run_command(command)
    assert (exit_status, stderr) == (130, "")
    parse_report(stdout)


@pytest.mark.slow
@pytest.mark.parametrize("presses", [(0,), (0, 0.001, 0.001), (0, 0.01, 0.02)])
def test_a_press_at_the_end_changes_nothing(models_by_ms, tmp_path, presses):
    command = [*STRICT_PYTHON, str(edited_script(tmp_path)), models_by_ms[2]]
    exit_status, stdout, stderr = press_after("Throughput", command, presses=presses)
    assert exit_status in [0, 130]
    assert stderr == ""
    parse_report(stdout)
