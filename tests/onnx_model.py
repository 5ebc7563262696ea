"""An ONNX model of inputs of any shape."""

from pathlib import Path

import onnx


def save_onnx(path: Path, shapes: dict[str, str]) -> str:
    """Save a model that sums each of its inputs."""
    nodes, inputs, outputs = [], [], []
    for name, shape in shapes.items():
        sizes = [
            int(size) if size.isdecimal() else None for size in shape[1:-1].split(",")
        ]
        float32 = onnx.TensorProto.FLOAT
        nodes.append(onnx.helper.make_node("ReduceSum", [name], [f"sum_{name}"]))
        inputs.append(onnx.helper.make_tensor_value_info(name, float32, sizes))
        outputs.append(onnx.helper.make_tensor_value_info(f"sum_{name}", float32, None))
    graph = onnx.helper.make_graph(nodes, "sums", inputs, outputs)
    opset = onnx.helper.make_opsetid("", 13)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.save(model, path)
    return str(path)
