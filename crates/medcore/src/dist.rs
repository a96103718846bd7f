//! Parameters that may be drawn.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Error, Key, Result};

/// A scalar parameter: a fixed number, or a distribution from which it is drawn once for each use.
///
/// In files and in Python: `0.8`; `[0.7, 1.5]` or `{uniform: [0.7, 1.5]}`; `{log_uniform: [0.5, 2]}`; `{normal: [mean, sd]}`; `{choice: [1, 2, 4]}`.
///
/// ```
/// use medcore::{Dist, Key};
/// let gamma: Dist = serde_json::from_str("[0.7, 1.5]")?;
/// let drawn = gamma.draw(Key::new(1));
/// assert!((0.7..1.5).contains(&drawn));
/// assert_eq!(Dist::from(2.0).draw(Key::new(1)), 2.0);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Dist(Draw);

/// The distributions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Draw {
    /// Always this number.
    Fixed(f64),
    /// Uniform on `[low, high)`.
    Uniform([f64; 2]),
    /// The logarithm is uniform on `[ln low, ln high)`; both positive.
    LogUniform([f64; 2]),
    /// Normal with mean and standard deviation.
    Normal([f64; 2]),
    /// One of the values, each equally likely.
    Choice(Vec<f64>),
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a number, a range [low, high], or {uniform | log_uniform | normal | choice: [...]}"
)]
enum Written {
    Number(f64),
    Range([f64; 2]),
    Named(Draw),
}

impl TryFrom<Written> for Dist {
    type Error = String;

    fn try_from(w: Written) -> Result<Dist, String> {
        let draw = match w {
            Written::Number(v) => Draw::Fixed(v),
            Written::Range(r) => Draw::Uniform(r),
            Written::Named(d) => d,
        };
        let fine = match &draw {
            Draw::Fixed(v) => v.is_finite(),
            Draw::Uniform([a, b]) => a.is_finite() && b.is_finite() && a <= b,
            Draw::LogUniform([a, b]) => *a > 0.0 && b.is_finite() && a <= b,
            Draw::Normal([m, s]) => m.is_finite() && s.is_finite() && *s >= 0.0,
            Draw::Choice(v) => !v.is_empty() && v.iter().all(|x| x.is_finite()),
        };
        if fine {
            Ok(Dist(draw))
        } else {
            Err(format!(
                "{draw:?} is not a distribution: numbers must be finite, ranges go from low to high (log_uniform above 0), a standard deviation is not negative, a choice has a value"
            ))
        }
    }
}

impl From<Dist> for Written {
    fn from(d: Dist) -> Written {
        match d.0 {
            Draw::Fixed(v) => Written::Number(v),
            other => Written::Named(other),
        }
    }
}

impl From<f64> for Dist {
    fn from(v: f64) -> Dist {
        Dist(Draw::Fixed(v))
    }
}

impl TryFrom<Draw> for Dist {
    type Error = String;

    fn try_from(d: Draw) -> Result<Dist, String> {
        Dist::try_from(Written::Named(d))
    }
}

impl Dist {
    /// The number drawn under a key.
    pub fn draw(&self, key: Key) -> f64 {
        match &self.0 {
            Draw::Fixed(v) => *v,
            Draw::Uniform([a, b]) => a + (b - a) * key.uniform(),
            Draw::LogUniform([a, b]) => {
                let (la, lb) = (libm::log(*a), libm::log(*b));
                libm::exp(la + (lb - la) * key.uniform())
            }
            Draw::Normal([m, s]) => m + s * key.normal(),
            Draw::Choice(v) => v[key.below(v.len() as u64) as usize],
        }
    }

    /// The fixed value, if it is one.
    pub fn fixed(&self) -> Option<f64> {
        match self.0 {
            Draw::Fixed(v) => Some(v),
            _ => None,
        }
    }

    /// The smallest and largest value that can be drawn (infinite for a normal).
    pub fn bounds(&self) -> [f64; 2] {
        match &self.0 {
            Draw::Fixed(v) => [*v, *v],
            Draw::Uniform(r) | Draw::LogUniform(r) => *r,
            Draw::Normal([m, s]) if *s == 0.0 => [*m, *m],
            Draw::Normal(_) => [f64::NEG_INFINITY, f64::INFINITY],
            Draw::Choice(v) => [
                v.iter().copied().fold(f64::INFINITY, f64::min),
                v.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            ],
        }
    }

    /// Checks that every value that can be drawn lies in `low..=high`.
    ///
    /// # Errors
    /// [`Error::Param`] that names the transform and parameter.
    pub fn within(&self, transform: &str, name: &str, low: f64, high: f64) -> Result<()> {
        let [a, b] = self.bounds();
        if a >= low && b <= high {
            return Ok(());
        }
        Err(Error::param(transform, name, format!("{:?}", self.0), format!("values from {low} to {high}")))
    }
}

impl JsonSchema for Dist {
    fn schema_name() -> Cow<'static, str> {
        "Dist".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pair =
            json_schema!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 });
        json_schema!({
            "description": "A number, a range [low, high], or {uniform | log_uniform | normal | choice: [...]}",
            "anyOf": [
                { "type": "number" },
                pair,
                { "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": {
                    "uniform": pair, "log_uniform": pair, "normal": pair,
                    "choice": { "type": "array", "items": { "type": "number" }, "minItems": 1 }
                } }
            ]
        })
    }
}

