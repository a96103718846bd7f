//! `docs/transforms.md`: the reference page.

use std::fmt::Write;

use medcore::Category;
use medpipe::{Entry, Pipeline, catalog, groups};

use crate::schema::{Parameter, aliases, can_draw, group_parameters, method_name, parameters, text};

const HEAD: &str = "# Transforms

Generated from the declarations in `crates/medaug`; edit those.

A transform has one name everywhere: `z_normalize` in pipeline files, on the command line and as a method of a volume;
`ZNormalize` as the Rust struct and the Python class.

```yaml
medoxide: 1
transforms:
  - reorient: RAS                 # the main parameter alone
  - resample: {spacing: 1.5}      # parameters by name
  - z_normalize                   # defaults
```

Besides its own parameters every transform takes

| parameter | default | meaning |
|---|---|---|
| `p` | `1.0` | probability of being applied, from 0 to 1 |
| `keys` | by role | items of a sample that it touches |
| `id` | name and occurrence | name of its random draws, so that they survive edits of the pipeline |
| `per_channel` | `false` | of intensity and artefact transforms: `true`, each channel is an image of its own and draws for itself; `0.5`, and is touched with that probability; `[0, 2]`, these channels only |
| `key`, `patch` | not set | the key that it draws under, and the one patch that it touches: as a drawn plan has them |

Lengths are millimetres or voxels as stated, axes are x, y, z of the voxel grid, the main parameter is **bold**.
Peers are what other libraries have for the same work, by their names; which options give the same numbers is said in the text or in the tests of parity.

## Types

";

const GROUPS: &str = "
## Groups

A group stands in a pipeline like a transform and holds others. What it chooses is drawn by its name, as all else, before anything is
planned; draws of transforms inside are named by their path. Items are chosen by the transforms inside (`keys`).

```yaml
medoxide: 1
transforms:
  - one_of:
      transforms:
        - gaussian_noise: {std: [0, 0.1], per_channel: true}
        - maybe: {p: 0.5, transforms: [{gaussian_smooth: [0.5, 1]}, z_normalize]}
      weights: [2, 1]
```
";

pub(crate) fn render() -> String {
    let mut out = HEAD.to_owned();
    out.push_str("| type | values |\n|---|---|\n");
    for (name, (kind, doc)) in aliases() {
        let doc = doc.replace('\n', " ");
        let values = if doc.is_empty() { words(&kind) } else { doc };
        let _ = writeln!(out, "| `{name}` | {} |", cell(&values));
    }
    out.push_str(GROUPS);
    for g in groups() {
        let _ = write!(out, "\n### {}\n\n{}\n\nPython class `{}`.\n\n", g.name, text(&g.schema), g.class);
        out.push_str(&table(&group_parameters(g), Some("transforms")));
    }
    let categories = [
        (
            Category::Spatial,
            "Spatial",
            "Every item of a sample moves together: images and maps are interpolated, labels sampled nearest, points mapped.",
        ),
        (Category::Intensity, "Intensity", "Values of images change; labels and maps are not touched."),
        (
            Category::Artefact,
            "Artefacts",
            "What a scanner does to an image; labels and maps are not touched.",
        ),
        (Category::Label, "Labels", "Class numbers change; images are not touched."),
        (
            Category::Map,
            "Maps",
            "Maps of probabilities become something else; images and labels are not touched.",
        ),
        (
            Category::Channels,
            "Channels",
            "Channels and frames of images are chosen, divided or made one; labels and maps are not touched.",
        ),
        (Category::Items, "Items", "Several images, or the volumes that `keys` names, become one item."),
    ];
    for (category, title, lead) in categories {
        let _ = write!(out, "\n## {title}\n\n{lead}\n");
        for e in catalog().iter().filter(|e| e.category == category) {
            out.push_str(&entry(e));
        }
    }
    out
}

/// The words of a literal type.
fn words(kind: &str) -> String {
    kind.trim_start_matches("Literal[").trim_end_matches(']').replace('"', "`")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn entry(e: &Entry) -> String {
    let list = parameters(e);
    let mut out = format!("\n### {}\n\n{}\n\n", e.name, text(&e.schema));
    let random = if can_draw(e) { "; can draw at random (`seed`)" } else { "" };
    let _ =
        writeln!(out, "Rust and Python class `{}`; method `Volume.{}`{random}.\n", e.class, method_name(e));
    let _ = writeln!(out, "{}\n", e.peers_in_words());
    out + &table(&list, e.main)
}

/// The parameters, one to a row; the main one bold.
fn table(list: &[Parameter], main: Option<&str>) -> String {
    let mut out = String::from("| parameter | type | default | unit | meaning |\n|---|---|---|---|---|\n");
    for p in list {
        let bold = if main == Some(p.name.as_str()) { "**" } else { "" };
        let default = p.default.as_ref().map_or("required".into(), |d| format!("`{d}`"));
        let _ = writeln!(
            out,
            "| {bold}`{}`{bold} | `{}` | {default} | {} | {} |",
            p.name,
            cell(&p.kind),
            p.unit.as_deref().unwrap_or(""),
            cell(&meaning(p))
        );
    }
    out
}

fn meaning(p: &Parameter) -> String {
    let mut out = p.doc.replace('\n', " ");
    for (word, text) in &p.words {
        let _ = write!(out, " `{word}`: {}", crate::python::lower_first(text));
    }
    out
}

/// The page's examples are pipelines.
#[test]
fn the_examples_are_read() {
    let yaml = HEAD.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(Pipeline::from_yaml(yaml).unwrap().nodes().len(), 3);
    let yaml = GROUPS.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(Pipeline::from_yaml(yaml).unwrap().nodes()[0].inside().len(), 2);
}
