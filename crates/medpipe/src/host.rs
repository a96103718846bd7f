//! Functions of the caller as transforms.

use std::fmt;
use std::sync::Arc;

use medcore::{Category, DType, Error, Facts, Host, HostRun, Key, Role, Sample, Step, Transform, Volume};

use crate::chain::{Chain, Changes};
use crate::evaluate::buffer;
use crate::plan::as_label;
use crate::source::Source;
use crate::tile::Want;
use crate::values::cast;
use crate::{Node, Result};

/// A function of the caller, for [`Node::function`]. It is told of each call what it is about.
///
/// ```
/// use std::sync::Arc;
/// use medcore::{Affine, Grid, Volume};
/// use medpipe::{Function, LazyVolume, Node, Pipeline};
///
/// let negated = Function::Volume(Arc::new(|volume, _| {
///     let values: Vec<f32> = volume.to_f32()?.iter().map(|v| -v).collect();
///     Volume::from_f32(*volume.grid(), &values)
/// }));
/// let pipeline = Pipeline::new(vec![Node::function("negated", negated, false)]);
/// let volume = Volume::from_f32(Grid::new([2, 1, 1], Affine::IDENTITY), &[1.0, 2.0])?;
/// let out = pipeline.apply_to_volume(&LazyVolume::from_volume(volume))?;
/// assert_eq!(out.compute()?.to_f32()?, [-1.0, -2.0]);
/// # Ok::<(), medpipe::Error>(())
/// ```
#[derive(Clone)]
pub enum Function {
    /// New values of a volume, as [`HostRun::Volume`]: by themselves for each image, or for the items in `keys`. Called when values are asked for.
    Volume(Arc<dyn Fn(Volume, &Call) -> medcore::Result<Volume> + Send + Sync>),
    /// Of a whole sample, of which anything may change; volumes that lay on one grid must do so afterwards. Called when the pipeline is planned.
    Sample(Arc<dyn Fn(Sample, &Call) -> medcore::Result<Sample> + Send + Sync>),
}

/// What a function is called for.
#[derive(Clone, Debug)]
pub struct Call {
    /// The item's name; none for a function of a sample.
    pub item: Option<String>,
    /// What names its random draws: seed, epoch, sample, patch, transform, item.
    pub key: Key,
}

impl Function {
    pub(crate) fn is_of_sample(&self) -> bool {
        matches!(self, Function::Sample(_))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_of_sample() { "a function of samples" } else { "a function of volumes" })
    }
}

/// A function under the name that `explain` shows.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) label: String,
    pub(crate) function: Function,
}

impl Transform for Named {
    fn plan(&self, at: &Facts<'_>, key: Key) -> medcore::Result<Vec<Step>> {
        let call = Call { item: at.item.map(|i| i.name.clone()), key };
        let run = match self.function.clone() {
            Function::Volume(f) => HostRun::Volume(Arc::new(move |volume| f(volume, &call))),
            Function::Sample(f) => HostRun::Sample(Arc::new(move |sample| f(sample, &call))),
        };
        Ok(vec![Step::Host(Host { label: self.label.clone(), run })])
    }
}

/// The volume with the values that a function gives it, in its dtype.
///
/// # Errors
/// The function's; [`Error::Shape`] if it gives another shape, [`Error::Data`] if it gives labels that the dtype does not hold.
pub(crate) fn changed(run: &Changes, label: &str, volume: Volume) -> Result<Volume> {
    let (grid, extra, meta) = (*volume.grid(), volume.extra().to_vec(), volume.meta().clone());
    let dtype = volume.stored_dtype();
    let made = run(volume)?;
    if made.grid().shape != grid.shape || made.extra() != extra {
        let of = |shape: [usize; 3], extra: &[usize]| format!("{:?}", [&shape[..], extra].concat());
        let found = format!("a result of shape {}", of(made.grid().shape, made.extra()));
        let expected = format!("{}; a function of the whole sample may change it", of(grid.shape, &extra));
        return Err(Error::shape(label, found, expected).into());
    }
    let made = if dtype == DType::F32 {
        owned(Chain::new(Source::Memory(made), "result", Role::Image, true).compute(Want::F32)?)?
    } else {
        narrowed(&as_label(&made)?, dtype, label)?
    };
    Ok(made.with_grid(grid)?.with_meta(meta))
}

/// Integers in another dtype, none of them changed, in memory of their own.
fn narrowed(volume: &Volume, dtype: DType, label: &str) -> Result<Volume> {
    let have = volume.stored_dtype();
    let n = volume.grid().len();
    let mut raw = buffer(n * have.bytes())?;
    let mut again = buffer(n * have.bytes())?;
    let mut out = buffer(n * volume.channels() * dtype.bytes())?;
    for (channel, part) in out.as_bytes_mut().chunks_mut((n * dtype.bytes()).max(1)).enumerate() {
        volume.copy_channel(channel, raw.as_bytes_mut())?;
        cast(raw.as_bytes(), have, part, dtype)?;
        cast(part, dtype, again.as_bytes_mut(), have)?;
        if raw.as_bytes() != again.as_bytes() {
            return Err(Error::Data {
                what: label.into(),
                found: format!("labels that {dtype} does not hold"),
                hint: "cast the label to a wider dtype before the function".into(),
            }
            .into());
        }
    }
    let (grid, extra) = (*volume.grid(), volume.extra().to_vec());
    Ok(Volume::packed(Arc::new(out), dtype, grid, extra, Arc::default())?)
}

/// The same volume in memory that nobody else holds: what a function gave may be written to, by itself, at its next call.
pub(crate) fn owned(mut volume: Volume) -> Result<Volume> {
    if volume.bytes_mut().is_some() {
        return Ok(volume);
    }
    let n = volume.grid().len() * volume.stored_dtype().bytes();
    let mut out = buffer(n * volume.channels())?;
    for (channel, part) in out.as_bytes_mut().chunks_mut(n.max(1)).enumerate() {
        volume.copy_channel(channel, part)?;
    }
    let (grid, extra, meta) = (*volume.grid(), volume.extra().to_vec(), volume.meta().clone());
    let copy = Volume::packed(Arc::new(out), volume.stored_dtype(), grid, extra, meta)?;
    Ok(copy.with_scale(volume.scale()))
}

impl Node {
    /// From a function of the caller: of each image (or the items in `keys`), or of whole samples. `label` is what `explain` calls it; `random` says whether it draws by its
    /// key. No pipeline file can hold it, and no cache what it makes.
    pub fn function(label: &str, function: Function, random: bool) -> Node {
        let category = if function.is_of_sample() { Category::Spatial } else { Category::Intensity };
        let named = Named { label: label.into(), function };
        Node::own("function", category, Arc::new(named), random, label)
    }
}
