"""README: its commands, its output, its edits and its table of OpenVINO's API hold."""

import ast
import os
import re
import shlex
import shutil
import sys
from functools import reduce
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import ops
from support import (
    BLOCKS,
    MEASURED,
    README,
    REPORT,
    ROOT,
    SCRIPT,
    Run,
    edited_script,
    run,
    run_command,
    save,
    save_sum_of_each,
)

COMMANDS = [text.splitlines() for language, text in BLOCKS if language == "sh"]
# The filled-in lines of the page, and what the other text says.
SHAPES, TEXTS = [], []
for language, text in BLOCKS:
    if language == "text":
        (SHAPES if text.startswith("INPUT_SHAPES = ") else TEXTS).append(text)
SHAPES = [ast.literal_eval(text.split(" = ")[1]) for text in SHAPES]


def test_the_output_is_one_of_the_example():
    (output,) = [text for text in TEXTS if REPORT.fullmatch(MEASURED.sub("", text))]
    measured = MEASURED.search(output)
    assert measured["line"] == "INPUT_SHAPES = {'data': '[1,3,224,224]'}"
    figures = REPORT.fullmatch(MEASURED.sub("", output)).groupdict()
    figures = {n: float(f) for n, f in figures.items() if n != "build"}
    throughput = figures["count"] / figures["duration"] * 1000
    assert figures["throughput"] == pytest.approx(throughput, abs=0.01)
    assert figures["count"] % int(measured["requests"]) == 0


