//! A chain's whole output, slab by slab on all threads.

use std::sync::Arc;

use medcore::{
    Boundary, Box3, DType, Grid, Keep, Lattice, Measure, Measured, Meta, Of, RawVolume, Storage, Volume, Warp,
};
use medkernels::buffer::Buffer;
use medkernels::copy::copy_strided;
use medkernels::float_env::FloatEnv;

use crate::Result;
use crate::chain::{Chain, Moved, Op, Stage};
use crate::evaluate::buffer;
use crate::host;
use crate::look::look;
use crate::measure::{self, Slice};
use crate::part::inner;
use crate::records::{Begun, Ticket};
use crate::source::Source;
use crate::tile::{Want, packed_strides};

/// In which order voxels are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// x fastest, as in files.
    #[default]
    XFastest,
    /// z fastest: C-contiguous (x, y, z), as networks want it. Channels are slowest.
    ZFastest,
}

/// A chain that can be computed box by box; `fresh` is its source's buffer if nobody else holds it.
pub(crate) struct Resolved {
    pub(crate) chain: Chain,
    pub(crate) fresh: Option<Arc<Buffer>>,
}

impl Chain {
    /// The output in memory, x fastest: float32, or the dtype of the values.
    pub(crate) fn compute(&self, want: Want) -> Result<Volume> {
        self.compute_as(want, Layout::XFastest)
    }

    /// The output in memory, in a layout.
    pub(crate) fn compute_as(&self, want: Want, layout: Layout) -> Result<Volume> {
        let _env = FloatEnv::enter();
        if let (Layout::ZFastest, Some(made)) = (layout, self.as_made()?) {
            // What nobody else holds and lies so need not be copied.
            if want.dtype(made.stored_dtype()) == made.stored_dtype() && lies_in_c(&made) {
                return Ok(made);
            }
            return Chain { source: Source::Memory(made), ..self.clone() }.compute_now(want, layout);
        }
        self.on_voxels(|chain| chain.compute_now(want, layout))
    }

    /// Runs `work` on the chain; one that begins with an entry of a cache begins with the entry's file, or with the voxels just made for it,
    /// and one that shares voxels with other patches with those.
    pub(crate) fn on_voxels<T>(&self, mut work: impl FnMut(&Chain) -> Result<T>) -> Result<T> {
        match &self.source {
            Source::Cached(kept) => kept.with(|source| work(&Chain { source, ..self.clone() })),
            Source::Shared(shared) => work(&self.on_shared(shared)?),
            Source::Stack(stack) => stack.on_voxels(&mut |s| work(&self.on_stack(s)?)),
            _ => work(self),
        }
    }

    fn compute_now(&self, want: Want, layout: Layout) -> Result<Volume> {
        let (grid, extra, meta) = (*self.grid(), self.source.extra().to_vec(), self.source.meta().clone());
        let dtype = want.dtype(self.dtype());
        if let Some(whole) = self.channel_by_channel(want, layout)? {
            return stored(whole, dtype, layout, grid, extra, meta);
        }
        let resolved = self.resolved()?;
        if let (Layout::XFastest, Some(v)) = (layout, resolved.as_it_is(want)) {
            return Ok(v);
        }
        let whole = match layout {
            Layout::XFastest => resolved.whole(want)?,
            Layout::ZFastest => match resolved.chain.turned_to_c() {
                Some(chain) => Resolved { chain, fresh: None }.whole(want)?,
                None => resolved.transposed(want)?,
            },
        };
        stored(whole, dtype, layout, grid, extra, meta)
    }

