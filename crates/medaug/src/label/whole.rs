//! Changes of labels that look at the whole volume, in its own dtype.

use std::collections::BTreeSet;
use std::sync::Arc;

use medcore::{Error, Global, RawVolume, Result, Step, with_element};
use medkernels::element::Element;
use medkernels::runs::for_each_run;

/// What is done to all voxels of a channel.
pub(crate) trait OnLabels: Send + Sync {
    /// Changes voxels of a shape, x fastest.
    fn run<T: Element>(&self, voxels: &mut [T], shape: [usize; 3]);
}

/// The step that does it.
pub(crate) fn whole(transform: &'static str, label: String, work: impl OnLabels + 'static) -> Step {
    let run = move |v: RawVolume<'_>| {
        with_element!(v.dtype, T => {
            work.run::<T>(bytemuck::cast_slice_mut(v.bytes), v.shape);
            Ok(())
        }, else => Err(Error::not_numeric(transform, v.dtype)))
    };
    Step::Global(Global { label, run: Arc::new(run) })
}

/// The values that are looked at: those that are given, or all that there are but 0.
pub(crate) fn values<T: Element>(given: Option<&[i64]>, voxels: &[T]) -> Vec<i128> {
    if let Some(given) = given {
        return given.iter().map(|v| i128::from(*v)).collect();
    }
    let (mut found, mut last) = (BTreeSet::new(), 0);
    for_each_run(voxels, |_, value| {
        let value = value.to_i128();
        if value != last && value != 0 {
            found.insert(value);
        }
        last = value;
    });
    found.into_iter().collect()
}

/// Labels that are given must not be 0, which is no label.
///
/// # Errors
/// [`Error::Param`] if one is.
pub(crate) fn check_labels(transform: &str, labels: Option<&[i64]>) -> Result<()> {
    match labels {
        Some(labels) if labels.is_empty() || labels.contains(&0) => {
            Err(Error::param(transform, "labels", format!("{labels:?}"), "label values other than 0"))
        }
        _ => Ok(()),
    }
}

/// Which voxels touch, from 1 to 3.
///
/// # Errors
/// [`Error::Param`] for another number.
pub(crate) fn check_connectivity(transform: &str, connectivity: u8) -> Result<u8> {
    if (1..=3).contains(&connectivity) {
        return Ok(connectivity);
    }
    Err(Error::param(transform, "connectivity", connectivity, "1, 2 or 3"))
}

/// A probability or share.
///
/// # Errors
/// [`Error::Param`] for a number that is none.
pub(crate) fn check_share(transform: &str, name: &str, share: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&share) {
        return Ok(share);
    }
    Err(Error::param(transform, name, share, "a number from 0 to 1"))
}
