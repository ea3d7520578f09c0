"""Shared by all campaigns: the program, jobs with all their processes, and the results of a run; for campaigns that attack
whole jobs, also a dataset and a tiny training of every family. Campaigns on single saves and files also use workshop.py."""

import functools
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid

# The variable whose value distinguishes the processes of one job from all others.
MARK = "DTRAIN_FAULTS_JOB"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


@functools.cache
def binary():
    """The path of the program under test: DTRAIN_BINARY, or the build of `launch/setup`."""
    path = os.environ.get("DTRAIN_BINARY") or os.path.join(ROOT, ".build", "release", "dtrain")
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is missing: run launch/setup first, or set DTRAIN_BINARY")
    return path


@functools.cache
def environment():
    """The environment of a shell that has sourced launch/env."""
    text = subprocess.run(
        ["bash", "-c", '. "$1" && env -0', "bash", os.path.join(ROOT, "launch", "env")], check=True, capture_output=True
    ).stdout.decode()
    return dict(line.split("=", 1) for line in text.split("\0") if line)


class Job:
    """A command and all processes that it starts, on any host; an environment variable marks them."""

    def __init__(self, words, directory, name):
        self.directory = directory
        value = uuid.uuid4().hex
        self.mark = f"{MARK}={value}"
        self.output_path, self.errors_path = (os.path.join(directory, f"{name}.{end}") for end in ("out", "err"))
        with open(self.output_path, "wb") as output, open(self.errors_path, "wb") as errors:
            self.process = subprocess.Popen(
                words, cwd=directory, env={**environment(), MARK: value}, stdin=subprocess.DEVNULL, stdout=output,
                stderr=errors, start_new_session=True)

    @property
    def output(self):
        return contents(self.output_path)

    @property
    def errors(self):
        return contents(self.errors_path)

    def processes(self):
        """The living processes: pid, environment, and the name of the program."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    variables = file.read().decode(errors="replace").split("\0")
                if self.mark in variables:
                    found.append((int(pid), variables, contents(f"/proc/{pid}/comm").strip()))
            except OSError:
                pass  # It has just ended, or belongs to another user.
        return found

    def ranks(self):
        """The pid of each rank."""
        prefix, found = "OMPI_COMM_WORLD_RANK=", {}
        # Linux keeps 15 bytes of a program's name.
        program = os.path.basename(binary())[:15]
        for pid, variables, name in self.processes():
            if name == program:
                for variable in variables:
                    if variable.startswith(prefix):
                        found[int(variable[len(prefix):])] = pid
        return found

    def launcher(self):
        """The pid of mpirun; None where there is none."""
        return next((pid for pid, _, name in self.processes() if name in ("mpirun", "orterun")), None)

    def is_running(self):
        """Whether the command itself still runs."""
        return self.process.poll() is None

    def seconds_until_gone(self, since, limit):
        """Waits until no process is left; returns how long after `since` that was, or None after `limit` seconds."""
        while time.monotonic() - since < limit:
            self.process.poll()  # Reaps an ended child, so that it does not count as living.
            if not self.processes():
                return time.monotonic() - since
            time.sleep(0.02)
        return None

    def end(self):
        """Kills the remaining processes, and returns their number."""
        left = self.processes()
        for pid, _, _ in left:
            send(pid, signal.SIGKILL)
        self.process.wait()
        return len(left)


def send(pid, number):
    """Sends a signal; returns whether the process was still there."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def contents(path):
    """A file's text; empty if it does not exist."""
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def dtrain(words, directory):
    """Runs dtrain in one process to its end, and returns its output."""
    done = subprocess.run([binary(), *words], cwd=directory, env=environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"dtrain {' '.join(words)}: {done.returncode}\n{done.stderr}")
    return done.stdout


def supervised(ranks, words):
    """A training run under the supervisor."""
    return [os.path.join(ROOT, "launch", "supervise"), "-n", str(ranks), "--max-restarts", "1000", *words]


