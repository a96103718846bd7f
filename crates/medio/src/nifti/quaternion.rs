//! Rotations as the qform stores them: the last three components of a unit quaternion.

use medcore::Affine;

/// The rotation of quaternion (b, c, d), rows of a 3 x 3 matrix, and whether (b, c, d) was longer than 1 and had to be shortened.
///
/// `eps` is the spacing of the stored floats at 1: below three of it, the first component counts as 0 (as in nibabel).
pub(super) fn rotation(q: [f64; 3], eps: f64) -> ([[f64; 3]; 3], bool) {
    let [mut x, mut y, mut z] = q;
    let square = x * x + y * y + z * z;
    let rest = 1.0 - square;
    let long = rest <= -3.0 * eps || rest.is_nan();
    let w = if rest.abs() < 3.0 * eps || long { 0.0 } else { rest.sqrt() };
    if long {
        let length = square.sqrt();
        [x, y, z] = [x / length, y / length, z / length];
    }
    let norm = w * w + x * x + y * y + z * z;
    if norm.is_nan() || norm < f64::EPSILON {
        return ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], long);
    }
    let s = 2.0 / norm;
    let (xs, ys, zs) = (x * s, y * s, z * s);
    let (wx, wy, wz) = (w * xs, w * ys, w * zs);
    let (xx, xy, xz) = (x * xs, x * ys, x * zs);
    let (yy, yz, zz) = (y * ys, y * zs, z * zs);
    let rows = [
        [1.0 - (yy + zz), xy - wz, xz + wy],
        [xy + wz, 1.0 - (xx + zz), yz - wx],
        [xz - wy, yz + wx, 1.0 - (xx + yy)],
    ];
    (rows, long)
}

/// qfac, voxel sizes and the quaternion (b, c, d) of an affine whose columns are orthogonal (others give the nearest-looking
/// rotation, which the caller must compare with what was wanted).
pub(super) fn from_affine(a: &Affine) -> (f64, [f64; 3], [f64; 3]) {
    let size = a.column_lengths();
    let mut r = a.linear();
    for row in &mut r {
        for (v, s) in row.iter_mut().zip(size) {
            *v = if s > 0.0 { *v / s } else { 0.0 };
        }
    }
    let qfac = if a.determinant() < 0.0 { -1.0 } else { 1.0 };
    for row in &mut r {
        row[2] *= qfac;
    }
    // The largest of the four components is found first, so that no division is by a small number.
    let trace = r[0][0] + r[1][1] + r[2][2];
    let squares = [trace, r[0][0], r[1][1], r[2][2]];
    let largest = (0..4).fold(0, |best, i| if squares[i] > squares[best] { i } else { best });
    let quat = if largest == 0 {
        [1.0 + trace, r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]]
    } else {
        let i = largest - 1;
        let (j, k) = ((i + 1) % 3, (i + 2) % 3);
        let mut q = [r[k][j] - r[j][k], 0.0, 0.0, 0.0];
        q[1 + i] = 1.0 + r[i][i] - r[j][j] - r[k][k];
        q[1 + j] = r[j][i] + r[i][j];
        q[1 + k] = r[k][i] + r[i][k];
        q
    };
    let length = quat.iter().map(|v| v * v).sum::<f64>().sqrt();
    // The first component is stored by being left out, so it must not be negative.
    let sign = if quat[0] < 0.0 { -1.0 } else { 1.0 };
    (qfac, size, [quat[1], quat[2], quat[3]].map(|v| v * sign / length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rotations_survive(q in prop::array::uniform4(-1.0f64..1.0), flip: bool) {
            let n = q.iter().map(|v| v * v).sum::<f64>().sqrt();
            prop_assume!(n > 1e-3);
            let sign = if q[0] < 0.0 { -1.0 } else { 1.0 };
            let bcd = [q[1], q[2], q[3]].map(|v| v * sign / n);
            let (mut r, long) = rotation(bcd, f64::EPSILON);
            prop_assert!(!long);
            if flip {
                for row in &mut r {
                    row[2] = -row[2];
                }
            }
            let affine = Affine::new(r, [1.0, 2.0, 3.0]) * Affine::from_spacing([0.5, 1.0, 3.0]);
            let (qfac, size, back) = from_affine(&affine);
            prop_assert_eq!(qfac, if flip { -1.0 } else { 1.0 });
            for (a, b) in size.into_iter().zip([0.5, 1.0, 3.0]) {
                prop_assert!((a - b).abs() < 1e-12);
            }
            let (r2, _) = rotation(back, f64::EPSILON);
            for i in 0..3 {
                for j in 0..3 {
                    let s = if flip && j == 2 { -1.0 } else { 1.0 };
                    prop_assert!((r2[i][j] * s - r[i][j]).abs() < 1e-7);
                }
            }
        }
    }

    #[test]
    fn half_turns_have_no_first_component() {
        for i in 0..3 {
            let mut q = [0.0; 3];
            q[i] = 1.0;
            let (r, long) = rotation(q, f32::EPSILON as f64);
            assert!(!long);
            for (j, row) in r.iter().enumerate() {
                assert_eq!(row[j], if i == j { 1.0 } else { -1.0 });
            }
        }
    }
}
