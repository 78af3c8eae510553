//! Quotes of TPMs.

use coco_attest::tpm::{
    Claims, Evidence, Hash, Key, PcrSet, Public, Quote as Parsed, Quoted, Requirements, Signature, Signer,
    verify,
};
use coco_crypto::PublicKey;
use coco_wire::Digest;

use super::{Asked, Misuse, NotShown, Verdict, asked::Bound};
use crate::attest::{
    certificates,
    describe::{self, tpm::name},
    piece::{Piece, Platform, Quote},
};

/// Bytes that bare signatures of RSA have; those with a structure around them have others.
const BARE_LENGTHS: [usize; 3] = [256, 384, 512];
pub(super) const ACCEPTS: &str = "sha1";
const ANY: [Hash; 4] = [Hash::Sha256, Hash::Sha384, Hash::Sha512, Hash::Sha1];

pub(super) fn judge(piece: &Piece, asked: &Asked) -> Result<Verdict, NotShown> {
    asked.only(Platform::Tpm, &["endorsements", "root", "key", "nonce", "register", "accept"])?;
    asked.accepts_only(Platform::Tpm, ACCEPTS, |what| what.eq_ignore_ascii_case("sha1"))?;
    let quote = needed(piece)?;
    let terms = Terms::of(quote, piece, asked)?;
    let signing = SigningKey::of(piece, asked)?;
    let evidence = terms.evidence(signing.key());
    let claims =
        signing.with(&terms.requirements(), |requirements| verify(&evidence, requirements, asked.now))?;
    let mut verdict = Verdict::default();
    signing.tell(&claims, &mut verdict);
    terms.tell(&claims, &mut verdict);
    for facts in describe::tpm::quoted(quote)? {
        verdict.says(facts);
    }
    Ok(verdict)
}

/// The quote of a piece that cannot be verified without.
pub(super) fn needed(piece: &Piece) -> Result<&Quote, Misuse> {
    let needed = "its signature and the values of the PCRs: JSON with `message`, `signature` and `pcrs`, and \
                  perhaps `event_log`, each as hexadecimal or base64";
    piece.quote.as_ref().ok_or(Misuse::Missing { needed, platform: piece.platform })
}

/// A key of a TPM, and why it should be one.
pub(super) enum SigningKey {
    Known(PublicKey),
    Named { area: Vec<u8>, name: Vec<u8> },
    Certified { text: Vec<u8>, root: Digest },
}

impl SigningKey {
    pub(super) fn of(piece: &Piece, asked: &Asked) -> Result<Self, NotShown> {
        if let Some(bytes) = &asked.key {
            let pem = std::str::from_utf8(bytes).ok().and_then(|text| PublicKey::from_spki_pem(text).ok());
            if let Some(key) = pem {
                return Ok(Self::Known(key));
            }
            let name = Public::read(bytes)?.name;
            return Ok(Self::Named { area: bytes.clone(), name });
        }
        let text = asked.certificates(piece);
        match &asked.root {
            Some(root) if !text.is_empty() => Ok(Self::Certified { text, root: root.public_key().id() }),
            _ => {
                let needed = "the TPM's key that you know (--key), or certificates for it (--endorsements) and \
                              their root (--root)";
                Err(Misuse::Missing { needed, platform: piece.platform }.into())
            }
        }
    }

