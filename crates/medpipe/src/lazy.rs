//! A volume that is read when its values are asked for.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use medcore::{DType, Grid, ItemFacts, Key, Meta, Role, Step, Volume};

use crate::chain::Chain;
use crate::compute::Layout;
use crate::memo::Memo;
use crate::plan::{Planned, Reading, as_label};
use crate::planner::plan;
use crate::planning::{Planning, State};
use crate::source::Source;
use crate::tile::Want;
use crate::{AxisSlice, Cache, Kept, Node, Pipeline, Result};

/// A file or an array, and what is to be done to it. Cheap to clone; nothing is read until values, or a shape that depends on them, are asked for.
#[derive(Clone)]
pub struct LazyVolume {
    pub(crate) start: Chain,
    /// What follows a shape which only the voxels decide.
    pub(crate) pending: Arc<[Pending]>,
    pub(crate) planned: Arc<OnceLock<Chain>>,
    pub(crate) made: Memo,
    /// Every step so far, for pickling and for the names of random draws; `None` where it did not come about by steps alone.
    pub(crate) history: Option<Arc<[Applied]>>,
    pub(crate) nodes: Arc<[Node]>,
    /// What it came from, if that can be opened again.
    pub(crate) origin: Option<Arc<Origin>>,
    /// The name of the sample for random draws, if it is not the file's.
    pub(crate) name: Option<Arc<str>>,
}

#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) from: Begun,
    /// The volume before any step.
    pub(crate) start: Chain,
}

/// What can be opened again.
#[derive(Clone, Debug)]
pub(crate) enum Begun {
    File {
        file: medio::VolumeFile,
        mapped: bool,
    },
    /// Volumes as channels, each of which can be made again.
    Stack(Arc<[LazyVolume]>),
}

/// What waits for a shape.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    Step(Node, Key),
    /// All before, kept in a cache.
    Kept(Arc<Kept>),
}

