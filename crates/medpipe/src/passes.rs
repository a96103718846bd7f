//! Point operations on voxels: as few passes as can be, each on a piece that stays in the cache.

use medcore::{Box3, PointRun, RowAt};
use medkernels::linear::{self, Linear};
use medkernels::points::{self, Row};
use medkernels::streamed::Streamed;

use crate::tile::Tile;

/// Voxels that point operations are given at once: 4 KiB, which stay in the first cache level through a chain of them.
const RUN: usize = 1 << 10;

/// Voxels that are gone through forwards: 256 KiB, a part of the second cache level.
const BLOCK: usize = 64 << 10;

/// Voxels of the shortest rows that are stored past the caches one by one.
const ROW: usize = 64;

/// What goes through a piece of voxels once.
enum Pass<'a> {
    Run(&'a PointRun),
    /// Linear maps that go through a row together.
    Linear(Vec<Linear>),
}

impl Pass<'_> {
    fn run(&self, row: Row<'_>, at: &RowAt) {
        match self {
            Pass::Run(point) => (point.run)(row, at),
            Pass::Linear(maps) => linear::run(row, maps),
        }
    }
}

/// Point operations in as few passes as can be.
fn passes<'a>(runs: &[&'a PointRun]) -> Vec<Pass<'a>> {
    let mut out: Vec<Pass<'a>> = vec![];
    for run in runs {
        if run.linear.is_empty() {
            out.push(Pass::Run(run));
        }
        for map in &run.linear {
            match out.last_mut() {
                Some(Pass::Linear(maps)) if maps.last().is_some_and(|last| map.absorbs(*last)) => {
                    maps.pop();
                    maps.push(*map);
                }
                Some(Pass::Linear(maps)) => {
                    maps.push(*map);
                    if linear::together(maps) < maps.len() {
                        maps.pop();
                        out.push(Pass::Linear(vec![*map]));
                    }
                }
                _ => out.push(Pass::Linear(vec![*map])),
            }
        }
    }
    out
}

/// Runs point operations on a stretch of voxels, whatever their places; `src` holds them, if they are not in their place yet.
fn run_flat(runs: &[&PointRun], at: &RowAt, voxels: &mut [f32], src: Option<&[f32]>) {
    let passes = passes(runs);
    let mut rest = voxels;
    // From the end, as [`run_points`] does, but forwards in each block: that is how memory is read ahead of its use.
    while !rest.is_empty() {
        let start = rest.len().saturating_sub(BLOCK);
        let (before, block) = rest.split_at_mut(start);
        let from = src.map(|src| &src[start..start + block.len()]);
        run_block(&passes, at, block, from);
        rest = before;
    }
}

