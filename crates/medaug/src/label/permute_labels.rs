use medcore::{Category, Declared, Error, Facts, Key, Relabel, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Exchange label values among themselves: each permutation of them is as likely.
///
/// Values that are not listed stay. For classes whose numbers mean nothing, such as instances, or parts that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {}))]
pub struct PermuteLabels {
    /// The label values that are exchanged, each once.
    pub labels: Vec<i64>,
}

impl Declared for PermuteLabels {
    const NAME: &'static str = "permute_labels";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("labels");
    const RANDOM: bool = true;
}

impl Transform for PermuteLabels {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let mut values = self.labels.clone();
        if (1..values.len()).any(|n| values[..n].contains(&values[n])) {
            let found = format!("{values:?}");
            return Err(Error::param(Self::NAME, "labels", found, "each value once"));
        }
        // Fisher and Yates's shuffle, from the end.
        let key = key.text("place");
        for n in (1..values.len()).rev() {
            values.swap(n, key.index(n as u64).below(n as u64 + 1) as usize);
        }
        let table = self.labels.iter().copied().zip(values).filter(|(old, new)| old != new).collect();
        let relabel = Relabel { table };
        Ok(if relabel.table.is_empty() { vec![] } else { vec![Step::Relabel(relabel)] })
    }
}
