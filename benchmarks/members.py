"""How large should the gzip members of a `.nii.gz` be? Size against nibabel's, and the speed of writing, whole reads and crops.

    python benchmarks/members.py FOLDER [--sizes 16,32,64,128,256,1024] [--levels 1,3,6] [--only head256]

Three volumes at 256³ and 512³, int16: the head of the benchmarks; the same with noise in every voxel and values like a CT's; and the
template itself, a real MR of 197 x 233 x 189. The times come from `crates/medio/examples/members.rs`.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import numpy as np

import data
import storage

HERE = Path(__file__).resolve().parent


def make(folder: Path) -> None:
    """Writes the volumes that are not there yet, plain, and compressed by nibabel."""
    import nibabel as nib

    data.make(folder, large=True)
    template = data._template().astype(np.int16)
    for name, n in (("mr", 0), ("head256", 256), ("head512", 512), ("ct256", 256), ("ct512", 512)):
        path = folder / f"{name}_i16.nii"
        if not path.exists():
            head = np.asarray(nib.load(folder / f"head{n}_i16.nii").dataobj) if n else template
            voxels = storage.ct_like(head, n) if name.startswith("ct") else np.asfortranarray(head)
            nib.save(nib.Nifti1Image(voxels, np.eye(4)), path)
        if not path.with_suffix(".nii.gz").exists():
            nib.save(nib.load(path), path.with_suffix(".nii.gz"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", default="16,32,64,128,256,1024", help="KiB; 0 is one member, 1 is BGZF")
    parser.add_argument("--levels", default="1,3,6")
    parser.add_argument("--only", default="mr,head256,ct256,head512,ct512")
    asked = parser.parse_args()
    make(asked.folder)
    program = ["cargo", "run", "-q", "--release", "-p", "medio", "--features", "libdeflate", "--example", "members", "--"]
    for name in asked.only.split(","):
        path = asked.folder / f"{name}_i16.nii"
        size = path.with_suffix(".nii.gz").stat().st_size
        arguments = [path, asked.folder, size, asked.sizes, asked.levels]
        subprocess.run([*program, *map(str, arguments)], check=True, cwd=HERE.parent)


if __name__ == "__main__":
    main()
