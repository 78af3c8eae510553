//! Which member speaks.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use coco_client::{Identity, InvalidIdentity};
use coco_crypto::Certificate;

use super::{Places, certificate};
use crate::{
    input::{Unreadable, read_text},
    sandbox::{Manifest, PartyEntry},
};

/// Which member speaks.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Member")]
pub(crate) struct MemberArgs {
    /// PEM certificate of the member [or COCO_MEMBER_CERT]
    #[arg(long, value_name = "FILE")]
    member_cert: Option<PathBuf>,
    /// PEM private key of the member [or COCO_MEMBER_KEY]
    #[arg(long, value_name = "FILE")]
    member_key: Option<PathBuf>,
    /// Name of a member of the sandbox, such as member1; the first one otherwise [or COCO_MEMBER]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["member_cert", "member_key"])]
    member: Option<String>,
}

/// A member, known by its certificate.
pub(crate) struct Member {
    pub(crate) certificate: Certificate,
    certificate_file: PathBuf,
    key_file: Option<PathBuf>,
}

/// A member who cannot speak.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MemberError {
    #[error(
        "which member? Give --member-cert FILE and --member-key FILE, or --dir DIR of a sandbox with --member NAME, \
         or set COCO_MEMBER_CERT and COCO_MEMBER_KEY"
    )]
    NoCertificate,
    #[error(
        "where is the member's key? Give --member-key FILE or --sign-with COMMAND, or set COCO_MEMBER_KEY"
    )]
    NoKey,
    #[error("--member {0}: there is no sandbox; give its directory as --dir DIR")]
    NoSandbox(String),
    #[error("--member {name}: the sandbox has no such member; it has {others}")]
    Unknown { name: String, others: String },
    #[error("{} and {}: {error}", .certificate.display(), .key.display())]
    Identity { certificate: PathBuf, key: PathBuf, error: InvalidIdentity },
    #[error(transparent)]
    File(#[from] Unreadable),
}

impl MemberArgs {
    /// The member that these arguments name or, where they do not, what is found in `places`.
    pub(crate) fn resolve(&self, places: &Places<'_>) -> Result<Member, MemberError> {
        if let Some(name) = self.name(places) {
            let sandbox = places.sandbox()?.ok_or_else(|| MemberError::NoSandbox(name.clone()))?;
            let member = named(&sandbox, &name)?;
            return Self::member(member.files.certificate.clone(), Some(member.files.private_key.clone()));
        }
        let find = |given: &Option<PathBuf>, variable, of: fn(&PartyEntry) -> &PathBuf| match given {
            Some(given) => Ok(Some(given.clone())),
            None => {
                let first = |sandbox: &Manifest| sandbox.members.first().map(|it| OsString::from(of(it)));
                places.find(variable, first).map(|found| found.map(PathBuf::from))
            }
        };
        let file = find(&self.member_cert, "COCO_MEMBER_CERT", |member| &member.files.certificate)?;
        let key = find(&self.member_key, "COCO_MEMBER_KEY", |member| &member.files.private_key)?;
        Self::member(file.ok_or(MemberError::NoCertificate)?, key)
    }

    /// A name counts unless files are given.
    fn name(&self, places: &Places<'_>) -> Option<String> {
        if self.member_cert.is_some() || self.member_key.is_some() {
            return None;
        }
        let variable = || places.variable("COCO_MEMBER").map(|name| name.to_string_lossy().into_owned());
        self.member.clone().or_else(variable)
    }

    fn member(certificate_file: PathBuf, key_file: Option<PathBuf>) -> Result<Member, MemberError> {
        Ok(Member { certificate: certificate(&certificate_file)?, certificate_file, key_file })
    }
}

impl Member {
    /// Certificate and key, for whoever has the key in a file.
    pub(crate) fn identity(&self) -> Result<Identity, MemberError> {
        let file = self.key_file.as_ref().ok_or(MemberError::NoKey)?;
        let key = read_text(file)?;
        Identity::from_pem(&self.certificate.to_pem(), &key).map_err(|error| MemberError::Identity {
            certificate: self.certificate_file.clone(),
            key: file.clone(),
            error,
        })
    }
}

/// Certificate and key of a member of a sandbox.
pub(crate) fn party(member: &PartyEntry) -> Result<Identity, MemberError> {
    MemberArgs::member(member.files.certificate.clone(), Some(member.files.private_key.clone()))?.identity()
}

fn named<'a>(sandbox: &'a Manifest, name: &str) -> Result<&'a PartyEntry, MemberError> {
    sandbox.members.iter().find(|member| member.name == name).ok_or_else(|| {
        let names: Vec<_> = sandbox.members.iter().map(|member| member.name.as_str()).collect();
        MemberError::Unknown { name: name.to_owned(), others: names.join(", ") }
    })
}
