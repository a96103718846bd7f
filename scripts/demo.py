"""The demo's pipeline from Python, held against the file that the command wrote."""

import sys
import time

import nibabel
import numpy as np

import medoxide as mx

path, written = sys.argv[1:]

began = time.perf_counter()
volume = mx.load(path)  # the header; no voxel yet
opened = time.perf_counter()
ready = volume.reorient("RAS").resample(1.5).crop_or_pad(128).z_normalize("nonzero")
voxels = np.asarray(ready)  # now it is read, in one pass, and computed
done = time.perf_counter()

print(volume)
print(f"opened in {1e3 * (opened - began):.2f} ms, read and computed in {1e3 * (done - opened):.0f} ms")
print(f"now {ready.shape} of {ready.spacing} mm, {ready.orientation}, {voxels.dtype}, from {voxels.min():.3f} to {voxels.max():.3f}")

# Another library reads what the command wrote: the same voxels, bit for bit, in the same place (NIfTI-1 keeps affines as float32).
other = nibabel.load(written)
same = np.array_equal(np.asanyarray(other.dataobj), voxels, equal_nan=True)
if not same or not np.allclose(other.affine, ready.affine, rtol=1e-6, atol=1e-4):
    sys.exit("the command and Python disagree; please report this")
print(f"nibabel reads the same {voxels.size:,} voxels from {written}")
