use std::sync::Arc;

use medcore::{
    Affine, Category, Declared, Displacement, Dist, Error, Facts, Grid, Key, Result, Step, Transform, Volume,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frame::Frame;
use super::pad::PadMode;
use super::sampling::{Interpolation, LabelInterpolation, sampling};
use crate::intensity::gaussian::LengthUnit;

/// Displace the content by a given field; the grid stays.
///
/// What is at a voxel afterwards was before where the field points from there, as in ITK's `DisplacementFieldTransform`, MONAI's `Warp` and torch's
/// `grid_sample`. The field may be coarser than the volume: it is linear between its voxels, and beyond the outermost as they are. Unless it
/// has an affine it spans the volume, faces on faces. Landmarks move with the content. Joined with warps before and after it into one
/// interpolation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {
    "MONAI": "networks.blocks.Warp",
    "SciPy": "ndimage.map_coordinates",
    "SimpleITK": "DisplacementFieldTransform",
    "OpenCV": "remap",
    "PyTorch": "nn.functional.grid_sample"
}))]
pub struct Displace {
    /// The field: vectors as lists, `field[x][y][z]` being three numbers; or a NIfTI file of three channels, which brings its affine and is read when
    /// the pipeline is made.
    pub field: GivenField,
    /// From voxels of the field to RAS+ millimetres, four rows of four; a file has its own.
    #[serde(default)]
    pub field_affine: Option<[[f64; 4]; 4]>,
    /// A digest of the file's numbers, written when it is read; a file that has others is an error.
    #[serde(default)]
    pub digest: Option<String>,
    /// The unit of the vectors.
    #[serde(default = "mm")]
    pub unit: LengthUnit,
    /// What their components are along. ITK's and ANTs' files hold `lps`.
    #[serde(default)]
    pub frame: Frame,
    /// What vectors are multiplied by.
    #[serde(default = "one")]
    pub scale: Dist,
    /// How images are sampled between voxels.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// How labels are sampled between voxels: `nearest`, or `linear` for the label with the largest share of the neighbours.
    #[serde(default)]
    pub label_interpolation: LabelInterpolation,
    /// What lies outside the volume.
    #[serde(default = "edge")]
    pub mode: PadMode,
    /// The value outside in mode `constant`.
    #[serde(default)]
    pub value: f64,
    /// The label outside in mode `constant`.
    #[serde(default)]
    pub label_value: i64,
    /// The vectors, x fastest, once they are read.
    #[serde(skip)]
    vectors: Option<Vectors>,
}

/// A field of displacements: a file, or vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-python" = "PathLike[str]"))]
#[serde(untagged, expecting = "a file's name, or lists of vectors: field[x][y][z] is three numbers")]
pub enum GivenField {
    /// A file.
    File(String),
    /// Vectors.
    Vectors(Vec<Vec<Vec<[f32; 3]>>>),
}

#[derive(Debug, Clone, PartialEq)]
struct Vectors {
    shape: [usize; 3],
    values: Arc<[[f32; 3]]>,
    affine: Option<Affine>,
}

fn mm() -> LengthUnit {
    LengthUnit::Mm
}

fn one() -> Dist {
    1.0.into()
}

fn edge() -> PadMode {
    PadMode::Edge
}

impl Declared for Displace {
    const NAME: &'static str = "displace";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("field");

    fn file(&self) -> Option<&str> {
        if let GivenField::File(path) = &self.field { Some(path) } else { None }
    }

    fn prepare(&mut self, file: Option<(&Volume, String)>) -> Result<()> {
        let affine = self.field_affine.map(affine).transpose()?;
        if let GivenField::Vectors(lists) = &self.field {
            self.vectors = Some(Vectors { affine, ..listed(lists)? });
        }
        if let Some((volume, digest)) = file {
            if let Some(other) = self.digest.as_ref().filter(|d| **d != digest) {
                let wanted = format!("{digest}, which the file has now, or none");
                return Err(Error::param(Self::NAME, "digest", other, wanted));
            }
            self.digest = Some(digest);
            self.vectors = Some(stored(volume, affine)?);
        }
        Ok(())
    }
}

fn affine(rows: [[f64; 4]; 4]) -> Result<Affine> {
    let out = Affine { rows: [rows[0], rows[1], rows[2]] };
    if rows[3] == [0.0, 0.0, 0.0, 1.0] && out.is_finite() && out.inverse().is_some() {
        return Ok(out);
    }
    let wanted = "an affine that can be inverted, with 0, 0, 0, 1 in the last row";
    Err(Error::param(Displace::NAME, "field_affine", format!("{rows:?}"), wanted))
}

fn listed(lists: &[Vec<Vec<[f32; 3]>>]) -> Result<Vectors> {
    let shape = [
        lists.len(),
        lists.first().map_or(0, Vec::len),
        lists.first().and_then(|l| l.first()).map_or(0, Vec::len),
    ];
    let even = lists.iter().all(|l| l.len() == shape[1] && l.iter().all(|l| l.len() == shape[2]));
    if !even || shape.contains(&0) {
        let found = format!("lists for {shape:?} voxels, or of other lengths");
        return Err(Error::param(Displace::NAME, "field", found, "a vector for each voxel of a grid"));
    }
    let [nx, ny, nz] = shape;
    let at = |n: usize| lists[n % nx][n / nx % ny][n / nx / ny];
    Ok(Vectors { shape, values: (0..nx * ny * nz).map(at).collect(), affine: None })
}

fn stored(volume: &Volume, affine: Option<Affine>) -> Result<Vectors> {
    if volume.channels() != 3 {
        let found = format!("{} of {}", volume.channels(), volume.grid());
        return Err(Error::shape("channels of a field", found, "three: x, y, z"));
    }
    let (grid, all) = (volume.grid(), volume.to_f32()?);
    let n = grid.len();
    let values = (0..n).map(|i| [all[i], all[n + i], all[2 * n + i]]).collect();
    Ok(Vectors { shape: grid.shape, values, affine: Some(affine.unwrap_or(grid.affine)) })
}

impl Displace {
    /// Voxels of a volume to voxels of the field.
    fn place(of: &Vectors, grid: &Grid) -> Result<Affine> {
        if let Some(affine) = of.affine {
            let back = affine.inverse();
            return Ok(back
                .ok_or_else(|| Error::shape("field", "an affine that cannot be inverted", grid))?
                * grid.affine);
        }
        let ratio = [0, 1, 2].map(|a| of.shape[a] as f64 / grid.shape[a] as f64);
        Ok(Affine::translate(ratio.map(|r| (r - 1.0) / 2.0)) * Affine::from_spacing(ratio))
    }
}

impl Transform for Displace {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.scale.within(Self::NAME, "scale", -1e6, 1e6)?;
        let scale = self.scale.draw(key.text("scale"));
        let Some(of) = &self.vectors else {
            return Err(Error::param(Self::NAME, "field", "not read yet", "a field that was prepared"));
        };
        let turn = self.frame.to_voxels(at.grid, self.unit, Self::NAME)?;
        // A picture stays in its plane.
        let row = |a: usize| turn.linear()[a].map(|v| if at.grid.shape[a] == 1 { 0.0 } else { v * scale });
        let place = Displace::place(of, at.grid)?;
        let field = medcore::Field::new(of.shape, of.values.clone(), place, [0, 1, 2].map(row))?;
        let label = format!("displace by a field of {:?}", of.shape);
        sampling!(self).displaced(label, at, Displacement::Field(field))
    }
}
