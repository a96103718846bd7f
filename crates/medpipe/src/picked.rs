//! Voxels picked by lists of places along each axis: nearest samples, and what lies around a volume.

use medcore::{Boundary, DType, with_element};
use medkernels::element::Element;
use medkernels::gather::Picks;

use crate::tile::Tile;

/// Voxels that a stretch has on average where a row is copied stretch by stretch.
const LONG: usize = 8;

/// Places of a row, `step` voxels (-1, 0 or 1) from each to the next; or so many voxels outside.
struct Stretch {
    len: usize,
    first: Option<usize>,
    step: isize,
}

/// How the voxels of a row are had.
enum Columns {
    Stretches(Vec<Stretch>),
    /// By permutations of blocks; places are counted from the lowest.
    Picks(Picks, isize),
    Each(Vec<Option<isize>>),
}

/// Copies the voxels at `places` of a tile into a packed box, x fastest; `None` lies outside and becomes `word`, the bytes of one voxel.
pub(crate) fn copy_picked(tile: &Tile, places: &[Vec<Option<usize>>; 3], word: &[u8], out: &mut [u8]) {
    match tile.dtype.bytes() {
        1 => copy::<1>(tile, places, word, out),
        2 => copy::<2>(tile, places, word, out),
        3 => copy::<3>(tile, places, word, out),
        4 => copy::<4>(tile, places, word, out),
        8 => copy::<8>(tile, places, word, out),
        _ => copy::<16>(tile, places, word, out),
    }
}

fn copy<const N: usize>(tile: &Tile, places: &[Vec<Option<usize>>; 3], word: &[u8], out: &mut [u8]) {
    let [columns, rows, planes] = places;
    let (from, out) = (tile.bytes().as_chunks::<N>().0, out.as_chunks_mut::<N>().0);
    let mut outside = [0; N];
    outside.copy_from_slice(word);
    let (stride, how) = (tile.strides[0], Columns::of(columns, tile));
    for (n, row) in out.chunks_exact_mut(columns.len().max(1)).enumerate() {
        let (Some(y), Some(z)) = (rows[n % rows.len()], planes[n / rows.len()]) else {
            row.fill(outside);
            continue;
        };
        let base = tile.offset as isize + y as isize * tile.strides[1] + z as isize * tile.strides[2];
        match &how {
            Columns::Stretches(stretches) => {
                let mut rest = row;
                for stretch in stretches {
                    let (part, after) = rest.split_at_mut(stretch.len);
                    rest = after;
                    let Some(first) = stretch.first else {
                        part.fill(outside);
                        continue;
                    };
                    let first = base + first as isize * stride;
                    match stretch.step * stride {
                        0 => part.fill(from[first as usize]),
                        1 => part.copy_from_slice(&from[first as usize..][..stretch.len]),
                        step => {
                            for (n, voxel) in part.iter_mut().enumerate() {
                                *voxel = from[(first + n as isize * step) as usize];
                            }
                        }
                    }
                }
            }
            Columns::Picks(picks, low) => {
                picks.gather(row.as_flattened_mut(), from[(base + low) as usize..].as_flattened());
            }
            Columns::Each(columns) => {
                for (voxel, column) in row.iter_mut().zip(columns) {
                    *voxel = column.map_or(outside, |column| from[(base + column) as usize]);
                }
            }
        }
    }
}

impl Columns {
    fn of(places: &[Option<usize>], tile: &Tile) -> Columns {
        let stretches = stretches(places);
        if LONG * stretches.len() <= places.len() {
            return Columns::Stretches(stretches);
        }
        let steps = places.iter().map(|p| p.map(|v| v as isize * tile.strides[0]));
        let columns: Vec<Option<isize>> = steps.collect();
        let low = columns.iter().flatten().copied().min().unwrap_or(0);
        let index = columns.iter().map(|c| c.and_then(|c| u32::try_from(c - low).ok()));
        match index.collect::<Option<Vec<u32>>>() {
            Some(index) => Columns::Picks(Picks::new(index, tile.dtype.bytes()), low),
            None => Columns::Each(columns),
        }
    }
}

/// Places as few stretches, in order.
fn stretches(places: &[Option<usize>]) -> Vec<Stretch> {
    let mut out = vec![];
    let mut begin = 0;
    while let Some(&first) = places.get(begin) {
        let step = match (first, places.get(begin + 1).copied().flatten()) {
            (Some(a), Some(b)) if b.abs_diff(a) <= 1 => b as isize - a as isize,
            _ => 0,
        };
        let goes_on = |place: Option<usize>, n: usize| match (first, place) {
            (Some(first), Some(place)) => place as isize == first as isize + n as isize * step,
            (first, place) => first == place,
        };
        let rest = &places[begin..];
        let len = (1..rest.len()).find(|&n| !goes_on(rest[n], n)).unwrap_or(rest.len());
        out.push(Stretch { len, first, step });
        begin += len;
    }
    out
}

/// The bytes of a voxel outside, where the boundary has a value of its own for it.
pub(crate) fn outside(boundary: Boundary, dtype: DType) -> Vec<u8> {
    match boundary {
        Boundary::Constant(v) | Boundary::Cut(v) => {
            with_element!(dtype, T => bytemuck::bytes_of(&T::from_f64_saturating(v)).to_vec(), else => vec![0; dtype.bytes()])
        }
        _ => vec![0; dtype.bytes()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_what_was_listed() {
        let lists: [&[Option<usize>]; 6] = [
            &[],
            &[Some(3)],
            &[None, None, Some(0), Some(0), Some(1), Some(2), Some(2), None],
            &[Some(2), Some(1), Some(0), Some(0), Some(1), Some(9), Some(8)],
            &[Some(1), Some(0), None, Some(0), None],
            &[Some(4), Some(6), Some(8), Some(7), Some(7), Some(7)],
        ];
        for list in lists {
            let made: Vec<Option<usize>> = stretches(list)
                .iter()
                .flat_map(|s| {
                    (0..s.len).map(|n| s.first.map(|f| (f as isize + n as isize * s.step) as usize))
                })
                .collect();
            assert_eq!(made, list);
        }
        let edge: Vec<Option<usize>> = (0..20).map(|n: usize| Some(n.clamp(4, 15) - 4)).collect();
        assert_eq!(stretches(&edge).len(), 3);
    }
}
