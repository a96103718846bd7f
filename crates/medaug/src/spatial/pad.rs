use medcore::{
    Boundary, Category, Declared, Error, Facts, Grid, Key, Lattice, PerAxis, Result, Step, Transform, Warp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Add voxels around the volume. The world stays in place.
///
/// Corresponds to `numpy.pad` and MONAI's `BorderPad`. Labels are padded by the same mode, with `label_value` where it is constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "BorderPad, SpatialPad",
    "TorchIO": "Pad",
    "NumPy": "pad",
    "SimpleITK": "ConstantPad, MirrorPad, WrapPad"
}))]
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
    /// The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
    pub label_value: i64,
}

/// What is added around a volume.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outside {
    pub(crate) boundary: Boundary,
    /// The label where the boundary is a constant.
    pub(crate) label: i64,
}

impl Outside {
    pub(crate) const ZEROS: Outside = Outside { boundary: Boundary::Constant(0.0), label: 0 };
}

/// What lies beyond a volume's edge, in the words of `numpy.pad`; `smallest` is TorchIO's `minimum`, `cut` SciPy's `constant` (and `constant` its `grid-constant`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// One value; samples between the outermost voxels and it are blended (SciPy's `grid-constant`).
    #[default]
    Constant,
    /// One value where a sample lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of whole voxels it is `constant`.
    Cut,
    /// The edge voxel.
    Edge,
    /// Mirrored, the edge voxel not repeated.
    Reflect,
    /// Mirrored, the edge voxel repeated.
    Symmetric,
    /// The other side.
    Wrap,
    /// The smallest value of the image, which is measured first, so that nothing before is joined with it; labels have theirs of `constant`.
    Smallest,
}

impl PadMode {
    /// What the mode and values add.
    pub(crate) fn outside(self, transform: &str, value: f64, label: i64) -> Result<Outside> {
        Ok(Outside { boundary: self.boundary(transform, value)?, label })
    }

    /// The boundary of samples that the mode and value stand for.
    pub(crate) fn sampled(self, transform: &str, value: f64) -> Result<Boundary> {
        Ok(match (self, self.boundary(transform, value)?) {
            (PadMode::Cut, Boundary::Constant(v)) => Boundary::Cut(v),
            (_, boundary) => boundary,
        })
    }

    /// The boundary of whole voxels that the mode and value stand for.
    pub(crate) fn boundary(self, transform: &str, value: f64) -> Result<Boundary> {
        Ok(match self {
            PadMode::Constant | PadMode::Cut if value.is_infinite() => {
                return Err(Error::param(transform, "value", value, "a finite number or NaN"));
            }
            PadMode::Constant | PadMode::Cut => Boundary::Constant(value),
            PadMode::Edge => Boundary::Edge,
            PadMode::Reflect => Boundary::Reflect,
            PadMode::Symmetric => Boundary::Symmetric,
            PadMode::Wrap => Boundary::Wrap,
            PadMode::Smallest => Boundary::Smallest,
        })
    }
}

impl Default for Pad {
    fn default() -> Pad {
        Pad {
            amount: PerAxis::All(0),
            before: None,
            after: None,
            mode: PadMode::Constant,
            value: 0.0,
            label_value: 0,
        }
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
    outside: Outside,
) -> Option<Step> {
    if before == [0; 3] && shape == grid.shape {
        return None;
    }
    let lattice = Lattice { offset: before.map(|b| -b), ..Lattice::IDENTITY };
    let (boundary, label_fill) = (outside.boundary, outside.label as f64);
    Some(Step::Warp(Warp { boundary, label_fill, ..Warp::lattice(label, grid, lattice, shape) }))
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
        let outside = self.mode.outside(Self::NAME, self.value, self.label_value)?;
        Ok(placed(label, at.grid, before.map(|b| b as i64), shape, outside).into_iter().collect())
    }
}
