//! A name for voxels that have none.

use medcore::{Box3, Volume};
use medkernels::buffer::Buffer;
use medkernels::threads;

/// Odd constants of the finaliser of SplitMix64.
const MIX: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// A 64-bit digest of shape, dtype and stored voxels, the same for every memory layout. Not cryptographic: it tells samples apart.
pub(crate) fn digest(volume: &Volume) -> u64 {
    let [nx, ny, nz] = volume.grid().shape;
    let bytes = nx * ny * volume.stored_dtype().bytes();
    let mut planes = vec![0u64; nz * volume.channels()];
    let one = |n: usize, out: &mut u64| {
        let b = Box3 { start: [0, 0, n % nz], shape: [nx, ny, 1] };
        if let Some(plane) = volume.packed_box(n / nz, &b) {
            *out = of_bytes(plane);
        } else if let Ok(mut plane) = Buffer::for_overwrite(bytes)
            && volume.copy_box(n / nz, &b, plane.as_bytes_mut()).is_ok()
        {
            *out = of_bytes(plane.as_bytes());
        }
    };
    if bytes * planes.len() < threads::PARALLEL_BYTES {
        planes.iter_mut().enumerate().for_each(|(n, out)| one(n, out));
    } else {
        threads::for_each_mut(&mut planes, one);
    }
    let name = of_bytes(volume.stored_dtype().name().as_bytes());
    let sizes = [nx, ny, nz].into_iter().chain(volume.extra().iter().copied()).map(|n| n as u64);
    sizes.chain(planes).fold(name, |h, v| mix(h.rotate_left(7) ^ v))
}

/// A digest of bytes, in four lanes.
pub(crate) fn of_bytes(bytes: &[u8]) -> u64 {
    let word = |b: &[u8]| {
        let mut w = [0; 8];
        w[..b.len()].copy_from_slice(b);
        u64::from_le_bytes(w)
    };
    let step = |lane: &mut u64, word: u64| *lane = (*lane ^ word).wrapping_mul(MIX[0]).rotate_left(29);
    let mut lanes = [1u64, 2, 3, 4];
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        for (lane, w) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            step(lane, u64::from_le_bytes(*w));
        }
    }
    for (lane, w) in lanes.iter_mut().zip(rest.chunks(8)) {
        step(lane, word(w));
    }
    lanes.into_iter().fold(bytes.len() as u64, |h, lane| mix(h ^ lane))
}

/// Each bit of the result depends on every bit of `v`.
fn mix(mut v: u64) -> u64 {
    v = (v ^ (v >> 30)).wrapping_mul(MIX[0]);
    v = (v ^ (v >> 27)).wrapping_mul(MIX[1]);
    v ^ (v >> 31)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use medcore::{Affine, DType, Grid, Volume};

    use super::digest;

    #[test]
    fn layout_does_not_matter_and_every_voxel_does() {
        let grid = Grid::new([5, 4, 3], Affine::IDENTITY);
        let voxels: Vec<f32> = (0..60).map(|v| v as f32).collect();
        let plain = digest(&Volume::from_f32(grid, &voxels).unwrap());
        // The same voxels, z fastest.
        let mut other = vec![0u8; 240];
        for (x, y, z) in (0..60).map(|n| (n % 5, n / 5 % 4, n / 20)) {
            let at = 4 * ((x * 4 + y) * 3 + z);
            other[at..at + 4].copy_from_slice(&voxels[x + 5 * (y + 4 * z)].to_ne_bytes());
        }
        let c_order =
            Volume::strided(Arc::new(other), DType::F32, grid, 0, [12, 3, 1], vec![], vec![]).unwrap();
        assert_eq!(digest(&c_order), plain);
        for n in 0..60 {
            let mut changed = voxels.clone();
            changed[n] += 0.5;
            assert_ne!(digest(&Volume::from_f32(grid, &changed).unwrap()), plain, "voxel {n}");
        }
        let grid = Grid::new([5, 3, 4], Affine::IDENTITY);
        assert_ne!(digest(&Volume::from_f32(grid, &voxels).unwrap()), plain);
    }
}
