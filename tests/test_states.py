"""States: each inference of a stateful model is its first, also of a language model."""

import ast
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from hooks import set_callback_with
from models import Node, ops
from support import (
    edited_script,
    message_of,
    parse_measured,
    parse_report,
    run,
    save,
    save_sum,
)

try:
    from openvino.opset13 import scaled_dot_product_attention
except ImportError:  # before OpenVINO 2025.0
    from openvino.runtime.opset13 import scaled_dot_product_attention


def size_of(x: Node, axis: int) -> Node:
    return ops.gather(ops.shape_of(x), np.int64([axis]), 0)


def save_language_model(path: Path) -> str:
    """Save one layer of a language model, with a cache, in the form that exporters write.

    In a second inference its mask is shorter than its cache, unless the cache is reset.
    """
    names = ["input_ids", "attention_mask", "position_ids"]
    inputs = [ops.parameter([-1, -1], np.int64, name=name) for name in names]
    ids, mask, positions = inputs
    beam_idx = ops.parameter([-1], np.int32, name="beam_idx")

    vectors = np.random.default_rng(0).random([256, 8], np.float32)
    tokens = ops.add(ops.gather(vectors, ids, 0), ops.gather(vectors, positions, 0))

    no_tokens = ops.concat([size_of(ids, 0), np.int64([0, 8])], 0)
    no_cache = ops.broadcast(np.float32(0), no_tokens)
    cache = ops.read_value(no_cache, "cache", np.float32, ov.PartialShape("[?,?,8]"))
    cache = ops.concat([ops.gather(cache, beam_idx, 0), tokens], 1)

    hidden = ops.convert(ops.equal(mask, np.int64(0)), "f32")
    hidden = ops.unsqueeze(ops.multiply(hidden, np.float32(-65504)), [1, 2])
    sizes = [size_of(ids, 0), np.int64([1]), size_of(ids, 1), size_of(mask, 1)]
    hidden = ops.broadcast(hidden, ops.concat(sizes, 0))

    query, keys, values = (ops.unsqueeze(x, 1) for x in [tokens, cache, cache])
    y = scaled_dot_product_attention(query, keys, values, hidden)
    return save(path, [y], [*inputs, beam_idx], [ops.assign(cache, "cache")])


@pytest.mark.slow
@pytest.mark.parametrize("device", ["CPU", "AUTO", "HETERO:CPU"])
def test_a_user_measures_a_language_model(tmp_path, device):
    model = save_language_model(tmp_path / "model.xml")
    message = message_of(run(model, device), model, device)
    line = message.splitlines()[-1].removeprefix("INPUT_SHAPES = ")
    assert ast.literal_eval(line) == {
        "input_ids": "[1,?]",
        "attention_mask": "[1,?]",
        "position_ids": "[1,?]",
        "beam_idx": "[?]",
    }
    line = line.replace("'[?]'", "'[1]'").replace("?", "16")
    input_shapes = ast.literal_eval(line)
    script = edited_script(tmp_path, INPUT_SHAPES=input_shapes)
    exit_status, stdout, stderr = run(model, device, script=script)
    if "Can not create StaticMemory" in stderr:
        pytest.skip("this release keeps no state of dynamic shape")
    assert exit_status == 0
    assert parse_measured(stderr)["shapes"] == line
    assert parse_report(stdout)["count"] > 10


def test_no_inference_meets_what_another_has_left(tmp_path, monkeypatch, measured):
    sums = []

    def read(phase: int, count: int, request: ov.InferRequest) -> None:
        x, total = request.get_input_tensor(), request.get_output_tensor()
        sums.append((x.data[0], total.data[0]))

    monkeypatch.setattr(ov.AsyncInferQueue, "set_callback", set_callback_with(read))
    latencies, _ = measured(save_sum(tmp_path / "model.xml"), INFER_REQUESTS=2)
    assert len(sums) == len(latencies) + 2  # the warm-up's
    for x, total in sums:
        assert total == pytest.approx(x, rel=0.01)  # a CPU may compute in bf16 or f16
