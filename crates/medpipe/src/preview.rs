//! A picture of volumes: the three central planes of each, with directions and a scale.

mod canvas;
mod plane;

use medcore::Error;

use crate::{LazyVolume, Result};
use canvas::{Canvas, LINE, text_width};
use plane::{Plane, View};

const BACKGROUND: [u8; 3] = [15, 17, 21];
const BRIGHT: [u8; 3] = [236, 239, 244];
const DIM: [u8; 3] = [138, 147, 162];
const DIRECTION: [u8; 3] = [255, 196, 84];
/// Pixels around everything.
const MARGIN: usize = 18;
/// Pixels beside a plane, where its direction letters stand.
const GUTTER: usize = 20;

/// A PNG of the three central planes (sagittal, coronal, axial) of each volume, one row for each, all at one scale of pixels to millimetres.
///
/// Planes are shown along the voxel axes, turned to the nearest anatomical directions: letters (R L A P S I) stand at the edges, the patient's right is
/// on the right. Pixels are square in the world. Grey values run from the 0.5th to the 99.5th percentile of the three planes; labels are coloured, 0 is black; of
/// complex voxels the magnitude is shown; of several frames or channels the first. Values that are not finite are black.
///
/// `width` is the picture's in pixels (320 to 4096). From an uncompressed file that nothing was done to, only the three planes are read.
///
/// # Errors
/// Reading errors; [`medcore::Error::Param`] if there is no volume, or for another width.
///
/// ```
/// use medcore::{Affine, Grid, Volume};
/// use medpipe::{LazyVolume, preview_png};
///
/// let grid = Grid::new([4, 3, 2], Affine::from_spacing([1.0, 1.0, 2.5]));
/// let volume = LazyVolume::from_volume(Volume::from_f32(grid, &[1.5; 24])?);
/// let picture = preview_png(&[("phantom", &volume)], 640)?;
/// assert_eq!(picture[..4], *b"\x89PNG");
/// # Ok::<(), medpipe::Error>(())
/// ```
pub fn preview_png(volumes: &[(&str, &LazyVolume)], width: usize) -> Result<Vec<u8>> {
    if !(320..=4096).contains(&width) {
        return Err(Error::param("preview", "width", width, "320 to 4096 pixels").into());
    }
    if volumes.is_empty() {
        return Err(Error::param("preview", "volumes", "an empty list", "at least one").into());
    }
    let views = volumes.iter().map(|(_, v)| View::of(v)).collect::<Result<Vec<_>>>()?;
    let layout = Layout::of(&views, width);
    let mut canvas = Canvas::new(width, layout.height(&views), BACKGROUND);
    let mut top = MARGIN;
    for ((caption, _), view) in volumes.iter().zip(&views) {
        top = layout.row(&mut canvas, top, caption, view);
    }
    Ok(canvas.to_png().map_err(|e| Error::Source(std::sync::Arc::new(e)))?)
}

/// Where things go: one scale and three columns for all rows.
struct Layout {
    width: usize,
    /// Pixels for a millimetre.
    scale: f64,
    /// Widths of the columns in pixels, gutters not counted.
    columns: [usize; 3],
}

impl Layout {
    fn of(views: &[View], width: usize) -> Layout {
        let widest = |c: usize| views.iter().map(|v| v.planes[c].size()[0]).fold(0.0, f64::max);
        let millimetres: f64 = (0..3).map(widest).sum();
        let highest = views.iter().flat_map(|v| &v.planes).map(|p| p.size()[1]).fold(0.0, f64::max);
        let room = (width - 2 * MARGIN - 6 * GUTTER) as f64;
        let scale = (room / millimetres).min(2.0 * width as f64 / highest);
        let share = if scale * millimetres < room { room / 3.0 } else { 0.0 };
        let columns = [0, 1, 2].map(|c| (widest(c) * scale).max(share).floor() as usize);
        Layout { width, scale, columns }
    }

    fn pixels(&self, plane: &Plane) -> [usize; 2] {
        plane.size().map(|mm| ((mm * self.scale).round() as usize).max(1))
    }

    fn row_height(&self, view: &View) -> usize {
        view.planes.iter().map(|p| self.pixels(p)[1]).max().unwrap_or(0)
    }

    fn height(&self, views: &[View]) -> usize {
        let row = |v: &View| 2 * LINE + GUTTER + self.row_height(v) + GUTTER + LINE + MARGIN;
        MARGIN + views.iter().map(row).sum::<usize>()
    }

    /// Draws a row and returns where the next one starts.
    fn row(&self, canvas: &mut Canvas, top: usize, caption: &str, view: &View) -> usize {
        let bar = self.scale_bar(canvas, top);
        let room = |right: usize| right.saturating_sub(MARGIN) / text_width("0");
        canvas.text(MARGIN, top, &shortened(caption, room(bar)), BRIGHT);
        canvas.text(MARGIN, top + LINE, &shortened(&view.facts, room(self.width - MARGIN)), DIM);
        let planes_top = top + 2 * LINE + GUTTER;
        let height = self.row_height(view);
        let under = planes_top + height + GUTTER;
        let mut left = MARGIN;
        for (plane, column) in view.planes.iter().zip(self.columns) {
            let [w, h] = self.pixels(plane);
            let x = left + GUTTER + column.saturating_sub(w) / 2;
            let y = planes_top + (height - h) / 2;
            canvas.picture(x, y, [w, h], plane);
            let letter = text_width("R");
            let [west, east, south, north] = plane.letters;
            canvas.text(x.saturating_sub(letter + 5), y + h / 2 - (LINE / 2).min(h / 2), west, DIRECTION);
            canvas.text(x + w + 5, y + h / 2 - (LINE / 2).min(h / 2), east, DIRECTION);
            canvas.text(x + w / 2 - (letter / 2).min(w / 2), y - LINE, north, DIRECTION);
            canvas.text(x + w / 2 - (letter / 2).min(w / 2), y + h + 1, south, DIRECTION);
            canvas.text(left + GUTTER, under, &plane.title, DIM);
            left += column + 2 * GUTTER;
        }
        under + LINE + MARGIN
    }

    /// A bar of a round number of millimetres, at the right; returns where it and its label start.
    fn scale_bar(&self, canvas: &mut Canvas, y: usize) -> usize {
        let longest = 0.16 * self.width as f64 / self.scale;
        let mut length = 1e-3;
        for power in -3..=6 {
            for step in [1.0, 2.0, 5.0] {
                let mm = step * 10f64.powi(power);
                if mm <= longest {
                    length = mm;
                }
            }
        }
        let pixels = (length * self.scale).round().max(1.0) as usize;
        let label = format!("{length} mm");
        let right = self.width - MARGIN - GUTTER;
        let left = right.saturating_sub(pixels);
        let start = left.saturating_sub(text_width(&label) + 8);
        canvas.text(start, y, &label, BRIGHT);
        let middle = y + LINE / 2;
        canvas.fill([left, right], [middle - 1, middle + 1], BRIGHT);
        canvas.fill([left, left + 2], [middle - 5, middle + 5], BRIGHT);
        canvas.fill([right - 2, right], [middle - 5, middle + 5], BRIGHT);
        start
    }
}

/// The text, cut in the middle if it has more than `room` characters.
fn shortened(text: &str, room: usize) -> String {
    let n = text.chars().count();
    if n <= room {
        return text.into();
    }
    let keep = room.saturating_sub(3);
    let head: String = text.chars().take(keep / 2).collect();
    let tail: String = text.chars().skip(n - (keep - keep / 2)).collect();
    format!("{head}...{tail}")
}
