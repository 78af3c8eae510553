//! Services in enclaves of Windows, and whom they let in.

#[path = "windows/first.rs"]
mod first;
#[path = "windows/policy.rs"]
mod policy;
#[path = "windows/refusals.rs"]
mod refusals;
#[path = "windows/software_tpm.rs"]
mod software_tpm;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use coco_boundary::{Evidence, EvidenceFormat};
use coco_imitated::{
    tpm::{ATTESTS, Certificates, keys},
    windows::{Signed, Windows},
};
use coco_tables::{
    Tables,
    windows::{Image, Minimums, Role, SignedImage},
};
use coco_wire::{Digest, text::encode_hex};
use serde_json::{Value, json};

use crate::{applicant::Hardware, harness::Admin, node::Ground, snp::start};

const UNVERIFIED: &str = "Quote could not be verified";
const KEY: &str = "Quote report data does not contain node's public key hash";
const MEASUREMENT: &str = "Quote does not contain known enclave measurement";
const HOST_DATA: &str = "Quote host data is not authorised";
const TPM: &str = "Quote is of a TPM that is not authorised";
const AUTHORITY: &str = "Quote is of a boot by an authority that is not authorised";
const MINIMUM: &str = "Quote TCB version is below the minimum";
const NO_MINIMUMS: &str = "Quote is of Windows without minimum versions";
const DEMANDS: &str = "Quote does not meet what is demanded of guests and platforms";
const REGISTERS: &str = "Quote registers are not authorised";

/// What stands beside a quote.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// The TPM's key.
    Key,
    /// Certificates of the TPM's key.
    Certificates,
}

/// A machine that shows what it is, changed by whoever carries it.
#[derive(Clone)]
pub(crate) struct Machine {
    windows: Windows,
    beside: Beside,
    /// What the carrier changes.
    carrier: fn(&mut Signed),
}

/// The common case.
pub(crate) fn machine() -> Machine {
    Machine { windows: Windows::genuine(), beside: Beside::Key, carrier: |_| {} }
}

/// One whose TPM has certificates.
pub(crate) fn certified() -> Machine {
    let mut windows = Windows::genuine();
    windows.tpm.key = &keys().rsa;
    Machine { windows, beside: Beside::Certificates, ..machine() }
}

/// The common case with something changed before it is signed.
fn with(change: fn(&mut Windows)) -> Machine {
    let mut machine = machine();
    change(&mut machine.windows);
    machine
}

/// PEM of certificates of the RSA key.
fn certificates() -> Vec<u8> {
    let mut certificates = Certificates::new(ATTESTS);
    for certificate in &mut certificates.0 {
        certificate.end = coco_imitated::der::day(2000);
    }
    certificates.sign()
}

/// A quote and its endorsements.
fn shown(machine: &Machine) -> (Vec<u8>, Vec<u8>) {
    let mut signed = machine.windows.sign();
    (machine.carrier)(&mut signed);
    let endorsements = match machine.beside {
        Beside::Key => signed.tpm.public.clone(),
        Beside::Certificates => certificates(),
    };
    (signed.tpm.form(&signed.report), endorsements)
}

/// Evidence as a node shows it in requests.
fn quote((quote, endorsements): &(Vec<u8>, Vec<u8>)) -> Value {
    let [quote, endorsements] = [quote, endorsements].map(|bytes| STANDARD.encode(bytes));
    json!({ "format": "Windows_VBS_v1", "quote": quote, "endorsements": endorsements })
}

impl Hardware for Machine {
    fn quote(&self) -> Value {
        quote(&shown(self))
    }

    fn bound(&self, report_data: &Digest) -> Value {
        let mut machine = self.clone();
        machine.windows.bind(report_data);
        machine.quote()
    }
}

/// What a node on this machine runs on.
pub(crate) fn ground(machine: &Machine) -> Ground {
    let machine = machine.clone();
    let platform = move |report_data: &Digest| {
        let mut machine = machine.clone();
        machine.windows.bind(report_data);
        let (quote, endorsements) = shown(&machine);
        Evidence { format: EvidenceFormat::Vbs, quote, endorsements, uvm_endorsements: None }
    };
    Ground { platform: Box::new(platform), ..Ground::default() }
}

/// A service whose first node runs on this machine.
fn start_on(machine: &Machine) -> Admin {
    start(ground(machine))
}

/// The least versions that the service of [`machine`] begins with.
const MINIMUMS: Minimums = Minimums { platform_svn: 2, secure_kernel_svn: 5 };

/// The author, family and image of the enclave of [`machine`], as the key of a row.
fn signed_name() -> String {
    ["22".repeat(32), "33".repeat(16), "44".repeat(16)].join(".")
}

fn signed(tables: &Tables, tx: &mut coco_kv::Tx, minimum_svn: u32, role: Role) {
    tables.windows.signers.put(tx, &signed_name(), &SignedImage { minimum_svn, role });
}

fn image(tables: &Tables, tx: &mut coco_kv::Tx, byte: u8, role: Role) {
    tables.windows.images.put(tx, &encode_hex(&[byte; 32]), &Image { role });
}
