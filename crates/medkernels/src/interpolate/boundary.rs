//! What lies beyond a grid's edge.

/// The values of neighbours outside the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Boundary {
    /// They have this value, and blend with those inside: SciPy's `grid-constant`. The transition is one
    /// voxel wide.
    Constant(f32),
    /// They are zero, and blend: torch's `padding_mode="zeros"`. The same as `Constant(0.0)`.
    ZerosBlended,
    /// The nearest voxel inside, `a a a | a b c d | d d d`: SciPy's `nearest`, torch's `border`.
    Edge,
    /// Mirrored at the voxels' outer faces, `c b a | a b c d | d c b`: SciPy's `reflect`.
    Reflect,
    /// Mirrored at the outer voxels' centres, `d c b | a b c d | c b a`: SciPy's `mirror`.
    Mirror,
    /// Repeated, `b c d | a b c d | a b c`: SciPy's `grid-wrap`.
    Wrap,
}

impl Boundary {
    /// The voxel inside that stands for index `i` of an axis of `n` voxels; `None` where a fill value does.
    ///
    /// ```
    /// use medkernels::interpolate::Boundary;
    /// assert_eq!(Boundary::Reflect.index(-1, 4), Some(0));
    /// assert_eq!(Boundary::Mirror.index(-1, 4), Some(1));
    /// assert_eq!(Boundary::ZerosBlended.index(4, 4), None);
    /// ```
    #[inline]
    pub fn index(self, i: i64, n: usize) -> Option<usize> {
        let count = n as i64;
        if (0..count).contains(&i) {
            return Some(i as usize);
        }
        if n == 0 {
            return None;
        }
        let inside = match self {
            Boundary::Constant(_) | Boundary::ZerosBlended => return None,
            Boundary::Edge => i.clamp(0, count - 1),
            Boundary::Wrap => i.rem_euclid(count),
            Boundary::Reflect => {
                let k = i.rem_euclid(2 * count);
                if k < count { k } else { 2 * count - 1 - k }
            }
            Boundary::Mirror if n == 1 => 0,
            Boundary::Mirror => {
                let k = i.rem_euclid(2 * count - 2);
                if k < count { k } else { 2 * count - 2 - k }
            }
        };
        Some(inside as usize)
    }

    /// The value of neighbours outside, where there is one.
    pub(crate) fn fill(self) -> f32 {
        if let Boundary::Constant(value) = self { value } else { 0.0 }
    }
}
