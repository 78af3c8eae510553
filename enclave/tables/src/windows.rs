//! Enclaves of Windows that may run a node. CCF has no such tables.

use coco_kv::{JsonValue, Singleton, Table};
use coco_wire::Digest;
use serde::{Deserialize, Serialize};

use crate::value::{Present, Registers, is_default};

/// Tables of what enclaves of Windows, and machines under them, must show. Numbers in hexadecimal have lower-case digits.
/// Where there is no row, nobody is admitted, but for registers and demands.
pub struct Windows {
    /// `public:coco.gov.nodes.vbs.images`: what may be loaded, by hash of the image (64 hexadecimal digits). Written by the
    /// first transaction, `add_vbs_image` and `remove_vbs_image`.
    pub images: Table<String, Image>,
    /// `public:coco.gov.nodes.vbs.signers`: what may be loaded by what its author calls it: author (64 hexadecimal digits),
    /// family (32) and image (32), with dots between them. Written by `add_vbs_signer` and `remove_vbs_signer`.
    pub signers: Table<String, SignedImage>,
    /// `public:coco.gov.nodes.vbs.host_data`: a set of owner IDs (64 hexadecimal digits). Written by the first transaction,
    /// `add_vbs_host_data` and `remove_vbs_host_data`.
    pub host_data: Table<String, Present>,
    /// `public:coco.gov.nodes.vbs.attestation_keys`: a set of keys of TPMs by their names, which begin with the number of a
    /// hash (68, 100 or 132 hexadecimal digits). Written by the first transaction, `add_vbs_attestation_key` and
    /// `remove_vbs_attestation_key`.
    pub attestation_keys: Table<String, Present>,
    /// `public:coco.gov.nodes.vbs.attestation_roots`: a set of roots that certify keys of TPMs, each by the SHA-256 of its
    /// key's SubjectPublicKeyInfo (64 hexadecimal digits). Written by the first transaction, `add_vbs_attestation_root` and
    /// `remove_vbs_attestation_root`.
    pub attestation_roots: Table<Digest, Present>,
    /// `public:coco.gov.nodes.vbs.boot_authorities`: a set of those who may vouch for what firmware starts, each by the
    /// SHA-256 of its certificate (64 hexadecimal digits). Written by the first transaction, `add_vbs_boot_authority` and
    /// `remove_vbs_boot_authority`.
    pub boot_authorities: Table<Digest, Present>,
    /// `public:coco.gov.nodes.vbs.minimums`: how old Windows may be. Written by the first transaction, `set_vbs_minimums` and
    /// `remove_vbs_minimums`.
    pub minimums: Singleton<Minimums>,
    /// `public:coco.gov.nodes.vbs.demands`: how else Windows must have been started. Written by the first transaction,
    /// `set_vbs_demands` and `remove_vbs_demands`.
    pub demands: Singleton<Demands>,
    /// `public:coco.gov.nodes.vbs.registers`: values that a PCR of the TPM may have, by its number (0 to 23); one without a
    /// row may have any. Written by `add_vbs_register` and `remove_vbs_register`.
    pub registers: Table<String, Registers>,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            images: Table::new("public:coco.gov.nodes.vbs.images"),
            signers: Table::new("public:coco.gov.nodes.vbs.signers"),
            host_data: Table::new("public:coco.gov.nodes.vbs.host_data"),
            attestation_keys: Table::new("public:coco.gov.nodes.vbs.attestation_keys"),
            attestation_roots: Table::new("public:coco.gov.nodes.vbs.attestation_roots"),
            boot_authorities: Table::new("public:coco.gov.nodes.vbs.boot_authorities"),
            minimums: Singleton::new("public:coco.gov.nodes.vbs.minimums"),
            demands: Singleton::new("public:coco.gov.nodes.vbs.demands"),
            registers: Table::new("public:coco.gov.nodes.vbs.registers"),
        }
    }
}

/// What an image may be loaded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// An enclave that runs a node.
    Enclave,
    /// Something beside it in the enclave.
    Module,
}

/// An image that is known by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// What it may be loaded as.
    pub role: Role,
}

impl JsonValue for Image {}

/// An image that is known by its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedImage {
    /// Least security version that its author gave it.
    pub minimum_svn: u32,
    /// What it may be loaded as.
    pub role: Role,
}

impl JsonValue for SignedImage {}

/// How old Windows may be: least security versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minimums {
    /// Of the platform.
    pub platform_svn: u32,
    /// Of the secure kernel.
    pub secure_kernel_svn: u32,
}

impl JsonValue for Minimums {}

/// How else Windows must have been started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demands {
    /// Devices could not write into memory meanwhile.
    #[serde(default, skip_serializing_if = "is_default")]
    pub boot_dma_protection: bool,
    /// It does not hibernate.
    #[serde(default, skip_serializing_if = "is_default")]
    pub no_hibernation: bool,
    /// It writes no dumps.
    #[serde(default, skip_serializing_if = "is_default")]
    pub no_dumps: bool,
    /// It writes dumps encrypted only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encrypted_dumps: bool,
    /// It writes its page file encrypted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encrypted_page_file: bool,
}

impl JsonValue for Demands {}
