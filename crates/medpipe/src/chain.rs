//! What is to be done to one item: stages, fused where that changes no bit or is better.

use std::fmt;
use std::sync::Arc;

use medcore::{
    Boundary, Box3, Clip, DType, Error, Filter, FilterRun, Global, Grid, Host, HostRun, ItemFacts, Keep,
    Lattice, Map, Measure, Measured, Of, Point, PointRun, Relabel, Result, Role, Sampler, Step, Warp,
};

use crate::inverse::Way;
use crate::records::{Made, Ticket};
use crate::source::Source;

/// The most voxels that one volume may have: 2^32, 16 GiB of float32.
pub(crate) const MOST_VOXELS: u64 = 1 << 32;

/// A source and the stages after it.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) source: Source,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) stages: Vec<Stage>,
    pub(crate) fuse: bool,
    /// What it is made of, while it is planned for a pipeline that keeps records.
    pub(crate) made: Option<Made>,
    /// Transforms that had nothing to do, each with the number of stages before it.
    pub(crate) idle: Vec<(usize, String)>,
    /// Where the source's voxels came from, if they were made on the way.
    pub(crate) began: Option<Arc<Way>>,
}

/// One stage: an operation, and what its output is like.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) op: Op,
    pub(crate) grid: Grid,
    pub(crate) dtype: DType,
    /// What `explain` prints.
    pub(crate) label: String,
    /// Where its voxels come from, of a warp that waits for a measurement.
    pub(crate) awaited: Option<Map>,
}

/// An operation on one channel, or on all.
#[derive(Clone)]
pub(crate) enum Op {
    Lattice(Moved),
    Interpolate(Interpolated),
    Points(Vec<(Option<usize>, PointRun)>),
    Cast(DType),
    Filter(Option<usize>, Filter),
    Global(Option<usize>, Global),
    Relabel(Relabel),
    /// Every channel by stages of its own, back to one grid.
    Apart(Arc<[Vec<Stage>]>),
    Measure(Option<usize>, Measure, Option<Arc<Chain>>, Option<Ticket>),
    /// A function of the caller, of all channels at once.
    Host(Changes),
}

/// A function of one volume's values.
pub(crate) type Changes = Arc<dyn Fn(medcore::Volume) -> Result<medcore::Volume> + Send + Sync>;

impl Op {
    /// Whether it needs all voxels before it.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Op::Measure(..) | Op::Global(..) | Op::Host(_))
    }
}

/// Voxels copied from places of the input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moved {
    pub(crate) lattice: Lattice,
    /// The part of the input that may be read; outside it the boundary rules.
    pub(crate) window: Box3,
    pub(crate) boundary: Boundary,
}

/// Voxels interpolated between places of the input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Interpolated {
    pub(crate) map: Map,
    pub(crate) sampler: [Sampler; 3],
    /// Whether linear samples are labels: the one with the largest share.
    pub(crate) votes: bool,
    pub(crate) boundary: Boundary,
    /// The value of samples beyond the centres of the outermost voxels, if they are not sampled.
    pub(crate) cut: Option<f64>,
    /// Whether the input holds coefficients of splines, where the sampler is cubic.
    pub(crate) coefficients: bool,
    pub(crate) composable: bool,
    /// How many interpolations were joined into this one.
    pub(crate) joined: usize,
}

impl Moved {
    /// For each output axis, the output indices whose images lie inside the window.
    pub(crate) fn inside(&self, output: [usize; 3]) -> [[usize; 2]; 3] {
        let shifted = self.shifted();
        [0, 1, 2].map(|j| shifted.inside(j, self.window.shape, output[j]))
    }

    /// The lattice with the window's first voxel as origin.
    fn shifted(&self) -> Lattice {
        let offset = [0, 1, 2].map(|i| self.lattice.offset[i] - self.window.start[i] as i64);
        Lattice { offset, ..self.lattice }
    }

    /// Whether every output voxel has its image inside the window.
    pub(crate) fn stays_inside(&self, output: [usize; 3]) -> bool {
        self.inside(output).iter().zip(output).all(|(r, n)| *r == [0, n])
    }
}

