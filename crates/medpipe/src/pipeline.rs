//! A list of transforms, from a file or from code.

use std::path::Path;
use std::sync::Arc;

use medcore::{Key, Place};
use serde_json::{Map, Value};

use crate::plan::{Planned, Reading};
use crate::planner::Planner;
use crate::planning::State;
use crate::records::Naming;
use crate::yaml::yaml;
use crate::{Cache, Error, LazySample, LazyVolume, Node, Records, Result};

/// The version of the pipeline format that this library reads and writes.
const VERSION: u64 = 1;

/// A list of transforms, run in order.
///
/// A pipeline file is YAML or JSON: `medoxide: 1`, then `transforms:`, a list of `name: {parameter: value}` or `name: value` for a transform's
/// main parameter. `seed:` fixes the random draws; without it a seed is drawn from the system when the pipeline is made and [`Pipeline::seed`] tells it.
#[derive(Clone, Debug)]
pub struct Pipeline {
    nodes: Arc<[Node]>,
    seed: u64,
    seed_given: bool,
    fuse: bool,
    on_mismatch: Mismatch,
    cache: Option<Cache>,
    records: Option<Naming>,
}

/// What happens to an item whose grid is not the sample's (beyond 1e-3 voxel).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mismatch {
    /// An error that shows both grids, from the first step that moves voxels.
    #[default]
    Error,
    /// It is resampled onto the reference grid: images and maps linearly, labels nearest, zeros outside.
    Resample,
    /// If the shape is the same, its affine is replaced by the reference's.
    TrustShape,
}

impl Pipeline {
    /// From transforms.
    pub fn new(nodes: Vec<Node>) -> Pipeline {
        Pipeline {
            nodes: nodes.into(),
            seed: system_seed(),
            seed_given: false,
            fuse: true,
            on_mismatch: Mismatch::Error,
            cache: None,
            records: None,
        }
    }

    /// The same with a seed for its random draws.
    pub fn with_seed(self, seed: u64) -> Pipeline {
        Pipeline { seed, seed_given: true, ..self }
    }

    /// The same, run step by step as written: no fusing of stages, for comparison.
    pub fn with_fuse(self, fuse: bool) -> Pipeline {
        let records = self.records.as_ref().map(|n| Naming::new(&n.records, &self.nodes, fuse));
        Pipeline { fuse, records, ..self }
    }

    /// The same, with another rule for items whose grids differ.
    pub fn with_mismatch(self, on_mismatch: Mismatch) -> Pipeline {
        Pipeline { on_mismatch, ..self }
    }

    /// The same, with what comes before the first random transform kept in a cache: made once for each sample, whose items must be files with
    /// steps alone. The rest is planned on the entries, so that a random patch reads its own region; interpolations before and after are not
    /// joined. The cache is no part of the pipeline's file.
    pub fn with_cache(self, cache: &Cache) -> Pipeline {
        Pipeline { cache: Some(cache.clone()), ..self }
    }

    /// The same, with what its transforms measure of whole volumes (means, percentiles, boxes) kept: measured at a file's first visit, and looked up from then on, so that a
    /// patch of a normalised volume reads its own region only. Results are the same, bit for bit. The records are no part of the pipeline's file.
    pub fn with_records(self, records: &Records) -> Pipeline {
        let records = Some(Naming::new(records, &self.nodes, self.fuse));
        Pipeline { records, ..self }
    }

    /// The records in use.
    pub fn records(&self) -> Option<&Records> {
        self.records.as_ref().map(|n| &n.records)
    }

    /// The cache in use.
    pub fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// The rule for items whose grids differ.
    pub fn on_mismatch(&self) -> Mismatch {
        self.on_mismatch
    }

    /// The transforms.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The seed in use.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether the seed was given, not drawn.
    pub(crate) fn has_own_seed(&self) -> bool {
        self.seed_given
    }

    /// Whether stages are fused.
    pub fn fuses(&self) -> bool {
        self.fuse
    }

    /// From YAML or JSON text.
    ///
    /// # Errors
    /// [`Error::Spec`] that says where, what was found and what was expected.
    pub fn from_yaml(text: &str) -> Result<Pipeline> {
        let value = yaml(text).map_err(|e| {
            Error::spec(
                "pipeline",
                format!("text that is not YAML or JSON ({e})"),
                "`medoxide: 1` and `transforms:`",
            )
        })?;
        Pipeline::from_value(&value)
    }

