import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import models
import openvino as ov
import pytest
import support

import throughput_benchmark


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return a function from the name of a network to its file, built once."""
    folder = tmp_path_factory.mktemp("networks")

    def network(name: str) -> str:
        path = folder / f"{name}.xml"
        return str(path) if path.exists() else models.write(name, folder)

    return network


@pytest.fixture(scope="session")
def models_by_ms(
    tmp_path_factory: pytest.TempPathFactory, networks: Callable[[str], str]
) -> dict[float, str]:
    """Models by the milliseconds, about, that an inference takes."""
    folder = tmp_path_factory.mktemp("models")
    return {
        0.04: networks("two-convolutions"),
        2: support.save_slow_model(folder / "2.xml", 1),
        20: support.save_slow_model(folder / "20.xml", 10),
        100: support.save_slow_model(folder / "100.xml", 80),
    }


@pytest.fixture
def run_main(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs main in this process, with some constants replaced.

    It returns exit status, stdout and stderr, and measures for 0.05 s unless told.
    """

    def run(*arguments: str, **constants: object) -> tuple[int, str, str]:
        exit_status = 0
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["throughput_benchmark.py", *arguments])
            for name, value in {"SECONDS_TO_RUN": 0.05, **constants}.items():
                patch.setattr(throughput_benchmark, name, value)
            try:
                throughput_benchmark.main()
            except SystemExit as end:
                # As Python does: a text is written, and the status is 1.
                exit_status = 1
                print(end.code, file=sys.stderr)
        return exit_status, *capfd.readouterr()

    return run


@pytest.fixture
def measured(run_main: Callable) -> Callable[..., support.Run]:
    """Return a function that runs main in this process and returns what it said."""
    return lambda *arguments, **constants: support.Run(
        *run_main(*arguments, **constants)
    )


@pytest.fixture
def fails(
    run_main: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., str]:
    """Return a function that runs main in tmp_path and returns its message, checked."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **constants: support.message_of(
        run_main(*arguments, **constants), *arguments
    )


@pytest.fixture(scope="session")
def slow_device(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return code that adds a device SLOW: the CPU plugin, compiling half a second longer."""
    if sys.platform != "linux" or not shutil.which("g++"):
        pytest.skip("this needs g++ on Linux")
    libraries = Path(ov.__file__).parent / "libs"
    cpu_plugin = libraries / "libopenvino_intel_cpu_plugin.so"
    plugin = tmp_path_factory.mktemp("plugin") / "renamed_cpu.so"
    command = ["g++", "-shared", "-fPIC", "-Wl,-z,defs", f'-DCPU_PLUGIN="{cpu_plugin}"']
    command += [Path(__file__).with_name("renamed_cpu.cpp"), "-o", plugin]
    command += [next(libraries.glob("libopenvino.so.*")), "-ldl"]
    for abi in "10":  # older wheels have the old std::string
        result = subprocess.run(
            [*command, f"-D_GLIBCXX_USE_CXX11_ABI={abi}"],
            capture_output=True,
            check=False,
        )
        if result.returncode == 0:
            break
    assert result.returncode == 0, result.stderr
    return f"""
class CoreWithSlow(ov.Core):
    def __init__(self):
        super().__init__()
        self.register_plugin({str(plugin)!r}, "SLOW")
ov.Core = CoreWithSlow
"""
