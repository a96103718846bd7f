//! Datalists: the formats that there are, and what is wrong with one is told with its place.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use medcore::{Affine, Grid, Role, Volume};
use medpipe::{CaseItem, Datalist, ListOptions, Missing, split_indices};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Empty files of these names.
fn touch(root: &Path, names: &[&str]) {
    for name in names {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
}

fn options() -> ListOptions {
    ListOptions::default()
}

fn keep() -> ListOptions {
    ListOptions { missing: Missing::Keep, ..options() }
}

fn ids(list: &Datalist) -> Vec<&str> {
    list.cases.iter().map(|c| c.id.as_str()).collect()
}

/// Items as key, role and paths below the root; what is passed.
fn shown(list: &Datalist, root: &Path) -> Vec<Value> {
    let item = |(key, item): &(String, CaseItem)| match item {
        CaseItem::Files { paths, role } => {
            let paths: Vec<_> = paths.iter().map(|p| p.strip_prefix(root).unwrap_or(p)).collect();
            (key.clone(), json!([role.to_string(), paths]))
        }
        CaseItem::Points(p) => (key.clone(), json!(p.world)),
        other => panic!("{other:?}"),
    };
    let case = |c: &medpipe::Case| {
        let items: serde_json::Map<String, Value> = c.items.iter().map(item).collect();
        json!({"id": c.id, "items": items, "passed": c.passed})
    };
    list.cases.iter().map(case).collect()
}

fn told<T: std::fmt::Debug>(result: medpipe::Result<T>, words: &[&str]) {
    let text = result.unwrap_err().to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} in {text}");
    }
}

#[test]
fn tables_json_and_yaml_say_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    touch(root, &["img/a.nii.gz", "img/b.nii.gz", "seg/a.nii.gz"]);
    fs::write(
        root.join("list.csv"),
        "\u{feff}image, label, age,site,code\nimg/a.nii.gz, seg/a.nii.gz, 61.5,\"Basel, CH\", 007\n./img/b.nii.gz,,47,Bern,\n",
    )
    .unwrap();
    let entries = json!([
        {"image": "img/a.nii.gz", "label": "seg/a.nii.gz", "age": 61.5, "site": "Basel, CH", "code": "007"},
        {"image": "./img/b.nii.gz", "label": null, "age": 47, "site": "Bern"},
    ]);
    fs::write(root.join("list.json"), entries.to_string()).unwrap();
    let yaml = "- {image: img/a.nii.gz, label: seg/a.nii.gz, age: 61.5, site: 'Basel, CH', code: '007'}\n\
                - image: ./img/b.nii.gz\n  age: 47\n  site: Bern\n";
    fs::write(root.join("list.yaml"), yaml).unwrap();
    let wanted = vec![
        json!({
            "id": "img/a.nii.gz",
            "items": {"image": ["image", ["img/a.nii.gz"]], "label": ["label", ["seg/a.nii.gz"]]},
            "passed": {"age": 61.5, "site": "Basel, CH", "code": "007"},
        }),
        json!({
            "id": "img/b.nii.gz",
            "items": {"image": ["image", ["img/b.nii.gz"]]},
            "passed": {"age": 47, "site": "Bern"},
        }),
    ];
    for name in ["list.csv", "list.json", "list.yaml"] {
        let list = Datalist::from_file(root.join(name), &options()).unwrap();
        assert_eq!(shown(&list, root), wanted, "{name}");
    }
    // Channels by columns of one name.
    fs::write(root.join("two.tsv"), "id\timage\timage\n1\timg/a.nii.gz\timg/b.nii.gz\n2\t\t\n").unwrap();
    let list = Datalist::from_file(root.join("two.tsv"), &options()).unwrap();
    assert_eq!(ids(&list), ["1", "2"]);
    assert_eq!((list.cases[0].paths().count(), list.cases[1].paths().count()), (2, 0));
    fs::write(root.join("two.tsv"), "id\timage\timage\n1\timg/a.nii.gz\t\n").unwrap();
    told(
        Datalist::from_file(root.join("two.tsv"), &options()),
        &["two.tsv", "entry 1", "\"image\"", "1 empty of 2"],
    );
    fs::write(root.join("bad.csv"), "image,age\na.nii,1,2\n").unwrap();
    told(Datalist::from_file(root.join("bad.csv"), &options()), &["bad.csv", "3 fields"]);
    told(Datalist::from_file(root.join("none.csv"), &options()), &["none.csv", "No such file"]);
    told(Datalist::from_file(root.join("a.txt"), &options()), &[".txt file", ".csv"]);
}

