//! The public keys to which mails are encrypted, of the kinds that age supports.
//!
//! Both `synth` and the handler read and check a key here, so that a mistake is found before it locks an owner out.
//! `encryption.rs` does the encryption.

use std::{collections::BTreeMap, fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use bech32::{Bech32, Hrp, primitives::decode::CheckedHrpstring};
use curve25519_dalek::{MontgomeryPoint, edwards::CompressedEdwardsY};

use crate::model::{parse_error::ParseError, user::UserName};

/// The shortest RSA key that age accepts, in bits.
const LEAST_RSA: usize = 2_048;
/// The longest RSA key that age accepts, in bits.
const MOST_RSA: usize = 4_096;

/// A public key: `age1…`, or `ssh-ed25519 …` or `ssh-rsa …` as in a file that ends in `.pub`.
///
/// The comment of an SSH key is dropped: the handler does not need it, and the environment variables have little room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    text: String,
    kind: PublicKeyKind,
}

/// The kind of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicKeyKind {
    /// age's own kind, `age1…`.
    X25519,
    /// An SSH key of the kind `ssh-ed25519`.
    SshEd25519,
    /// An SSH key of the kind `ssh-rsa`.
    SshRsa,
}

/// The rule for a text that is no public key at all.
const ALLOWED: &str = "age1… as age-keygen prints it, or the line of an SSH public key file (ssh-ed25519, or ssh-rsa of \
                       2048 to 4096 bits)";
const NOT_AGES_OWN: &str = "an age1… key as age-keygen prints it; a key for a plugin or a post-quantum key does not \
                            work here, because the handler has no plugins";
const NOT_WHOLE: &str = "the whole key, as age-keygen or ssh-keygen wrote it; a part is missing or has changed";
const OTHER_SSH: &str =
    "ssh-ed25519 or ssh-rsa, because age supports no other SSH keys; make one with ssh-keygen -t ed25519";
const RSA_SIZE: &str = "2048 to 4096 bits; or make a key with ssh-keygen -t ed25519";
/// What to do about a private key in the place of a public one.
pub const PUBLIC_HALF: &str = "the public half, which age-keygen -y prints or which is in the file that ends in .pub; the \
                           private half was in this place, so make a new pair";

impl Recipient {
    /// The text of the key, without a comment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The kind of the key.
    #[must_use]
    pub fn kind(&self) -> PublicKeyKind {
        self.kind
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Recipient {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if private_key(text).is_some() {
            return Err(ParseError::new("(not shown)", "a public key but a private one", PUBLIC_HALF));
        }
        let mut words = text.splitn(3, ' ');
        let (kind, key) = match (words.next().unwrap_or_default(), words.next()) {
            _ if text.contains(char::is_control) => Err(("a public key on one line", ALLOWED)),
            (kind, Some(base64)) => ssh(kind, base64).map(|of| (of, format!("{kind} {base64}"))),
            (word, None) => x25519(word).map(|()| (PublicKeyKind::X25519, word.to_owned())),
        }
        .map_err(|(what, allowed)| refused(text, what, allowed))?;
        Ok(Self { text: key, kind })
    }
}

/// The public keys to which mails with new access keys are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipients {
    /// The keys for every user without keys of its own.
    pub all: Vec<Recipient>,
    /// The keys for single users. No list is empty.
    pub own: BTreeMap<UserName, Vec<Recipient>>,
}

impl Recipients {
    /// The public keys for the mail with the new access key of `user`. The owner of each can open it without the
    /// others.
    #[must_use]
    pub fn of(&self, user: &UserName) -> &[Recipient] {
        self.own.get(user).unwrap_or(&self.all)
    }
}

/// Writes `age1…,age1…;alice:age1…`. Commas separate the keys of a list, semicolons the lists. The list of a user
/// begins with its name. No key contains any of these characters, and no name contains a colon or a semicolon.
impl fmt::Display for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |keys: &[Recipient]| keys.iter().map(Recipient::as_str).collect::<Vec<_>>().join(",");
        f.write_str(&list(&self.all))?;
        self.own.iter().try_for_each(|(user, keys)| write!(f, ";{user}:{}", list(keys)))
    }
}

