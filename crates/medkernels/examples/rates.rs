//! How fast the kernels are here: milliseconds for a 128³ float32 volume, beside copies of the same size.
//!
//! `cargo run --release -p medkernels --example rates`, with `MEDOXIDE_LEVEL` and `MEDOXIDE_THREADS` as
//! wanted, and a word to run only the rows that contain it.
#![allow(clippy::print_stdout, reason = "it prints a table")]

use std::hint::black_box;
use std::time::Instant;

use medkernels::buffer::{AllocError, Buffer, release_memory, set_pool_limit};
use medkernels::copy::{Strided, copy_strided};
use medkernels::interpolate::{
    AxisTaps, Boundary, StridedF32, resample_linear, sample_linear_row, sample_nearest_row,
};
use medkernels::linear::{self, Linear};
use medkernels::philox::{Stream, add_normal_row, normal_row, uniform_row};
use medkernels::select::percentiles;
use medkernels::stats::{Keep, Moments, extent, moments};
use medkernels::{convert, filter, level, points, threads};

const SIDE: usize = 128;
const N: usize = SIDE * SIDE * SIDE;
const SHAPE: [usize; 3] = [SIDE; 3];

/// Prints the best time of many runs of `f`, and the rate for `bytes` moved.
struct Table {
    only: Option<String>,
}

impl Table {
    fn row(&self, name: &str, bytes: usize, mut f: impl FnMut()) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            return;
        }
        f();
        let mut times = Vec::new();
        let begin = Instant::now();
        while times.len() < 5 || (begin.elapsed().as_millis() < 300 && times.len() < 400) {
            let start = Instant::now();
            f();
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        let (best, median) = (times[0], times[times.len() / 2]);
        println!("{name:44} {:9.3} {:9.3} {:9.1}", median * 1e3, best * 1e3, bytes as f64 / best / 1e9);
    }
}

/// In parallel over slabs along z of a packed volume.
fn slabs(dst: &mut [f32], f: impl Fn(usize, &mut [f32]) + Sync) {
    let each = 4;
    let mut parts: Vec<&mut [f32]> = dst.chunks_mut(each * SIDE * SIDE).collect();
    threads::for_each_mut(&mut parts, |i, part| f(i * each, part));
}

fn main() -> Result<(), AllocError> {
    let table = Table { only: std::env::args().nth(1) };
    println!("level {}, {} threads", level::level(), threads::threads());
    println!("{:44} {:>9} {:>9} {:>9}", "128x128x128", "median ms", "best ms", "GB/s");

    let mut noise = Buffer::zeroed(4 * N)?;
    normal_row(noise.as_mut_slice(), Stream { key: [1, 2], hi: [0, 0] }, 0);
    points::affine(noise.as_mut_slice(), 200.0, 1000.0);
    let src: &[f32] = noise.as_slice();
    let mut out = Buffer::zeroed(4 * N)?;
    let bytes = 8 * N;

    table.row("copy, 1 thread", bytes, || out.as_bytes_mut().copy_from_slice(noise.as_bytes()));
    table.row("copy, threads", bytes, || {
        slabs(out.as_mut_slice(), |z, part| part.copy_from_slice(&src[z * SIDE * SIDE..][..part.len()]));
    });
    memory(&table);
    conversions(&table, bytes)?;

    // Points on a tile that stays in cache: 64 KiB.
    let tile = 16 << 10;
    let in_cache = |name: &str, f: fn(&mut [f32])| {
        let mut row = vec![1.5f32; tile];
        table.row(&format!("{name}, 128 tiles of 64 KiB in cache"), bytes, || {
            for _ in 0..N / tile {
                f(black_box(&mut row));
            }
        });
    };
    in_cache("normalize", |row| points::normalize(row, 0.5, 1.0));
    in_cache("clamp", |row| points::clamp(row, 0.0, 2.0));
    in_cache("rescale", |row| linear::run(row, &Linear::rescale([0.0, 1.0], [0.0, 1.0], true)));
    in_cache("exp", points::exp);
    in_cache("ln", points::ln);
    in_cache("pow 0.7", |row| points::pow(row, 0.7));
    in_cache("pow_signed 0.7", |row| points::pow_signed(row, 0.7));
    in_cache("gamma 0.7 between", |row| points::gamma_between(row, 1.0, 2.0, 0.7));
    in_cache("extent", |row| {
        black_box(extent(row, Keep::All));
    });
    in_cache("moments", |row| {
        black_box(moments(row, Keep::All));
    });
    in_cache("moments nonzero", |row| {
        black_box(moments(row, Keep::Nonzero));
    });

    table.row("z-normalise: moments, then normalise a copy", bytes, || {
        let mut rows = vec![Moments::default(); SIDE];
        threads::for_each_mut(&mut rows, |z, m| {
            *m = moments(&src[z * SIDE * SIDE..][..SIDE * SIDE], Keep::All);
        });
        let whole = rows.into_iter().reduce(Moments::merge).unwrap_or_default();
        slabs(out.as_mut_slice(), |z, part| {
            part.copy_from_slice(&src[z * SIDE * SIDE..][..part.len()]);
            points::normalize(part, whole.mean, 1.0 / whole.std());
        });
    });
    let mostly: Vec<f32> = src.iter().enumerate().map(|(i, v)| if i % 10 == 0 { *v } else { 0.0 }).collect();
    for (name, data) in [("normal", src), ("90 % zero", &mostly)] {
        table.row(&format!("percentiles 0.5 and 99.5, {name}"), 4 * N, || {
            black_box(percentiles(&[data], None, Keep::All, &[0.5, 99.5])).ok();
        });
    }
    table.row("percentiles 1 and 99, 512x512", 4 << 18, || {
        black_box(percentiles(&[&src[..1 << 18]], None, Keep::All, &[1.0, 99.0])).ok();
    });
    for (name, fill) in [("uniform", uniform_row as fn(&mut [f32], Stream, u64)), ("normal", normal_row)] {
        table.row(&format!("random {name}, threads"), 4 * N, || {
            slabs(out.as_mut_slice(), |z, part| {
                fill(part, Stream { key: [1, 2], hi: [3, 4] }, (z * SIDE * SIDE) as u64);
            });
        });
        table.row(&format!("random {name}, 1 thread"), 4 * N, || {
            fill(out.as_mut_slice(), Stream { key: [1, 2], hi: [3, 4] }, 0);
        });
    }
    table.row("add normal, threads", 8 * N, || {
        slabs(out.as_mut_slice(), |z, part| {
            let stream = Stream { key: [1, 2], hi: [3, 4] };
            add_normal_row(part, stream, (z * SIDE * SIDE) as u64, 0.1, 0.0);
        });
    });
    copies(&table, &noise, &mut out);
    interpolation(&table, &noise)?;
    filters(&table, &noise, &mut out);
    Ok(())
}

