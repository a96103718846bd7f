//! Directions of diffusion gradients.

use crate::{Affine, Error, Result};

/// Gradient directions of a diffusion series on another grid: `vectors` in FSL's convention for a volume of the affine `before`, as they are for one of
/// `after`, the world having stayed where it is. Lengths stay.
///
/// FSL's b-vectors are along the voxel axes, the first one reversed where the affine's determinant is positive.
///
/// ```
/// use medcore::{Affine, rotated_bvecs};
/// // The rows now run from right to left: voxels x are turned round, and the convention turns with them.
/// let (before, after) = (Affine::IDENTITY, Affine::from_spacing([-1.0, 1.0, 1.0]));
/// assert_eq!(rotated_bvecs(&[[0.6, 0.8, 0.0]], &before, &after)?, [[0.6, 0.8, 0.0]]);
/// # Ok::<(), medcore::Error>(())
/// ```
///
/// # Errors
/// [`Error::Param`] for an affine that cannot be inverted, and for numbers that are not finite.
pub fn rotated_bvecs(vectors: &[[f64; 3]], before: &Affine, after: &Affine) -> Result<Vec<[f64; 3]>> {
    let frame = |affine: &Affine, name: &str| {
        let size = affine.column_lengths();
        let mut axes = affine.linear();
        for row in &mut axes {
            (0..3).for_each(|j| row[j] /= size[j]);
            row[0] *= if affine.determinant() > 0.0 { -1.0 } else { 1.0 };
        }
        let axes = Affine::new(axes, [0.0; 3]);
        let wanted = "an affine that can be inverted";
        let wrong = || Error::param("b-vectors", name, format!("{:?}", affine.rows), wanted);
        if axes.is_finite() {
            axes.inverse().map(|back| (axes, back)).ok_or_else(wrong)
        } else {
            Err(wrong())
        }
    };
    let ((there, _), (_, back)) = (frame(before, "before")?, frame(after, "after")?);
    let map = back * there;
    let length = |v: [f64; 3]| (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt();
    let one = |v: &[f64; 3]| {
        if !v.iter().all(|c| c.is_finite()) {
            return Err(Error::param("b-vectors", "vectors", format!("{v:?}"), "finite numbers"));
        }
        let turned = map.apply(*v);
        let (old, new) = (length(*v), length(turned));
        // Sheared axes, as rounded headers have them, change lengths a little.
        Ok(if new > 0.0 { turned.map(|c| c / new * old + 0.0) } else { turned })
    };
    vectors.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_stay_in_the_world() {
        let (s, c) = (libm::sin(0.5), libm::cos(0.5));
        let turn = Affine::new([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], [3.0, -8.0, 1.0]);
        let grids = [
            Affine::from_spacing([2.0, 2.0, 3.0]),
            Affine::from_spacing([-1.0, 1.5, 1.0]),
            turn * Affine::from_spacing([1.0, 2.0, 0.5]),
            Affine::new([[0.0, 0.0, 2.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0.0; 3]),
        ];
        let world = |v: [f64; 3], a: &Affine| {
            let size = a.column_lengths();
            let x = if a.determinant() > 0.0 { -v[0] } else { v[0] };
            let from = Affine::new(a.linear(), [0.0; 3]) * Affine::from_spacing(size.map(|s| 1.0 / s));
            from.apply([x, v[1], v[2]])
        };
        let given = [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.48, -0.6, 0.64]];
        for before in &grids {
            for after in &grids {
                let found = rotated_bvecs(&given, before, after).unwrap();
                for (v, w) in given.iter().zip(&found) {
                    let (a, b) = (world(*v, before), world(*w, after));
                    assert!((0..3).all(|i| (a[i] - b[i]).abs() < 1e-12), "{a:?} {b:?}");
                }
                let again = rotated_bvecs(&found, after, before).unwrap();
                assert!(
                    given.iter().flatten().zip(again.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-12)
                );
            }
        }
        assert!(rotated_bvecs(&given, &grids[0], &Affine::from_spacing([0.0, 1.0, 1.0])).is_err());
        assert!(rotated_bvecs(&[[f64::NAN, 0.0, 0.0]], &grids[0], &grids[1]).is_err());
    }
}
