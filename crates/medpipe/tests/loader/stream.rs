//! Laws of the order.

use std::collections::{BTreeSet, HashSet};

use medpipe::{LazyItem, Settings};
use proptest::prelude::*;

use super::given::{Seen, epoch, in_files, in_memory, loader, patches, pipeline};

fn settings() -> Settings {
    Settings { batch_size: 4, ..Settings::default() }
}

#[test]
fn the_stream_is_the_same_for_any_threads_prefetch_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    let cases = in_files(folder.path(), 9);
    for (count, mix) in [(1, 0), (3, 0), (3, 4)] {
        let of = |workers, prefetch, memory| {
            let settings = Settings { workers: Some(workers), prefetch, memory, mix, ..settings() };
            let loader = loader(cases.clone(), patches(count), settings);
            [0, 1].map(|e| epoch(&loader, e, 0))
        };
        let expected = of(0, None, None);
        assert_eq!(expected[0].len(), (9 * count).div_ceil(4));
        for workers in [1, 2, 7] {
            for (prefetch, memory) in [(None, None), (Some(0), None), (Some(9), None), (None, Some(1))] {
                assert!(
                    of(workers, prefetch, memory) == expected,
                    "{workers} workers, prefetch {prefetch:?}, memory {memory:?}, {count} patches, mix {mix}"
                );
            }
        }
    }
}

#[test]
fn an_iteration_begun_anywhere_is_the_tail_of_the_epoch() {
    for (count, mix, drop_last) in [(1, 0, false), (3, 0, true), (5, 4, false), (5, 3, true)] {
        let settings = Settings { mix, drop_last, workers: Some(2), ..settings() };
        let loader = loader(in_memory(7), patches(count), settings);
        let whole = epoch(&loader, 3, 0);
        assert_eq!(whole.len(), loader.len(3).unwrap());
        for from in 0..=whole.len() {
            assert!(epoch(&loader, 3, from) == whole[from..], "from {from}, {count} patches, mix {mix}");
        }
    }
}

#[test]
fn stopping_and_going_on_changes_nothing() {
    let loader = loader(in_memory(8), patches(2), settings());
    let whole = epoch(&loader, 0, 0);
    let mut batches = loader.batches(0, 0).unwrap();
    let mut seen = vec![];
    while let Some(batch) = batches.next() {
        seen.push(Seen::of(&batch.unwrap()));
        assert_eq!(batches.position(), seen.len());
        batches.stop();
    }
    assert!(seen == whole);
}

#[test]
fn patches_are_those_of_the_pipeline() {
    let (cases, pipeline) = (in_memory(4), patches(3));
    let loader = loader(cases.clone(), pipeline.clone(), settings());
    for batch in loader.batches(2, 0).unwrap() {
        let batch = batch.unwrap();
        for (row, meta) in batch.meta.iter().enumerate() {
            let case = cases.iter().find(|c| c.id == meta.id).unwrap();
            let made = pipeline.apply(&case.open().unwrap(), &case.id, 2).unwrap();
            for (name, item) in &made[meta.patch].items {
                let LazyItem::Volume(v) = item else { continue };
                let mine = batch.items.iter().find(|i| i.name == *name).unwrap();
                let expected = v
                    .compute_as(Some(mine.dtype), medpipe::Layout::ZFastest)
                    .unwrap()
                    .storage()
                    .bytes()
                    .to_vec();
                let n = expected.len();
                assert_eq!(mine.data.as_bytes()[row * n..(row + 1) * n], expected, "{name} of {meta:?}");
            }
        }
    }
}

