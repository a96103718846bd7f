//! Pixels, letters and the PNG.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::plane::Plane;

/// Height of a line of text in pixels.
pub(super) const LINE: usize = RasterHeight::Size16 as usize + 4;

/// Width of a text in pixels.
pub(super) fn text_width(text: &str) -> usize {
    text.chars().count() * get_raster_width(FontWeight::Regular, RasterHeight::Size16)
}

/// An RGB picture.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize, background: [u8; 3]) -> Canvas {
        Canvas { width, height, pixels: vec![background; width * height] }
    }

    /// Mixes a colour into a pixel; beyond the edge, nothing happens.
    fn blend(&mut self, x: usize, y: usize, colour: [u8; 3], share: f32) {
        if x >= self.width || y >= self.height {
            return;
        }
        let pixel = &mut self.pixels[y * self.width + x];
        for (p, c) in pixel.iter_mut().zip(colour) {
            *p = (*p as f32 + (c as f32 - *p as f32) * share).round() as u8;
        }
    }

    /// A filled rectangle, `x[0]..x[1]` by `y[0]..y[1]`.
    pub(super) fn fill(&mut self, x: [usize; 2], y: [usize; 2], colour: [u8; 3]) {
        for v in y[0]..y[1] {
            for u in x[0]..x[1] {
                self.blend(u, v, colour, 1.0);
            }
        }
    }

    /// One line of text with its upper left corner at (x, y). Letters that the font lacks become `?`.
    pub(super) fn text(&mut self, x: usize, y: usize, text: &str, colour: [u8; 3]) {
        let mut left = x;
        for letter in text.chars() {
            let glyph = |c| get_raster(c, FontWeight::Regular, RasterHeight::Size16);
            let Some(raster) = glyph(letter).or_else(|| glyph('?')) else { continue };
            for (v, row) in raster.raster().iter().enumerate() {
                for (u, &share) in row.iter().enumerate() {
                    self.blend(left + u, y + 2 + v, colour, share as f32 / 255.0);
                }
            }
            left += raster.width();
        }
    }

    /// A plane, scaled to a rectangle with its upper left corner at (x, y).
    pub(super) fn picture(&mut self, x: usize, y: usize, size: [usize; 2], plane: &Plane) {
        let [w, h] = size;
        let across = weights(plane.voxels[0], w, plane.smooth);
        let up = weights(plane.voxels[1], h, plane.smooth);
        for (v, (first_row, rows)) in up.iter().enumerate() {
            for (u, (first, columns)) in across.iter().enumerate() {
                let mut sum = [0.0f32; 3];
                for (j, wy) in rows.iter().enumerate() {
                    let row = &plane.colours[(first_row + j) * plane.voxels[0] + first..];
                    for (wx, colour) in columns.iter().zip(row) {
                        for (s, c) in sum.iter_mut().zip(colour) {
                            *s += wx * wy * c;
                        }
                    }
                }
                self.blend(x + u, y + h - 1 - v, sum.map(|s| (s * 255.0).round() as u8), 1.0);
            }
        }
    }

    /// The picture as a PNG file.
    pub(super) fn to_png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut out = vec![];
        let mut encoder = png::Encoder::new(&mut out, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels.as_flattened())?;
        writer.finish()?;
        Ok(out)
    }
}

/// For each of `pixels`, the first of `voxels` that it sees and their shares: a triangle as wide as the larger of the two, or the
/// nearest voxel alone.
fn weights(voxels: usize, pixels: usize, smooth: bool) -> Vec<(usize, Vec<f32>)> {
    let step = voxels as f64 / pixels as f64;
    let one = |p: usize| {
        let centre = (p as f64 + 0.5) * step - 0.5;
        if !smooth {
            return ((centre.round().max(0.0) as usize).min(voxels - 1), vec![1.0]);
        }
        let reach = step.max(1.0);
        let first = (centre - reach).ceil().max(0.0) as usize;
        let last = ((centre + reach).floor().max(0.0) as usize).min(voxels - 1);
        let shares: Vec<f64> =
            (first..=last).map(|i| (1.0 - (i as f64 - centre).abs() / reach).max(0.0)).collect();
        let total: f64 = shares.iter().sum();
        (first, shares.iter().map(|s| (s / total) as f32).collect())
    };
    (0..pixels).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_reach_every_voxel() {
        for (voxels, pixels) in [(1, 1), (1, 7), (3, 10), (10, 10), (10, 3), (189, 128), (1000, 7)] {
            for smooth in [false, true] {
                let w = weights(voxels, pixels, smooth);
                assert_eq!(w.len(), pixels);
                for (first, shares) in &w {
                    assert!(first + shares.len() <= voxels && !shares.is_empty());
                    assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                }
            }
            let mut seen = vec![0.0; voxels];
            for (first, shares) in weights(voxels, pixels, true) {
                shares.iter().enumerate().for_each(|(i, s)| seen[first + i] += s);
            }
            assert!(seen.iter().all(|&s| s > 0.0), "{voxels} in {pixels}: {seen:?}");
        }
    }
}
