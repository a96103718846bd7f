//! Files as the channels of one volume: the values of the same volumes in memory, and of each file only what is needed.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod given;

use std::path::{Path, PathBuf};

use medcore::{Affine, DType, Grid, Role, Scale, Volume};
use medio::{Gzip, SaveOptions};
use medpipe::{Cache, Case, CaseItem, Layout, LazyVolume, Node, Pipeline, Source};
use proptest::prelude::*;
use serde_json::json;

/// How a channel is stored.
#[derive(Clone, Debug)]
struct Stored {
    dtype: DType,
    scaled: bool,
    gzip: Option<Gzip>,
}

fn stored() -> impl Strategy<Value = Stored> {
    let dtypes = vec![DType::I16, DType::I16, DType::F32, DType::U8, DType::F64];
    let gzips = vec![None, Some(Gzip::Single), Some(Gzip::Blocks(1 << 10))];
    (prop::sample::select(dtypes), prop::bool::weighted(0.3), prop::sample::select(gzips))
        .prop_map(|(dtype, scaled, gzip)| Stored { dtype, scaled, gzip })
}

fn save(dir: &Path, n: usize, volume: &Volume, how: &Stored) -> PathBuf {
    let scale = Scale { slope: 0.25, intercept: -3.0 };
    let volume = volume.clone().with_scale(how.scaled.then_some(scale));
    let path = dir.join(format!("{n}.nii{}", if how.gzip.is_some() { ".gz" } else { "" }));
    let options = SaveOptions { gzip: how.gzip.unwrap_or(Gzip::Single), ..SaveOptions::default() };
    medio::save(&path, &volume, &options).unwrap();
    path
}

fn open(paths: &[PathBuf]) -> Vec<LazyVolume> {
    paths.iter().map(|p| LazyVolume::open(p).unwrap()).collect()
}

/// The same volumes, in memory.
fn in_memory(paths: &[PathBuf]) -> Vec<LazyVolume> {
    paths.iter().map(|p| LazyVolume::from_volume(medio::open(p).unwrap().load().unwrap())).collect()
}

fn bytes(v: &LazyVolume, layout: Layout) -> (DType, Grid, Vec<usize>, Vec<u8>) {
    let v = v.compute_as(None, layout).unwrap();
    let n = v.grid().len() * v.stored_dtype().bytes();
    let mut out = vec![0; n * v.channels()];
    for (c, out) in out.chunks_mut(n.max(1)).enumerate() {
        v.copy_channel(c, out).unwrap();
    }
    (v.stored_dtype(), *v.grid(), v.extra().to_vec(), out)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn files_stacked_are_the_volumes_stacked(
        image in given::image(),
        how in prop::collection::vec(stored(), 1..4),
        steps in given::chain(2),
        cached in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let channel = |n: usize, s: &Stored| given::stored(*image.grid(), n as u64, s.dtype);
        let paths: Vec<PathBuf> =
            how.iter().enumerate().map(|(n, s)| save(dir.path(), n, &channel(n, s), s)).collect();
        let mut files = open(&paths);
        if cached {
            // Any of them may be an entry of a cache.
            files[0] = files[0].cached(&Cache::on_disk(dir.path().join("cache"), 1 << 30).unwrap()).unwrap();
        }
        let lazy = LazyVolume::stack(&files).unwrap();
        prop_assert!(matches!(lazy.source(), Source::Stack(_)) && !lazy.is_computed());
        let eager = LazyVolume::stack(&in_memory(&paths)).unwrap();
        prop_assert!(matches!(eager.source(), Source::Memory(_)));
        prop_assert_eq!(lazy.facts().unwrap(), eager.facts().unwrap());
        for layout in [Layout::XFastest, Layout::ZFastest] {
            prop_assert_eq!(bytes(&lazy, layout), bytes(&eager, layout));
        }
        let wide = |v: &LazyVolume| v.compute_as(Some(DType::F64), Layout::XFastest).unwrap();
        let (a, b) = (wide(&lazy), wide(&eager));
        prop_assert!(a.storage().bytes() == b.storage().bytes());
        let pipeline = Pipeline::new(steps).with_seed(5);
        let made = |v: &LazyVolume| pipeline.apply_to_each(v, "case", 0).map_err(|e| e.to_string());
        match (made(&lazy), made(&eager)) {
            (Ok(a), Ok(b)) => for (a, b) in a.iter().zip(&b) {
                for layout in [Layout::XFastest, Layout::ZFastest] {
                    prop_assert_eq!(bytes(a, layout), bytes(b, layout));
                }
            },
            (a, b) => prop_assert_eq!(a.err(), b.err()),
        }
    }
}