def last_step(run):
    """The step of the last complete line of metrics.jsonl; 0 if there is none."""
    try:
        with open(os.path.join(run, "metrics.jsonl"), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            for line in reversed(file.read().split(b"\n")[:-1]):
                try:
                    return json.loads(line)["step"]
                except ValueError:
                    pass  # The first of these lines may be incomplete.
    except FileNotFoundError:
        pass
    return 0


def metrics(run):
    """The contents of metrics.jsonl without times and memory; floats as they are written."""
    clocks = ("tokens_per_second", "waiting_share", "validation_seconds", "resident_bytes")
    lines = [json.loads(line, parse_float=str) for line in contents(os.path.join(run, "metrics.jsonl")).splitlines()]
    return [{key: value for key, value in line.items() if key not in clocks} for line in lines]


def digest(directory, run, step):
    """The output of `dtrain checkpoint digest` for a step of a run."""
    return dtrain(["checkpoint", "digest", f"{run}/checkpoints/step-{step:08}"], directory).strip()


WORDS = ["alpha", "beta", "of", "the", "größe", "naïve", "→", "and", "delta"]


def sentence(dice, least, most):
    """Some random words."""
    return " ".join(dice.choices(WORDS, k=dice.randint(least, most)))


def prepare(form, directory):
    """Prepares a tiny dataset of one form in `directory`/data-FORM."""
    dice = random.Random(form)

    def write(name, data):
        with open(os.path.join(directory, name), "wb") as file:
            file.write(data)

    if form == "documents":
        write("text.jsonl", "".join(json.dumps({"text": sentence(dice, 2, 9)}) + "\n" for _ in range(160)).encode())
        options = ["--jsonl", "text.jsonl", "--tokenizer", "byte"]
    elif form == "parallel":
        for name in ("source.txt", "target.txt"):
            write(name, "".join(sentence(dice, 1, 4) + "\n" for _ in range(150)).encode())
        options = ["--parallel", "source.txt", "target.txt", "--tokenizer", "byte"]
    elif form == "labelled":
        texts = [sentence(dice, 1, 4) for _ in range(150)]
        label = lambda text: next((word for word in ("alpha", "beta", "of") if word in text), "none")
        write("labelled.tsv", "".join(f"{label(text)}\t{text}\n" for text in texts).encode())
        options = ["--labelled", "labelled.tsv", "--labels", "class", "--tokenizer", "byte"]
    else:
        labels = bytes(dice.randrange(3) for _ in range(150))
        pixels = bytes(
            dice.randrange(100) + (120 if place // 12 == label else 0) for label in labels for place in range(36))
        size = lambda *counts: bytes([0, 0, 8, len(counts)]) + b"".join(n.to_bytes(4, "big") for n in counts)
        write("images", size(150, 6, 6) + pixels)
        write("labels", size(150) + labels)
        options = ["--images", "images", "labels"]
    dtrain(["prepare", *options, "--validation-fraction", "0.2", "--output", f"data-{form}"], directory)


# A tiny model of each family and the kind of its data, with options that exercise most of a step.
FAMILIES = {
    "decoder": ("documents", ["data.separate_documents=true", "model.positions=rotary", "model.activation=swiglu"]),
    "encoder": ("documents", ["model.placement=post", "model.head=transform", "objective.mask_share=0.2"]),
    "encoder_decoder": (
        "parallel", ["model.decoder_layers=1", "data.length_pool=3", "data.truncate=true",
                     "augmentation.token_dropping=0.1"]),
    "prefix_decoder": ("documents", ["objective.mask_share=0.3", "model.tie_embeddings=false"]),
    "classifier": (
        "labelled", ["model.pooling=dense", "data.length_pool=2", "augmentation.token_masking=0.1"]),
    "image_classifier": (
        "images", ["model.patch_size=2", "data.context_length=128", "augmentation.shift=1", "augmentation.flip=true", "augmentation.crop=0.7"]),
}


def training(family, precision, run, steps, interval):
    """The arguments of a tiny training run, with dropout, that saves every `interval` steps."""
    form, sets = FAMILIES[family]
    sets = ["data.context_length=32"] + sets + [
        "run.seed=7", f"data.directory=data-{form}", f"model.family={family}", "model.layers=2",
        "model.heads=2", "model.width=32", "model.dropout=0.1", "batch.sequences=16", "batch.slots=8",
        "schedule.warmup_steps=2", "schedule.peak=2e-3", "averaging.bucket_bytes=4096", f"precision={precision}",
        f"training.steps={steps}", f"training.checkpoint_every={interval}", f"training.evaluate_every={4 * interval}",
    ]
    return ["--output", run] + [word for key in sets for word in ("--set", key)]


def middle_and_worst(values):
    """The count, median and maximum, for a report."""
    ordered = sorted(values)
    if not ordered:
        return {"count": 0}
    return {"count": len(ordered), "median": round(ordered[len(ordered) // 2], 3), "worst": round(ordered[-1], 3)}


def report(figures, failures):
    """Prints the results as one JSON object, and exits with 1 if something failed."""
    for failure in failures[:20]:
        print(f"FAILED: {failure}", file=sys.stderr)
    print(json.dumps({**figures, "failures": len(failures)}))
    sys.exit(1 if failures else 0)