impl Chain {
    pub(crate) fn new(source: Source, name: &str, role: Role, fuse: bool) -> Chain {
        Chain { source, name: name.into(), role, stages: vec![], fuse, made: None, idle: vec![], began: None }
    }

    pub(crate) fn grid(&self) -> &Grid {
        self.stages.last().map_or(self.source.grid(), |s| &s.grid)
    }

    pub(crate) fn dtype(&self) -> DType {
        self.stages.last().map_or(self.source.dtype(), |s| s.dtype)
    }

    pub(crate) fn facts(&self) -> ItemFacts {
        ItemFacts { dtype: self.dtype(), grid: *self.grid(), ..self.source.facts(&self.name, self.role) }
    }

    pub(crate) fn channels(&self) -> usize {
        self.source.extra().iter().product()
    }

    /// What was planned so far, as far as one more step would change it.
    pub(crate) fn end(&self) -> (usize, Option<String>) {
        (self.stages.len(), self.stages.last().map(|s| s.label.clone()))
    }

    /// Notes a transform that had nothing to do.
    pub(crate) fn idles(&mut self, name: &str) {
        self.idle.push((self.stages.len(), name.into()));
    }

    pub(crate) fn push(&mut self, op: Op, dtype: DType, label: String) {
        let grid = *self.grid();
        self.stages.push(Stage { op, grid, dtype, label, awaited: None });
    }

    /// Appends a measurement that a warp waits for.
    pub(crate) fn push_awaited(&mut self, m: Measure, w: &Warp) -> Result<()> {
        self.push_one(Step::Measure(m), None, &|_| None)?;
        // What follows from it moves the voxels there.
        if let Some(last) = self.stages.last_mut() {
            last.grid = w.grid;
            last.awaited = matches!(last.op, Op::Measure(..)).then(|| w.map.clone());
        }
        Ok(())
    }

    /// Arithmetic needs real numbers.
    fn real(&self, what: &str) -> Result<()> {
        if self.dtype().is_real() { Ok(()) } else { Err(Error::not_numeric(what, self.dtype())) }
    }

    /// Appends a step that concerns this item alone; `channel` limits it to one.
    pub(crate) fn push_step(
        &mut self,
        step: Step,
        channel: Option<usize>,
        masks: &dyn Fn(&str) -> Option<Chain>,
    ) -> Result<()> {
        self.push_one(step, channel, masks)?;
        self.stepped();
        Ok(())
    }

