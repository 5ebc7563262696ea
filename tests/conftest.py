from collections.abc import Callable
from pathlib import Path

import models
import numpy as np
import pytest
import support
from models import ops


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
    paths = {0.04: networks("two-convolutions")}
    for milliseconds, multiplications in [(2, 1), (20, 10), (100, 80)]:
        x = ops.parameter([512, 512], np.float32, name="x")
        y = support.multiply(x, x, multiplications)
        paths[milliseconds] = support.save(folder / f"{milliseconds}.xml", [y], [x])
    return paths


@pytest.fixture
def measured(tmp_path: Path) -> Callable[..., support.Run]:
    """Return a function that runs the script with some constants set, after some code."""

    def measure(*arguments: str, code: str = "", **constants: object) -> support.Run:
        script = support.edited_script(tmp_path, **constants)
        command = support.command_with(code, script, *arguments)
        run = support.Run(*support.run_command(command))
        assert code or not run.said
        return run

    return measure


@pytest.fixture
def fails(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs the script in tmp_path and returns its message."""

    def fail(*arguments: str, **constants: object) -> str:
        script = support.edited_script(tmp_path, **constants)
        result = support.run(*arguments, script=script, cwd=tmp_path)
        return support.message_of(result, *arguments)

    return fail
