//! What a header's fields mean: shape, dtype, scale, placement. nibabel's reading, with a warning wherever a field had to be
//! corrected or passed over.

use std::path::Path;

use medcore::{Affine, DType, Grid, Meta, Scale, Xform};

use super::codes::{dtype_of_code, refused_name, units};
use super::fields::text;
use super::{Header, Version, quaternion};
use crate::{Error, Result};

/// A header, understood.
#[derive(Debug, Clone)]
pub(crate) struct Meaning {
    /// One to seven axes, as stored.
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: DType,
    pub(crate) scale: Option<Scale>,
    pub(crate) grid: Grid,
    /// First byte of the voxels in the file that holds them.
    pub(crate) first_voxel: u64,
    /// Bytes of all voxels.
    pub(crate) voxel_bytes: u64,
    /// All but the extensions and the original bytes.
    pub(crate) meta: Meta,
}

impl Meaning {
    /// Sizes of the axes after the third.
    pub(crate) fn extra(&self) -> &[usize] {
        self.shape.get(3..).unwrap_or(&[])
    }
}

/// Understands a header. `single`: the voxels are in the header's own file.
///
/// # Errors
/// [`Error::Format`] and [`Error::Unsupported`], naming the field.
pub(crate) fn interpret(h: &Header, path: &Path, single: bool) -> Result<Meaning> {
    let mut warnings = Vec::new();
    let shape = shape(h, path)?;
    let dtype = dtype_of_code(h.datatype).ok_or_else(|| match refused_name(h.datatype) {
        Some(name) => Error::unsupported(
            path,
            format!("datatype {} ({name})", h.datatype),
            "convert the file to float64 or complex128 with the program that wrote it",
        ),
        None => Error::format(path, "datatype", h.datatype, "a code of the NIfTI standard"),
    })?;
    if h.bitpix as i64 != dtype.bytes() as i64 * 8 {
        warnings.push(format!("bitpix is {}; {dtype} has {}", h.bitpix, dtype.bytes() * 8));
    }
    if h.sizeof_hdr as i64 != h.version.header_bytes() as i64 {
        warnings.push(format!("sizeof_hdr is {}, not {}", h.sizeof_hdr, h.version.header_bytes()));
    }
    let voxel_bytes = shape
        .iter()
        .try_fold(dtype.bytes() as u64, |n, &d| n.checked_mul(d as u64))
        .filter(|&n| isize::try_from(n).is_ok())
        .ok_or_else(|| {
            Error::limit(path, format!("a volume of {shape:?} {dtype}"), u64::MAX, isize::MAX as u64)
        })?;
    let scale = scale(h, path, dtype, &mut warnings)?;
    let (affine, qform, sform) = placement(h, &shape, &mut warnings);
    let dims = [0, 1, 2].map(|i| shape.get(i).copied().unwrap_or(1));
    let grid = Grid::new(dims, affine);
    if let (Some(q), Some(s)) = (&qform, &sform) {
        let apart = corner_distance(dims, &q.affine, &s.affine);
        if disagree(dims, &q.affine, &s.affine) {
            warnings.push(format!(
                "sform (code {}) and qform (code {}) put the volume's corners up to {apart:.3} mm apart; the sform is used",
                s.code, q.code
            ));
        }
    }
    if affine.inverse().is_none() {
        warnings.push("the affine is singular: it maps different voxels to one place".into());
    }
    let (space_unit, time_unit) = units(h.xyzt_units);
    let meta = Meta {
        description: text(&h.descrip),
        space_unit,
        time_unit,
        steps: h.pixdim.iter().skip(4).take(shape.len().saturating_sub(3)).copied().collect(),
        intent: (h.intent_code, h.intent_p, text(&h.intent_name)),
        display_range: [h.cal_min, h.cal_max],
        qform,
        sform,
        extensions: vec![],
        original: None,
        warnings,
    };
    let mut meaning = Meaning { shape, dtype, scale, grid, first_voxel: 0, voxel_bytes, meta };
    meaning.first_voxel = first_voxel(h, path, single, &mut meaning.meta.warnings)?;
    Ok(meaning)
}

