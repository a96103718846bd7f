"""The table, the record in JSON and Markdown, and the plot."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import re
from pathlib import Path
from typing import Any

import storage
from measure import BUSY, Outcome, Times
from row import US

PACKAGES = [
    "medoxide", "numpy", "scipy", "nibabel", "torch", "SimpleITK", "medrs", "monai", "torchio", "batchgeneratorsv2",
    "opencv-python-headless", "scikit-image", "connected-components-3d", "edt", "deflate", "nilearn",
]  # fmt: skip


def machine() -> dict[str, Any]:
    """What the figures were measured on, without its name."""
    facts = {"system": platform.system(), "kernel": platform.release(), "architecture": platform.machine()}
    facts["cores"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts["python"] = platform.python_version()
    try:
        cpu = Path("/proc/cpuinfo").read_text()
        for key in ("model name", "cpu family", "model", "cache size"):
            found = re.search(rf"^{key}\s*:\s*(.+)$", cpu, re.M)
            if found:
                facts["processor" if key == "model name" else key] = found[1]
        flags = re.search(r"^flags\s*:\s*(.+)$", cpu, re.M)
        if flags:
            facts["simd"] = [f for f in ("avx2", "avx512f", "avx512bw") if f in flags[1].split()]
        memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
        if memory:
            facts["memory GiB"] = round(int(memory[1]) / 2**20)
        pages = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
        facts["huge pages"] = re.search(r"\[(\w+)\]", pages)[1]
    except OSError:
        facts["processor"] = platform.processor() or "unknown"
    return facts


def machine_class(facts: dict[str, Any]) -> str:
    """A short name for files: processor, family and model, cores."""
    name = re.sub(r"[^a-z0-9]+", "-", str(facts.get("processor", "unknown")).lower()).strip("-")
    family = f"-family{facts['cpu family']}-model{facts['model']}" if "cpu family" in facts else ""
    return f"{name}{family}-{facts['cores']}cores"


def versions() -> dict[str, str]:
    """Of everything that takes part."""
    out = {}
    for name in PACKAGES:
        try:
            out[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            out[name] = "not installed"
    return out


def summary(outcome: Outcome) -> dict[str, Any]:
    """One row in plain numbers, times in milliseconds."""
    row, times = outcome.row, outcome.times
    ours = times.get(US)
    out: dict[str, Any] = {"row": row.name, "section": row.section, "note": row.note}
    out["candidates"] = {n: _numbers(t) for n, t in times.items()}
    out["references"] = {n: _numbers(t) for n, t in outcome.references.items()}
    out["others_cores"] = round(outcome.others, 2)
    out["check"] = {"right": outcome.right, "seen": outcome.seen}
    if outcome.also:
        out["also"] = {"right": outcome.also[0], "seen": outcome.also[1]}
    if not ours or not ours.samples:
        return out
    rivals = [n for n in times if n != US and not n.startswith(US + ":") and times[n].samples]
    if rivals:
        best = min(rivals, key=lambda n: times[n].median)
        out["best_peer"], out["ratio"] = best, ours.median / times[best].median
    if row.must:
        bars = outcome.references if row.must.reference else times
        named = [str(row.must.reference)] if row.must.reference else row.must.against or rivals
        named = [n for n in named if n in bars and bars[n].samples]
        if named:
            bar = min(named, key=lambda n: bars[n].median)
            out["must"] = {"at_most": row.must.ratio, "against": bar, "is": ours.median / bars[bar].median}
            out["must"]["is_by_best_times"] = ours.best / min(bars[n].best for n in named)
            met = out["must"]["is"] <= row.must.ratio and outcome.right is not False
            out["must"]["met"] = met and (outcome.also is None or outcome.also[0])
    if row.aim:
        target = row.aim.factor * 1e-3
        measured = outcome.references.get(str(row.aim.reference))
        if row.aim.reference:
            target = row.aim.factor * measured.median if measured and measured.samples else None
        if target:
            out["aim"] = {"what": str(row.aim), "ms": target * 1e3, "reached": ours.median <= target}
            out["aim"]["times_the_aim"] = ours.median / target
            if row.aim.reference:
                out["aim"]["times_the_reference"] = ours.median / measured.median
    return out


def _numbers(times: Times) -> dict[str, Any]:
    out: dict[str, Any] = {"error": times.error} if times.error else {}
    if times.samples:
        out |= {"median_ms": times.median * 1e3, "best_ms": times.best * 1e3, "samples": len(times.samples)}
    if times.difference is not None:
        out["differs_from_ours_by"] = times.difference
    return out | times.facts


def _ms(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


HEADER = ["row", "ours ms", "best ms", "peers ms", "ratio", "by best", "must", "", "of ref", "aim", "check"]
WIDTHS = (45, 7, 7, 47, 6, 7, 15, 6, 6, 46, 0)


def cells(row: dict[str, Any]) -> list[str]:
    """One line of the table."""
    ours = row["candidates"].get(US, {})
    peers = {n: c for n, c in row["candidates"].items() if n != US}
    timed = sorted((c["median_ms"], n) for n, c in peers.items() if "median_ms" in c)
    listed = ", ".join(f"{n.removeprefix(US + ': ')} {_ms(t)}" for t, n in timed[:3])
    must, aim = row.get("must"), row.get("aim")
    state = "" if must is None else "met" if must["met"] else "MISSED"
    right = row["check"]["right"]
    verdict = "–" if right is None else "right" if right else f"WRONG: {row['check']['seen']}"
    if row.get("also") and not row["also"]["right"]:
        verdict += f"; {row['also']['seen']}"
    if "memory_of_input" in ours:
        verdict = f"memory {ours['memory_of_input']:.1f} × input"
    if "error" in ours:
        verdict = f"failed: {ours['error'][:80]}"
    reference = f"{aim['times_the_reference']:.2f}" if aim and "times_the_reference" in aim else ""
    if aim:
        aimed = f"{aim['what']}: " + ("reached" if aim["reached"] else f"{aim['times_the_aim']:.2f}× away")
    else:
        aimed = ""
    bar = ""
    if must:
        other = must["against"].removeprefix(US + ": ")
        named = (
            ""
            if must["against"] == row.get("best_peer")
            else f" {other}"
            if other != "one alone"
            else " alone"
        )
        bar = f"{must['is']:.2f} ≤ {must['at_most']:g}{named}"
    return [
        row["row"] + (" ~" if row["others_cores"] > BUSY else ""),
        _ms(ours["median_ms"]) if "median_ms" in ours else "",
        _ms(ours["best_ms"]) if "best_ms" in ours else "",
        listed,
        f"{row['ratio']:.2f}" if "ratio" in row else "",
        f"{must['is_by_best_times']:.2f}" if must else "",
        bar,
        state,
        reference,
        aimed,
        verdict,
    ]


def table(rows: list[dict[str, Any]], markdown: bool) -> str:
    """All rows, by section."""
    lines, section = [], None
    for row in rows:
        if row["section"] != section:
            section = row["section"]
            lines += ["", f"### {section}" if markdown else section]
            if markdown:
                lines += ["", "| " + " | ".join(HEADER) + " |", "|---" * len(HEADER) + "|"]
            else:
                lines.append("  " + _aligned(HEADER))
        parts = cells(row)
        lines.append("| " + " | ".join(parts) + " |" if markdown else "  " + _aligned(parts))
    return "\n".join(lines[1:])


def _aligned(parts: list[str]) -> str:
    return " ".join(p[: w or None].ljust(w) for p, w in zip(parts, WIDTHS, strict=True)).rstrip()


def verdicts(rows: list[dict[str, Any]]) -> str:
    """The last words: how many bars are met."""
    barred = [r for r in rows if "must" in r]
    aimed = [r for r in rows if "aim" in r]
    wrong = [r["row"] for r in rows if r["check"]["right"] is False]
    missed = [r["row"] for r in barred if not r["must"]["met"]]
    silent = [r["row"] for r in rows if "median_ms" not in r["candidates"].get(US, {})]
    reached = sum(r["aim"]["reached"] for r in aimed)
    lines = [
        f"must: {len(barred) - len(missed)} of {len(barred)} met; aim: {reached} of {len(aimed)} reached"
    ]
    for name, those in (("missed", missed), ("WRONG", wrong), ("not measured", silent)):
        if those:
            lines.append(f"{name}: " + "; ".join(those))
    return "\n".join(lines)


WORDS = """\
Times are medians of samples taken in turns, every library in a process of its own with two threads, files in the page
cache; what a call returns is released within its time, as in a loop. "best ms" is our fastest sample; "ratio" our median
over that of the fastest peer in the same run; "by best" and "must" are for the peer that the bar names, the former by
fastest samples; "of ref" is our median over the physical measure that the aim is a multiple of. A "~" marks rows during
which other processes used more than a quarter of a core. Results are compared with a peer's in the same run: a wrong one
fails its row.
"""


def write(rows: list[dict[str, Any]], stored: list[dict[str, Any]], mode: str, folder: Path) -> list[Path]:
    """Records the run: JSON with everything, Markdown with the table, a plot if matplotlib is there."""
    folder.mkdir(parents=True, exist_ok=True)
    facts, date = machine(), datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    stem = f"{date}-{machine_class(facts)}" + ("" if mode == "full" else f"-{mode}")
    record = {"date": date, "mode": mode, "machine": facts, "versions": versions(), "rows": rows, storage.TITLE: stored}
    paths = [folder / f"{stem}.json", folder / f"{stem}.md"]
    paths[0].write_text(json.dumps(record, indent=1, ensure_ascii=False, default=float) + "\n")
    about = "\n".join(f"- {k}: {v}" for k, v in facts.items())
    named = ", ".join(f"{k} {v}" for k, v in record["versions"].items())
    head = f"# Benchmarks, {date}, {mode}\n\n{about}\n- versions: {named}\n\n{WORDS}"
    formats = f"### {storage.TITLE}\n\n{storage.WORDS}{storage.table(stored, True)}" if stored else ""
    paths[1].write_text(f"{head}\n{table(rows, True)}\n\n{verdicts(rows)}\n\n{formats}".rstrip() + "\n")
    return paths + plot(rows, folder / f"{stem}.svg")


def plot(rows: list[dict[str, Any]], path: Path) -> list[Path]:
    """Our time over the best peer's, one bar per row, the must as a tick."""
    try:
        import matplotlib

        matplotlib.use("svg")
        matplotlib.rcParams["svg.hashsalt"] = "medoxide"
        from matplotlib import pyplot
    except ImportError:
        return []
    shown = [r for r in rows if "must" in r][::-1]
    if not shown:
        return []
    figure, axes = pyplot.subplots(figsize=(9, 0.28 * len(shown) + 1.2))
    at = range(len(shown))
    colours = ["#2a7f62" if r["must"]["met"] else "#c0392b" for r in shown]
    axes.barh(at, [r["must"]["is"] for r in shown], color=colours, height=0.7)
    for y, r in zip(at, shown, strict=True):
        axes.plot([r["must"]["at_most"]] * 2, [y - 0.4, y + 0.4], color="black", linewidth=1.5)
        axes.text(r["must"]["is"] * 1.05, y, f"{r['must']['is']:.2f}", va="center", fontsize=7)
    axes.axvline(1, color="grey", linewidth=0.8, linestyle=":")
    axes.set_yticks(list(at), [r["row"] for r in shown], fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel("our time / best peer's (black tick: the bar; green: met)")
    axes.margins(y=0.01)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return [path]
