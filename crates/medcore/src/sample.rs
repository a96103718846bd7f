//! Volumes that belong together.

use crate::{Error, Grid, Points, Result, Volume};

/// What an item is, and so how a spatial or intensity transform treats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Measured intensities: warped with the chosen interpolation, changed by intensity transforms.
    #[default]
    Image,
    /// Class numbers: warped nearest, values never change.
    Label,
    /// Probabilities or weights: warped like images, intensities untouched.
    Map,
    /// Landmarks in world millimetres: moved by the inverse map.
    Points,
}

impl Role {
    /// Names (whole, or the last word after `_`, digits ignored) from which a role is inferred; the one list there is.
    pub const INFERRED: [(&'static str, Role); 26] = [
        ("image", Role::Image),
        ("img", Role::Image),
        ("volume", Role::Image),
        ("input", Role::Image),
        ("data", Role::Image),
        ("t1", Role::Image),
        ("t1w", Role::Image),
        ("t1c", Role::Image),
        ("t1ce", Role::Image),
        ("t2", Role::Image),
        ("t2w", Role::Image),
        ("flair", Role::Image),
        ("pd", Role::Image),
        ("dwi", Role::Image),
        ("adc", Role::Image),
        ("ct", Role::Image),
        ("mr", Role::Image),
        ("pet", Role::Image),
        ("label", Role::Label),
        ("seg", Role::Label),
        ("segmentation", Role::Label),
        ("mask", Role::Label),
        ("probability", Role::Map),
        ("weight", Role::Map),
        ("points", Role::Points),
        ("landmarks", Role::Points),
    ];

    /// The role that a key name stands for.
    ///
    /// # Errors
    /// [`Error::Param`] with the list, for a name that is not on it.
    pub fn infer(name: &str) -> Result<Role> {
        let lower = name.to_ascii_lowercase();
        let find =
            |word: &str| Role::INFERRED.iter().find(|(n, _)| *n == word || word.strip_suffix('s') == Some(n));
        let bare = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        let last = lower.rsplit('_').next().unwrap_or(&lower);
        [lower.as_str(), bare, last].into_iter().find_map(find).map(|&(_, role)| role).ok_or_else(|| {
            let names: Vec<_> = Role::INFERRED.iter().map(|(n, _)| *n).collect();
            Error::param(
                "sample",
                "key",
                format!("{name:?}, whose role is not known"),
                format!(
                    "roles={{{name:?}: \"image\" | \"label\" | \"map\" | \"points\"}}, or one of {}",
                    names.join(", ")
                ),
            )
        })
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Role::Image => "image",
            Role::Label => "label",
            Role::Map => "map",
            Role::Points => "points",
        })
    }
}

impl std::str::FromStr for Role {
    type Err = Error;

    fn from_str(s: &str) -> Result<Role> {
        [Role::Image, Role::Label, Role::Map, Role::Points]
            .into_iter()
            .find(|r| r.to_string() == s)
            .ok_or_else(|| Error::param("sample", "role", format!("{s:?}"), "image, label, map or points"))
    }
}

/// What an item holds.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Value {
    /// Voxels on a grid.
    Volume(Volume),
    /// Landmarks.
    Points(Points),
}

/// A named member of a sample.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its key.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its content.
    pub value: Value,
}

/// Ordered named items that share one world: an image and its label, several modalities, landmarks.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// The items, in order.
    pub items: Vec<Item>,
}

impl Sample {
    /// A sample of one image under the key `image`.
    pub fn of_image(volume: Volume) -> Sample {
        Sample { items: vec![Item { name: "image".into(), role: Role::Image, value: Value::Volume(volume) }] }
    }

    /// Adds a volume.
    pub fn with(mut self, name: &str, role: Role, volume: Volume) -> Sample {
        self.items.push(Item { name: name.into(), role, value: Value::Volume(volume) });
        self
    }

    /// Adds landmarks.
    pub fn with_points(mut self, name: &str, points: Points) -> Sample {
        self.items.push(Item { name: name.into(), role: Role::Points, value: Value::Points(points) });
        self
    }

    /// The item of a name.
    pub fn get(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|i| i.name == name)
    }

    /// The volume of a name.
    pub fn volume(&self, name: &str) -> Option<&Volume> {
        match self.get(name).map(|i| &i.value) {
            Some(Value::Volume(v)) => Some(v),
            _ => None,
        }
    }

    /// The reference grid: the first image's, else the first volume's.
    pub fn reference(&self) -> Option<&Grid> {
        let grid = |i: &'_ Item| matches!(i.value, Value::Volume(_));
        let first = self.items.iter().find(|i| i.role == Role::Image && grid(i));
        match first.or_else(|| self.items.iter().find(|i| grid(i))).map(|i| &i.value) {
            Some(Value::Volume(v)) => Some(v.grid()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_inferred_from_the_list_or_refused() {
        for (name, role) in [
            ("image", Role::Image),
            ("T1w", Role::Image),
            ("image_1", Role::Image),
            ("lesion_mask", Role::Label),
            ("labels", Role::Label),
            ("flair2", Role::Image),
            ("t1", Role::Image),
        ] {
            assert_eq!(Role::infer(name).unwrap(), role, "{name}");
        }
        assert!(Role::infer("thing").unwrap_err().to_string().contains("thing"));
    }
}
