//! A voxel and the six beside it.

use medcore::FilterTile;

/// Sets each voxel of the packed output box to `of(voxel, [before, after] along x, y, z)`; beyond the volume's edge lies the edge voxel again.
pub(crate) fn with_neighbours(
    tile: &FilterTile<'_>,
    out: &mut [f32],
    of: impl Fn(f32, [[f32; 2]; 3]) -> f32,
) {
    let (have, want) = (tile.input, tile.output);
    let [nx, ny, _] = want.shape;
    // A row of the input, beyond an edge the row at the edge.
    let row = |y: i64, z: i64| {
        let y = y.clamp(0, tile.domain[1] as i64 - 1) as usize - have.start[1];
        let z = z.clamp(0, tile.domain[2] as i64 - 1) as usize - have.start[2];
        &tile.voxels[have.shape[0] * (y + have.shape[1] * z)..][..have.shape[0]]
    };
    let left = want.start[0] - have.start[0];
    for (n, out) in out.chunks_mut(nx.max(1)).enumerate() {
        let (y, z) = ((want.start[1] + n % ny) as i64, (want.start[2] + n / ny) as i64);
        let middle = row(y, z);
        let [up, down, front, behind] =
            [row(y - 1, z), row(y + 1, z), row(y, z - 1), row(y, z + 1)].map(|r| &r[left..left + nx]);
        let around = |i: usize, before: f32, after: f32| {
            of(middle[left + i], [[before, after], [up[i], down[i]], [front[i], behind[i]]])
        };
        let at = |i: usize| {
            around(i, middle[(left + i).saturating_sub(1)], middle[(left + i + 1).min(middle.len() - 1)])
        };
        // Without the ends the loop has nothing to decide.
        let inner = if nx > 2 { 1..nx - 1 } else { 0..0 };
        for i in (0..nx).filter(|i| !inner.contains(i)) {
            out[i] = at(i);
        }
        if inner.is_empty() {
            continue;
        }
        let (before, after) = (&middle[left..left + nx], &middle[left + 2..]);
        for (i, v) in out[inner].iter_mut().enumerate() {
            *v = of(
                middle[left + 1 + i],
                [[before[i], after[i]], [up[i + 1], down[i + 1]], [front[i + 1], behind[i + 1]]],
            );
        }
    }
}
