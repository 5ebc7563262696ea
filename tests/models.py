"""Build networks with random weights: python tests/models.py NAME writes NAME.xml and .bin.

The topologies are the published ones. The speed of convolutions does not depend on the
weights; that of a detector's last step does, as it depends on what is detected.
"""

import argparse
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import openvino as ov

try:
    import openvino.opset8 as ops
    from openvino import Node, Output
    from openvino.op import Constant
except ImportError:  # before OpenVINO 2025.0
    import openvino.runtime.opset8 as ops
    from openvino.runtime import Node, Output
    from openvino.runtime.op import Constant

RANDOM = np.random.default_rng(seed=0)

Activation = Callable[[Node], Node]


def weights(shape: list[int], fan_in: int) -> Node:
    """Return weights of variance 1 / fan_in, which keep all numbers finite."""
    values = RANDOM.random(shape, np.float32)
    values -= 0.5
    values *= math.sqrt(12 / fan_in)
    return Constant(values)


def with_bias(x: Node, shape: list[int], activation: Activation | None) -> Node:
    y = ops.add(x, Constant(RANDOM.random(shape, np.float32)))
    return activation(y) if activation else y


relu6 = partial(ops.clamp, min_value=0.0, max_value=6.0)
leaky_relu = partial(ops.prelu, slope=np.float32(0.1))
local_response_norm = partial(
    ops.lrn, axes=[1], alpha=1e-4, beta=0.75, bias=1.0, size=5
)


