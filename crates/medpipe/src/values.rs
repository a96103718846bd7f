//! Voxel values from one dtype to another, and label values renamed.

use std::collections::BTreeMap;

use medcore::{DType, Error, with_element};
use medkernels::element::Element;
use medkernels::{convert, rename};

use crate::Result;

/// Values from one real dtype to another: exact between integers that hold them, else rounded half to even and saturated.
pub(crate) fn cast(from: &[u8], have: DType, to: &mut [u8], want: DType) -> Result<()> {
    if have == want {
        to.copy_from_slice(from);
        return Ok(());
    }
    let real = have.is_real() && want.is_real();
    if !real {
        return Err(Error::not_numeric("a cast", if have.is_real() { want } else { have }).into());
    }
    let wide = |d: DType| matches!(d, DType::I64 | DType::U64);
    let whole = have.is_integer() && want.is_integer() && (wide(have) || wide(want));
    if let (DType::F32, Ok(from)) = (have, bytemuck::try_cast_slice::<u8, f32>(from)) {
        with_element!(want, T => convert::encode_from_f32::<T>(from, to), else => ());
        return Ok(());
    }
    if let (DType::F32, true, Ok(to)) = (want, have.fits_f32(), bytemuck::try_cast_slice_mut::<u8, f32>(to)) {
        with_element!(have, T => convert::decode_f32::<T>(from, false, None, to), else => ());
        return Ok(());
    }
    // By way of a small tile, so that there is code for each dtype and not for each pair.
    const N: usize = 1024;
    for (from, to) in from.chunks(N * have.bytes()).zip(to.chunks_mut(N * want.bytes())) {
        let n = from.len() / have.bytes();
        if whole {
            let mut tile = [0i128; N];
            with_element!(have, T => {
                for (t, c) in tile.iter_mut().zip(from.chunks_exact(size_of::<T>())) {
                    *t = bytemuck::pod_read_unaligned::<T>(c).to_i128();
                }
            }, else => ());
            with_element!(want, T => {
                for (c, t) in to.chunks_exact_mut(size_of::<T>()).zip(&tile) {
                    c.copy_from_slice(bytemuck::bytes_of(&T::from_i128_saturating(*t)));
                }
            }, else => ());
        } else if have.fits_f32() {
            let mut tile = [0f32; N];
            with_element!(have, T => convert::decode_f32::<T>(from, false, None, &mut tile[..n]), else => ());
            with_element!(want, T => convert::encode_from_f32::<T>(&tile[..n], to), else => ());
        } else {
            let mut tile = [0f64; N];
            with_element!(have, T => convert::decode_f64::<T>(from, false, None, &mut tile[..n]), else => ());
            with_element!(want, T => convert::encode_from_f64::<T>(&tile[..n], to), else => ());
        }
    }
    Ok(())
}

/// Names for which each voxel is compared with all of them.
const FEW: usize = 12;

/// Renames values in place; those without a new name stay.
pub(crate) fn relabel<T: Element + bytemuck::Pod>(
    voxels: &mut [T],
    table: &BTreeMap<i64, i64>,
) -> Result<()> {
    for (old, new) in table {
        let held = T::from_i128_saturating(i128::from(*new)).to_i128();
        if held != i128::from(*new) {
            return Err(Error::param(
                "remap_labels",
                "table",
                format!("{old}: {new}"),
                format!("values from {held}, as the label's dtype holds them (cast it first)"),
            )
            .into());
        }
    }
    // What the dtype does not hold is not there.
    let own = |v: i64| Some(T::from_i128_saturating(i128::from(v))).filter(|o| o.to_i128() == i128::from(v));
    let mut pairs: Vec<(T, T)> =
        table.iter().filter_map(|(old, new)| Some((own(*old)?, own(*new)?))).collect();
    pairs.retain(|(old, new)| old != new);
    if pairs.len() <= FEW {
        rename::rename(voxels, &pairs);
        return Ok(());
    }
    // Neighbours are often alike.
    let mut last = pairs[0];
    for v in voxels {
        if *v != last.0 {
            let place = pairs.partition_point(|(old, _)| *old < *v);
            let new = pairs.get(place).filter(|(old, _)| old == v);
            last = (*v, new.map_or(*v, |(_, new)| *new));
        }
        *v = last.1;
    }
    Ok(())
}
