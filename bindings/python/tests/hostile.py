"""Reads mutated files, and prints what became of them: run by test_hostile in a process of its own.

Arguments: a folder to write in, the number of mutations, a seed. Prints one line of JSON.
"""

import json
import random
import resource
import struct
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import medoxide as mx

MEBI = 1 << 20
# Numbers that break sums: NIfTI fields of two, four and eight bytes take them at any place.
NASTY = [0, 1, -1, 2, 7, 255, 256, 32767, -32768, 65535, 1 << 20, (1 << 31) - 1, -(1 << 31), (1 << 62), (1 << 63) - 1, -(1 << 63)]


def status(field: str) -> int:
    """Bytes of a line of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def put(bytes_: bytearray, at: int, fresh: bytes) -> None:
    bytes_[at : at + len(fresh)] = fresh[: max(0, len(bytes_) - at)]


def mutated(original: bytes, header: int, dice: random.Random) -> bytes:
    """One to four changes, most of them in the first `header` bytes; or a cut; or noise."""
    out = bytearray(original)
    kind = dice.random()
    if kind < 0.08:
        return bytes(out[: dice.randrange(len(out))])
    if kind < 0.12:
        return dice.randbytes(dice.randrange(2000))
    if kind < 0.16:
        start = dice.randrange(len(out))
        del out[start : start + dice.randrange(1, 400)]
        return bytes(out)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(min(header, len(out))) if dice.random() < 0.85 else dice.randrange(len(out))
        how = dice.random()
        if how < 0.3:
            out[at] ^= 1 << dice.randrange(8)
        elif how < 0.5:
            out[at] = dice.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif how < 0.85:
            code, mask = dice.choice([("h", 0xFFFF), ("i", 0xFFFFFFFF), ("q", 0xFFFFFFFFFFFFFFFF)])
            width = struct.calcsize(code)
            number = dice.choice(NASTY) & mask
            put(out, at - at % 2, number.to_bytes(width, dice.choice(["little", "big"])))
        else:
            number = dice.choice([float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e30, 1e-40, 352.5])
            put(out, at - at % 4, struct.pack(dice.choice("<>") + "f", number))
    return bytes(out)


def read(path: Path) -> None:
    v = mx.load(path)
    repr(v)
    _ = v.shape, v.affine, v.spacing, v.orientation, v.dtype, v.header
    np.asarray(v)


def main() -> None:
    folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("ignore")
    originals = sorted(p for p in folder.glob("*.*") if not p.name.startswith("mutated"))
    for path in originals:  # warm: threads, pools and code pages are not the files' doing
        for _ in range(3):
            read(path)
    dice = random.Random(seed)
    resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + 512 * MEBI, resource.RLIM_INFINITY))
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before = status("VmRSS")
    seconds, work, unexpected, kinds = [], [], [], {}
    for n in range(count):
        original = originals[n % len(originals)]
        gzipped = original.name.endswith(".gz")
        target = folder / f"mutated{''.join(original.suffixes)}"
        target.unlink(missing_ok=True)  # to write over a file can make the file system wait for the disk
        target.write_bytes(mutated(original.read_bytes(), 60 if gzipped else 600, dice))
        start, work_start = time.perf_counter(), time.process_time()
        try:
            read(target)
            kind = "read"
        except mx.MedoxideError as e:
            kind = type(e).__name__
            if str(target.stem) not in str(e) and kind != "InternalError":
                unexpected.append([n, f"no file named: {e}"])
            if kind == "InternalError":
                unexpected.append([n, repr(e)])
        except BaseException as e:  # noqa: BLE001: whatever else it is, it must be reported
            kind = type(e).__name__
            unexpected.append([n, repr(e)])
        seconds.append(time.perf_counter() - start)
        work.append(time.process_time() - work_start)
        kinds[kind] = kinds.get(kind, 0) + 1
    peak = status("VmHWM")
    report = {
        "kinds": kinds,
        "unexpected": unexpected[:20],
        "total": sum(seconds),
        "slowest": max(seconds),
        "most_work": max(work),
        "growth": peak - before,
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
