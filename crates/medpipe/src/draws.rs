//! Where a declaration has distributions, and what they draw.

use medcore::{Dist, EachAxis, Key, PerAxis};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A declaration with every distribution replaced by what it draws: parameter `x` under the key `x`, what lies deeper under its path. `schema` is the
/// transform's, which says what is a distribution and what only looks like one.
pub(crate) fn drawn(schema: &Value, written: &Value, key: Key) -> Value {
    Declared { root: schema }.visit(schema, written, key)
}

/// Whether a parameter is a distribution.
pub(crate) fn any(schema: &Value, written: &Value) -> bool {
    let named = |name| schema["$defs"].get(name).is_some();
    (named("Dist") || named("EachAxis")) && drawn(schema, written, Key::new(0)) != *written
}

struct Declared<'a> {
    root: &'a Value,
}

impl Declared<'_> {
    fn visit(&self, schema: &Value, value: &Value, key: Key) -> Value {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next()) {
            return self.named(name, &self.root["$defs"][name], value, key);
        }
        let mut out = value.clone();
        for options in ["anyOf", "oneOf", "allOf"] {
            for option in schema.get(options).and_then(Value::as_array).into_iter().flatten() {
                out = self.visit(option, &out, key);
            }
        }
        match &mut out {
            Value::Object(map) => {
                for (name, v) in map.iter_mut() {
                    if let Some(property) = schema.get("properties").and_then(|p| p.get(name)) {
                        *v = self.visit(property, v, key.text(name));
                    }
                }
            }
            Value::Array(list) => {
                if let Some(items) = schema.get("items") {
                    for (n, v) in list.iter_mut().enumerate() {
                        *v = self.visit(items, v, key.index(n as u64));
                    }
                }
            }
            _ => {}
        }
        out
    }

    fn named(&self, name: &str, def: &Value, value: &Value, key: Key) -> Value {
        let each = |all: [f64; 3]| Value::from(all.to_vec());
        let of_axes = || def["anyOf"][0]["items"]["$ref"].as_str().is_some_and(|r| r.ends_with("/Dist"));
        let made = match name {
            "Dist" => read::<Dist>(value).map(|d| d.draw(key).into()),
            "EachAxis" => read::<EachAxis>(value).filter(|d| !is_fixed(&d.0)).map(|d| each(d.draw(key))),
            _ if name.starts_with("PerAxis") && of_axes() => match read::<PerAxis<Dist>>(value) {
                Some(PerAxis::All(d)) => Some(d.draw(key).into()),
                Some(d @ PerAxis::Each(_)) => Some(each(d.draw(key))),
                None => None,
            },
            _ => Some(self.visit(def, value, key)),
        };
        made.unwrap_or_else(|| value.clone())
    }
}

fn is_fixed(d: &PerAxis<Dist>) -> bool {
    d.each().iter().all(|d| d.fixed().is_some())
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}
