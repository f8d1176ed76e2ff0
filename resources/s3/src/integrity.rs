//! The checksum that a store keeps of an object, held against what arrived.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest, checksum_combine};
use s3_client::sdk::operation::head_object::HeadObjectOutput;
use s3_client::sdk::types::ChecksumType;

/// The checksum of a whole object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expected {
    kind: Kind,
    value: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Can be put together from those of its parts.
    Crc {
        algorithm: CrcAlgorithm,
        bytes: usize,
    },
    Sha1,
    Sha256,
}

impl Kind {
    fn bytes(self) -> usize {
        match self {
            Self::Crc { bytes, .. } => bytes,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

const CRC32: Kind = Kind::Crc {
    algorithm: CrcAlgorithm::Crc32IsoHdlc,
    bytes: 4,
};
const CRC32C: Kind = Kind::Crc {
    algorithm: CrcAlgorithm::Crc32Iscsi,
    bytes: 4,
};
const CRC64: Kind = Kind::Crc {
    algorithm: CrcAlgorithm::Crc64Nvme,
    bytes: 8,
};

impl Expected {
    /// The checksum that the store gives, if it is one of the content, not of the checksums of the parts it was put in.
    pub(crate) fn of(head: &HeadObjectOutput) -> Option<Self> {
        // Where the store does not say which it is, that of an object in parts may be either.
        let in_parts = head.e_tag().is_some_and(|etag| etag.contains('-'));
        match head.checksum_type() {
            Some(&ChecksumType::FullObject) => {}
            None if !in_parts => {}
            _ => return None,
        }
        let given = [
            (CRC64, head.checksum_crc64_nvme()),
            (CRC32, head.checksum_crc32()),
            (CRC32C, head.checksum_crc32_c()),
            (Kind::Sha256, head.checksum_sha256()),
            (Kind::Sha1, head.checksum_sha1()),
        ];
        // One of parts has their number after a hyphen, and is no base64.
        given.into_iter().find_map(|(kind, text)| {
            let value = STANDARD.decode(text?).ok()?;
            (value.len() == kind.bytes()).then_some(Self { kind, value })
        })
    }

    /// A running checksum of one part, where parts can be put together.
    pub(crate) fn part(&self) -> Option<PartSum> {
        match self.kind {
            Kind::Crc { algorithm, .. } => Some(PartSum {
                digest: Digest::new(algorithm),
                length: 0,
            }),
            Kind::Sha1 | Kind::Sha256 => None,
        }
    }

    /// Whether what arrived is what the store has: from the sums of its parts in their order, or from the file.
    pub(crate) fn holds(&self, parts: &[PartSum], file: &mut File) -> io::Result<bool> {
        let value = match self.kind {
            Kind::Crc { algorithm, bytes } => {
                let mut sum = Digest::new(algorithm).finalize();
                for part in parts {
                    sum = checksum_combine(algorithm, sum, part.digest.finalize(), part.length);
                }
                sum.to_be_bytes()[8 - bytes..].to_vec()
            }
            Kind::Sha1 => {
                use sha1::Digest as _;
                let mut digest = sha1::Sha1::new();
                each_piece(file, |piece| digest.update(piece))?;
                digest.finalize().to_vec()
            }
            Kind::Sha256 => {
                use sha2::Digest as _;
                let mut digest = sha2::Sha256::new();
                each_piece(file, |piece| digest.update(piece))?;
                digest.finalize().to_vec()
            }
        };
        Ok(value == self.value)
    }
}

/// The checksum of one part.
#[derive(Debug, Clone)]
pub(crate) struct PartSum {
    digest: Digest,
    length: u64,
}

impl PartSum {
    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.digest.update(piece);
        self.length += piece.len() as u64;
    }
}

fn each_piece(file: &mut File, mut see: impl FnMut(&[u8])) -> io::Result<()> {
    file.rewind()?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            length => see(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn head(
        set: impl Fn(
            s3_client::sdk::operation::head_object::builders::HeadObjectOutputBuilder,
        ) -> HeadObjectOutput,
    ) -> HeadObjectOutput {
        set(HeadObjectOutput::builder())
    }

    #[test]
    fn a_checksum_is_put_together_from_parts_or_taken_of_the_file() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"123456789").unwrap();
        // The published check values of these algorithms, for these nine bytes.
        let base64 = |bytes: &[u8]| Some(STANDARD.encode(bytes));
        let sha1 = [
            0xf7, 0xc3, 0xbc, 0x1d, 0x80, 0x8e, 0x04, 0x73, 0x2a, 0xdf, 0x67, 0x99, 0x65, 0xcc, 0xc3, 0x4c,
            0xa7, 0xae, 0x34, 0x41,
        ];
        for head in [
            head(|out| {
                out.set_checksum_crc32(base64(&0xcbf4_3926_u32.to_be_bytes()))
                    .build()
            }),
            head(|out| {
                out.set_checksum_crc32_c(base64(&0xe306_9283_u32.to_be_bytes()))
                    .build()
            }),
            head(|out| {
                out.set_checksum_crc64_nvme(base64(&0xae8b_1486_0a79_9888_u64.to_be_bytes()))
                    .build()
            }),
            head(|out| out.set_checksum_sha1(base64(&sha1)).build()),
        ] {
            let expected = Expected::of(&head).unwrap();
            let parts = |texts: [&str; 2]| -> Vec<PartSum> {
                let sums = texts.iter().filter_map(|text| {
                    let mut sum = expected.part()?;
                    sum.update(text.as_bytes());
                    Some(sum)
                });
                sums.collect()
            };
            assert!(
                expected.holds(&parts(["1234", "56789"]), &mut file).unwrap(),
                "{expected:?}"
            );
            if expected.part().is_some() {
                assert!(
                    !expected.holds(&parts(["1234", "56780"]), &mut file).unwrap(),
                    "{expected:?}"
                );
            }
        }
    }

    #[test]
    fn a_checksum_of_checksums_says_nothing_about_the_content() {
        let composite = head(|out| out.checksum_crc32("AAAAAA==-3").build());
        assert_eq!(Expected::of(&composite), None);
        let composite = head(|out| {
            out.checksum_crc32("AAAAAA==")
                .checksum_type(ChecksumType::Composite)
                .build()
        });
        assert_eq!(Expected::of(&composite), None);
    }
}
