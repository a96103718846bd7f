//! Landmarks of histogram standardisation, trained from files.

use std::path::Path;

use medaug::{HistogramStandardize, Mask};
use medcore::{Error, Role};
use medkernels::select;
use medkernels::stats::{self, Keep};
use serde_json::json;

use crate::{LazyVolume, Result};

/// What [`HistogramStandardize`] brings percentiles to.
///
/// ```
/// use medcore::{Affine, Grid, Volume};
/// use medpipe::{Landmarks, LandmarkOptions};
///
/// let dir = tempfile::tempdir()?;
/// let mut paths = vec![];
/// for scale in [1.0, 3.0] {
///     let voxels: Vec<f32> = (0..1000).map(|v| scale * v as f32).collect();
///     let volume = Volume::from_f32(Grid::new([10; 3], Affine::IDENTITY), &voxels)?;
///     let path = dir.path().join(format!("{scale}.nii"));
///     medio::save(&path, &volume, &medio::SaveOptions::default())?;
///     paths.push(path);
/// }
/// let landmarks = Landmarks::train(&paths, &LandmarkOptions::default())?;
/// // The 1st and 99th percentile become 0 and 100, of every image.
/// assert!(landmarks.values[0].abs() < 1e-9 && (landmarks.values[6] - 50.0).abs() < 1e-9);
/// landmarks.save(dir.path().join("landmarks.npy"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Landmarks {
    /// The lowest and the highest percentile.
    pub cutoff: [f64; 2],
    /// What the percentiles become: for the cutoffs, the deciles, and 25 and 75.
    pub values: Vec<f64>,
}

/// How landmarks are trained.
#[derive(Debug, Clone)]
pub struct LandmarkOptions<P = String> {
    /// The lowest and the highest percentile.
    pub cutoff: [f64; 2],
    /// Voxels of each image that count; no label.
    pub mask: Mask,
    /// A label file for each image, or one for all, whose voxels above 0 count besides; none if there is none.
    pub masks: Vec<P>,
}

impl Default for LandmarkOptions {
    fn default() -> LandmarkOptions {
        LandmarkOptions { cutoff: HistogramStandardize::CUTOFF, mask: Mask::All, masks: vec![] }
    }
}

impl Landmarks {
    /// From the percentiles of images, read one after the other; all channels of an image together. `HistogramStandardization.train` of TorchIO gives the same.
    ///
    /// # Errors
    /// As [`LazyVolume::open`]; [`Error::Param`] for options that do not fit; [`Error::Data`] for an image of which no voxel counts, or a NaN does.
    pub fn train<P: AsRef<Path>, M: AsRef<Path>>(
        paths: &[P],
        options: &LandmarkOptions<M>,
    ) -> Result<Landmarks> {
        const NAME: &str = "train_landmarks";
        let percentiles = HistogramStandardize::percentiles(options.cutoff)?;
        let masks = &options.masks;
        if paths.is_empty() {
            return Err(Error::param(NAME, "paths", "none", "at least one image").into());
        }
        if masks.len() > 1 && masks.len() != paths.len() {
            let wanted = format!("one for all, or {}", paths.len());
            return Err(Error::param(NAME, "masks", format!("{} masks", masks.len()), wanted).into());
        }
        let mut images = vec![];
        for (n, path) in paths.iter().enumerate() {
            let mask = masks.get(n).or(masks.first());
            let voxels = LazyVolume::open(path)?.compute()?.to_f32()?;
            let inside = mask.map(|m| inside(m.as_ref(), voxels.len())).transpose()?;
            let keep = match options.mask {
                Mask::All => Keep::All,
                Mask::Nonzero => Keep::Nonzero,
                Mask::Above(v) => Keep::Above(v as f32),
                Mask::AboveMean => Keep::Above(stats::floor_f32(stats::moments(&voxels, Keep::All).mean)),
                _ => return Err(Error::param(NAME, "mask", "a label", "label files as masks").into()),
            };
            let inside = inside.as_deref();
            let found = select::percentiles(
                &[&voxels],
                inside.as_ref().map(std::slice::from_ref),
                keep,
                &percentiles,
            );
            let wrong = |found: String| Error::Data {
                what: format!("percentiles of {}", path.as_ref().display()),
                found,
                hint: "choose a mask that keeps finite voxels".into(),
            };
            let found = found.map_err(|e| wrong(e.to_string()))?;
            if found.iter().any(|v| !v.is_finite()) {
                return Err(wrong(format!("{found:?}")).into());
            }
            images.push(found);
        }
        Ok(Landmarks { cutoff: options.cutoff, values: HistogramStandardize::train(&images) })
    }

    /// Writes them: as JSON with the cutoffs, or, where the name ends in `.npy`, as NumPy's array of float64, which TorchIO reads.
    ///
    /// # Errors
    /// [`medio::Error::Io`] if the system refuses.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let content = if path.extension().is_some_and(|e| e == "npy") {
            npy(&self.values)
        } else {
            format!("{:#}\n", json!({ "landmarks": self.values, "cutoff": self.cutoff })).into_bytes()
        };
        Ok(medio::write_whole(path, &content)?)
    }
}

/// 1 for each voxel of an image that a label file marks; a label of one channel marks all channels of the image.
fn inside(path: &Path, voxels: usize) -> Result<Vec<u8>> {
    let label = LazyVolume::open_as(path, Role::Label)?;
    let marked: Vec<u8> = label.compute()?.to_f32()?.iter().map(|v| u8::from(*v > 0.0)).collect();
    if marked.is_empty() || !voxels.is_multiple_of(marked.len()) {
        let found = format!("{} voxels in {}", marked.len(), path.display());
        return Err(Error::shape("a mask", found, format!("{voxels}, as the image has")).into());
    }
    Ok(marked.iter().copied().cycle().take(voxels).collect())
}

/// An array of float64 in NumPy's format, version 1.
fn npy(values: &[f64]) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({},), }}", values.len());
    // Magic, version and length take ten bytes; the whole is a multiple of 64 and ends with a new line.
    let padding = (header.len() + 11).next_multiple_of(64) - 11 - header.len();
    header.extend(std::iter::repeat_n(' ', padding).chain(['\n']));
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.bytes());
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    out
}
