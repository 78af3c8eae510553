//! What members require of enclaves of Windows, as their tables say it. CCF has nothing like it.

use coco_attest::{
    Evidence, Platform, Refusal,
    tpm::{self, SignerName},
    vbs::{Demand, Image, Named, NodeClaims, Pin, Requirements, named},
};
use coco_kv::{Reader, Tx};
use coco_tables::{
    value::Present,
    windows::{self, Demands, Minimums, Role, SignedImage, Windows},
};
use coco_wire::{Digest, text::encode_hex};

use super::{Unwelcome, made, registers};

/// What is required of an enclave: of all that tables admit, what it says it is. Verification comes to the same, or refuses
/// it. A row that cannot be read admits nobody.
pub(super) struct Required {
    enclaves: Vec<Pin>,
    modules: Vec<Pin>,
    minimums: Minimums,
    names: Vec<Vec<u8>>,
    roots: Vec<Digest>,
    authorities: Vec<Digest>,
    demands: Vec<Demand>,
}

impl Required {
    /// By the tables; nothing of other platforms.
    pub(super) fn read(
        tables: &Windows,
        state: &impl Reader,
        evidence: &Evidence,
    ) -> Result<Option<Self>, Unwelcome> {
        if evidence.platform != Platform::Vbs {
            return Ok(None);
        }
        let Named { report, signer, authorities } = named(evidence).map_err(Unwelcome::Refused)?;
        let minimums = tables.minimums.get(state)?.ok_or(Unwelcome::NoMinimums)?;
        let known = |image: &Image, role| pin(tables, state, image, role);
        let demands = tables.demands.get(state)?.unwrap_or_default();
        let mut required = Self {
            enclaves: known(&report.identity.image, Role::Enclave).into_iter().collect(),
            modules: report.modules.iter().filter_map(|module| known(&module.image, Role::Module)).collect(),
            minimums,
            names: Vec::new(),
            roots: Vec::new(),
            authorities,
            demands: self::demands(&demands),
        };
        required.authorities.retain(|authority| tables.boot_authorities.has(state, authority));
        match signer {
            SignerName::Key(name) if tables.attestation_keys.has(state, &encode_hex(&name)) => {
                required.names.push(name);
            }
            SignerName::Root(root) if tables.attestation_roots.has(state, &root) => required.roots.push(root),
            _ => {}
        }
        Ok(Some(required))
    }

    /// By what the first node of a service says itself, whom nobody has admitted.
    pub(super) fn of_first(evidence: &Evidence) -> Result<Option<Self>, Refusal> {
        if evidence.platform != Platform::Vbs {
            return Ok(None);
        }
        let Named { report, signer, authorities } = named(evidence)?;
        let exactly = |image: &Image| Pin::Exactly(image.unique_id);
        let (names, roots) = match signer {
            SignerName::Key(name) => (vec![name], Vec::new()),
            SignerName::Root(root) => (Vec::new(), vec![root]),
            SignerName::Known => (Vec::new(), Vec::new()),
        };
        Ok(Some(Self {
            enclaves: vec![exactly(&report.identity.image)],
            modules: report.modules.iter().map(|module| exactly(&module.image)).collect(),
            minimums: Minimums::default(),
            names,
            roots,
            authorities,
            demands: Vec::new(),
        }))
    }

    pub(super) fn names(&self) -> Vec<&[u8]> {
        self.names.iter().map(Vec::as_slice).collect()
    }

    pub(super) fn requirements<'a>(&'a self, names: &'a [&'a [u8]]) -> Requirements<'a> {
        Requirements {
            enclaves: &self.enclaves,
            modules: &self.modules,
            secure_kernel_svn: self.minimums.secure_kernel_svn,
            platform_svn: self.minimums.platform_svn,
            tpm: tpm::Requirements { names, roots: &self.roots, ..tpm::Requirements::STRICT },
            boot_authorities: &self.authorities,
            demands: &self.demands,
            ..Requirements::STRICT
        }
    }
}

/// By what the members let an image be loaded, if by anything.
fn pin(tables: &Windows, state: &impl Reader, image: &Image, role: Role) -> Option<Pin> {
    let unique_id = encode_hex(&image.unique_id);
    let exact = tables.images.get(state, &unique_id).ok().flatten();
    if exact.is_some_and(|row| row.role == role) {
        return Some(Pin::Exactly(image.unique_id));
    }
    let SignedImage { minimum_svn, .. } =
        tables.signers.get(state, &signed_name(image)).ok().flatten().filter(|row| row.role == role)?;
    let Image { author_id, family_id, image_id, .. } = *image;
    Some(Pin::Signed { author_id, family_id, image_id, svn: minimum_svn })
}

/// What the author of an image calls it: the key of its row.
fn signed_name(image: &Image) -> String {
    [&image.author_id[..], &image.family_id, &image.image_id].map(encode_hex).join(".")
}

fn demands(row: &Demands) -> Vec<Demand> {
    let Demands { boot_dma_protection, no_hibernation, no_dumps, encrypted_dumps, encrypted_page_file } =
        *row;
    made([
        (boot_dma_protection, Demand::BootDmaProtection),
        (no_hibernation, Demand::NoHibernation),
        (no_dumps, Demand::NoDumps),
        (encrypted_dumps, Demand::EncryptedDumps),
        (encrypted_page_file, Demand::EncryptedPageFile),
    ])
}

/// Whether the members admit a genuine enclave that meets their requirements.
pub(super) fn admit(tables: &Windows, state: &impl Reader, claims: &NodeClaims) -> Result<(), Unwelcome> {
    if !tables.host_data.has(state, &encode_hex(&claims.report.identity.owner_id)) {
        return Err(Unwelcome::HostData);
    }
    registers::admit(&tables.registers, state, |number| claims.tpm.pcrs.value(number)).map(drop)
}

/// Has the service admit enclaves like its first node, on machines of the same authorities that were started no worse, with
/// TPMs that the same root certifies, or with this TPM alone.
pub(super) fn admit_first(tables: &Windows, tx: &mut Tx, claims: &NodeClaims) {
    let identity = &claims.report.identity;
    let mut image = |image: &Image, role| {
        tables.images.put(tx, &encode_hex(&image.unique_id), &windows::Image { role });
    };
    for module in claims.report.modules.iter().filter(|module| module.image != identity.image) {
        image(&module.image, Role::Module);
    }
    image(&identity.image, Role::Enclave);
    tables.host_data.put(tx, &encode_hex(&identity.owner_id), &Present);
    match claims.tpm.signer.name() {
        SignerName::Key(name) => tables.attestation_keys.put(tx, &encode_hex(&name), &Present),
        SignerName::Root(root) => tables.attestation_roots.put(tx, &root, &Present),
        SignerName::Known => {}
    }
    for authority in &claims.authorities {
        tables.boot_authorities.put(tx, authority, &Present);
    }
    let minimums =
        Minimums { platform_svn: identity.platform_svn, secure_kernel_svn: identity.secure_kernel_svn };
    tables.minimums.put(tx, &minimums);
    let met = |demand| claims.met.contains(&demand);
    let demands = Demands {
        boot_dma_protection: met(Demand::BootDmaProtection),
        no_hibernation: met(Demand::NoHibernation),
        no_dumps: met(Demand::NoDumps),
        encrypted_dumps: met(Demand::EncryptedDumps),
        encrypted_page_file: met(Demand::EncryptedPageFile),
    };
    tables.demands.put(tx, &demands);
}
