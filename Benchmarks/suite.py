"""All cases of the comparison, their result files, and the tables of the results."""

from __future__ import annotations

import datetime
import json
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pairing import Broken, Pair, Result, Side, matrix_instructions, measure, processor_name, quartiles
from programs import HERE, RESULTS, dtrain, pytorch, versions

WORKLOADS = ["nano", "gpt2-124m"]
# One of each family; measured in one form, beside PyTorch's.
FAMILIES = ["llama", "bert", "translation", "glm", "classifier", "vit"]
PRECISIONS = ["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Place:
    """Ranks and threads per rank."""

    ranks: int
    threads: int

    def __str__(self) -> str:
        return f"{self.ranks} × {self.threads}"


PLACES = [
    (Place(2, 1), Place(2, 1)),
    (Place(1, 1), Place(1, 1)),
    (Place(1, 2), Place(1, 2)),
    # PyTorch's best on two cores may be one process, which updates once and averages nothing.
    (Place(2, 1), Place(1, 2)),
]


@dataclass(frozen=True)
class Case:
    """dtrain and a baseline, each in one configuration, with the same global batch."""

    workload: str
    place: Place
    precision: str
    peer_place: Place
    peer_precision: str
    # "eager" or "compiled" PyTorch, or "dtrain" itself.
    peer_kind: str

    @property
    def name(self) -> str:
        """The name of the case's file."""
        places = [f"{place.ranks}x{place.threads}" for place in (self.place, self.peer_place)]
        own, peer = f"{places[0]}-{self.precision}", f"{places[1]}-{self.peer_precision}"
        return f"{self.workload}-dtrain-{own}-{self.peer_kind}-{peer}"

    @property
    def file(self) -> Path:
        """The path of the case's result."""
        return RESULTS / f"{self.name}.json"

    def sides(self) -> tuple[Side, Side]:
        """The two programs."""
        own = dtrain(self.workload, self.place.ranks, self.place.threads, self.precision)
        place = self.peer_place
        if self.peer_kind == "dtrain":
            return own, dtrain(self.workload, place.ranks, place.threads, self.peer_precision)
        compiled = self.peer_kind == "compiled"
        return own, pytorch(self.workload, place.ranks, place.threads, self.peer_precision, compiled)


def cases() -> Iterator[Case]:
    """All cases, the most important ones first."""
    for place, peer_place in PLACES:
        for workload in WORKLOADS:
            for kind in ["eager", "compiled"]:
                yield Case(workload, place, "float32", peer_place, "float32", kind)
    for workload in WORKLOADS:
        for precision in ["bfloat16", "float16"]:
            yield Case(workload, Place(2, 1), precision, Place(2, 1), "float32", "dtrain")
        yield Case(workload, Place(2, 1), "float32", Place(1, 1), "float32", "dtrain")
    for place, peer_place in PLACES:
        for workload in WORKLOADS:
            for precision, kind in [("bfloat16", "eager"), ("bfloat16", "compiled"), ("float16", "eager")]:
                yield Case(workload, place, precision, peer_place, precision, kind)


def family_cases() -> Iterator[Case]:
    """Two cases per family, and translation also in Float16."""
    place = Place(2, 1)
    for precision in ["float32", "bfloat16"]:
        for workload in FAMILIES:
            yield Case(workload, place, precision, place, precision, "eager")
    yield Case("translation", place, "float16", place, "float16", "eager")


def document(measured: tuple[list[Result], list[Pair], int], programs: str) -> dict:
    """The stored result of a comparison, with the versions of both programs."""
    results, pairs, left_out = measured
    first, middle, third = quartiles([pair.ratio for pair in pairs])
    return {
        "date": datetime.date.today().isoformat(),
        "processor": f"{os.cpu_count()} × {processor_name()}",
        "versions": programs,
        "ratio": {"median": middle, "quartiles": [first, third]},
        "others": statistics.median(pair.others for pair in pairs),
        "pairs_left_out": left_out,
        "results": [asdict(result) for result in results],
        "pairs": [asdict(pair) for pair in pairs],
    }


def run(chosen: list[Case], rounds: int, warmup: int, limit_seconds: float, again: bool) -> list[Case]:
    """Measures all cases without a result; returns those that could not be measured."""
    RESULTS.mkdir(exist_ok=True)
    failed = []
    for number, case in enumerate(chosen, 1):
        if case.file.exists() and not again:
            continue
        started = time.monotonic()
        try:
            found = document(measure(*case.sides(), rounds, warmup, limit_seconds), versions())
        except Broken as error:
            print(f"{number}/{len(chosen)} {case.name}: {error}", flush=True)
            failed.append(case)
            continue
        # Complete or not there: a run that is interrupted goes on with the next case.
        new = case.file.with_suffix(".new")
        new.write_text(json.dumps(asdict(case) | found, indent=1) + "\n")
        new.rename(case.file)
        ratio = found["ratio"]["median"]
        seconds = time.monotonic() - started
        print(f"{number}/{len(chosen)} {case.name}: {ratio:.2f}, {len(found['pairs'])} pairs, {seconds:.0f} s", flush=True)
    return failed


# --- Tables ---


def megabytes(result: dict) -> str:
    """Peak memory, and the part that importing takes, if the program reports it."""
    imported = result["import_resident_bytes"]
    return f"{result['peak_resident_bytes'] / 1e6:,.0f}" + (f" ({imported / 1e6:,.0f})" if imported else "")


def full_table(chosen: list[Case]) -> list[str]:
    """One row per case."""
    rows = [
        "| workload | dtrain | baseline | tokens/s | | ratio (quartiles) | MB per rank | | CPU s per step | | first step, s | |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case in chosen:
        found = json.loads(case.file.read_text())
        own, peer = found["results"]
        low, high = found["ratio"]["quartiles"]
        cells = [
            case.workload,
            f"{case.place} {case.precision}",
            f"{case.peer_kind} {case.peer_place} {case.peer_precision}",
            f"{own['tokens_per_second']:,.0f}",
            f"{peer['tokens_per_second']:,.0f}",
            f"**{found['ratio']['median']:.2f}** ({low:.2f}–{high:.2f})",
            megabytes(own),
            megabytes(peer),
            f"{own['processor_seconds']:.2f}",
            f"{peer['processor_seconds']:.2f}",
            f"{own['first_step_seconds']:.1f}",
            f"{peer['first_step_seconds']:.1f}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def short_table(chosen: list[Case]) -> list[str]:
    """For each workload and precision: dtrain on two cores against the fastest baseline of each kind."""
    rows = [
        "| workload | precision | dtrain, 2 × 1 | PyTorch DDP, 2 × 1 | ratio | PyTorch's best on two cores | ratio | MB per rank |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for workload in WORKLOADS:
        for precision in PRECISIONS:
            results = {}
            for case in chosen:
                if (case.workload, case.precision, case.place) != (workload, precision, Place(2, 1)):
                    continue
                if case.peer_kind != "dtrain":
                    results[case] = json.loads(case.file.read_text())
            ddp = {case: found for case, found in results.items() if case.peer_place == Place(2, 1)}
            if not ddp:
                continue

            def fastest(among: dict) -> tuple[Case, dict]:
                return min(among.items(), key=lambda item: item[1]["ratio"]["median"])

            (beside, first), (best, second) = fastest(ddp), fastest(results)
            own, peer = first["results"]
            form = f"{best.peer_place} {best.peer_kind}"
            cells = [
                workload,
                precision if precision == "float32" else f"{precision}; PyTorch {beside.peer_precision} autocast",
                f"{own['tokens_per_second']:,.0f} tokens/s",
                f"{peer['tokens_per_second']:,.0f} ({beside.peer_kind})",
                f"**{first['ratio']['median']:.2f}**",
                f"{second['results'][1]['tokens_per_second']:,.0f} ({form})",
                f"**{second['ratio']['median']:.2f}**",
                f"{megabytes(own)} to {megabytes(peer)}",
            ]
            rows.append(f"| {' | '.join(cells)} |")
        rows += best_row(workload, [case for case in chosen if case.workload == workload])
    return rows


def best_row(workload: str, chosen: list[Case]) -> list[str]:
    """dtrain's fastest configuration beside PyTorch's, each of any precision: what a user would pick."""
    own, peers = [], []
    for case in chosen:
        found = json.loads(case.file.read_text())
        speeds = [result["tokens_per_second"] for result in found["results"]]
        own.append((speeds[0], f"{case.place} {case.precision}"))
        if case.peer_kind != "dtrain":
            peers.append((speeds[1], f"{case.peer_place} {case.peer_kind} {case.peer_precision}"))
    if not peers:
        return []
    (speed, form), (peer_speed, peer_form) = max(own), max(peers)
    cells = [workload, "fastest of each", f"{speed:,.0f} tokens/s ({form})", "", "", f"{peer_speed:,.0f} ({peer_form})"]
    return [f"| {' | '.join([*cells, f'**{speed / peer_speed:.2f}**', ''])} |"]


def heading(chosen: list[Case]) -> str:
    """The date and the machine of the measurements."""
    found = [json.loads(case.file.read_text()) for case in chosen]

    def all_of(key: str) -> str:
        return "; ".join(sorted({entry[key] for entry in found}))

    pairs = [len(entry["pairs"]) for entry in found]
    count = f"{min(pairs)}" if min(pairs) == max(pairs) else f"{min(pairs)} to {max(pairs)}"
    return f"{all_of('date')}: {all_of('processor')}; {all_of('versions')}; {count} pairs per case."


def replace_between_markers(path: Path, name: str, lines: list[str]) -> None:
    """Writes `lines` between the two markers of that name in a Markdown file."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = path.read_text()
    if text.count(begin) != 1 or text.count(end) != 1:
        raise Broken(f"{path} has no place for the table: a line {begin} and below it a line {end}")
    before, _, rest = text.partition(begin)
    path.write_text(before + "\n".join([begin, *lines, end]) + rest.partition(end)[2])


def write_tables() -> None:
    """Writes the tables of all results; a table without results is not changed."""
    own = HERE / "README.md"
    tables = [
        (own, "compare", full_table, cases()),
        (HERE.parent / "README.md", "compare", short_table, cases()),
        (own, "families", full_table, family_cases()),
    ]
    # Each kind of machine has places of its own.
    for path, subject, table, possible in tables:
        name = f"{subject}, {matrix_instructions()}"
        if measured := [case for case in possible if case.file.exists()]:
            replace_between_markers(path, name, [heading(measured), "", *table(measured)])
