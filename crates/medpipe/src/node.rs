//! One transform of a pipeline, with its header.

use std::any::Any;
use std::sync::Arc;

use medcore::{Category, Key, Transform};
use serde_json::{Map, Value};

use crate::header::{Channels, Header};
use crate::{Error, Group, Result, catalog, draws};

/// A transform, or a group of them, with what every transform has.
#[derive(Clone, Debug)]
pub struct Node {
    /// The name of the transform or group.
    pub name: String,
    /// How likely it is, what it touches, how its draws are named.
    pub header: Header,
    pub(crate) does: Does,
}

/// What a node does.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    Transform(Single),
    Group(Group),
}

/// One transform.
#[derive(Clone, Debug)]
pub(crate) struct Single {
    pub(crate) category: Category,
    pub(crate) transform: Arc<dyn Transform>,
    /// Whether it draws at random even where no parameter is a distribution.
    random: bool,
    /// Whether a parameter is a distribution.
    dists: bool,
    /// All its parameters; shared by the many places that a node is noted in.
    written: Arc<Value>,
    /// What the caller made it of.
    origin: Option<Origin>,
}

impl Single {
    /// Whether it draws under its key.
    pub(crate) fn draws(&self) -> bool {
        self.random || self.dists
    }
}

/// What a caller keeps with a transform of its own.
#[derive(Clone)]
struct Origin(Arc<dyn Any + Send + Sync>);

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the caller's")
    }
}

impl Node {
    /// From a name and its value in a pipeline file: a map of parameters (with those of the [`Header`] among them), or the main parameter alone; of a group, a map with
    /// `transforms`, or the list of them alone.
    ///
    /// # Errors
    /// [`Error::Spec`] that names the transform and parameter.
    pub fn new(name: &str, value: Value) -> Result<Node> {
        if let Some(group) = catalog::group(name) {
            let (header, group) = Group::parse(group, value)?;
            return Ok(Node::group(header, group));
        }
        let entry = catalog::find(name)?;
        let mut map = match (value, entry.main) {
            (Value::Null, _) => Map::new(),
            (Value::Object(m), main) if main.is_none_or(|main| !is_main(&m, entry, main)) => m,
            (v, Some(main)) => Map::from_iter([(main.to_owned(), v)]),
            (v, None) => return Err(Error::spec(entry.name, v, "a map of parameters")),
        };
        let header = Header::take(entry.name, Some(entry.category), &mut map)?;
        let (transform, written) = entry.build(Value::Object(map))?;
        let dists = draws::any(&entry.schema, &written);
        let (category, random) = (entry.category, entry.random);
        let written = Arc::new(written);
        let single = Single { category, transform, random, dists, written, origin: None };
        Ok(Node { name: entry.name.to_owned(), header, does: Does::Transform(single) })
    }

    /// From a transform in Rust.
    ///
    /// # Errors
    /// Where it names a file, that cannot be read or does not hold what it should.
    pub fn of<T: medcore::Declared>(mut transform: T) -> Result<Node> {
        catalog::prepare(&mut transform)?;
        let written = serde_json::to_value(&transform).unwrap_or_default();
        let dists = draws::any(&catalog::schema::<T>(), &written);
        let (transform, written) = (Arc::new(transform), Arc::new(written));
        let single =
            Single { category: T::CATEGORY, transform, random: T::RANDOM, dists, written, origin: None };
        Ok(Node { name: T::NAME.into(), header: Header::default(), does: Does::Transform(single) })
    }

    /// A group by its name and parameters (those of its header among them), over other nodes.
    ///
    /// # Errors
    /// [`Error::Spec`] that names the group and parameter.
    pub fn grouped(name: &str, nodes: Vec<Node>, parameters: Value) -> Result<Node> {
        let entry = catalog::group(name).ok_or_else(|| Error::spec("group", name, "a group's name"))?;
        let (header, group) = Group::of(entry, nodes, parameters)?;
        Ok(Node::group(header, group))
    }

    /// A group, under its header.
    pub fn group(header: Header, group: Group) -> Node {
        Node { name: group.name().into(), header, does: Does::Group(group) }
    }

    /// A transform of the caller's own, which has no place in the catalog and is shown as `label`. `random` says whether it draws by its key.
    pub fn own(
        name: &str,
        category: Category,
        transform: Arc<dyn Transform>,
        random: bool,
        label: &str,
    ) -> Node {
        let written = Arc::new(serde_json::json!({ "name": label }));
        let single = Single { category, transform, random, dists: false, written, origin: None };
        Node { name: name.into(), header: Header::default(), does: Does::Transform(single) }
    }

    /// The same, with what the caller made it of, for [`Node::origin`].
    pub fn with_origin(mut self, origin: Arc<dyn Any + Send + Sync>) -> Node {
        if let Does::Transform(single) = &mut self.does {
            single.origin = Some(Origin(origin));
        }
        self
    }

