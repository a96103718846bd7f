//! What a transform wants done to the voxels.

mod filter;
mod items;
mod measure;
mod point;
mod remake;
mod warp;
mod whole;

pub use filter::{Filter, FilterRun, FilterTile, RawTile, Turned};
pub use items::{Derived, Host, HostRun, Items};
pub use measure::{Keep, Measure, Measured, Of};
pub use point::{Point, PointRun, RowAt};
pub use remake::{OfChannel, OfPixels, OfVoxels, Remake, RemakeBy, Take};
pub use warp::{Clip, Warp};
pub use whole::{Global, RawVolume, Relabel};

/// One thing to do. A transform's plan is a list of these; the executor decides how they are run, never what they mean.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Step {
    /// Each voxel alone.
    Point(Point),
    /// Numbers of the whole volume, from which further steps follow.
    Measure(Measure),
    /// Voxels move, or are interpolated on another grid.
    Warp(Warp),
    /// A voxel from its neighbourhood.
    Filter(Filter),
    /// The whole volume at once; ends the pushing of crops towards the file.
    Global(Global),
    /// Label values are renamed.
    Relabel(Relabel),
    /// Voxels of another dtype, or with other channels.
    Remake(Remake),
    /// Some of the channels, or other axes for them.
    Take(Take),
    /// Items appear, split or vanish.
    Items(Items),
    /// The user's own function.
    Host(Host),
}
