//! YAML as it is read here.

use serde_json::Value;

/// A value from YAML 1.2 or JSON: `y`, `no` and `on` are texts (an axis, for one), and only `true` and `false` are booleans.
///
/// # Errors
/// What is wrong with the text.
pub fn yaml(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|e| e.to_string())
}
