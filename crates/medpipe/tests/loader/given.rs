//! Cases, and what their batches hold.

use std::path::Path;
use std::sync::Arc;

use medcore::{
    Affine, Category, DType, Facts, Grid, Host, HostRun, Key, Points, Role, Step, Transform, Volume,
};
use medio::{Gzip, SaveOptions};
use medpipe::{Batch, Case, CaseItem, LazyVolume, Loader, Node, Pipeline, Settings};

/// Shape of every volume.
pub(crate) const SHAPE: [usize; 3] = [24, 20, 18];

/// A volume of which every voxel is another.
pub(crate) fn image(number: usize, shape: [usize; 3]) -> Volume {
    let voxels = shape.iter().product::<usize>();
    let bytes = (0..voxels).flat_map(|i| ((i * 7 + number * 1013) as i16).to_ne_bytes()).collect::<Vec<u8>>();
    let grid = Grid::new(shape, Affine::from_spacing([1.0, 2.0, 0.5]));
    Volume::packed(Arc::new(bytes), DType::I16, grid, vec![], Arc::default()).unwrap()
}

/// A label of few values.
pub(crate) fn label(number: usize, shape: [usize; 3]) -> Volume {
    let voxels = shape.iter().product::<usize>();
    let bytes: Vec<u8> = (0..voxels).map(|i| ((i / 5 + number) % 4) as u8).collect();
    let grid = Grid::new(shape, Affine::from_spacing([1.0, 2.0, 0.5]));
    Volume::packed(Arc::new(bytes), DType::U8, grid, vec![], Arc::default()).unwrap()
}

/// Cases in memory: image, label and one landmark.
pub(crate) fn in_memory(cases: usize) -> Vec<Case> {
    let volume = |v, role| CaseItem::Volume(LazyVolume::from_volume_as(v, role).unwrap());
    (0..cases)
        .map(|n| {
            let mut case = Case::new(format!("case {n}"))
                .with("image", volume(image(n, SHAPE), Role::Image))
                .with("label", volume(label(n, SHAPE), Role::Label))
                .with("points", CaseItem::Points(Points { world: vec![[n as f64, 1.0, 2.0]; n % 3] }));
            case.passed.insert("number".into(), n.into());
            case
        })
        .collect()
}

/// Cases of files, gzipped and plain in turn.
pub(crate) fn in_files(folder: &Path, cases: usize) -> Vec<Case> {
    (0..cases)
        .map(|n| {
            let ending = if n % 2 == 0 { "nii.gz" } else { "nii" };
            let file = |what: &str, v: &Volume, role| {
                let path = folder.join(format!("{what}{n}.{ending}"));
                let options = SaveOptions { gzip: Gzip::Single, ..SaveOptions::default() };
                medio::save(&path, v, &options).unwrap();
                CaseItem::Files { paths: vec![path], role }
            };
            Case::new(format!("case {n}"))
                .with("image", file("image", &image(n, SHAPE), Role::Image))
                .with("label", file("label", &label(n, SHAPE), Role::Label))
        })
        .collect()
}

pub(crate) fn pipeline(transforms: &str) -> Pipeline {
    Pipeline::from_yaml(&format!("{{medoxide: 1, seed: 11, transforms: [{transforms}]}}")).unwrap()
}

/// Patches with flips and noise.
pub(crate) fn patches(count: usize) -> Pipeline {
    pipeline(&format!(
        "{{random_crop: {{shape: [8, 6, 10], count: {count}}}}}, {{flip: {{axes: 0, p: 0.5}}}}, {{gaussian_noise: {{std: 3}}}}"
    ))
}

/// A pipeline that cuts a patch and then does what a transform of our own does, in place of one of the library's.
pub(crate) fn ending_with(place: &str, transform: impl Transform + 'static) -> Pipeline {
    let category = if place == "flip" { Category::Spatial } else { Category::Intensity };
    let own = Node::own(place, category, Arc::new(transform), false, place);
    Pipeline::new(vec![patches(1).nodes()[0].clone(), own]).with_seed(4)
}

/// Calls a function, and leaves the sample as it is.
#[derive(Clone)]
pub(crate) struct Calls(pub(crate) Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a function")
    }
}

impl Transform for Calls {
    fn plan(&self, _: &Facts<'_>, _: Key) -> medcore::Result<Vec<Step>> {
        let f = Arc::clone(&self.0);
        let run = Arc::new(move |sample| {
            f();
            Ok(sample)
        });
        Ok(vec![Step::Host(Host { label: "a function".into(), run: HostRun::Sample(run) })])
    }
}

/// All that can be seen of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) number: usize,
    pub(crate) items: Vec<(String, DType, [usize; 5], Vec<u8>)>,
    pub(crate) points: Vec<(String, Vec<Points>)>,
    pub(crate) meta: Vec<String>,
}

impl Seen {
    pub(crate) fn of(batch: &Batch) -> Seen {
        let items = batch.items.iter().map(|i| {
            let bytes = i.shape.iter().product::<usize>() * i.dtype.bytes();
            (i.name.clone(), i.dtype, i.shape, i.data.as_bytes()[..bytes].to_vec())
        });
        Seen {
            number: batch.number,
            items: items.collect(),
            points: batch.points.iter().map(|p| (p.name.clone(), p.rows.clone())).collect(),
            meta: batch.meta.iter().map(|m| format!("{m:?}")).collect(),
        }
    }

    /// Case and patch of each row.
    pub(crate) fn of_rows(batch: &Batch) -> Vec<(String, usize)> {
        batch.meta.iter().map(|m| (m.id.clone(), m.patch)).collect()
    }
}

/// An epoch from a batch on, as far as there are no errors.
pub(crate) fn epoch(loader: &Loader, epoch: u64, from: usize) -> Vec<Seen> {
    loader.batches(epoch, from).unwrap().map(|b| Seen::of(&b.unwrap())).collect()
}

pub(crate) fn loader(cases: Vec<Case>, pipeline: Pipeline, settings: Settings) -> Loader {
    Loader::new(cases, pipeline, settings).unwrap()
}
