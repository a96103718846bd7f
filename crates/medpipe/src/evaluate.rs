//! A box of a chain's output, pulled through its stages.
//!
//! Every stage asks the one before it for just the box that it needs. A stage's result for a voxel does not depend on the box it is part of,
//! so any tiling gives the same bits.

use medcore::{
    Boundary, Box3, DType, Error, Filter, FilterRun, FilterTile, Grid, PointRun, RawTile, RowAt, with_element,
};
use medkernels::buffer::Buffer;
use medkernels::element::Element;
use medkernels::linear::{self, Linear};
use medkernels::points::{self, Row};

use crate::Result;
use crate::chain::{Chain, Moved, Op};
use crate::tile::{Tile, Want, packed_strides};
use crate::values::{cast, relabel};

/// Voxels that point operations are given at once: 4 KiB, which stay in the first cache level through a chain of them.
const RUN: usize = 1 << 10;

/// Voxels that are gone through forwards: 256 KiB, a part of the second cache level.
const BLOCK: usize = 64 << 10;

pub(crate) fn buffer(bytes: usize) -> Result<Buffer> {
    Ok(Buffer::for_overwrite(bytes).map_err(Error::from)?)
}

impl Chain {
    /// Dtype after the first `k` stages.
    fn dtype_at(&self, k: usize) -> DType {
        if k == 0 { self.source.dtype() } else { self.stages[k - 1].dtype }
    }

    /// Grid after the first `k` stages.
    pub(crate) fn grid_at(&self, k: usize) -> Grid {
        if k == 0 { *self.source.grid() } else { self.stages[k - 1].grid }
    }

    /// Shape after the first `k` stages.
    pub(crate) fn shape_at(&self, k: usize) -> [usize; 3] {
        self.grid_at(k).shape
    }

    /// A box of a channel after the first `k` stages, if it is only another view of voxels in memory.
    pub(crate) fn lying(&self, k: usize, channel: usize, b: &Box3, want: Want) -> Option<Tile> {
        if k == 0 {
            return self.source.view(channel, b, want);
        }
        let Op::Lattice(m) = &self.stages[k - 1].op else { return None };
        let input = m.input_inside(b)?;
        Some(self.lying(k - 1, channel, &input, want)?.through(&m.lattice, b, &input))
    }

    /// A box of a channel after the first `k` stages, without a copy where the voxels already lie in memory.
    pub(crate) fn view(&self, k: usize, channel: usize, b: &Box3, want: Want) -> Result<Tile> {
        if k == 0
            && let Some(tile) = self.source.view(channel, b, want)
        {
            return Ok(tile);
        }
        if k > 0
            && let Op::Lattice(m) = &self.stages[k - 1].op
            && let Some(input) = m.input_inside(b)
        {
            let tile = self.view(k - 1, channel, &input, want)?;
            return Ok(tile.through(&m.lattice, b, &input));
        }
        let dtype = want.dtype(self.dtype_at(k));
        let mut out = buffer(b.len() * dtype.bytes())?;
        self.fill(k, channel, b, want, out.as_bytes_mut())?;
        Ok(Tile::packed(out, dtype, b.shape))
    }

