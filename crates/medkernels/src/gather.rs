//! Elements of rows picked by index.

use crate::intrinsics;
use crate::level::{Level, level};
use crate::windows::{Window, windows};

/// `dst[i] = src[index[i]]` for elements of `element` bytes (1, 2, 3, 4, 6, 8, 12 or 16).
///
/// ```
/// let mut out = [0u8; 3];
/// medkernels::gather::gather_row(&mut out, b"abcd", &[3, 0, 0], 1);
/// assert_eq!(&out, b"daa");
/// ```
///
/// # Panics
/// If `dst` is shorter than `index.len()` elements, if an index lies beyond `src`, or for another element size.
pub fn gather_row(dst: &mut [u8], src: &[u8], index: &[u32], element: usize) {
    match element {
        1 => gather::<1>(dst, src, index),
        2 => gather::<2>(dst, src, index),
        3 => gather::<3>(dst, src, index),
        4 => gather::<4>(dst, src, index),
        6 => gather::<6>(dst, src, index),
        8 => gather::<8>(dst, src, index),
        12 => gather::<12>(dst, src, index),
        16 => gather::<16>(dst, src, index),
        _ => panic!("elements of {element} bytes cannot be gathered; 1, 2, 3, 4, 6, 8, 12 and 16 can"),
    }
}

fn gather<const N: usize>(dst: &mut [u8], src: &[u8], index: &[u32]) {
    let src = src.as_chunks::<N>().0;
    let dst = &mut dst.as_chunks_mut::<N>().0[..index.len()];
    for (d, i) in dst.iter_mut().zip(index) {
        *d = src[*i as usize];
    }
}

/// Indices that many rows are picked by, looked at once.
///
/// Where neighbouring outputs read from neighbouring places, as in resampling by a factor of up to two, rows
/// are permuted in registers instead of element by element.
///
/// ```
/// let picks = medkernels::gather::Picks::new(vec![3, 0, 0], 1);
/// let mut out = [0u8; 3];
/// picks.gather(&mut out, b"abcd");
/// assert_eq!(&out, b"daa");
/// ```
#[derive(Clone, Debug)]
pub struct Picks {
    index: Vec<u32>,
    element: usize,
    blocks: Blocks,
    reach: usize,
}

/// A row of bytes in blocks of as many as the level permutes at once.
#[derive(Clone, Debug)]
enum Blocks {
    Wide(Vec<Block<64>>),
    Narrow(Vec<Block<16>>),
    None,
}

/// `L` output bytes from a window of `2 * L` source bytes.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "other levels permute nothing"))]
pub(crate) struct Block<const L: usize> {
    pub(crate) window: Window,
    /// Places in the window.
    pub(crate) pick: [u8; L],
}

impl Picks {
    /// From the source element of each output element, of `element` bytes (1, 2, 3, 4, 6, 8, 12 or 16) each.
    pub fn new(index: Vec<u32>, element: usize) -> Picks {
        let blocks = match level() {
            Level::Avx512 => cut(&index, element).map_or(Blocks::None, Blocks::Wide),
            Level::Avx2 => cut(&index, element).map_or(Blocks::None, Blocks::Narrow),
            Level::Plain | Level::Neon => Blocks::None,
        };
        let reach = match &blocks {
            Blocks::Wide(blocks) => reach(blocks),
            Blocks::Narrow(blocks) => reach(blocks),
            Blocks::None => 0,
        };
        Picks { index, element, blocks, reach }
    }

    /// As [`gather_row`] with these indices.
    ///
    /// # Panics
    /// As [`gather_row`].
    pub fn gather(&self, dst: &mut [u8], src: &[u8]) {
        let done = self.reach <= src.len()
            && match &self.blocks {
                Blocks::Wide(blocks) => intrinsics::pick_64(dst, src, blocks),
                Blocks::Narrow(blocks) => intrinsics::pick_16(dst, src, blocks),
                Blocks::None => false,
            };
        if !done {
            gather_row(dst, src, &self.index, self.element);
        }
    }
}

/// Bytes from a row's start to the end of its furthest window.
fn reach<const L: usize>(blocks: &[Block<L>]) -> usize {
    blocks.iter().map(|block| block.window.from + 2 * L).max().unwrap_or(0)
}

/// The row's bytes in blocks, if each reads from one window.
fn cut<const L: usize>(index: &[u32], element: usize) -> Option<Vec<Block<L>>> {
    let read = |byte: usize| index[byte / element] as usize * element + byte % element;
    let len = (index.iter().max().map_or(0, |&i| i as usize) + 1) * element;
    let cut = windows(index.len() * element, L, len, |byte| (read(byte), read(byte)))?;
    let block = |window: Window| Block {
        window,
        pick: std::array::from_fn(|i| (read(window.to + i) - window.from) as u8),
    };
    Some(cut.into_iter().map(block).collect())
}