def conv(
    x: Node,
    filters: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    activation: Activation = ops.relu,
    padding: int | None = None,
) -> Node:
    """Convolve N,C,H,W with a bias; unless given, the padding keeps H and W at stride 1."""
    pads = [kernel // 2 if padding is None else padding] * 2
    fan_in = x.shape[1] // groups * kernel * kernel
    if groups == 1:
        convolution = ops.convolution
        shape = [filters, x.shape[1], kernel, kernel]
    else:
        convolution = ops.group_convolution
        shape = [groups, filters // groups, x.shape[1] // groups, kernel, kernel]
    x = convolution(x, weights(shape, fan_in), [stride] * 2, pads, pads, [1, 1])
    return with_bias(x, [1, filters, 1, 1], activation)


def dense(x: Node, units: int, activation: Activation | None = None) -> Node:
    """Connect all elements to each of the units: 1,units."""
    inputs = math.prod(x.shape)
    x = ops.reshape(x, [1, inputs], special_zero=False)
    x = ops.matmul(x, weights([units, inputs], inputs), False, True)
    return with_bias(x, [1, units], activation)


def max_pool(x: Node, kernel: int, stride: int, padding: int = 0) -> Output:
    """Pool N,C,H,W as Caffe does, where a last incomplete window counts."""
    strides, pads, kernels = [stride] * 2, [padding] * 2, [kernel] * 2
    pool = ops.max_pool(x, strides, [1, 1], pads, pads, kernels, rounding_type="ceil")
    return pool.output(0)


def alexnet() -> ov.Model:
    """Krizhevsky et al., "ImageNet Classification with Deep CNNs", 2012, section 3.5."""
    data = ops.parameter([1, 3, 227, 227], np.float32, name="data")
    x = conv(data, 96, 11, stride=4, padding=0)
    x = max_pool(local_response_norm(x), 3, 2)
    x = conv(x, 256, 5, groups=2)
    x = max_pool(local_response_norm(x), 3, 2)
    x = conv(x, 384, 3)
    x = conv(x, 384, 3, groups=2)
    x = conv(x, 256, 3, groups=2)
    x = max_pool(x, 3, 2)
    x = dense(x, 4096, ops.relu)
    x = dense(x, 4096, ops.relu)
    return ov.Model([ops.softmax(dense(x, 1000), 1)], [data], "alexnet")


def inception(
    x: Node, n1: int, reduce3: int, n3: int, reduce5: int, n5: int, pool: int
) -> Node:
    """Join four branches; the numbers of filters are a row of table 1."""
    branches = [
        conv(x, n1, 1),
        conv(conv(x, reduce3, 1), n3, 3),
        conv(conv(x, reduce5, 1), n5, 5),
        conv(max_pool(x, 3, 1, padding=1), pool, 1),
    ]
    return ops.concat(branches, 1)


def googlenet_v1() -> ov.Model:
    """Szegedy et al., "Going Deeper with Convolutions", 2014, table 1."""
    data = ops.parameter([1, 3, 224, 224], np.float32, name="data")
    x = conv(data, 64, 7, stride=2)
    x = local_response_norm(max_pool(x, 3, 2))
    x = conv(x, 64, 1)
    x = conv(x, 192, 3)
    x = max_pool(local_response_norm(x), 3, 2)
    x = inception(x, 64, 96, 128, 16, 32, 32)  # 3a
    x = inception(x, 128, 128, 192, 32, 96, 64)
    x = max_pool(x, 3, 2)
    x = inception(x, 192, 96, 208, 16, 48, 64)  # 4a
    x = inception(x, 160, 112, 224, 24, 64, 64)
    x = inception(x, 128, 128, 256, 24, 64, 64)
    x = inception(x, 112, 144, 288, 32, 64, 64)
    x = inception(x, 256, 160, 320, 32, 128, 128)
    x = max_pool(x, 3, 2)
    x = inception(x, 256, 160, 320, 32, 128, 128)  # 5a
    x = inception(x, 384, 192, 384, 48, 128, 128)
    x = ops.reduce_mean(x, [2, 3], keep_dims=True)
    return ov.Model([ops.softmax(dense(x, 1000), 1)], [data], "googlenet-v1")


darknet_conv = partial(conv, activation=leaky_relu)


def yolo_block(x: Node, filters: int) -> Node:
    for _ in range(2):
        x = darknet_conv(darknet_conv(x, filters, 1), filters * 2, 3)
    return darknet_conv(x, filters, 1)


def yolo_upsample(x: Node, filters: int, stage: Node) -> Node:
    """Bring a coarse map to the size of an earlier stage and join the two."""
    x = darknet_conv(x, filters, 1)
    nearest = {"axes": [2, 3], "mode": "nearest", "align_corners": False}
    return ops.concat([ops.interpolate(x, list(stage.shape)[2:], nearest), stage], 1)


def yolo_head(x: Node, filters: int) -> Node:
    """Detect 3 boxes a cell, of 80 classes: N,H,W,255."""
    x = conv(darknet_conv(x, filters, 3), 255, 1, activation=None)
    return ops.transpose(x, [0, 2, 3, 1])


def yolo_v3_tf() -> ov.Model:
    """Redmon and Farhadi, "YOLOv3: An Incremental Improvement", 2018, table 1."""
    input_1 = ops.parameter([1, 416, 416, 3], np.float32, name="input_1")
    x = darknet_conv(ops.transpose(input_1, [0, 3, 1, 2]), 32, 3)
    stages = []
    for filters, residuals in [(64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)]:
        x = darknet_conv(x, filters, 3, stride=2)
        for _ in range(residuals):
            x = ops.add(x, darknet_conv(darknet_conv(x, filters // 2, 1), filters, 3))
        stages.append(x)
    coarse = yolo_block(stages[4], 512)
    medium = yolo_block(yolo_upsample(coarse, 256, stages[3]), 256)
    fine = yolo_block(yolo_upsample(medium, 128, stages[2]), 128)
    heads = [yolo_head(coarse, 1024), yolo_head(medium, 512), yolo_head(fine, 256)]
    return ov.Model(heads, [input_1], "yolo-v3-tf")


def depthwise_conv(x: Node, stride: int = 1) -> Node:
    channels = x.shape[1]
    return conv(x, channels, 3, stride, groups=channels, activation=relu6)


def inverted_residual(x: Node, expansion: int, filters: int, stride: int) -> Node:
    y = x
    if expansion > 1:
        y = conv(y, x.shape[1] * expansion, 1, activation=relu6)
    y = conv(depthwise_conv(y, stride), filters, 1, activation=None)
    return ops.add(x, y) if y.shape == x.shape else y


def ssd_head(x: Node, values: int) -> Node:
    """Predict this many values a cell: 1,H*W*values."""
    x = conv(depthwise_conv(x), values, 1, activation=None)
    x = ops.transpose(x, [0, 2, 3, 1])
    return ops.reshape(x, [1, math.prod(x.shape)], special_zero=False)


def face_detection_0200() -> ov.Model:
    """Sandler et al., "MobileNetV2", 2018, table 2; Liu et al., "SSD", 2015, section 2."""
    data = ops.parameter([1, 3, 256, 256], np.float32, name="image")
    x = conv(data, 32, 3, stride=2, activation=relu6)
    maps = []
    for expansion, filters, repeats, stride in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]:
        for index in range(repeats):
            x = inverted_residual(x, expansion, filters, 1 if index else stride)
        maps.append(x)
    boxes, classes, priors = [], [], []
    for x, sizes in [(maps[4], [4, 8, 11, 16]), (maps[6], [20, 26, 33, 41, 55])]:
        boxes.append(ssd_head(x, len(sizes) * 4))
        classes.append(ssd_head(x, len(sizes) * 2))
        step = 256 / x.shape[2]
        attributes = {
            "width": sizes,
            "height": sizes,
            "step": step,
            "offset": 0.5,
            "variance": [0.1, 0.1, 0.2, 0.2],
        }
        map_size = Constant(np.array(list(x.shape)[2:]))
        priors.append(ops.prior_box_clustered(map_size, [256, 256], attributes))
    scores = ops.softmax(ops.reshape(ops.concat(classes, 1), [1, -1, 2], False), 2)
    detections = ops.detection_output(
        ops.concat(boxes, 1),
        ops.reshape(scores, [1, -1], False),
        ops.unsqueeze(ops.concat(priors, 1), 0),
        {
            "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
            "confidence_threshold": 0.02,
            "nms_threshold": 0.45,
            "top_k": 400,
            "keep_top_k": [200],
            "normalized": True,
        },
    )
    return ov.Model([detections], [data], "face-detection-0200")


def two_convolutions() -> ov.Model:
    """A network so small that what a request costs beside its inference counts."""
    data = ops.parameter([1, 3, 16, 16], np.float32, name="data")
    return ov.Model([conv(conv(data, 8, 3), 8, 3)], [data], "two-convolutions")


VALIDATED = {
    "alexnet": alexnet,
    "googlenet-v1": googlenet_v1,
    "yolo-v3-tf": yolo_v3_tf,
    "face-detection-0200": face_detection_0200,
}
NETWORKS = {**VALIDATED, "two-convolutions": two_convolutions}


def write(name: str, folder: Path) -> str:
    """Write a network as OpenVINO IR and return its path."""
    path = folder / f"{name}.xml"
    ov.save_model(NETWORKS[name](), path)
    return str(path)


def main(arguments: list[str] | None = None) -> None:
    """Write a network as OpenVINO IR into the current folder, and print its input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=NETWORKS)
    path = Path(write(parser.parse_args(arguments).name, Path()))
    (port,) = ov.Core().read_model(path).inputs
    name, shape = port.any_name, port.partial_shape
    files = f"{path}, {path.with_suffix('.bin')}"
    print(f"{files}: {name} {port.element_type.get_type_name()} {shape}")


if __name__ == "__main__":
    main()