    /// The same into a packed buffer, x fastest.
    pub(crate) fn fill(&self, k: usize, channel: usize, b: &Box3, want: Want, out: &mut [u8]) -> Result<()> {
        if b.is_empty() {
            return Ok(());
        }
        let Some(stage) = k.checked_sub(1).map(|i| &self.stages[i]) else {
            return self.source.read(channel, b, want, out);
        };
        match &stage.op {
            Op::Lattice(m) => self.fill_moved(k, m, channel, b, want, out),
            Op::Interpolate(i) => {
                if let Some(made) = stage.with_coefficients(&self.grid_at(k - 1)) {
                    let stages = self.stages[..k - 1].iter().cloned().chain(made).collect();
                    let chain = Chain { stages, ..self.clone() };
                    return chain.fill(chain.stages.len(), channel, b, want, out);
                }
                self.fill_interpolated(k, i, channel, b, want, out)
            }
            Op::Points(runs) => {
                let (voxels, domain) = (bytemuck::cast_slice_mut(out), stage.grid.shape);
                match self.lying(k - 1, channel, b, Want::F32) {
                    Some(tile) if tile.strides[0] == 1 || b.shape[0] == 1 => {
                        run_points(runs, channel, b, domain, voxels, Some(&tile));
                        return Ok(());
                    }
                    // Turned at once, of which each line is read once; not piece by piece.
                    Some(tile) => tile.copy_to(bytemuck::cast_slice_mut(voxels), packed_strides(b.shape), 0),
                    None => self.fill(k - 1, channel, b, Want::F32, bytemuck::cast_slice_mut(voxels))?,
                }
                run_points(runs, channel, b, domain, voxels, None);
                Ok(())
            }
            Op::Cast(to) => {
                let tile = self.view(k - 1, channel, b, Want::Stored)?;
                let packed = tile.into_packed(b)?;
                let to = *to;
                if want == Want::Stored || to == DType::F32 {
                    return cast(packed.bytes_packed(), packed.dtype, out, to);
                }
                let mut exact = buffer(b.len() * to.bytes())?;
                cast(packed.bytes_packed(), packed.dtype, exact.as_bytes_mut(), to)?;
                cast(exact.as_bytes(), to, out, DType::F32)
            }
            Op::Filter(only, f) if only.is_some_and(|c| c != channel) => {
                let want = if stage.dtype == self.dtype_at(k - 1) { want } else { Want::F32 };
                self.fill(k - 1, channel, b, want, out)
            }
            Op::Filter(_, f) => self.fill_filtered(k, f, channel, b, want, out),
            Op::Relabel(r) => {
                let dtype = stage.dtype;
                let mut made;
                let place: &mut [u8] = if want == Want::Stored {
                    &mut *out
                } else {
                    made = buffer(b.len() * dtype.bytes())?;
                    made.as_bytes_mut()
                };
                if let Some(tile) = self.lying(k - 1, channel, b, Want::Stored) {
                    tile.copy_to(place, packed_strides(b.shape), 0);
                } else {
                    self.fill(k - 1, channel, b, Want::Stored, place)?;
                }
                with_element!(dtype, T => relabel::<T>(bytemuck::cast_slice_mut(place), &r.table)?, else => ());
                if want == Want::F32 {
                    let exact = place.to_vec();
                    return cast(&exact, dtype, out, DType::F32);
                }
                Ok(())
            }
            Op::Apart(_) => {
                let alone = self.through(k, channel);
                let want = if alone.dtype() == stage.dtype { want } else { Want::F32 };
                alone.fill(alone.stages.len(), channel, b, want, out)
            }
            // They are resolved before a box is asked for.
            Op::Measure(..) | Op::Global(..) | Op::Host(_) => Err(Error::Unsupported {
                what: "a region".into(),
                found: format!("{} that has not been computed", stage.label),
                hint: "this is a defect of medoxide; please report it".into(),
            }
            .into()),
        }
    }

    fn fill_filtered(
        &self,
        k: usize,
        f: &Filter,
        channel: usize,
        b: &Box3,
        want: Want,
        out: &mut [u8],
    ) -> Result<()> {
        let domain = self.shape_at(k - 1);
        let input = b.grown(f.halo, domain);
        let (run, want_in) = match &f.run {
            FilterRun::Float(run) => {
                let tile = self.view(k - 1, channel, &input, Want::F32)?.into_packed(&input)?;
                let voxels = tile.packed_f32().unwrap_or_default();
                let tile = FilterTile { voxels, input, output: *b, domain };
                return Ok(run(&tile, bytemuck::cast_slice_mut(out))?);
            }
            FilterRun::Kept(run) => (run, Want::Stored),
            _ => return Err(unsupported_filter(&f.label).into()),
        };
        let tile = self.view(k - 1, channel, &input, want_in)?.into_packed(&input)?.into_aligned(&input)?;
        let dtype = tile.dtype;
        let tile = RawTile { bytes: tile.bytes_packed(), dtype, input, output: *b, domain };
        if want == Want::Stored || dtype == DType::F32 {
            return Ok(run(&tile, out)?);
        }
        let mut exact = buffer(b.len() * dtype.bytes())?;
        run(&tile, exact.as_bytes_mut())?;
        cast(exact.as_bytes(), dtype, out, DType::F32)
    }