    pub(super) fn key(&self) -> Key<'_> {
        match self {
            Self::Known(key) => Key::Known(key.clone()),
            Self::Named { area, .. } => Key::Named(area),
            Self::Certified { text, .. } => Key::Certified(text),
        }
    }

    /// Verifies with names and roots of this key alone, and hands the requirements on.
    pub(super) fn with<T>(
        &self,
        requirements: &Requirements<'_>,
        then: impl FnOnce(&Requirements<'_>) -> T,
    ) -> T {
        match self {
            Self::Known(_) => then(requirements),
            Self::Named { name, .. } => then(&Requirements { names: &[name.as_slice()], ..*requirements }),
            Self::Certified { root, .. } => then(&Requirements { roots: &[*root], ..*requirements }),
        }
    }

    pub(super) fn tell(&self, claims: &Claims<'_>, verdict: &mut Verdict) {
        let id = claims.signer.key().id();
        match (self, &claims.signer) {
            (Self::Certified { text, .. }, Signer::Certified(certified)) => {
                let chain = certificates::read(text);
                let why = "trusted because you named it (--root)";
                verdict.trust_all(certificates::followed(&chain, why));
                verdict.valid(certified.validity);
            }
            _ => verdict.trust(format!(
                "The TPM's key is the one that you named (--key), SHA-256 {id}. That it is in a TPM is your word."
            )),
        }
    }
}

/// What is asked of a quote.
pub(super) struct Terms<'a> {
    quote: &'a Quote,
    /// What it must answer: whatever it does, if nothing was asked.
    nonce: Vec<u8>,
    bound: Bound<'a>,
    hashes: &'static [Hash],
    registers: Vec<(u8, &'a [u8])>,
    logged: PcrSet,
}

impl<'a> Terms<'a> {
    pub(super) fn of(quote: &'a Quote, piece: &'a Piece, asked: &'a Asked) -> Result<Self, NotShown> {
        let parsed = Parsed::read(&quote.message)?;
        let logged = match &quote.log {
            Some(log) => describe::tpm::logged(log)?,
            None => PcrSet::NONE,
        };
        let bound = asked.bound(asked.nonce.as_deref(), piece);
        Ok(Self {
            nonce: bound.bytes().map_or(parsed.extra_data, <[u8]>::to_vec),
            bound,
            hashes: if asked.accepts("sha1") { &ANY } else { Requirements::STRICT.hashes },
            registers: asked
                .registers
                .iter()
                .map(|register| (register.number, &register.value[..]))
                .collect(),
            // Those that were not quoted cannot be led to.
            logged: PcrSet::of(
                &logged.numbers().filter(|number| parsed.selected.contains(*number)).collect::<Vec<_>>(),
            ),
            quote,
        })
    }

    pub(super) fn quoted(&self) -> Quoted<'a> {
        let signature = &self.quote.signature;
        let bare = BARE_LENGTHS.contains(&signature.len());
        Quoted {
            message: &self.quote.message,
            signature: if bare {
                Signature::RsaSsa(Hash::Sha256, signature)
            } else {
                Signature::Structure(signature)
            },
            pcrs: &self.quote.pcrs,
        }
    }

    pub(super) fn log(&self) -> Option<&'a [u8]> {
        self.quote.log.as_deref()
    }

    pub(super) fn evidence<'b>(&'b self, key: Key<'b>) -> Evidence<'b> {
        Evidence { quoted: self.quoted(), key, log: self.log() }
    }

    pub(super) fn requirements(&self) -> Requirements<'_> {
        Requirements {
            nonce: &self.nonce,
            hashes: self.hashes,
            pcrs: &self.registers,
            replayed: self.logged,
            ..Requirements::STRICT
        }
    }

    pub(super) fn tell(&self, claims: &Claims<'_>, verdict: &mut Verdict) {
        verdict.trust(format!(
            "This key signed the quote, whose digest is that of the {} values of PCRs of {}.",
            claims.quote.selected.len(),
            name(claims.quote.bank)
        ));
        if self.log().is_some() {
            let list: Vec<String> = self.logged.numbers().map(|number| number.to_string()).collect();
            verdict.trust(format!(
                "The event log leads to the values of PCRs {}: {} events were measured as it says.",
                list.join(" "),
                claims.events.len()
            ));
            verdict.not_checked("what the events of the log mean");
        }
        verdict.bound(("nonce", "nonce"), "the quote", self.bound);
        for (number, _) in &self.registers {
            verdict.holds(format!("the value of PCR {number}, as asked (--register)"));
        }
        if self.registers.is_empty() {
            verdict.not_checked("the values of PCRs (--register): anything may have been started");
        }
    }
}
