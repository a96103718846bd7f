//! gzip as an ordinary reader sees it: one member after the other, each inflated in one piece by flate2. What `medio` is held against.

use flate2::{Decompress, FlushDecompress, Status};

/// Content beyond this is not looked at.
pub(crate) const MOST: usize = 6 << 20;

/// What is in a gzip file.
#[derive(Debug, PartialEq)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) state: State,
    /// Where the deflate data of the members lie.
    pub(crate) bodies: Vec<std::ops::Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum State {
    /// Everything is as it should be.
    Sound,
    /// Something is not; the content is what came before.
    Broken,
    /// More than is looked at.
    Long,
}

/// Reads a file.
pub(crate) fn gunzip(file: &[u8]) -> Content {
    let mut content = Content { bytes: vec![], state: State::Sound, bodies: vec![] };
    let mut at = 0;
    while content.state == State::Sound && (at == 0 || file[at..].starts_with(&[0x1f, 0x8b])) {
        let start = content.bytes.len();
        let Some(body) = header(&file[at..]) else {
            content.state = State::Broken;
            break;
        };
        at += body;
        let (used, state) = inflate(&file[at..], &mut content.bytes);
        content.bodies.push(at..at + used);
        at += used;
        content.state = state;
        if state == State::Sound {
            let member = &content.bytes[start..];
            let trailer =
                [crc32fast::hash(member).to_le_bytes(), (member.len() as u32).to_le_bytes()].concat();
            if !file[at..].starts_with(&trailer) {
                content.state = State::Broken;
            }
            at += 8;
        }
    }
    content
}

/// The length of a member's header (RFC 1952, 2.3). Its checksum is not looked at.
fn header(member: &[u8]) -> Option<usize> {
    if !member.starts_with(&[0x1f, 0x8b, 8]) || member.len() < 10 || member[3] >> 5 != 0 {
        return None;
    }
    let mut at = 10;
    if member[3] & 4 != 0 {
        at += 2 + usize::from(*member.get(10)?) + usize::from(*member.get(11)?) * 256;
    }
    for bit in [3, 4] {
        if member[3] >> bit & 1 == 1 {
            at += 1 + member.get(at..)?.iter().position(|&b| b == 0)?;
        }
    }
    if member[3] & 2 != 0 {
        at += 2;
    }
    (at <= member.len()).then_some(at)
}

/// Appends what a deflate stream holds; says how long it is and whether it came to its end.
pub(crate) fn inflate(body: &[u8], out: &mut Vec<u8>) -> (usize, State) {
    let mut inflate = Decompress::new(false);
    loop {
        if out.len() > MOST {
            return (inflate.total_in() as usize, State::Long);
        }
        out.reserve(64 << 10);
        let (used, before) = (inflate.total_in(), out.len());
        let status = inflate.decompress_vec(&body[used as usize..], out, FlushDecompress::None);
        match status {
            Ok(Status::StreamEnd) => return (inflate.total_in() as usize, State::Sound),
            Ok(_) if inflate.total_in() > used || out.len() > before => {}
            Ok(_) | Err(_) => return (inflate.total_in() as usize, State::Broken),
        }
    }
}
