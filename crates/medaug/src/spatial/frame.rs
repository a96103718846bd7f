use medcore::{Affine, Error, Grid, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intensity::gaussian::LengthUnit;

/// What x, y and z are: the voxel axes of the `grid`; or axes of the world, `ras` (right, anterior, superior: NIfTI, nibabel, TorchIO's affines) or
/// `lps` (left, posterior, superior: DICOM, ITK).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// Along the rows, columns and slices of voxels.
    #[default]
    Grid,
    /// To the right, to the front, upwards.
    Ras,
    /// To the left, to the back, upwards.
    Lps,
}

impl Frame {
    /// From voxels of a grid to lengths along the axes, without an origin.
    pub(crate) fn of_voxels(self, grid: &Grid, unit: LengthUnit, transform: &str) -> Result<Affine> {
        match (self, unit) {
            (Frame::Grid, LengthUnit::Mm) => Ok(Affine::from_spacing(grid.spacing())),
            (Frame::Grid, LengthUnit::Voxels) => Ok(Affine::IDENTITY),
            (Frame::Ras | Frame::Lps, LengthUnit::Mm) => {
                let ras = Affine::new(grid.affine.linear(), [0.0; 3]);
                Ok(if self == Frame::Lps { Affine::from_spacing([-1.0, -1.0, 1.0]) * ras } else { ras })
            }
            (Frame::Ras | Frame::Lps, LengthUnit::Voxels) => {
                Err(Error::param(transform, "unit", "voxels along axes of the world", "mm, or frame: grid"))
            }
        }
    }

    /// From lengths along the axes to voxels of a grid, without an origin.
    pub(crate) fn to_voxels(self, grid: &Grid, unit: LengthUnit, transform: &str) -> Result<Affine> {
        let singular = || Error::shape(transform, "a grid whose affine cannot be inverted", grid);
        self.of_voxels(grid, unit, transform)?.inverse().ok_or_else(singular)
    }

    /// For each voxel axis, the axis that it runs along most nearly, and whether it runs against it.
    pub(crate) fn along(self, grid: &Grid) -> [(usize, bool); 3] {
        let o = grid.orientation();
        [0, 1, 2].map(|j| match self {
            Frame::Grid => (j, false),
            Frame::Ras => (o.axes[j], o.flipped[j]),
            Frame::Lps => (o.axes[j], o.flipped[j] != (o.axes[j] < 2)),
        })
    }
}
