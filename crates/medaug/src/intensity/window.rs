use medcore::{Category, Declared, Dist, Error, Facts, Key, Result, Step, Transform};
use medkernels::linear::Linear;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Show a window of values: `width` units about `level` become the output range, what lies beyond its ends.
///
/// A window is given by its name, whose width and level in Hounsfield units are customary ones (hospitals differ), or by numbers, which go before those of the
/// name. A `rescale` with `in_range` is the same, said by its ends; it corresponds to MONAI's `ScaleIntensityRange` with `clip`, and to SimpleITK's `IntensityWindowing`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "ScaleIntensityRange", "SimpleITK": "IntensityWindowing"}))]
pub struct Window {
    /// The window's name.
    pub preset: Option<WindowPreset>,
    /// The value in the middle of the window.
    pub level: Option<Dist>,
    /// How many units the window has, above 0.
    pub width: Option<Dist>,
    /// What the lower and the upper end of the window become.
    pub out_range: [f64; 2],
}

impl Default for Window {
    fn default() -> Window {
        Window { preset: None, level: None, width: None, out_range: [0.0, 1.0] }
    }
}

/// A window for computed tomography, in Hounsfield units (width, level): `brain` (80, 40), `subdural` (200, 75), `stroke` (40, 40), `temporal_bone` (2800, 600), `soft_tissue`
/// (400, 50), `spine` (250, 50), `liver` (150, 30), `mediastinum` (350, 50), `lung` (1500, -600), `bone` (1800, 400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowPreset {
    /// Grey and white matter.
    Brain,
    /// Blood beside the brain; the middle of the range that is in use.
    Subdural,
    /// Early ischaemia.
    Stroke,
    /// Petrous bone.
    TemporalBone,
    /// Abdomen and neck.
    SoftTissue,
    /// Soft tissue of the spine.
    Spine,
    /// Lesions of the liver.
    Liver,
    /// Chest without lungs.
    Mediastinum,
    /// Lungs.
    Lung,
    /// Bones.
    Bone,
}

impl WindowPreset {
    /// Width and level.
    fn numbers(self) -> [f64; 2] {
        match self {
            WindowPreset::Brain => [80.0, 40.0],
            WindowPreset::Subdural => [200.0, 75.0],
            WindowPreset::Stroke => [40.0, 40.0],
            WindowPreset::TemporalBone => [2800.0, 600.0],
            WindowPreset::SoftTissue => [400.0, 50.0],
            WindowPreset::Spine => [250.0, 50.0],
            WindowPreset::Liver => [150.0, 30.0],
            WindowPreset::Mediastinum => [350.0, 50.0],
            WindowPreset::Lung => [1500.0, -600.0],
            WindowPreset::Bone => [1800.0, 400.0],
        }
    }
}

impl Declared for Window {
    const NAME: &'static str = "window";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("preset");
}

impl Transform for Window {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let known = self.preset.map(WindowPreset::numbers);
        let of = |given: &Option<Dist>, name: &str, preset: usize, low: f64| {
            if let Some(dist) = given {
                dist.within(Self::NAME, name, low, 1e9)?;
                return Ok(dist.draw(key.text(name)));
            }
            let wanted = "a number, or a preset";
            known.map(|k| k[preset]).ok_or_else(|| Error::param(Self::NAME, name, "not given", wanted))
        };
        let (width, level) = (of(&self.width, "width", 0, 1e-9)?, of(&self.level, "level", 1, -1e9)?);
        let [low, high] = self.out_range;
        if !(low <= high && low.is_finite() && high.is_finite()) {
            let wanted = "two finite numbers, low then high";
            return Err(Error::param(Self::NAME, "out_range", format!("{:?}", self.out_range), wanted));
        }
        let (from, to) = (level - width / 2.0, level + width / 2.0);
        let label = format!("window of {width} about {level} onto {low} to {high}");
        Ok(vec![Step::linear(label, Linear::rescale([from, to], self.out_range, true))])
    }
}