#[test]
fn ids_are_the_same_on_every_machine() {
    let of = |entries: Value, root: &str| {
        let root = Some(PathBuf::from(root)).filter(|r| !r.as_os_str().is_empty());
        Datalist::from_entries(&entries, &ListOptions { root, ..keep() })
    };
    let relative = json!([{"image": "a/x.nii"}, {"image": ["b/x.nii", "b/y.nii"]}]);
    let absolute =
        json!([{"image": "/mnt/1/ds/a/x.nii"}, {"image": ["/mnt/1/ds/b/x.nii", "/mnt/1/ds/b/y.nii"]}]);
    for (entries, root) in [
        (&relative, "/data/ds"),
        (&relative, "elsewhere"),
        (&relative, ""),
        (&absolute, "/mnt/1/ds"),
        // Beside the list: from the folder that all have in common.
        (&absolute, "/lists"),
        (&absolute, ""),
    ] {
        assert_eq!(ids(&of(entries.clone(), root).unwrap()), ["a/x.nii", "b/x.nii"], "{root:?}");
    }
    let named = json!([
        {"image": "a.nii", "id": 7, "subject": "s"},
        {"image": "b.nii", "case": "c", "subject": "s"},
        {"image": "c.nii", "subject": "s", "session": 2},
        {"image": "d.nii", "subject": "s"},
    ]);
    let list = of(named, "").unwrap();
    assert_eq!(ids(&list), ["7", "c", "s/2", "s"]);
    assert_eq!(list.cases[0].passed, json!({"subject": "s"}).as_object().unwrap().clone());
    told(of(json!([{"image": "a.nii"}, {"image": "./a.nii"}]), "r"), &["entry 2, \"id\"", "entry 1 too"]);
    told(of(json!([{"age": 3}]), ""), &["entry 1", "neither a name nor a file"]);
}

#[test]
fn what_is_what_is_told_by_roles_and_never_guessed() {
    let of = |entry: Value, roles: &[(&str, Option<Role>)]| {
        let roles = roles.iter().map(|(k, r)| ((*k).to_owned(), *r)).collect();
        Datalist::from_entries(&json!([entry]), &ListOptions { roles, ..keep() })
    };
    let entry = json!({"image": "a.nii", "label": 1, "weights": [0.5, 0.5], "marks": [[1, 2, 3], [4.5, 5, 6]],
        "note": "text", "mask": "", "nested": {"a": 1}, "scores": [1, 2]});
    let list = of(entry.clone(), &[("marks", Some(Role::Points))]).unwrap();
    let case = &list.cases[0];
    assert_eq!(
        case.items.iter().map(|(k, i)| (k.as_str(), i.role())).collect::<Vec<_>>(),
        [("image", Role::Image), ("marks", Role::Points)]
    );
    assert_eq!(case.passed.keys().collect::<Vec<_>>(), ["label", "weights", "note", "nested", "scores"]);
    let list = of(json!({"image": "a.nii", "pred": "b.nii"}), &[("pred", Some(Role::Map))]).unwrap();
    assert_eq!(list.cases[0].items[1].1.role(), Role::Map);
    assert!(
        of(json!({"image": "a.nii", "pred": "b.nii"}), &[("pred", None)]).unwrap().cases[0]
            .passed
            .contains_key("pred")
    );
    told(
        of(json!({"image": "a.nii", "pred": "b.nii.gz"}), &[]),
        &["entry 1, \"pred\"", "b.nii.gz", "not known"],
    );
    told(of(json!({"image": ["a.nii", 3]}), &[]), &["entry 1, \"image\"", "paths only"]);
    told(of(json!({"image": "a.nii", "points": "p.json"}), &[]), &["\"points\"", "three numbers"]);
    told(of(json!({"points": [[1, 2]], "id": "a"}), &[]), &["\"points\"", "three numbers"]);
    told(Datalist::from_entries(&json!({"image": "a"}), &keep()), &["list of maps"]);
    told(Datalist::from_entries(&json!(["a.nii"]), &keep()), &["entry 1", "map of names"]);
}

