//! Voxels of each value, counted by rows.

use crate::Box3;

/// How many voxels of each value lie in each row of a box. The `n`-th voxel of a value lies in the row that this tells, which is looked at again: all that is needed where
/// some voxels are drawn once. Made much sooner than a [`ClassIndex`](crate::ClassIndex), which finds any voxel at any time and can be kept.
///
/// ```
/// use medcore::{Box3, ClassRows};
///
/// // Two rows of three voxels: 0 5 5 / 5 0 0.
/// let rows = ClassRows::new(Box3::whole([3, 2, 1]), [1, 2], vec![(5, vec![2, 1]), (0, vec![1, 2])]);
/// assert_eq!(rows.values().collect::<Vec<_>>(), [0, 5]);
/// // The voxel of value 5 before which two are is the first in the second row.
/// assert_eq!((rows.count(5), rows.row(5, 2)), (3, Some(([0, 1, 0], 0))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRows {
    inside: Box3,
    /// From a row's count to that of the next along y, and along z.
    strides: [usize; 2],
    /// By value.
    classes: Vec<Class>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    value: i64,
    rows: Vec<u16>,
    /// Voxels up to the end of each plane.
    so_far: Vec<u64>,
}

impl ClassRows {
    /// From each value's voxels in the rows of a box, which lie by these strides along y and z.
    pub fn new(inside: Box3, strides: [usize; 2], counts: Vec<(i64, Vec<u16>)>) -> ClassRows {
        let [_, ny, nz] = inside.shape;
        let class = |(value, rows): (i64, Vec<u16>)| {
            let mut planes = vec![0u64; nz];
            if strides == [nz, 1] {
                // Neighbours are counts of neighbouring planes.
                for row in rows.chunks(strides[0].max(1)) {
                    planes.iter_mut().zip(row).for_each(|(plane, n)| *plane += u64::from(*n));
                }
            } else {
                for (plane, rows) in planes.iter_mut().zip(rows.chunks(ny.max(1))) {
                    *plane = rows.iter().map(|n| u64::from(*n)).sum();
                }
            }
            let mut sum = 0;
            for plane in &mut planes {
                sum += *plane;
                *plane = sum;
            }
            Class { value, rows, so_far: planes }
        };
        let mut classes: Vec<Class> = counts.into_iter().map(class).collect();
        classes.retain(|c| c.so_far.last().is_some_and(|&n| n > 0));
        classes.sort_unstable_by_key(|c| c.value);
        ClassRows { inside, strides, classes }
    }

    /// The box whose voxels were counted.
    pub fn inside(&self) -> Box3 {
        self.inside
    }

    /// The values, ascending.
    pub fn values(&self) -> impl Iterator<Item = i64> + '_ {
        self.classes.iter().map(|c| c.value)
    }

    fn class(&self, value: i64) -> Option<&Class> {
        self.classes.binary_search_by_key(&value, |c| c.value).ok().map(|at| &self.classes[at])
    }

    /// How many voxels have a value.
    pub fn count(&self, value: i64) -> u64 {
        self.class(value).and_then(|c| c.so_far.last().copied()).unwrap_or(0)
    }

    /// The row in which the `n`-th voxel of a value lies, by its first voxel, and how many of the value come before it in the row; `None` from [`ClassRows::count`] on.
    pub fn row(&self, value: i64, n: u64) -> Option<([usize; 3], u64)> {
        let class = self.class(value)?;
        let z = class.so_far.partition_point(|&so_far| so_far <= n);
        class.so_far.get(z)?;
        let mut left = n - z.checked_sub(1).map_or(0, |before| class.so_far[before]);
        let [x, y, first] = self.inside.start;
        for row in 0..self.inside.shape[1] {
            let here = u64::from(*class.rows.get(row * self.strides[0] + z * self.strides[1])?);
            if left < here {
                return Some(([x, y + row, first + z], left));
            }
            left -= here;
        }
        None
    }
}
