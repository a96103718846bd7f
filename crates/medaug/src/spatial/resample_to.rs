use medcore::{
    Affine, Category, Clip, Declared, Error, Facts, Grid, Key, Lattice, Result, Sampler, Step, Transform,
    Warp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::PadMode;
use super::sampling::{LabelInterpolation, Resampling, regridded};

/// Sample the volume on another volume's grid: a file's, another item's, or one that is given. The world stays in place.
///
/// Axis-aligned grids are sampled along the axes, whatever their order and direction; grids that lie on the same voxels are copied. `area` and `lanczos` go along axes
/// only. In a pipeline, `keys` names the items that move when `item` is one of the sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "ResampleToMatch", "TorchIO": "Resample", "SimpleITK": "Resample", "nibabel": "processing.resample_from_to"}))]
pub struct ResampleTo {
    /// A file whose grid it is; its header is read when the pipeline is made.
    #[schemars(extend("x-python" = "PathLike[str]"))]
    pub file: Option<String>,
    /// An item of the sample whose grid it is.
    pub item: Option<String>,
    /// The grid; written when a file is read.
    pub grid: Option<GivenGrid>,
    /// How images are sampled between voxels.
    pub interpolation: Resampling,
    /// How labels are sampled between voxels.
    pub label_interpolation: LabelInterpolation,
    /// What lies outside the volume.
    pub mode: PadMode,
    /// The value outside in mode `constant`.
    pub value: f64,
    /// The label outside in mode `constant`.
    pub label_value: i64,
    /// Whether values between voxels are held within the range of the channel's voxels.
    pub clip: bool,
}

/// A grid in numbers; in Python that of a volume, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-python" = "Volume"))]
pub struct GivenGrid {
    /// Voxels along x, y, z.
    pub shape: [usize; 3],
    /// Voxel index to RAS+ millimetres, four rows of four.
    pub affine: [[f64; 4]; 4],
}

impl Default for ResampleTo {
    fn default() -> ResampleTo {
        ResampleTo {
            file: None,
            item: None,
            grid: None,
            interpolation: Resampling::Linear,
            label_interpolation: LabelInterpolation::Nearest,
            mode: PadMode::Constant,
            value: 0.0,
            label_value: 0,
            clip: false,
        }
    }
}

impl Declared for ResampleTo {
    const NAME: &'static str = "resample_to";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("file");

    fn grid_file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    fn take_grid(&mut self, Grid { shape, affine }: Grid) -> Result<()> {
        let [x, y, z] = affine.rows;
        let found = GivenGrid { shape, affine: [x, y, z, [0.0, 0.0, 0.0, 1.0]] };
        if let Some(other) = self.grid.as_ref().filter(|g| **g != found) {
            let wanted = "the grid that the file has, or none";
            return Err(Error::param(Self::NAME, "grid", format!("{other:?}"), wanted));
        }
        self.grid = Some(found);
        Ok(())
    }
}

impl ResampleTo {
    fn target(&self, at: &Facts<'_>) -> Result<Grid> {
        match (&self.grid, &self.item) {
            (Some(grid), None) => {
                let rows = grid.affine;
                let affine = Affine { rows: [rows[0], rows[1], rows[2]] };
                if rows[3] == [0.0, 0.0, 0.0, 1.0] && affine.is_finite() && affine.inverse().is_some() {
                    return Ok(Grid::new(grid.shape, affine));
                }
                let wanted = "an affine that can be inverted, with 0, 0, 0, 1 in the last row";
                Err(Error::param(Self::NAME, "grid", format!("{rows:?}"), wanted))
            }
            (None, Some(item)) => Ok(at.named(Self::NAME, "item", Some(item), medcore::Role::Image)?.grid),
            (given, _) => {
                let found = if given.is_some() { "a grid or file, and an item" } else { "nothing" };
                Err(Error::param(Self::NAME, "file", found, "one of file, item and grid"))
            }
        }
    }
}

/// The axes of a map that runs along axes, in another order or direction, as a lattice on all of the input.
fn turned(map: &Affine, input: [usize; 3]) -> Option<(Lattice, [usize; 3])> {
    let longest = map.linear().iter().flatten().fold(0.0, |most: f64, v| most.max(v.abs()));
    let mut lattice = Lattice::IDENTITY;
    for j in 0..3 {
        let column = map.column(j);
        let mut along = (0..3).filter(|&i| column[i].abs() > 1e-9 * longest);
        let (i, None) = (along.next()?, along.next()) else { return None };
        (lattice.axes[j], lattice.flipped[j]) = (i, column[i] < 0.0);
        lattice.offset[i] = if lattice.flipped[j] { input[i] as i64 - 1 } else { 0 };
    }
    let mut seen = lattice.axes;
    seen.sort_unstable();
    (seen == [0, 1, 2]).then(|| (lattice, lattice.axes.map(|i| input[i])))
}

impl Transform for ResampleTo {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let target = self.target(at)?;
        if *at.grid == target {
            return Ok(vec![]);
        }
        let singular = || Error::shape(Self::NAME, "a grid whose affine cannot be inverted", at.grid);
        let mut map = at.grid.affine.inverse().ok_or_else(singular)? * target.affine;
        let mut steps = vec![];
        // Voxels are put in the order of the target's axes first, so that what is left is sampled along them.
        if Lattice::of(&map, target.shape).is_none()
            && let Some((lattice, shape)) = turned(&map, at.grid.shape)
        {
            if lattice != Lattice::IDENTITY {
                map = lattice.to_affine().inverse().ok_or_else(singular)? * map;
                steps.push(Step::Warp(Warp::lattice("axes as the target's", at.grid, lattice, shape)));
            }
            for (i, row) in map.rows.iter_mut().enumerate() {
                (0..3).filter(|&j| j != i).for_each(|j| row[j] = 0.0);
            }
        }
        let label = format!("onto {:?} voxels of {:.3?} mm", target.shape, target.spacing());
        let sampler = Sampler::from(self.interpolation);
        steps.push(Step::Warp(Warp {
            label_sampler: self.label_interpolation.into(),
            boundary: self.mode.sampled(Self::NAME, self.value)?,
            label_fill: self.label_value as f64,
            clip: if self.clip { Clip::Volume } else { Clip::No },
            ..regridded(label, target, map.into(), [sampler; 3])
        }));
        Ok(steps)
    }
}