    /// From a file.
    ///
    /// # Errors
    /// [`Error::Spec`] that names the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Pipeline> {
        let path = path.as_ref();
        let named = |e| match e {
            Error::Spec { place, found, expected, .. } => {
                Error::Spec { file: Some(path.to_path_buf()), place, found, expected }
            }
            e => e,
        };
        let text = std::fs::read_to_string(path)
            .map_err(|e| named(Error::spec("pipeline", e, "a readable YAML or JSON file")))?;
        Pipeline::from_yaml(&text).map_err(named)
    }

    /// From parsed YAML or JSON.
    ///
    /// # Errors
    /// [`Error::Spec`] that says where, what was found and what was expected.
    pub fn from_value(value: &Value) -> Result<Pipeline> {
        const KNOWN: [&str; 5] = ["medoxide", "transforms", "seed", "fuse", "on_mismatch"];
        const SHAPE: &str = "a map with `medoxide: 1` and `transforms:`";
        let map = value.as_object().ok_or_else(|| Error::spec("pipeline", value, SHAPE))?;
        if let Some(other) = map.keys().find(|k| !KNOWN.contains(&k.as_str())) {
            return Err(Error::spec(other.clone(), "an unknown entry", KNOWN.join(", ")));
        }
        match map.get("medoxide") {
            Some(v) if v.as_u64() == Some(VERSION) => {}
            found => {
                let found = found.map_or("nothing".into(), Value::to_string);
                return Err(Error::spec("medoxide", found, format!("the format version {VERSION}")));
            }
        }
        let nodes = nodes_of("transforms", map.get("transforms").unwrap_or(&Value::Null))?;
        let mut out = Pipeline::new(nodes);
        if let Some(seed) = map.get("seed") {
            let seed = seed
                .as_u64()
                .ok_or_else(|| Error::spec("seed", seed, "a whole number from 0 to 2^64 - 1"))?;
            out = out.with_seed(seed);
        }
        if let Some(fuse) = map.get("fuse") {
            out = out.with_fuse(fuse.as_bool().ok_or_else(|| Error::spec("fuse", fuse, "true or false"))?);
        }
        if let Some(rule) = map.get("on_mismatch") {
            out.on_mismatch = serde_json::from_value(rule.clone())
                .map_err(|_| Error::spec("on_mismatch", rule, "error, resample or trust_shape"))?;
        }
        Ok(out)
    }

    /// The pipeline as JSON, every parameter written out.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("medoxide".into(), VERSION.into());
        if self.seed_given {
            map.insert("seed".into(), self.seed.into());
        }
        if !self.fuse {
            map.insert("fuse".into(), false.into());
        }
        if self.on_mismatch != Mismatch::Error {
            map.insert("on_mismatch".into(), serde_json::to_value(self.on_mismatch).unwrap_or_default());
        }
        map.insert("transforms".into(), self.nodes.iter().map(Node::to_value).collect());
        Value::Object(map)
    }

    /// The pipeline as a YAML file, every parameter written out.
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(&self.to_value()).unwrap_or_else(|_| self.to_value().to_string())
    }

    /// Plans the pipeline on a sample. More than one sample comes back where a transform cuts several patches. `id` names the sample for random
    /// draws; `epoch` counts its visits. For transforms that ask where a patch stands in its batch, the visit's patches are one.
    ///
    /// # Errors
    /// Parameter, shape and grid errors with the step's place; reading errors if a shape depends on voxels.
    pub fn apply(&self, sample: &LazySample, id: &str, epoch: u64) -> Result<Vec<LazySample>> {
        self.apply_at(sample, id, epoch, &self.visit())
    }

    /// As [`Pipeline::apply`], where the patches will stand in batches: a place for each, in order.
    ///
    /// # Errors
    /// As [`Pipeline::apply`].
    pub fn apply_at(
        &self,
        sample: &LazySample,
        id: &str,
        epoch: u64,
        places: &[Place],
    ) -> Result<Vec<LazySample>> {
        let key = Key::new(self.seed).epoch(epoch).sample(id);
        match self.planned(sample, self.nodes.len(), key, places, Reading::Allowed)? {
            Planned::Done(states) => Ok(states.into_iter().map(|s| s.finish(&self.nodes)).collect()),
            Planned::NeedsVoxels => Ok(vec![]),
        }
    }

    /// What the pipeline does to a sample at a visit, with nothing left to chance: every number drawn, groups and probabilities decided, and the key written down of
    /// transforms that draw more than numbers. Of a sample that is cut into patches, transforms after the cut are there once for each. What it gives is
    /// the same, bit for bit, whatever its seed, the sample's name and the epoch.
    ///
    /// # Errors
    /// As [`Pipeline::apply`].
    pub fn drawn(&self, sample: &LazySample, id: &str, epoch: u64) -> Result<Pipeline> {
        let key = Key::new(self.seed).epoch(epoch).sample(id);
        let state = self.state(sample)?.placed(&self.visit());
        let nodes = Planner::new(key, Reading::Allowed).drawn(state, &self.nodes)?;
        let made = Pipeline::new(nodes).with_seed(self.seed).with_fuse(self.fuse);
        Ok(made.with_mismatch(self.on_mismatch))
    }

    /// The sample as the planner takes it, its grids made one if that was asked for.
    pub(crate) fn state(&self, sample: &LazySample) -> Result<State> {
        let mut state = sample.to_state(self.fuse)?;
        if let Some(naming) = &self.records {
            state = state.named(sample, naming);
        }
        state.settle_grids(self.on_mismatch)?;
        Ok(state)
    }

    /// Plans the pipeline on one volume, under its own name.
    ///
    /// # Errors
    /// As [`Pipeline::apply`]; also if the pipeline makes several volumes of one.
    pub fn apply_to_volume(&self, volume: &LazyVolume) -> Result<LazyVolume> {
        self.apply_to_volume_as(volume, &volume.id(), 0)
    }

    /// Plans the pipeline on one volume; `id` and `epoch` as for [`Pipeline::apply`].
    ///
    /// # Errors
    /// As [`Pipeline::apply_to_volume`].
    pub fn apply_to_volume_as(&self, volume: &LazyVolume, id: &str, epoch: u64) -> Result<LazyVolume> {
        let mut made = self.apply_to_each(volume, id, epoch)?;
        match (made.pop(), made.len()) {
            (Some(one), 0) => Ok(one),
            (last, n) => {
                let n = n + usize::from(last.is_some());
                let expected = "one; call it on {\"image\": volume}";
                Err(medcore::Error::shape("pipeline on one volume", format!("{n} volumes"), expected).into())
            }
        }
    }

    /// Plans the pipeline on one volume, of which a transform that cuts patches makes several; `id` and `epoch` as for
    /// [`Pipeline::apply`].
    ///
    /// # Errors
    /// As [`Pipeline::apply`]; [`medcore::Error::Shape`] if a sample has several volumes then.
    pub fn apply_to_each(&self, volume: &LazyVolume, id: &str, epoch: u64) -> Result<Vec<LazyVolume>> {
        let sample = LazySample::of_volume(volume.clone());
        let made = self.apply(&sample, id, epoch)?;
        let alone = made.len() == 1;
        let volumes = made.into_iter().map(LazySample::into_only_volume);
        if alone {
            volumes.map(|v| Ok(v?.made_by(volume, self, id, epoch))).collect()
        } else {
            volumes.collect()
        }
    }

    /// How many samples one becomes, if that is known before one is seen.
    pub fn patches(&self) -> Option<usize> {
        self.nodes.iter().try_fold(1usize, |all, node| all.checked_mul(node.patches()?))
    }

    /// The places of one visit's patches in a batch of their own; none if it is not known how many they are.
    pub(crate) fn visit(&self) -> Vec<Place> {
        let of = self.patches().unwrap_or(0);
        (0..of).map(|row| Place { row, of }).collect()
    }

    /// Whether a transform draws anything at random.
    pub fn is_random(&self) -> bool {
        self.nodes.iter().any(Node::is_random)
    }
}

/// The transforms of a list in a pipeline file.
pub(crate) fn nodes_of(place: &str, list: &Value) -> Result<Vec<Node>> {
    const SHAPE: &str = "`name: {parameter: value}`";
    let list = list.as_array().ok_or_else(|| Error::spec(place, list, "a list of transforms"))?;
    let one = |(n, entry): (usize, &Value)| {
        let place = format!("{place}, entry {}", n + 1);
        let (name, value) = match entry {
            Value::String(name) => (name, Value::Null),
            Value::Object(m) if m.len() == 1 => match m.iter().next() {
                Some((name, value)) => (name, value.clone()),
                None => return Err(Error::spec(place, entry, SHAPE)),
            },
            other => return Err(Error::spec(place, other, SHAPE)),
        };
        Node::new(name, value).map_err(|e| match e {
            Error::Spec { file, place: inner, found, expected } => {
                Error::Spec { file, place: format!("{place}, {inner}"), found, expected }
            }
            e => e,
        })
    };
    list.iter().enumerate().map(one).collect()
}

/// A seed from the system's random source (by way of the standard library's hash seeds, which come from it).
pub(crate) fn system_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish() >> 11
}
