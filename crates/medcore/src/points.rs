//! Landmarks.

/// Points in world millimetres (RAS+), such as landmarks or fiducials.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Points {
    /// World coordinates (x, y, z) in millimetres.
    pub world: Vec<[f64; 3]>,
}
