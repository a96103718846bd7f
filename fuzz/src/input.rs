//! A fuzzer's bytes, taken piece by piece; zeros when there are no more.

pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    /// The next `n` bytes, or what is left.
    pub(crate) fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn number<const N: usize>(&mut self) -> u64 {
        self.take(N).iter().rev().fold(0, |n, &b| n << 8 | u64::from(b))
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.number::<1>() as u8
    }

    /// Below `n`, which is at most 65536; 0 if that is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.number::<2>() as usize % n.max(1)
    }

    /// True once in 256 times, or as often as the fuzzer likes; never at the end of the bytes.
    pub(crate) fn rarely(&mut self) -> bool {
        self.byte() == 0xff
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
