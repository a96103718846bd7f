//! The central planes of a volume, as colours.

use std::fmt::Write;
use std::sync::Arc;

use medcore::{Box3, DType, Orientation, Role, Volume};
use medkernels::buffer::Buffer;

use crate::source::Source;
use crate::tile::Want;
use crate::{LazyVolume, Result};

/// One volume's part of a preview.
pub(super) struct View {
    /// Sagittal, coronal, axial.
    pub(super) planes: [Plane; 3],
    /// Shape, spacing, directions, dtype and window, for people.
    pub(super) facts: String,
}

/// A plane of voxels, seen with its second axis upwards.
pub(super) struct Plane {
    /// Voxels to the right and upwards.
    pub(super) voxels: [usize; 2],
    /// Millimetres of a voxel.
    pub(super) spacing: [f64; 2],
    /// Colours from 0 to 1, the first axis fastest, bottom row first.
    pub(super) colours: Vec<[f32; 3]>,
    /// Whether to blend between voxels.
    pub(super) smooth: bool,
    /// Directions at the left, right, bottom and top.
    pub(super) letters: [&'static str; 4],
    /// Name and place.
    pub(super) title: String,
}

impl Plane {
    /// Width and height in millimetres.
    pub(super) fn size(&self) -> [f64; 2] {
        [0, 1].map(|i| self.voxels[i] as f64 * self.spacing[i])
    }
}

/// Name, the world axis across it, those to the right and upwards, and the letters at its edges.
const PLANES: [(&str, usize, [usize; 2], [&str; 4]); 3] = [
    ("sagittal, x", 0, [1, 2], ["P", "A", "I", "S"]),
    ("coronal, y", 1, [0, 2], ["L", "R", "I", "S"]),
    ("axial, z", 2, [0, 1], ["L", "R", "P", "A"]),
];

/// Colours of labels 1, 2, 3, ...; later ones repeat.
const LABELS: [[f32; 3]; 12] = [
    [0.90, 0.29, 0.27],
    [0.27, 0.67, 0.40],
    [0.33, 0.55, 0.93],
    [0.96, 0.76, 0.28],
    [0.66, 0.43, 0.86],
    [0.24, 0.74, 0.78],
    [0.95, 0.54, 0.25],
    [0.90, 0.49, 0.73],
    [0.62, 0.78, 0.29],
    [0.57, 0.47, 0.37],
    [0.70, 0.76, 0.86],
    [0.45, 0.52, 0.20],
];

/// What a voxel looks like before a window is chosen.
enum Seen {
    Number(f32),
    Colour([f32; 3]),
}

impl View {
    pub(super) fn of(volume: &LazyVolume) -> Result<View> {
        let source = first_channel(volume)?;
        let grid = *source.grid();
        let orientation = grid.orientation();
        let spacing = grid.spacing().map(|s| if s > 0.0 && s.is_finite() { s } else { 1.0 });
        let label = volume.role() == Role::Label;
        let mut raw = vec![];
        for (_, across, shown, _) in PLANES {
            raw.push(read(&source, &orientation, across, shown)?);
        }
        let [low, high] = window(&raw);
        let mut planes = PLANES.iter().zip(raw).map(|(&(name, across, shown, letters), (index, seen))| {
            let axes = shown.map(|w| voxel_axis(&orientation, w));
            let colour = |s: &Seen| match *s {
                Seen::Colour(c) => c,
                Seen::Number(v) if label && v >= 1.0 => LABELS[(v as usize - 1) % LABELS.len()],
                Seen::Number(v) if label || !v.is_finite() => [0.0; 3],
                Seen::Number(v) => {
                    [((v as f64 - low as f64) / (high as f64 - low as f64)).clamp(0.0, 1.0) as f32; 3]
                }
            };
            let mut centre = grid.center();
            let through = voxel_axis(&orientation, across);
            centre[through] = index as f64;
            Plane {
                voxels: axes.map(|a| grid.shape[a]),
                spacing: axes.map(|a| spacing[a]),
                colours: seen.iter().map(colour).collect(),
                smooth: !label,
                letters,
                title: format!("{name} = {} mm", short((grid.world(centre)[across] * 10.0).round() / 10.0)),
            }
        });
        let planes = match (planes.next(), planes.next(), planes.next()) {
            (Some(a), Some(b), Some(c)) => [a, b, c],
            _ => return Err(medcore::Error::shape("preview", "fewer planes", "three planes").into()),
        };
        let [x, y, z] = grid.shape;
        let s = grid.spacing().map(short);
        let facts = volume.facts()?;
        let frames: Vec<_> = facts.extra.iter().map(|n| format!(" x {n}")).collect();
        let mut text = format!(
            "{x} x {y} x {z}{}  |  {} x {} x {} mm  |  {orientation}  |  {}",
            frames.concat(),
            s[0],
            s[1],
            s[2],
            facts.dtype
        );
        if !label && !matches!(facts.dtype, DType::Rgb24 | DType::Rgba32) {
            let _ = write!(text, "  |  grey from {} to {}", short(low as f64), short(high as f64));
        }
        Ok(View { planes, facts: text })
    }
}

/// A number with at most three digits after the point.
fn short(v: f64) -> String {
    let text = format!("{v:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// The voxel axis that runs along a world axis.
fn voxel_axis(orientation: &Orientation, world: usize) -> usize {
    orientation.axes.iter().position(|&w| w == world).unwrap_or(world)
}

/// Something of which planes of the first channel can be read one by one.
fn first_channel(volume: &LazyVolume) -> Result<Source> {
    if !volume.is_untouched() {
        return Ok(Source::Memory(volume.compute()?));
    }
    let source = match volume.source() {
        Source::Stack(stack) => match &stack.parts()[0] {
            part if part.channels().first() == Some(&0) => part.source(),
            _ => volume.source(),
        },
        source => source,
    };
    match source {
        Source::File(file) if file.compressed() => {
            // Any plane means inflating nearly all: once is enough.
            let size = file.grid().len() * file.stored_dtype().bytes();
            let mut raw = Buffer::for_overwrite(size).map_err(medcore::Error::from)?;
            file.read_raw(0, &Box3::whole(file.grid().shape), raw.as_bytes_mut())?;
            let part = Volume::packed(
                Arc::new(raw),
                file.stored_dtype(),
                *file.grid(),
                vec![],
                file.meta().clone(),
            )?;
            Ok(Source::Memory(part.with_scale(file.scale())))
        }
        source => source.ready(),
    }
}

/// The central plane across a world axis, turned so that both axes run towards R, A, S; and its index along its voxel axis.
fn read(
    source: &Source,
    orientation: &Orientation,
    across: usize,
    shown: [usize; 2],
) -> Result<(usize, Vec<Seen>)> {
    let shape = source.grid().shape;
    let through = voxel_axis(orientation, across);
    let n = shape[through];
    let index = if orientation.flipped[through] { n - 1 - n / 2 } else { n / 2 };
    let mut area = Box3::whole(shape);
    (area.start[through], area.shape[through]) = (index, 1);
    let dtype = source.dtype();
    let want = if dtype.is_real() { Want::F32 } else { Want::Stored };
    let size = want.dtype(dtype).bytes();
    let mut bytes = Buffer::for_overwrite(area.len() * size).map_err(medcore::Error::from)?;
    source.read(0, &area, want, bytes.as_bytes_mut())?;
    let number = |at: usize| f32::from_ne_bytes([0, 1, 2, 3].map(|i| bytes.as_bytes()[at + i]));
    let double = |at: usize| f64::from_ne_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| bytes.as_bytes()[at + i]));
    let magnitude = |re: f64, im: f64| (re * re + im * im).sqrt() as f32;
    let seen = |voxel: usize| {
        let at = voxel * size;
        match dtype {
            DType::Rgb24 | DType::Rgba32 => {
                Seen::Colour([0, 1, 2].map(|i| bytes.as_bytes()[at + i] as f32 / 255.0))
            }
            DType::C64 => Seen::Number(magnitude(number(at) as f64, number(at + 4) as f64)),
            DType::C128 => Seen::Number(magnitude(double(at), double(at + 8))),
            _ => Seen::Number(number(at)),
        }
    };
    let strides = [1, area.shape[0], area.shape[0] * area.shape[1]];
    let [right, up] = shown.map(|w| voxel_axis(orientation, w));
    let place = |axis: usize, i: usize| {
        strides[axis] * if orientation.flipped[axis] { shape[axis] - 1 - i } else { i }
    };
    let pixels = (0..shape[up]).flat_map(|v| (0..shape[right]).map(move |u| (u, v)));
    Ok((index, pixels.map(|(u, v)| seen(place(right, u) + place(up, v))).collect()))
}

/// The 0.5th and 99.5th percentile of all finite numbers; never empty.
fn window(planes: &[(usize, Vec<Seen>)]) -> [f32; 2] {
    let numbers = planes.iter().flat_map(|(_, p)| p).filter_map(|s| match s {
        Seen::Number(v) if v.is_finite() => Some(*v),
        _ => None,
    });
    let mut sorted: Vec<f32> = numbers.collect();
    sorted.sort_by(f32::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return [0.0, 1.0] };
    let [low, high] = [0.005, 0.995].map(|q| sorted[(q * last as f64).round() as usize]);
    if low < high {
        [low, high]
    } else if sorted[0] < sorted[last] {
        [sorted[0], sorted[last]]
    } else {
        [low, low + low.abs().max(1.0)]
    }
}

#[cfg(test)]
mod tests {
    use medcore::{Affine, Grid};

