//! A transform's parameters as the generators see them: types in Python's words, defaults, units and docs.

use std::collections::BTreeMap;

use medpipe::{Entry, GroupEntry, catalog, groups};
use serde_json::Value;

/// One parameter.
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// Python type, with the names of [`aliases`].
    pub(crate) kind: String,
    /// Python literal; `None`: the parameter must be given.
    pub(crate) default: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) doc: String,
    /// The words that may be given, if the type has words.
    pub(crate) words: Vec<(String, String)>,
}

impl Parameter {
    /// Unit, then what the words mean, for docs.
    pub(crate) fn note(&self) -> String {
        let unit = self.unit.as_ref().map(|u| format!(" In {u}.")).unwrap_or_default();
        format!("{}{unit}", self.doc)
    }
}

/// A transform's parameters; the main one first.
pub(crate) fn parameters(e: &Entry) -> Vec<Parameter> {
    let mut out = properties(&e.schema);
    out.sort_by_key(|p| e.main != Some(p.name.as_str()) && e.main.is_some());
    out
}

/// The parameters of a declaration, in its order.
pub(crate) fn properties(schema: &Value) -> Vec<Parameter> {
    let required = |name: &str| {
        schema.get("required").and_then(Value::as_array).is_some_and(|r| r.iter().any(|v| v == name))
    };
    let one = |(name, p): (&String, &Value)| Parameter {
        name: name.clone(),
        kind: kind(p, schema),
        default: (!required(name)).then(|| literal(p.get("default").unwrap_or(&Value::Null))),
        unit: p.get("x-unit").and_then(Value::as_str).map(str::to_owned),
        doc: text(p),
        words: words(p, schema),
    };
    schema["properties"].as_object().into_iter().flatten().map(one).collect()
}

/// The parameters of a group; those that must be given first.
pub(crate) fn group_parameters(g: &GroupEntry) -> Vec<Parameter> {
    let given = |name: &str, kind: &str, default: Option<&str>, doc: &str| Parameter {
        name: name.into(),
        kind: kind.into(),
        default: default.map(str::to_owned),
        unit: None,
        doc: doc.into(),
        words: vec![],
    };
    let always = if g.name == "maybe" { None } else { Some("1.0") };
    let mut out = vec![given("transforms", "Sequence[Transform]", None, "The transforms inside.")];
    out.extend(properties(&g.schema));
    out.push(given("p", "float", always, "Probability that any of it happens, from 0 to 1."));
    out.push(given(
        "id",
        "str | None",
        Some("None"),
        "Name of its draws and of those inside; its name and occurrence if not given.",
    ));
    out.sort_by_key(|p| p.default.is_some());
    out
}

/// The description of a schema.
pub(crate) fn text(v: &Value) -> String {
    v.get("description").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Name of the method on a volume: the transform's, unless a property has that name.
pub(crate) fn method_name(e: &Entry) -> String {
    if e.name == "affine" { "affine_transform".into() } else { e.name.into() }
}

/// Whether a transform can draw at random: it has a parameter that may be drawn, or draws whatever its parameters are.
pub(crate) fn can_draw(e: &Entry) -> bool {
    let drawn = e.schema["$defs"].get("Dist").is_some();
    drawn || e.random
}

/// Type aliases that parameters use: name, Python type, doc.
pub(crate) fn aliases() -> BTreeMap<String, (String, String)> {
    let mut out = BTreeMap::new();
    let schemas = catalog().iter().map(|e| &e.schema).chain(groups().iter().map(|g| &g.schema));
    for schema in schemas {
        for (name, def) in schema["$defs"].as_object().into_iter().flatten() {
            if is_alias(name) {
                let have = (kind(def, schema), text(def));
                let old = out.insert(name.clone(), have.clone());
                assert!(old.is_none_or(|o| o == have), "two types are called {name}");
            }
        }
    }
    out
}

/// `PerAxis` and `PerAxis2` are other types in every transform; they are written out, as `EachAxis` is.
fn is_alias(name: &str) -> bool {
    !name.starts_with("PerAxis") && name != "EachAxis"
}

fn resolve<'a>(v: &'a Value, root: &'a Value) -> Option<(&'a str, &'a Value)> {
    let name = v.get("$ref")?.as_str()?.rsplit('/').next()?;
    Some((name, &root["$defs"][name]))
}