#[test]
fn monai_and_decathlon_lists_by_section() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    touch(root, &["imagesTr/la_003.nii.gz", "labelsTr/la_003.nii.gz", "imagesTs/la_001.nii.gz"]);
    let list = json!({
        "name": "LeftAtrium", "tensorImageSize": "3D", "modality": {"0": "MRI"}, "labels": {"0": "background"},
        "training": [{"image": "./imagesTr/la_003.nii.gz", "label": "./labelsTr/la_003.nii.gz", "fold": 0}],
        "test": ["./imagesTs/la_001.nii.gz"],
    });
    fs::write(root.join("dataset.json"), list.to_string()).unwrap();
    let training = Datalist::from_file(root, &options()).unwrap();
    assert_eq!(ids(&training), ["imagesTr/la_003.nii.gz"]);
    assert_eq!(training.cases[0].passed["fold"], 0);
    let of = |section: &str| {
        Datalist::from_file(
            root.join("dataset.json"),
            &ListOptions { section: Some(section.into()), ..options() },
        )
    };
    assert_eq!(ids(&of("test").unwrap()), ["imagesTs/la_001.nii.gz"]);
    told(of("validation"), &["dataset.json", "no list \"validation\"", "\"training\", \"test\""]);
    let wrong = json!({"training": [{"image": "./imagesTr/la_003.nii.gz"}, 7]});
    fs::write(root.join("wrong.json"), wrong.to_string()).unwrap();
    told(
        Datalist::from_file(root.join("wrong.json"), &options()),
        &["wrong.json: training, entry 2: found 7"],
    );
    fs::write(root.join("wrong.json"), "[{").unwrap();
    told(Datalist::from_file(root.join("wrong.json"), &options()), &["not JSON", "line 1"]);
}

#[test]
fn files_that_are_not_there_are_told_or_left_out() {
    let dir = tempfile::tempdir().unwrap();
    touch(dir.path(), &["3.nii"]);
    let entries: Vec<Value> = (0..10).map(|n| json!({"image": format!("{n}.nii")})).collect();
    let of = |missing| {
        let options = ListOptions { root: Some(dir.path().into()), missing, ..options() };
        Datalist::from_entries(&json!(entries), &options)
    };
    told(of(Missing::Error), &["case \"0.nii\", item \"image\"", "9 of 10 cases", "1.nii", "6.nii, ...)"]);
    assert_eq!(ids(&of(Missing::Skip).unwrap()), ["3.nii"]);
    assert_eq!(of(Missing::Keep).unwrap().cases.len(), 10);
}