fn memory(table: &Table) {
    let limit = medkernels::buffer::pool_stats().limit;
    for (name, pooled) in [("recycled", limit), ("fresh", 0)] {
        set_pool_limit(pooled);
        table.row(&format!("64 MiB for_overwrite and fill, {name}"), 64 << 20, || {
            if let Ok(mut buffer) = Buffer::for_overwrite(64 << 20) {
                buffer.as_bytes_mut().fill(1);
                black_box(&buffer);
            }
        });
        table.row(&format!("64 MiB zeroed and fill, {name}"), 64 << 20, || {
            if let Ok(mut buffer) = Buffer::zeroed(64 << 20) {
                buffer.as_bytes_mut().fill(1);
                black_box(&buffer);
            }
        });
    }
    set_pool_limit(limit);
    release_memory();
}

fn conversions(table: &Table, bytes: usize) -> Result<(), AllocError> {
    let big = 16 * N;
    let stored = Buffer::zeroed(2 * big)?;
    let mut out = Buffer::zeroed(4 * big)?;
    table.row("copy 128 MiB", 8 * big, || {
        let (a, b) = out.as_bytes_mut().split_at_mut(2 * big);
        b.copy_from_slice(a);
        a.copy_from_slice(b);
    });
    for (name, swap, scale) in [
        ("i16", false, None),
        ("i16 scaled", false, Some((0.5, 3.0))),
        ("big-endian i16 scaled", true, Some((0.5, 3.0))),
    ] {
        table.row(&format!("decode {name}, 128 MiB out"), 6 * big, || {
            convert::decode_f32::<i16>(stored.as_bytes(), swap, scale, out.as_mut_slice());
        });
        table.row(&format!("decode {name}, 128 MiB out, streamed"), 6 * big, || {
            convert::decode_f32_stream::<i16>(stored.as_bytes(), swap, scale, out.as_mut_slice());
        });
        table.row(&format!("decode {name}, in cache"), 6 * N, || {
            for _ in 0..N / 16384 {
                convert::decode_f32::<i16>(
                    &stored.as_bytes()[..32768],
                    swap,
                    scale,
                    &mut out.as_mut_slice()[..16384],
                );
            }
        });
    }
    let src = vec![3.7f32; 16384];
    table.row("encode i16, in cache", bytes * 3 / 4, || {
        for _ in 0..N / 16384 {
            convert::encode_from_f32::<i16>(&src, &mut out.as_bytes_mut()[..32768]);
        }
    });
    table.row("encode u8, in cache", bytes * 5 / 8, || {
        for _ in 0..N / 16384 {
            convert::encode_from_f32::<u8>(&src, &mut out.as_bytes_mut()[..16384]);
        }
    });
    Ok(())
}

