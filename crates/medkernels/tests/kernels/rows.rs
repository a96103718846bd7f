//! Rows of a buffer with owners of their own.

use medkernels::buffer::Buffer;
use medkernels::rows::Divided;

// WebAssembly has no threads.
#[cfg(not(target_family = "wasm"))]
#[test]
fn rows_are_disjoint_whole_and_given_back() {
    for (bytes, each) in [(0usize, 3usize), (1, 1), (7, 3), (4096, 64), (100_000, 33_333)] {
        let (divided, rows) = Divided::new(Buffer::zeroed(bytes).unwrap(), each);
        assert_eq!(rows.len(), bytes.div_ceil(each));
        let mut threads = vec![];
        for (n, mut row) in rows.into_iter().enumerate() {
            threads.push(std::thread::spawn(move || {
                row.as_bytes_mut().fill(n as u8);
                assert!(row.as_bytes().iter().all(|b| *b == n as u8));
            }));
        }
        for thread in threads {
            thread.join().unwrap();
        }
        let buffer = divided.into_buffer().unwrap();
        assert!(buffer.as_bytes().iter().enumerate().all(|(i, b)| *b == (i / each) as u8));
    }
}

#[test]
fn a_divided_buffer_is_whole_only_without_rows() {
    let (divided, mut rows) = Divided::new(Buffer::zeroed(8).unwrap(), 4);
    let last = rows.pop();
    drop(rows);
    let divided = divided.into_buffer().unwrap_err();
    drop(last);
    assert_eq!(divided.into_buffer().unwrap().len(), 8);
}

#[test]
fn rows_outlive_what_they_were_divided_from() {
    let (divided, mut rows) = Divided::new(Buffer::zeroed(8).unwrap(), 4);
    drop(divided);
    rows[1].as_bytes_mut().fill(7);
    assert_eq!(rows[0].as_bytes(), [0; 4]);
    assert_eq!(rows[1].as_bytes(), [7; 4]);
}