    /// What the caller made it of.
    pub fn origin(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.single()?.origin.as_ref().map(|o| &o.0)
    }

    /// Whether a pipeline file can hold it: transforms of the catalog, and none of the caller's own.
    pub fn is_of_catalog(&self) -> bool {
        match &self.does {
            Does::Transform(_) => catalog::find(&self.name).is_ok(),
            Does::Group(group) => group.nodes().iter().all(Node::is_of_catalog),
        }
    }

    /// The same, applied with probability `p`.
    pub fn with_p(mut self, p: f64) -> Node {
        self.header.p = p;
        self
    }

    /// The same, under a name for its random draws.
    pub fn with_id(mut self, id: &str) -> Node {
        self.header.id = Some(id.into());
        self
    }

    /// The same, for these items only; of a group, all transforms inside that have no keys of their own.
    pub fn with_keys(mut self, keys: &[&str]) -> Node {
        match &mut self.does {
            Does::Transform(_) => {
                self.header.keys = Some(keys.iter().map(|k| (*k).to_owned()).collect());
            }
            Does::Group(group) => {
                group.change(|n| if n.header.keys.is_none() { n.with_keys(keys) } else { n });
            }
        }
        self
    }

    /// The transform; none if it is a group.
    pub fn transform(&self) -> Option<&Arc<dyn Transform>> {
        self.single().map(|s| &s.transform)
    }

    /// The transforms inside, of a group.
    pub fn inside(&self) -> &[Node] {
        match &self.does {
            Does::Transform(_) => &[],
            Does::Group(group) => group.nodes(),
        }
    }

    fn single(&self) -> Option<&Single> {
        match &self.does {
            Does::Transform(single) => Some(single),
            Does::Group(_) => None,
        }
    }

    /// `{name: {parameters}}`, every parameter written out, those that are not set left out.
    pub fn to_value(&self) -> Value {
        let mut map = match &self.does {
            Does::Transform(single) => single.written.as_object().cloned().unwrap_or_default(),
            Does::Group(group) => group.to_map(),
        };
        map.retain(|_, v| !v.is_null());
        self.header.write(&mut map);
        Value::Object(Map::from_iter([(self.name.clone(), Value::Object(map))]))
    }

    /// How many samples one becomes, if that is known before one is seen.
    pub fn patches(&self) -> Option<usize> {
        let made = match &self.does {
            Does::Transform(single) => single.transform.patches(),
            Does::Group(group) => group.patches(),
        };
        let always = self.header.p >= 1.0 && self.header.patch.is_none();
        if always || made == Some(1) { made } else { None }
    }

    /// Whether the node draws anything at random: under a key of its own it does not.
    pub fn is_random(&self) -> bool {
        self.header.is_random()
            || match &self.does {
                Does::Transform(single) => self.header.key.is_none() && single.draws(),
                Does::Group(group) => group.is_random(),
            }
    }

    /// Whether items may come of others.
    pub(crate) fn derives(&self) -> bool {
        match &self.does {
            Does::Transform(single) => single.transform.derives(),
            Does::Group(group) => group.nodes().iter().any(Node::derives),
        }
    }

    /// Whether what it measures before it does anything is the same at every visit, whatever it draws then.
    pub(crate) fn measures_alike(&self) -> bool {
        self.single().is_some_and(|s| !s.dists) && catalog::find(&self.name).is_ok()
    }

    /// The same with every number drawn under its key, for one item and one channel of it.
    pub(crate) fn drawn(&self, key: Key, item: Option<&str>, channel: Option<usize>) -> Result<Node> {
        let Does::Transform(single) = &self.does else { return Ok(self.clone()) };
        let mut out = self.clone();
        if single.dists {
            let entry = catalog::find(&self.name)?;
            let written = draws::drawn(&entry.schema, &single.written, key);
            let (transform, written) = entry.build(written)?;
            let written = Arc::new(written);
            out.does = Does::Transform(Single { transform, written, dists: false, ..single.clone() });
        }
        out.header.p = 1.0;
        out.header.id = None;
        out.header.key = single.random.then_some(key);
        if let Some(item) = item {
            out.header.keys = Some(vec![item.to_owned()]);
        }
        if let Some(channel) = channel {
            out.header.per_channel = Channels::Only(vec![channel]);
        }
        Ok(out)
    }
}

/// Whether a map is the main parameter's own value (`gaussian_noise: {uniform: [0, 1]}`) rather than a map of parameters.
fn is_main(map: &Map<String, Value>, entry: &catalog::Entry, main: &str) -> bool {
    let own = entry.parameters();
    let foreign = |k: &String| !own.contains(&k.as_str()) && !Header::NAMES.contains(&k.as_str());
    let value = || Value::Object(Map::from_iter([(main.to_owned(), Value::Object(map.clone()))]));
    map.len() == 1 && map.keys().all(foreign) && entry.build(value()).is_ok()
}
