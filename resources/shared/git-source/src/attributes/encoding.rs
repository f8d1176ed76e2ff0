//! `working-tree-encoding`: text that is UTF-8 in the repository and something else in the work tree.

use encoding_rs::Encoding;

/// An encoding by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkTreeEncoding {
    /// As the attribute names it.
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// UTF-16 or UTF-32.
    Wide {
        width: Width,
        order: Order,
        mark: Mark,
    },
    /// One byte for each of the first 256 characters.
    Latin1,
    Ascii,
    Other(&'static Encoding),
    /// Nobody knows it.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Two,
    Four,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

/// Whether a byte order mark is at the begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Written, and required.
    Required,
    /// Written, and read if it is there.
    Written,
    /// Written; git cannot read what it wrote: `UTF-16BE-BOM` is known to it as a target only.
    OnlyWritten,
    Prohibited,
}

/// Why text cannot be converted, in git's words; they lack what is said of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    MarkProhibited,
    MarkRequired,
    /// Some of it is nothing in the other encoding, or the encoding is unknown.
    Unfit,
}

const LITTLE_16: &[u8] = b"\xff\xfe";
const BIG_16: &[u8] = b"\xfe\xff";
const LITTLE_32: &[u8] = b"\xff\xfe\0\0";
const BIG_32: &[u8] = b"\0\0\xfe\xff";

