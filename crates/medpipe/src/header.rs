//! What every transform of a pipeline has besides its own parameters.

use medcore::{Category, Key};
use serde_json::{Map, Value};

use crate::{Error, Result};

/// How likely a transform is, what it touches, and how its random draws are named.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Probability of being applied.
    pub p: f64,
    /// Items that it touches; by role if not given.
    pub keys: Option<Vec<String>>,
    /// Name for random draws; its name and occurrence if not given.
    pub id: Option<String>,
    /// Which channels it touches, and whether each draws for itself; of intensity and artefact transforms.
    pub per_channel: Channels,
    /// The key that it draws under, whatever the sample: as [`crate::Pipeline::drawn`] writes it down.
    pub key: Option<Key>,
    /// The one patch that it touches, by the numbers of the splits that led to it: as [`crate::Pipeline::drawn`] writes it down.
    pub patch: Option<Vec<u64>>,
}

/// Whether channels (or frames) are touched together, or each as if it were an image of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Channels {
    /// One draw for all of them.
    #[default]
    Together,
    /// Each draws for itself, and is touched with this probability.
    Each(f64),
    /// These alone, each by itself.
    Only(Vec<usize>),
}

impl Default for Header {
    fn default() -> Header {
        Header { p: 1.0, keys: None, id: None, per_channel: Channels::Together, key: None, patch: None }
    }
}

impl Header {
    /// The names of its entries in pipeline files.
    pub const NAMES: [&str; 6] = ["p", "keys", "id", "per_channel", "key", "patch"];

    /// Takes the header's entries out of a transform's map.
    pub(crate) fn take(
        name: &str,
        category: Option<Category>,
        map: &mut Map<String, Value>,
    ) -> Result<Header> {
        let mut take = |entry: &str| map.shift_remove(entry).filter(|v| !v.is_null());
        let wrong = |entry: &str, found: Value, expected: &str| {
            Error::spec(format!("{name}: {entry}"), found, expected)
        };
        let mut out = Header::default();
        if let Some(v) = take("p") {
            out.p = probability(&v).ok_or_else(|| wrong("p", v, "a probability from 0 to 1"))?;
        }
        out.keys = match take("keys") {
            None => None,
            Some(v) if category.is_none() => {
                return Err(wrong("keys", v, "no keys: they belong to the transforms inside"));
            }
            Some(Value::String(s)) => Some(vec![s]),
            Some(v) => Some(
                serde_json::from_value(v.clone())
                    .map_err(|_| wrong("keys", v, "an item's key, or a list of keys"))?,
            ),
        };
        out.id = match take("id") {
            None => None,
            Some(Value::String(s)) => Some(s),
            Some(v) => return Err(wrong("id", v, "a text")),
        };
        if let Some(v) = take("per_channel") {
            if !matches!(category, Some(Category::Intensity | Category::Artefact)) {
                return Err(wrong("per_channel", v, "an intensity or artefact transform for it"));
            }
            let expected = "true, the probability that a channel is touched, or a list of channels";
            out.per_channel = Channels::of(&v).ok_or_else(|| wrong("per_channel", v, expected))?;
        }
        if let Some(v) = take("key") {
            let text = v.as_str().and_then(|t| t.parse().ok());
            out.key = Some(text.ok_or_else(|| wrong("key", v, "32 hexadecimal digits"))?);
        }
        if let Some(v) = take("patch") {
            let numbers = serde_json::from_value(v.clone());
            out.patch = Some(numbers.map_err(|_| wrong("patch", v, "a list of whole numbers"))?);
        }
        Ok(out)
    }

    /// Writes the entries that are not the default's.
    pub(crate) fn write(&self, map: &mut Map<String, Value>) {
        let mut write = |entry: &str, v: Value| map.insert(entry.to_owned(), v);
        if self.p != 1.0 {
            write("p", self.p.into());
        }
        if let Some(keys) = &self.keys {
            write("keys", keys.clone().into());
        }
        if let Some(id) = &self.id {
            write("id", id.clone().into());
        }
        match &self.per_channel {
            Channels::Together => {}
            Channels::Each(p) if *p == 1.0 => drop(write("per_channel", true.into())),
            Channels::Each(p) => drop(write("per_channel", (*p).into())),
            Channels::Only(list) => drop(write("per_channel", list.clone().into())),
        }
        if let Some(key) = &self.key {
            write("key", key.to_string().into());
        }
        if let Some(patch) = &self.patch {
            write("patch", patch.clone().into());
        }
    }

    /// Whether it draws anything.
    pub(crate) fn is_random(&self) -> bool {
        self.p < 1.0 || self.draws_channels()
    }

    /// Whether it is drawn which channels are touched.
    pub(crate) fn draws_channels(&self) -> bool {
        matches!(self.per_channel, Channels::Each(p) if p < 1.0)
    }

    /// Whether the transform is applied under its key.
    pub(crate) fn occurs(&self, key: Key) -> bool {
        self.p >= 1.0 || key.text("p").uniform() < self.p
    }
}

impl Channels {
    fn of(v: &Value) -> Option<Channels> {
        Some(match v {
            Value::Bool(true) => Channels::Each(1.0),
            Value::Bool(false) => Channels::Together,
            Value::Array(_) => Channels::Only(serde_json::from_value(v.clone()).ok()?),
            v => Channels::Each(probability(v)?),
        })
    }

    /// The channels that are touched, of so many; `None` if they are touched together. `key` is that of a channel.
    ///
    /// # Errors
    /// [`medcore::Error::Param`] for a channel that is not there.
    pub(crate) fn touched(
        &self,
        transform: &str,
        channels: usize,
        key: impl Fn(usize) -> Key,
    ) -> Result<Option<Vec<usize>>> {
        Ok(match self {
            Channels::Together => None,
            Channels::Each(p) => {
                let touched = |c: &usize| *p >= 1.0 || key(*c).text("per_channel").uniform() < *p;
                Some((0..channels).filter(touched).collect())
            }
            Channels::Only(list) => {
                if let Some(c) = list.iter().find(|&&c| c >= channels) {
                    let wanted = format!("channels below {channels}");
                    return Err(medcore::Error::param(transform, "per_channel", c, wanted).into());
                }
                Some(list.clone())
            }
        })
    }
}

fn probability(v: &Value) -> Option<f64> {
    v.as_f64().filter(|p| (0.0..=1.0).contains(p))
}
