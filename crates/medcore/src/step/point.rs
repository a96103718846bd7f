//! Functions of single voxels.

use std::fmt;
use std::sync::Arc;

use medkernels::linear::{self, Linear};
use medkernels::points::Row;

use super::Step;
use crate::DType;

/// Where a run of voxels lies.
#[derive(Debug, Clone, Copy)]
pub struct RowAt {
    /// Index (x, y, z) of the first voxel in its stage's full logical grid.
    pub index: [usize; 3],
    /// Shape of that grid.
    pub shape: [usize; 3],
    /// Channel (or frame), counted over all axes after the third.
    pub channel: usize,
}

impl RowAt {
    /// Number of the first voxel in the logical item: x fastest, then y, z, channel.
    pub fn number(&self) -> u64 {
        let [i, j, k] = self.index.map(|v| v as u64);
        let [x, y, z] = self.shape.map(|v| v as u64);
        i + x * (j + y * (k + z * self.channel as u64))
    }
}

/// A function of single voxels.
#[derive(Clone)]
#[non_exhaustive]
pub enum Point {
    /// Arithmetic in float32, on a run of voxels along x.
    Run(PointRun),
    /// A change of dtype, rounding half to even and saturating; NaN becomes 0 in integers.
    Cast(DType),
}

/// The arithmetic of a point.
#[derive(Clone)]
pub struct PointRun {
    /// What `explain` prints.
    pub label: Arc<str>,
    /// Whether the result depends on where the voxel lies. If not, `run` may be given any stretch of voxels at once.
    pub indexed: bool,
    /// What it does, if that is linear maps only: those of neighbouring points are run two at a time. Empty otherwise.
    pub linear: Vec<Linear>,
    /// Changes the voxels, in place or on the way from another row.
    pub run: Arc<dyn Fn(Row<'_>, &RowAt) + Send + Sync>,
}

impl Step {
    /// A point that looks at values only, in place.
    pub fn point(label: impl Into<String>, run: impl Fn(&mut [f32]) + Send + Sync + 'static) -> Step {
        Step::point_from(label, move |row| run(row.in_place()))
    }

    /// A point that looks at values only, and can take them from another row.
    pub fn point_from(label: impl Into<String>, run: impl Fn(Row<'_>) + Send + Sync + 'static) -> Step {
        let run = Arc::new(move |row: Row<'_>, _: &RowAt| run(row));
        Step::Point(Point::Run(PointRun { label: label.into().into(), indexed: false, linear: vec![], run }))
    }

    /// A point that is a linear map, or several.
    pub fn linear(label: impl Into<String>, maps: impl Into<Vec<Linear>>) -> Step {
        let maps = maps.into();
        let own: Arc<[Linear]> = maps.as_slice().into();
        let run = Arc::new(move |row: Row<'_>, _: &RowAt| linear::run(row, &own));
        Step::Point(Point::Run(PointRun { label: label.into().into(), indexed: false, linear: maps, run }))
    }

    /// A point that looks at the voxel's place too.
    pub fn point_at(
        label: impl Into<String>,
        run: impl Fn(&mut [f32], &RowAt) + Send + Sync + 'static,
    ) -> Step {
        let run = Arc::new(move |row: Row<'_>, at: &RowAt| run(row.in_place(), at));
        Step::Point(Point::Run(PointRun { label: label.into().into(), indexed: true, linear: vec![], run }))
    }
}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Point::Run(r) => f.write_str(&r.label),
            Point::Cast(d) => write!(f, "cast to {d}"),
        }
    }
}
