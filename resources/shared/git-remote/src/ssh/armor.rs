//! Keys as text (RFC 7468), also such whose lines got lost, and the encryption that OpenSSL had before PKCS#8 (`Proc-Type: 4,ENCRYPTED`).

use aes::{Aes128, Aes192, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use des::{Des, TdesEde3};

/// Characters of a line, as OpenSSH writes them.
const WIDTH: usize = 64;

/// Bytes of the salt, which is the begin of the initialisation vector.
const SALT: usize = 8;

/// A key as text.
pub(super) struct Armor {
    /// Such as `EC PRIVATE KEY`.
    label: String,
    /// The cipher and its initialisation vector, where the text is encrypted.
    cipher: Option<(String, String)>,
    /// In base64, without line breaks.
    body: String,
}

/// Why a text stays encrypted.
pub(super) enum Locked {
    /// The cipher is unknown.
    Unknown,
    /// The passphrase does not fit.
    Passphrase,
}

impl Armor {
    /// Takes the first private key of a text apart. Blanks, and the two characters `\\n`, are as good as line breaks.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.replace("\\r", "\r").replace("\\n", "\n");
        // Parameters of a curve, or a certificate, may come first.
        let mut blocks = text.split("-----BEGIN ").skip(1);
        blocks.find_map(Self::parse_block)
    }

    fn parse_block(block: &str) -> Option<Self> {
        let (label, rest) = block.split_once("-----")?;
        let label = label.ends_with("PRIVATE KEY").then_some(label)?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let mut words = body.split_whitespace().peekable();
        let mut cipher = None;
        while let Some(name) = words.next_if(|word| word.ends_with(':')) {
            let value = words.next()?;
            if name == "DEK-Info:" {
                let (name, vector) = value.split_once(',')?;
                cipher = Some((name.to_ascii_uppercase(), vector.to_owned()));
            }
        }
        Some(Self {
            label: label.to_owned(),
            cipher,
            body: words.collect(),
        })
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.cipher.is_some()
    }

    /// As it should be written.
    pub(super) fn text(&self) -> String {
        self.with(&self.body)
    }

    fn with(&self, body: &str) -> String {
        let lines: Vec<_> = body
            .as_bytes()
            .chunks(WIDTH)
            .filter_map(|line| str::from_utf8(line).ok())
            .collect();
        format!(
            "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n",
            self.label,
            lines.join("\n")
        )
    }

    /// The same, decrypted.
    pub(super) fn decrypted(&self, passphrase: &str) -> Result<String, Locked> {
        let (name, vector) = self.cipher.as_ref().ok_or(Locked::Unknown)?;
        let vector = bytes(vector).ok_or(Locked::Unknown)?;
        let body = STANDARD.decode(&self.body).map_err(|_| Locked::Unknown)?;
        let salt = vector.get(..SALT).ok_or(Locked::Unknown)?;
        let key = |length| key(passphrase.as_bytes(), salt, length);
        let clear = match name.as_str() {
            "AES-128-CBC" => decrypt::<cbc::Decryptor<Aes128>>(&key(16), &vector, &body),
            "AES-192-CBC" => decrypt::<cbc::Decryptor<Aes192>>(&key(24), &vector, &body),
            "AES-256-CBC" => decrypt::<cbc::Decryptor<Aes256>>(&key(32), &vector, &body),
            "DES-EDE3-CBC" => decrypt::<cbc::Decryptor<TdesEde3>>(&key(24), &vector, &body),
            "DES-CBC" => decrypt::<cbc::Decryptor<Des>>(&key(8), &vector, &body),
            _ => return Err(Locked::Unknown),
        };
        let clear = clear.ok_or(Locked::Passphrase)?;
        Ok(self.with(&STANDARD.encode(clear)))
    }
}

fn decrypt<D: KeyIvInit + BlockModeDecrypt>(key: &[u8], vector: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let mut body = body.to_vec();
    let decryptor = D::new_from_slices(key, vector).ok()?;
    decryptor
        .decrypt_padded::<Pkcs7>(&mut body)
        .ok()
        .map(<[u8]>::to_vec)
}

/// The key of a passphrase: `EVP_BytesToKey` of OpenSSL, with MD5 and one round.
fn key(passphrase: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut key = Vec::new();
    let mut last = Vec::new();
    while key.len() < length {
        last = md5::compute([last.as_slice(), passphrase, salt].concat()).to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}

/// The bytes that hexadecimal digits stand for.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
