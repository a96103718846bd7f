//! How hard gzip compresses.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// How hard gzip compresses, 0 (not at all) to 9; the levels worth having are named by their effect.
///
/// What they cost and give is measured by the benchmark's table of storage formats. Parsed from a name or a number.
///
/// ```
/// use medio::Level;
///
/// assert_eq!("small".parse::<Level>()?, Level::SMALL);
/// assert_eq!("6".parse::<Level>()?.get(), 6);
/// assert_eq!(Level::default().to_string(), "balanced");
/// assert!("12".parse::<Level>().is_err());
/// # Ok::<(), medio::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

impl Level {
    /// Stored as it is, in the frame of gzip.
    pub const NONE: Level = Level(0);
    /// The quickest that still compresses: for files that are written and read once.
    pub const FAST: Level = Level(1);
    /// About the size that nibabel gives by default, in a third of its time or less.
    pub const BALANCED: Level = Level(3);
    /// The smallest, slower by half or more: for archives.
    pub const SMALL: Level = Level(9);

    /// The named levels.
    pub const NAMED: [(&str, Level); 4] = [
        ("none", Level::NONE),
        ("fast", Level::FAST),
        ("balanced", Level::BALANCED),
        ("small", Level::SMALL),
    ];

    /// The level of this number.
    ///
    /// # Errors
    /// [`Error::Param`] for numbers above 9.
    pub fn new(number: u32) -> crate::Result<Level> {
        match u8::try_from(number) {
            Ok(n @ 0..=9) => Ok(Level(n)),
            _ => Err(Error::param("level", number, Level::EXPECTED)),
        }
    }

    /// The number, 0 to 9.
    pub const fn get(self) -> u32 {
        self.0 as u32
    }

    const EXPECTED: &str = "none, fast, balanced, small, or 0 to 9";
}

impl Default for Level {
    fn default() -> Level {
        Level::BALANCED
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(text: &str) -> crate::Result<Level> {
        let named = Level::NAMED.iter().find(|(name, _)| *name == text).map(|(_, level)| *level);
        let number = || text.parse().ok().and_then(|n| Level::new(n).ok());
        named.or_else(number).ok_or_else(|| Error::param("level", format!("{text:?}"), Level::EXPECTED))
    }
}

/// The name, or the number of a level without one.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Level::NAMED.iter().find(|(_, level)| level == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}
