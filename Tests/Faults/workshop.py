"""Shared by the campaigns on saves and files: a directory with a small training run, whose system calls can be intercepted."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import jobs

# A step takes a few milliseconds, and a checkpoint holds some twenty tensors.
CONFIGURATION = """\
run: {directory: run, seed: 7}
data: {directory: data, context_length: 16}
model: {layers: 1, heads: 2, width: 16, dropout: 0.1}
batch: {sequences: 4, slots: 2}
schedule: {peak: 2e-3, floor: 2e-4, warmup_steps: 2}
averaging: {bucket_bytes: 4096}
threads: 1
training: {steps: 6, evaluate_every: 3, checkpoint_every: 2, keep_last: 1, keep_best: 0}
"""


class Outcome:
    """The outcome of a command; its exit code is negative for a signal, and None if it timed out and was killed."""

    def __init__(self, code, output, errors, seconds):
        self.code, self.output, self.errors, self.seconds = code, output, errors, seconds

    @property
    def killed(self):
        """Whether SIGKILL ended it or one of its ranks."""
        return self.code in (-signal.SIGKILL, 128 + signal.SIGKILL)

    def __str__(self):
        return f"exit code {self.code}: {(self.errors or self.output).strip()[-600:]}"


class Workshop:
    """A directory with data and a configuration, in which trainings run; removed at the end of a `with`."""

    def __init__(self, configuration=CONFIGURATION, data=True):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="dtrain-faults-")).resolve()
        (self.path / "tiny.yaml").write_text(configuration)
        if data:
            (self.path / "text.txt").write_text(jobs.sentence(random.Random(1), 3000, 3000))
            self.must("prepare", "--text", "text.txt", "--tokenizer", "byte", "--output", "data")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def dtrain(self, *arguments, ranks=0, timeout=120, environment=None):
        """Runs the program to its end, under mpirun if `ranks` is given."""
        launcher = ["mpirun", "-np", str(ranks)] if ranks else []
        return self.run([*launcher, jobs.binary(), *map(str, arguments)], timeout, environment)

    def run(self, command, timeout=120, environment=None):
        """Runs a command in the directory. After `timeout` seconds it is killed with its process group."""
        start = time.monotonic()
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                command,
                cwd=self.path,
                env={**jobs.environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                # mpirun ends its ranks on a termination request, but not when it is killed.
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                code = None
            texts = []
            for file in (output, errors):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        return Outcome(code, *texts, time.monotonic() - start)

    def must(self, *arguments, **options):
        """Runs the program, and ends the campaign if it fails."""
        outcome = self.dtrain(*arguments, **options)
        if outcome.code != 0:
            sys.exit(f"dtrain {' '.join(map(str, arguments))}: {outcome}")
        return outcome

    def training(self, *sets, output="run"):
        """The arguments of a training run."""
        return ["--config", "tiny.yaml", "--output", output, *(word for each in sets for word in ("--set", each))]

    def checkpoints(self, run="run"):
        """The checkpoints that `checkpoint list` reports as valid, newest last."""
        listed = self.dtrain("checkpoint", "list", run)
        lines = listed.output.splitlines() if listed.code == 0 else []
        return [line.split("  ")[0] for line in lines if "  damaged: " not in line]

    def digest(self, step=6, run="run"):
        """The output of `checkpoint digest` for a step, or the reason why it failed."""
        outcome = self.dtrain("checkpoint", "digest", f"{run}/checkpoints/step-{step:08}")
        return outcome.output.strip() if outcome.code == 0 else str(outcome)

    def metrics(self, run="run"):
        """The run's log, as `jobs.metrics` reads it."""
        return jobs.metrics(self.path / run)

    def remove(self, run="run"):
        """Removes a run."""
        shutil.rmtree(self.path / run, ignore_errors=True)

    def interposer(self):
        """Compiles `interpose.c` to a library."""
        library = self.path / "interpose.so"
        source = os.path.join(jobs.ROOT, "Tests/Faults/interpose.c")
        if not library.exists():
            compiler = next(filter(shutil.which, ["cc", "gcc", "clang"]), "cc")
            compiled = self.run(
                [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl", "-lpthread"]
            )
            if compiled.code != 0:
                sys.exit(f"{compiler}: {compiled}")
        return str(library)

    def interposing(self, prefix, **settings):
        """The environment in which calls under `prefix` are counted and intercepted according to `settings`."""
        names = {f"INTERPOSE_{name.upper()}": str(value) for name, value in settings.items()}
        return {"LD_PRELOAD": self.interposer(), "INTERPOSE_PREFIX": str(self.path / prefix), **names}
