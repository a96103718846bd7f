//! Samples beyond the outermost voxels that are not sampled: all of a voxel or nothing of it.

use medcore::Box3;

use crate::chain::Interpolated;

/// Rounding does not decide: what lies within so many voxels of the outermost one's centre lies on it.
const SLACK: f64 = 1e-6;

impl Interpolated {
    /// Writes a value where samples of a box lie beyond the centres of the outermost voxels of a shape.
    pub(crate) fn cut_off(&self, word: &[u8], b: &Box3, domain: [usize; 3], out: &mut [u8]) {
        let size = word.len();
        let within = |axis: usize, c: f64| -SLACK <= c && c <= domain[axis] as f64 - 1.0 + SLACK;
        let put = |row: &mut [u8], x: usize| row[x * size..][..size].copy_from_slice(word);
        let rows = out.chunks_exact_mut(b.shape[0] * size).enumerate();
        let rows = rows.map(|(n, row)| (b.start[1] + n % b.shape[1], b.start[2] + n / b.shape[1], row));
        if self.map.is_separable() {
            let along = |axis: usize| -> Vec<bool> {
                (b.start[axis]..b.end()[axis]).map(|o| within(axis, self.map.along(axis, o))).collect()
            };
            let [xs, ys, zs] = [along(0), along(1), along(2)];
            for (y, z, row) in rows {
                let inside = ys[y - b.start[1]] && zs[z - b.start[2]];
                (0..b.shape[0]).filter(|x| !(inside && xs[*x])).for_each(|x| put(row, x));
            }
            return;
        }
        let mut places = self.map.rows(b);
        for (y, z, row) in rows {
            let [xs, ys, zs] = places.row(y, z);
            for (x, ((cx, cy), cz)) in xs.iter().zip(ys).zip(zs).enumerate() {
                if !(within(0, *cx) && within(1, *cy) && within(2, *cz)) {
                    put(row, x);
                }
            }
        }
    }
}
