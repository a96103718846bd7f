//! The header of a file to be written: the original's bytes where nothing changed, derived fields where something did.
//!
//! The rules, in order:
//! 1. Start from the original header if the volume came from NIfTI (every unknown byte is kept), else from a blank one.
//! 2. Shared metadata (description, units, intent, display range, steps) replaces a field only where it differs from it.
//! 3. `dim`, `datatype`, `bitpix`, `vox_offset`, `magic`, `sizeof_hdr` follow from what is written.
//! 4. `scl_slope`, `scl_inter` are the volume's own scale; fields that mean the same scale already stay as they are.
//! 5. If the header places the voxels where the volume says, sform, qform and voxel sizes stay. If not, all three are written
//!    from the volume's affine: a form keeps its code if it has one, takes the other's if not, and both get 2 (aligned) if
//!    neither has; a qform that disagreed with the sform, and one that cannot express the affine (shear), get code 0.

use std::path::Path;

use medcore::{Affine, DType, Meta, Scale, SpaceUnit};

use super::codes::{datatype_code, units, units_code};
use super::fields::text;
use super::meaning::{corner_distance, disagree, interpret};
use super::{ByteOrder, Header, Version, quaternion};
use crate::{Error, Result};

/// What is to be written.
#[derive(Debug, Clone)]
pub(crate) struct Layout<'a> {
    pub(crate) dtype: DType,
    pub(crate) scale: Option<Scale>,
    pub(crate) shape: [usize; 3],
    pub(crate) extra: &'a [usize],
    pub(crate) affine: Affine,
    /// Voxels in the header's own file.
    pub(crate) single: bool,
    /// NIfTI-2 whether needed or not.
    pub(crate) nifti2: bool,
    /// Bytes between the header and the voxels, announcement included.
    pub(crate) extension_bytes: usize,
}

/// The header, in native byte order.
///
/// # Errors
/// [`Error::Unsupported`] for a shape with more than seven axes.
pub(crate) fn header_for(path: &Path, meta: &Meta, w: &Layout<'_>) -> Result<Header> {
    let original = meta.original.as_ref().and_then(|(_, bytes)| Header::parse(bytes));
    let mut h = original.clone().unwrap_or_default();
    set_dimensions(path, &mut h, original.is_some(), w)?;
    let fits = |s: Scale| s.slope as f32 as f64 == s.slope && s.intercept as f32 as f64 == s.intercept;
    let two = w.nifti2
        || h.version == Version::Two
        || h.dim.iter().any(|&d| d > 32767)
        || w.scale.is_some_and(|s| !fits(s));
    h.version = if two { Version::Two } else { Version::One };
    h.order = ByteOrder::NATIVE;
    h.sizeof_hdr = h.version.header_bytes() as i32;
    h.magic = match (h.version, w.single) {
        (Version::One, true) => *b"n+1\0",
        (Version::One, false) => *b"ni1\0",
        (Version::Two, true) => *b"n+2\0",
        (Version::Two, false) => *b"ni2\0",
    };
    if two {
        h.eol_check = [13, 10, 26, 10];
    }
    h.datatype = datatype_code(w.dtype)
        .ok_or_else(|| Error::unsupported(path, format!("{} voxels", w.dtype), "cast to another dtype"))?;
    h.bitpix = w.dtype.bytes() as i16 * 8;
    h.vox_offset = if w.single {
        (h.version.header_bytes() + w.extension_bytes).next_multiple_of(16) as f64
    } else {
        0.0
    };
    set_shared(&mut h, meta, w.extra.len());
    set_scale(&mut h, w.scale);
    set_placement(path, &mut h, original.as_ref(), w)?;
    Ok(h)
}