fn words(v: &Value, root: &Value) -> Vec<(String, String)> {
    let v = resolve(v, root).map_or(v, |(_, def)| def);
    let options = v.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    options.filter_map(|o| Some((o.get("const")?.as_str()?.to_owned(), text(o)))).collect()
}

/// A schema as a Python type, with what else Python may give for it (`x-python`).
fn kind(v: &Value, root: &Value) -> String {
    let of_schema = schema_kind(v, root);
    match v.get("x-python").and_then(Value::as_str) {
        Some(more) => {
            let (bare, none) =
                of_schema.strip_suffix(" | None").map_or((&*of_schema, ""), |b| (b, " | None"));
            format!("{bare} | {more}{none}")
        }
        None => of_schema,
    }
}

fn schema_kind(v: &Value, root: &Value) -> String {
    if let Some((name, def)) = resolve(v, root) {
        return if is_alias(name) { name.to_owned() } else { kind(def, root) };
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(options) = v.get(key).and_then(Value::as_array) {
            return union(options.iter().map(|o| kind(o, root)).collect());
        }
    }
    if let Some(word) = v.get("const").and_then(Value::as_str) {
        return format!("Literal[{word:?}]");
    }
    if let Some(words) = v.get("enum").and_then(Value::as_array) {
        return union(words.iter().filter_map(Value::as_str).map(|w| format!("Literal[{w:?}]")).collect());
    }
    match v.get("type") {
        Some(Value::Array(types)) => {
            union(types.iter().map(|t| named(t.as_str().unwrap(), v, root)).collect())
        }
        Some(Value::String(t)) => named(t, v, root),
        other => panic!("no Python type for {other:?} in {v}"),
    }
}

fn named(name: &str, v: &Value, root: &Value) -> String {
    match name {
        "number" => "float".into(),
        "integer" => "int".into(),
        "boolean" => "bool".into(),
        "string" => "str".into(),
        "null" => "None".into(),
        "array" => format!("Sequence[{}]", kind(&v["items"], root)),
        "object" => {
            if let Some(values) = v.get("patternProperties").and_then(Value::as_object) {
                return format!("Mapping[int, {}]", kind(values.values().next().unwrap(), root));
            }
            if let Some(values) = v.get("additionalProperties").filter(|v| v.is_object()) {
                return format!("Mapping[str, {}]", kind(values, root));
            }
            let values = v["properties"].as_object().unwrap().values().map(|p| kind(p, root)).collect();
            format!("Mapping[str, {}]", union(values))
        }
        other => panic!("no Python type for {other}"),
    }
}

/// One type for several: words joined, twins dropped, `None` last.
fn union(mut kinds: Vec<String>) -> String {
    let words: Vec<String> = kinds
        .iter()
        .filter_map(|k| Some(k.strip_prefix("Literal[")?.strip_suffix(']')?.to_owned()))
        .collect();
    kinds.retain(|k| !k.starts_with("Literal["));
    if !words.is_empty() {
        kinds.insert(0, format!("Literal[{}]", words.join(", ")));
    }
    let mut out: Vec<String> = vec![];
    kinds.sort_by_key(|k| k == "None");
    kinds.sort_by_key(|k| u8::from(k.starts_with("Sequence[")) + 2 * u8::from(k == "None"));
    for k in kinds {
        if !out.contains(&k) {
            out.push(k);
        }
    }
    out.join(" | ")
}

/// A JSON value as a Python literal.
fn literal(v: &Value) -> String {
    match v {
        Value::Null => "None".into(),
        Value::Bool(b) => if *b { "True" } else { "False" }.into(),
        Value::Array(a) => format!("({})", a.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Text broken into lines of at most `width` characters, paragraphs kept apart.
pub(crate) fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    for (n, paragraph) in text.split("\n\n").enumerate() {
        if n > 0 {
            out.push('\n');
        }
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let room = indent.len() + line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && room > width {
                out.push_str(&format!("{indent}{line}\n"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        out.push_str(&format!("{indent}{line}\n"));
    }
    out
}
