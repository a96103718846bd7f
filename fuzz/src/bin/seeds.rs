//! Writes the inputs that fuzzing starts from:  seeds TARGET FOLDER

use std::fs;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, folder] = &arguments[..] else { panic!("usage: seeds TARGET FOLDER") };
    let (_, _, seeds) =
        medoxide_fuzz::TARGETS.into_iter().find(|t| t.0 == target).expect("a target of that name");
    fs::create_dir_all(folder).expect("the folder");
    for (i, seed) in seeds().iter().enumerate() {
        fs::write(Path::new(folder).join(format!("seed-{i:03}")), seed).expect("the seed");
    }
}
