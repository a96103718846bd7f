use medcore::{Category, Declared, Facts, Key, Result, Step, Transform};
use medkernels::components::Components;
use medkernels::element::Element;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::whole::{OnLabels, check_connectivity, check_labels, check_share, values, whole};

/// Remove a connected component of each label, any with the same probability, as a network that overlooks one.
///
/// Labels are gone through in an order that is drawn. Corresponds to batchgeneratorsv2's `RemoveRandomConnectedComponentFromOneHotEncodingTransform`, with the
/// numbers of nnU-Net's cascade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "batchgeneratorsv2": "RemoveRandomConnectedComponentFromOneHotEncodingTransform"
}))]
pub struct RemoveRandomComponent {
    /// Components with this share of the volume's voxels, or more, are never removed; 0 to 1.
    pub max_share: f64,
    /// Probability that the voxels become another of the labels, each as likely, and not 0; 0 to 1.
    pub fill: f64,
    /// Probability with which a label loses a component; 0 to 1.
    pub p_per_label: f64,
    /// Which voxels touch: 1 by faces (6 neighbours), 2 also by edges (18), 3 also by corners (26).
    pub connectivity: u8,
    /// The label values that are looked at; all that there are but 0 if not given.
    pub labels: Option<Vec<i64>>,
}

impl Default for RemoveRandomComponent {
    fn default() -> RemoveRandomComponent {
        RemoveRandomComponent { max_share: 0.15, fill: 0.0, p_per_label: 1.0, connectivity: 3, labels: None }
    }
}

impl Declared for RemoveRandomComponent {
    const NAME: &'static str = "remove_random_component";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("max_share");
    const RANDOM: bool = true;
}

impl Transform for RemoveRandomComponent {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let connectivity = check_connectivity(Self::NAME, self.connectivity)?;
        check_labels(Self::NAME, self.labels.as_deref())?;
        for (name, share) in
            [("max_share", self.max_share), ("fill", self.fill), ("p_per_label", self.p_per_label)]
        {
            check_share(Self::NAME, name, share)?;
        }
        let label = format!("remove a component of each label, connectivity {connectivity}");
        Ok(vec![whole(Self::NAME, label, Removal { given: self.clone(), key })])
    }
}

struct Removal {
    given: RemoveRandomComponent,
    key: Key,
}

impl OnLabels for Removal {
    fn run<T: Element>(&self, voxels: &mut [T], shape: [usize; 3]) {
        let given = &self.given;
        let labels = values(given.labels.as_deref(), voxels);
        let most = given.max_share * voxels.len() as f64;
        for &(label, key) in &drawn_order(&labels, given.p_per_label, self.key) {
            let of_label = |v: T| v.to_i128() == label;
            let found = Components::of(voxels, shape, given.connectivity, true, of_label);
            let small: Vec<usize> =
                (0..found.parts.len()).filter(|&n| (found.parts[n].voxels as f64) < most).collect();
            if small.is_empty() {
                continue;
            }
            let gone = small[key.text("component").below(small.len() as u64) as usize];
            let others: Vec<i128> = labels.iter().copied().filter(|other| *other != label).collect();
            let fill = if key.text("fill").uniform() < given.fill && !others.is_empty() {
                others[key.text("other").below(others.len() as u64) as usize]
            } else {
                0
            };
            let fill = T::from_i128_saturating(fill);
            found.for_each_run(|run, part| {
                if part == gone {
                    voxels[run].fill(fill);
                }
            });
        }
    }
}

/// Labels in a drawn order, each with the key of its draws; some of them, if each is taken with a probability.
pub(crate) fn drawn_order(labels: &[i128], p: f64, key: Key) -> Vec<(i128, Key)> {
    let of = |label: &i128| (*label, key.text("label").index(*label as u64));
    let mut out: Vec<(i128, Key)> = labels.iter().map(of).collect();
    out.retain(|(_, key)| key.text("p").uniform() < p);
    out.sort_by_key(|(_, key)| key.text("order").bits());
    out
}
