//! Every transform by name. This list is all that a new transform needs besides its own file.

use std::sync::{Arc, LazyLock};

use medcore::{Category, Declared, Transform};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use crate::digest::digest;
use crate::group::{Maybe, OneOf, Repeat, SomeOf};
use crate::parameters::{nearest, read};
use crate::{Error, LazyVolume, Result};

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
    /// JSON schema of its parameters: types, defaults, units (`x-unit`) and docs; what it is called elsewhere (`x-peers`), and what else stands for a value in Python (`x-python`).
    pub schema: Value,
    parse: fn(&str, Value) -> Result<(Arc<dyn Transform>, Value)>,
}

impl Entry {
    fn of<T: Declared>() -> Entry {
        let schema = schema::<T>();
        let class = title(&schema, T::NAME);
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

    /// What other libraries have for the same work: each library's name and its names for it. Options may be needed for the same numbers.
    pub fn peers(&self) -> Vec<(&str, Vec<&str>)> {
        let given = self.schema.get("x-peers").and_then(Value::as_object).into_iter().flatten();
        given
            .map(|(library, names)| {
                (library.as_str(), names.as_str().unwrap_or_default().split(", ").collect())
            })
            .collect()
    }

    /// The same as a sentence, names in backticks.
    pub fn peers_in_words(&self) -> String {
        let one = |(library, names): (&str, Vec<&str>)| {
            let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
            format!("{library} {}", names.join(", "))
        };
        let all: Vec<String> = self.peers().into_iter().map(one).collect();
        format!("Peers: {}.", if all.is_empty() { "none".into() } else { all.join("; ") })
    }
}

/// The JSON schema of a declaration.
pub(crate) fn schema<T: JsonSchema>() -> Value {
    SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<T>().to_value()
}

fn title(schema: &Value, name: &str) -> String {
    schema.get("title").and_then(Value::as_str).unwrap_or(name).to_owned()
}

fn parse<T: Declared>(name: &str, parameters: Value) -> Result<(Arc<dyn Transform>, Value)> {
    let mut built: T = read(name, parameters)?;
    prepare(&mut built)?;
    let written = serde_json::to_value(&built).map_err(|e| Error::spec(name, "parameters", e))?;
    Ok((Arc::new(built), written))
}

/// Reads the file that a declaration names, if it names one.
pub(crate) fn prepare<T: Declared>(built: &mut T) -> Result<()> {
    if let Some(grid) = built.grid_file().map(LazyVolume::open).transpose()? {
        built.take_grid(grid.grid())?;
    }
    let file = built.file().map(|path| LazyVolume::open(path).and_then(|v| v.compute())).transpose()?;
    let named = file.as_ref().map(|volume| (volume, format!("{:016x}", digest(volume))));
    Ok(built.prepare(named)?)
}

macro_rules! catalog {
    ($($t:ident,)*) => {
        static CATALOG: LazyLock<Vec<Entry>> = LazyLock::new(|| vec![$(Entry::of::<medaug::$t>(),)*]);
    };
}

catalog! {
    Affine,
    Anisotropy,
    Argmax,
    BiasField,
    Boundary,
    BsplineDeform,
    Cast,
    Clahe,
    Clamp,
    CoarseDropout,
    Contrast,
    Crop,
    CropForeground,
    CropOrPad,
    CropToLabel,
    Displace,
    DistanceTransform,
    DivisiblePad,
    Elastic,
    ElasticNoise,
    FillHoles,
    Flip,
    Gamma,
    GaussianNoise,
    GaussianSharpen,
    GaussianSmooth,
    Ghosting,
    GibbsRinging,
    Grey,
    GridCrop,
    GridDistortion,
    HistogramEqualize,
    HistogramMatch,
    HistogramShift,
    HistogramStandardize,
    InvertIntensity,
    KSpaceDropout,
    KeepLargestComponent,
    LabelPyramid,
    LabelsToImage,
    Laplacian,
    LocalNormalize,
    Log,
    MedianSmooth,
    MergeChannels,
    Morphology,
    Motion,
    OneHot,
    Pad,
    PermuteLabels,
    PickChannels,
    PoissonNoise,
    Quantize,
    RandomCrop,
    RandomCropByLabel,
    RandomCropByWeight,
    RandomMorphology,
    RandomOrientation,
    RandomSizedCrop,
    RemapLabels,
    RemoveRandomComponent,
    RemoveSmallComponents,
    Reorient,
    Resample,
    ResampleTo,
    Rescale,
    RicianNoise,
    Rot90,
    SaltAndPepper,
    ScaleIntensity,
    Sharpen,
    ShiftIntensity,
    Sigmoid,
    SimulateLowResolution,
    SmoothField,
    SpeckleNoise,
    Spikes,
    SplitChannels,
    Squeeze,
    Swap,
    Threshold,
    Window,
    WrapAround,
    ZNormalize,
    Zoom,
}

/// All transforms, by name.
pub fn catalog() -> &'static [Entry] {
    &CATALOG
}

/// What is known of a group from its declaration.
pub struct GroupEntry {
    /// Name in pipeline files: `one_of`.
    pub name: &'static str,
    /// Name of the Python class: `OneOf`.
    pub class: String,
    /// JSON schema of its parameters besides `transforms`, `p` and `id`.
    pub schema: Value,
}

static GROUPS: LazyLock<[GroupEntry; 4]> = LazyLock::new(|| {
    let of = |name: &'static str, schema: Value| GroupEntry { name, class: title(&schema, name), schema };
    [
        of("one_of", schema::<OneOf>()),
        of("some_of", schema::<SomeOf>()),
        of("maybe", schema::<Maybe>()),
        of("repeat", schema::<Repeat>()),
    ]
});

/// All groups of transforms.
pub fn groups() -> &'static [GroupEntry] {
    &*GROUPS
}

/// The group of a name.
pub(crate) fn group(name: &str) -> Option<&'static GroupEntry> {
    GROUPS.iter().find(|g| g.name == name || g.class == name)
}

/// The transform of a name.
///
/// # Errors
/// [`Error::Spec`] with the nearest names.
pub fn find(name: &str) -> Result<&'static Entry> {
    CATALOG.iter().find(|e| e.name == name || e.class == name).ok_or_else(|| {
        let known = CATALOG.iter().map(|e| e.name).chain(GROUPS.iter().map(|g| g.name));
        let near = nearest(name, known, 3).join(", ");
        Error::spec("transforms", format!("{name:?}"), format!("a transform's name, perhaps {near}"))
    })
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
            let peers = e.schema.get("x-peers").and_then(Value::as_object);
            assert!(peers.is_some(), "{}: x-peers must say what it is called elsewhere, or {{}}", e.name);
            let named = |v: &Value| v.as_str().is_some_and(|v| v.split(", ").all(|n| !n.trim().is_empty()));
            assert!(peers.is_some_and(|p| p.values().all(named)), "{}: {peers:?}", e.name);
            if let Some(main) = e.main {
                assert!(e.parameters().contains(&main), "{}: {main}", e.name);
            }
            for p in e.parameters() {
                assert!(!crate::Header::NAMES.contains(&p), "{}: {p} is in the header", e.name);
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
