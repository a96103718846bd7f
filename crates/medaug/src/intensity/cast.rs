use medcore::{Category, DType, Declared, Error, Facts, Key, Point, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Change the dtype. Integers are rounded half to even and saturate; NaN becomes 0 in integers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {"MONAI": "CastToType", "NumPy": "ndarray.astype", "SimpleITK": "Cast"}))]
pub struct Cast {
    /// The dtype to change to.
    pub dtype: DType,
}

impl Declared for Cast {
    const NAME: &'static str = "cast";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("dtype");
}

impl Transform for Cast {
    fn plan(&self, _: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        if !self.dtype.is_real() {
            return Err(Error::param(Self::NAME, "dtype", self.dtype, "an integer or floating-point dtype"));
        }
        Ok(vec![Step::Point(Point::Cast(self.dtype))])
    }
}
