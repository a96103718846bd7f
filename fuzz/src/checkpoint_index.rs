//! Checkpoint files (`.mxi`): used if they are right, passed over if they are not.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use medcore::{Affine, Box3, DType, Grid, Volume};
use medio::checkpoints::Indexed;
use medio::{Gzip, SaveOptions, open, save};

use crate::input::Input;
use crate::memory::bounded;
use crate::place;

const SHAPE: [usize; 3] = [128, 128, 200];

/// Magic, size, time and trailer of the volume file: without them nothing else is looked at.
const NAMES_THE_FILE: usize = 40;

struct Sound {
    path: PathBuf,
    index: Vec<u8>,
    voxels: Vec<u8>,
}

/// A file of zeros and a little noise, so that its windows, its index and the time to read it are small.
fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let mut voxels = vec![0; SHAPE.iter().product()];
        for at in (200_000..3_200_000).step_by(300_000) {
            for (i, v) in voxels[at..at + 2500].iter_mut().enumerate() {
                *v = ((i as u32 + 7).wrapping_mul(i as u32 ^ 0x9e37_79b9) >> 11) as u8;
            }
        }
        let grid = Grid::new(SHAPE, Affine::IDENTITY);
        let volume = Volume::packed(Arc::new(voxels.clone()), DType::U8, grid, vec![], Arc::default())
            .expect("a volume");
        let path = place::folder().join("c.nii.gz");
        let options = SaveOptions { gzip: Gzip::Single, sync: false, ..SaveOptions::default() };
        save(&path, &volume, &options).expect("a file");
        let Ok(Indexed::Written { checkpoints, .. }) = open(&path).and_then(|f| f.write_index()) else {
            panic!("no index")
        };
        assert!(checkpoints >= 2, "{checkpoints} in the index");
        let index = fs::read(beside(&path)).expect("the index");
        assert!(index.len() < 1000, "{}", index.len());
        Sound { path, index, voxels }
    })
}

fn beside(path: &std::path::Path) -> PathBuf {
    path.with_file_name("c.nii.gz.mxi")
}

/// An index, with the volume file's name and its own checksum put right if the fuzzer wants.
pub fn run(data: &[u8]) {
    let sound = sound();
    let mut input = Input(data);
    let options = input.byte();
    let region: [usize; 3] = std::array::from_fn(|_| usize::from(input.byte()));
    let mut index = input.rest().to_vec();
    if options & 1 == 1 && index.len() >= NAMES_THE_FILE {
        index[..NAMES_THE_FILE].copy_from_slice(&sound.index[..NAMES_THE_FILE]);
    }
    if options & 2 == 2
        && let Some((body, check)) = index.split_last_chunk_mut::<4>()
    {
        *check = crc32fast::hash(body).to_le_bytes();
    }
    bounded(|| {
        fs::write(beside(&sound.path), &index).expect("a file in memory");
        let file = open(&sound.path).expect("a sound file");
        let start = [0, 1, 2].map(|i| region[i] % SHAPE[i]);
        let b = Box3 { start, shape: [0, 1, 2].map(|i| (SHAPE[i] - start[i]).min(5)) };
        let mut out = vec![0; b.len()];
        let read = file.read_raw(0, &b, &mut out);
        let right = |out: &[u8]| {
            let rows = (b.start[2]..b.end()[2])
                .flat_map(|z| (b.start[1]..b.end()[1]).map(move |y| (z * SHAPE[1] + y) * SHAPE[0]));
            rows.zip(out.chunks(b.shape[0]))
                .all(|(row, out)| sound.voxels[row + b.start[0]..][..out.len()] == *out)
        };
        match read {
            // A forged index with a right checksum may name a place where other data begin.
            Ok(()) if options & 2 == 0 || index == sound.index => assert!(right(&out)),
            Ok(()) => {}
            Err(e) => assert!(options & 2 == 2 && e.to_string().contains("c.nii.gz"), "{e}"),
        }
        // It is written anew if it is not right.
        if FIRST.swap(false, Ordering::Relaxed) {
            assert!(!matches!(
                open(&sound.path).expect("a sound file").write_index(),
                Err(_) | Ok(Indexed::NotNeeded)
            ));
        }
    });
}

/// Writing takes longer than everything else: once is enough.
static FIRST: AtomicBool = AtomicBool::new(true);

/// The right one, with choices.
pub fn seeds() -> Vec<Vec<u8>> {
    let sound = &sound().index;
    let mut seeds = vec![];
    for options in [0, 1, 3] {
        for z in [159, 100, 3] {
            seeds.push([&[options, 100, 90, z][..], sound].concat());
        }
    }
    for at in (NAMES_THE_FILE..sound.len()).step_by(3) {
        let mut changed = sound.clone();
        changed[at] ^= 1 << (at % 8);
        seeds.push([&[3, 0, 0, 150][..], &changed].concat());
    }
    seeds
}
