//! What belongs together of one patient or scan.

use std::path::PathBuf;

use medcore::{Points, Role};
use medio::checkpoints::Keep;
use serde_json::{Map, Value};

use crate::{LazyItem, LazySample, LazyVolume, Result};

/// What belongs together of one patient or scan: named files, volumes or landmarks, and what is said of it.
///
/// ```
/// use medcore::{Affine, Grid, Role, Volume};
/// use medpipe::{Case, CaseItem};
///
/// let dir = tempfile::tempdir()?;
/// let files = ["t1.nii", "t2.nii"].map(|name| dir.path().join(name));
/// for (n, path) in files.iter().enumerate() {
///     let volume = Volume::from_f32(Grid::new([4, 3, 2], Affine::IDENTITY), &[n as f32; 24])?;
///     medio::save(path, &volume, &medio::SaveOptions::default())?;
/// }
/// let case = Case::new("patient 1").with("image", CaseItem::Files { paths: files.to_vec(), role: Role::Image });
/// let sample = case.open()?;
/// let facts = sample.volume("image").map(|v| v.facts()).transpose()?;
/// assert_eq!(facts.map(|f| f.extra), Some(vec![2]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// The name of the case for random draws; no other case of a list has it.
    pub id: String,
    /// Names and items, in order.
    pub items: Vec<(String, CaseItem)>,
    /// Numbers, texts and the like, which go through to a batch's metadata.
    pub passed: Map<String, Value>,
}

/// A member of a case.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CaseItem {
    /// A file, or several of one grid that become the channels of one volume.
    Files {
        /// The files, in the order of their channels.
        paths: Vec<PathBuf>,
        /// What their voxels are.
        role: Role,
    },
    /// A volume.
    Volume(LazyVolume),
    /// Landmarks in world millimetres.
    Points(Points),
}

impl CaseItem {
    /// How spatial and intensity transforms treat it.
    pub fn role(&self) -> Role {
        match self {
            CaseItem::Files { role, .. } => *role,
            CaseItem::Volume(v) => v.role(),
            CaseItem::Points(_) => Role::Points,
        }
    }
}

impl Case {
    /// A case without items.
    pub fn new(id: impl Into<String>) -> Case {
        Case { id: id.into(), ..Case::default() }
    }

    /// Adds an item.
    pub fn with(mut self, name: &str, item: CaseItem) -> Case {
        self.items.push((name.into(), item));
        self
    }

    /// The item of a name.
    pub fn get(&self, name: &str) -> Option<&CaseItem> {
        self.items.iter().find(|(n, _)| n == name).map(|(_, item)| item)
    }

    /// The files of all items, in order.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.files().map(|(_, path)| path)
    }

    /// The files of all items, in order, with the items' names.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &PathBuf)> {
        self.items.iter().flat_map(|(name, item)| {
            let paths = if let CaseItem::Files { paths, .. } = item { &paths[..] } else { &[] };
            paths.iter().map(move |path| (name.as_str(), path))
        })
    }

    /// The case as lazy volumes: headers are read, voxels when they are asked for. Label files that store floats or scaled integers are read at once.
    ///
    /// # Errors
    /// [`crate::Error::Case`] with the item: as [`LazyVolume::open_as`]; as [`LazyVolume::stack`] for several files.
    pub fn open(&self) -> Result<LazySample> {
        self.open_with(&Keep::default())
    }

    /// The same, with the checkpoints of its files kept elsewhere.
    ///
    /// # Errors
    /// As [`Case::open`].
    pub fn open_with(&self, checkpoints: &Keep) -> Result<LazySample> {
        let mut sample = LazySample::default();
        for (name, item) in &self.items {
            let item = match item {
                CaseItem::Files { paths, role } => {
                    let volume = opened(paths, *role, checkpoints).map_err(|e| e.of_item(&self.id, name))?;
                    LazyItem::Volume(volume)
                }
                CaseItem::Volume(v) => LazyItem::Volume(v.clone()),
                CaseItem::Points(p) => LazyItem::Points(p.clone()),
            };
            sample.items.push((name.clone(), item));
        }
        Ok(sample)
    }
}

/// A file, or several as channels.
fn opened(paths: &[PathBuf], role: Role, checkpoints: &Keep) -> Result<LazyVolume> {
    if role == Role::Points {
        let found = format!("{} file(s) of landmarks", paths.len());
        return Err(
            medcore::Error::shape("points", found, "lists of three numbers, world millimetres").into()
        );
    }
    let one =
        |path: &PathBuf| LazyVolume::of_file(medio::open(path)?.with_checkpoints(checkpoints.clone()), role);
    if let [path] = paths {
        return one(path);
    }
    LazyVolume::stack(&paths.iter().map(one).collect::<Result<Vec<_>>>()?)
}
