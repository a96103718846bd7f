use medcore::{Category, Declared, Dist, Error, Facts, Key, Result, Step, Transform};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bend values by the logistic function: `1 / (1 + exp(-(value - centre) / width))`, brought onto the output range.
///
/// Corresponds to SimpleITK's `Sigmoid` (alpha is the width, beta the centre), to scikit-image's `adjust_sigmoid` (`centre: 0.5`, `width: 0.1`), and by default to the
/// sigmoid of MONAI's `Activations`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "Activations", "SimpleITK": "Sigmoid", "scikit-image": "exposure.adjust_sigmoid"}))]
pub struct Sigmoid {
    /// The value that comes to the middle of the output range.
    pub centre: Dist,
    /// Over how many units the function rises from 0.5 to 0.73; below 0 it falls. Not 0.
    pub width: Dist,
    /// What values far below and far above the centre become.
    pub out_range: [f64; 2],
}

impl Default for Sigmoid {
    fn default() -> Sigmoid {
        Sigmoid { centre: 0.0.into(), width: 1.0.into(), out_range: [0.0, 1.0] }
    }
}

impl Declared for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("centre");
}

impl Transform for Sigmoid {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.centre.within(Self::NAME, "centre", -1e9, 1e9)?;
        self.width.within(Self::NAME, "width", -1e9, 1e9)?;
        let (centre, width) = (self.centre.draw(key.text("centre")), self.width.draw(key.text("width")));
        let steepness = (1.0 / width) as f32;
        if !steepness.is_finite() {
            return Err(Error::param(Self::NAME, "width", width, "a number that is not 0"));
        }
        let [low, high] = self.out_range;
        if !(low.is_finite() && high.is_finite()) {
            return Err(Error::param(
                Self::NAME,
                "out_range",
                format!("{:?}", self.out_range),
                "finite numbers",
            ));
        }
        let label = format!("sigmoid about {centre} over {width} onto {low} to {high}");
        let range = [low as f32, high as f32];
        Ok(vec![Step::point(label, move |row| points::sigmoid(row, centre as f32, steepness, range))])
    }
}