    pub(crate) fn push_one(
        &mut self,
        step: Step,
        channel: Option<usize>,
        masks: &dyn Fn(&str) -> Option<Chain>,
    ) -> Result<()> {
        match step {
            Step::Point(Point::Run(run)) => {
                self.real(&run.label)?;
                let label = run.label.to_string();
                if let Some(Stage { op: Op::Points(runs), label: have, dtype, .. }) = self.stages.last_mut() {
                    runs.push((channel, run));
                    *have = format!("{have}; {label}");
                    *dtype = DType::F32;
                    return Ok(());
                }
                self.push(Op::Points(vec![(channel, run)]), DType::F32, label);
            }
            Step::Point(Point::Cast(to)) => {
                self.real("cast")?;
                if to != self.dtype() {
                    self.push(Op::Cast(to), to, format!("cast to {to}"));
                }
            }
            Step::Filter(f) => {
                self.real(&f.label)?;
                let label = f.label.clone();
                let dtype = if let FilterRun::Kept(_) = f.run { self.dtype() } else { DType::F32 };
                self.push(Op::Filter(channel, f), dtype, label);
            }
            Step::Global(g) => {
                let (label, dtype) = (g.label.clone(), self.dtype());
                self.push(Op::Global(channel, g), dtype, label);
            }
            Step::Relabel(r) => {
                if !self.dtype().is_integer() {
                    return Err(Error::Unsupported {
                        what: "remap_labels".into(),
                        found: format!("{} voxels", self.dtype()),
                        hint: "load the file with role=\"label\", or cast to an integer dtype".into(),
                    });
                }
                let (label, dtype) = (format!("rename {} labels", r.table.len()), self.dtype());
                self.push(Op::Relabel(r), dtype, label);
            }
            Step::Measure(m)
                if matches!(m.of, Of::Classes { .. } | Of::Voxels { .. } | Of::Drawn { .. })
                    || matches!(m.keep, Keep::Where { .. }) =>
            {
                return Err(crate::measure::unsupported(&m));
            }
            Step::Measure(m) => {
                self.real(&m.label)?;
                let mask = match &m.keep {
                    Keep::Label { item, .. } => {
                        let chain = masks(item).ok_or_else(|| {
                            Error::param(
                                &m.label,
                                "mask",
                                format!("label {item:?}, not in the sample"),
                                "a label item",
                            )
                        })?;
                        self.grid().expect_same(
                            &format!("label {item:?} as mask of {:?}", self.name),
                            chain.grid(),
                        )?;
                        Some(Arc::new(chain))
                    }
                    _ => None,
                };
                let ticket = self.ticket(channel, &m, mask.as_deref());
                if let Some(mask) = &mask {
                    self.depends_on(mask.made.as_ref());
                }
                if let Some(numbers) = ticket.as_ref().and_then(Ticket::numbers) {
                    self.push_known(channel, &m, mask.as_ref(), &numbers)?;
                } else {
                    let label = m.label.clone();
                    self.push(Op::Measure(channel, m, mask, ticket), DType::F32, label);
                }
            }
            Step::Warp(w) => self.push_warp(&w)?,
            Step::Remake(r) if channel.is_none() => *self = self.remade(r),
            Step::Take(t) if channel.is_none() => *self = self.taken(&t)?,
            Step::Host(Host { label, run: HostRun::Volume(run) }) => {
                self.real(&label)?;
                let dtype = if self.role == Role::Label { self.dtype() } else { DType::F32 };
                self.push(Op::Host(run), dtype, label);
            }
            Step::Items(_) | Step::Host(_) | Step::Remake(_) | Step::Take(_) => {
                return Err(Error::Unsupported {
                    what: "a step that changes the sample".into(),
                    found: format!("item {:?} alone", self.name),
                    hint: "use it in a pipeline".into(),
                });
            }
            other => {
                return Err(Error::Unsupported {
                    what: "this executor".into(),
                    found: format!("{other:?}"),
                    hint: "update medpipe together with medcore".into(),
                });
            }
        }
        Ok(())
    }