impl Header {
    /// The metadata that the header states, itself among them; extensions follow it in a file and are not part of it.
    ///
    /// # Errors
    /// [`Error::Format`] and [`Error::Unsupported`] as for a file with this header.
    pub fn meta(&self) -> Result<Meta> {
        let mut meta = interpret(self, Path::new("header"), self.is_single())?.meta;
        let name = if self.version == Version::One { "nifti1" } else { "nifti2" };
        meta.original = Some((name, self.serialise().into()));
        Ok(meta)
    }
}

/// The lengths of the axes, FreeSurfer's two ways around NIfTI-1's limit included.
fn shape(h: &Header, path: &Path) -> Result<Vec<usize>> {
    let n = h.dim[0];
    if !(1..=7).contains(&n) {
        return Err(Error::format(path, "dim[0]", n, "1 to 7 axes"));
    }
    let mut dim: Vec<i64> = h.dim[1..=n as usize].to_vec();
    if h.version == Version::One && dim.len() >= 3 {
        match dim[..3] {
            [-1, 1, 1] if h.glmin > 0 => dim[0] = h.glmin as i64,
            [27307, 1, 6] => (dim[0], dim[2]) = (163_842, 1),
            _ => {}
        }
    }
    dim.iter()
        .enumerate()
        .map(|(i, &d)| {
            usize::try_from(d)
                .ok()
                .filter(|&d| d > 0)
                .ok_or_else(|| Error::format(path, &format!("dim[{}]", i + 1), d, "at least 1 voxel"))
        })
        .collect()
}

/// Slope and intercept as nibabel takes them: none if the slope is 0 or not finite, or if they change nothing.
fn scale(h: &Header, path: &Path, dtype: DType, warnings: &mut Vec<String>) -> Result<Option<Scale>> {
    let (slope, intercept) = (h.scl_slope, h.scl_inter);
    if slope == 0.0 || !slope.is_finite() {
        return Ok(None);
    }
    if !intercept.is_finite() {
        return Err(Error::format(path, "scl_inter", intercept, "a finite number where scl_slope is one"));
    }
    if (slope, intercept) == (1.0, 0.0) {
        return Ok(None);
    }
    if matches!(dtype, DType::Rgb24 | DType::Rgba32) {
        warnings
            .push(format!("scl_slope {slope} and scl_inter {intercept} are ignored: colours are not scaled"));
        return Ok(None);
    }
    Ok(Some(Scale { slope, intercept }))
}

/// Where the voxels start.
fn first_voxel(h: &Header, path: &Path, single: bool, warnings: &mut Vec<String>) -> Result<u64> {
    let at = h.vox_offset;
    let lowest = if single { h.version.first_voxel() } else { 0 };
    if single && at == 0.0 {
        warnings.push(format!("vox_offset is 0; {lowest} is used"));
        return Ok(lowest);
    }
    // Cut to a whole number as nibabel does; the comparison is false for NaN.
    if !(at.trunc() >= lowest as f64 && at < 9.2e18) {
        return Err(Error::format(path, "vox_offset", at, format!("at least {lowest}")));
    }
    Ok(at as u64)
}

/// The affine by the standard's rule (sform, else qform, else voxel sizes), and both placements that the header states.
fn placement(
    h: &Header,
    shape: &[usize],
    warnings: &mut Vec<String>,
) -> (Affine, Option<Xform>, Option<Xform>) {
    let size = voxel_sizes(h, shape, warnings);
    let code = |name: &str, code: i32, warnings: &mut Vec<String>| {
        let valid = (0..=5).contains(&code);
        if !valid {
            warnings.push(format!("{name} is {code}, which no standard defines; taken as 0"));
        }
        if valid { code as i16 } else { 0 }
    };
    let (q, s) = (code("qform_code", h.qform_code, warnings), code("sform_code", h.sform_code, warnings));
    let qform = (q > 0).then(|| Xform { code: q, affine: qform(h, size, warnings) });
    let sform = (s > 0).then_some(Xform { code: s, affine: Affine { rows: h.srow } });
    let finite = |name: &str, x: Option<Xform>, warnings: &mut Vec<String>| {
        x.filter(|x| {
            if !x.affine.is_finite() {
                warnings.push(format!("the {name} has values that are not finite; it is passed over"));
            }
            x.affine.is_finite()
        })
    };
    let qform = finite("qform", qform, warnings);
    let sform = finite("sform", sform, warnings);
    let best = sform.or(qform).map_or_else(|| base_affine(shape, size), |x| x.affine);
    (best, qform, sform)
}

