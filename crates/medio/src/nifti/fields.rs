//! A header's fields as a list of names and values, for people and for JSON.

use std::fmt;

use super::codec::{Codec, Wide};

/// A header field's value.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// A whole number.
    Int(i64),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// A real number.
    Float(f64),
    /// Real numbers.
    Floats(Vec<f64>),
    /// Text without the zero bytes at its end; bytes that are no UTF-8 are read as Latin-1.
    Text(String),
}

impl FieldValue {
    /// Whether a number in it is not a number.
    pub fn has_nan(&self) -> bool {
        match self {
            FieldValue::Float(v) => v.is_nan(),
            FieldValue::Floats(v) => v.iter().any(|v| v.is_nan()),
            _ => false,
        }
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, v: &[T]) -> fmt::Result {
            v.iter().enumerate().try_for_each(|(i, v)| write!(f, "{}{v}", if i > 0 { " " } else { "" }))
        }
        match self {
            FieldValue::Int(v) => write!(f, "{v}"),
            FieldValue::Ints(v) => list(f, v),
            FieldValue::Float(v) => write!(f, "{v}"),
            FieldValue::Floats(v) => list(f, v),
            FieldValue::Text(v) => f.write_str(v),
        }
    }
}

/// Text of a fixed-size field as a person reads it: up to the first zero byte.
pub(super) fn text(bytes: &[u8]) -> String {
    decode(bytes.split(|&b| b == 0).next().unwrap_or(bytes))
}

/// UTF-8, or else Latin-1.
fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(s) => s.into(),
        Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
    }
}

#[derive(Default)]
pub(super) struct Lister {
    pub(super) fields: Vec<(&'static str, FieldValue)>,
}

impl Codec for Lister {
    fn int<W: Wide>(&mut self, name: &'static str, _: usize, v: &mut [W]) {
        let value = match v {
            [v] => FieldValue::Int(v.get()),
            v => FieldValue::Ints(v.iter().map(|v| v.get()).collect()),
        };
        self.fields.push((name, value));
    }

    fn float(&mut self, name: &'static str, _: usize, v: &mut [f64]) {
        let value = match v {
            [v] => FieldValue::Float(*v),
            v => FieldValue::Floats(v.to_vec()),
        };
        self.fields.push((name, value));
    }

    fn whole(&mut self, name: &'static str, v: &mut f64) {
        self.fields.push((name, FieldValue::Int(*v as i64)));
    }

    fn text(&mut self, name: &'static str, v: &mut [u8]) {
        let end = v.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        self.fields.push((name, FieldValue::Text(decode(&v[..end]))));
    }
}