impl FromStr for Recipients {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let list = |text: &str| text.split(',').map(str::parse).collect::<Result<Vec<_>, _>>();
        let mut lists = text.split(';');
        let all = lists.next().filter(|text| !text.is_empty()).map_or(Ok(Vec::new()), list)?;
        let own = lists.map(|text| {
            let (user, keys) = text.split_once(':').unwrap_or((text, ""));
            Ok((user.parse()?, list(keys)?))
        });
        Ok(Self { all, own: own.collect::<Result<_, ParseError>>()? })
    }
}

/// What a text should have been, and what is allowed: see [`ParseError`].
type Refusal = (&'static str, &'static str);

/// The error for a text, which is shortened because keys are long.
fn refused(text: &str, what: &'static str, allowed: &'static str) -> ParseError {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    ParseError::new(&shown, what, allowed)
}

/// Where the text contains a private key of any kind: the byte at which its mark begins.
#[must_use]
pub fn private_key(text: &str) -> Option<usize> {
    let text = text.to_ascii_uppercase();
    // The last one is the beginning of OpenSSH's format in base64.
    let marks = ["AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY-----", "B3BLBNNZAC1RZXKTDJ"];
    marks.iter().filter_map(|mark| text.find(mark)).min()
}

/// Checks an `age1…` key: 32 bytes with a checksum (age's specification, "The X25519 recipient type").
fn x25519(text: &str) -> Result<(), Refusal> {
    let what = "an age public key";
    if !text.starts_with("age1") {
        return Err(("a public key", ALLOWED));
    }
    // The part before the last 1 is the kind of the key.
    if text.rsplit_once('1').is_none_or(|(kind, _)| kind != "age") {
        return Err((what, NOT_AGES_OWN));
    }
    let whole = CheckedHrpstring::new::<Bech32>(text).map_err(|_| (what, NOT_WHOLE))?;
    let key: [u8; 32] = whole.byte_iter().collect::<Vec<_>>().try_into().map_err(|_| (what, NOT_WHOLE))?;
    let again = bech32::encode::<Bech32>(Hrp::parse_unchecked("age"), &key);
    let right = again.is_ok_and(|again| again == text) && hides_something(key);
    if right { Ok(()) } else { Err((what, NOT_WHOLE)) }
}

/// Whether encryption to this key hides anything. With a point of low order, the result of the key exchange is always
/// zero, so anyone can decrypt.
fn hides_something(key: [u8; 32]) -> bool {
    MontgomeryPoint(key).mul_clamped([0; 32]).to_bytes() != [0; 32]
}

/// Checks an SSH key of this kind (RFC 4253, "Public Key Algorithms"; RFC 8709, "Public Key Format").
fn ssh(kind: &str, base64: &str) -> Result<PublicKeyKind, Refusal> {
    let what = match kind {
        "ssh-ed25519" => "an ssh-ed25519 public key",
        "ssh-rsa" => "an ssh-rsa public key",
        _ if ["ssh-", "ecdsa-", "sk-"].iter().any(|family| kind.starts_with(family)) => {
            return Err(("a public key that age can encrypt to", OTHER_SSH));
        }
        _ => return Err(("a public key", ALLOWED)),
    };
    let encoded = BASE64_STANDARD.decode(base64).unwrap_or_default();
    match fields(&encoded).as_deref() {
        Some([name, point]) if kind == "ssh-ed25519" && *name == kind.as_bytes() => {
            if is_point(point) {
                Ok(PublicKeyKind::SshEd25519)
            } else {
                Err((what, NOT_WHOLE))
            }
        }
        Some([name, exponent, modulus]) if kind == "ssh-rsa" && *name == kind.as_bytes() => {
            let (exponent, modulus) = positive(exponent).zip(positive(modulus)).ok_or((what, NOT_WHOLE))?;
            if !(LEAST_RSA..=MOST_RSA).contains(&bits(modulus)) {
                return Err((what, RSA_SIZE));
            }
            // No valid key has an even modulus, or an exponent that is even or long.
            let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
            let right = odd(modulus) && odd(exponent) && (2..=32).contains(&bits(exponent));
            if right { Ok(PublicKeyKind::SshRsa) } else { Err((what, NOT_WHOLE)) }
        }
        _ => Err((what, NOT_WHOLE)),
    }
}