fn copies(table: &Table, noise: &Buffer, out: &mut Buffer) {
    let s = SIDE as isize;
    let packed = [1, s, s * s];
    let last = SIDE - 1;
    let cases: [(&str, [isize; 3], usize); 7] = [
        ("as it is", packed, 0),
        ("flip x", [-1, s, s * s], last),
        ("flip y and z", [1, -s, -s * s], last * SIDE + last * SIDE * SIDE),
        ("swap y and z", [1, s * s, s], 0),
        ("swap x and y", [s, 1, s * s], 0),
        ("swap x and z (C order)", [s * s, s, 1], 0),
        ("rotate axes", [s, s * s, 1], 0),
    ];
    for element in [4, 2, 1] {
        for (name, strides, offset) in cases {
            table.row(&format!("copy_strided {element} B, {name}"), 2 * element * N, || {
                copy_strided(
                    out.as_bytes_mut(),
                    packed,
                    0,
                    noise.as_bytes(),
                    strides,
                    offset,
                    SHAPE,
                    element,
                );
            });
        }
    }
    let half = SIDE / 2;
    table.row("copy_strided 4 B, crop to 64", 8 * half * half * half, || {
        let offset = 32 + 32 * SIDE + 32 * SIDE * SIDE;
        let to = [1, half as isize, (half * half) as isize];
        copy_strided(out.as_bytes_mut(), to, 0, noise.as_bytes(), packed, offset, [half; 3], 4);
    });
}

fn interpolation(table: &Table, noise: &Buffer) -> Result<(), AllocError> {
    let src = StridedF32::packed(noise.as_slice(), SHAPE);
    for (name, step, side) in [("2 mm", 2.0, SIDE / 2), ("0.8 mm", 0.8, SIDE * 5 / 4), ("1.37 mm", 1.37, 93)]
    {
        let taps = AxisTaps::edge(0.5 * step - 0.5, step, 0, side, SIDE);
        let mut out = Buffer::zeroed(4 * side * side * side)?;
        let moved = 4 * (N + side * side * side);
        table.row(&format!("resample 1 to {name}, 1 thread"), moved, || {
            resample_linear(out.as_mut_slice(), &src, [&taps; 3]);
        });
        table.row(&format!("resample 1 to {name}, threads"), moved, || {
            let each = side.div_ceil(8);
            let mut parts: Vec<&mut [f32]> = out.as_mut_slice().chunks_mut(each * side * side).collect();
            threads::for_each_mut(&mut parts, |i, part| {
                let z = AxisTaps::edge(0.5 * step - 0.5, step, i * each, part.len() / side / side, SIDE);
                resample_linear(part, &src, [&taps, &taps, &z]);
            });
        });
    }
    // 10 degrees about an oblique axis, scale 1.05.
    let (sin, cos) = (libm::sin(0.174_533) / 1.05, libm::cos(0.174_533) / 1.05);
    let middle = (SIDE as f64 - 1.0) / 2.0;
    let start = |y: usize, z: usize| {
        let (x, y, z) = (-middle, y as f64 - middle, z as f64 - middle);
        [cos * x - sin * y + middle, sin * x + cos * y + middle, z / 1.05 + 0.1 * y + middle]
    };
    let step = [cos, sin, 0.0];
    let mut out = Buffer::zeroed(4 * N)?;
    table.row("rotate linear, threads", 8 * N, || {
        slabs(out.as_mut_slice(), |z0, part| {
            for (row, dst) in part.chunks_mut(SIDE).enumerate() {
                let at = start(row % SIDE, z0 + row / SIDE);
                sample_linear_row(dst, &src, at, step, 0, Boundary::Constant(0.0));
            }
        });
    });
    table.row("rotate linear, 1 thread", 8 * N, || {
        for (row, dst) in out.as_mut_slice().chunks_mut(SIDE).enumerate() {
            sample_linear_row(dst, &src, start(row % SIDE, row / SIDE), step, 0, Boundary::Constant(0.0));
        }
    });
    table.row("rotate linear, edge, 1 thread", 8 * N, || {
        for (row, dst) in out.as_mut_slice().chunks_mut(SIDE).enumerate() {
            sample_linear_row(dst, &src, start(row % SIDE, row / SIDE), step, 0, Boundary::Edge);
        }
    });
    let view = Strided { bytes: noise.as_bytes(), offset: 0, strides: src.strides, shape: SHAPE };
    table.row("rotate nearest, 1 thread", 8 * N, || {
        for (row, dst) in out.as_bytes_mut().chunks_mut(4 * SIDE).enumerate() {
            let at = start(row % SIDE, row / SIDE);
            sample_nearest_row(dst, &view, 4, at, step, 0, Boundary::ZerosBlended, &[0; 4]);
        }
    });
    Ok(())
}

fn filters(table: &Table, noise: &Buffer, out: &mut Buffer) {
    let taps = filter::gaussian_taps(1.0, 4.0);
    let halo = taps.len() - 1;
    for axis in 0..3 {
        let mut shape = SHAPE;
        shape[axis] -= halo;
        let n: usize = shape.iter().product();
        table.row(&format!("gaussian 9 taps along axis {axis}, 1 thread"), 8 * N, || {
            let dst = &mut out.as_mut_slice::<f32>()[..n];
            filter::convolve_axis(dst, noise.as_slice(), shape, axis, &taps);
        });
    }
}
