"""What is deployed is well formed, and its commands are ones that `busbar` takes."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # it has no types
from typer.testing import CliRunner

from firmware_py.cli.app import app

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
# batch/v1 and core/v1 of Kubernetes 1.30: what may stand in the parts that are used here.
SPEC = {"completionMode", "completions", "parallelism", "backoffLimit", "template"}
POD = {
    "restartPolicy", "terminationGracePeriodSeconds", "automountServiceAccountToken", "securityContext", "containers",
    "volumes",
}  # fmt: skip
CONTAINER = {"name", "image", "command", "args", "env", "resources", "securityContext", "volumeMounts"}


def options(command: str) -> set[str]:
    """The options of a `busbar` command, as its help tells them."""
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"})
    return named(shown.stdout)


def named(line: str) -> set[str]:
    return set(re.findall(r"--[a-z-]+", line))


@pytest.fixture
def job() -> dict[str, Any]:
    (read,) = yaml.safe_load_all((DEPLOY / "kubernetes" / "fleet-job.yaml").read_text(encoding="utf-8"))
    return dict(read)


def test_the_job_is_an_indexed_one_all_of_whose_pods_run_at_once(job: dict[str, Any]) -> None:
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    spec = job["spec"]
    assert set(spec) == SPEC
    assert spec["completionMode"] == "Indexed"
    assert set(spec["template"]["spec"]) == POD
    (container,) = spec["template"]["spec"]["containers"]
    assert set(container) == CONTAINER
    env = {each["name"]: each["value"] for each in container["env"]}
    assert spec["completions"] == spec["parallelism"] == int(env["SHARDS"])
    assert int(env["HOMES"]) / int(env["SHARDS"]) <= 1000
    assert all(isinstance(value, str) for value in env.values()), "Kubernetes takes text only"
    assert "/" not in container["image"], "a registry's host is the user's own"


def test_what_a_pod_mounts_is_there(job: dict[str, Any]) -> None:
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    for path in re.findall(r"/[a-z]+/busbar(?=/)", container["args"][0]):
        assert path in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_each_pod_plays_its_shard(job: dict[str, Any], tmp_path: Path) -> None:
    """The shell's own word for what `busbar` is told in the last pod."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    busbar = tmp_path / "busbar"
    busbar.write_text('#!/bin/sh\necho "$@"\n')
    busbar.chmod(0o755)
    env = {each["name"]: each["value"] for each in container["env"]}
    told = subprocess.run(
        [*container["command"], *container["args"]],
        env={**env, "JOB_COMPLETION_INDEX": "9", "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "--homes 10000 --shard 10/10 --real-time --broker mqtt://broker:1883" in told
    assert named(told) <= options("fleet")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_what_systemd_takes(unit: Path, tmp_path: Path) -> None:
    (line,) = re.findall(r"^ExecStart=.*$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    assert named(line) <= options(line.split()[1])
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    # The program is not installed here; everything else is judged as it stands.
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text(encoding="utf-8").replace("/opt/busbar/.venv/bin/busbar", "/bin/true"))
    judged = subprocess.run([tool, "verify", str(copy)], capture_output=True, text=True, check=False)
    ours = [line for line in judged.stderr.splitlines() if unit.name.removesuffix(".service") in line]
    assert (judged.returncode, ours) == (0, []), judged.stderr