/// Four files of noise, 64 x 60 x 56, int16.
fn four(dir: &Path, gzip: Option<Gzip>) -> Vec<PathBuf> {
    let grid = Grid::new([64, 60, 56], Affine::from_spacing([1.0, 1.2, 0.9]));
    let how = Stored { dtype: DType::I16, scaled: false, gzip };
    (0..4).map(|n| save(dir, n, &given::stored(grid, n as u64, DType::I16), &how)).collect()
}

fn case(paths: &[PathBuf]) -> Case {
    Case::new("one").with("image", CaseItem::Files { paths: paths.to_vec(), role: Role::Image })
}

#[test]
fn a_patch_of_a_case_reads_only_that_region_of_each_file() {
    for gzip in [None, Some(Gzip::Blocks(4 << 10))] {
        let dir = tempfile::tempdir().unwrap();
        let paths = four(dir.path(), gzip);
        let sample = case(&paths).open().unwrap();
        let image = sample.volume("image").unwrap().clone();
        let opened: Vec<u64> = image.files().iter().map(|f| f.bytes_read()).collect();
        assert!(opened.iter().all(|&n| n < 70_000), "{opened:?}");
        let steps = [
            Node::new("clamp", json!({"min": 5})).unwrap(),
            Node::new("affine", json!({"rotate": [0, 0, 12]})).unwrap(),
            Node::new("crop", json!({"start": [28, 26, 20], "shape": [9, 8, 7]})).unwrap(),
        ];
        let patch = |v: &LazyVolume| steps.iter().fold(v.clone(), |v, s| v.then(s.clone(), Some(1)).unwrap());
        let (found, memory) = (patch(&image), patch(&LazyVolume::stack(&in_memory(&paths)).unwrap()));
        assert_eq!(bytes(&found, Layout::ZFastest), bytes(&memory, Layout::ZFastest));
        assert_eq!(image.files().len(), 4);
        for (file, before) in image.files().into_iter().zip(opened) {
            let share = (file.bytes_read() - before) as f64 / (64.0 * 60.0 * 56.0 * 2.0);
            assert!(share > 0.0 && share < 0.3, "{}: {share}", file.path().display());
            // Two to a slice.
            assert!(file.members_inflated() <= 56 * 2 / 4, "{} members", file.members_inflated());
        }
        // One channel is one file.
        let untouched: Vec<u64> = image.files().iter().map(|f| f.bytes_read()).collect();
        let second = image.frames(&[medpipe::Pick::One(1)]).unwrap();
        assert_eq!(bytes(&second, Layout::XFastest), bytes(&in_memory(&paths)[1], Layout::XFastest));
        for (n, file) in image.files().into_iter().enumerate() {
            assert_eq!(file.bytes_read() > untouched[n], n == 1);
        }
    }
}

