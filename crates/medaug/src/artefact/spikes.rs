use medcore::{Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artefact::k_space::{frequency, whole_channel};
use crate::artefact::spectrum::Spectrum;

/// Add waves over the whole image, as spikes among its frequencies make them ("herringbone").
///
/// Each spike adds `intensity` times the largest magnitude so far to the real part of one frequency, drawn uniformly. Corresponds to TorchIO's
/// `RandomSpike`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "KSpaceSpikeNoise, RandKSpaceSpikeNoise",
    "TorchIO": "Spike, RandomSpike"
}))]
pub struct Spikes {
    /// Number of spikes, 0 to 100; a drawn number is rounded down.
    pub spikes: Dist,
    /// Height of a spike relative to the largest magnitude of all frequencies.
    pub intensity: Dist,
}

impl Default for Spikes {
    fn default() -> Spikes {
        Spikes { spikes: 1.0.into(), intensity: 1.0.into() }
    }
}

impl Declared for Spikes {
    const NAME: &'static str = "spikes";
    const CATEGORY: Category = Category::Artefact;
    const MAIN: Option<&'static str> = Some("intensity");
    const RANDOM: bool = true;
}

impl Transform for Spikes {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.spikes.within(Self::NAME, "spikes", 0.0, 100.0)?;
        let count = self.spikes.draw(key.text("spikes")) as u64;
        let intensity = self.intensity.draw(key.text("intensity")) as f32;
        let n = at.grid.shape;
        let place = |spike: u64| {
            let key = key.text("place").index(spike);
            [0, 1, 2].map(|i| key.index(i as u64).below(n[i] as u64) as usize)
        };
        let places: Vec<[usize; 3]> = (0..count).map(place).collect();
        if places.is_empty() || intensity == 0.0 {
            return Ok(vec![]);
        }
        let label = format!("spikes of {intensity:.4} at the centred frequencies {places:?}");
        Ok(whole_channel(label, move |voxels, shape| {
            if voxels.is_empty() {
                return Ok(());
            }
            let spectrum = Spectrum::of(voxels, shape)?;
            let mut largest = spectrum.largest();
            let mut added: Vec<([usize; 3], f32)> = vec![];
            for place in &places {
                let k = [0, 1, 2].map(|i| frequency(place[i], shape[i]));
                let height = largest * intensity;
                added.push((k, height));
                let here: f32 = added.iter().filter(|(at, _)| *at == k).map(|(_, height)| height).sum();
                largest = largest.max((spectrum.at(k) + here).norm_sqr().sqrt());
                add_wave(voxels, shape, k, height);
            }
            Ok(())
        }))
    }
}

/// Adds what a real number at a frequency is in the image.
fn add_wave(voxels: &mut [f32], shape: [usize; 3], k: [usize; 3], height: f32) {
    let share = f64::from(height) / voxels.len() as f64;
    // The angle of the wave at a place along an axis; whole turns are left out before it is rounded.
    let angle = |axis: usize, at: usize| {
        std::f64::consts::TAU * ((k[axis] * at) % shape[axis]) as f64 / shape[axis] as f64
    };
    let of_x = |x: usize| {
        let angle = angle(0, x);
        [(libm::cos(angle) * share) as f32, (libm::sin(angle) * share) as f32]
    };
    let along_x: Vec<[f32; 2]> = (0..shape[0]).map(of_x).collect();
    for (n, row) in voxels.chunks_mut(shape[0].max(1)).enumerate() {
        let angle = angle(1, n % shape[1]) + angle(2, n / shape[1]);
        let (c, s) = (libm::cos(angle) as f32, libm::sin(angle) as f32);
        for (v, [cx, sx]) in row.iter_mut().zip(&along_x) {
            *v += cx * c - sx * s;
        }
    }
}
