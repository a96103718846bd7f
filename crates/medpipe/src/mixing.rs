//! Which samples of a batch are mixed with which, and by how much.
//!
//! A pipeline sees one sample; a batch is there when its rows are, wherever they were made. So this is no transform: whoever has the batch draws, by names as all else, and does the arithmetic where
//! the batch lies.

use medcore::{Dist, Key};

/// What is drawn for one row of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixed {
    /// The weight of the row itself, 0 to 1.
    pub weight: f64,
    /// The row that it is mixed with.
    pub partner: usize,
    /// The voxels that come of the partner, where boxes are exchanged: first, and one behind the last.
    pub stretch: [[usize; 3]; 2],
}

/// Draws for each row of a batch, whose key is `rows[n]`: a weight, a partner (all partners together are a permutation of the rows), and a box in a volume of a shape.
///
/// A box is `sqrt(1 - weight)` of each axis long, rounded up with its beginning, which is any voxel; it ends at the border at the latest (MONAI's `CutMix`). A row that does not
/// occur, which it does with probability `p`, keeps what it has, and so does one that is its own partner.
///
/// ```
/// use medcore::{Dist, Key};
/// let beta: Dist = serde_json::from_str(r#"{"beta": [0.4, 0.4]}"#)?;
/// let rows: Vec<Key> = (0..4).map(|n| Key::new(7).sample(&format!("case {n}")).text("mixup")).collect();
/// let drawn = medpipe::mix(&rows, &beta, 1.0, [16, 16, 16]);
/// let mut partners: Vec<usize> = drawn.iter().map(|m| m.partner).collect();
/// partners.sort();
/// assert_eq!(partners, [0, 1, 2, 3]);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn mix(rows: &[Key], weight: &Dist, p: f64, shape: [usize; 3]) -> Vec<Mixed> {
    // Rows in the order of numbers that are drawn for them: the n-th row's partner is the n-th of these.
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&n| rows[n].text("partner").bits());
    let one = |(n, key): (usize, &Key)| {
        if key.text("p").uniform() >= p {
            return Mixed { weight: 1.0, partner: n, stretch: [[0; 3]; 2] };
        }
        let weight = weight.draw(key.text("weight"));
        let side = (1.0 - weight).max(0.0).sqrt();
        let start = [0, 1, 2].map(|i| key.text("start").index(i as u64).below(shape[i] as u64) as usize);
        let stop = [0, 1, 2].map(|i| {
            let end = start[i] as f64 + shape[i] as f64 * side;
            (end.ceil() as usize).min(shape[i])
        });
        Mixed { weight, partner: order[n], stretch: [start, stop] }
    };
    rows.iter().enumerate().map(one).collect()
}
