//! Lazy volumes as their files and steps, to be made again in another process.

use std::path::PathBuf;

use medcore::Role;
use medio::checkpoints::Keep;
use serde_json::{Value, json};

use crate::lazy::{Applied, Begun};
use crate::{Cache, Error, LazyVolume, Node, Pipeline, Records, Result};

/// How to make a lazy volume again: its file or files, role and steps as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// What it begins with.
    pub begin: Begin,
    /// The role that it was opened with.
    pub role: Role,
    /// The steps, for [`LazyVolume::replay`].
    pub steps: Value,
}

/// What a recipe begins with.
#[derive(Clone, Debug, PartialEq)]
pub enum Begin {
    /// A file.
    File {
        /// The file.
        path: PathBuf,
        /// Whether its voxels are mapped.
        mapped: bool,
        /// Where its checkpoints are kept.
        checkpoints: Keep,
    },
    /// Volumes that become the channels of one.
    Stack(Vec<Recipe>),
}

impl LazyVolume {
    /// How to make this volume again from its file or files, if it came from them by steps alone.
    pub fn recipe(&self) -> Option<Recipe> {
        let origin = self.origin.as_ref()?;
        if self.history.as_ref()?.iter().any(Applied::has_own) {
            return None;
        }
        let steps = self.history.as_ref()?.iter().map(|a| match a {
            Applied::Transform(node, seed) => {
                json!({ "transform": node.to_value(), "seed": seed })
            }
            Applied::Slice(axes) => json!({ "slice": axes }),
            Applied::Pipeline { pipeline, id, epoch } => {
                let whole = pipeline.clone().with_seed(pipeline.seed()).to_value();
                let cache = pipeline.cache().map(Cache::to_value);
                let records = pipeline.records().map(Records::to_value);
                json!({ "pipeline": whole, "id": id, "epoch": epoch, "cache": cache, "records": records })
            }
            Applied::Cached(cache) => json!({ "cached": cache.to_value() }),
        });
        let steps = steps.collect();
        let begin = match &origin.from {
            Begun::File { file, mapped } => Begin::File {
                path: file.path().to_path_buf(),
                mapped: *mapped,
                checkpoints: file.checkpoints().clone(),
            },
            Begun::Stack(parts) => Begin::Stack(parts.iter().map(LazyVolume::recipe).collect::<Option<_>>()?),
        };
        Some(Recipe { begin, role: self.role(), steps })
    }

    /// Makes a volume again from its recipe.
    ///
    /// # Errors
    /// As [`LazyVolume::open_as`] and [`LazyVolume::then`].
    pub fn replay(recipe: &Recipe) -> Result<LazyVolume> {
        let begun = match &recipe.begin {
            Begin::File { path, mapped: true, .. } => LazyVolume::open_mapped(path, recipe.role)?,
            Begin::File { path, checkpoints, .. } => {
                LazyVolume::of_file(medio::open(path)?.with_checkpoints(checkpoints.clone()), recipe.role)?
            }
            Begin::Stack(parts) => {
                let parts = parts.iter().map(LazyVolume::replay).collect::<Result<Vec<_>>>()?;
                LazyVolume::stack(&parts)?.as_role(recipe.role)?
            }
        };
        let steps = recipe.steps.as_array().into_iter().flatten();
        steps.map(Applied::from_value).try_fold(begun, |volume, step| volume.with_step(&step?))
    }

    /// The same volume with one more step.
    pub(crate) fn with_step(&self, step: &Applied) -> Result<LazyVolume> {
        match step {
            Applied::Transform(node, seed) => self.then(node.clone(), Some(*seed)),
            Applied::Slice(axes) => self.slice(*axes),
            Applied::Pipeline { pipeline, id, epoch } => pipeline.apply_to_volume_as(self, id, *epoch),
            Applied::Cached(cache) => self.cached(cache),
        }
    }
}

impl Applied {
    /// Whether a transform of the caller's own is in it, which no recipe can hold.
    fn has_own(&self) -> bool {
        let own = |node: &Node| !node.is_of_catalog();
        match self {
            Applied::Transform(node, _) => own(node),
            Applied::Pipeline { pipeline, .. } => pipeline.nodes().iter().any(own),
            Applied::Slice(_) | Applied::Cached(_) => false,
        }
    }

    /// A step as a recipe has it.
    fn from_value(step: &Value) -> Result<Applied> {
        let wrong = || Error::spec("recipe", step, "a step");
        let number = |name: &str| step.get(name).and_then(Value::as_u64);
        if let Some(axes) = step.get("slice") {
            let axes = serde_json::from_value(axes.clone()).map_err(|e| Error::spec("recipe", axes, e))?;
            return Ok(Applied::Slice(axes));
        }
        if let Some(cache) = step.get("cached") {
            return Ok(Applied::Cached(Cache::from_value(cache)?));
        }
        if let Some(whole) = step.get("pipeline") {
            let mut pipeline = Pipeline::from_value(whole)?;
            if let Some(cache) = step.get("cache").filter(|c| !c.is_null()) {
                pipeline = pipeline.with_cache(&Cache::from_value(cache)?);
            }
            if let Some(records) = step.get("records").filter(|r| !r.is_null()) {
                pipeline = pipeline.with_records(&Records::from_value(records)?);
            }
            let id = step.get("id").and_then(Value::as_str).unwrap_or_default().into();
            return Ok(Applied::Pipeline { pipeline, id, epoch: number("epoch").unwrap_or(0) });
        }
        let transform = step.get("transform").and_then(Value::as_object).and_then(|t| t.iter().next());
        let (name, value) = transform.ok_or_else(wrong)?;
        Ok(Applied::Transform(Node::new(name, value.clone())?, number("seed").ok_or_else(wrong)?))
    }
}
