//! Members and users of a service.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use coco_client::Identity;
use coco_crypto::{
    Curve, EcKey, SystemEntropy,
    rsa::{RsaBits, RsaKey},
    x509::{Name, UnixTime, Validity, issue_participant},
};

/// Validity of certificates, in days.
const VALIDITY_DAYS: u32 = 90;

/// Someone with a key.
pub struct Party {
    /// Its name.
    pub name: String,
    /// Certificate and key.
    pub identity: Identity,
    /// The key, PEM.
    pub key: String,
}

/// Two members and two users.
pub struct Consortium {
    /// The first takes part in recovery.
    pub members: Vec<Party>,
    /// The first is registered when the service opens.
    pub users: Vec<Party>,
    /// Decrypts the first member's share.
    pub encryption: RsaKey,
}

impl Party {
    /// A new key and a certificate for it.
    ///
    /// # Panics
    /// If the clock is far off.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::on(name, Curve::P384)
    }

    /// The same on another curve.
    ///
    /// # Panics
    /// If the clock is far off.
    #[must_use]
    pub fn on(name: &str, curve: Curve) -> Self {
        let validity = Validity::days(now(), VALIDITY_DAYS).expect("today is a date of a certificate");
        Self::valid(name, curve, validity)
    }

    /// The same with another validity.
    ///
    /// # Panics
    /// If `name` is no name.
    #[must_use]
    pub fn valid(name: &str, curve: Curve, validity: Validity) -> Self {
        let key = EcKey::generate(curve, &SystemEntropy);
        let pem = key.to_pem().to_string();
        let subject = Name::common(name).expect("a name");
        let certificate = issue_participant(&key, &subject, validity, &SystemEntropy);
        let identity = Identity::new(certificate, key).expect("the certificate is issued for the key");
        Self { name: name.to_owned(), identity, key: pem }
    }

    /// Writes `NAME_cert.pem` and `NAME_privk.pem`, and tells where.
    ///
    /// # Panics
    /// If the directory cannot be written.
    #[must_use]
    pub fn write(&self, directory: &Path) -> (PathBuf, PathBuf) {
        let certificate = directory.join(format!("{}_cert.pem", self.name));
        let key = directory.join(format!("{}_privk.pem", self.name));
        fs::write(&certificate, self.identity.certificate().to_pem()).expect("the directory can be written");
        fs::write(&key, &self.key).expect("the directory can be written");
        (certificate, key)
    }
}

impl Default for Consortium {
    fn default() -> Self {
        let parties = |kind: &str| (0..2).map(|number| Party::new(&format!("{kind}{number}"))).collect();
        Self {
            members: parties("member"),
            users: parties("user"),
            encryption: RsaKey::generate(RsaBits::B2048),
        }
    }
}

impl Consortium {
    /// What signs for the members.
    #[must_use]
    pub fn signers(&self) -> Vec<Identity> {
        self.members.iter().map(|member| member.identity.clone()).collect()
    }

    /// The user that is registered when the service opens.
    #[must_use]
    pub fn user(&self) -> &Identity {
        &self.users[0].identity
    }
}

/// The time of day.
#[must_use]
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
