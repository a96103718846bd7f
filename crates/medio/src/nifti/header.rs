//! The header as bytes: one description of each layout, for reading, writing and listing.

use super::codec::{Codec, Reader, Writer};
use super::fields::{FieldValue, Lister};

/// Which NIfTI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// NIfTI-1: 348 bytes, dimensions up to 32767, float32 geometry.
    One,
    /// NIfTI-2: 540 bytes, 64-bit dimensions, float64 geometry.
    Two,
}

impl Version {
    /// Bytes of the header.
    pub const fn header_bytes(self) -> usize {
        match self {
            Version::One => 348,
            Version::Two => 540,
        }
    }

    /// The first byte that voxels can have in a single file: the header and the four bytes that announce extensions.
    pub const fn first_voxel(self) -> u64 {
        self.header_bytes() as u64 + 4
    }
}

/// The order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Least significant first.
    Little,
    /// Most significant first.
    Big,
}

impl ByteOrder {
    /// This machine's.
    pub const NATIVE: ByteOrder =
        if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little };
}

/// A NIfTI header, every field of it, as stored. Fields keep the standard's names.
///
/// The types are wide enough for both versions; fields that one version lacks are zero there. Nothing is corrected: see
/// [`crate::VolumeFile`] for what the fields mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Layout that the header was read from or will be written in.
    pub version: Version,
    /// Byte order that the header was read from or will be written in.
    pub order: ByteOrder,
    /// 348 or 540.
    pub sizeof_hdr: i32,
    /// Unused (NIfTI-1).
    pub data_type: [u8; 10],
    /// Unused (NIfTI-1).
    pub db_name: [u8; 18],
    /// Unused (NIfTI-1).
    pub extents: i32,
    /// Unused (NIfTI-1).
    pub session_error: i16,
    /// Unused (NIfTI-1).
    pub regular: [u8; 1],
    /// Which axes are frequency (bits 0-1), phase (2-3) and slice (4-5).
    pub dim_info: u8,
    /// Number of axes, then their lengths.
    pub dim: [i64; 8],
    /// Parameters of the intent.
    pub intent_p: [f64; 3],
    /// Intent code.
    pub intent_code: i32,
    /// Code of the voxels' dtype.
    pub datatype: i16,
    /// Bits of a voxel.
    pub bitpix: i16,
    /// First slice of the timing pattern.
    pub slice_start: i64,
    /// qfac, then the voxel size along each axis.
    pub pixdim: [f64; 8],
    /// First byte of the voxels.
    pub vox_offset: f64,
    /// Factor from stored to real values; 0 or not finite: none.
    pub scl_slope: f64,
    /// Summand from stored to real values.
    pub scl_inter: f64,
    /// Last slice of the timing pattern.
    pub slice_end: i64,
    /// Order of the slices in time.
    pub slice_code: i32,
    /// Units of space (bits 0-2) and time (bits 3-5).
    pub xyzt_units: i32,
    /// Upper end of the display range.
    pub cal_max: f64,
    /// Lower end of the display range.
    pub cal_min: f64,
    /// Time for one slice.
    pub slice_duration: f64,
    /// Time of the first frame.
    pub toffset: f64,
    /// Unused (NIfTI-1), except by FreeSurfer.
    pub glmax: i32,
    /// Unused (NIfTI-1), except by FreeSurfer.
    pub glmin: i32,
    /// Free text.
    pub descrip: [u8; 80],
    /// Name of another file.
    pub aux_file: [u8; 24],
    /// Space of the qform; 0: none.
    pub qform_code: i32,
    /// Space of the sform; 0: none.
    pub sform_code: i32,
    /// Quaternion b, c, d.
    pub quatern: [f64; 3],
    /// Translation of the qform.
    pub qoffset: [f64; 3],
    /// Rows of the sform.
    pub srow: [[f64; 4]; 3],
    /// Name or meaning of the data.
    pub intent_name: [u8; 16],
    /// `n+1`, `ni1`, `n+2` or `ni2`, and a zero.
    pub magic: [u8; 4],
    /// 13, 10, 26, 10 (NIfTI-2).
    pub eol_check: [u8; 4],
    /// Unused (NIfTI-2).
    pub unused_str: [u8; 15],
}

