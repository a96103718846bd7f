//! The last step of linear resampling: along rows.

use super::AxisTaps;
use crate::intrinsics;
use crate::kernel::kernel;
use crate::level::{Level, level};
use crate::windows::{Window, windows};

/// Voxels of a row that the gathering kernel can index without bounds checks. Longer rows take a checked path.
pub(super) const REACH: usize = 4096;

/// The value at weight `w` of `far`, which is not looked at where that is zero.
#[inline(always)]
pub(super) fn between(near: f32, far: f32, w: f32) -> f32 {
    let value = near + (far - near) * w;
    if w == 0.0 { near } else { value }
}

/// The taps of a row, looked at once for all rows.
pub(super) enum RowTaps {
    /// Each output voxel is the source voxel that many after its own index.
    Same,
    /// Each is the mean of a pair.
    Pairs,
    /// The general case.
    Gather { near: Vec<u32>, far: Vec<u32>, w: Vec<f32>, blocks: Blocks },
}

/// A row in blocks of as many voxels as the level permutes at once.
pub(super) enum Blocks {
    Wide(Vec<Taps<16>>),
    Narrow(Vec<Taps<8>>),
    None,
}

/// The taps of `L` voxels that read from a window of `2 * L`: places in it, and the weight of the far one.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "other levels permute nothing"))]
pub(crate) struct Taps<const L: usize> {
    pub(crate) window: Window,
    pub(crate) near: [u32; L],
    pub(crate) far: [u32; L],
    pub(crate) w: [f32; L],
}

impl RowTaps {
    /// From taps whose source voxel `i` lies at `place(i)` of a line of `len` voxels.
    pub(super) fn new(taps: &AxisTaps, len: usize, place: impl Fn(usize) -> usize) -> RowTaps {
        let nearer: Vec<(usize, usize, f32)> =
            (0..taps.len()).map(|i| taps.nearer(i)).map(|(n, f, w)| (place(n), place(f), w)).collect();
        if nearer.iter().enumerate().all(|(i, &(near, _, w))| near == i && w == 0.0) {
            return RowTaps::Same;
        }
        if nearer.iter().enumerate().all(|(i, &(near, far, w))| near == 2 * i && far == near + 1 && w == 0.5)
        {
            return RowTaps::Pairs;
        }
        RowTaps::Gather {
            near: nearer.iter().map(|tap| tap.0 as u32).collect(),
            far: nearer.iter().map(|tap| tap.1 as u32).collect(),
            w: nearer.iter().map(|tap| tap.2).collect(),
            blocks: match level() {
                Level::Avx512 => cut(&nearer, len).map_or(Blocks::None, Blocks::Wide),
                Level::Avx2 => cut(&nearer, len).map_or(Blocks::None, Blocks::Narrow),
                Level::Plain | Level::Neon => Blocks::None,
            },
        }
    }

    /// Interpolates a row from a line; `line` is as long as [`RowTaps::new`] was told, and `width` of it is filled.
    pub(super) fn apply(&self, out: &mut [f32], line: &[f32], width: usize) {
        match self {
            RowTaps::Same => out.copy_from_slice(&line[..out.len()]),
            RowTaps::Pairs => pairs(out, &line[..width]),
            RowTaps::Gather { near, far, w, blocks } => {
                let done = match blocks {
                    Blocks::Wide(blocks) => intrinsics::lerp_16(out, line, blocks),
                    Blocks::Narrow(blocks) => intrinsics::lerp_8(out, line, blocks),
                    Blocks::None => false,
                };
                match line.first_chunk::<REACH>() {
                    _ if done => {}
                    Some(reach) if width <= REACH => gather(out, reach, near, far, w),
                    _ => {
                        for (i, d) in out.iter_mut().enumerate() {
                            *d = between(line[near[i] as usize], line[far[i] as usize], w[i]);
                        }
                    }
                }
            }
        }
    }
}

/// The row in blocks, if each reads from one window of a line of `len` voxels.
fn cut<const L: usize>(taps: &[(usize, usize, f32)], len: usize) -> Option<Vec<Taps<L>>> {
    let cut = windows(taps.len(), L, len, |i| (taps[i].0.min(taps[i].1), taps[i].0.max(taps[i].1)))?;
    let block = |window: Window| {
        let tap = |i: usize| taps[window.to + i];
        Taps {
            window,
            near: std::array::from_fn(|i| (tap(i).0 - window.from) as u32),
            far: std::array::from_fn(|i| (tap(i).1 - window.from) as u32),
            w: std::array::from_fn(|i| tap(i).2),
        }
    };
    Some(cut.into_iter().map(block).collect())
}

kernel! {
    fn pairs(dst: &mut [f32], src: &[f32]) {
        for (d, [a, b]) in dst.iter_mut().zip(src.as_chunks::<2>().0) {
            *d = a + (b - a) * 0.5;
        }
    }
}

kernel! {
    fn gather(dst: &mut [f32], src: &[f32; REACH], near: &[u32], far: &[u32], w: &[f32]) {
        for (((d, near), far), w) in dst.iter_mut().zip(near).zip(far).zip(w) {
            *d = between(src[*near as usize % REACH], src[*far as usize % REACH], *w);
        }
    }
}
