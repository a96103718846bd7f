use std::path::Path;

use crate::{fine, folder, refused};

/// Width, height and RGB pixels of a PNG.
fn picture(path: &Path) -> (usize, usize, Vec<[u8; 3]>) {
    let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    (info.width as usize, info.height as usize, bytes.chunks(3).map(|p| [p[0], p[1], p[2]]).collect())
}

#[test]
fn rows_of_planes_are_drawn_at_the_asked_width() {
    let (_dir, at) = folder();
    fine(&at, &["preview", "t1.nii.gz", "-o", "one.png", "--width", "640"]);
    let (w, h, _) = picture(&at.join("one.png"));
    assert_eq!(w, 640);
    fine(&at, &["preview", "t1.nii.gz", "seg.nii", "-o", "two.png", "--width", "640"]);
    let (_, taller, pixels) = picture(&at.join("two.png"));
    assert!(taller > 2 * h - 40 && taller < 2 * h + 40, "{h} {taller}");
    assert!(pixels.iter().any(|p| p.iter().all(|&c| c > 250)), "nothing is bright");
    fine(&at, &["apply", "t1.nii.gz", "after.nii", "resample:2"]);
    fine(&at, &["preview", "after.nii", "--before", "t1.nii.gz", "-o", "three.png", "--width", "640"]);
    assert_eq!(picture(&at.join("three.png")).0, 640);
}

#[test]
fn labels_are_coloured_and_images_are_grey() {
    let (_dir, at) = folder();
    let reds = |role: &str| {
        fine(&at, &["preview", "seg.nii", "-o", "seg.png", "--role", role]);
        picture(&at.join("seg.png")).2.iter().filter(|p| p[0] > 200 && p[2] < 90 && p[1] < 90).count()
    };
    assert!(reds("label") > 100);
    assert_eq!(reds("image"), 0);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let (_dir, at) = folder();
    assert!(refused(&at, &["preview", "gone.nii", "-o", "a.png"], 1).contains("check the path"));
    assert!(refused(&at, &["preview", "t1.nii.gz", "-o", "no/folder/a.png"], 1).contains("folder"));
    refused(&at, &["preview", "t1.nii.gz", "-o", "a.png", "--width", "10"], 2);
    assert!(refused(&at, &["preview", "t1.nii.gz", "-o", "a.png", "--role", "lable"], 2).contains("label"));
}