#[test]
fn patterns() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    touch(
        root,
        &[
            "images/a_t1.nii.gz",
            "images/a_t2.nii.gz",
            "images/b_t1.nii.gz",
            "images/b_t2.nii.gz",
            "images/.c_t1.nii.gz",
            "labels/a.nii.gz",
            "labels/b.nii.gz",
            "atlas.nii.gz",
        ],
    );
    let pattern: &[(&str, &[&str])] = &[
        ("image", &["images/{id}_t1.nii.gz", "images/{id}_t2.nii.gz"]),
        ("label", &["labels/{id}.nii.gz"]),
        ("mask", &["atlas.nii.gz"]),
    ];
    let list = Datalist::from_patterns(root, pattern, &options()).unwrap();
    assert_eq!(
        shown(&list, root)[1],
        json!({
            "id": "b",
            "items": {"image": ["image", ["images/b_t1.nii.gz", "images/b_t2.nii.gz"]], "label": ["label", ["labels/b.nii.gz"]],
                "mask": ["label", ["atlas.nii.gz"]]},
            "passed": {},
        })
    );
    assert_eq!(ids(&list), ["a", "b"]);
    // A label is missing, then one is too many.
    fs::remove_file(root.join("labels/b.nii.gz")).unwrap();
    let of = |missing, required: Option<&[&str]>| {
        let required = required.map(|r| r.iter().map(|&k| k.to_owned()).collect());
        Datalist::from_patterns(root, pattern, &ListOptions { missing, required, ..options() })
    };
    told(of(Missing::Error, None), &["case \"b\", item \"label\"", "labels/b.nii.gz", "1 of 2 cases"]);
    assert_eq!(ids(&of(Missing::Skip, None).unwrap()), ["a"]);
    assert_eq!(ids(&of(Missing::Error, Some(&["image"])).unwrap()), ["a", "b"]);
    assert!(of(Missing::Error, Some(&["image"])).unwrap().cases[1].get("label").is_none());
    told(of(Missing::Error, Some(&["imgae"])), &["required", "imgae", "image, image, label, mask"]);
    let of = |text: &str| Datalist::from_patterns(root, &[("image", &[text])], &options());
    told(of("images/{id}*.nii.gz"), &["both", "a_t1.nii.gz"]);
    told(of("images/{id_t1.nii.gz"), &["placeholder without name or end"]);
    told(of("images/[{id}_t1.nii.gz"), &["brackets"]);
    told(of("images/a_t1.nii.gz"), &["without a placeholder"]);
    told(of("nothing/{id}.nii.gz"), &["no file at all", "nothing/{id}.nii.gz"]);
    assert_eq!(ids(&of("images/{subject}_{session}.nii.gz").unwrap()), ["a/t1", "a/t2", "b/t1", "b/t2"]);
}

