"""Two programs that execute optimizer steps in alternation: starts them, requests steps, measures pairs."""

from __future__ import annotations

import json
import os
import platform
import select
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

LARGEST_STEAL = 0.03
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Broken(Exception):
    """An impossible comparison; the text gives the reason."""


# --- The machine ---


@dataclass(frozen=True)
class MachineTime:
    """Seconds since boot, summed over all CPUs."""

    total: float
    busy: float
    stolen: float

    @staticmethod
    def now() -> MachineTime:
        """Reads the first line of /proc/stat: user nice system idle iowait irq softirq steal."""
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        user, nice, system, idle, waiting, irq, softirq, stolen = (int(field) / TICKS_PER_SECOND for field in fields)
        busy = user + nice + system + irq + softirq
        return MachineTime(busy + idle + waiting + stolen, busy, stolen)

    def __sub__(self, earlier: MachineTime) -> MachineTime:
        return MachineTime(self.total - earlier.total, self.busy - earlier.busy, self.stolen - earlier.stolen)


def processor_seconds(root: int) -> float:
    """CPU time of the process `root` and all its living descendants."""
    seconds: dict[int, float] = {}
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = text.rpartition(")")[2].split()
        identifier, parent = int(path.parent.name), int(fields[1])
        seconds[identifier] = (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
        children.setdefault(parent, []).append(identifier)
    total, pending = 0.0, [root]
    while pending:
        identifier = pending.pop()
        total += seconds.get(identifier, 0.0)
        pending += children.get(identifier, [])
    return total


def processor_name() -> str:
    """The CPU's name as reported by Linux."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def matrix_instructions() -> str:
    """The CPU's fastest instructions for matrix products: tables of different ones stand side by side."""
    flags = set()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            flags = set(line.partition(":")[2].split())
            break
    kinds = [("amx_bf16", "AMX"), ("avx512_bf16", "AVX-512 with bfloat16"), ("avx512f", "AVX-512"), ("avx2", "AVX2")]
    return next((name for flag, name in kinds if flag in flags), platform.machine())


# --- The contestants ---


@dataclass(frozen=True)
class Step:
    """One optimizer step: the report of the program, and the CPU time of its processes."""

    seconds: float
    tokens: int
    processor_seconds: float


@dataclass(frozen=True)
class Result:
    """The measurements of one contestant, over all valid pairs."""

    name: str
    command: list[str]
    seconds: float
    tokens_per_second: float
    processor_seconds: float
    peak_resident_bytes: int
    import_resident_bytes: int
    first_step_seconds: float


class Contestant:
    """A running program that does one optimizer step for each line "step" on its standard input."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], limit_seconds: float) -> None:
        """Starts the program and executes its first step; the program may run for `limit_seconds`."""
        self.name = name
        self.command = command
        self.unread = b""
        started = time.monotonic()
        self.deadline = started + limit_seconds
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | environment,
                bufsize=0,
            )
        except OSError as error:
            raise Broken(f"cannot start {name}: {error}") from error
        try:
            self.step()
        except BaseException:
            self.stop()
            raise
        self.first_step_seconds = time.monotonic() - started

    def step(self) -> Step:
        """Requests one step and waits for its end."""
        before = processor_seconds(self.process.pid)
        try:
            self.process.stdin.write(b"step\n")
        except BrokenPipeError:
            raise Broken(f"{self.name} ended early; its error stands above") from None
        answer = self.answer("seconds", "tokens")
        return Step(answer["seconds"], answer["tokens"], processor_seconds(self.process.pid) - before)

    def finish(self, steps: list[Step]) -> Result:
        """Ends the program's input, reads its report and condenses `steps`."""
        self.process.stdin.close()
        report = self.answer("peak_resident_bytes")
        if self.process.wait(60) != 0:
            raise Broken(f"{self.name} ended with exit code {self.process.returncode}")
        seconds = statistics.median(step.seconds for step in steps)
        return Result(
            name=self.name,
            command=self.command,
            seconds=seconds,
            tokens_per_second=steps[0].tokens / seconds,
            processor_seconds=statistics.median(step.processor_seconds for step in steps),
            peak_resident_bytes=report["peak_resident_bytes"],
            import_resident_bytes=report.get("import_resident_bytes", 0),
            first_step_seconds=self.first_step_seconds,
        )

    def stop(self) -> None:
        """Ends the program if it has not ended by itself."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def answer(self, *keys: str) -> dict:
        """Reads one JSON object that has all of `keys`."""
        while b"\n" not in self.unread:
            remaining = self.deadline - time.monotonic()
            if remaining <= 0 or not select.select([self.process.stdout], [], [], remaining)[0]:
                raise Broken(f"{self.name} took longer than its case may take")
            block = self.process.stdout.read(1 << 16)
            if not block:
                raise Broken(f"{self.name} ended early; its error stands above")
            self.unread += block
        line, _, self.unread = self.unread.partition(b"\n")
        try:
            answer = json.loads(line)
        except json.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or any(key not in answer for key in keys):
            raise Broken(f"{self.name} answered {line!r}; expected a JSON object with {', '.join(keys)}")
        return answer


# --- Pairs ---


@dataclass(frozen=True)
class Pair:
    """One round: a step of each program, and the other CPU use of the machine, as fractions of its total CPU time."""

    dtrain: Step
    peer: Step
    stolen: float
    others: float

    @property
    def ratio(self) -> float:
        """The speed of dtrain relative to the other program."""
        return self.peer.seconds / self.dtrain.seconds


def measure_pair(dtrain: Contestant, peer: Contestant, dtrain_first: bool) -> Pair:
    """Executes one step of each program, in the given order."""
    before = MachineTime.now()
    if dtrain_first:
        dtrain_step, peer_step = dtrain.step(), peer.step()
    else:
        peer_step, dtrain_step = peer.step(), dtrain.step()
    elapsed = MachineTime.now() - before
    if dtrain_step.tokens != peer_step.tokens:
        raise Broken(
            f"a step of {dtrain.name} takes {dtrain_step.tokens} tokens, one of {peer.name} {peer_step.tokens}; "
            "they have to be equal"
        )
    others = elapsed.busy - dtrain_step.processor_seconds - peer_step.processor_seconds
    return Pair(dtrain_step, peer_step, elapsed.stolen / elapsed.total, max(0.0, others / elapsed.total))


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """The three quartiles; of a single value, that value three times."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, middle, third


@dataclass(frozen=True)
class Side:
    """A program to be measured: its name, its command and its environment variables."""

    name: str
    command: list[str]
    environment: dict[str, str]


def measure(
    dtrain_side: Side, peer_side: Side, rounds: int, warmup: int, limit_seconds: float
) -> tuple[list[Result], list[Pair], int]:
    """Measures up to `rounds` pairs; returns both results, the valid pairs, and the number of discarded pairs.

    Stops early when nine tenths of `limit_seconds` are used up.
    """
    started = time.monotonic()
    contestants: list[Contestant] = []
    try:
        for side in (peer_side, dtrain_side):
            contestants.append(Contestant(side.name, side.command, side.environment, limit_seconds))
        peer, dtrain = contestants
        for contestant in contestants:
            for _ in range(warmup):
                if time.monotonic() - started < limit_seconds / 4:
                    contestant.step()
        pairs: list[Pair] = []
        while len(pairs) < rounds:
            before = time.monotonic()
            pairs.append(measure_pair(dtrain, peer, dtrain_first=len(pairs) % 2 == 0))
            now = time.monotonic()
            if now + (now - before) - started > 0.9 * limit_seconds:
                break
        kept = [pair for pair in pairs if pair.stolen <= LARGEST_STEAL]
        if not kept:
            raise Broken(f"more than {LARGEST_STEAL:.0%} of the machine was stolen in every pair; try again later")
        results = [dtrain.finish([pair.dtrain for pair in kept]), peer.finish([pair.peer for pair in kept])]
        return results, kept, len(pairs) - len(kept)
    finally:
        for contestant in contestants:
            contestant.stop()
