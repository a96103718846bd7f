//! Voxels drawn until one has a wanted value.

use crate::{Box3, Key};

/// Voxels that are drawn one after the other, each of a box equally likely, until one has a wanted value: of those that have it each is equally likely then. That is much sooner done
/// than to count them, where they are not rare.
///
/// ```
/// use medcore::{Box3, Key, Tries};
///
/// let tries = Tries { key: Key::new(1), value: Some(3) };
/// let inside = Box3 { start: [4, 0, 0], shape: [4, 1, 1] };
/// let found = tries.first(&inside, |[x, ..]| Ok::<_, ()>(Some(x as i64 % 4))).unwrap();
/// assert_eq!(found, Some(([7, 0, 0], 3)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// The name of the draws.
    pub key: Key,
    /// The value; any but 0 if not given.
    pub value: Option<i64>,
}

impl Tries {
    /// The most voxels that are tried of so many: they take a small part of the time that counting takes.
    fn most(count: u64) -> u64 {
        if count == 0 { 0 } else { (count >> 14).clamp(64, 512) }
    }

    /// The first voxel that has the value, and what it has; `value` tells a voxel's, and `None` of one that does not count.
    ///
    /// # Errors
    /// What `value` says.
    pub fn first<E>(
        &self,
        inside: &Box3,
        mut value: impl FnMut([usize; 3]) -> Result<Option<i64>, E>,
    ) -> Result<Option<([usize; 3], i64)>, E> {
        let ([nx, ny, _], count) = (inside.shape, inside.len() as u64);
        for n in 0..Tries::most(count) {
            let at = self.key.index(n).below(count) as usize;
            let place = [at % nx, at / nx % ny, at / nx / ny];
            let voxel = [0, 1, 2].map(|i| inside.start[i] + place[i]);
            if let Some(found) = value(voxel)?
                && self.value.map_or(found != 0, |wanted| found == wanted)
            {
                return Ok(Some((voxel, found)));
            }
        }
        Ok(None)
    }
}
