//! Section `node_certificate`: the identity that a node makes for itself.

use std::num::NonZeroU32;

use coco_crypto::{
    Curve,
    x509::{Name, SubjectAltName},
};

use super::item::{ConfigError, Item, Parse};

pub(crate) const ONE_DAY: NonZeroU32 = NonZeroU32::MIN;

/// Section `node_certificate`.
#[derive(Clone, Debug)]
pub struct NodeCertificate {
    /// Subject of the certificate.
    pub subject_name: Name,
    /// Alternative names; when empty, those of the published RPC addresses.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// Curve of the node's key.
    pub curve_id: Curve,
    /// Validity of the first certificate, in days.
    pub initial_validity_days: NonZeroU32,
}

impl Parse for NodeCertificate {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                subject_name: fields.or("subject_name", common_name("CCF Node"))?,
                subject_alt_names: fields.or("subject_alt_names", Vec::new())?,
                curve_id: fields.or("curve_id", Curve::P384)?,
                initial_validity_days: fields.or("initial_validity_days", ONE_DAY)?,
            })
        })
    }
}

impl Parse for Curve {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("Secp384R1", Self::P384), ("Secp256R1", Self::P256)])
    }
}

impl Parse for Name {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.form()
    }
}

impl Parse for SubjectAltName {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.form()
    }
}

pub(crate) fn common_name(value: &str) -> Name {
    Name::common(value).expect("a default is a name")
}