    use super::*;
    use crate::Node;

    /// 5 x 4 x 3 voxels in RAS, each value its own.
    fn phantom() -> LazyVolume {
        let grid = Grid::new([5, 4, 3], Affine::from_spacing([1.0, 2.0, 3.0]));
        let values: Vec<f32> = (0..60).map(|v| v as f32).collect();
        LazyVolume::from_volume(Volume::from_f32(grid, &values).unwrap())
    }

    #[test]
    fn planes_are_the_same_however_the_voxels_lie() {
        let wanted = View::of(&phantom()).unwrap();
        let mut seen = 0;
        for axes in ["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"] {
            for bits in 0..8 {
                let letter = |a: char| match a {
                    'x' => ["R", "L"][bits & 1],
                    'y' => ["A", "P"][bits >> 1 & 1],
                    _ => ["S", "I"][bits >> 2 & 1],
                };
                let code: String = axes.chars().map(letter).collect();
                let turned =
                    phantom().then(Node::new("reorient", code.clone().into()).unwrap(), None).unwrap();
                let view = View::of(&LazyVolume::from_volume(turned.compute().unwrap())).unwrap();
                for (a, b) in view.planes.iter().zip(&wanted.planes) {
                    assert_eq!((a.voxels, a.spacing, &a.title), (b.voxels, b.spacing, &b.title), "{code}");
                    assert_eq!(a.colours, b.colours, "{code}");
                }
                seen += 1;
            }
        }
        assert_eq!(seen, 48);
    }