    /// Numbers of the item as it stands at the end of the chain; `other` is the item that decides which voxels count, if one does. Whether the numbers will be
    /// `kept` decides in which form some are made.
    pub(crate) fn measured(&self, m: &Measure, other: Option<&Chain>, kept: bool) -> Result<Measured> {
        let _env = FloatEnv::enter();
        self.on_voxels(|chain| match (&m.of, &m.keep) {
            (Of::Classes { .. } | Of::Voxels { .. }, Keep::All | Keep::Where { .. }) => {
                chain.classes(m, other, kept)
            }
            (Of::Drawn { shares, inside }, Keep::All) => {
                Ok(Measured { drawn: chain.drawn(shares, inside)?, ..Measured::default() })
            }
            (Of::Classes { .. } | Of::Voxels { .. } | Of::Drawn { .. }, ..)
            | (_, Keep::Label { .. } | Keep::Where { .. }) => Err(measure::unsupported(m).into()),
            _ => chain.measured_now(m),
        })
    }

    fn measured_now(&self, m: &Measure) -> Result<Measured> {
        let (whole, slices) = self.resolved()?.measured(m, None)?;
        let shape = self.grid().shape;
        let plane = (shape[0] * shape[1]).max(1);
        let blocks: Vec<&[f32]> = whole.as_slice::<f32>().chunks(plane).collect();
        measure::total(m, &slices, shape, &blocks, None)
    }

    /// Runs whatever needs the whole volume, until only stages remain that can be computed box by box.
    pub(crate) fn resolved(&self) -> Result<Resolved> {
        let mut now = Resolved { chain: self.recalled()?, fresh: None };
        loop {
            now.chain = now.chain.with_coefficients();
            let Some(at) = (0..now.chain.stages.len()).find(|&k| now.chain.needs_whole(k)) else {
                return Ok(now);
            };
            let needed = now.chain.needed_before(at);
            let rest = now.chain.stages.split_off(at + 1);
            let Some(stage) = now.chain.stages.pop() else { return Ok(now) };
            let (grid, dtype) = (*now.chain.grid(), now.chain.dtype());
            let (extra, meta) = (now.chain.source.extra().to_vec(), now.chain.source.meta().clone());
            let mut next = Chain { stages: vec![], ..now.chain.clone() };
            let (made, dtype) = match stage.op {
                Op::Host(run) => {
                    let want = if stage.dtype == DType::F32 { Want::F32 } else { Want::Stored };
                    let whole = Arc::new(now.whole(want)?);
                    let volume = Volume::packed(whole, stage.dtype, grid, extra, meta)?;
                    next.source = Source::Memory(host::changed(&run, &stage.label, volume)?);
                    next.stages.extend(rest);
                    now = Resolved { chain: next, fresh: None };
                    continue;
                }
                Op::Global(only, g) => {
                    let mut whole = now.whole(Want::Stored)?;
                    let channels = whole.as_bytes_mut().chunks_mut((grid.len() * dtype.bytes()).max(1));
                    for (_, bytes) in channels.enumerate().filter(|(c, _)| only.is_none_or(|only| only == *c))
                    {
                        (g.run)(RawVolume { bytes, dtype, shape: grid.shape })?;
                    }
                    (Arc::new(whole), dtype)
                }
                Op::Measure(only, m, label, ticket) => {
                    let begun = ticket.as_ref().map(Ticket::begin);
                    if let Some(Begun::Known(numbers)) = begun {
                        now.chain.push_known(only, &m, label.as_ref(), &numbers)?;
                        now.chain.stages.extend(rest);
                        continue;
                    }
                    let mask = match (&m.keep, &label) {
                        (Keep::Label { values, .. }, Some(l)) => Some(measure::mask(l, values)?),
                        _ => None,
                    };
                    let seen = match now.chain.turn_to_measure(&m) {
                        Some((turn, chain)) => {
                            Resolved { chain, fresh: None }.seen(only, &m, None)?.turned_back(turn, &now)?
                        }
                        None => now.seen(only, &m, mask.as_deref())?,
                    };
                    next.source = seen.source;
                    next.push_following(only, &m, label.as_ref(), &seen.numbers)?;
                    next.stages.extend(rest);
                    if let Some(Begun::Mine(measuring)) = begun {
                        measuring.put(seen.numbers);
                    }
                    now = Resolved { chain: next, fresh: seen.fresh };
                    continue;
                }
                _ => {
                    // What an oblique interpolation looks at is made once, not once for every slab.
                    let stored = matches!(&stage.op, Op::Interpolate(i) if i.keeps_dtype());
                    let want = if stored { Want::Stored } else { Want::F32 };
                    next.stages.push(stage);
                    next.stages.extend(rest);
                    let crop = Lattice { offset: needed.start.map(|v| v as i64), ..Lattice::IDENTITY };
                    now.chain.push_warp(&Warp::lattice("a part", &grid, crop, needed.shape))?;
                    let part = Arc::new(now.whole(want)?);
                    let part = Volume::packed(part, want.dtype(dtype), inner(&grid, &needed), extra, meta)?;
                    now = Resolved { chain: next.on_part(Source::Memory(part), &needed, &grid), fresh: None };
                    continue;
                }
            };
            next.source = Source::Memory(Volume::packed(made.clone(), dtype, grid, extra, meta)?);
            next.stages.extend(rest);
            now = Resolved { chain: next, fresh: Some(made) };
        }
    }