impl Pending {
    fn name(&self) -> String {
        match self {
            Pending::Step(node, _) => node.name.clone(),
            Pending::Kept(kept) => {
                format!("{} ({})", kept.name(), if kept.is_there() { "cache hit" } else { "cache miss" })
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Applied {
    Transform(Node, u64),
    Slice([AxisSlice; 3]),
    Pipeline { pipeline: Pipeline, id: String, epoch: u64 },
    Cached(Cache),
}

impl LazyVolume {
    /// A file as an image; only its header is read.
    ///
    /// # Errors
    /// As [`medio::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<LazyVolume> {
        LazyVolume::open_as(path, Role::Image)
    }

    /// A file in a role. A label file that stores floats or scaled integers is read at once and becomes the smallest integer dtype.
    ///
    /// # Errors
    /// As [`medio::open`]; [`medcore::Error::Data`] for a label whose values are not whole.
    pub fn open_as(path: impl AsRef<Path>, role: Role) -> Result<LazyVolume> {
        LazyVolume::of_file(medio::open(path)?, role)
    }

    /// A file that was opened, in a role; as [`LazyVolume::open_as`].
    ///
    /// # Errors
    /// As [`medio::VolumeFile::load`], for label files; [`medcore::Error::Data`] for a label whose values are not whole.
    pub fn of_file(file: medio::VolumeFile, role: Role) -> Result<LazyVolume> {
        let out = LazyVolume::of_source(Source::File(file.clone()), role)?;
        Ok(out.begun_from(Begun::File { file, mapped: false }))
    }

    /// A file in a role, its voxels mapped instead of read; see [`medio::VolumeFile::map`] for what that promises and demands.
    ///
    /// # Errors
    /// As [`LazyVolume::open_as`] and [`medio::VolumeFile::map`].
    pub fn open_mapped(path: impl AsRef<Path>, role: Role) -> Result<LazyVolume> {
        let file = medio::open(path)?;
        let out = LazyVolume::of_source(Source::Memory(file.map()?), role)?;
        Ok(out.begun_from(Begun::File { file, mapped: true }))
    }

    /// The same volume, known to be this.
    fn begun_from(self, from: Begun) -> LazyVolume {
        let start = self.start.clone();
        LazyVolume { origin: Some(Arc::new(Origin { from, start })), ..self }
    }

    /// The same volume, known to be the stack of these, if they can all be made again without computing anything.
    pub(crate) fn begun_from_parts(self, parts: &[LazyVolume]) -> LazyVolume {
        if !parts.iter().all(|p| p.is_untouched() && p.origin.is_some() && p.history.is_some()) {
            return self;
        }
        // Without their results, which are theirs to forget.
        let bare = |p: &LazyVolume| LazyVolume { made: Memo::default(), ..p.clone() };
        self.begun_from(Begun::Stack(parts.iter().map(bare).collect()))
    }

    /// A volume in memory, as an image.
    pub fn from_volume(volume: Volume) -> LazyVolume {
        LazyVolume::of_chain(Chain::new(Source::Memory(volume), "image", Role::Image, true), Arc::new([]))
    }

    /// A volume in memory, in a role.
    ///
    /// # Errors
    /// [`medcore::Error::Data`] for a label whose values are not whole.
    pub fn from_volume_as(volume: Volume, role: Role) -> Result<LazyVolume> {
        LazyVolume::of_source(Source::Memory(volume), role)
    }

    fn of_source(mut source: Source, role: Role) -> Result<LazyVolume> {
        if role == Role::Label && (source.dtype() != source.stored_dtype() || !source.dtype().is_integer()) {
            source = Source::Memory(as_label(&source.load()?)?);
        }
        let name = role.to_string();
        Ok(LazyVolume::of_chain(Chain::new(source, &name, role, true), Arc::new([])))
    }

    /// The same volume in another role. A volume that was already changed is computed first.
    ///
    /// # Errors
    /// [`medcore::Error::Data`] for a label whose values are not whole; reading errors.
    pub fn as_role(&self, role: Role) -> Result<LazyVolume> {
        if role == self.role() {
            return Ok(self.clone());
        }
        let begun = self.is_untouched() && self.nodes.is_empty();
        if !begun || matches!(self.start.source, Source::Cached(_) | Source::Shared(_)) {
            return Ok(LazyVolume::from_volume_as(self.compute()?, role)?.named(self.id()));
        }
        let out =
            LazyVolume { name: self.name.clone(), ..LazyVolume::of_source(self.start.source.clone(), role)? };
        Ok(match &self.origin {
            Some(o) => out.begun_from(o.from.clone()),
            None => out,
        })
    }

    pub(crate) fn of_chain(start: Chain, nodes: Arc<[Node]>) -> LazyVolume {
        let history = (start.stages.is_empty() && nodes.is_empty()).then(|| Arc::new([]) as Arc<[Applied]>);
        LazyVolume {
            start,
            pending: Arc::new([]),
            planned: Arc::default(),
            made: Memo::default(),
            history,
            nodes,
            origin: None,
            name: None,
        }
    }

    /// The chain to be run; measures what later shapes depend on.
    pub(crate) fn chain(&self) -> Result<&Chain> {
        if self.pending.is_empty() {
            return Ok(&self.start);
        }
        if let Some(c) = self.planned.get() {
            return Ok(c);
        }
        let mut chain = self.start.clone();
        // What is kept need not be planned again.
        let kept = self.pending.iter().rposition(|p| matches!(p, Pending::Kept(_)));
        let pending = &self.pending[kept.unwrap_or(0)..];
        let mut seen = self.nodes.len() - pending.iter().filter(|p| matches!(p, Pending::Step(..))).count();
        for p in pending {
            chain = match p {
                Pending::Kept(kept) => {
                    kept.settle()?;
                    chain.kept(Arc::clone(kept))
                }
                Pending::Step(node, key) => {
                    let state = State::new(vec![Planning::Volume(chain)]);
                    let before = &self.nodes[..seen];
                    seen += 1;
                    only(
                        plan(state, std::slice::from_ref(node), before, *key, Reading::Allowed)?,
                        &node.name,
                    )?
                }
            };
        }
        Ok(self.planned.get_or_init(|| chain))
    }

    /// The same volume with one more transform; `seed` names its random draws (drawn from the system if not given, and shown by [`LazyVolume::seeds`]).
    ///
    /// The transform is applied whatever the volume's role: in a pipeline roles decide, here it was asked for.
    ///
    /// # Errors
    /// [`medcore::Error::At`] with the step's place, for parameters that do not fit the volume.
    pub fn then(&self, node: Node, seed: Option<u64>) -> Result<LazyVolume> {
        let seed = seed.unwrap_or_else(crate::pipeline::system_seed);
        let key = Key::new(seed).epoch(0).sample(&self.id());
        let node = if node.header.keys.is_none() { node.with_keys(&[&self.start.name]) } else { node };
        let mut out = self.clone();
        (out.planned, out.made) = Default::default();
        out.nodes = self.nodes.iter().cloned().chain([node.clone()]).collect();
        out.history = self
            .history
            .as_ref()
            .map(|h| h.iter().cloned().chain([Applied::Transform(node.clone(), seed)]).collect());
        if self.pending.is_empty() {
            // A result that was already computed is where the next step starts.
            let base = self.computed().map(|v| self.continued(v));
            let state = State::new(vec![Planning::Volume(base.unwrap_or_else(|| self.start.clone()))]);
            match plan(state, std::slice::from_ref(&node), &self.nodes, key, Reading::Forbidden)? {
                Planned::NeedsVoxels => {}
                done @ Planned::Done(_) => {
                    out.start = only(done, &node.name)?;
                    return Ok(out);
                }
            }
        }
        out.pending = self.pending.iter().cloned().chain([Pending::Step(node, key)]).collect();
        Ok(out)
    }

    /// The chain that goes on from a computed result.
    pub(crate) fn continued(&self, volume: Volume) -> Chain {
        let chain =
            if self.pending.is_empty() { &self.start } else { self.planned.get().unwrap_or(&self.start) };
        Chain { idle: vec![], ..chain.begun_after(chain.stages.len(), Source::Memory(volume)) }
    }

    pub(crate) fn computed(&self) -> Option<Volume> {
        self.made.get()
    }

    /// The same volume, known to be `before` with one more step.
    pub(crate) fn after(self, before: &LazyVolume, step: Applied) -> LazyVolume {
        let history = before.history.as_ref().map(|h| h.iter().cloned().chain([step]).collect());
        LazyVolume { history, origin: before.origin.clone(), name: before.name.clone(), ..self }
    }

    /// The same volume, known to be what a pipeline made of `before`.
    pub(crate) fn made_by(
        self,
        before: &LazyVolume,
        pipeline: &Pipeline,
        id: &str,
        epoch: u64,
    ) -> LazyVolume {
        self.after(before, Applied::Pipeline { pipeline: pipeline.clone(), id: id.into(), epoch })
    }

    /// The same volume under another name for its random draws.
    pub(crate) fn named(self, name: String) -> LazyVolume {
        LazyVolume { name: Some(name.into()), ..self }
    }

    /// The result in memory: the dtype of the values, x fastest. Computed once and kept until [`LazyVolume::release`], or until newer results of
    /// the process need the room (as much as the buffer pool may hold).
    ///
    /// # Errors
    /// Reading errors, and errors that only the voxels can show.
    pub fn compute(&self) -> Result<Volume> {
        if let Some(v) = self.computed() {
            return Ok(v);
        }
        let v = self.chain()?.compute(Want::Stored)?;
        self.made.set(v.clone());
        Ok(v)
    }

    /// The result as a fresh volume in a dtype and layout; not kept.
    ///
    /// # Errors
    /// As [`LazyVolume::compute`]; [`medcore::Error::Unsupported`] for complex or colour voxels in another dtype.
    pub fn compute_as(&self, dtype: Option<DType>, layout: Layout) -> Result<Volume> {
        let chain = match self.computed() {
            Some(v) => self.continued(v),
            None => self.chain()?.clone(),
        };
        let have = chain.dtype();
        match dtype {
            Some(DType::F32) if have.is_real() => chain.compute_as(Want::F32, layout),
            Some(d) if d != have => {
                // From the stored numbers themselves, so that a double sees the scale in double precision.
                let exact = match (&chain.source, d) {
                    (source, DType::F64) if chain.stages.is_empty() => wide(source)?,
                    _ => None,
                };
                let mut chain = match exact {
                    Some(v) => Chain { source: Source::Memory(v), stages: vec![], ..chain },
                    None => chain,
                };
                chain.push_step(Step::Point(medcore::Point::Cast(d)), None, &|_| None)?;
                chain.compute_as(Want::Stored, layout)
            }
            _ => chain.compute_as(Want::Stored, layout),
        }
    }

    /// The volume to be written to a file: an untouched file keeps its stored numbers, scale and metadata.
    ///
    /// # Errors
    /// As [`LazyVolume::compute`].
    pub fn to_save(&self) -> Result<Volume> {
        if self.is_untouched() {
            return self.start.source.load();
        }
        self.compute()
    }

    /// Whether no step was applied.
    pub fn is_untouched(&self) -> bool {
        self.start.stages.is_empty() && self.pending.is_empty()
    }

    /// Forgets the computed result.
    pub fn release(&self) {
        self.made.clear();
    }

    /// Whether the shape is known; otherwise asking for it measures voxels.
    pub fn is_planned(&self) -> bool {
        self.pending.is_empty() || self.planned.get().is_some()
    }

    /// Whether the result is in memory.
    pub fn is_computed(&self) -> bool {
        self.computed().is_some()
    }

    /// What the result is like. Measures what its shape depends on.
    ///
    /// # Errors
    /// Reading errors of that measurement.
    pub fn facts(&self) -> Result<ItemFacts> {
        Ok(self.chain()?.facts())
    }

    /// The result's grid.
    ///
    /// # Panics
    /// Never for volumes whose shape the voxels do not decide; use [`LazyVolume::facts`] otherwise.
    pub fn grid(&self) -> Grid {
        self.facts().map_or(*self.start.grid(), |f| f.grid)
    }

    /// Metadata of the source.
    pub fn meta(&self) -> &Arc<Meta> {
        self.start.source.meta()
    }

    /// The source.
    pub fn source(&self) -> &Source {
        &self.start.source
    }

    /// The role.
    pub fn role(&self) -> Role {
        self.start.role
    }

    /// The file that the volume came from, if it did.
    pub fn file(&self) -> Option<&medio::VolumeFile> {
        match self.origin.as_ref().map(|o| &o.from) {
            Some(Begun::File { file, .. }) => Some(file),
            _ => None,
        }
    }

    /// The files that the volume came from: one, those of its channels, or none.
    pub fn files(&self) -> Vec<&medio::VolumeFile> {
        match self.origin.as_ref().map(|o| &o.from) {
            Some(Begun::File { file, .. }) => vec![file],
            Some(Begun::Stack(parts)) => parts.iter().flat_map(LazyVolume::files).collect(),
            None => self.start.source.files(),
        }
    }

    /// The name of the sample for random draws: the path of the file it came from, or nothing for arrays. Steps do not change it.
    pub fn id(&self) -> String {
        let file = match &self.start.source {
            Source::File(f) => Some(f),
            _ => None,
        };
        match (&self.name, self.file().or(file)) {
            (Some(name), _) => name.to_string(),
            (None, Some(f)) => f.path().to_string_lossy().into_owned(),
            (None, None) => String::new(),
        }
    }

    /// A name for the sample that arrays have too: as [`LazyVolume::id`], or a digest of the voxels that the volume was made of.
    pub fn content_id(&self) -> String {
        match (self.id(), &self.start.source) {
            (id, Source::Memory(v)) if id.is_empty() => format!("{:016x}", crate::digest::digest(v)),
            (id, _) => id,
        }
    }

    /// The names of the transforms applied so far, in order.
    pub fn transforms(&self) -> Vec<String> {
        self.nodes.iter().map(|n| n.name.clone()).collect()
    }

    /// The seeds of the random transforms applied so far, in order.
    pub fn seeds(&self) -> Vec<(String, u64)> {
        let mut out = vec![];
        for step in self.history.iter().flat_map(|h| h.iter()) {
            match step {
                Applied::Transform(n, seed) if n.is_random() => out.push((n.name.clone(), *seed)),
                Applied::Pipeline { pipeline, .. } => {
                    let random = pipeline.nodes().iter().filter(|n| n.is_random());
                    out.extend(random.map(|n| (n.name.clone(), pipeline.seed())));
                }
                _ => {}
            }
        }
        out
    }

    /// What will be done: stages, passes, bytes to read. Reads no voxels.
    ///
    /// # Errors
    /// None at present; kept for plans that cannot be made without reading.
    pub fn explain(&self) -> Result<String> {
        let mut out = self.start.explain()?;
        if !self.pending.is_empty() && self.planned.get().is_none() {
            let names: Vec<_> = self.pending.iter().map(Pending::name).collect();
            out.push_str(&format!(
                "  then {}, planned once the voxels have been measured\n",
                names.join(", ")
            ));
        } else if !self.pending.is_empty() {
            out = self.chain()?.explain()?;
        }
        Ok(out)
    }
}

/// The one chain that planning a single volume made.
fn only(planned: Planned, name: &str) -> Result<Chain> {
    let Planned::Done(mut states) = planned else {
        return Err(medcore::Error::shape(name, "a shape that voxels decide", "a plan").into());
    };
    let n = states.len();
    let mut items = states.pop().map(|s| s.items).unwrap_or_default();
    let found = if n == 1 { format!("{} items", items.len()) } else { format!("{n} samples") };
    // Of two items the second came of the volume, and is what was asked for.
    if let (Some(Planning::Volume(chain)), 1, 0..=1) = (items.pop(), n, items.len()) {
        return Ok(chain);
    }
    let expected = "one volume; use a Pipeline on {\"image\": volume} for several";
    Err(medcore::Error::shape(name, found, expected).into())
}

/// The source's values in double precision, where it is scaled.
fn wide(source: &Source) -> Result<Option<Volume>> {
    let Some(scale) = source.scale() else { return Ok(None) };
    let volume = source.load()?;
    let n = volume.grid().len();
    let mut out = crate::evaluate::buffer(n * volume.channels() * 8)?;
    let mut raw = crate::evaluate::buffer(n * volume.stored_dtype().bytes())?;
    for (c, part) in out.as_mut_slice::<f64>().chunks_mut(n.max(1)).enumerate() {
        volume.copy_channel(c, raw.as_bytes_mut())?;
        medcore::with_element!(volume.stored_dtype(), T => {
            medkernels::convert::decode_f64::<T>(raw.as_bytes(), false, Some((scale.slope, scale.intercept)), part);
        }, else => return Ok(None));
    }
    Ok(Some(Volume::packed(
        Arc::new(out),
        DType::F64,
        *volume.grid(),
        volume.extra().to_vec(),
        volume.meta().clone(),
    )?))
}

impl fmt::Debug for LazyVolume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.facts() {
            Ok(a) => write!(f, "LazyVolume({}, {}, {} stages)", a.dtype, a.grid, self.start.stages.len()),
            Err(e) => write!(f, "LazyVolume({e})"),
        }
    }
}
