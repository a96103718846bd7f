//! What is drawn for mixing the rows of a batch.

use medcore::{Dist, Draw, Key};
use pyo3::prelude::*;

use crate::errors;

/// For each row its weight, its partner, and the first voxel of its box with one behind the last.
type Drawn = (Vec<f64>, Vec<usize>, Vec<[[usize; 3]; 2]>);

/// Draws for rows that are named by sample, epoch and patch.
#[pyfunction]
pub(crate) fn mix_draws(
    py: Python<'_>,
    name: &str,
    seed: u64,
    rows: Vec<(String, u64, u64)>,
    alpha: (f64, f64),
    p: f64,
    shape: [usize; 3],
) -> PyResult<Drawn> {
    let beta = Dist::try_from(Draw::Beta([alpha.0, alpha.1]))
        .map_err(|found| errors::param(py, name, "alpha", found, "two numbers above 0"))?;
    let key = |(id, epoch, patch): &(String, u64, u64)| {
        Key::new(seed).epoch(*epoch).sample(id).text("patch").index(*patch).text(name)
    };
    let keys: Vec<Key> = rows.iter().map(key).collect();
    let drawn = medpipe::mix(&keys, &beta, p, shape);
    let weights = drawn.iter().map(|m| m.weight).collect();
    let partners = drawn.iter().map(|m| m.partner).collect();
    Ok((weights, partners, drawn.iter().map(|m| m.stretch).collect()))
}
