use medcore::{Category, Declared, Error, Facts, Key, Result, Step, Transform};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Take the logarithm of `value + offset`.
///
/// What is below `-offset` becomes NaN and what equals it minus infinity, as in NumPy, unless `signed`. Corresponds to `numpy.log1p` and, with `base: 2`, to
/// scikit-image's `adjust_log` of values from 0 to 1; with `offset: 0` to SimpleITK's `Log`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"NumPy": "log1p", "SimpleITK": "Log", "scikit-image": "exposure.adjust_log"}))]
pub struct Log {
    /// What is added to values before.
    pub offset: f64,
    /// The base, above 0 and not 1; e if not given.
    pub base: Option<f64>,
    /// Whether the logarithm is that of the magnitude, and the value's sign is given back to it.
    pub signed: bool,
}

impl Default for Log {
    fn default() -> Log {
        Log { offset: 1.0, base: None, signed: false }
    }
}

impl Declared for Log {
    const NAME: &'static str = "log";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("offset");
}

impl Transform for Log {
    fn plan(&self, _: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        if !self.offset.is_finite() {
            return Err(Error::param(Self::NAME, "offset", self.offset, "a finite number"));
        }
        let base = self.base.unwrap_or(std::f64::consts::E);
        let factor = if self.base.is_some() { 1.0 / libm::log(base) } else { 1.0 };
        if !(base > 0.0 && base.is_finite() && factor.is_finite()) {
            return Err(Error::param(Self::NAME, "base", base, "a number above 0 that is not 1"));
        }
        let (offset, factor, signed) = (self.offset as f32, factor as f32, self.signed);
        let label = format!(
            "logarithm of {}value + {offset} to the base {base:.6}",
            if signed { "signed " } else { "" }
        );
        Ok(vec![Step::point_from(label, move |row| points::log(row, offset, factor, signed))])
    }
}