fn run_block(passes: &[Pass<'_>], at: &RowAt, voxels: &mut [f32], src: Option<&[f32]>) {
    // What is read and written once only needs no place for what comes next. A point that is no linear map may copy voxels first.
    let piece = if let [Pass::Linear(_)] = passes { BLOCK } else { RUN };
    let (mut rest, mut start) = (voxels, 0);
    while !rest.is_empty() {
        let (voxels, after) = rest.split_at_mut(piece.min(rest.len()));
        let from = src.map(|src| &src[start..]);
        // While a piece is worked on in the cache, memory is idle: the next one is fetched, a share with each pass.
        let next = after.len().min(piece);
        let share = next.div_ceil(passes.len().max(2) - 1);
        for (n, pass) in passes.iter().enumerate() {
            match (n.checked_sub(1), from) {
                (None, Some(src)) => pass.run(Row::From { src: &src[..voxels.len()], dst: voxels }, at),
                (None, None) => pass.run(Row::Here(voxels), at),
                (Some(n), _) => {
                    let share = (n * share).min(next)..((n + 1) * share).min(next);
                    if let Some(src) = from {
                        points::fetch(&src[voxels.len()..][share.clone()]);
                    }
                    points::fetch(&after[share]);
                    pass.run(Row::Here(voxels), at);
                }
            }
        }
        start += voxels.len();
        rest = after;
    }
}

/// Runs point operations, one after the other on a piece of the box that stays in the cache; `from` holds the box's
/// voxels, if they are not in their place yet.
pub(crate) fn run_points(
    runs: &[(Option<usize>, PointRun)],
    channel: usize,
    b: &Box3,
    domain: [usize; 3],
    voxels: &mut [f32],
    from: Option<&Tile>,
) {
    let mine = of_channel(runs, channel);
    let src = from.map(|tile| tile.packed_part(b, b));
    if !mine.is_empty() && mine.iter().all(|run| !run.indexed) && src != Some(None) {
        let at = RowAt { index: b.start, shape: domain, channel };
        return run_flat(&mine, &at, voxels, src.flatten());
    }
    let mut rest = voxels;
    // From the end: a measurement has just gone through the same voxels, and its last ones are still in the cache.
    for part in pieces(b, RUN).rev() {
        let voxels;
        (rest, voxels) = rest.split_at_mut(rest.len() - part.len());
        let at = |row: usize| {
            let [x, y, z] = part.start;
            RowAt { index: [x, y + row % part.shape[1], z + row / part.shape[1]], shape: domain, channel }
        };
        let mut left = &mine[..];
        if let Some(tile) = from {
            match (tile.packed_part(b, &part), &mine[..]) {
                (Some(src), [first, others @ ..]) if !first.indexed => {
                    (first.run)(Row::From { src, dst: voxels }, &at(0));
                    left = others;
                }
                (Some(src), _) => voxels.copy_from_slice(src),
                (None, _) => tile.copy_part(b, &part, voxels),
            }
        }
        for run in left {
            if run.indexed {
                for (row, voxels) in voxels.chunks_mut(part.shape[0]).enumerate() {
                    (run.run)(Row::Here(voxels), &at(row));
                }
            } else {
                (run.run)(Row::Here(voxels), &at(0));
            }
        }
    }
}

/// Those that a channel is given.
fn of_channel(runs: &[(Option<usize>, PointRun)], channel: usize) -> Vec<&PointRun> {
    runs.iter().filter(|(c, _)| c.is_none_or(|c| c == channel)).map(|(_, r)| r).collect()
}

/// Runs point operations on the voxels of a box, which lie in rows, on their way past the caches; false if it is not done: they ask where a voxel lies, or rows
/// are short.
pub(crate) fn stream_points(
    runs: &[(Option<usize>, PointRun)],
    channel: usize,
    b: &Box3,
    domain: [usize; 3],
    from: &Tile,
    to: &mut Streamed<'_>,
) -> bool {
    let mine = of_channel(runs, channel);
    if mine.is_empty() || mine.iter().any(|run| run.indexed) {
        return false;
    }
    let (passes, at) = (passes(&mine), RowAt { index: b.start, shape: domain, channel });
    if let Some(voxels) = from.packed_part(b, b) {
        stream_flat(&passes, &at, voxels, to);
        return true;
    }
    if b.shape[0] < ROW {
        return false;
    }
    pieces(b, 1).all(|row| from.packed_part(b, &row).map(|row| stream_flat(&passes, &at, row, to)).is_some())
}

fn stream_flat(passes: &[Pass<'_>], at: &RowAt, voxels: &[f32], to: &mut Streamed<'_>) {
    let (before, maps) = match passes {
        [Pass::Linear(maps)] => return to.put_mapped(voxels, maps),
        [before @ .., Pass::Linear(maps)] => (before, Some(maps)),
        all => (all, None),
    };
    let mut piece = [0.0; RUN];
    for src in voxels.chunks(RUN) {
        let piece = &mut piece[..src.len()];
        let mut from = Some(src);
        for pass in before {
            let row = match from.take() {
                Some(src) => Row::From { src, dst: &mut *piece },
                None => Row::Here(&mut *piece),
            };
            pass.run(row, at);
        }
        match maps {
            Some(maps) => to.put_mapped(piece, maps),
            None => to.put(bytemuck::cast_slice(piece)),
        }
    }
}

/// Boxes of about so many voxels, whole rows at least, that follow one another in a packed box.
pub(crate) fn pieces(b: &Box3, voxels: usize) -> impl DoubleEndedIterator<Item = Box3> {
    let Box3 { start, shape: [nx, ny, nz] } = *b;
    let (rows, planes) = match voxels / (nx * ny).max(1) {
        0 => ((voxels / nx.max(1)).max(1), 1),
        planes => (ny.max(1), planes),
    };
    (0..nz).step_by(planes).flat_map(move |z| {
        (0..ny).step_by(rows).map(move |y| Box3 {
            start: [start[0], start[1] + y, start[2] + z],
            shape: [nx, rows.min(ny - y), planes.min(nz - z)],
        })
    })
}