    fn fill_moved(
        &self,
        k: usize,
        m: &Moved,
        channel: usize,
        b: &Box3,
        want: Want,
        out: &mut [u8],
    ) -> Result<()> {
        let dtype = want.dtype(self.stages[k - 1].dtype);
        if let Some(input) = m.input_inside(b) {
            if m.lattice.axes == [0, 1, 2] && m.lattice.flipped == [false; 3] {
                return self.fill(k - 1, channel, &input, want, out);
            }
            let tile = self.view(k - 1, channel, &input, want)?.through(&m.lattice, b, &input);
            tile.copy_to(out, packed_strides(b.shape), 0);
            return Ok(());
        }
        let (size, strides) = (dtype.bytes(), packed_strides(b.shape));
        if let Boundary::Constant(v) = m.boundary {
            let word = fill_word(dtype, v);
            if word.iter().all(|&x| x == word[0]) {
                out.fill(word[0]);
            } else {
                out.chunks_exact_mut(size).for_each(|c| c.copy_from_slice(&word));
            }
            let part = m.part_inside(b, self.stages[k - 1].grid.shape);
            if part.is_empty() {
                return Ok(());
            }
            let Some(input) = m.input_inside(&part) else { return Ok(()) };
            let tile = self.view(k - 1, channel, &input, want)?.through(&m.lattice, &part, &input);
            let offset = (0..3).map(|j| (part.start[j] - b.start[j]) * strides[j] as usize).sum();
            tile.copy_to(out, strides, offset);
            return Ok(());
        }
        // Every other boundary names an inside voxel for each outside one.
        let mut places: [Vec<usize>; 3] = Default::default();
        let mut input = Box3 { start: [0; 3], shape: [0; 3] };
        for j in 0..3 {
            let i = m.lattice.axes[j];
            let sign = if m.lattice.flipped[j] { -1 } else { 1 };
            places[j] = (b.start[j]..b.end()[j])
                .map(|o| {
                    let at = m.lattice.offset[i] + sign * o as i64 - m.window.start[i] as i64;
                    m.window.start[i] + m.boundary.index(at, m.window.shape[i]).unwrap_or(0)
                })
                .collect();
            let low = places[j].iter().copied().min().unwrap_or(0);
            let high = places[j].iter().copied().max().unwrap_or(0);
            input.start[i] = low;
            input.shape[i] = high - low + 1;
        }
        let tile = self.view(k - 1, channel, &input, want)?;
        let step = |j: usize, o: usize| {
            let i = m.lattice.axes[j];
            (places[j][o] - input.start[i]) as isize * tile.strides[i]
        };
        let columns: Vec<isize> = (0..b.shape[0]).map(|o| step(0, o)).collect();
        // Those inside are copied as they lie.
        let part = m.part_inside(b, self.stages[k - 1].grid.shape);
        if !part.is_empty() {
            let offset = (0..3).map(|j| (part.start[j] - b.start[j]) * strides[j] as usize).sum();
            let Tile { dtype, offset: at, strides: steps, shape, .. } = tile;
            let same = Tile::shared(tile.store.clone(), dtype, at, steps, shape);
            same.through(&m.lattice, &part, &input).copy_to(out, strides, offset);
        }
        let from = tile.bytes();
        let done = [0, 1, 2].map(|j| part.start[j] - b.start[j]..part.end()[j] - b.start[j]);
        // A row outside is mostly one inside again.
        let twin = |j: usize, o: usize| done[j].clone().find(|&p| p == o || places[j][p] == places[j][o]);
        let twins = [1, 2].map(|j| (0..b.shape[j]).map(|o| twin(j, o)).collect::<Vec<_>>());
        let wide = b.shape[0] * size;
        for inside in [true, false] {
            for n in 0..b.shape[1] * b.shape[2] {
                let (y, z) = (n % b.shape[1], n / b.shape[1]);
                if inside != (done[1].contains(&y) && done[2].contains(&z)) {
                    continue;
                }
                if let (false, Some(y), Some(z)) = (inside, twins[0][y], twins[1][z]) {
                    let twin = (y + b.shape[1] * z) * wide;
                    out.copy_within(twin..twin + wide, n * wide);
                    continue;
                }
                let base = tile.offset as isize + step(1, y) + step(2, z);
                let left = if inside { done[0].clone() } else { 0..0 };
                let row = &mut out[n * wide..][..wide];
                for x in (0..left.start).chain(left.end..b.shape[0]) {
                    put(row, x, from, (base + columns[x]) as usize, size);
                }
            }
        }
        Ok(())
    }
}

/// Copies one voxel of so many bytes; those of the usual sizes without a call.
fn put(row: &mut [u8], x: usize, from: &[u8], at: usize, size: usize) {
    match size {
        1 => row[x] = from[at],
        2 => row[2 * x..][..2].copy_from_slice(&from[2 * at..][..2]),
        4 => row[4 * x..][..4].copy_from_slice(&from[4 * at..][..4]),
        _ => row[x * size..][..size].copy_from_slice(&from[at * size..][..size]),
    }
}

