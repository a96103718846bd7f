use medcore::{Category, Declared, Dist, EachAxis, Error, Facts, Key, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frame::Frame;
use super::pad::PadMode;
use super::sampling::{Interpolation, LabelInterpolation, sampling};
use crate::intensity::gaussian::LengthUnit;

/// Scale, shear, rotate and shift the content about the centre of the grid; the grid stays.
///
/// Lengths are millimetres along the voxel axes x, y, z, so that anisotropic voxels and oblique grids are not distorted. The content is first
/// scaled, then sheared, then rotated about x, y and z in turn, then shifted, unless `sequence`, `order` and `frame` say otherwise. Positive angles
/// turn x to y, y to z, z to x. Landmarks move with the content.
///
/// nnU-Net's `SpatialTransform` (of batchgeneratorsv2) is `moves: grid`, `unit: voxels`, `mode: constant` and `label_interpolation: linear`, with its
/// crop after it: both together are one interpolation of what the crop needs. Its axes are z, y, x: turned about them in that order, as `order: zyx` does.
///
/// MONAI's `Affine` is `moves: grid`, `unit: voxels`, `order: zyx` and `sequence: [scale, translate, shear, rotate]`. TorchIO's `Affine` is
/// `frame: ras`, `order: yxz`, `sequence: [rotate, translate, shear, scale]` and `mode: smallest`. SciPy's `affine_transform` is a `matrix` with `moves: grid`,
/// `unit: voxels` and `about: origin`; ITK's `AffineTransform` one with `moves: grid`, `frame: lps` and `about: origin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "Affine, RandAffine, Rotate",
    "TorchIO": "Affine, RandomAffine",
    "batchgeneratorsv2": "SpatialTransform",
    "SciPy": "ndimage.affine_transform",
    "SimpleITK": "AffineTransform, Euler3DTransform",
    "OpenCV": "warpAffine"
}))]
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
    /// The whole map at once, four rows of four, instead of scale, shear, rotation and shift: lengths along the axes to lengths along the axes.
    pub matrix: Option<[[f64; 4]; 4]>,
    /// The point that scale, shear and rotation leave where it is, from which lengths are counted.
    pub about: About,
    /// What the numbers move: the content, or the grid that it is sampled by.
    pub moves: Moves,
    /// The unit of lengths.
    pub unit: LengthUnit,
    /// What x, y and z are.
    pub frame: Frame,
    /// About which axis is turned first, second and third.
    pub order: RotationOrder,
    /// What is done first, second, third and last.
    pub sequence: [AffinePart; 4],
    /// How images are sampled between voxels.
    pub interpolation: Interpolation,
    /// How labels are sampled between voxels: `nearest`, or `linear` for the label with the largest share of the neighbours (the largest of
    /// linearly interpolated one-hot channels, the lowest label where several are).
    pub label_interpolation: LabelInterpolation,
    /// What lies outside the volume.
    pub mode: PadMode,
    /// The value outside in mode `constant`.
    pub value: f64,
    /// The label outside in mode `constant`.
    pub label_value: i64,
    /// Whether the output's affine stays, or follows the content back to where it came from.
    pub affine: AffineRule,
}

/// The point that an affine is about: the `center` of the grid, or the `origin`: the first voxel's centre, or the world's where axes are the world's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The centre of the grid.
    #[default]
    Center,
    /// Where lengths along the axes are 0.
    Origin,
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

/// The order of three rotations, the first one first; the axes stay where they are while the content turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RotationOrder {
    /// About x, then y, then z: batchgeneratorsv2, with its axes.
    #[default]
    Xyz,
    /// About x, then z, then y.
    Xzy,
    /// About y, then x, then z: ITK's `Euler3DTransform`, and so TorchIO.
    Yxz,
    /// About y, then z, then x.
    Yzx,
    /// About z, then x, then y.
    Zxy,
    /// About z, then y, then x: MONAI, SciPy's `XYZ`.
    Zyx,
}

