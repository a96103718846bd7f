//! Every transform by name. This list is all that a new transform needs besides its own file.

use std::sync::{Arc, LazyLock};

use medcore::{Category, Declared, Transform};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::{Error, Result};

/// What is known of a transform from its declaration.
pub struct Entry {
    /// Name in pipeline files, on the command line and as a method: `z_normalize`.
    pub name: &'static str,
    /// Name of the Rust struct and the Python class: `ZNormalize`.
    pub class: String,
    /// How it is planned.
    pub category: Category,
    /// The parameter that `name: value` sets.
    pub main: Option<&'static str>,
    /// Whether it draws at random even where no parameter is a [`medcore::Dist`].
    pub random: bool,
    /// JSON schema of its parameters: types, defaults, units (`x-unit`) and docs.
    pub schema: Value,
    parse: fn(&str, Value) -> Result<(Arc<dyn Transform>, Value)>,
}

impl Entry {
    fn of<T: Declared>() -> Entry {
        let settings = SchemaSettings::draft2020_12();
        let schema = SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value();
        let class = schema.get("title").and_then(Value::as_str).unwrap_or(T::NAME).to_owned();
        Entry {
            name: T::NAME,
            class,
            category: T::CATEGORY,
            main: T::MAIN,
            random: T::RANDOM,
            schema,
            parse: parse::<T>,
        }
    }

    /// The transform with these parameters, and all its parameters written out.
    ///
    /// # Errors
    /// [`Error::Spec`] that names the parameter, what it is and what it may be.
    pub fn build(&self, parameters: Value) -> Result<(Arc<dyn Transform>, Value)> {
        (self.parse)(self.name, parameters)
    }

    /// Parameter names in the order of their declaration.
    pub fn parameters(&self) -> Vec<&str> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        properties.map(|p| p.keys().map(String::as_str).collect()).unwrap_or_default()
    }
}

fn parse<T: Declared>(name: &str, parameters: Value) -> Result<(Arc<dyn Transform>, Value)> {
    let text = parameters.clone();
    let built: T = serde_path_to_error::deserialize(parameters).map_err(|e| {
        let path = e.path().to_string();
        let path = path.trim_start_matches('.').trim_end_matches('?').trim_end_matches('.');
        let found =
            path.split('.').filter(|p| !p.is_empty()).try_fold(&text, |v, p| v.get(p)).unwrap_or(&text);
        let place = if path.is_empty() { name.to_owned() } else { format!("{name}: {path}") };
        Error::spec(place, found, e.inner())
    })?;
    let written = serde_json::to_value(&built).map_err(|e| Error::spec(name, "parameters", e))?;
    Ok((Arc::new(built), written))
}

macro_rules! catalog {
    ($($t:ident,)*) => {
        static CATALOG: LazyLock<Vec<Entry>> = LazyLock::new(|| vec![$(Entry::of::<medaug::$t>(),)*]);
    };
}

catalog! {
    Affine,
    BiasField,
    Cast,
    Clamp,
    Contrast,
    Crop,
    CropForeground,
    CropOrPad,
    Flip,
    Gamma,
    GaussianNoise,
    GaussianSharpen,
    GaussianSmooth,
    GridCrop,
    HistogramShift,
    KeepLargestComponent,
    Pad,
    RandomCrop,
    RandomCropByLabel,
    RandomCropByWeight,
    RemapLabels,
    Reorient,
    Resample,
    Rescale,
    Rot90,
    ScaleIntensity,
    Sharpen,
    ShiftIntensity,
    SimulateLowResolution,
    ZNormalize,
}

/// All transforms, by name.
pub fn catalog() -> &'static [Entry] {
    &CATALOG
}

/// The transform of a name.
///
/// # Errors
/// [`Error::Spec`] with the nearest names.
pub fn find(name: &str) -> Result<&'static Entry> {
    CATALOG.iter().find(|e| e.name == name || e.class == name).ok_or_else(|| {
        let mut near: Vec<&str> = CATALOG.iter().map(|e| e.name).collect();
        near.sort_by_key(|n| distance(n, name));
        near.truncate(3);
        Error::spec(
            "transforms",
            format!("{name:?}"),
            format!("a transform's name, perhaps {}", near.join(", ")),
        )
    })
}

/// Edit distance (Levenshtein), for suggestions.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_sorted_and_snake() {
        let names: Vec<&str> = catalog().iter().map(|e| e.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
        for e in catalog() {
            assert!(e.schema.get("description").is_some(), "{} has no doc", e.name);
            if let Some(main) = e.main {
                assert!(e.parameters().contains(&main), "{}: {main}", e.name);
            }
            for p in e.parameters() {
                assert!(e.schema["properties"][p].get("description").is_some(), "{}: {p} has no doc", e.name);
            }
        }
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let text =
            find("clamp").unwrap().build(serde_json::json!({"min": 0, "mox": 1})).err().unwrap().to_string();
        assert!(text.contains("mox") && text.contains("clamp"), "{text}");
        let text = find("clampp").err().unwrap().to_string();
        assert!(text.contains("clamp,"), "{text}");
    }
}