/// `pixdim[1..=3]`, made usable: magnitudes, and 1 for what is 0, not finite, or no axis.
fn voxel_sizes(h: &Header, shape: &[usize], warnings: &mut Vec<String>) -> [f64; 3] {
    [0, 1, 2].map(|i| {
        let stored = h.pixdim[i + 1];
        let used = if stored == 0.0 || !stored.is_finite() { 1.0 } else { stored.abs() };
        if stored != used && i < shape.len() {
            warnings.push(format!("pixdim[{}] is {stored}; {used} is used", i + 1));
        }
        used
    })
}

/// The placement that quaternion, offsets and voxel sizes say.
fn qform(h: &Header, mut size: [f64; 3], warnings: &mut Vec<String>) -> Affine {
    let eps = if h.version == Version::One { f32::EPSILON as f64 } else { f64::EPSILON };
    let (rotation, long) = quaternion::rotation(h.quatern, eps);
    if long {
        warnings.push(format!("the quaternion {:?} is longer than 1 and was shortened", h.quatern));
    }
    if h.pixdim[0] == -1.0 {
        size[2] = -size[2];
    } else if h.pixdim[0] != 1.0 {
        warnings.push(format!("pixdim[0] (qfac) is {}; 1 is used", h.pixdim[0]));
    }
    let mut linear = rotation;
    for row in &mut linear {
        for (v, s) in row.iter_mut().zip(size) {
            *v *= s;
        }
    }
    Affine::new(linear, h.qoffset)
}

/// The placement of a header that states none: x to the left, the origin in the centre (as in Analyze, and in nibabel).
fn base_affine(shape: &[usize], size: [f64; 3]) -> Affine {
    let diagonal = [
        -if shape.is_empty() { 1.0 } else { size[0] },
        if shape.len() > 1 { size[1] } else { 1.0 },
        if shape.len() > 2 { size[2] } else { 1.0 },
    ];
    let mut affine = Affine::from_spacing(diagonal);
    for (i, (row, step)) in affine.rows.iter_mut().zip(diagonal).enumerate() {
        let n = shape.get(i).copied().unwrap_or(1);
        row[3] = -(n as f64 - 1.0) / 2.0 * step;
    }
    affine
}

/// Whether two placements put the corners of a volume more than a hundredth of a voxel apart.
pub(super) fn disagree(shape: [usize; 3], a: &Affine, b: &Affine) -> bool {
    let voxel = b.column_lengths().into_iter().fold(f64::INFINITY, f64::min);
    let apart = corner_distance(shape, a, b);
    apart > 0.01 * voxel || apart.is_infinite()
}

/// The largest distance in millimetres between where two affines put the corners of a volume.
pub(super) fn corner_distance(shape: [usize; 3], a: &Affine, b: &Affine) -> f64 {
    let mut worst = 0.0f64;
    for corner in 0..8 {
        let p = [0, 1, 2].map(|i| if corner >> i & 1 == 1 { shape[i] as f64 - 1.0 } else { 0.0 });
        let (u, v) = (a.apply(p), b.apply(p));
        let square: f64 = (0..3).map(|i| (u[i] - v[i]) * (u[i] - v[i])).sum();
        let d = square.sqrt();
        worst = if d.is_nan() { f64::INFINITY } else { worst.max(d) };
    }
    worst
}