#[test]
fn nnunet_folders() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let description = |more: Value| {
        let mut all = json!({"channel_names": {"0": "T2", "1": "ADC"}, "labels": {"background": 0, "PZ": 1},
            "numTraining": 2, "file_ending": ".nii.gz"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fs::write(root.join("dataset.json"), all.to_string()).unwrap();
    };
    description(json!({}));
    touch(
        root,
        &[
            "imagesTr/p_01_0000.nii.gz",
            "imagesTr/p_01_0001.nii.gz",
            "imagesTr/p_02_0000.nii.gz",
            "imagesTr/p_02_0001.nii.gz",
            "imagesTr/._p_01_0000.nii.gz",
            "imagesTr/notes.txt",
            "labelsTr/p_01.nii.gz",
            "labelsTr/p_02.nii.gz",
            "imagesTs/p_09_0000.nii.gz",
            "imagesTs/p_09_0001.nii.gz",
        ],
    );
    let list = Datalist::from_nnunet(root, &options()).unwrap();
    assert_eq!(
        shown(&list, root)[0],
        json!({
            "id": "p_01",
            "items": {"image": ["image", ["imagesTr/p_01_0000.nii.gz", "imagesTr/p_01_0001.nii.gz"]],
                "label": ["label", ["labelsTr/p_01.nii.gz"]]},
            "passed": {},
        })
    );
    assert_eq!(shown(&Datalist::from_file(root, &options()).unwrap(), root), shown(&list, root));
    let test = ListOptions { section: Some("test".into()), ..options() };
    let test = Datalist::from_file(root, &test).unwrap();
    assert_eq!((ids(&test), test.cases[0].items.len()), (vec!["p_09"], 1));
    fs::remove_file(root.join("imagesTr/p_02_0001.nii.gz")).unwrap();
    told(Datalist::from_nnunet(root, &options()), &["case \"p_02\", item \"image\"", "p_02_0001.nii.gz"]);
    touch(root, &["imagesTr/p_01_0002.nii.gz"]);
    told(
        Datalist::from_nnunet(root, &options()),
        &["imagesTr/p_01_0002.nii.gz", "CASE_0000.nii.gz to CASE_0001.nii.gz"],
    );
    description(
        json!({"dataset": {"x": {"images": ["imagesTs/p_09_0000.nii.gz", "imagesTs/p_09_0001.nii.gz"], "label": "labelsTr/p_01.nii.gz"}}}),
    );
    let listed = Datalist::from_nnunet(root, &options()).unwrap();
    assert_eq!((ids(&listed), listed.cases[0].paths().count()), (vec!["x"], 3));
    description(json!({"channel_names": {}}));
    told(Datalist::from_nnunet(root, &options()), &["dataset.json", "\"channel_names\""]);
}

#[test]
fn bids_datasets() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    touch(
        root,
        &[
            "sub-01/ses-a/anat/sub-01_ses-a_acq-fast_T1w.nii.gz",
            "sub-01/ses-a/anat/sub-01_ses-a_FLAIR.nii",
            "sub-01/ses-a/anat/sub-01_ses-a_acq-fast_T1w.json",
            "sub-01/ses-a/func/sub-01_ses-a_task-rest_bold.nii.gz",
            "sub-02/anat/sub-02_acq-fast_T1w.nii.gz",
            "sub-02/anat/sub-02_FLAIR.nii.gz",
            "derivatives/manual/sub-01/ses-a/anat/sub-01_ses-a_desc-lesion_mask.nii.gz",
            "derivatives/manual/sub-01/ses-a/anat/sub-01_ses-a_desc-brain_mask.nii.gz",
            "derivatives/manual/sub-02/anat/sub-02_desc-lesion_mask.nii.gz",
        ],
    );
    fs::write(root.join("participants.tsv"), "participant_id\tage\tsex\nsub-01\t34\tF\nsub-02\tn/a\tM\n")
        .unwrap();
    let items: &[(&str, &[&str])] =
        &[("image", &["T1w", "anat/FLAIR"]), ("label", &["derivatives/manual/desc-lesion_mask"])];
    let list = Datalist::from_bids(root, items, &options()).unwrap();
    assert_eq!(
        shown(&list, root),
        vec![
            json!({
                "id": "sub-01/ses-a/acq-fast",
                "items": {
                    "image": ["image", ["sub-01/ses-a/anat/sub-01_ses-a_acq-fast_T1w.nii.gz", "sub-01/ses-a/anat/sub-01_ses-a_FLAIR.nii"]],
                    "label": ["label", ["derivatives/manual/sub-01/ses-a/anat/sub-01_ses-a_desc-lesion_mask.nii.gz"]],
                },
                "passed": {"acq": "fast", "ses": "a", "sub": "01", "age": 34, "sex": "F"},
            }),
            json!({
                "id": "sub-02/acq-fast",
                "items": {
                    "image": ["image", ["sub-02/anat/sub-02_acq-fast_T1w.nii.gz", "sub-02/anat/sub-02_FLAIR.nii.gz"]],
                    "label": ["label", ["derivatives/manual/sub-02/anat/sub-02_desc-lesion_mask.nii.gz"]],
                },
                "passed": {"acq": "fast", "sub": "02", "sex": "M"},
            }),
        ]
    );
    let of = |text: &str| Datalist::from_bids(root, &[("image", &["T1w"]), ("label", &[text])], &options());
    told(of("derivatives/manual/mask"), &["case", "T1w"]);
    told(of("T1w-x"), &["\"label\"", "T1w-x"]);
    // The same by pattern, brackets and all.
    let pattern = "sub-{sub}/[ses-{ses}/]anat/sub-{sub}_[ses-{ses}_]acq-{acq}_T1w.nii.gz";
    let list = Datalist::from_patterns(root, &[("image", &[pattern])], &options()).unwrap();
    assert_eq!(ids(&list), ["01/a/fast", "02/fast"]);
    fs::remove_file(root.join("derivatives/manual/sub-02/anat/sub-02_desc-lesion_mask.nii.gz")).unwrap();
    told(
        Datalist::from_bids(root, items, &options()),
        &["sub-02/acq-fast", "\"label\"", "_desc-lesion_mask.nii.gz"],
    );
}

