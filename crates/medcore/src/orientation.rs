//! Anatomical axis codes: which way each voxel axis runs through the patient.

use std::fmt;
use std::str::FromStr;

use crate::Affine;

/// For each voxel axis (x, y, z), the world axis it runs along most nearly (0 left-right, 1 back-front, 2 bottom-top)
/// and whether it runs towards R, A, S (`false`) or L, P, I (`true`: flipped).
///
/// Written with three letters, each naming the direction that the axis increases *towards*, as in nibabel: `RAS` is the NIfTI world itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Orientation {
    /// World axis of each voxel axis; a permutation of 0, 1, 2.
    pub axes: [usize; 3],
    /// Whether the voxel axis runs against its world axis.
    pub flipped: [bool; 3],
}

impl Orientation {
    /// Right, anterior, superior.
    pub const RAS: Orientation = Orientation { axes: [0, 1, 2], flipped: [false; 3] };

    /// The orientation of an affine. Axes are assigned jointly, on the nearest rotation to the affine, the one that points most clearly along
    /// a world axis first (as nibabel's `io_orientation`), so that strongly oblique grids never name an axis twice.
    pub fn of(affine: &Affine) -> Orientation {
        let mut r = nearest_rotation(affine);
        let mut out = Orientation::RAS;
        let clearest = |j: usize| (0..3).map(|i| r[i][j] * r[i][j]).fold(0.0, f64::max);
        let clarity = [0, 1, 2].map(clearest);
        let mut order = [0, 1, 2];
        order.sort_by(|&a, &b| clarity[b].total_cmp(&clarity[a]));
        for j in order {
            let mut best = (0..3).find(|&i| r[i].iter().any(|v| !v.is_nan())).unwrap_or(j);
            for i in 0..3 {
                let (value, champion) = (r[i][j].abs(), r[best][j].abs());
                if value > champion || champion.is_nan() {
                    best = i;
                }
            }
            out.axes[j] = best;
            out.flipped[j] = r[best][j] < 0.0;
            r[best] = [f64::NAN; 3];
        }
        out
    }
}

/// The rotation (or reflection) nearest to the affine's directions: the orthogonal factor of their polar
/// decomposition, by Newton's iteration (Higham 1986). Singular directions are used as they are.
fn nearest_rotation(affine: &Affine) -> [[f64; 3]; 3] {
    let lengths = affine.column_lengths().map(|l| if l > 0.0 && l.is_finite() { l } else { 1.0 });
    let mut x = affine.linear();
    for row in &mut x {
        for (v, l) in row.iter_mut().zip(lengths) {
            *v /= l;
        }
    }
    let mut current = Affine::new(x, [0.0; 3]);
    for _ in 0..64 {
        let Some(inv) = current.inverse() else { return x };
        let (a, b) = (current.linear(), inv.linear());
        let mut next = [[0.0; 3]; 3];
        let mut change = 0.0f64;
        for i in 0..3 {
            for j in 0..3 {
                next[i][j] = 0.5 * (a[i][j] + b[j][i]);
                change = change.max((next[i][j] - a[i][j]).abs());
            }
        }
        current = Affine::new(next, [0.0; 3]);
        if change < 1e-14 {
            break;
        }
    }
    current.linear()
}

const LETTERS: [[char; 2]; 3] = [['R', 'L'], ['A', 'P'], ['S', 'I']];

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..3).try_for_each(|j| write!(f, "{}", LETTERS[self.axes[j]][usize::from(self.flipped[j])]))
    }
}

impl FromStr for Orientation {
    type Err = &'static str;

    /// Reads three letters. The error is what was expected.
    fn from_str(s: &str) -> Result<Orientation, &'static str> {
        let wrong = "three letters, one each of R/L, A/P and S/I, such as RAS or LPS";
        let letters: Vec<char> = s.chars().map(|c| c.to_ascii_uppercase()).collect();
        let [a, b, c] = letters[..] else { return Err(wrong) };
        let mut out = Orientation::RAS;
        let mut seen = [false; 3];
        for (j, letter) in [a, b, c].into_iter().enumerate() {
            let axis = LETTERS.iter().position(|pair| pair.contains(&letter)).ok_or(wrong)?;
            if seen[axis] {
                return Err(wrong);
            }
            seen[axis] = true;
            out.axes[j] = axis;
            out.flipped[j] = LETTERS[axis][1] == letter;
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clearest_axis_chooses_first() {
        // Column by column, x would take R, which z points along more clearly; nibabel says IAR.
        let a = [[0.6, -0.25, 0.76], [0.55, 0.81, -0.17], [-0.58, 0.52, 0.62]];
        assert_eq!(Orientation::of(&Affine::new(a, [0.0; 3])).to_string(), "IAR");
    }

    #[test]
    fn all_48_codes_read_back() {
        let mut seen = std::collections::HashSet::new();
        for axes in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for bits in 0..8 {
                let o = Orientation { axes, flipped: [bits & 1 > 0, bits & 2 > 0, bits & 4 > 0] };
                let text = o.to_string();
                assert_eq!(text.parse::<Orientation>().unwrap(), o);
                let mut a = [[0.0; 3]; 3];
                for j in 0..3 {
                    a[axes[j]][j] = if o.flipped[j] { -1.5 } else { 1.5 };
                }
                assert_eq!(Orientation::of(&Affine::new(a, [1.0, 2.0, 3.0])), o);
                seen.insert(text);
            }
        }
        assert_eq!(seen.len(), 48);
        for bad in ["RRS", "RA", "RASR", "XYZ", ""] {
            assert!(bad.parse::<Orientation>().is_err(), "{bad}");
        }
    }

    #[test]
    fn strongly_oblique_axes_are_each_named_once() {
        let a = Affine::new([[0.7, 0.71, 0.1], [0.71, -0.7, 0.05], [0.1, 0.05, -1.0]], [0.0; 3]);
        let o = Orientation::of(&a);
        let mut axes = o.axes;
        axes.sort_unstable();
        assert_eq!(axes, [0, 1, 2]);
    }
}
