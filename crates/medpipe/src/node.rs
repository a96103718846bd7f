//! One transform of a pipeline, with its header.

use std::sync::Arc;

use medcore::{Category, Transform};
use serde_json::{Map, Value};

use crate::{Error, Result, catalog};

/// A transform with the three things that every transform has: how likely it is, what it touches, and its name for random draws.
#[derive(Clone, Debug)]
pub struct Node {
    /// The transform's name.
    pub name: String,
    /// How it is planned.
    pub category: Category,
    /// The transform.
    pub transform: Arc<dyn Transform>,
    /// Probability of being applied.
    pub p: f64,
    /// Items that it touches; by role if not given.
    pub keys: Option<Vec<String>>,
    /// Name for random draws; its name and occurrence if not given.
    pub id: Option<String>,
    /// Whether it draws at random even where no parameter is a distribution.
    random: bool,
    written: Value,
}

impl Node {
    /// From a name and its value in a pipeline file: a map of parameters (with `p`, `keys` and `id` among them), or the main parameter alone.
    ///
    /// # Errors
    /// [`Error::Spec`] that names the transform and parameter.
    pub fn new(name: &str, value: Value) -> Result<Node> {
        let entry = catalog::find(name)?;
        let mut map = match (value, entry.main) {
            (Value::Null, _) => Map::new(),
            (Value::Object(m), main) if !is_main_map(&m, entry) || main.is_none() => m,
            (v, Some(main)) => Map::from_iter([(main.to_owned(), v)]),
            (v, None) => return Err(Error::spec(entry.name, v, "a map of parameters")),
        };
        let p = match map.shift_remove("p") {
            None => 1.0,
            Some(v) => match v.as_f64() {
                Some(p) if (0.0..=1.0).contains(&p) => p,
                _ => return Err(Error::spec(format!("{}: p", entry.name), v, "a probability from 0 to 1")),
            },
        };
        let keys = match map.shift_remove("keys") {
            None | Some(Value::Null) => None,
            Some(Value::String(s)) => Some(vec![s]),
            Some(v) => Some(serde_json::from_value(v.clone()).map_err(|_| {
                Error::spec(format!("{}: keys", entry.name), v, "an item's key, or a list of keys")
            })?),
        };
        let id = match map.shift_remove("id") {
            None | Some(Value::Null) => None,
            Some(Value::String(s)) => Some(s),
            Some(v) => return Err(Error::spec(format!("{}: id", entry.name), v, "a text")),
        };
        let (transform, written) = entry.build(Value::Object(map))?;
        let (name, category, random) = (entry.name.to_owned(), entry.category, entry.random);
        Ok(Node { name, category, transform, p, keys, id, random, written })
    }

    /// From a transform in Rust.
    pub fn of<T: medcore::Declared>(transform: T) -> Node {
        let written = serde_json::to_value(&transform).unwrap_or_default();
        let transform = Arc::new(transform);
        Node {
            name: T::NAME.into(),
            category: T::CATEGORY,
            transform,
            p: 1.0,
            keys: None,
            id: None,
            random: T::RANDOM,
            written,
        }
    }

    /// A transform that has no place in the catalog, shown as its label.
    pub(crate) fn own(
        name: &str,
        of_sample: bool,
        transform: Arc<dyn Transform>,
        random: bool,
        label: &str,
    ) -> Node {
        let category = if of_sample { Category::Spatial } else { Category::Intensity };
        let written = serde_json::json!({ "name": label });
        Node { name: name.into(), category, transform, p: 1.0, keys: None, id: None, random, written }
    }

    /// Whether a pipeline file can hold it: a transform of the catalog, and none of the caller's own.
    pub fn is_of_catalog(&self) -> bool {
        catalog::find(&self.name).is_ok()
    }

    /// The same, applied with probability `p`.
    pub fn with_p(self, p: f64) -> Node {
        Node { p, ..self }
    }

    /// The same, under a name for its random draws.
    pub fn with_id(self, id: &str) -> Node {
        Node { id: Some(id.into()), ..self }
    }

    /// The same, for these items only.
    pub fn with_keys(self, keys: &[&str]) -> Node {
        Node { keys: Some(keys.iter().map(|k| (*k).to_owned()).collect()), ..self }
    }

    /// `{name: {parameters}}`, every parameter written out, those that are not set left out.
    pub fn to_value(&self) -> Value {
        let mut map = self.written.as_object().cloned().unwrap_or_default();
        map.retain(|_, v| !v.is_null());
        if self.p != 1.0 {
            map.insert("p".into(), self.p.into());
        }
        if let Some(keys) = &self.keys {
            map.insert("keys".into(), keys.clone().into());
        }
        if let Some(id) = &self.id {
            map.insert("id".into(), id.clone().into());
        }
        Value::Object(Map::from_iter([(self.name.clone(), Value::Object(map))]))
    }

    /// How many samples one becomes, if that is known before one is seen.
    pub fn patches(&self) -> Option<usize> {
        let made = self.transform.patches();
        if self.p >= 1.0 || made == Some(1) { made } else { None }
    }

    /// Whether the node draws anything at random under its key.
    pub fn is_random(&self) -> bool {
        self.p < 1.0 || self.random || drawn(&self.written)
    }

    /// Whether what it measures before it does anything is the same at every visit, whatever it draws then.
    pub(crate) fn measures_alike(&self) -> bool {
        !drawn(&self.written) && catalog::find(&self.name).is_ok()
    }
}

/// Whether a parameter is a distribution.
fn drawn(v: &Value) -> bool {
    match v {
        Value::Object(m) => {
            m.keys().any(|k| ["uniform", "log_uniform", "normal", "choice"].contains(&k.as_str()))
                || m.values().any(drawn)
        }
        Value::Array(a) => a.iter().any(drawn),
        _ => false,
    }
}

/// Whether a map is the main parameter's own value (`gaussian_noise: {uniform: [0, 1]}`) rather than a map of parameters.
fn is_main_map(map: &Map<String, Value>, entry: &catalog::Entry) -> bool {
    let own = entry.parameters();
    !map.is_empty()
        && map.keys().all(|k| !own.contains(&k.as_str()) && !["p", "keys", "id"].contains(&k.as_str()))
        && map.len() == 1
        && map
            .keys()
            .all(|k| ["uniform", "log_uniform", "normal", "choice", "above", "label"].contains(&k.as_str()))
}

/// Whether a node of probability `p` is applied under its key.
pub(crate) fn occurs(p: f64, key: medcore::Key) -> bool {
    p >= 1.0 || key.text("p").uniform() < p
}