#[test]
fn a_stack_says_what_it_reads_and_can_be_made_again_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let paths = four(dir.path(), Some(Gzip::Single));
    let stack = LazyVolume::stack(&open(&paths)).unwrap();
    assert_eq!(stack.id(), paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join("\n"));
    let crop = Node::new("crop", json!({"start": [8, 6, 50], "shape": [9, 8, 4]})).unwrap();
    let patch = stack.then(crop.clone(), None).unwrap();
    let text = patch.explain().unwrap();
    assert!(text.contains("0.nii.gz") && text.contains("3.nii.gz"), "{text}");
    assert!(text.contains(&format!("{} bytes (0 %)", 9 * 8 * 4 * 4 * 2)), "{text}");
    let inflated: u64 = text.split(" inflated").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(inflated > 4 * 50 * 64 * 60 * 2 && inflated < 4 * 56 * 64 * 60 * 2, "{text}");

    let recipe = patch.recipe().unwrap();
    let again = LazyVolume::replay(&recipe).unwrap();
    assert_eq!(again.recipe(), Some(recipe));
    assert_eq!(bytes(&again, Layout::XFastest), bytes(&patch, Layout::XFastest));
    let label = stack.as_role(Role::Label).unwrap();
    assert_eq!(LazyVolume::replay(&label.recipe().unwrap()).unwrap().role(), Role::Label);
    // What was computed before it was stacked has no files alone.
    let clamped =
        LazyVolume::open(&paths[0]).unwrap().then(Node::new("clamp", json!({"min": 0})).unwrap(), None);
    let mixed = LazyVolume::stack(&[clamped.unwrap(), LazyVolume::open(&paths[1]).unwrap()]).unwrap();
    assert!(mixed.recipe().is_none());

    let cache = Cache::on_disk(dir.path().join("cache"), 1 << 30).unwrap();
    for visit in 0..2 {
        let stack = LazyVolume::stack(&open(&paths)).unwrap();
        let kept = stack.cached(&cache).unwrap().then(crop.clone(), None).unwrap();
        assert_eq!(bytes(&kept, Layout::XFastest), bytes(&patch, Layout::XFastest));
        assert_eq!((cache.stats().misses, cache.stats().hits), (1, visit));
    }
    // Another order is another volume.
    let turned: Vec<PathBuf> = paths.iter().rev().cloned().collect();
    LazyVolume::stack(&open(&turned)).unwrap().cached(&cache).unwrap().compute().unwrap();
    assert_eq!(cache.stats().misses, 2);
    assert!(mixed.cached(&cache).unwrap_err().to_string().contains("a stack of computed volumes"));
}

#[test]
fn a_case_says_which_of_its_items_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = four(dir.path(), None);
    let other = Grid::new([64, 60, 56], Affine::from_spacing([1.0, 1.2, 1.1]));
    let how = Stored { dtype: DType::I16, scaled: false, gzip: None };
    paths[3] = save(dir.path(), 9, &given::stored(other, 0, DType::I16), &how);
    let text = case(&paths).open().unwrap_err().to_string();
    assert!(text.contains("case \"one\", item \"image\"") && text.contains("9.nii"), "{text}");
    assert!(text.contains("0.9000 mm") && text.contains("1.1000 mm"), "{text}");
    let text = case(&[dir.path().join("none.nii")]).open().unwrap_err().to_string();
    assert!(text.contains("case \"one\", item \"image\"") && text.contains("none.nii"), "{text}");
    let points = CaseItem::Files { paths: paths[..1].to_vec(), role: Role::Points };
    let text = Case::new("one").with("marks", points).open().unwrap_err().to_string();
    assert!(text.contains("\"marks\"") && text.contains("three numbers"), "{text}");
    // Complex numbers are stacked with their like only.
    let complex = Volume::packed(
        std::sync::Arc::new(vec![0u8; 64 * 60 * 56 * 8]),
        DType::C64,
        *medio::open(&paths[0]).unwrap().grid(),
        vec![],
        std::sync::Arc::default(),
    );
    let complex = LazyVolume::from_volume(complex.unwrap());
    let text = LazyVolume::stack(&[LazyVolume::open(&paths[0]).unwrap(), complex]).unwrap_err().to_string();
    assert!(text.contains("several dtypes"), "{text}");
}