impl Default for Header {
    /// A NIfTI-1 header in native byte order with no dimensions, no placement, slope 1.
    fn default() -> Header {
        Header {
            version: Version::One,
            order: ByteOrder::NATIVE,
            sizeof_hdr: 348,
            data_type: [0; 10],
            db_name: [0; 18],
            extents: 0,
            session_error: 0,
            regular: *b"r",
            dim_info: 0,
            dim: [0, 1, 1, 1, 1, 1, 1, 1],
            intent_p: [0.0; 3],
            intent_code: 0,
            datatype: 0,
            bitpix: 0,
            slice_start: 0,
            pixdim: [1.0; 8],
            vox_offset: 0.0,
            scl_slope: 1.0,
            scl_inter: 0.0,
            slice_end: 0,
            slice_code: 0,
            xyzt_units: 2,
            cal_max: 0.0,
            cal_min: 0.0,
            slice_duration: 0.0,
            toffset: 0.0,
            glmax: 0,
            glmin: 0,
            descrip: [0; 80],
            aux_file: [0; 24],
            qform_code: 0,
            sform_code: 0,
            quatern: [0.0; 3],
            qoffset: [0.0; 3],
            srow: [[0.0; 4]; 3],
            intent_name: [0; 16],
            magic: *b"n+1\0",
            eol_check: [13, 10, 26, 10],
            unused_str: [0; 15],
        }
    }
}

