//! Recipes that others train with, as pipeline files.

use serde_json::{Map, Value};

use crate::{Error, Pipeline, Result};

/// A recipe: a pipeline file with comments, and a few parameters that are written into it.
///
/// ```
/// let preset = medpipe::preset("medrs")?;
/// let given = serde_json::json!({ "noise": 0.02 });
/// let file = preset.file(given.as_object().unwrap())?;
/// assert!(file.contains("gaussian_noise: {std: 0.02}"));
/// assert_eq!(medpipe::Pipeline::from_yaml(&file)?.nodes().len(), 6);
/// # Ok::<(), medpipe::Error>(())
/// ```
#[derive(Debug)]
pub struct Preset {
    /// Its name: `nnunet_v2`.
    pub name: &'static str,
    /// The file, where `$name` stands for a parameter, and comments `# $name = default: meaning` at the head tell of them.
    template: &'static str,
}

/// A parameter of a preset.
#[derive(Debug, Clone, PartialEq)]
pub struct PresetParameter {
    /// Its name.
    pub name: &'static str,
    /// What it is if it is not given, as YAML.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

macro_rules! presets {
    ($($name:literal,)*) => {
        [$(Preset { name: $name, template: include_str!(concat!("../presets/", $name, ".yaml")) },)*]
    };
}

static PRESETS: [Preset; 5] =
    presets!["medrs", "monai_segresnet", "monai_swinunetr", "nnunet_v2", "torchio_mri",];

/// All presets, by name.
pub fn presets() -> &'static [Preset] {
    &PRESETS
}

/// The preset of a name.
///
/// # Errors
/// [`Error::Spec`] with the names that there are.
pub fn preset(name: &str) -> Result<&'static Preset> {
    let names = || PRESETS.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
    PRESETS.iter().find(|p| p.name == name).ok_or_else(|| Error::spec("preset", format!("{name:?}"), names()))
}

impl Preset {
    /// What it is, in a sentence.
    pub fn about(&self) -> &'static str {
        self.template.lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// Its parameters, in order.
    pub fn parameters(&self) -> Vec<PresetParameter> {
        self.template.lines().filter_map(parameter).collect()
    }

    /// The pipeline file, with parameters written into it.
    ///
    /// # Errors
    /// [`Error::Spec`] for a parameter that it does not have.
    pub fn file(&self, given: &Map<String, Value>) -> Result<String> {
        let mut own = self.parameters();
        if let Some((other, value)) = given.iter().find(|(name, _)| own.iter().all(|p| p.name != **name)) {
            let names: Vec<&str> = own.iter().map(|p| p.name).collect();
            return Err(Error::spec(format!("{}: {other}", self.name), value, names.join(", ")));
        }
        let lines = self.template.lines().filter(|line| parameter(line).is_none());
        let mut file = lines.collect::<Vec<_>>().join("\n").replace("\n#\nmedoxide:", "\nmedoxide:") + "\n";
        // The longer first, of which another may be the beginning.
        own.sort_by_key(|p| std::cmp::Reverse(p.name.len()));
        for p in own {
            let value = given.get(p.name).map(Value::to_string);
            file = file.replace(&format!("${}", p.name), value.as_deref().unwrap_or(p.default));
        }
        Ok(file)
    }

    /// The pipeline.
    ///
    /// # Errors
    /// As [`Preset::file`] and [`Pipeline::from_yaml`].
    pub fn pipeline(&self, given: &Map<String, Value>) -> Result<Pipeline> {
        Pipeline::from_yaml(&self.file(given)?)
    }
}

/// The parameter that a line tells of.
fn parameter(line: &'static str) -> Option<PresetParameter> {
    let (name, rest) = line.strip_prefix("# $")?.split_once(" = ")?;
    let (default, meaning) = rest.rsplit_once(": ")?;
    Some(PresetParameter { name, default, meaning })
}
