//! Files for one input after the other: in memory where the system has such a folder.

use std::fs;
use std::path::PathBuf;

/// Writes a file, over the last one of the same name, and says where.
pub(crate) fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, content).expect("a file in memory");
    path
}

/// This process's folder; `scripts/fuzz` says where and removes it.
pub(crate) fn folder() -> PathBuf {
    let folder = std::env::var_os("MEDOXIDE_FUZZ_FILES").map_or_else(
        || {
            let shared = PathBuf::from("/dev/shm");
            let root = if shared.is_dir() { shared } else { std::env::temp_dir() };
            root.join(format!("medoxide-fuzz-{}", std::process::id()))
        },
        PathBuf::from,
    );
    fs::create_dir_all(&folder).expect("a folder in memory");
    folder
}

/// Removes it.
pub fn clear() {
    let _ = fs::remove_dir_all(folder());
}