/// `dim` and the steps along new axes.
fn set_dimensions(path: &Path, h: &mut Header, known: bool, w: &Layout<'_>) -> Result<()> {
    // A header of one or two axes describes the same voxels as one with axes of length 1 behind them.
    let named = if known && w.extra.is_empty() && (1..3).contains(&h.dim[0]) {
        let tail = &w.shape[h.dim[0] as usize..];
        if tail.iter().all(|&n| n == 1) { h.dim[0] as usize } else { 3 }
    } else {
        3
    };
    let axes: Vec<usize> = w.shape[..named].iter().chain(w.extra).copied().collect();
    if axes.len() > 7 {
        return Err(Error::unsupported(path, format!("{} axes", axes.len()), "NIfTI has seven; merge some"));
    }
    // Other axes stay as they are: programs leave 0, 1 or something of their own there.
    let before = h.dim[0];
    h.dim[0] = axes.len() as i64;
    for (d, &n) in h.dim[1..].iter_mut().zip(&axes) {
        *d = n as i64;
    }
    for i in axes.len() + 1..8 {
        if before != h.dim[0] {
            h.dim[i] = 1;
        }
    }
    Ok(())
}

/// Shared metadata, where it says something else than the field.
fn set_shared(h: &mut Header, meta: &Meta, extra: usize) {
    fn put(field: &mut [u8], value: &str) {
        if text(field) != value {
            // Cut at a character's end, and leave the zero that many readers rely on.
            let mut end = value.len().min(field.len() - 1);
            while !value.is_char_boundary(end) {
                end -= 1;
            }
            field.fill(0);
            field[..end].copy_from_slice(&value.as_bytes()[..end]);
        }
    }
    put(&mut h.descrip, &meta.description);
    put(&mut h.intent_name, &meta.intent.2);
    (h.intent_code, h.intent_p) = (meta.intent.0, meta.intent.1);
    [h.cal_min, h.cal_max] = meta.display_range;
    let space = match meta.space_unit {
        // A grid is in millimetres, whoever made it.
        SpaceUnit::Unknown if meta.original.is_none() => SpaceUnit::Millimeter,
        unit => unit,
    };
    if units(h.xyzt_units) != (space, meta.time_unit) {
        h.xyzt_units = units_code(space, meta.time_unit);
    }
    for (i, field) in h.pixdim[4..].iter_mut().enumerate().take(extra) {
        *field = meta.steps.get(i).copied().unwrap_or(1.0);
    }
}

/// The volume's scale; fields that mean the same stay.
fn set_scale(h: &mut Header, scale: Option<Scale>) {
    let usable = h.scl_slope != 0.0 && h.scl_slope.is_finite();
    let stored = (usable && (h.scl_slope, h.scl_inter) != (1.0, 0.0))
        .then_some(Scale { slope: h.scl_slope, intercept: h.scl_inter });
    if stored != scale {
        (h.scl_slope, h.scl_inter) = scale.map_or((1.0, 0.0), |s| (s.slope, s.intercept));
    }
}

/// sform, qform, voxel sizes.
fn set_placement(path: &Path, h: &mut Header, original: Option<&Header>, w: &Layout<'_>) -> Result<()> {
    let mut s_code = 2;
    let mut q_code = 2;
    if original.is_some() {
        let now = interpret(h, path, w.single)?;
        if now.grid.affine == w.affine {
            return Ok(());
        }
        let (q, s) = (now.meta.qform, now.meta.sform);
        let either = s.or(q).map_or(2, |x| x.code);
        s_code = s.map_or(either, |x| x.code);
        q_code = q.map_or(either, |x| x.code);
        if let (Some(q), Some(s)) = (q, s)
            && disagree(now.grid.shape, &q.affine, &s.affine)
        {
            q_code = 0;
        }
    }
    h.sform_code = s_code as i32;
    h.srow = w.affine.rows;
    let (qfac, size, quatern) = quaternion::from_affine(&w.affine);
    h.pixdim[0] = qfac;
    h.pixdim[1..4].copy_from_slice(&size);
    h.quatern = quatern;
    h.qoffset = w.affine.translation();
    h.qform_code = q_code as i32;
    // What a reader will make of the fields after they have been rounded to the version's floats.
    let written = Header::parse(&h.serialise()).map(|h| interpret(&h, path, w.single)).transpose()?;
    let seen = written.and_then(|m| m.meta.qform);
    let smallest = size.into_iter().fold(f64::INFINITY, f64::min);
    if !seen.is_some_and(|q| corner_distance(w.shape, &q.affine, &w.affine) <= 1e-3 * smallest) {
        h.qform_code = 0;
        (h.quatern, h.qoffset) = ([0.0; 3], [0.0; 3]);
    }
    Ok(())
}
