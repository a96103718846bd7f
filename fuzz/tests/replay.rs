//! Every target on its seeds, on changed ones, and on the inputs in `tests/data/fuzz` that once made it fail.

use std::fs;
use std::path::Path;

use medoxide_fuzz::TARGETS;

/// Changed inputs of each target.
const CHANGED: usize = 400;

#[test]
fn seeds_changed_seeds_and_past_crashes() {
    let mut state = 5u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let mut past = 0;
    for (name, run, seeds) in TARGETS {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/fuzz")).join(name);
        for entry in fs::read_dir(folder).into_iter().flatten() {
            run(&fs::read(entry.expect("an entry").path()).expect("an input"));
            past += 1;
        }
        let seeds = seeds();
        seeds.iter().for_each(|s| run(s));
        for _ in 0..CHANGED {
            let mut input = seeds[below(seeds.len())].clone();
            for _ in 0..=below(4) {
                let at = below(input.len());
                match below(4) {
                    0 => input.truncate(at + 1),
                    1 => input[at] = [0, 0xff, 0x7f, 0x80][below(4)],
                    2 => input[at] ^= 1 << below(8),
                    _ => input.insert(at, below(256) as u8),
                }
            }
            run(&input);
        }
    }
    medoxide_fuzz::place::clear();
    assert_eq!(past, 0, "inputs in tests/data/fuzz");
}
