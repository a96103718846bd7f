//! Cases that cannot be read, functions that panic: policies, at every place.

use std::path::Path;

use medcore::{Facts, Key, Role, Step, Transform};
use medpipe::{Case, CaseItem, Error, Failure, LazyVolume, Loader, OnError, Settings};

use super::given::{Seen, ending_with, in_files, in_memory, label, loader, patches};

const CASES: usize = 7;

/// What is wrong with a case.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Missing,
    Truncated,
    Shape,
}

/// Cases of which one is wrong.
fn with_wrong(folder: &Path, at: usize, wrong: Wrong) -> Vec<Case> {
    let mut cases = in_files(folder, CASES);
    let CaseItem::Files { paths, .. } = &cases[at].items[0].1 else { unreachable!("a file") };
    let path = paths[0].clone();
    match wrong {
        Wrong::Missing => std::fs::remove_file(path).unwrap(),
        Wrong::Truncated => {
            let bytes = std::fs::read(&path).unwrap();
            // Of a plain file the end of the voxels, of a gzip stream its second half: the header is there.
            let gzip = path.extension().is_some_and(|e| e == "gz");
            std::fs::write(&path, &bytes[..if gzip { bytes.len() / 2 } else { 400 }]).unwrap();
        }
        Wrong::Shape => {
            let other = LazyVolume::from_volume_as(label(0, [3, 4, 5]), Role::Label).unwrap();
            cases[at].items[1].1 = CaseItem::Volume(other);
        }
    }
    cases
}

fn of(cases: Vec<Case>, on_error: OnError, workers: usize, mix: usize) -> Loader {
    let settings = Settings { batch_size: 3, on_error, workers: Some(workers), mix, ..Settings::default() };
    loader(cases, patches(2), settings)
}

/// Case and patch of each row of the batches that came.
fn rows(loader: &Loader) -> (Vec<Vec<(String, usize)>>, Vec<Failure>) {
    let mut batches = loader.batches(0, 0).unwrap();
    let seen = batches.by_ref().map(|b| Seen::of_rows(&b.unwrap())).collect();
    (seen, batches.errors().to_vec())
}

#[test]
fn a_bad_case_is_left_out_or_collected_wherever_it_is() {
    for at in 0..CASES {
        for wrong in [Wrong::Missing, Wrong::Truncated, Wrong::Shape] {
            let folder = tempfile::tempdir().unwrap();
            // The same order without the fault.
            let sound = rows(&of(in_files(folder.path(), CASES), OnError::Raise, 0, 0)).0;
            let cases = with_wrong(folder.path(), at, wrong);
            let bad = format!("case {at}");
            let expected: Vec<Vec<_>> = sound
                .into_iter()
                .map(|b| b.into_iter().filter(|(id, _)| *id != bad).collect())
                .filter(|b: &Vec<_>| !b.is_empty())
                .collect();
            for workers in [0, 2] {
                let (seen, errors) = rows(&of(cases.clone(), OnError::Skip, workers, 0));
                assert_eq!((seen, errors.len()), (expected.clone(), 0), "{wrong:?} at {at}");
                let (seen, errors) = rows(&of(cases.clone(), OnError::Collect, workers, 0));
                assert_eq!(seen, expected, "{wrong:?} at {at}");
                assert_eq!(errors.iter().map(|f| f.patch).collect::<Vec<_>>(), [0, 1]);
                for failure in &errors {
                    assert_eq!(failure.id, bad);
                    assert!(
                        failure.paths[0]
                            .ends_with(format!("image{at}.nii{}", if at % 2 == 0 { ".gz" } else { "" }))
                    );
                    assert!(failure.error.to_string().contains(&bad), "{}", failure.error);
                }
            }
        }
    }
}

#[test]
fn a_raised_error_takes_the_place_of_its_batch_and_the_next_ones_follow() {
    let folder = tempfile::tempdir().unwrap();
    let sound: Vec<_> = of(in_files(folder.path(), CASES), OnError::Raise, 0, 3)
        .batches(0, 0)
        .unwrap()
        .map(|b| Seen::of(&b.unwrap()))
        .collect();
    let cases = with_wrong(folder.path(), 3, Wrong::Missing);
    for workers in [0, 1, 2] {
        let loader = of(cases.clone(), OnError::Raise, workers, 3);
        let mut raised = 0;
        let all: Vec<_> = loader.batches(0, 0).unwrap().collect();
        assert_eq!(all.len(), sound.len());
        for (found, expected) in all.iter().zip(&sound) {
            match found {
                Ok(batch) => assert!(Seen::of(batch) == *expected),
                Err(e) => {
                    raised += 1;
                    assert!(matches!(e, Error::Patch { id, .. } if id == "case 3"), "{e}");
                    assert!(e.to_string().contains("image3.nii"), "{e}");
                }
            }
        }
        assert!((1..=2).contains(&raised));
    }
}

#[test]
fn a_file_that_changed_between_epochs_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let loader = of(in_files(folder.path(), 1), OnError::Raise, 1, 0);
    assert!(loader.batches(0, 0).unwrap().all(|b| b.is_ok()));
    let path = folder.path().join("image0.nii.gz");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, [bytes, vec![0]].concat()).unwrap();
    let text = loader.batches(1, 0).unwrap().next().unwrap().unwrap_err().to_string();
    assert!(text.contains("image0.nii.gz"), "{text}");
}

#[derive(Clone, Debug)]
struct Panics;

impl Transform for Panics {
    fn plan(&self, _: &Facts<'_>, _: Key) -> medcore::Result<Vec<Step>> {
        Ok(vec![Step::point("panics", |voxels| {
            assert!(voxels[0] < 0.0, "voxels that nobody expected");
        })])
    }
}

#[test]
fn a_panic_is_the_error_of_its_patch() {
    for workers in [0, 1, 3] {
        let settings = Settings { workers: Some(workers), ..Settings::default() };
        let loader = loader(in_memory(5), ending_with("z_normalize", Panics), settings);
        let all: Vec<_> = loader.batches(0, 0).unwrap().collect();
        assert_eq!(all.len(), 5);
        for found in all {
            let text = found.unwrap_err().to_string();
            assert!(text.contains("voxels that nobody expected") && text.contains("case "), "{text}");
        }
    }
}
