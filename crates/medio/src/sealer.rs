//! The writer's side of seals; see `seal.rs`.

/// Bytes that have a checksum of their own: small enough that a patch's first visit checks little more than it reads.
pub(crate) const BLOCK: usize = 64 << 10;

pub(crate) const MAGIC: [u8; 8] = *b"mxseal1\n";

/// CRC-32 of parts end to end.
pub(crate) fn checksum(parts: &[&[u8]]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    for part in parts {
        sum.update(part);
    }
    sum.finalize()
}

/// Makes the seal of a file while it is written.
#[derive(Debug, Default)]
pub(crate) struct Sealer {
    block: crc32fast::Hasher,
    length: u64,
    sums: Vec<u8>,
}

impl Sealer {
    /// The next bytes of the file.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = BLOCK - (self.length % BLOCK as u64) as usize;
            let (part, rest) = bytes.split_at(room.min(bytes.len()));
            self.block.update(part);
            self.length += part.len() as u64;
            if part.len() == room {
                self.close();
            }
            bytes = rest;
        }
    }

    fn close(&mut self) {
        self.sums.extend(std::mem::take(&mut self.block).finalize().to_le_bytes());
    }

    /// The seal of what was pushed.
    pub(crate) fn finish(mut self, note: &[u8]) -> Vec<u8> {
        if !self.length.is_multiple_of(BLOCK as u64) {
            self.close();
        }
        let mut footer = MAGIC.to_vec();
        footer.extend(self.length.to_le_bytes());
        footer.extend((note.len() as u32).to_le_bytes());
        footer.extend(checksum(&[note, &footer]).to_le_bytes());
        [&self.sums, note, &footer].concat()
    }
}
