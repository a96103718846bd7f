//! Sets of voxel axes, and parameters that have a value for each.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Dist, Key, Result};

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
    /// [`Error::Param`](crate::Error::Param) that names the transform and parameter.
    pub fn within(&self, transform: &str, name: &str, low: f64, high: f64) -> Result<()> {
        self.each().iter().try_for_each(|d| d.within(transform, name, low, high))
    }
}

/// As [`PerAxis`] in files, but one distribution for all axes is drawn for each of them: three angles from one range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EachAxis(pub PerAxis<Dist>);

impl From<f64> for EachAxis {
    fn from(v: f64) -> EachAxis {
        EachAxis(PerAxis::All(v.into()))
    }
}

impl EachAxis {
    /// Draws for each axis, of one distribution too.
    pub fn draw(&self, key: Key) -> [f64; 3] {
        PerAxis::Each(self.0.each()).draw(key)
    }

    /// As [`Dist::within`], for each axis.
    ///
    /// # Errors
    /// [`Error::Param`](crate::Error::Param) that names the transform and parameter.
    pub fn within(&self, transform: &str, name: &str, low: f64, high: f64) -> Result<()> {
        self.0.within(transform, name, low, high)
    }
}

impl JsonSchema for EachAxis {
    fn schema_name() -> Cow<'static, str> {
        "EachAxis".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        PerAxis::<Dist>::json_schema(generator)
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
    type Error = &'static str;

    fn try_from(w: WrittenAxes) -> Result<Axes, &'static str> {
        let numbers = match w {
            WrittenAxes::One(v) => vec![v],
            WrittenAxes::Some(v) => v,
            WrittenAxes::Named(s) => s
                .chars()
                .map(|c| "xyz".find(c).map(|v| v as i64).ok_or("letters of x, y and z"))
                .collect::<Result<_, _>>()?,
        };
        let mut out = [false; 3];
        for v in numbers {
            let i = if v < 0 { v + 3 } else { v };
            let slot = usize::try_from(i).ok().and_then(|i| out.get_mut(i));
            match slot {
                Some(slot) if !*slot => *slot = true,
                _ => return Err("0, 1, 2 (x, y, z) or -3 to -1, each once"),
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
    fn three_values_are_axes_and_two_a_range() {
        let each: PerAxis<Dist> = serde_json::from_str("[1, 2, 3]").unwrap();
        assert_eq!(each.draw(Key::new(0)), [1.0, 2.0, 3.0]);
        let range: PerAxis<Dist> = serde_json::from_str("[1, 2]").unwrap();
        let drawn = range.draw(Key::new(0));
        assert!(drawn[0] == drawn[1] && (1.0..2.0).contains(&drawn[0]));
    }

    #[test]
    fn each_axis_draws_for_itself() {
        let one: EachAxis = serde_json::from_str("[-30, 30]").unwrap();
        let [a, b, c] = one.draw(Key::new(0));
        assert!(a != b && b != c && a != c);
        let all = PerAxis::All(Dist::try_from(crate::Draw::Uniform([-30.0, 30.0])).unwrap());
        assert_eq!(serde_json::to_value(&one).unwrap(), serde_json::to_value(&all).unwrap());
        let [x, y, z] = [0, 1, 2].map(|i| one.0.each()[i].draw(Key::new(0).index(i as u64)));
        assert_eq!([a, b, c], [x, y, z]);
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
