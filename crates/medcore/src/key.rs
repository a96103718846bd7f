//! Randomness with names.

use std::fmt;
use std::str::FromStr;

use medkernels::philox;
use serde::{Deserialize, Serialize};

/// The name of a random draw: a path of labels below a seed, each arrow one call of Philox 4x32-10 (Salmon et al., SC 2011).
///
/// Keys are derived, never advanced: threads, tiles, order and resuming cannot change what a key draws. Text and numbers are
/// told apart, and so are a key's children and its own draws.
///
/// ```
/// use medcore::Key;
/// let key = Key::new(7).epoch(0).sample("case-12").text("gaussian_noise").index(0);
/// assert_eq!(key.text("std").uniform(), key.text("std").uniform());
/// assert_ne!(key.text("std").uniform(), key.text("p").uniform());
/// ```
///
/// As text a key is 32 hexadecimal digits: its four words in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key {
    key: [u32; 2],
    high: [u32; 2],
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.key;
        let [c, d] = self.high;
        write!(f, "{a:08x}{b:08x}{c:08x}{d:08x}")
    }
}

impl From<Key> for String {
    fn from(key: Key) -> String {
        key.to_string()
    }
}

impl FromStr for Key {
    type Err = &'static str;

    /// Reads what is written. The error is what was expected.
    fn from_str(text: &str) -> Result<Key, &'static str> {
        let wrong = "32 hexadecimal digits";
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong);
        }
        let all = u128::from_str_radix(text, 16).map_err(|_| wrong)?;
        let word = |n: u32| (all >> (96 - 32 * n)) as u32;
        Ok(Key { key: [word(0), word(1)], high: [word(2), word(3)] })
    }
}

impl TryFrom<String> for Key {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Key, &'static str> {
        text.parse()
    }
}

/// The second counter word tells what a block is for: voxels count from 0, single draws, parts of a name, ends of a
/// name each have their own range, so that paths cannot collide by concatenation and a draw is never a key.
const TAG_DRAW: u32 = 0x4000_0000;
const TAG_PART: u32 = 0x2000_0000;
const TAG_INDEX: u32 = 0x8000_0001;
const TAG_TEXT: u32 = 0x8000_0002;

impl Key {
    /// The root of a seed.
    pub fn new(seed: u64) -> Key {
        Key { key: [seed as u32, (seed >> 32) as u32], high: [0x6d65_646f, 0x7869_6465] }.step(0, TAG_INDEX)
    }

    fn step(self, low: u32, tag: u32) -> Key {
        let [a, b, c, d] = philox::block([low, tag, self.high[0], self.high[1]], self.key);
        Key { key: [a, b], high: [c, d] }
    }

    /// The child with a number.
    pub fn index(self, i: u64) -> Key {
        self.step(i as u32, TAG_PART).step((i >> 32) as u32, TAG_INDEX)
    }

    /// The child with a name.
    pub fn text(self, name: &str) -> Key {
        let mut key = self;
        for (n, chunk) in name.as_bytes().chunks(4).enumerate() {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            key = key.step(u32::from_le_bytes(word), TAG_PART | (n as u32 & 0x0fff_ffff));
        }
        key.step(name.len() as u32, TAG_TEXT)
    }

    /// The child of an epoch.
    pub fn epoch(self, epoch: u64) -> Key {
        self.text("epoch").index(epoch)
    }

    /// The child of a sample, by its identifier (its first path, unless named).
    pub fn sample(self, id: &str) -> Key {
        self.text("sample").text(id)
    }

    /// Sixty-four random bits.
    pub fn bits(self) -> u64 {
        let [a, b, ..] = philox::block([0, TAG_DRAW, self.high[0], self.high[1]], self.key);
        u64::from(a) | u64::from(b) << 32
    }

    /// A uniform draw from [0, 1), with 53 random bits.
    pub fn uniform(self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A whole number from `0..n`, each equally likely (Lemire's multiplication; the bias of 64 bits is below 2^-32 for n < 2^32).
    pub fn below(self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// A draw from the standard normal distribution (Box and Muller 1958).
    pub fn normal(self) -> f64 {
        let u = 1.0 - self.text("u").uniform();
        let v = self.text("v").uniform();
        (-2.0 * libm::log(u)).sqrt() * libm::cos(std::f64::consts::TAU * v)
    }

    /// The stream of per-voxel draws below this key; the voxel's index in its logical grid is the counter.
    pub fn stream(self) -> philox::Stream {
        philox::Stream { key: self.key, hi: self.high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_do_not_collide() {
        let root = Key::new(0);
        let mut seen = HashSet::new();
        for name in ["", "a", "b", "ab", "ba", "abcd", "abcde", "abcd\0", "0", "1"] {
            assert!(seen.insert(root.text(name)));
        }
        for i in 0..1000 {
            assert!(seen.insert(root.index(i)));
            assert!(seen.insert(Key::new(i + 1)));
        }
        assert!(seen.insert(root.text("a").text("b")));
    }

    #[test]
    fn keys_as_text() {
        for key in [Key::new(0), Key::new(7).epoch(3).sample("a"), Key::new(u64::MAX)] {
            assert_eq!(key.to_string().parse(), Ok(key));
            assert_eq!(serde_json::from_value::<Key>(serde_json::to_value(key).unwrap()).unwrap(), key);
        }
        for bad in ["", "12", "+2345678123456781234567812345678", &"g".repeat(32), &"0".repeat(33)] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    #[test]
    fn neighbouring_seeds_share_nothing() {
        let draws = |seed| (0..256).map(move |i| Key::new(seed).index(i).bits());
        let a: HashSet<u64> = draws(5).collect();
        assert!(draws(6).all(|v| !a.contains(&v)));
    }

    #[test]
    fn normal_draws_have_the_moments_of_a_normal() {
        let n = 20_000;
        let v: Vec<f64> = (0..n).map(|i| Key::new(3).index(i).normal()).collect();
        let mean = v.iter().sum::<f64>() / n as f64;
        let var = v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.03 && (var - 1.0).abs() < 0.05, "{mean} {var}");
    }
}