impl Header {
    /// Reads a header from the start of `bytes`, or `None` if they hold no NIfTI header (too few, or neither magic).
    ///
    /// The byte order is the one in which `dim[0]` lies between 1 and 7, else the one in which `sizeof_hdr` is right.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let version = Header::sniff(bytes)?;
        let order = byte_order(version, bytes);
        let mut h = Header { version, order, ..Header::default() };
        h.regular = [0];
        h.eol_check = [0; 4];
        h.each_field(&mut Reader { bytes, swap: order != ByteOrder::NATIVE });
        Some(h)
    }

    /// Which NIfTI header `bytes` start with, by length and magic alone.
    pub fn sniff(bytes: &[u8]) -> Option<Version> {
        let magic = |at: usize| bytes.get(at..at + 4);
        if bytes.len() >= 540 && matches!(magic(4), Some(b"n+2\0" | b"ni2\0")) {
            Some(Version::Two)
        } else if bytes.len() >= 348 && matches!(magic(344), Some(b"n+1\0" | b"ni1\0")) {
            Some(Version::One)
        } else {
            None
        }
    }

    /// The header's bytes, 348 or 540, in its version and byte order. Numbers that the version cannot hold are cut.
    pub fn serialise(&self) -> Vec<u8> {
        let mut writer = Writer { bytes: Vec::new(), swap: self.order != ByteOrder::NATIVE };
        self.clone().each_field(&mut writer);
        writer.bytes
    }

    /// The fields in the order of the file, with the names of the standard (and of nibabel).
    pub fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        let mut lister = Lister::default();
        self.clone().each_field(&mut lister);
        lister.fields
    }

    /// Whether the magic says that voxels follow in the same file.
    pub fn is_single(&self) -> bool {
        self.magic[1] == b'+'
    }

    /// The layout of both versions, said once.
    fn each_field(&mut self, c: &mut impl Codec) {
        match self.version {
            Version::One => self.each_field_1(c),
            Version::Two => self.each_field_2(c),
        }
    }

    fn each_field_1(&mut self, c: &mut impl Codec) {
        c.int("sizeof_hdr", 4, one(&mut self.sizeof_hdr));
        c.text("data_type", &mut self.data_type);
        c.text("db_name", &mut self.db_name);
        c.int("extents", 4, one(&mut self.extents));
        c.int("session_error", 2, one(&mut self.session_error));
        c.text("regular", &mut self.regular);
        c.int("dim_info", 1, one(&mut self.dim_info));
        c.int("dim", 2, &mut self.dim);
        for (name, p) in ["intent_p1", "intent_p2", "intent_p3"].into_iter().zip(&mut self.intent_p) {
            c.float(name, 4, one(p));
        }
        c.int("intent_code", 2, one(&mut self.intent_code));
        c.int("datatype", 2, one(&mut self.datatype));
        c.int("bitpix", 2, one(&mut self.bitpix));
        c.int("slice_start", 2, one(&mut self.slice_start));
        c.float("pixdim", 4, &mut self.pixdim);
        c.float("vox_offset", 4, one(&mut self.vox_offset));
        c.float("scl_slope", 4, one(&mut self.scl_slope));
        c.float("scl_inter", 4, one(&mut self.scl_inter));
        c.int("slice_end", 2, one(&mut self.slice_end));
        c.int("slice_code", 1, one(&mut self.slice_code));
        c.int("xyzt_units", 1, one(&mut self.xyzt_units));
        c.float("cal_max", 4, one(&mut self.cal_max));
        c.float("cal_min", 4, one(&mut self.cal_min));
        c.float("slice_duration", 4, one(&mut self.slice_duration));
        c.float("toffset", 4, one(&mut self.toffset));
        c.int("glmax", 4, one(&mut self.glmax));
        c.int("glmin", 4, one(&mut self.glmin));
        c.text("descrip", &mut self.descrip);
        c.text("aux_file", &mut self.aux_file);
        c.int("qform_code", 2, one(&mut self.qform_code));
        c.int("sform_code", 2, one(&mut self.sform_code));
        self.placement(c, 4);
        c.text("intent_name", &mut self.intent_name);
        c.text("magic", &mut self.magic);
    }

    fn each_field_2(&mut self, c: &mut impl Codec) {
        c.int("sizeof_hdr", 4, one(&mut self.sizeof_hdr));
        c.text("magic", &mut self.magic);
        c.int("eol_check", 1, &mut self.eol_check);
        c.int("datatype", 2, one(&mut self.datatype));
        c.int("bitpix", 2, one(&mut self.bitpix));
        c.int("dim", 8, &mut self.dim);
        for (name, p) in ["intent_p1", "intent_p2", "intent_p3"].into_iter().zip(&mut self.intent_p) {
            c.float(name, 8, one(p));
        }
        c.float("pixdim", 8, &mut self.pixdim);
        c.whole("vox_offset", &mut self.vox_offset);
        c.float("scl_slope", 8, one(&mut self.scl_slope));
        c.float("scl_inter", 8, one(&mut self.scl_inter));
        c.float("cal_max", 8, one(&mut self.cal_max));
        c.float("cal_min", 8, one(&mut self.cal_min));
        c.float("slice_duration", 8, one(&mut self.slice_duration));
        c.float("toffset", 8, one(&mut self.toffset));
        c.int("slice_start", 8, one(&mut self.slice_start));
        c.int("slice_end", 8, one(&mut self.slice_end));
        c.text("descrip", &mut self.descrip);
        c.text("aux_file", &mut self.aux_file);
        c.int("qform_code", 4, one(&mut self.qform_code));
        c.int("sform_code", 4, one(&mut self.sform_code));
        self.placement(c, 8);
        c.int("slice_code", 4, one(&mut self.slice_code));
        c.int("xyzt_units", 4, one(&mut self.xyzt_units));
        c.int("intent_code", 4, one(&mut self.intent_code));
        c.text("intent_name", &mut self.intent_name);
        c.int("dim_info", 1, one(&mut self.dim_info));
        c.text("unused_str", &mut self.unused_str);
    }

    fn placement(&mut self, c: &mut impl Codec, size: usize) {
        let names = ["quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"];
        for (name, v) in names.into_iter().zip(self.quatern.iter_mut().chain(&mut self.qoffset)) {
            c.float(name, size, one(v));
        }
        for (name, row) in ["srow_x", "srow_y", "srow_z"].into_iter().zip(&mut self.srow) {
            c.float(name, size, row);
        }
    }
}