    /// The same chain, with what follows from measurements that were put down since it was planned in their place.
    fn recalled(&self) -> Result<Chain> {
        let mut out = Chain { stages: vec![], made: None, ..self.clone() };
        for stage in &self.stages {
            match &stage.op {
                Op::Measure(only, m, mask, Some(ticket)) if let Some(numbers) = ticket.numbers() => {
                    out.push_known(*only, m, mask.as_ref(), &numbers)?;
                }
                _ => out.stages.push(stage.clone()),
            }
        }
        Ok(out)
    }

    /// Whether stage `k` needs all voxels before it, in memory.
    fn needs_whole(&self, k: usize) -> bool {
        match &self.stages[k].op {
            op if op.is_whole() => true,
            Op::Interpolate(i) if !i.local() => {
                let needed = self.needed_before(k);
                let want = if i.keeps_dtype() { Want::Stored } else { Want::F32 };
                match self.lying(k, 0, &needed, want) {
                    // Samples of a row look at neighbours along x one after the other. To turn the voxels first costs about as much as to read a sample's neighbours once.
                    Some(tile) if !i.is_nearest() && needed.len() <= 4 * self.stages[k].grid.len() => {
                        tile.strides[0] != 1 && needed.shape[0] > 1
                    }
                    Some(_) => false,
                    None => true,
                }
            }
            _ => false,
        }
    }

    /// The box of the source that the whole output needs.
    pub(crate) fn source_box(&self) -> Box3 {
        self.needed_before(0)
    }

    /// The box that the whole output needs of what stage `k` is given.
    pub(crate) fn needed_before(&self, k: usize) -> Box3 {
        self.needed_for(k, Box3::whole(self.grid().shape))
    }

    /// The box that a box of the output needs of what stage `k` is given.
    pub(crate) fn needed_for(&self, k: usize, mut b: Box3) -> Box3 {
        for at in (k + 1..=self.stages.len()).rev() {
            let domain = self.shape_at(at - 1);
            b = match &self.stages[at - 1].op {
                Op::Lattice(m) => m.reads(&b),
                Op::Interpolate(i) => i.input_box(&b, domain),
                Op::Filter(_, f) => b.grown(f.halo, domain),
                Op::Apart(each) => self.needed_apart(at, each.len(), &b),
                op if op.is_whole() => Box3::whole(domain),
                _ => b,
            };
        }
        b
    }
}