/// A part of an affine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AffinePart {
    /// Magnification.
    Scale,
    /// Shear.
    Shear,
    /// All rotations.
    Rotate,
    /// Shift.
    Translate,
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
            matrix: None,
            about: About::Center,
            moves: Moves::Content,
            unit: LengthUnit::Mm,
            frame: Frame::Grid,
            order: RotationOrder::Xyz,
            sequence: [AffinePart::Scale, AffinePart::Shear, AffinePart::Rotate, AffinePart::Translate],
            interpolation: Interpolation::Linear,
            label_interpolation: LabelInterpolation::Nearest,
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

/// A matrix that is given.
fn given(rows: [[f64; 4]; 4]) -> Result<medcore::Affine> {
    let out = medcore::Affine { rows: [rows[0], rows[1], rows[2]] };
    if rows[3] == [0.0, 0.0, 0.0, 1.0] && out.is_finite() {
        return Ok(out);
    }
    let wanted = "finite numbers, with 0, 0, 0, 1 in the last row";
    Err(Error::param(Affine::NAME, "matrix", format!("{rows:?}"), wanted))
}

impl RotationOrder {
    /// The axes, the first one first.
    fn axes(self) -> [usize; 3] {
        match self {
            RotationOrder::Xyz => [0, 1, 2],
            RotationOrder::Xzy => [0, 2, 1],
            RotationOrder::Yxz => [1, 0, 2],
            RotationOrder::Yzx => [1, 2, 0],
            RotationOrder::Zxy => [2, 0, 1],
            RotationOrder::Zyx => [2, 1, 0],
        }
    }

    /// The rotation by angles about x, y and z.
    fn turn(self, angle: [f64; 3]) -> medcore::Affine {
        let about = |axis: usize| rotation((axis + 1) % 3, (axis + 2) % 3, angle[axis]);
        let [first, second, third] = self.axes();
        about(third) * about(second) * about(first)
    }
}

impl Transform for Affine {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.rotate.within(Self::NAME, "rotate", -1e6, 1e6)?;
        self.scale.within(Self::NAME, "scale", 1e-3, 1e3)?;
        if (1..4).any(|n| self.sequence[..n].contains(&self.sequence[n])) {
            let found = format!("{:?}", self.sequence);
            return Err(Error::param(
                Self::NAME,
                "sequence",
                found,
                "each of scale, shear, rotate and translate once",
            ));
        }
        let draw = |d: &PerAxis<Dist>, name: &str| d.draw(key.text(name));
        let angle = self.rotate.draw(key.text("rotate"));
        let shift = draw(&self.translate, "translate");
        let shear = draw(&self.shear, "shear");
        let mut sheared = medcore::Affine::IDENTITY;
        (sheared.rows[0][1], sheared.rows[0][2], sheared.rows[1][2]) = (shear[0], shear[1], shear[2]);
        let scaled = medcore::Affine::from_spacing(draw(&self.scale, "scale"));
        let [first, second, third, last] = self.sequence.map(|part| match part {
            AffinePart::Scale => scaled,
            AffinePart::Shear => sheared,
            AffinePart::Rotate => self.order.turn(angle),
            AffinePart::Translate => medcore::Affine::translate(shift),
        });
        let content = match self.matrix {
            Some(rows) => given(rows)?,
            None => last * third * second * first,
        };
        // Between voxels of the grid and lengths along its axes, from its centre or from their origin.
        let to_length = match (self.about, self.frame) {
            (About::Origin, Frame::Ras) => at.grid.affine,
            (About::Origin, Frame::Lps) => medcore::Affine::from_spacing([-1.0, -1.0, 1.0]) * at.grid.affine,
            (about, frame) => {
                let size = frame.of_voxels(at.grid, self.unit, Self::NAME)?;
                let centre = if about == About::Center { at.grid.center() } else { [0.0; 3] };
                size * medcore::Affine::translate(centre.map(|v| -v))
            }
        };
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
        let label = match self.matrix {
            Some(_) => "affine, by a matrix".into(),
            None => format!("affine, rotated {angle:.3?} degrees"),
        };
        sampling!(self).warp(label, grid, map.into(), deforms)
    }
}
