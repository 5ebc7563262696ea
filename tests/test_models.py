"""The networks: what Open Model Zoo publishes of them, and that they run."""

import math

import models
import numpy as np
import openvino as ov
import pytest

import throughput_benchmark

# Inputs, outputs and parameters in millions.
PUBLISHED = {
    "alexnet": ({"data": [1, 3, 227, 227]}, [[1, 1000]], 60.965),
    "googlenet-v1": ({"data": [1, 3, 224, 224]}, [[1, 1000]], 6.999),
    "yolo-v3-tf": (
        {"input_1": [1, 416, 416, 3]},
        [[1, 13, 13, 255], [1, 26, 26, 255], [1, 52, 52, 255]],
        61.922,
    ),
    "face-detection-0200": ({"image": [1, 3, 256, 256]}, [[1, 1, 200, 7]], 1.828),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", models.VALIDATED)
def test_a_network_is_the_published_one(networks, name):
    inputs, outputs, millions = PUBLISHED[name]
    model = ov.Core().read_model(networks(name))
    assert {port.any_name: list(port.shape) for port in model.inputs} == inputs
    assert [list(port.shape) for port in model.outputs] == outputs
    constants = [op for op in model.get_ops() if op.get_type_name() == "Constant"]
    parameters = sum(
        math.prod(op.get_output_shape(0))
        for op in constants
        if op.get_element_type().is_real()
    )
    assert abs(parameters / (millions * 1e6) - 1) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", models.NETWORKS)
def test_it_is_measured_and_an_inference_gives_finite_numbers(networks, measured, name):
    measured(networks(name))
    queue = ov.AsyncInferQueue(ov.Core().compile_model(networks(name), "CPU"), 1)
    throughput_benchmark.fill_inputs(queue)
    queue.start_async()
    queue.wait_all()
    for tensor in queue[0].output_tensors:
        assert np.isfinite(tensor.data).all()
        assert np.ptp(tensor.data) > 0