    /// Appends a warp, as the item's role wants it.
    pub(crate) fn push_warp(&mut self, w: &Warp) -> Result<()> {
        let voxels: u128 =
            w.grid.shape.iter().map(|&n| n as u128).product::<u128>() * self.channels() as u128;
        if voxels > u128::from(MOST_VOXELS) {
            let asked = u64::try_from(voxels * 4).unwrap_or(u64::MAX);
            return Err(Error::Limit { what: w.label.clone(), asked, allowed: MOST_VOXELS * 4 });
        }
        let label = self.role == Role::Label;
        let before = *self.grid();
        let lattice = w.map.affine().and_then(|map| Lattice::of(map, w.grid.shape));
        let boundary = match w.boundary {
            Boundary::Constant(_) | Boundary::Smallest if label => Boundary::Constant(w.label_fill),
            Boundary::Cut(_) if label => Boundary::Cut(w.label_fill),
            Boundary::Smallest => {
                let (window, boundary) = (Box3::whole(before.shape), Boundary::Constant(0.0));
                let inside = lattice
                    .is_some_and(|l| Moved { lattice: l, window, boundary }.stays_inside(w.grid.shape));
                if !inside {
                    return self.push_above_smallest(w);
                }
                boundary
            }
            b => b,
        };
        if let Some(lattice) = lattice {
            // On voxels there is nothing to blend.
            let boundary = if let Boundary::Cut(v) = boundary { Boundary::Constant(v) } else { boundary };
            let moved = Moved { lattice, window: Box3::whole(before.shape), boundary };
            if let Boundary::Constant(v) = boundary
                && !moved.stays_inside(w.grid.shape)
            {
                self.holds(v, &w.label)?;
            }
            self.push_moved(moved, w);
            return Ok(());
        }
        let sampler = if label { [w.label_sampler; 3] } else { w.sampler };
        let votes = label && !w.label_sampler.is_nearest();
        let pointwise = sampler.iter().all(|s| s.is_pointwise());
        let uniform = pointwise && sampler == [sampler[0]; 3];
        if !(uniform || w.map.is_separable() && (pointwise || w.map.affine().is_some())) {
            return Err(Error::Unsupported {
                what: w.label.clone(),
                found: format!("{} along oblique axes", sampler.map(|s| s.to_string()).join(", ")),
                hint:
                    "take linear, cubic or nearest; area, Lanczos and different samplers go along axes only"
                        .into(),
            });
        }
        if w.clip != Clip::No && !label && sampler.iter().any(|s| s.overshoots()) {
            return self.push_clipped(w);
        }
        let (map, composable) = (w.map.clone(), w.composable && pointwise);
        let (boundary, cut) = match boundary {
            // Inside, splines go on as a mirror's would; others look at nothing outside.
            Boundary::Cut(v) if sampler.contains(&Sampler::Cubic) => (Boundary::Reflect, Some(v)),
            Boundary::Cut(v) => (Boundary::Edge, Some(v)),
            b => (b, None),
        };
        let next =
            Interpolated { map, sampler, votes, boundary, cut, coefficients: false, composable, joined: 1 };
        if !next.keeps_dtype() {
            self.real(&w.label)?;
        }
        let dtype = if next.keeps_dtype() { self.dtype() } else { DType::F32 };
        let fill = if let Boundary::Constant(v) = boundary { Some(v) } else { cut };
        if let (true, Some(v)) = (next.keeps_dtype(), fill) {
            self.holds(v, &w.label)?;
        }
        if let Some((first, between)) = self.joinable(&next) {
            let mut map = first.map;
            if let Some(l) = between {
                map = map.after(&l.to_affine().into());
                self.stages.pop();
            }
            let joined = Interpolated { map: map.after(&next.map), joined: first.joined + 1, ..next };
            if let Some(last) = self.stages.last_mut() {
                last.label = format!("{}; {}", last.label, w.label);
                last.op = Op::Interpolate(joined);
                last.grid = w.grid;
            }
            return Ok(());
        }
        let (op, label) = (Op::Interpolate(next), w.label.clone());
        self.stages.push(Stage { op, grid: w.grid, dtype, label, awaited: None });
        Ok(())
    }

    /// What follows from a measurement whose numbers are known, in its place: float32, and no interpolation is joined with one before.
    pub(crate) fn push_known(
        &mut self,
        channel: Option<usize>,
        m: &Measure,
        mask: Option<&Arc<Chain>>,
        numbers: &[Measured],
    ) -> Result<()> {
        if !matches!(self.stages.last(), Some(Stage { op: Op::Points(_), .. })) {
            self.push(Op::Points(vec![]), DType::F32, format!("{} (recorded)", m.label));
        }
        self.push_following(channel, m, mask, numbers)
    }

    /// The steps that follow from a measurement, on the channels that were measured. What they measure in turn has no name, and the same mask.
    pub(crate) fn push_following(
        &mut self,
        channel: Option<usize>,
        m: &Measure,
        mask: Option<&Arc<Chain>>,
        numbers: &[Measured],
    ) -> Result<()> {
        let made = self.made.take();
        for (n, one) in numbers.iter().enumerate() {
            let only = channel.or((numbers.len() > 1).then_some(n));
            for step in (m.then)(one)? {
                // All channels move at once, with the first one's numbers.
                if n == 0 || !matches!(step, Step::Warp(_)) {
                    self.push_step(step, only, &|name| {
                        mask.filter(|c| c.name == name).map(|c| (**c).clone())
                    })?;
                }
            }
        }
        self.made = made;
        Ok(())
    }

    /// No interpolation that follows is joined with one so far.
    pub(crate) fn close(&mut self) {
        for stage in self.stages.iter_mut().rev().take(2) {
            if let Op::Interpolate(i) = &mut stage.op {
                i.composable = false;
            }
        }
    }

