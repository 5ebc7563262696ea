"""README's program: each photo its own class, a broken one named, and an end."""

import os
import re
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import ops
from PIL import Image
from support import (
    BLOCKS,
    SCRIPT,
    STRICT_PYTHON,
    command_with,
    multiply,
    run_command,
    run_side_by_side,
    save,
)

(PROGRAM,) = [text for language, text in BLOCKS if language == "python"]
CLASSES = 16


def save_network(path: Path, size: int, work: int = 0) -> str:
    """Save a model whose class of a photo is its brightness, in so many steps."""
    x = ops.parameter([1, 3, size, size], np.float32, name="x")
    mean = ops.reduce_mean(x, np.int64([1, 2, 3]), keep_dims=True)
    if work:
        square = ops.multiply(np.ones([512, 512], np.float32), mean)
        square = multiply(square, np.full([512, 512], 127.5, np.float32), work)
        mean = ops.reduce_mean(square, np.int64([0, 1, 2, 3]), keep_dims=True)
    steps = (np.arange(CLASSES, dtype=np.float32) + 0.5) * 256 / CLASSES
    distance = ops.abs(ops.subtract(ops.reshape(mean, [1, 1], False), steps[None]))
    return save(path, [ops.multiply(distance, np.float32(-1))], [x])


def save_photo(path: Path, brightness: int, size: int = 80) -> None:
    random = np.random.default_rng(list(path.name.encode()))
    noise = random.integers(-8, 8, [size, size + 20, 3])
    pixels = np.clip(noise + brightness, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the program beside the script, a model, and 200 photos."""
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "classify.py").write_text(PROGRAM, "utf-8")
    save_network(tmp_path / "model.xml", 64)
    (tmp_path / "photos").mkdir()
    for number in reversed(range(200)):
        brightness = number * 37 % CLASSES * 256 // CLASSES + 8
        save_photo(tmp_path / "photos" / f"{number:03}.jpg", brightness)
    return tmp_path


COMMAND = [*STRICT_PYTHON, "classify.py", "model.xml", "photos"]


def classes_of(stdout: str) -> dict[str, int]:
    """Return the classes by name, in the order of the lines."""
    lines = re.findall(r"(\S+\.jpg) (\d+)\n", stdout)
    assert "".join(f"{name} {number}\n" for name, number in lines) == stdout
    return {name: int(number) for name, number in lines}


def test_each_photo_has_its_own_class_in_the_order_of_names(folder):
    exit_status, stdout, stderr = run_command(COMMAND, folder)
    assert exit_status == 0, stderr
    classes = classes_of(stdout)
    assert list(classes) == [f"{number:03}.jpg" for number in range(200)]
    config = {"PERFORMANCE_HINT": "THROUGHPUT"}
    model = ov.Core().compile_model(folder / "model.xml", "CPU", config)
    for name, found in classes.items():
        with Image.open(folder / "photos" / name) as image:
            pixels = np.asarray(image.convert("RGB").resize((64, 64)), np.float32)
        assert model(pixels.transpose(2, 0, 1)[None])[0].argmax() == found
    assert set(classes.values()) == set(range(CLASSES))


def test_a_folder_without_photos_is_named(folder):
    shutil.rmtree(folder / "photos")
    exit_status, stdout, stderr = run_command(COMMAND, folder)
    assert (exit_status, stdout) == (1, "")
    assert stderr == "There are no photos photos/*.jpg\n"


@pytest.mark.parametrize("kept", [0, 5, 700], ids=["empty", "no photo", "half"])
def test_a_broken_photo_is_named_and_the_program_ends(folder, kept):
    path = folder / "photos" / "130.jpg"
    path.write_bytes(path.read_bytes()[:kept])
    for exit_status, stdout, stderr in run_side_by_side(COMMAND, 4, folder):
        assert (exit_status, stdout) == (1, "")
        *_, last = stderr.splitlines()
        assert last == f"RuntimeError: cannot decode {Path('photos', '130.jpg')}"


# Says at the end how many callbacks there were.
COUNT_CALLBACKS = """
import atexit
completed = []
call_in_callbacks(completed.append)
atexit.register(lambda: print(len(completed), "callbacks", file=sys.stderr))
"""


def test_a_broken_photo_waits_for_the_inferences_before_it(folder):
    save_network(folder / "model.xml", 64, work=100)
    (folder / "photos" / "002.jpg").write_bytes(b"")
    command = command_with(
        COUNT_CALLBACKS, folder / "classify.py", "model.xml", "photos"
    )
    exit_status, _, stderr = run_command(command, folder)
    assert exit_status == 1
    assert stderr.endswith("002.jpg\n2 callbacks\n")


def test_a_failed_inference_ends_in_a_traceback_with_the_reason(folder):
    # This network takes no white photo. The last one fails after all have been started.
    x = ops.parameter([1, 3, 64, 64], np.float32, name="x")
    mean = ops.reduce_mean(x, np.int64([0, 1, 2, 3]), keep_dims=False)
    is_white = ops.floor(ops.multiply(mean, np.float32(1 / 250)))
    size = ops.subtract(
        np.float32([192, 64]), ops.multiply(is_white, np.float32([5, 0]))
    )
    y = ops.reshape(x, ops.convert(size, "i64"), special_zero=False)
    save(folder / "model.xml", [y], [x])
    save_photo(folder / "photos" / "199.jpg", 300)
    exit_status, stdout, stderr = run_command(COMMAND, folder)
    assert (exit_status, stdout) == (1, "")
    assert "conflicts with" in stderr[stderr.index("\nRuntimeError: ") :]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent there")
@pytest.mark.parametrize("number", [1, 150])
def test_ctrl_c_ends_it(folder, number):
    code = f'call_after("start_async", {number}, press_ctrl_c)'
    command = command_with(code, folder / "classify.py", "model.xml", "photos")
    exit_status, stdout, stderr = run_command(command, folder)
    assert (exit_status, stdout) == (-signal.SIGINT, "")
    assert stderr.endswith("KeyboardInterrupt\n")


@pytest.mark.slow
def test_sixteen_runs_end(folder):
    for exit_status, _, stderr in run_side_by_side(COMMAND, 16, folder):
        assert exit_status == 0, stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it has another unit")
def test_many_photos_take_no_more_memory_than_some(folder):
    # Inference is slower than decoding, so that what is decoded too early piles up.
    save_network(folder / "model.xml", 224, work=8)
    save_photo(folder / "one.jpg", 100, 224)
    code = """
import atexit, resource
show = lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
atexit.register(show)
"""
    megabytes = []
    for number in [200, 2000]:
        shutil.rmtree(folder / "photos")
        (folder / "photos").mkdir()
        for index in range(number):
            os.link(folder / "one.jpg", folder / "photos" / f"{index:04}.jpg")
        command = command_with(code, folder / "classify.py", "model.xml", "photos")
        exit_status, stdout, stderr = run_command(command, folder)
        assert exit_status == 0, stderr
        assert len(classes_of(stdout)) == number
        megabytes.append(int(stderr.splitlines()[-1]) / 1000)
    assert megabytes[1] - megabytes[0] < 100
