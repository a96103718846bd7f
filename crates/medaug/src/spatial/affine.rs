use medcore::{
    Category, Declared, Dist, EachAxis, Error, Facts, Key, PerAxis, Result, Step, Transform, Warp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::PadMode;
use super::resample::Interpolation;
use crate::intensity::gaussian::LengthUnit;

/// Scale, shear, rotate and shift the content about the centre of the grid; the grid stays.
///
/// Lengths are millimetres along the voxel axes x, y, z, so that anisotropic voxels and oblique grids are not distorted. The content is first
/// scaled, then sheared, then rotated about x, y and z in turn, then shifted. Positive angles turn x to y, y to z, z to x. Landmarks move with
/// the content.
///
/// nnU-Net's `SpatialTransform` (of batchgeneratorsv2) is `moves: grid`, `unit: voxels`, `mode: constant`, `label_interpolation: linear` and
/// `label_value: -1`, with its crop after it: both together are one interpolation of what the crop needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Affine {
    /// Rotation about the axes x, y, z; of one distribution, an angle is drawn for each.
    #[schemars(extend("x-unit" = "degrees"))]
    pub rotate: EachAxis,
    /// Magnification along the axes; above 1 enlarges the content.
    pub scale: PerAxis<Dist>,
    /// Shear: x by y, x by z, y by z (tangents of the angles).
    pub shear: PerAxis<Dist>,
    /// Shift along the axes.
    #[schemars(extend("x-unit" = "mm"))]
    pub translate: PerAxis<Dist>,
    /// What the numbers move: the content, or the grid that it is sampled by.
    pub moves: Moves,
    /// The unit of lengths.
    pub unit: LengthUnit,
    /// How images are sampled between voxels.
    pub interpolation: Interpolation,
    /// How labels are sampled between voxels: `nearest`, or `linear` for the label with the largest share of the neighbours (the largest of
    /// linearly interpolated one-hot channels, the lowest label where several are).
    pub label_interpolation: Interpolation,
    /// What lies outside the volume.
    pub mode: PadMode,
    /// The value outside in mode `constant`.
    pub value: f64,
    /// The label outside in mode `constant`.
    pub label_value: i64,
    /// Whether the output's affine stays, or follows the content back to where it came from.
    pub affine: AffineRule,
}

/// What the numbers of an affine move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Moves {
    /// The content: a scale above 1 enlarges it.
    #[default]
    Content,
    /// The grid on which it is sampled, as in MONAI and batchgeneratorsv2: a scale above 1 shows more of the content, smaller.
    Grid,
}

/// What a deformation does to the affine: `keep` it (the content has moved in the world), or `update` it as MONAI does (voxels moved, the
/// world is where it was).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AffineRule {
    /// The grid stays.
    #[default]
    Keep,
    /// The affine is multiplied by the map, as for a regridding.
    Update,
}

impl Default for Affine {
    fn default() -> Affine {
        Affine {
            rotate: 0.0.into(),
            scale: PerAxis::All(1.0.into()),
            shear: PerAxis::All(0.0.into()),
            translate: PerAxis::All(0.0.into()),
            moves: Moves::Content,
            unit: LengthUnit::Mm,
            interpolation: Interpolation::Linear,
            label_interpolation: Interpolation::Nearest,
            mode: PadMode::Edge,
            value: 0.0,
            label_value: 0,
            affine: AffineRule::Keep,
        }
    }
}

impl Declared for Affine {
    const NAME: &'static str = "affine";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("rotate");
}

/// The rotation by `degrees` in the plane from axis `a` to axis `b`.
pub(crate) fn rotation(a: usize, b: usize, degrees: f64) -> medcore::Affine {
    let r = degrees.to_radians();
    let (s, c) = (libm::sin(r), libm::cos(r));
    let mut m = medcore::Affine::IDENTITY;
    m.rows[a][a] = c;
    m.rows[b][b] = c;
    m.rows[a][b] = -s;
    m.rows[b][a] = s;
    m
}

impl Transform for Affine {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.rotate.within(Self::NAME, "rotate", -1e6, 1e6)?;
        self.scale.within(Self::NAME, "scale", 1e-3, 1e3)?;
        let draw = |d: &PerAxis<Dist>, name: &str| d.draw(key.text(name));
        let angle = self.rotate.draw(key.text("rotate"));
        let shift = draw(&self.translate, "translate");
        let shear = draw(&self.shear, "shear");
        let mut sheared = medcore::Affine::IDENTITY;
        (sheared.rows[0][1], sheared.rows[0][2], sheared.rows[1][2]) = (shear[0], shear[1], shear[2]);
        let turn = rotation(0, 1, angle[2]) * rotation(2, 0, angle[1]) * rotation(1, 2, angle[0]);
        let content = medcore::Affine::translate(shift)
            * turn
            * sheared
            * medcore::Affine::from_spacing(draw(&self.scale, "scale"));
        // Between voxels of the grid and lengths along its axes, from its centre.
        let centre = at.grid.center();
        let size = if self.unit == LengthUnit::Mm { at.grid.spacing() } else { [1.0; 3] };
        let to_length = medcore::Affine::from_spacing(size) * medcore::Affine::translate(centre.map(|v| -v));
        let singular =
            |what: &str| Error::param(Self::NAME, what, "singular", "an affine that can be inverted");
        let from_length = to_length.inverse().ok_or_else(|| singular("the grid's spacing"))?;
        let back = content
            .inverse()
            .filter(medcore::Affine::is_finite)
            .ok_or_else(|| singular("scale and shear"))?;
        let map = from_length * if self.moves == Moves::Content { back } else { content } * to_length;
        let (grid, deforms) = match self.affine {
            AffineRule::Keep => (*at.grid, true),
            AffineRule::Update => (medcore::Grid::new(at.grid.shape, at.grid.affine * map), false),
        };
        Ok(vec![Step::Warp(Warp {
            label: format!("affine, rotated {angle:.3?} degrees"),
            grid,
            map: map.into(),
            sampler: [self.interpolation.into(); 3],
            label_sampler: self.label_interpolation.into(),
            boundary: self.mode.boundary(Self::NAME, self.value)?,
            label_fill: self.label_value as f64,
            composable: true,
            deforms,
        })])
    }
}
