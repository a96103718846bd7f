//! Parameters as they are written, read into a declaration; and what is wrong with them, in the words of all errors.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result};

/// The parameters of the transform or group of this name, as they are declared.
///
/// # Errors
/// [`Error::Spec`] that names the parameter, what it is and what it may be.
pub(crate) fn read<T: DeserializeOwned>(name: &str, parameters: Value) -> Result<T> {
    let text = parameters.clone();
    serde_path_to_error::deserialize(parameters).map_err(|e| {
        let path = e.path().to_string();
        let path = path.trim_start_matches('.').trim_end_matches('?').trim_end_matches('.');
        let found =
            path.split('.').filter(|p| !p.is_empty()).try_fold(&text, |v, p| v.get(p)).unwrap_or(&text);
        let place = if path.is_empty() { name.to_owned() } else { format!("{name}: {path}") };
        let (found, expected) = said(found, &e.inner().to_string());
        Error::spec(place, found, expected)
    })
}

/// What was found and what was expected, by a message of serde's about a value or, if the message is one of ours, what was expected.
fn said(value: &Value, message: &str) -> (String, String) {
    let value = value.to_string();
    let names = |of: &str| of.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let Some((said, expected)) = message.split_once(", expected ") else {
        let missing = message.strip_prefix("missing field ").map(|name| format!("a value for {name}"));
        return (value, missing.unwrap_or_else(|| message.to_owned()));
    };
    let unknown = said.starts_with("unknown field").then(|| names(said).pop()).flatten();
    match unknown {
        None => (value, expected.to_owned()),
        Some(unknown) => {
            let known = names(expected);
            let near = nearest(&unknown, known.iter().map(String::as_str), 1).concat();
            (format!("a parameter of this name, {value}"), format!("{}; perhaps {near}", known.join(", ")))
        }
    }
}

/// The few of the known names that are most like one that is not known.
pub(crate) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>, count: usize) -> Vec<&'a str> {
    let mut near: Vec<&str> = known.collect();
    near.sort_by_key(|name| strsim::levenshtein(name, unknown));
    near.truncate(count);
    near
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what is wrong with them is looked at")]
    struct Wanted {
        spacing: [f64; 2],
        dtype: Option<medcore::DType>,
        #[serde(default)]
        mode: Option<medcore::Axes>,
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        for (given, wanted) in [
            (
                json!({"spacin": 2}),
                "resample: spacin: found a parameter of this name, 2; expected spacing, dtype, mode; perhaps spacing",
            ),
            (json!({}), "resample: found {}; expected a value for `spacing`"),
            (json!({"spacing": "a"}), "resample: spacing: found \"a\"; expected an array of length 2"),
            (json!({"spacing": [1]}), "resample: spacing: found [1]; expected an array of length 2"),
            (
                json!({"spacing": [1, 2], "dtype": "int33"}),
                "resample: dtype: found \"int33\"; expected one of uint8, int8,",
            ),
            (
                json!({"spacing": [1, 2], "mode": [0, 3]}),
                "resample: mode: found [0,3]; expected 0, 1, 2 (x, y, z) or -3 to -1, each once",
            ),
        ] {
            let message = read::<Wanted>("resample", given).unwrap_err().to_string();
            assert!(message.starts_with(wanted), "{message}");
        }
    }

    #[test]
    fn names_alike_are_near() {
        assert_eq!(nearest("z_normalise", ["crop", "log", "z_normalize"].into_iter(), 1), ["z_normalize"]);
    }
}
