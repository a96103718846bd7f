//! Measured numbers as bytes, exactly.

use std::sync::Arc;

use medcore::{ClassIndex, Measured};

/// Numbers of a measurement, for all channels or for each. Voxels that were drawn are no numbers of the volume, and not among them.
pub(super) fn to_bytes(numbers: &[Measured]) -> Vec<u8> {
    let mut out = Writer::default();
    out.count(numbers.len());
    for m in numbers {
        out.word(m.count);
        for v in [m.mean, m.variance, m.extent[0], m.extent[1]] {
            out.word(v.to_bits());
        }
        out.count(m.percentiles.len());
        for v in &m.percentiles {
            out.word(v.to_bits());
        }
        out.bytes(&m.counts.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>());
        let bounds: Vec<usize> = m.bounds.iter().flatten().flatten().copied().collect();
        out.count(bounds.len());
        for v in bounds {
            out.count(v);
        }
        out.bytes(&m.classes.as_ref().map_or_else(Vec::new, |c| c.to_bytes()));
    }
    out.0
}

/// Numbers from what [`to_bytes`] gave; `None` for other bytes.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<Vec<Measured>> {
    let mut from = Reader(bytes);
    let count = from.length(8)?;
    let mut out = vec![];
    for _ in 0..count {
        let mut m = Measured { count: from.word()?, mean: from.float()?, ..Measured::default() };
        (m.variance, m.extent) = (from.float()?, [from.float()?, from.float()?]);
        m.percentiles = (0..from.length(8)?).map(|_| from.float()).collect::<Option<_>>()?;
        let (counts, []) = from.bytes()?.as_chunks::<4>() else { return None };
        m.counts = counts.iter().map(|n| u32::from_le_bytes(*n)).collect();
        let bounds: Vec<usize> = (0..from.length(8)?).map(|_| from.count()).collect::<Option<_>>()?;
        m.bounds = match bounds[..] {
            [] => None,
            [a, b, c, d, e, f] => Some([[a, b, c], [d, e, f]]),
            _ => return None,
        };
        m.classes = match from.bytes()? {
            [] => None,
            bytes => Some(Arc::new(ClassIndex::from_bytes(bytes).ok()?)),
        };
        out.push(m);
    }
    from.0.is_empty().then_some(out)
}

/// Bytes in the making; numbers are little-endian and take eight.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn word(&mut self, v: u64) {
        self.0.extend(v.to_le_bytes());
    }

    pub(super) fn count(&mut self, v: usize) {
        self.word(v as u64);
    }

    /// Some bytes, after their number.
    pub(super) fn bytes(&mut self, v: &[u8]) {
        self.count(v.len());
        self.0.extend(v);
    }
}

/// What [`Writer`] wrote, from its start on.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn word(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    fn float(&mut self) -> Option<f64> {
        self.word().map(f64::from_bits)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.word()?).ok()
    }

    /// How many things of at least `each` bytes follow; no more than there are bytes for.
    pub(super) fn length(&mut self, each: usize) -> Option<usize> {
        self.count().filter(|n| *n <= self.0.len() / each)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let n = self.length(1)?;
        let (bytes, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one() -> impl Strategy<Value = Measured> {
        let bits = || any::<u64>().prop_map(f64::from_bits);
        let bounds = prop::option::of(prop::array::uniform2(prop::array::uniform3(0usize..1 << 40)));
        let floats = (bits(), bits(), bits(), bits());
        let counts = prop::collection::vec(any::<u32>(), 0..5);
        (any::<u64>(), floats, prop::collection::vec(bits(), 0..4), bounds, counts).prop_map(
            |(count, (mean, variance, low, high), percentiles, bounds, counts)| Measured {
                counts: counts.into(),
                count,
                mean,
                variance,
                extent: [low, high],
                percentiles,
                bounds,
                ..Measured::default()
            },
        )
    }

    proptest! {
        #[test]
        fn every_bit_survives_and_no_other_bytes_are_taken(all in prop::collection::vec(one(), 0..4), cut in any::<prop::sample::Index>()) {
            let bytes = to_bytes(&all);
            let back = from_bytes(&bytes).unwrap();
            // NaNs too, which equal nothing.
            prop_assert_eq!(to_bytes(&back), bytes.clone());
            prop_assert_eq!(back.len(), all.len());
            prop_assert!(from_bytes(&bytes[..cut.index(bytes.len())]).is_none());
            prop_assert!(from_bytes(&[&bytes[..], &[0]].concat()).is_none());
        }

        #[test]
        fn noise_is_refused_or_read(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(all) = from_bytes(&noise) {
                prop_assert_eq!(to_bytes(&all), noise);
            }
        }
    }
}