    #[test]
    fn the_axial_plane_has_right_at_the_right_and_anterior_on_top() {
        let view = View::of(&phantom()).unwrap();
        let axial = &view.planes[2];
        assert_eq!((axial.voxels, axial.letters), ([5, 4], ["L", "R", "P", "A"]));
        // Slice 1 holds 20 to 39: brighter towards R and A.
        let [low, high] = window(&[read(&phantom().source().clone(), &Orientation::RAS, 2, [0, 1]).unwrap()]);
        assert_eq!((low, high), (20.0, 39.0));
        let grey: Vec<f32> = axial.colours.iter().map(|c| c[0]).collect();
        assert!(grey.windows(2).all(|w| w[0] <= w[1]), "{grey:?}");
        assert_eq!(view.facts, "5 x 4 x 3  |  1 x 2 x 3 mm  |  RAS  |  float32  |  grey from 2 to 57");
    }

    #[test]
    fn odd_contents_are_drawn() {
        let grid = Grid::new([2, 2, 1], Affine::from_spacing([0.0, 1.0, f64::NAN]));
        for values in
            [[f32::NAN; 4], [7.0; 4], [f32::INFINITY, 1.0, 2.0, f32::NEG_INFINITY], [-3e38, 3e38, 0.0, 1.0]]
        {
            let volume = LazyVolume::from_volume(Volume::from_f32(grid, &values).unwrap());
            let view = View::of(&volume).unwrap();
            assert!(
                view.planes.iter().flat_map(|p| &p.colours).flatten().all(|v| (0.0..=1.0).contains(v)),
                "{values:?}"
            );
            crate::preview_png(&[("odd", &volume)], 640).unwrap();
        }
    }
}
