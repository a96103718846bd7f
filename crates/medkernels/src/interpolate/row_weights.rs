//! The last step of resampling by weights: along rows.

use super::AxisWeights;
pub(super) use super::row_taps::REACH;
use crate::intrinsics;
use crate::kernel::kernel;
use crate::level::{Level, level};
use crate::windows::{Window, windows};

/// The weights of a row, looked at once for all rows.
pub(super) struct RowWeights {
    /// What lies outside.
    bias: Vec<f32>,
    /// The voxels' places in the line and their weights: all first ones, all second ones, and so on. What has fewer voxels than others has weights of zero.
    index: Vec<u32>,
    weight: Vec<f32>,
    blocks: Blocks,
    /// Whether each output is the voxel of the line with its own number.
    same: bool,
}

/// A row in blocks of as many voxels as the level permutes at once.
enum Blocks {
    Wide(Vec<Weighed<16>>),
    Narrow(Vec<Weighed<8>>),
    None,
}

/// `L` sums of voxels from a window of `2 * L`: for each voxel of a sum its places in the window, and its weights.
#[derive(Clone, Debug)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "other levels permute nothing"))]
pub(crate) struct Weighed<const L: usize> {
    pub(crate) window: Window,
    pub(crate) bias: [f32; L],
    pub(crate) voxels: Vec<([u32; L], [f32; L])>,
}

impl RowWeights {
    /// For lines of `len` voxels, of which the first is voxel `from` of the source.
    pub(super) fn new(weights: &AxisWeights, from: usize, len: usize, fill: f32) -> RowWeights {
        let n = weights.len();
        let each = || (0..n).map(|i| weights.at(i));
        let most = each().map(|v| v.index.len()).max().unwrap_or(0);
        let (mut index, mut weight) = (vec![0; n * most], vec![0.0; n * most]);
        for (i, voxels) in each().enumerate() {
            for k in 0..most {
                // Where there is no further voxel the last one stands, without weight.
                let held = k.min(voxels.index.len().saturating_sub(1));
                index[k * n + i] = voxels.index.get(held).map_or(0, |v| v - from as u32);
                weight[k * n + i] = voxels.weight.get(k).copied().unwrap_or(0.0);
            }
        }
        let same = most == 1 && (0..n).all(|i| index[i] as usize == i && weight[i] == 1.0);
        let bias: Vec<f32> = each().map(|v| v.outside * fill).collect();
        let mut out = RowWeights { bias, index, weight, blocks: Blocks::None, same };
        out.same &= out.bias.iter().all(|b| *b == 0.0);
        out.blocks = match level() {
            Level::Avx512 => out.cut(most, len).map_or(Blocks::None, Blocks::Wide),
            Level::Avx2 => out.cut(most, len).map_or(Blocks::None, Blocks::Narrow),
            Level::Plain | Level::Neon => Blocks::None,
        };
        out
    }

    /// The row in blocks, if each reads from one window of a line of `len` voxels.
    fn cut<const L: usize>(&self, most: usize, len: usize) -> Option<Vec<Weighed<L>>> {
        let n = self.bias.len();
        let span = |i: usize| {
            let all = || (0..most).map(|k| self.index[k * n + i] as usize);
            (all().min().unwrap_or(0), all().max().unwrap_or(0))
        };
        let cut = windows(n, L, len, span)?;
        let block = |window: Window| {
            let of = |k: usize| {
                let place = |i: usize| self.index[k * n + window.to + i] - window.from as u32;
                (std::array::from_fn(place), std::array::from_fn(|i| self.weight[k * n + window.to + i]))
            };
            let bias = std::array::from_fn(|i| self.bias[window.to + i]);
            Weighed { window, bias, voxels: (0..most).map(of).collect() }
        };
        Some(cut.into_iter().map(block).collect())
    }

    /// Makes a row from a line, which is as long as [`RowWeights::new`] was told.
    pub(super) fn apply(&self, out: &mut [f32], line: &[f32]) {
        if self.same {
            return out.copy_from_slice(&line[..out.len()]);
        }
        let done = match &self.blocks {
            Blocks::Wide(blocks) => intrinsics::weigh_16(out, line, blocks),
            Blocks::Narrow(blocks) => intrinsics::weigh_8(out, line, blocks),
            Blocks::None => false,
        };
        if done {
            return;
        }
        out.copy_from_slice(&self.bias);
        let n = out.len().max(1);
        for (index, weight) in self.index.chunks(n).zip(self.weight.chunks(n)) {
            match line.first_chunk::<REACH>() {
                Some(reach) if line.len() == REACH => weigh(out, reach, index, weight),
                _ => {
                    for ((d, i), w) in out.iter_mut().zip(index).zip(weight) {
                        *d += weighed(line[*i as usize], *w);
                    }
                }
            }
        }
    }
}

/// A voxel's part of a sum; without weight nothing, whatever it is.
#[inline(always)]
fn weighed(v: f32, w: f32) -> f32 {
    let part = v * w;
    if w == 0.0 { 0.0 } else { part }
}

kernel! {
    fn weigh(dst: &mut [f32], src: &[f32; REACH], index: &[u32], weight: &[f32]) {
        for ((d, i), w) in dst.iter_mut().zip(index).zip(weight) {
            *d += weighed(src[*i as usize % REACH], *w);
        }
    }
}
