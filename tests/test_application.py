"""README's application: each file its own result, a bad one named, and an end."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from support import (
    APPLICATION,
    STRICT_PYTHON,
    command_with,
    edited_script,
    edits_of,
    message_of,
    parse_measured,
    parse_report,
    run,
    run_command,
    run_side_by_side,
)

EDITS = edits_of(APPLICATION)


@pytest.fixture
def application(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    return edited_script(tmp_path, *EDITS)


@pytest.fixture
def infer(application: Path, networks: Callable[[str], str]) -> Callable:
    """Return a function that runs the application where its images are."""
    model = networks("two-convolutions")
    return lambda: run(model, script=application, cwd=application.parent)


def save_image(
    folder: Path, name: str, shape: tuple[int, ...] = (1, 3, 16, 16)
) -> None:
    random = np.random.default_rng(list(name.encode()))
    np.save(folder / "images" / name, random.random(shape, np.float32))


def results_of(stdout: str) -> tuple[dict[str, int], str]:
    """Return the classes by name, in the order of their lines, and the other lines."""
    lines = re.findall(r"^(\S+\.npy) (\d+)\n", stdout, re.MULTILINE)
    others = re.sub(r"^\S+\.npy \d+\n", "", stdout, flags=re.MULTILINE)
    assert len(dict(lines)) == len(lines)
    return {name: int(number) for name, number in lines}, others


def test_each_file_has_its_own_result_in_the_order_of_names(
    tmp_path, application, infer, networks
):
    names = [f"{number:03}.npy" for number in range(300)]
    for name in reversed(names):
        save_image(tmp_path, name)
    exit_status, stdout, stderr = infer()
    assert exit_status == 0, stderr
    parse_measured(stderr)
    classes, others = results_of(stdout)
    assert parse_report(others)["count"] == 300
    assert list(classes) == names
    config = {"PERFORMANCE_HINT": "THROUGHPUT"}
    model = ov.Core().compile_model(networks("two-convolutions"), "CPU", config)
    expected = {
        name: model(np.load(tmp_path / "images" / name))[0].argmax() for name in names
    }
    assert classes == expected
    assert len(set(expected.values())) > 30


def test_without_files_it_says_so(infer):
    message = message_of(infer())
    assert message == "there are no files images/*.npy\n"


BROKEN = {
    "empty": b"",
    "no array": b"no array, but a text",
    "half": b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_named(tmp_path, infer, content):
    for number in range(20):
        save_image(tmp_path, f"{number:02}.npy")
    (tmp_path / "images" / "13.npy").write_bytes(content)
    message = message_of(infer())
    path = Path("images", "13.npy")
    assert re.match(f"{re.escape(str(path))}: .", message)


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 16, 16, 3), (1,), (2, 3, 16, 16)])
def test_a_misshapen_file_is_named_with_both_shapes(tmp_path, infer, shape):
    for number in range(20):
        save_image(tmp_path, f"{number:02}.npy")
    save_image(tmp_path, "13.npy", shape)
    message = message_of(infer())
    path = Path("images", "13.npy")
    assert message == f"{path}: shape {shape} instead of (1, 3, 16, 16)\n"


def test_text_in_place_of_numbers_is_named(tmp_path, infer):
    np.save(tmp_path / "images" / "text.npy", np.full([1, 3, 16, 16], "a"))
    message = message_of(infer())
    assert message.startswith(str(Path("images", "text.npy")))


@pytest.mark.slow
def test_it_ends_with_and_without_an_error(tmp_path, application, networks):
    for number in range(50):
        save_image(tmp_path, f"{number:02}.npy")
    model = networks("two-convolutions")
    command = [*STRICT_PYTHON, str(application), model]
    for exit_status, _, stderr in run_side_by_side(command, 8, tmp_path):
        assert exit_status == 0, stderr
    (tmp_path / "images" / "40.npy").write_bytes(b"")
    for result in run_side_by_side(command, 8, tmp_path):
        assert message_of(result).startswith(str(Path("images", "40.npy")))


@pytest.mark.slow
def test_ctrl_c_ends_it_with_the_results_of_what_has_completed(
    tmp_path, application, models_by_ms
):
    for number in range(50):
        save_image(tmp_path, f"{number:02}.npy", (512, 512))
    press = """
def press(phase, count, request):
    if (phase, count) == (1, 3):
        press_ctrl_c()
ov.AsyncInferQueue.set_callback = set_callback_with(press)
"""
    command = command_with(press, application, models_by_ms[100])
    exit_status, stdout, stderr = run_command(command, tmp_path)
    assert exit_status == 130, stderr
    parse_measured(stderr)
    classes, others = results_of(stdout)
    assert list(classes) == [f"{number:02}.npy" for number in range(len(classes))]
    assert 3 <= len(classes) == parse_report(others)["count"] < 50
