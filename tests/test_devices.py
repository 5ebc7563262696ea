"""Devices: each is asked for throughput, and named as OpenVINO names it."""

import ast
import platform

import openvino as ov
import pytest
from support import save_sum

# A second device: the CPU under another name.
ZCPU = """
class CoreWithZcpu(ov.Core):
    def __init__(self):
        super().__init__()
        self.register_plugin("openvino_intel_cpu_plugin", "ZCPU")
ov.Core = CoreWithZcpu
"""
needs_the_intel_plugin = pytest.mark.skipif(
    platform.machine() not in ["x86_64", "AMD64"], reason="its name differs on ARM"
)
# What measures by the name of the device.
DEVICES = {
    "CPU": ["CPU"],
    "ZCPU": ["ZCPU"],
    "AUTO": ["ZCPU"],
    "AUTO:ZCPU,CPU": ["ZCPU"],
    "AUTO:CPU,ZCPU": ["CPU"],
    "HETERO:CPU": ["CPU"],
    "HETERO:ZCPU,CPU": ["ZCPU"],
    "BATCH:ZCPU(4)": ["ZCPU"],
}
# What the compiled model says after the measurement.
AT_THE_END = """
def show(queue):
    model = queue[0].get_compiled_model()
    print(model.get_property("EXECUTION_DEVICES"), file=sys.stderr)
    if "HETERO" not in sys.argv[2]:  # which does not tell it
        print(model.get_property("PERFORMANCE_HINT"), file=sys.stderr)
call_after("wait_all", 1, show)
"""


@needs_the_intel_plugin
@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_what_the_line_names_is_what_measures(measured, models_by_ms, device):
    run = measured(models_by_ms[0.04], device, code=ZCPU + AT_THE_END)
    assert ast.literal_eval(run.devices) == DEVICES[device]
    # Only a device by itself says in which precision it infers.
    assert (run.precision is not None) == (device in ["CPU", "ZCPU"])
    at_the_end = run.said.splitlines()
    assert at_the_end[0] == run.devices
    if "HETERO" not in device:
        assert at_the_end[1].endswith("THROUGHPUT")


@needs_the_intel_plugin
@pytest.mark.slow
@pytest.mark.parametrize("device", ["AUTO:ZCPU,CPU", "HETERO:ZCPU,CPU"])
def test_a_stateful_model_is_measured_on_two_devices(tmp_path, measured, device):
    model = save_sum(tmp_path / "model.xml")
    assert measured(model, device, code=ZCPU).devices == "['ZCPU']"


# Says what OpenVINO was told, by whichever call.
TOLD = """
told = []
def tell(method):
    original = getattr(ov.Core, method)
    def call(*arguments, **named):
        told.append((arguments, named))
        return original(*arguments, **named)
    setattr(ov.Core, method, call)
tell("compile_model")
tell("set_property")
call_after("wait_all", 1, lambda queue: print(told, file=sys.stderr))
"""


def test_auto_is_told_to_wait_for_the_device_that_it_selects(measured, models_by_ms):
    run = measured(models_by_ms[2], "AUTO:CPU", code=TOLD)
    assert "'ENABLE_STARTUP_FALLBACK': 'NO'" in run.said


# As the plugin of the NPU does.
STRING = """
get_property = ov.CompiledModel.get_property
ov.CompiledModel.get_property = lambda model, name: (
    "NPU" if name == "EXECUTION_DEVICES" else get_property(model, name)
)
"""


def test_a_device_that_names_itself_by_a_string_is_shown_so(measured, models_by_ms):
    assert measured(models_by_ms[2], code=STRING).devices == "NPU"


@pytest.mark.parametrize("device", ["FOO", "cpu", "GPU", "AUTO:FOO", ""])
def test_a_missing_device_is_named_beside_those_there_are(fails, models_by_ms, device):
    if device in ov.Core().available_devices:
        pytest.skip(f"{device} is there")
    assert fails(models_by_ms[2], device)