impl Moved {
    /// The input box that an output box reads from.
    fn reads(&self, b: &Box3) -> Box3 {
        if let Some(inside) = self.input_inside(b) {
            return inside;
        }
        let (low, high) = self.lattice.input_span(b);
        let mut out = self.window;
        if matches!(self.boundary, Boundary::Constant(_) | Boundary::Edge) {
            for i in 0..3 {
                let (first, end) = (self.window.start[i] as i64, self.window.end()[i] as i64);
                let start = low[i].clamp(first, (end - 1).max(first));
                out.start[i] = start as usize;
                out.shape[i] = (high[i].clamp(start + 1, end.max(start + 1)) - start) as usize;
            }
        }
        out
    }
}

impl Resolved {
    /// The source itself, if there is nothing to do and it is in memory in the wanted form.
    fn as_it_is(&self, want: Want) -> Option<Volume> {
        match &self.chain.source {
            Source::Memory(v) if self.chain.stages.is_empty() => {
                let fits = v.scale().is_none() && (want == Want::Stored || v.stored_dtype() == DType::F32);
                fits.then(|| v.clone())
            }
            _ => None,
        }
    }

    /// The output, packed, x fastest.
    pub(crate) fn whole(self, want: Want) -> Result<Buffer> {
        let copied = self.viewable(want) && !self.chain.streams(want);
        if copied && (self.fresh.is_none() || !self.chain.stages.is_empty()) {
            return self.copied(want, packed_strides(self.chain.grid().shape));
        }
        Ok(self.run(want, None)?.0)
    }

    /// A view of voxels in memory, copied once, by channels of these strides.
    fn copied(&self, want: Want, strides: [isize; 3]) -> Result<Buffer> {
        let n = self.chain.grid().len() * want.dtype(self.chain.dtype()).bytes();
        let mut out = buffer(n * self.chain.channels())?;
        self.copy_view(want, strides, out.as_bytes_mut())?;
        Ok(out)
    }

    /// The same into a place of its own.
    pub(crate) fn copy_view(&self, want: Want, strides: [isize; 3], out: &mut [u8]) -> Result<()> {
        let shape = self.chain.grid().shape;
        let n = self.chain.grid().len() * want.dtype(self.chain.dtype()).bytes();
        for (c, out) in out.chunks_mut(n.max(1)).enumerate() {
            let view = self.chain.view(self.chain.stages.len(), c, &Box3::whole(shape), want)?;
            view.copy_to(out, strides, 0);
        }
        Ok(())
    }

    /// The output as float32, and what each slice contributes to a measurement.
    pub(crate) fn measured(self, m: &Measure, mask: Option<&[u8]>) -> Result<(Buffer, Vec<Slice>)> {
        self.run(Want::F32, Some((m, mask)))
    }

    fn run(mut self, want: Want, measure: Option<(&Measure, Option<&[u8]>)>) -> Result<(Buffer, Vec<Slice>)> {
        let grid = *self.chain.grid();
        let dtype = want.dtype(self.chain.dtype());
        let channels = self.chain.channels();
        // Nobody else sees the source: point operations run where the voxels lie.
        let mut in_place = None;
        let only_points = self.chain.stages.iter().all(|s| matches!(s.op, Op::Points(_)));
        if let (Some(fresh), true, DType::F32, DType::F32) =
            (self.fresh.take(), only_points, dtype, self.chain.source.stored_dtype())
        {
            let meta = self.chain.source.meta().clone();
            let extra = self.chain.source.extra().to_vec();
            self.chain.source = Source::Memory(Volume::packed(
                Arc::new(vec![]),
                dtype,
                Grid::new([0; 3], grid.affine),
                vec![],
                meta.clone(),
            )?);
            match Arc::try_unwrap(fresh) {
                Ok(b) => in_place = Some(b),
                Err(shared) => {
                    self.chain.source = Source::Memory(Volume::packed(shared, dtype, grid, extra, meta)?);
                }
            }
        }
        let moved = in_place.is_some();
        let source = &self.chain.source;
        if !moved
            && self.chain.stages.is_empty()
            && matches!(source, Source::File(_) | Source::Stack(_))
            && (source.compressed() || measure.is_none())
        {
            // A file as it is: read in its own best way, and looked at afterwards.
            if source.scale().is_some() && dtype != DType::F32 {
                self.chain.source = Source::Memory(source.load()?);
                return self.run(want, measure);
            }
            let mut whole = buffer(grid.len() * channels * dtype.bytes())?;
            source.read_all(want, whole.as_bytes_mut())?;
            let plane = (grid.shape[0] * grid.shape[1]).max(1);
            let slices = measure.map_or_else(Vec::new, |(m, mask)| {
                let planes: Vec<&[f32]> = whole.as_slice::<f32>().chunks(plane).collect();
                look(m, &planes, &grid, mask)
            });
            return Ok((whole, slices));
        }
        let chain = if moved { self.chain } else { self.chain.preloaded()? };
        let mut whole = match in_place {
            Some(b) => b,
            None => buffer(grid.len() * channels * dtype.bytes())?,
        };
        let slices = chain.fill_slabs(want, measure, moved, whole.as_bytes_mut())?;
        Ok((whole, slices))
    }

