//! Parts of a list.

use std::collections::BTreeMap;

use medcore::Key;

use super::Datalist;
use crate::{Error, Result};

/// Which cases of a list go to which part: for each fraction the indices, in order. `names` say which cases stay together, and alone decide
/// with the seed: the order of the list does not matter, and most cases stay where they are when the list grows.
///
/// # Errors
/// [`medcore::Error::Param`] for fractions below 0 or that sum to more than 1.
pub fn split_indices(names: &[String], fractions: &[f64], seed: u64) -> Result<Vec<Vec<usize>>> {
    let sum: f64 = fractions.iter().sum();
    if fractions.is_empty() || fractions.iter().any(|f| f.is_nan() || *f < 0.0) || sum > 1.0 + 1e-9 {
        let wanted = "numbers from 0 that sum to at most 1";
        return Err(medcore::Error::param("split", "fractions", format!("{fractions:?}"), wanted).into());
    }
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (n, name) in names.iter().enumerate() {
        groups.entry(name).or_default().push(n);
    }
    let key = Key::new(seed).text("split");
    let mut groups: Vec<(f64, &str, Vec<usize>)> =
        groups.into_iter().map(|(name, cases)| (key.text(name).uniform(), name, cases)).collect();
    groups.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    let mut out = vec![vec![]; fractions.len()];
    let (mut part, mut given, mut share) = (0, 0, fractions[0]);
    for (_, _, cases) in groups {
        let end = |share: f64| (share * names.len() as f64).round() as usize;
        while part < fractions.len() && given >= end(share) {
            part += 1;
            share += fractions.get(part).copied().unwrap_or(0.0);
        }
        let Some(place) = out.get_mut(part) else { break };
        given += cases.len();
        place.extend(cases);
    }
    for part in &mut out {
        part.sort_unstable();
    }
    Ok(out)
}

impl Datalist {
    /// Parts of the list by fractions, drawn by seed and ids; with `together` cases of the same value under that key stay in one part, such as the scans of a
    /// subject. What fractions that sum to less than 1 leave over is in no part.
    ///
    /// # Errors
    /// As [`split_indices`]; [`Error::Spec`] for a case without that key.
    pub fn split(&self, fractions: &[f64], seed: u64, together: Option<&str>) -> Result<Vec<Datalist>> {
        let name = |(n, case): (usize, &super::Case)| match together {
            None => Ok(case.id.clone()),
            Some(key) => case.passed.get(key).map(ToString::to_string).ok_or_else(|| {
                Error::spec(
                    format!("entry {}, {key:?}", n + 1),
                    "nothing",
                    "a value, to keep cases together by",
                )
            }),
        };
        let names = self.cases.iter().enumerate().map(name).collect::<Result<Vec<String>>>()?;
        let parts = split_indices(&names, fractions, seed)?;
        let part = |list: Vec<usize>| list.into_iter().map(|n| self.cases[n].clone()).collect();
        Ok(parts.into_iter().map(|list| Datalist { cases: part(list) }).collect())
    }
}
