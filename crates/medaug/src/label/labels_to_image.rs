use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use medcore::{
    Category, DType, Declared, Derived, Dist, Error, Facts, ItemFacts, Items, Key, Remake, RemakeBy, Result,
    Role, RowAt, Step, Transform,
};
use medkernels::philox::{self, Stream};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Make an image from the label: the voxels of each label value are normally distributed, with a mean and a deviation that are drawn for it.
///
/// For networks that must not mind the contrast (`SynthSeg`, Billot et al., Medical Image Analysis 2023): deform the label, make the image, then `bias_field`, `gamma` and
/// `simulate_low_resolution` or `anisotropy`; a `gaussian_smooth` softens the borders. Partial volumes come of a chain: the label on voxels smaller than wanted (`resample`), the image
/// of it, a `gaussian_smooth` of about a third of the wanted voxel, and a `resample` to that; a voxel then is a mixture of the labels in it.
///
/// Of a map (`keys`) the channels are the shares of tissues, whose numbers are the label values: a voxel is the sum of what each tissue would be there, by its share. Both correspond to TorchIO's
/// `RandomLabelsToImage`, on label maps and on partial volumes. The image is there when transforms that come
/// after look for images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"TorchIO": "LabelsToImage, RandomLabelsToImage"}))]
pub struct LabelsToImage {
    /// Lowest and highest mean, drawn uniformly for each label value.
    pub mean: [f64; 2],
    /// Lowest and highest standard deviation, drawn uniformly for each label value; not below 0.
    pub std: [f64; 2],
    /// Means of single label values, or what they are drawn from, instead.
    pub means: Option<BTreeMap<i64, Dist>>,
    /// Standard deviations of single label values, or what they are drawn from, instead.
    pub stds: Option<BTreeMap<i64, Dist>>,
    /// Label values that have the numbers of another one: `{42: 3}` for the cortex of the other hemisphere.
    pub same: Option<BTreeMap<i64, i64>>,
    /// Name of the image; an image of that name is replaced.
    pub image: String,
}

impl Default for LabelsToImage {
    fn default() -> LabelsToImage {
        LabelsToImage {
            mean: [0.1, 0.9],
            std: [0.01, 0.1],
            means: None,
            stds: None,
            same: None,
            image: "image".into(),
        }
    }
}

impl Declared for LabelsToImage {
    const NAME: &'static str = "labels_to_image";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("mean");
    const RANDOM: bool = true;
}

impl Transform for LabelsToImage {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        for (name, [low, high], least) in [("mean", self.mean, f64::MIN), ("std", self.std, 0.0)] {
            if !(least <= low && low <= high && high.is_finite()) {
                let wanted = "two finite numbers, low then high, deviations not below 0";
                return Err(Error::param(Self::NAME, name, format!("[{low}, {high}]"), wanted));
            }
        }
        self.stds
            .iter()
            .flat_map(BTreeMap::values)
            .try_for_each(|d| d.within(Self::NAME, "stds", 0.0, f64::MAX))?;
        if let Some(other) = at.items.iter().find(|i| i.name == self.image && i.role != Role::Image) {
            let found = format!("{:?}, a {}", self.image, other.role);
            return Err(Error::param(Self::NAME, "image", found, "an image's name, or a new one"));
        }
        let tissues = Tissues { given: self.clone(), key, known: RwLock::default() };
        let stream = key.text("voxels").stream();
        let shares = at.item.is_some_and(|item| item.role != Role::Label);
        let steps = if shares {
            let each =
                Step::point_at("tissues by their shares", move |row, at| tissues.share(row, at, stream));
            vec![each, Step::Remake(sum(at.item.map_or(1, ItemFacts::channels)))]
        } else {
            vec![Step::point_at("an image of labels", move |row, at| tissues.paint(row, at, stream))]
        };
        let image = Derived { name: self.image.clone(), role: Role::Image, steps };
        Ok(vec![Step::Items(Items::Derive { items: vec![image], whole: false, instead: false })])
    }

    fn derives(&self) -> bool {
        true
    }
}

/// The sum of so many channels, the first first.
fn sum(channels: usize) -> Remake {
    let run = |rows: &[&[u8]], out: &mut [&mut [u8]]| {
        let out: &mut [f32] = bytemuck::cast_slice_mut(&mut out[0][..]);
        out.fill(0.0);
        for row in rows {
            out.iter_mut().zip(bytemuck::cast_slice::<u8, f32>(row)).for_each(|(sum, v)| *sum += *v);
        }
        Ok(())
    };
    let label = format!("the sum of {channels} tissues");
    Remake { label, dtype: DType::F32, extra: vec![], by: RemakeBy::Voxels(Arc::new(run)) }
}

/// Mean and deviation of the label values that were met so far; they follow from the key alone.
struct Tissues {
    given: LabelsToImage,
    key: Key,
    known: RwLock<HashMap<u32, [f32; 2]>>,
}

impl Tissues {
    fn drawn(&self, label: f32) -> [f32; 2] {
        let label = label as i64;
        let label = self.given.same.as_ref().and_then(|same| same.get(&label)).copied().unwrap_or(label);
        let draw = |single: &Option<BTreeMap<i64, Dist>>, [low, high]: [f64; 2], name: &str| {
            let key = self.key.text(name).index(label as u64);
            let single = single.as_ref().and_then(|all| all.get(&label));
            single.map_or_else(|| low + (high - low) * key.uniform(), |d| d.draw(key)) as f32
        };
        [draw(&self.given.means, self.given.mean, "mean"), draw(&self.given.stds, self.given.std, "std")]
    }

    /// The numbers of a label value, by its bits.
    fn of(&self, label: f32) -> [f32; 2] {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&label.to_bits()).copied();
        known.unwrap_or_else(|| {
            let drawn = self.drawn(label);
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(label.to_bits(), drawn);
            drawn
        })
    }

    /// Turns the shares of a tissue, which the channel's number names, into its part of the intensities.
    fn share(&self, row: &mut [f32], at: &RowAt, stream: Stream) {
        const PART: usize = 256;
        let [mean, std] = self.of(at.channel as f32);
        let mut noise = [0.0; PART];
        for (n, part) in row.chunks_mut(PART).enumerate() {
            let noise = &mut noise[..part.len()];
            philox::normal_row(noise, stream, at.number() + (n * PART) as u64);
            points::affine(&mut *noise, std, mean);
            part.iter_mut().zip(&*noise).for_each(|(share, v)| *share *= *v);
        }
    }

    /// Turns labels into intensities.
    fn paint(&self, row: &mut [f32], at: &RowAt, stream: Stream) {
        const PART: usize = 256;
        let mut labels = [0.0; PART];
        let (mut last, mut numbers) = (f32::NAN, [0.0; 2]);
        for (n, part) in row.chunks_mut(PART).enumerate() {
            let labels = &mut labels[..part.len()];
            labels.copy_from_slice(part);
            philox::normal_row(part, stream, at.number() + (n * PART) as u64);
            let mut from = 0;
            for run in labels.chunk_by(|a, b| a == b) {
                if run[0] != last {
                    (last, numbers) = (run[0], self.of(run[0]));
                }
                points::affine(&mut part[from..from + run.len()], numbers[1], numbers[0]);
                from += run.len();
            }
        }
    }
}