/// Splits SSH's encoding into its strings. Each has its length before it (RFC 4251, "Data Type Representations").
fn fields(mut encoded: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while let Some((length, rest)) = encoded.split_first_chunk::<4>() {
        let (field, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        fields.push(field);
        encoded = rest;
    }
    encoded.is_empty().then_some(fields)
}

/// Whether this is a point of the curve, and encryption to it is safe.
fn is_point(point: &[u8]) -> bool {
    let point = CompressedEdwardsY::from_slice(point).ok().and_then(|point| point.decompress());
    point.is_some_and(|point| !point.is_small_order())
}

/// Reads a positive number in SSH's encoding. It has one zero byte in front if it would otherwise be negative, and no
/// other.
fn positive(number: &[u8]) -> Option<&[u8]> {
    match number {
        [0, rest @ ..] if rest.first().is_some_and(|byte| *byte >= 0x80) => Some(rest),
        [0x01..=0x7f, ..] => Some(number),
        _ => None,
    }
}

/// The length in bits of a number without leading zero bytes.
fn bits(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |byte| byte.leading_zeros() as usize);
    number.len() * 8 - leading
}

#[cfg(test)]
pub(crate) mod tests {
    use curve25519_dalek::constants::ED25519_BASEPOINT_COMPRESSED;

    use super::*;

    fn age1(kind: &str, key: &[u8]) -> String {
        bech32::encode::<Bech32>(Hrp::parse(kind).unwrap(), key).unwrap()
    }

    /// The line of an SSH key with these fields.
    fn line(kind: &str, fields: &[&[u8]]) -> String {
        let mut encoded = Vec::new();
        for field in [kind.as_bytes()].iter().chain(fields) {
            encoded.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
            encoded.extend(*field);
        }
        format!("{kind} {}", BASE64_STANDARD.encode(encoded))
    }

    fn rsa(bits: usize, exponent: &[u8], last: u8) -> String {
        let mut modulus = vec![0xff_u8; bits.div_ceil(8)];
        modulus[0] >>= (8 - bits % 8) % 8;
        *modulus.last_mut().unwrap() = last;
        if modulus[0] >= 0x80 {
            modulus.insert(0, 0);
        }
        line("ssh-rsa", &[exponent, &modulus])
    }

    fn ed25519(point: &[u8]) -> String {
        line("ssh-ed25519", &[point])
    }

    const BASEPOINT: [u8; 32] = ED25519_BASEPOINT_COMPRESSED.to_bytes();

    /// One public key of each kind.
    pub(crate) fn one_of_each() -> Vec<Recipient> {
        recipients(&[age1("age", &[9; 32]), ed25519(&BASEPOINT), rsa(2_048, &[1, 0, 1], 0xff)])
    }

    fn recipients(keys: &[String]) -> Vec<Recipient> {
        keys.iter().map(|key| key.parse().unwrap_or_else(|e| panic!("{e}"))).collect()
    }

    /// Keys at the limits of what is accepted.
    #[cfg(feature = "aws")]
    pub(crate) fn extreme_keys() -> Vec<Recipient> {
        recipients(&[
            age1("age", &[0xff; 32]),
            rsa(2_048, &[3], 1),
            rsa(4_096, &[1, 0, 1], 0xff),
            rsa(4_096, &[0, 0xff, 0xff, 0xff, 0xff], 0xff),
        ])
    }

    #[test]
    fn public_keys_are_read_and_their_comments_left_out() {
        for (key, kind) in [
            (age1("age", &[9; 32]), PublicKeyKind::X25519),
            (ed25519(&BASEPOINT), PublicKeyKind::SshEd25519),
            (rsa(2_048, &[1, 0, 1], 0xff), PublicKeyKind::SshRsa),
            (rsa(3_072, &[3], 0xff), PublicKeyKind::SshRsa),
            (rsa(4_096, &[1, 0, 1], 0xff), PublicKeyKind::SshRsa),
        ] {
            let read: Recipient = key.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!((read.as_str(), read.kind()), (key.as_str(), kind));
            let with_comment = format!("{key} my private key, at home");
            assert_eq!(with_comment.parse().ok(), (kind != PublicKeyKind::X25519).then_some(read), "{with_comment}");
        }
    }