#[test]
fn every_patch_comes_once_whatever_the_processes() {
    for (count, mix, batch_size) in [(1, 0, 4), (3, 0, 2), (2, 3, 5)] {
        for world in 1..=5 {
            let mut seen = BTreeSet::new();
            let mut patches_seen = 0;
            for rank in 0..world {
                let settings = Settings { batch_size, mix, rank, world, ..Settings::default() };
                let loader = loader(in_memory(11), patches(count), settings);
                for batch in loader.batches(5, 0).unwrap() {
                    let rows = Seen::of_rows(&batch.unwrap());
                    patches_seen += rows.len();
                    seen.extend(rows);
                }
            }
            assert_eq!((seen.len(), patches_seen), (11 * count, 11 * count), "{world} processes, mix {mix}");
        }
    }
}

#[test]
fn seeds_and_epochs_have_orders_of_their_own() {
    let orders = |seed, epochs: u64| {
        let settings = Settings { seed: Some(seed), batch_size: 20, ..Settings::default() };
        let loader = loader(in_memory(20), patches(1), settings);
        let of = |e| Seen::of_rows(&loader.batches(e, 0).unwrap().next().unwrap().unwrap());
        (0..epochs).map(of).collect::<Vec<_>>()
    };
    let distinct: HashSet<_> = (0..4).flat_map(|seed| orders(seed, 3)).collect();
    assert_eq!(distinct.len(), 12);
    assert_eq!(orders(2, 3), orders(2, 3));
}

#[test]
fn a_seed_of_the_loader_names_the_draws_of_a_pipeline_without_one() {
    let unseeded = || {
        let text = "{medoxide: 1, transforms: [{random_crop: {shape: 4}}]}";
        medpipe::Pipeline::from_yaml(text).unwrap()
    };
    let of = |seed| {
        let settings = Settings { seed: Some(seed), shuffle: false, ..settings() };
        epoch(&loader(in_memory(5), unseeded(), settings), 0, 0)
    };
    assert!(of(1) == of(1));
    assert!(of(1) != of(2));
}

#[test]
fn without_shuffling_cases_come_as_they_are_listed() {
    let settings = Settings { shuffle: false, ..settings() };
    let loader = loader(in_memory(6), patches(2), settings);
    let rows = loader.batches(1, 0).unwrap().flat_map(|b| Seen::of_rows(&b.unwrap()));
    let expected = (0..6).flat_map(|n| (0..2).map(move |p| (format!("case {n}"), p)));
    assert!(rows.eq(expected));
}

#[test]
fn a_plan_from_headers_tells_how_many_patches_there_are() {
    // A crop that happens or not: not known before a case is seen.
    let some = pipeline("{random_crop: {shape: 8, count: 3, p: 0.5}}, {crop_or_pad: 4}");
    assert_eq!(some.patches(), None);
    let loader = loader(in_memory(9), some.clone(), Settings { batch_size: 1, ..Settings::default() });
    let expected: usize =
        in_memory(9).iter().map(|c| some.apply(&c.open().unwrap(), &c.id, 0).unwrap().len()).sum();
    assert!((10..27).contains(&expected), "some are cut and some are not");
    assert_eq!(loader.len(0).unwrap(), expected);
    assert_eq!(epoch(&loader, 0, 0).len(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn mixing_stays_within_its_groups(cases in 1usize..12, count in 1usize..5, mix in 2usize..6, batch_size in 1usize..7) {
        let of = |mix| {
            let settings = Settings { batch_size, mix, workers: Some(0), ..Settings::default() };
            let loader = loader(in_memory(cases), patches(count), settings);
            loader.batches(0, 0).unwrap().flat_map(|b| Seen::of_rows(&b.unwrap())).collect::<Vec<_>>()
        };
        let (mixed, plain) = (of(mix), of(0));
        prop_assert_eq!(mixed.len(), plain.len());
        for (a, b) in mixed.chunks(mix * count).zip(plain.chunks(mix * count)) {
            let (mut a, mut b) = (a.to_vec(), b.to_vec());
            if a.len() >= 12 {
                prop_assert!(a != b, "a group that is not mixed");
            }
            a.sort();
            b.sort();
            prop_assert_eq!(a, b);
        }
    }
}