impl WorkTreeEncoding {
    /// None for UTF-8, which is what the repository has.
    pub(crate) fn new(name: &[u8]) -> Option<Self> {
        let name = String::from_utf8_lossy(name).into_owned();
        let upper = name.to_ascii_uppercase();
        let unicode = upper
            .strip_prefix("UTF")
            .map(|rest| rest.strip_prefix('-').unwrap_or(rest));
        let wide = |width, order, mark| Kind::Wide { width, order, mark };
        let kind = match unicode {
            Some("8") => return None,
            Some("16") => wide(Width::Two, Order::Little, Mark::Required),
            Some("16LE") => wide(Width::Two, Order::Little, Mark::Prohibited),
            Some("16BE") => wide(Width::Two, Order::Big, Mark::Prohibited),
            Some("16LE-BOM") => wide(Width::Two, Order::Little, Mark::Written),
            Some("16BE-BOM") => wide(Width::Two, Order::Big, Mark::OnlyWritten),
            Some("32") => wide(Width::Four, Order::Little, Mark::Required),
            Some("32LE") => wide(Width::Four, Order::Little, Mark::Prohibited),
            Some("32BE") => wide(Width::Four, Order::Big, Mark::Prohibited),
            _ => other(&upper),
        };
        Some(Self { name, kind })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What the repository holds, for the work tree.
    pub(super) fn to_worktree(&self, content: &[u8]) -> Result<Vec<u8>, Failure> {
        let text = std::str::from_utf8(content).map_err(|_| Failure::Unfit)?;
        match self.kind {
            Kind::Wide { width, order, mark } => Ok(write_wide(text, width, order, mark)),
            Kind::Latin1 => narrow(text, 0x100),
            Kind::Ascii => narrow(text, 0x80),
            Kind::Other(encoding) => match encoding.encode(text) {
                (bytes, _, false) => Ok(bytes.into_owned()),
                _ => Err(Failure::Unfit),
            },
            Kind::Unknown => Err(Failure::Unfit),
        }
    }

    /// What the work tree holds, for the repository.
    pub(crate) fn to_git(&self, content: &[u8]) -> Result<Vec<u8>, Failure> {
        match self.kind {
            Kind::Wide { width, order, mark } => read_wide(content, width, order, mark),
            Kind::Latin1 => Ok(content
                .iter()
                .copied()
                .map(char::from)
                .collect::<String>()
                .into_bytes()),
            Kind::Ascii if content.is_ascii() => Ok(content.to_vec()),
            Kind::Other(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(content)
                .map(|text| text.into_owned().into_bytes())
                .ok_or(Failure::Unfit),
            Kind::Ascii | Kind::Unknown => Err(Failure::Unfit),
        }
    }
}

/// The encodings of one byte whose label means another one on the Web are taken by hand.
fn other(upper: &str) -> Kind {
    match upper {
        "LATIN1" | "LATIN-1" | "L1" | "ISO-8859-1" | "ISO8859-1" | "ISO_8859-1" | "ISO88591" => Kind::Latin1,
        "ASCII" | "US-ASCII" | "ANSI_X3.4-1968" | "646" => Kind::Ascii,
        _ => {
            let label = match upper {
                "LATIN2" => "ISO-8859-2",
                "SJIS" | "SHIFT-JIS" => "SHIFT_JIS",
                "EUCJP" => "EUC-JP",
                "EUCKR" | "CP949" => "EUC-KR",
                "CP932" => "WINDOWS-31J",
                "CP936" => "GBK",
                "CP866" => "IBM866",
                name => name,
            };
            let label = label
                .strip_prefix("ISO8859-")
                .map_or_else(|| label.to_owned(), |part| format!("ISO-8859-{part}"));
            Encoding::for_label(label.as_bytes()).map_or(Kind::Unknown, Kind::Other)
        }
    }
}

fn narrow(text: &str, end: u32) -> Result<Vec<u8>, Failure> {
    let byte = |character: char| {
        u8::try_from(character)
            .ok()
            .filter(|_| u32::from(character) < end)
    };
    text.chars()
        .map(byte)
        .collect::<Option<_>>()
        .ok_or(Failure::Unfit)
}

fn write_wide(text: &str, width: Width, order: Order, mark: Mark) -> Vec<u8> {
    let marked = (mark != Mark::Prohibited).then_some('\u{feff}');
    let characters = marked.into_iter().chain(text.chars());
    let mut out = Vec::with_capacity(text.len() * 2 + 4);
    match width {
        Width::Two => {
            let mut pair = [0; 2];
            for character in characters {
                for unit in character.encode_utf16(&mut pair) {
                    out.extend(match order {
                        Order::Big => unit.to_be_bytes(),
                        Order::Little => unit.to_le_bytes(),
                    });
                }
            }
        }
        Width::Four => {
            for character in characters {
                let unit = u32::from(character);
                out.extend(match order {
                    Order::Big => unit.to_be_bytes(),
                    Order::Little => unit.to_le_bytes(),
                });
            }
        }
    }
    out
}

fn read_wide(content: &[u8], width: Width, order: Order, mark: Mark) -> Result<Vec<u8>, Failure> {
    let (little, big) = match width {
        Width::Two => (LITTLE_16, BIG_16),
        Width::Four => (LITTLE_32, BIG_32),
    };
    let marked = if content.starts_with(little) {
        Some(Order::Little)
    } else if content.starts_with(big) {
        Some(Order::Big)
    } else {
        None
    };
    let (order, content) = match (marked, mark) {
        (_, Mark::OnlyWritten) => return Err(Failure::Unfit),
        (Some(_), Mark::Prohibited) => return Err(Failure::MarkProhibited),
        (None, Mark::Required) => return Err(Failure::MarkRequired),
        (Some(order), _) => (order, &content[little.len()..]),
        // As glibc reads UTF-16 without a mark, which git asks for there.
        (None, Mark::Written) => (Order::Little, content),
        (None, Mark::Prohibited) => (order, content),
    };
    let text = match width {
        Width::Two => two_wide(content, order),
        Width::Four => four_wide(content, order),
    };
    text.map(String::into_bytes).ok_or(Failure::Unfit)
}

fn two_wide(content: &[u8], order: Order) -> Option<String> {
    let (units, rest) = content.as_chunks::<2>();
    let unit = |bytes: &[u8; 2]| match order {
        Order::Big => u16::from_be_bytes(*bytes),
        Order::Little => u16::from_le_bytes(*bytes),
    };
    let text = char::decode_utf16(units.iter().map(unit))
        .collect::<Result<_, _>>()
        .ok();
    text.filter(|_| rest.is_empty())
}

fn four_wide(content: &[u8], order: Order) -> Option<String> {
    let (units, rest) = content.as_chunks::<4>();
    let unit = |bytes: &[u8; 4]| match order {
        Order::Big => u32::from_be_bytes(*bytes),
        Order::Little => u32::from_le_bytes(*bytes),
    };
    let text = units.iter().map(|bytes| char::from_u32(unit(bytes))).collect();
    Option::filter(text, |_: &String| rest.is_empty())
}
