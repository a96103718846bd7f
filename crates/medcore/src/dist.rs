//! Parameters that may be drawn.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Error, Key, Result};

/// A scalar parameter: a fixed number, or a distribution from which it is drawn once for each use.
///
/// In files and in Python: `0.8`; `[0.7, 1.5]` or `{uniform: [0.7, 1.5]}`; `{log_uniform: [0.5, 2]}`; `{normal: [mean, sd]}`;
/// `{truncated_normal: [mean, sd, low, high]}`; `{two_sided: [0.75, 1.25]}`; `{beta: [0.4, 0.4]}`;
/// `{choice: [1, 2, 4]}`.
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
    /// Normal with mean and standard deviation, given that it lies between low and high: `[mean, sd, low, high]`.
    TruncatedNormal([f64; 4]),
    /// A factor from a range around 1: half of the draws are uniform on `[low, 1)`, half on `[1, high)`, as batchgeneratorsv2 draws contrast, brightness
    /// and gamma (`BGContrast`). All are from `[1, high)` where low is 1.
    TwoSided([f64; 2]),
    /// The Beta distribution of two shapes above 0, on 0 to 1.
    Beta([f64; 2]),
    /// One of the values, each equally likely.
    Choice(Vec<f64>),
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a number, a range [low, high], or {uniform | log_uniform | normal | truncated_normal | two_sided | beta | choice: [...]}"
)]
enum Written {
    Number(f64),
    Range([f64; 2]),
    Named(Draw),
}

impl TryFrom<Written> for Dist {
    type Error = &'static str;

    fn try_from(w: Written) -> Result<Dist, &'static str> {
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
            Draw::TruncatedNormal([m, s, a, b]) => {
                [m, s, a, b].iter().all(|v| v.is_finite()) && *s >= 0.0 && a <= b
            }
            Draw::TwoSided([a, b]) => a.is_finite() && b.is_finite() && *a <= 1.0 && *b >= 1.0,
            Draw::Beta(shapes) => shapes.iter().all(|s| *s > 0.0 && s.is_finite()),
            Draw::Choice(v) => !v.is_empty() && v.iter().all(|x| x.is_finite()),
        };
        if fine {
            Ok(Dist(draw))
        } else {
            Err(
                "finite numbers; ranges from low to high (log_uniform above 0), two_sided from 1 or below to 1 or above, no negative standard deviation, shapes of beta above 0, a choice of at least one value",
            )
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
    type Error = &'static str;

    fn try_from(d: Draw) -> Result<Dist, &'static str> {
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
            Draw::TruncatedNormal(t) => truncated_normal(*t, key.uniform()),
            Draw::TwoSided([a, b]) => match key.uniform() {
                u if *a < 1.0 && u < 0.5 => a + (1.0 - a) * (2.0 * u),
                u if *a < 1.0 => 1.0 + (b - 1.0) * (2.0 * u - 1.0),
                u => 1.0 + (b - 1.0) * u,
            },
            Draw::Beta([a, b]) => {
                let (a, b) = (log_gamma_variate(*a, key.text("a")), log_gamma_variate(*b, key.text("b")));
                1.0 / (1.0 + libm::exp(b - a))
            }
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
            Draw::Uniform(r) | Draw::LogUniform(r) | Draw::TwoSided(r) => *r,
            Draw::TruncatedNormal([.., a, b]) => [*a, *b],
            Draw::Beta(_) => [0.0, 1.0],
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

/// The value below which lies the share `u` of a normal distribution cut to a range: found by halving the range.
fn truncated_normal([mean, sd, low, high]: [f64; 4], u: f64) -> f64 {
    if sd == 0.0 || low == high {
        return mean.clamp(low, high);
    }
    // Where most of the range lies above the mean, the share above is the small number that keeps its digits.
    let sign = if low + high > 2.0 * mean { -1.0 } else { 1.0 };
    let below = |x: f64| 0.5 * libm::erfc(sign * (mean - x) / (sd * std::f64::consts::SQRT_2));
    let (at_low, at_high) = (below(low), below(high));
    let target = at_low + (at_high - at_low) * u;
    let (mut a, mut b) = (low, high);
    loop {
        let middle = a + (b - a) / 2.0;
        if middle <= a || middle >= b {
            return a;
        }
        if (below(middle) - target) * sign <= 0.0 { a = middle } else { b = middle }
    }
}

/// The logarithm of a number from the Gamma distribution of a shape (Marsaglia and Tsang 2000, for a shape larger by 1, and a power that makes up for it).
fn log_gamma_variate(shape: f64, key: Key) -> f64 {
    let d = shape + 1.0 - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    // Nearly all are accepted at once.
    let mut n = 0;
    loop {
        let key = key.index(n);
        let x = key.normal();
        let root = 1.0 + c * x;
        if root > 0.0 {
            let v = root * root * root;
            let accept = libm::log(1.0 - key.text("accept").uniform());
            if accept < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return libm::log(d * v) + libm::log(1.0 - key.text("power").uniform()) / shape;
            }
        }
        n += 1;
    }
}

impl JsonSchema for Dist {
    fn schema_name() -> Cow<'static, str> {
        "Dist".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let list = |n: usize| json_schema!({ "type": "array", "items": { "type": "number" }, "minItems": n, "maxItems": n });
        let pair = list(2);
        json_schema!({
            "description": "A number; a range [low, high] or {uniform: [low, high]}; {log_uniform: [low, high]}; {normal: [mean, sd]}; {truncated_normal: [mean, sd, low, high]}; {two_sided: [low, high]}, of which half of the draws are below 1 and half above; {beta: [a, b]}; {choice: [...]}",
            "anyOf": [
                { "type": "number" },
                pair,
                { "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": {
                    "uniform": pair, "log_uniform": pair, "normal": pair, "truncated_normal": list(4), "two_sided": pair, "beta": pair,
                    "choice": { "type": "array", "items": { "type": "number" }, "minItems": 1 }
                } }
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
            (r#"{"truncated_normal": [0, 1, -0.5, 2]}"#, [-0.5, 2.0]),
            (r#"{"truncated_normal": [0, 1, 50, 51]}"#, [50.0, 51.0]),
            (r#"{"truncated_normal": [3, 0, 0, 1]}"#, [0.0, 1.0]),
            (r#"{"two_sided": [0.7, 1.5]}"#, [0.7, 1.5]),
            (r#"{"two_sided": [1, 1.5]}"#, [1.0, 1.5]),
            (r#"{"beta": [0.01, 3]}"#, [0.0, 1.0]),
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
        for bad in [
            "[2, 1]",
            "[1, 2, 3]",
            r#"{"log_uniform": [0, 1]}"#,
            r#"{"truncated_normal": [0, 1]}"#,
            r#"{"truncated_normal": [0, -1, 0, 1]}"#,
            r#"{"truncated_normal": [0, 1, 1, 0]}"#,
            r#"{"two_sided": [1.1, 1.5]}"#,
            r#"{"two_sided": [0.5, 0.9]}"#,
            r#"{"beta": [0, 1]}"#,
            r#"{"choice": []}"#,
            "\"a\"",
            "{}",
        ] {
            assert!(serde_json::from_str::<Dist>(bad).is_err(), "{bad}");
        }
    }
}
