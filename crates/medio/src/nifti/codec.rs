//! Ways of walking over a header's fields: reading them from bytes, writing them to bytes.

/// One way of walking over a header's fields.
pub(super) trait Codec {
    /// Integers of `size` bytes each, two's complement, but unsigned if `W` is u8.
    fn int<W: Wide>(&mut self, name: &'static str, size: usize, v: &mut [W]);
    /// Floats of 4 or 8 bytes each.
    fn float(&mut self, name: &'static str, size: usize, v: &mut [f64]);
    /// A 64-bit integer kept as f64.
    fn whole(&mut self, name: &'static str, v: &mut f64);
    /// Bytes.
    fn text(&mut self, name: &'static str, v: &mut [u8]);
}

/// An integer type that header fields are kept in.
pub(super) trait Wide: Copy {
    fn get(self) -> i64;
    fn set(&mut self, v: i64);
}

macro_rules! wide {
    ($($t:ty),*) => { $(impl Wide for $t {
        fn get(self) -> i64 { self as i64 }
        fn set(&mut self, v: i64) { *self = v as $t; }
    })* };
}
wide!(u8, i16, i32, i64);

/// Reads the fields one after the other.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    /// The other byte order than this machine's.
    pub(super) swap: bool,
}

impl Reader<'_> {
    /// The next `N` bytes in native order; zeros past the end, which `parse` has excluded.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((head, rest)) = self.bytes.split_first_chunk::<N>() else { return [0; N] };
        self.bytes = rest;
        let mut out = *head;
        if self.swap {
            out.reverse();
        }
        out
    }
}

impl Codec for Reader<'_> {
    fn int<W: Wide>(&mut self, name: &'static str, size: usize, v: &mut [W]) {
        // NIfTI-1's codes of one byte are unsigned characters.
        let unsigned = matches!(name, "slice_code" | "xyzt_units" | "dim_info");
        for v in v {
            v.set(match size {
                1 if unsigned => self.take::<1>()[0] as i64,
                1 => i8::from_ne_bytes(self.take()) as i64,
                2 => i16::from_ne_bytes(self.take()) as i64,
                4 => i32::from_ne_bytes(self.take()) as i64,
                _ => i64::from_ne_bytes(self.take()),
            });
        }
    }

    fn float(&mut self, _: &'static str, size: usize, v: &mut [f64]) {
        for v in v {
            *v = if size == 4 {
                f32::from_ne_bytes(self.take()) as f64
            } else {
                f64::from_ne_bytes(self.take())
            };
        }
    }

    fn whole(&mut self, _: &'static str, v: &mut f64) {
        *v = i64::from_ne_bytes(self.take()) as f64;
    }

    fn text(&mut self, _: &'static str, v: &mut [u8]) {
        for v in v {
            *v = self.take::<1>()[0];
        }
    }
}

/// Writes the fields one after the other.
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    /// The other byte order than this machine's.
    pub(super) swap: bool,
}

impl Writer {
    fn put<const N: usize>(&mut self, mut v: [u8; N]) {
        if self.swap {
            v.reverse();
        }
        self.bytes.extend_from_slice(&v);
    }
}

impl Codec for Writer {
    fn int<W: Wide>(&mut self, _: &'static str, size: usize, v: &mut [W]) {
        for v in v {
            match size {
                1 => self.put((v.get() as u8).to_ne_bytes()),
                2 => self.put((v.get() as i16).to_ne_bytes()),
                4 => self.put((v.get() as i32).to_ne_bytes()),
                _ => self.put(v.get().to_ne_bytes()),
            }
        }
    }

    fn float(&mut self, _: &'static str, size: usize, v: &mut [f64]) {
        for v in v {
            if size == 4 { self.put((*v as f32).to_ne_bytes()) } else { self.put(v.to_ne_bytes()) }
        }
    }

    fn whole(&mut self, _: &'static str, v: &mut f64) {
        self.put((*v as i64).to_ne_bytes());
    }

    fn text(&mut self, _: &'static str, v: &mut [u8]) {
        self.bytes.extend_from_slice(v);
    }
}