/// What goes through a piece of voxels once.
enum Pass<'a> {
    Run(&'a PointRun),
    /// Two linear maps, or the last one.
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

/// Point operations in as few passes as can be: neighbouring linear maps two at a time.
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
                Some(Pass::Linear(maps)) if maps.len() < 2 => maps.push(*map),
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
    // What is read and written once only needs no place for what comes next.
    let piece = if passes.len() > 1 { RUN } else { BLOCK };
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
    let mine: Vec<_> = runs.iter().filter(|(c, _)| c.is_none_or(|c| c == channel)).map(|(_, r)| r).collect();
    let src = from.map(|tile| tile.packed_part(b, b));
    if !mine.is_empty() && mine.iter().all(|run| !run.indexed) && src != Some(None) {
        let at = RowAt { index: b.start, shape: domain, channel };
        return run_flat(&mine, &at, voxels, src.flatten());
    }
    let mut rest = voxels;
    // From the end: a measurement has just gone through the same voxels, and its last ones are still in the cache.
    for part in pieces(b).rev() {
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

/// Boxes of about [`RUN`] voxels that follow one another in a packed box.
fn pieces(b: &Box3) -> impl DoubleEndedIterator<Item = Box3> {
    let Box3 { start, shape: [nx, ny, nz] } = *b;
    let (rows, planes) = match RUN / (nx * ny).max(1) {
        0 => ((RUN / nx.max(1)).max(1), 1),
        planes => (ny.max(1), planes),
    };
    (0..nz).step_by(planes).flat_map(move |z| {
        (0..ny).step_by(rows).map(move |y| Box3 {
            start: [start[0], start[1] + y, start[2] + z],
            shape: [nx, rows.min(ny - y), planes.min(nz - z)],
        })
    })
}

impl Moved {
    /// The part of an output box whose images lie inside the window.
    pub(crate) fn part_inside(&self, b: &Box3, output: [usize; 3]) -> Box3 {
        let (inside, end) = (self.inside(output), b.end());
        let start = [0, 1, 2].map(|j| inside[j][0].clamp(b.start[j], end[j]));
        let stop = [0, 1, 2].map(|j| inside[j][1].clamp(start[j], end[j]));
        Box3 { start, shape: [0, 1, 2].map(|j| stop[j] - start[j]) }
    }

    /// The input box of an output box whose images all lie inside the window.
    pub(crate) fn input_inside(&self, b: &Box3) -> Option<Box3> {
        let (low, high) = self.lattice.input_span(b);
        let end = self.window.end();
        let inside = (0..3).all(|i| low[i] >= self.window.start[i] as i64 && high[i] <= end[i] as i64);
        inside.then(|| Box3 {
            start: low.map(|v| v as usize),
            shape: [0, 1, 2].map(|i| (high[i] - low[i]) as usize),
        })
    }
}

impl Tile {
    /// The same voxels, packed.
    pub(crate) fn into_packed(self, b: &Box3) -> Result<Tile> {
        let want = packed_strides(b.shape);
        if (0..3).all(|i| b.shape[i] <= 1 || self.strides[i] == want[i]) {
            return Ok(Tile { strides: want, ..self });
        }
        let mut out = buffer(b.len() * self.dtype.bytes())?;
        self.copy_to(out.as_bytes_mut(), want, 0);
        Ok(Tile::packed(out, self.dtype, b.shape))
    }

    /// The same packed voxels at an address that suits their dtype; an array of the caller's may lie at any.
    pub(crate) fn into_aligned(self, b: &Box3) -> Result<Tile> {
        if self.bytes_packed().as_ptr().align_offset(self.dtype.bytes()) == 0 {
            return Ok(self);
        }
        let mut out = buffer(b.len() * self.dtype.bytes())?;
        out.as_bytes_mut().copy_from_slice(self.bytes_packed());
        Ok(Tile::packed(out, self.dtype, b.shape))
    }

    /// The bytes of a packed tile.
    pub(crate) fn bytes_packed(&self) -> &[u8] {
        let size = self.dtype.bytes();
        let n: usize = self.shape.iter().product();
        &self.bytes()[self.offset * size..(self.offset + n) * size]
    }
}

fn unsupported_filter(label: &str) -> Error {
    let hint = "update medpipe together with medcore".into();
    Error::Unsupported { what: "this executor".into(), found: format!("the filter {label}"), hint }
}

/// The bytes of a fill value.
pub(crate) fn fill_word(dtype: DType, v: f64) -> Vec<u8> {
    with_element!(dtype, T => bytemuck::bytes_of(&T::from_f64_saturating(v)).to_vec(), else => vec![0; dtype.bytes()])
}
