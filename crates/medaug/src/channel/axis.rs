use medcore::{Error, Result, Take};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An axis after x, y, z: as numbered in the array (3 is the first of them, -1 the last), or by the name that `NIfTI` has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "an axis of the array from 3 on, or a negative one, or \"time\" or \"component\""
)]
pub enum ChannelAxis {
    /// Its name.
    Named(NamedAxis),
    /// Its number.
    Number(i64),
}

/// The axes after x, y, z that `NIfTI` gives a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamedAxis {
    /// Time, axis 3.
    Time,
    /// Components of vectors, or channels: axis 4.
    Component,
}

/// Channels along one axis after x, y, z, or along all of them as one, the first fastest.
pub(crate) struct Along {
    extra: Vec<usize>,
    axis: Option<usize>,
}

impl Along {
    pub(crate) fn of(transform: &str, extra: &[usize], axis: Option<ChannelAxis>) -> Result<Along> {
        let number = match axis {
            None => return Ok(Along { extra: extra.to_vec(), axis: None }),
            Some(ChannelAxis::Named(NamedAxis::Time)) => 3,
            Some(ChannelAxis::Named(NamedAxis::Component)) => 4,
            Some(ChannelAxis::Number(n)) => n,
        };
        let axes = 3 + extra.len() as i64;
        let at = if number < 0 { number + axes } else { number };
        if !(3..axes).contains(&at) {
            let wanted = format!("an axis after x, y, z, whose sizes are {extra:?}");
            return Err(Error::param(transform, "axis", number, wanted));
        }
        Ok(Along { extra: extra.to_vec(), axis: Some((at - 3) as usize) })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.axis.map_or_else(|| self.extra.iter().product(), |axis| self.extra[axis])
    }

    /// Those of these numbers; without an axis of their own if `dropped`.
    pub(crate) fn take(&self, label: String, numbers: &[usize], dropped: bool) -> Take {
        let Some(axis) = self.axis else {
            let extra = if dropped { vec![] } else { vec![numbers.len()] };
            return Take { label, channels: numbers.to_vec(), extra };
        };
        let before: usize = self.extra[..axis].iter().product();
        let after: usize = self.extra[axis + 1..].iter().product();
        let step = before * self.extra[axis];
        let run = |a: usize, n: usize| (0..before).map(move |b| b + before * n + step * a);
        let channels = (0..after).flat_map(|a| numbers.iter().flat_map(move |n| run(a, *n))).collect();
        let mut extra = self.extra.clone();
        if dropped {
            extra.remove(axis);
        } else {
            extra[axis] = numbers.len();
        }
        Take { label, channels, extra }
    }
}
