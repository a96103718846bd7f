use medcore::{
    Boundary, Category, Declared, Error, Facts, Grid, Key, Lattice, PerAxis, Result, Step, Transform, Warp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Add voxels around the volume. The world stays in place.
///
/// Corresponds to `numpy.pad` and MONAI's `BorderPad`. Labels are padded by the same mode, with 0 where it is constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pad {
    /// Voxels added on both sides of each axis.
    pub amount: PerAxis<usize>,
    /// Voxels added before the first, instead of `amount`.
    pub before: Option<PerAxis<usize>>,
    /// Voxels added after the last, instead of `amount`.
    pub after: Option<PerAxis<usize>>,
    /// What is added.
    pub mode: PadMode,
    /// The value added in mode `constant`, in real units.
    pub value: f64,
}

/// What lies beyond a volume's edge, in the words of `numpy.pad`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// One value.
    #[default]
    Constant,
    /// The edge voxel.
    Edge,
    /// Mirrored, the edge voxel not repeated.
    Reflect,
    /// Mirrored, the edge voxel repeated.
    Symmetric,
    /// The other side.
    Wrap,
}

impl PadMode {
    /// The boundary that the mode and value stand for.
    pub(crate) fn boundary(self, transform: &str, value: f64) -> Result<Boundary> {
        Ok(match self {
            PadMode::Constant if value.is_infinite() => {
                return Err(Error::param(transform, "value", value, "a finite number or NaN"));
            }
            PadMode::Constant => Boundary::Constant(value),
            PadMode::Edge => Boundary::Edge,
            PadMode::Reflect => Boundary::Reflect,
            PadMode::Symmetric => Boundary::Symmetric,
            PadMode::Wrap => Boundary::Wrap,
        })
    }
}

impl Default for Pad {
    fn default() -> Pad {
        Pad { amount: PerAxis::All(0), before: None, after: None, mode: PadMode::Constant, value: 0.0 }
    }
}

impl Declared for Pad {
    const NAME: &'static str = "pad";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("amount");
}

/// The warp that places `grid` inside `shape` voxels with `before` voxels (negative: cropped) in front of it.
pub(crate) fn placed(
    label: String,
    grid: &Grid,
    before: [i64; 3],
    shape: [usize; 3],
    outside: Boundary,
) -> Option<Step> {
    if before == [0; 3] && shape == grid.shape {
        return None;
    }
    let lattice = Lattice { offset: before.map(|b| -b), ..Lattice::IDENTITY };
    Some(Step::Warp(Warp { boundary: outside, ..Warp::lattice(label, grid, lattice, shape) }))
}

impl Transform for Pad {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let before = self.before.as_ref().unwrap_or(&self.amount).each();
        let after = self.after.as_ref().unwrap_or(&self.amount).each();
        let mut shape = [0; 3];
        for i in 0..3 {
            let total = before[i].checked_add(after[i]).and_then(|v| v.checked_add(at.grid.shape[i]));
            shape[i] = total.filter(|&v| v < 1 << 31).ok_or_else(|| {
                Error::param(
                    Self::NAME,
                    "amount",
                    format!("{before:?} and {after:?}"),
                    "fewer than 2^31 voxels per axis",
                )
            })?;
        }
        let label = format!("pad {before:?} before, {after:?} after");
        let boundary = self.mode.boundary(Self::NAME, self.value)?;
        Ok(placed(label, at.grid, before.map(|b| b as i64), shape, boundary).into_iter().collect())
    }
}