    /// The output, C-contiguous (x, y, z).
    pub(crate) fn transposed(self, want: Want) -> Result<Buffer> {
        let grid = *self.chain.grid();
        let dtype = want.dtype(self.chain.dtype());
        // Voxels that lie in memory are copied once; others are made first.
        if self.viewable(want) {
            return self.copied(want, c_strides(grid.shape));
        }
        let mut out = buffer(grid.len() * self.chain.channels() * dtype.bytes())?;
        let n = (grid.len() * dtype.bytes()).max(1);
        let made = self.whole(want)?;
        for (out, made) in out.as_bytes_mut().chunks_mut(n).zip(made.as_bytes().chunks(n)) {
            copy_strided(
                out,
                c_strides(grid.shape),
                0,
                made,
                packed_strides(grid.shape),
                0,
                grid.shape,
                dtype.bytes(),
            );
        }
        Ok(out)
    }

    /// Whether the output is only another view of voxels in memory.
    pub(crate) fn viewable(&self, want: Want) -> bool {
        let Source::Memory(v) = &self.chain.source else { return false };
        let plain = v.scale().is_none() && (want == Want::Stored || v.stored_dtype() == DType::F32);
        let inside = |s: &Stage| matches!(&s.op, Op::Lattice(m) if m.stays_inside(s.grid.shape));
        plain && self.chain.stages.iter().all(inside)
    }
}

/// A volume over computed voxels.
fn stored(
    whole: Buffer,
    dtype: DType,
    layout: Layout,
    grid: Grid,
    extra: Vec<usize>,
    meta: Arc<Meta>,
) -> Result<Volume> {
    let store: Arc<dyn Storage> = Arc::new(whole);
    if layout == Layout::XFastest {
        return Ok(Volume::packed(store, dtype, grid, extra, meta)?);
    }
    let before = |i: usize| extra[..i].iter().product::<usize>() * grid.len();
    let steps = (0..extra.len()).map(|i| before(i) as isize).collect();
    Ok(Volume::strided(store, dtype, grid, 0, c_strides(grid.shape), extra, steps)?.with_meta(meta))
}

/// Whether voxels are C-contiguous (x, y, z), channel by channel.
fn lies_in_c(v: &Volume) -> bool {
    let (shape, strides) = (v.grid().shape, v.strides());
    let c = c_strides(shape);
    let space = (0..3).all(|i| shape[i] <= 1 || strides[i] == c[i]);
    space && (0..v.channels()).all(|channel| v.channel_offset(channel) == channel * v.grid().len())
}

/// Strides of a C-contiguous (x, y, z) box.
pub(crate) fn c_strides(shape: [usize; 3]) -> [isize; 3] {
    [(shape[1] * shape[2]) as isize, shape[2] as isize, 1]
}