    #[test]
    fn a_text_that_is_no_usable_public_key_is_refused_with_what_to_do() {
        let good = age1("age", &[9; 32]);
        let mut changed = good.clone();
        changed.replace_range(20..21, if good[20..].starts_with('q') { "p" } else { "q" });
        // One that decompresses to no point, and one that decompresses to a point of low order.
        let no_point = (0..=u8::MAX).map(|n| [n; 32]).find(|point| !is_point(point)).unwrap();
        let mut identity = [0; 32];
        identity[0] = 1;
        let behind = format!("{}AAAA", ed25519(&BASEPOINT));
        let rsa_key = rsa(2_048, &[1, 0, 1], 0xff);
        for (text, says) in [
            (String::new(), ALLOWED),
            ("alice@example.com".into(), ALLOWED),
            ("a b".into(), ALLOWED),
            (format!("{good}\n{good}"), ALLOWED),
            (format!("{rsa_key} me\n"), ALLOWED),
            (changed, NOT_WHOLE),
            (good[..61].into(), NOT_WHOLE),
            (good.replacen("age1", "age11", 1), NOT_AGES_OWN),
            (age1("age", &[9; 31]), NOT_WHOLE),
            (age1("age", &[0; 32]), NOT_WHOLE),
            (age1("age", &identity), NOT_WHOLE),
            (good.to_uppercase(), ALLOWED),
            (age1("age1yubikey", &[9; 33]), NOT_AGES_OWN),
            (age1("age1pq", &[9; 20]), NOT_AGES_OWN),
            (ed25519(&no_point), NOT_WHOLE),
            (ed25519(&identity), NOT_WHOLE),
            (ed25519(&BASEPOINT[..31]), NOT_WHOLE),
            (behind, NOT_WHOLE),
            (ed25519(&BASEPOINT)[..70].into(), NOT_WHOLE),
            (ed25519(&BASEPOINT).replacen("ssh-ed25519", "ssh-rsa", 1), NOT_WHOLE),
            (rsa_key.replacen("ssh-rsa", "ssh-ed25519", 1), NOT_WHOLE),
            (rsa_key.replacen(' ', "  ", 1), NOT_WHOLE),
            (rsa(1_024, &[1, 0, 1], 0xff), RSA_SIZE),
            (rsa(2_047, &[1, 0, 1], 0xff), RSA_SIZE),
            (rsa(4_097, &[1, 0, 1], 0xff), RSA_SIZE),
            (rsa(2_048, &[1, 0, 1], 0xfe), NOT_WHOLE),
            (rsa(2_048, &[1], 0xff), NOT_WHOLE),
            (rsa(2_048, &[4], 0xff), NOT_WHOLE),
            (rsa(2_048, &[0, 3], 0xff), NOT_WHOLE),
            (rsa(2_048, &[0x83], 0xff), NOT_WHOLE),
            (rsa(2_048, &[1, 0, 0, 0, 1], 0xff), NOT_WHOLE),
            (line("ssh-dss", &[&[1; 128]]), OTHER_SSH),
            (line("ecdsa-sha2-nistp256", &[b"nistp256", &[4; 65]]), OTHER_SSH),
            (line("sk-ssh-ed25519@openssh.com", &[&BASEPOINT, b"ssh:"]), OTHER_SSH),
        ] {
            let refused = text.parse::<Recipient>().expect_err(&text);
            assert_eq!(refused.allowed, says, "{text}");
            assert!(refused.value.chars().count() <= 41, "{refused}");
        }
    }

    #[test]
    fn a_private_key_is_refused_and_never_repeated() {
        let key = "QUJD".repeat(16);
        for text in [
            format!("AGE-SECRET-KEY-1{key}"),
            format!("age-secret-key-pq-1{key}"),
            format!("AGE-PLUGIN-YUBIKEY-1{key}"),
            format!("# public key: {}\nAGE-SECRET-KEY-1{key}", age1("age", &[9; 32])),
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{key}\n-----END OPENSSH PRIVATE KEY-----\n"),
            format!("-----BEGIN RSA PRIVATE KEY-----{key}"),
            format!("b3BlbnNzaC1rZXktdjE{key}"),
        ] {
            let refused = text.parse::<Recipient>().unwrap_err();
            assert_eq!(refused.allowed, PUBLIC_HALF);
            assert!(!format!("{refused} {refused:?}").contains("QUJD"), "{refused}");
        }
    }
}
