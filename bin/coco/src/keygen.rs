//! `coco keygen`: keys and self-signed certificates of members and users, as CCF's `keygenerator.sh`.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{Args, ValueEnum};
use coco_crypto::{
    Certificate, Curve, EcKey, RsaKey, SystemEntropy,
    rsa::RsaBits,
    x509::{InvalidName, InvalidTime, Name, UnixTime, Validity, issue_participant},
};
use serde::{Deserialize, Serialize};
use tempfile::Builder;

use crate::exit;

const EXAMPLES: &str = "\
Examples:
  coco keygen --name user0
  coco keygen --name member0 --gen-enc-key --dir keys     a member who takes part in recovery

Writes NAME_cert.pem and NAME_privk.pem and, with --gen-enc-key, NAME_enc_pubk.pem and
NAME_enc_privk.pem. Private keys can be read by their owner only.
Exit status: 0 done, 2 not done.";

/// Make keys and a certificate for a member or user
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeygenArgs {
    /// Name of the participant, such as member0 or user1
    #[arg(short, long)]
    name: String,
    /// Curve of the identity
    #[arg(short, long, value_enum, default_value = "secp384r1")]
    curve: CurveName,
    /// Also make a key pair that recovery shares are encrypted to
    #[arg(short, long)]
    gen_enc_key: bool,
    /// Validity of the certificate
    #[arg(long, default_value = "365")]
    days: u32,
    /// Directory of the files
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
    /// Tell the names of the files as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum CurveName {
    Secp384r1,
    Secp256r1,
}

impl KeygenArgs {
    pub(crate) fn execute(&self) -> ExitCode {
        let made = self.make().and_then(|files| Ok(exit::print(|out| self.tell(&files, out))?));
        match made {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::failed(error),
        }
    }

    fn make(&self) -> Result<ParticipantFiles, KeygenError> {
        let curve = match self.curve {
            CurveName::Secp384r1 => Curve::P384,
            CurveName::Secp256r1 => Curve::P256,
        };
        let encryption = if self.gen_enc_key { Encryption::Rsa } else { Encryption::None };
        let existing = if self.force { Existing::Replace } else { Existing::Keep };
        let files = ParticipantFiles::in_directory(&self.dir, &self.name, encryption)?;
        if existing == Existing::Keep {
            files.refuse_existing()?;
        }
        Participant::generate(&self.name, curve, encryption, self.days)?.write(&files, existing)?;
        Ok(files)
    }

    fn tell(&self, files: &ParticipantFiles, out: &mut dyn Write) -> io::Result<()> {
        if self.json {
            return writeln!(out, "{}", serde_json::to_string_pretty(files)?);
        }
        writeln!(out, "certificate:             {}", files.certificate.display())?;
        writeln!(out, "private key:             {}", files.private_key.display())?;
        if let Some(EncryptionFiles { public_key, private_key }) = &files.encryption {
            writeln!(out, "encryption public key:   {}", public_key.display())?;
            writeln!(out, "encryption private key:  {}", private_key.display())?;
        }
        Ok(())
    }
}

/// Whether a participant gets a key that recovery shares are encrypted to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    None,
    Rsa,
}

/// What to do with files that are there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Replace,
}

/// Keys that were not made, or not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeygenError {
    #[error("`{0}` is not a name: use letters, digits, `.`, `_` and `-`, and begin with a letter or digit")]
    Name(String),
    #[error(transparent)]
    Subject(#[from] InvalidName),
    #[error("--days: {0}")]
    Validity(#[from] InvalidTime),
    #[error("{} is there already; use --force to replace it", .0.display())]
    Exists(PathBuf),
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

/// The keys of a member or user.
pub(crate) struct Participant {
    certificate: Certificate,
    key: EcKey,
    encryption: Option<RsaKey>,
}

/// Where the keys of a participant are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ParticipantFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) private_key: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<EncryptionFiles>,
}

/// Where the encryption keys of a member are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EncryptionFiles {
    pub(crate) public_key: PathBuf,
    pub(crate) private_key: PathBuf,
}

impl Participant {
    /// New keys, and a certificate from now on for some days.
    pub(crate) fn generate(
        name: &str,
        curve: Curve,
        encryption: Encryption,
        days: u32,
    ) -> Result<Self, KeygenError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let validity = Validity::days(UnixTime(i64::try_from(now).unwrap_or(i64::MAX)), days)?;
        let key = EcKey::generate(curve, &SystemEntropy);
        let certificate = issue_participant(&key, &Name::common(name)?, validity, &SystemEntropy);
        let encryption = (encryption == Encryption::Rsa).then(|| RsaKey::generate(RsaBits::B2048));
        Ok(Self { certificate, key, encryption })
    }

    pub(crate) fn into_identity(self) -> (Certificate, EcKey) {
        (self.certificate, self.key)
    }

    pub(crate) fn write(&self, files: &ParticipantFiles, existing: Existing) -> Result<(), KeygenError> {
        const PUBLIC: u32 = 0o644;
        const PRIVATE: u32 = 0o600;
        // Private keys first: a certificate that is there has its key.
        write(&files.private_key, &self.key.to_pem(), PRIVATE, existing)?;
        if let (Some(key), Some(files)) = (&self.encryption, &files.encryption) {
            write(&files.private_key, &key.to_pem(), PRIVATE, existing)?;
            write(&files.public_key, &key.public_key().to_pem(), PUBLIC, existing)?;
        }
        write(&files.certificate, &self.certificate.to_pem(), PUBLIC, existing)
    }
}

impl ParticipantFiles {
    /// The files of a participant of this name.
    pub(crate) fn in_directory(dir: &Path, name: &str, encryption: Encryption) -> Result<Self, KeygenError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.bytes().all(allowed) {
            return Err(KeygenError::Name(name.to_owned()));
        }
        let file = |kind: &str| dir.join(format!("{name}_{kind}.pem"));
        let keys = || EncryptionFiles { public_key: file("enc_pubk"), private_key: file("enc_privk") };
        Ok(Self {
            certificate: file("cert"),
            private_key: file("privk"),
            encryption: (encryption == Encryption::Rsa).then(keys),
        })
    }

    fn refuse_existing(&self) -> Result<(), KeygenError> {
        let encryption = self.encryption.iter().flat_map(|keys| [&keys.public_key, &keys.private_key]);
        match [&self.certificate, &self.private_key].into_iter().chain(encryption).find(|file| file.exists())
        {
            Some(file) => Err(KeygenError::Exists(file.clone())),
            None => Ok(()),
        }
    }
}

/// Writes a file that is complete, and has its permissions, as soon as it appears.
fn write(path: &Path, content: &str, mode: u32, existing: Existing) -> Result<(), KeygenError> {
    let failed = |error| match error {
        error if io::Error::kind(&error) == io::ErrorKind::AlreadyExists => {
            KeygenError::Exists(path.to_path_buf())
        }
        error => KeygenError::File { path: path.to_path_buf(), error },
    };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let builder = Builder::new().permissions(fs::Permissions::from_mode(mode)).tempfile_in(dir);
    let mut file = builder.map_err(failed)?;
    file.write_all(content.as_bytes()).map_err(failed)?;
    let persisted = match existing {
        Existing::Keep => file.persist_noclobber(path),
        Existing::Replace => file.persist(path),
    };
    persisted.map(drop).map_err(|error| failed(error.error))
}

#[cfg(test)]
mod tests;