@pytest.mark.slow
def test_the_commands_run_in_their_order(tmp_path, networks):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=ignored)
    edited_script(tmp_path)
    model = Path(networks("two-convolutions"))
    for suffix in [".xml", ".bin"]:
        shutil.copy(model.with_suffix(suffix), tmp_path / f"model{suffix}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    # All but those that set up an environment or run these tests.
    commands = [
        command
        for block in COMMANDS
        for command in block
        if not re.search("venv|pip install|pytest", command)
    ]
    assert len(commands) == 5
    for command in commands:
        program, *arguments = shlex.split(command.replace("-t 10", "-t 1"))
        found = shutil.which(program, path=path)
        assert found, program
        exit_status, stdout, stderr = run_command(
            [found, *arguments], tmp_path, environment
        )
        assert exit_status == 0, stderr
        if "models.py" not in command:
            assert re.search(r"Throughput: +\d+\.\d\d FPS\n", stdout)


def test_what_readme_links_to_is_there():
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    for link in re.findall(r"\]\(([^)]*)\)", README):
        if link.startswith("#"):
            assert link[1:] in anchors
        elif not link.startswith("https://"):
            assert (ROOT / link).exists(), link


def test_the_table_of_the_api_is_what_the_script_calls():
    tree = ast.parse(SCRIPT.read_text("utf-8"))
    attributes = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    names = re.findall(r"`openvino\.([A-Z][^`(]*|get_version)`", README)
    assert len(names) == len(set(names)) > 10
    assert {name.split(".")[-1] for name in names} <= attributes
    if hasattr(ov, "Output"):  # not in older releases
        for name in names:
            assert reduce(getattr, name.split("."), ov), name


def test_the_error_is_the_one_of_a_detector(tmp_path, fails):
    save_sum_of_each(tmp_path / "model.xml", {"images": "[?,3,?,?]"})
    message = fails("model.xml")
    start = "[ ERROR ] Cannot run 'model.xml' on 'CPU' (available: ['CPU']): "
    assert f"{start}{message}" in TEXTS


@pytest.mark.slow
def test_a_user_fills_in_the_line_of_a_bert(tmp_path, fails, measured):
    (shapes,) = [shapes for shapes in SHAPES if "token_type_ids" in shapes]
    inputs = [ops.parameter([-1, -1], np.int64, name=name) for name in shapes]
    vectors = np.random.default_rng(0).random([256, 8], np.float32)
    y = ops.add(ops.gather(vectors, inputs[0], 0), ops.gather(vectors, inputs[2], 0))
    y = ops.multiply(y, ops.unsqueeze(ops.convert(inputs[1], "f32"), 2))
    model = save(tmp_path / "model.xml", [y], inputs)
    asked = dict.fromkeys(shapes, "[?,?]")
    assert f"INPUT_SHAPES = {asked}\n" in fails(model)
    assert measured(model, INPUT_SHAPES=shapes).shapes == shapes


def save_language_model(path: Path) -> str:
    """Save a model with a cache, and the inputs that exporters write.

    In a second inference its mask is shorter than its cache, unless the cache is reset.
    """
    names = ["input_ids", "attention_mask", "position_ids"]
    inputs = [ops.parameter([-1, -1], np.int64, name=name) for name in names]
    inputs.append(ops.parameter([-1], np.int32, name="beam_idx"))
    ids, mask, positions, beam_idx = inputs
    vectors = np.random.default_rng(0).random([256, 8], np.float32)
    tokens = ops.add(ops.gather(vectors, ids, 0), ops.gather(vectors, positions, 0))
    batch = ops.gather(ops.shape_of(ids), np.int64([0]), 0)
    no_tokens = ops.broadcast(np.float32(0), ops.concat([batch, np.int64([0, 8])], 0))
    cache = ops.read_value(no_tokens, "cache", np.float32, ov.PartialShape("[?,?,8]"))
    cache = ops.concat([ops.gather(cache, beam_idx, 0), tokens], 1)
    y = ops.multiply(cache, ops.unsqueeze(ops.convert(mask, "f32"), 2))
    return save(path, [y], inputs, [ops.assign(cache, "cache")])


@pytest.mark.slow
@pytest.mark.parametrize("device", ["CPU", "AUTO", "HETERO:CPU"])
def test_a_user_fills_in_the_line_of_a_language_model(tmp_path, fails, device):
    (shapes,) = [shapes for shapes in SHAPES if "beam_idx" in shapes]
    model = save_language_model(tmp_path / "model.xml")
    asked = {name: re.sub(r"\d+", "?", shape) for name, shape in shapes.items()}
    assert f"INPUT_SHAPES = {asked}\n" in fails(model, device)
    script = edited_script(tmp_path, INPUT_SHAPES=shapes)
    result = run(model, device, script=script)
    if "Can not create StaticMemory" in result[2]:
        pytest.skip("this release keeps no state of dynamic shape")
    assert Run(*result).shapes == shapes


# An edit of a constant on the page, and what then holds.
SETTINGS = {
    "`INPUT_SHAPES = (.*?)`": "queue[0].input_tensors[0].shape[0] == 8",
    '`("INFERENCE_PRECISION.*?)`': "get('INFERENCE_PRECISION_HINT') == ov.Type.f32",
    '`("INFERENCE_NUM_THREADS.*?)`': "get('NUM_STREAMS') == 1",
}


@pytest.mark.slow
@pytest.mark.parametrize("edit", SETTINGS)
def test_a_setting_does_what_it_is_for(networks, measured, edit):
    (value,) = re.findall(edit, README)
    if value.startswith("{"):
        constants = {"INPUT_SHAPES": ast.literal_eval(value)}
    else:
        config = {"PERFORMANCE_HINT": "THROUGHPUT"}
        constants = {"CONFIG": {**config, **ast.literal_eval(f"{{{value}}}")}}
    code = f"""
def show(queue):
    get = queue[0].get_compiled_model().get_property
    print({SETTINGS[edit]}, file=sys.stderr)
call_after("wait_all", 1, show)
"""
    assert measured(networks("googlenet-v1"), code=code, **constants).said == "True\n"


@pytest.mark.slow
def test_the_script_is_compared_with_benchmark_app(tmp_path, networks):
    shutil.copytree(ROOT / "tests", tmp_path / "tests")
    edited_script(tmp_path)
    program = tmp_path / "tests" / "compare.py"
    source = program.read_text("utf-8").replace("-t 10", "-t 1")
    program.write_text(source.replace("PAIRS = 5", "PAIRS = 2"), "utf-8")
    exit_status, stdout, stderr = run_command(
        [sys.executable, str(program), networks("face-detection-0200")]
    )
    assert exit_status == 0, stderr
    ratio = re.fullmatch(
        r"face-detection-0200: (\d\.\d\d) \(\d\.\d\d-\d\.\d\d\) of benchmark_app\n",
        stdout,
    )
    assert 0.2 < float(ratio[1]) < 5
    exit_status, stdout, stderr = run_command(
        [sys.executable, str(program), "missing.xml"]
    )
    assert (exit_status, stdout) == (1, "")
    assert "Cannot run 'missing.xml' on 'CPU'" in stderr
