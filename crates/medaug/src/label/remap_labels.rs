use std::collections::BTreeMap;

use medcore::{Category, Declared, Facts, Key, Relabel, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Replace label values. Values that are not named stay. The dtype stays; a value that it cannot hold is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {
    "MONAI": "MapLabelValue",
    "TorchIO": "RemapLabels, RemoveLabels",
    "batchgeneratorsv2": "RemoveLabelTransform",
    "SimpleITK": "ChangeLabel"
}))]
pub struct RemapLabels {
    /// Old value to new value.
    pub table: BTreeMap<i64, i64>,
}

impl Declared for RemapLabels {
    const NAME: &'static str = "remap_labels";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = None;
}

impl Transform for RemapLabels {
    fn plan(&self, _: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        Ok(vec![Step::Relabel(Relabel { table: self.table.clone() })])
    }
}