/// One value for all three axes, or exactly one for each of x, y, z.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "one value for all axes, or a list of three, for x, y and z")]
pub enum PerAxis<T> {
    /// The axes x, y, z.
    Each([T; 3]),
    /// All axes alike.
    All(T),
}

impl<T: Clone> PerAxis<T> {
    /// The three values.
    pub fn each(&self) -> [T; 3] {
        match self {
            PerAxis::Each(v) => v.clone(),
            PerAxis::All(v) => [v.clone(), v.clone(), v.clone()],
        }
    }
}

impl PerAxis<Dist> {
    /// Draws for each axis; one distribution for all axes is drawn once.
    pub fn draw(&self, key: Key) -> [f64; 3] {
        match self {
            PerAxis::All(d) => [d.draw(key); 3],
            PerAxis::Each(d) => [0, 1, 2].map(|i| d[i].draw(key.index(i as u64))),
        }
    }

    /// As [`Dist::within`], for each axis.
    ///
    /// # Errors
    /// [`Error::Param`] that names the transform and parameter.
    pub fn within(&self, transform: &str, name: &str, low: f64, high: f64) -> Result<()> {
        self.each().iter().try_for_each(|d| d.within(transform, name, low, high))
    }
}

/// A set of voxel axes: `0`, `[0, 2]`, `"x"`, `"xz"`; negative numbers count from the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenAxes", into = "Vec<usize>")]
pub struct Axes(pub [bool; 3]);

#[derive(Deserialize)]
#[serde(untagged, expecting = "axes: 0, 1, 2 (or -3 to -1), a list of them, or letters such as \"xz\"")]
enum WrittenAxes {
    One(i64),
    Some(Vec<i64>),
    Named(String),
}

impl TryFrom<WrittenAxes> for Axes {
    type Error = String;

    fn try_from(w: WrittenAxes) -> Result<Axes, String> {
        let numbers = match w {
            WrittenAxes::One(v) => vec![v],
            WrittenAxes::Some(v) => v,
            WrittenAxes::Named(s) => s
                .chars()
                .map(|c| {
                    "xyz".find(c).map(|v| v as i64).ok_or_else(|| format!("axis {c:?} is not one of x, y, z"))
                })
                .collect::<Result<_, _>>()?,
        };
        let mut out = [false; 3];
        for v in numbers {
            let i = if v < 0 { v + 3 } else { v };
            let slot = usize::try_from(i).ok().and_then(|i| out.get_mut(i));
            let slot = slot.ok_or_else(|| format!("axis {v} is not one of 0, 1, 2 (x, y, z) or -3 to -1"))?;
            if std::mem::replace(slot, true) {
                return Err(format!("axis {v} is named twice"));
            }
        }
        Ok(Axes(out))
    }
}

impl From<Axes> for Vec<usize> {
    fn from(a: Axes) -> Vec<usize> {
        (0..3).filter(|&i| a.0[i]).collect()
    }
}

impl JsonSchema for Axes {
    fn schema_name() -> Cow<'static, str> {
        "Axes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Voxel axes: a number, a list of numbers (0, 1, 2 or -3 to -1), or letters such as \"xz\"",
            "anyOf": [
                { "type": "integer" },
                { "type": "array", "items": { "type": "integer" } },
                { "type": "string" }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_forms() {
        for (text, bounds) in [
            ("0.5", [0.5, 0.5]),
            ("[1, 2]", [1.0, 2.0]),
            (r#"{"uniform": [1, 2]}"#, [1.0, 2.0]),
            (r#"{"log_uniform": [1, 2]}"#, [1.0, 2.0]),
            (r#"{"choice": [4, 1, 2]}"#, [1.0, 4.0]),
        ] {
            let d: Dist = serde_json::from_str(text).unwrap();
            assert_eq!(d.bounds(), bounds, "{text}");
            let back: Dist = serde_json::from_str(&serde_json::to_string(&d).unwrap()).unwrap();
            assert_eq!(back, d);
            for i in 0..100 {
                let v = d.draw(Key::new(i));
                assert!((bounds[0]..=bounds[1]).contains(&v));
            }
        }
        for bad in ["[2, 1]", "[1, 2, 3]", r#"{"log_uniform": [0, 1]}"#, r#"{"choice": []}"#, "\"a\"", "{}"] {
            assert!(serde_json::from_str::<Dist>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn three_values_are_axes_and_two_a_range() {
        let each: PerAxis<Dist> = serde_json::from_str("[1, 2, 3]").unwrap();
        assert_eq!(each.draw(Key::new(0)), [1.0, 2.0, 3.0]);
        let range: PerAxis<Dist> = serde_json::from_str("[1, 2]").unwrap();
        let drawn = range.draw(Key::new(0));
        assert!(drawn[0] == drawn[1] && (1.0..2.0).contains(&drawn[0]));
    }

    #[test]
    fn axes() {
        for (text, set) in
            [("1", [false, true, false]), ("[-1, 0]", [true, false, true]), ("\"xz\"", [true, false, true])]
        {
            assert_eq!(serde_json::from_str::<Axes>(text).unwrap().0, set);
        }
        for bad in ["3", "[0, 0]", "[0, -3]", "\"w\""] {
            assert!(serde_json::from_str::<Axes>(bad).is_err(), "{bad}");
        }
    }
}
