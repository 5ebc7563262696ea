"""README's program: each photo its own class, a broken one named, and an end."""

import os
import re
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
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
COMMAND = [*STRICT_PYTHON, "classify.py", "model.xml", "photos"]
CLASSES = 16
SIZE = 64


def save_network(path: Path, size: int = SIZE, work: int = 0) -> str:
    """Save a model whose class of a photo is the brightness of its upper half, in steps."""
    x = ops.parameter([1, 3, size, size], np.float32, name="x")
    half = ops.gather(x, np.arange(size // 2), 2)
    mean = ops.reduce_mean(half, np.int64([1, 2, 3]), keep_dims=True)
    if work:
        square = ops.multiply(np.ones([512, 512], np.float32), mean)
        square = multiply(square, np.full([512, 512], 127.5, np.float32), work)
        mean = ops.reduce_mean(square, np.int64([0, 1, 2, 3]), keep_dims=True)
    steps = (np.arange(CLASSES, dtype=np.float32) + 0.5) * 256 / CLASSES
    distance = ops.abs(ops.subtract(ops.reshape(mean, [1, 1], False), steps[None]))
    return save(path, [ops.multiply(distance, np.float32(-1))], [x])


def save_photo(path: Path, number: int, orientation: int = 1) -> None:
    """Save a photo of a class; one that is upside down says so in its Exif data."""
    pixels = np.full([80, 100, 3], 128, np.uint8)
    pixels[:40] = number * 256 // CLASSES + 8
    if orientation == 3:
        pixels = pixels[::-1, ::-1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, "JPEG", exif=exif)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the program beside the script, a model, and 200 photos."""
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "classify.py").write_text(PROGRAM, "utf-8")
    save_network(tmp_path / "model.xml")
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in reversed(range(200)):
        suffix = [".jpg", ".JPG", ".jpeg"][number % 3]
        orientation = 3 if number % 5 == 0 else 1
        save_photo(photos / f"{number:03}{suffix}", number * 7 % CLASSES, orientation)
    (photos / "notes.txt").write_text("no photo", "utf-8")
    return tmp_path


def classes_of(stdout: str) -> dict[str, int]:
    """Return the classes by name, in the order of the lines."""
    lines = re.findall(r"(\S+) (\d+)\n", stdout)
    assert "".join(f"{name} {number}\n" for name, number in lines) == stdout
    return {name: int(number) for name, number in lines}


def test_each_photo_has_its_own_class_in_the_order_of_names(folder):
    exit_status, stdout, stderr = run_command(COMMAND, folder)
    assert (exit_status, stderr) == (0, "")
    classes = classes_of(stdout)
    assert [name[:3] for name in classes] == [f"{number:03}" for number in range(200)]
    assert list(classes.values()) == [number * 7 % CLASSES for number in range(200)]


def test_mean_and_standard_deviation_are_those_of_each_channel(folder):
    # A model that returns the class of the channel that is the largest.
    x = ops.parameter([-1, 3, SIZE, SIZE], np.float32, name="x")
    save(folder / "model.xml", [ops.reduce_mean(x, np.int64([2, 3]), False)], [x])
    for mean, deviation, largest in [
        ("[9, 9, 0]", "[1, 1, 1]", "2"),
        ("[0, 0, 0]", "[3, 1, 3]", "1"),
    ]:
        program = PROGRAM.replace("[0, 0, 0]", mean).replace("[1, 1, 1]", deviation)
        (folder / "classify.py").write_text(program, "utf-8")
        exit_status, stdout, _ = run_command(COMMAND, folder)
        assert exit_status == 0
        assert set(re.findall(r" (\d)\n", stdout)) == {largest}


def test_a_folder_without_photos_is_named(folder):
    shutil.rmtree(folder / "photos")
    (folder / "photos").mkdir()
    exit_status, stdout, stderr = run_command(COMMAND, folder)
    assert (exit_status, stdout) == (1, "")
    assert stderr == "There are no photos in photos\n"


@pytest.mark.parametrize("kept", [0, 5, 700], ids=["empty", "no photo", "half"])
def test_a_broken_photo_is_named_and_the_others_get_their_class(folder, kept):
    (path,) = folder.glob("photos/130.*")
    path.write_bytes(path.read_bytes()[:kept])
    for exit_status, stdout, stderr in run_side_by_side(COMMAND, 4, folder):
        assert exit_status == 1
        assert len(classes_of(stdout)) == 199
        (line,) = stderr.splitlines()
        assert line.startswith(f"Cannot decode {Path('photos', path.name)}: ")


def test_a_failed_inference_ends_in_a_traceback_with_the_reason(folder):
    # This network takes no photo of the last class. The last one fails after all have
    # been started.
    x = ops.parameter([1, 3, SIZE, SIZE], np.float32, name="x")
    mean = ops.reduce_mean(
        ops.gather(x, np.arange(20), 2), np.int64([0, 1, 2, 3]), keep_dims=False
    )
    is_bright = ops.floor(ops.multiply(mean, np.float32(1 / 240)))
    size = ops.subtract(
        np.float32([3 * SIZE, SIZE]), ops.multiply(is_bright, np.float32([5, 0]))
    )
    y = ops.reshape(x, ops.convert(size, "i64"), special_zero=False)
    save(folder / "model.xml", [y], [x])
    for path in (folder / "photos").iterdir():
        path.unlink()
    for number in range(20):
        save_photo(folder / "photos" / f"{number:02}.jpg", 15 if number == 19 else 3)
    for exit_status, stdout, stderr in run_side_by_side(COMMAND, 4, folder):
        assert (exit_status, stdout) == (1, "")
        assert "conflicts with" in stderr[stderr.index("\nRuntimeError: ") :]


# Says at the end how many inferences were started and how many called back.
COUNT = """
import atexit
started, completed = [], []
start_async = ov.AsyncInferQueue.start_async
ov.AsyncInferQueue.start_async = lambda *given: started.append(start_async(*given))
call_in_callbacks(completed.append)
atexit.register(lambda: print(len(started), len(completed), file=sys.stderr))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent there")
@pytest.mark.parametrize("number", [2, 150])
def test_ctrl_c_waits_for_what_was_started_and_ends(folder, number):
    save_network(folder / "model.xml", work=20)
    code = f'{COUNT}call_after("start_async", {number}, press_ctrl_c)'
    command = command_with(code, folder / "classify.py", "model.xml", "photos")
    exit_status, stdout, stderr = run_command(command, folder)
    assert (exit_status, stdout) == (-signal.SIGINT, "")
    *_, interrupt, counts = stderr.splitlines()
    assert interrupt == "KeyboardInterrupt"
    assert counts.split()[1] == str(number)


@pytest.mark.slow
def test_sixteen_runs_end(folder):
    for exit_status, _, stderr in run_side_by_side(COMMAND, 16, folder):
        assert exit_status == 0, stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it has another unit")
def test_many_photos_take_no_more_memory_than_some(folder):
    # Inference is slower than decoding, so that what is decoded too early piles up.
    save_network(folder / "model.xml", 224, work=8)
    save_photo(folder / "one.jpg", 3)
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