fn one<T>(v: &mut T) -> &mut [T] {
    std::slice::from_mut(v)
}

/// The byte order, by `dim[0]` as nibabel does, else by `sizeof_hdr`.
fn byte_order(version: Version, bytes: &[u8]) -> ByteOrder {
    let (at, size) = match version {
        Version::One => (40, 2),
        Version::Two => (16, 8),
    };
    let first_dim = |order| integer(&bytes[at..at + size], order);
    let sizeof_hdr = |order| integer(&bytes[..4], order);
    let both = [ByteOrder::Little, ByteOrder::Big];
    both.into_iter()
        .find(|&o| (1..=7).contains(&first_dim(o)))
        .or_else(|| both.into_iter().find(|&o| sizeof_hdr(o) == version.header_bytes() as i64))
        .unwrap_or(ByteOrder::NATIVE)
}

fn integer(bytes: &[u8], order: ByteOrder) -> i64 {
    let mut le = bytes.to_vec();
    if order == ByteOrder::Big {
        le.reverse();
    }
    sign_extended(&le)
}

/// A little-endian two's complement number of up to eight bytes.
fn sign_extended(le: &[u8]) -> i64 {
    let negative = le.last().is_some_and(|b| b & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[..le.len()].copy_from_slice(le);
    i64::from_le_bytes(wide)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marked(version: Version, order: ByteOrder, mut bytes: Vec<u8>) -> Vec<u8> {
        let (at, width, magic) = match version {
            Version::One => (40, 2, 344),
            Version::Two => (16, 8, 4),
        };
        bytes.truncate(version.header_bytes());
        bytes[magic..magic + 4].copy_from_slice(if version == Version::One { b"n+1\0" } else { b"n+2\0" });
        bytes[at..at + width].fill(0);
        bytes[if order == ByteOrder::Little { at } else { at + width - 1 }] = 3;
        bytes
    }

    proptest! {
        /// Every bit of a header survives, in both versions and byte orders, except the payload of NaNs and integers
        /// beyond 2^53 in `vox_offset`.
        #[test]
        fn bytes_round_trip(bytes in prop::collection::vec(any::<u8>(), 540), two: bool, big: bool) {
            let version = if two { Version::Two } else { Version::One };
            let order = if big { ByteOrder::Big } else { ByteOrder::Little };
            let mut bytes = marked(version, order, bytes);
            if two {
                bytes[168..176].fill(0);
            }
            let header = Header::parse(&bytes).unwrap();
            prop_assert_eq!(header.version, version);
            prop_assert_eq!(header.order, order);
            let back = header.serialise();
            prop_assert_eq!(back.len(), bytes.len());
            let again = Header::parse(&back).unwrap();
            prop_assert_eq!(format!("{header:?}"), format!("{again:?}"));
            if !header.fields().iter().any(|(_, v)| v.has_nan()) {
                prop_assert_eq!(back, bytes);
            }
        }
    }

    #[test]
    fn layouts_have_the_standards_offsets() {
        for (version, marks) in [
            (
                Version::One,
                [("dim", 40), ("pixdim", 76), ("vox_offset", 108), ("srow_x", 280), ("magic", 344)],
            ),
            (
                Version::Two,
                [("dim", 16), ("pixdim", 104), ("vox_offset", 168), ("srow_x", 400), ("magic", 4)],
            ),
        ] {
            let blank = Header { version, ..Header::default() };
            let zero = blank.serialise();
            assert_eq!(zero.len(), version.header_bytes());
            for (field, at) in marks {
                let mut h = blank.clone();
                match field {
                    "dim" => h.dim[0] = 5,
                    "pixdim" => h.pixdim[0] = -1.0,
                    "vox_offset" => h.vox_offset = 352.0,
                    "srow_x" => h.srow[0][0] = 7.0,
                    _ => h.magic = *b"xyz\0",
                }
                let first = h.serialise().iter().zip(&zero).position(|(a, b)| a != b).unwrap();
                assert!((at..at + 8).contains(&first), "{field} of {version:?} lies at {first}, not {at}");
            }
        }
    }
}