    /// The interpolation just before (a flip or permutation may lie between) that `next` may be joined with.
    fn joinable(&self, next: &Interpolated) -> Option<(Interpolated, Option<Lattice>)> {
        if !self.fuse {
            return None;
        }
        let fits = |first: &Interpolated| {
            first.composable
                && next.composable
                && first.sampler == next.sampler
                && first.votes == next.votes
                && (first.boundary, first.cut) == (next.boundary, next.cut)
        };
        match &self.stages[..] {
            [.., Stage { op: Op::Interpolate(first), .. }] if fits(first) => Some((first.clone(), None)),
            [
                ..,
                Stage { op: Op::Interpolate(first), grid, .. },
                Stage { op: Op::Lattice(m), grid: g, .. },
            ] if fits(first) && m.stays_inside(g.shape) && grid.len() == g.len() => {
                Some((first.clone(), Some(m.lattice)))
            }
            _ => None,
        }
    }

    /// Appends a lattice, folded into one before it where that changes nothing.
    fn push_moved(&mut self, next: Moved, w: &Warp) {
        if self.fuse
            && let Some(last) = self.stages.last_mut()
            && let Op::Lattice(first) = &last.op
            && let Some(folded) = fold(first, last.grid.shape, &next, w.grid.shape)
        {
            last.op = Op::Lattice(folded);
            last.grid = w.grid;
            last.label = format!("{}; {}", last.label, w.label);
            return;
        }
        let dtype = self.dtype();
        let (op, label) = (Op::Lattice(next), w.label.clone());
        self.stages.push(Stage { op, grid: w.grid, dtype, label, awaited: None });
    }

    /// Whether a fill value can stand in the item's dtype.
    fn holds(&self, v: f64, what: &str) -> Result<()> {
        let dtype = self.dtype();
        let fits = if dtype.is_integer() {
            medcore::with_element!(dtype, T => {
                use medkernels::element::Element;
                T::from_f64_saturating(v).to_f64() == v
            }, else => false)
        } else {
            dtype.is_float() || v == 0.0
        };
        if fits {
            return Ok(());
        }
        Err(Error::param(
            what,
            "value",
            v,
            format!("a value that {dtype} holds (cast the image to float32 first)"),
        ))
    }
}

/// `next` after `first` as one lattice, where the voxels are the same.
fn fold(first: &Moved, middle: [usize; 3], next: &Moved, output: [usize; 3]) -> Option<Moved> {
    let lattice = next.lattice.after(&first.lattice);
    if next.stays_inside(output) && next.window == Box3::whole(middle) {
        // Crop, flip or permute of anything: the first one's outside is the only outside.
        return Some(Moved { lattice, ..first.clone() });
    }
    if first.stays_inside(middle) {
        // Pad of a crop: what lies outside the crop is outside, though the input has voxels there.
        let (low, high) = first.lattice.input_span(&Box3::whole(middle));
        let window =
            Box3 { start: low.map(|v| v as usize), shape: [0, 1, 2].map(|i| (high[i] - low[i]) as usize) };
        return Some(Moved { lattice, window, boundary: next.boundary });
    }
    match (first.boundary, next.boundary) {
        (Boundary::Constant(a), Boundary::Constant(b))
            if a.to_bits() == b.to_bits() && covers(first, middle) =>
        {
            Some(Moved { lattice, ..first.clone() })
        }
        _ => None,
    }
}

/// Whether every voxel of the first one's window has a place in its output, so that nothing is lost in between.
fn covers(first: &Moved, middle: [usize; 3]) -> bool {
    first.inside(middle).iter().zip(first.lattice.axes).all(|(r, i)| r[1] - r[0] == first.window.shape[i])
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Lattice(m) => write!(f, "copy ({})", m.boundary),
            Op::Interpolate(i) => write!(f, "interpolate ({}, {})", i.how(), i.outside()),
            Op::Points(p) => write!(f, "{} point operations", p.len()),
            Op::Cast(d) => write!(f, "cast to {d}"),
            Op::Filter(_, x) => write!(f, "filter, halo {:?}", x.halo),
            Op::Global(..) => f.write_str("whole volume"),
            Op::Relabel(_) => f.write_str("rename labels"),
            Op::Apart(_) => f.write_str("channel by channel"),
            Op::Measure(_, m, ..) => write!(f, "{m:?}"),
            Op::Host(_) => f.write_str("a function of the caller"),
        }
    }
}
