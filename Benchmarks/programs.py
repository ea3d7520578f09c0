"""The command lines of dtrain and of the PyTorch program."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from pairing import Broken, Side

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DTRAIN = HERE.parent / ".build" / "release" / "dtrain"
CPU_ONLY_INDEX = "https://download.pytorch.org/whl/cpu"


def python_with_torch() -> str:
    """The interpreter for PyTorch: $DTRAIN_PYTHON, or a virtual environment, which is created if it is missing."""
    if chosen := os.environ.get("DTRAIN_PYTHON"):
        return chosen
    directory = RESULTS / "venv"
    python = directory / "bin" / "python"
    if python.exists() and subprocess.run([python, "-c", "import torch, numpy"], capture_output=True).returncode == 0:
        return str(python)
    print(f"compare: installing PyTorch into {directory}", file=sys.stderr)
    install = [str(python), "-m", "pip", "install", "--quiet", "torch", "numpy"]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
        small = subprocess.run([*install, "--index-url", CPU_ONLY_INDEX, "--retries", "0", "--timeout", "15"])
        if small.returncode != 0:
            subprocess.run(install, check=True)
    except subprocess.CalledProcessError as error:
        raise Broken(f"{shlex.join(map(str, error.cmd))} failed; set DTRAIN_PYTHON to a Python that has torch") from None
    return str(python)


def pytorch(workload: str, ranks: int, threads: int, precision: str = "float32", compiled: bool = False) -> Side:
    """The PyTorch program, peer_pytorch.py."""
    command = [python_with_torch(), str(HERE / "peer_pytorch.py"), "--workload", workload]
    command += ["--ranks", str(ranks), "--threads", str(threads), "--precision", precision]
    return Side("PyTorch", command + (["--compile"] if compiled else []), {})


def dtrain(workload: str, ranks: int, threads: int, precision: str = "float32") -> Side:
    """dtrain under mpirun, with separate CPUs for each rank if there are enough."""
    if not DTRAIN.exists():
        raise Broken(f"{DTRAIN} does not exist; build it with: swift build -c release --product dtrain")
    if ranks * threads > (os.cpu_count() or 1):
        binding = ["--oversubscribe", "--bind-to", "none"]
    elif threads == 1:
        binding = ["--bind-to", "core"]
    else:
        binding = ["--map-by", f"slot:PE={threads}", "--bind-to", "core"]
    command = ["mpirun", "-np", str(ranks), *binding, str(DTRAIN), "bench", "step", "--interactive"]
    command += ["--config", str(HERE / "workloads" / f"{workload}.yaml"), "--set", f"precision={precision}"]
    command += ["--set", f"threads={threads}"]
    environment = {"OMP_NUM_THREADS": str(threads)}
    if os.geteuid() == 0:
        environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return Side("dtrain", command, environment)


def versions() -> str:
    """The versions with which a table was measured."""

    def line(*command: str) -> str:
        found = subprocess.run(command, capture_output=True, text=True)
        return (found.stdout.splitlines() or ["?"])[0].strip()

    torch = line(python_with_torch(), "-c", "import torch; print(torch.__version__)")
    revision = line("git", "-C", str(HERE), "rev-parse", "--short", "HEAD")
    mpi = line("mpirun", "--version").rpartition(" ")[2]
    return f"PyTorch {torch}, dtrain at {revision}, Open MPI {mpi}"