#[test]
fn a_case_of_a_list_opens() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.nii", "b.nii"] {
        let volume = Volume::from_f32(Grid::new([3, 2, 1], Affine::IDENTITY), &[1.0; 6]).unwrap();
        medio::save(dir.path().join(name), &volume, &medio::SaveOptions::default()).unwrap();
    }
    let entries = json!([{"image": ["a.nii", "b.nii"], "label": "a.nii", "points": [[0, 1, 2]]}]);
    let options = ListOptions { root: Some(dir.path().into()), ..options() };
    let sample = Datalist::from_entries(&entries, &options).unwrap().cases[0].open().unwrap();
    assert_eq!(sample.volume("image").unwrap().facts().unwrap().extra, [2]);
    assert_eq!(sample.volume("label").unwrap().role(), Role::Label);
    assert_eq!(sample.items.len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Files that are named by a pattern are found by it, with what they were named by.
    #[test]
    fn what_a_pattern_names_it_finds(
        values in prop::collection::btree_set(("[a-z0-9]{1,4}", "[A-Z]{1,3}"), 1..6),
        template in prop::sample::select(vec![
            "{sub}/{ses}.nii", "x-{sub}_{ses}/x-{sub}_y.nii", "{ses}{sub}.nii", "d/{sub}/z/{sub}-{ses}_*.nii", "[q/]{sub}+{ses}.nii",
        ]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        for (sub, ses) in &values {
            let name = template.replace("{sub}", sub).replace("{ses}", ses).replace('*', "any").replace(['[', ']'], "");
            touch(dir.path(), &[&name]);
        }
        let list = Datalist::from_patterns(dir.path(), &[("image", &[template])], &options()).unwrap();
        // Where two placeholders touch, the first one takes as little as will do.
        let meant = |c: &medpipe::Case| {
            let text = |k: &str| c.passed[k].as_str().unwrap().to_owned();
            if template.starts_with("{ses}{sub}") { (text("ses") + &text("sub"), String::new()) } else { (text("sub"), text("ses")) }
        };
        let found: BTreeSet<(String, String)> = list.cases.iter().map(meant).collect();
        let wanted: BTreeSet<(String, String)> = values
            .iter()
            .map(|(sub, ses)| if template.starts_with("{ses}{sub}") { (format!("{ses}{sub}"), String::new()) } else { (sub.clone(), ses.clone()) })
            .collect();
        prop_assert_eq!(found, wanted);
    }

    /// Each case is in one part at most, parts are as large as they should be, and the order of a list does not matter.
    #[test]
    fn splits(count in 1usize..60, groups in 1usize..60, shares in prop::collection::vec(0.05f64..0.4, 1..3), seed in any::<u64>()) {
        let names: Vec<String> = (0..count).map(|n| format!("{}", n % groups)).collect();
        let parts = split_indices(&names, &shares, seed).unwrap();
        let mut part_of = BTreeMap::new();
        for (n, part) in parts.iter().enumerate() {
            for &case in part {
                prop_assert_eq!(*part_of.entry(&names[case]).or_insert(n), n, "groups stay together");
            }
        }
        let largest = (0..groups).map(|g| names.iter().filter(|n| **n == g.to_string()).count()).max().unwrap();
        for (part, share) in parts.iter().zip(&shares) {
            prop_assert!((part.len() as f64 - share * count as f64).abs() <= largest as f64 + 1.0);
        }
        let turned: Vec<String> = names.iter().rev().cloned().collect();
        let again = split_indices(&turned, &shares, seed).unwrap();
        if groups >= count {
            for (a, b) in parts.iter().zip(&again) {
                let mut b: Vec<usize> = b.iter().map(|n| count - 1 - n).collect();
                b.sort_unstable();
                prop_assert_eq!(a, &b);
            }
        }
        prop_assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), parts.iter().flatten().collect::<BTreeSet<_>>().len());
        prop_assert!(split_indices(&names, &[0.7, 0.4], seed).is_err());
        let whole = split_indices(&names, &[0.3, 0.7], seed).unwrap();
        prop_assert_eq!(whole.iter().map(Vec::len).sum::<usize>(), count);
    }
}
