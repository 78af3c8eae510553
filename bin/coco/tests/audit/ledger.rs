//! Ledgers of services that let nodes in, rightly or wrongly: what nodes would refuse to write is written by hand.

use std::{fs, path::Path};

use coco_attest::{Attester, Evidence, ReportData, insecure_virtual::VirtualAttester};
use coco_crypto::{Curve, EcKey, Signer as _, SystemEntropy, hash::sha256};
use coco_imitated::{
    intel::{self, Kind},
    snp::{Machine, NOW, at},
};
use coco_kv::{Store, Tx};
use coco_tables::{
    Tables,
    intel::IntelTcb,
    nodes::{Appraisal, NodeInfo, NodeNetwork, NodeStatus, QuoteFormat, QuoteInfo, Renewal},
    platforms::{CodeStatus, TcbVersion},
    value::{Present, Registers},
};
use coco_wire::{
    Digest, Key, TableName, Value,
    signature::SINGLETON_KEY,
    text::{Base64, encode_hex},
};
use serde_json::json;

use crate::forge::{Forge, SERVICE_INFO};

/// When the first node is judged.
pub(crate) const T: u64 = NOW.0.unsigned_abs();
/// What virtual nodes run.
pub(crate) const HOST_DATA: Digest = Digest([7; 32]);
pub(crate) const MEASUREMENT: &str = "Insecure hard-coded virtual measurement v1";
/// What the processor of [`Machine::milan`] is called.
const CPUID: &str = "00a00f11";

/// What the kind of [`intel::Machine::new`] is called.
const FMSPC: &str = "50806f000000";

/// What a node runs on.
#[derive(Clone)]
pub(crate) enum Ground {
    Virtual(Digest),
    Snp(Box<Machine>),
    Intel(Box<intel::Machine>),
}

impl Ground {
    /// The code as nodes write it down.
    fn code_digest(&self) -> String {
        match self {
            Self::Virtual(_) => encode_hex(MEASUREMENT.as_bytes()),
            Self::Intel(machine) => "3e".repeat(if machine.kind.is_tdx() { 48 } else { 32 }),
            Self::Snp(machine) => encode_hex(&machine.report[at::MEASUREMENT..][..48]),
        }
    }

    /// Evidence that is bound to report data.
    pub(crate) fn quote(&self, report_data: Digest) -> QuoteInfo {
        let (format, evidence) = match self {
            Self::Virtual(host_data) => {
                let attester = VirtualAttester::new(*host_data);
                let Evidence { quote, .. } = attester.evidence(&ReportData(report_data)).unwrap();
                (QuoteFormat::InsecureVirtual, (quote, Vec::new(), None))
            }
            Self::Intel(machine) => {
                let mut machine = machine.clone();
                machine.bind(&report_data);
                let shown = machine.sign();
                let tdx = machine.kind.is_tdx();
                let format = if tdx { QuoteFormat::IntelTdxV1 } else { QuoteFormat::IntelSgxDcapV1 };
                (format, (shown.quote, shown.collateral.to_json(), None))
            }
            Self::Snp(machine) => {
                let mut machine = machine.clone();
                machine.bind(&report_data);
                let shown = machine.sign();
                (QuoteFormat::AmdSevSnpV1, (shown.report, shown.certificates, shown.uvm))
            }
        };
        let (quote, endorsements, uvm) = evidence;
        QuoteInfo {
            format,
            quote: Base64(quote),
            endorsements: Base64(endorsements),
            uvm_endorsements: uvm.map(Base64),
            endorsed_tcb: None,
        }
    }
}

/// A ledger and where its nodes run.
pub(crate) struct Ledger {
    pub(crate) forge: Forge,
    pub(crate) ground: Ground,
    pub(crate) tables: Tables,
}

/// A node that joins.
pub(crate) struct Joiner {
    key: EcKey,
    pub(crate) info: NodeInfo,
}

impl Joiner {
    pub(crate) fn id(&self) -> Digest {
        self.key.public_key().id()
    }
}

fn info(key: &EcKey, status: NodeStatus, ground: &Ground) -> NodeInfo {
    NodeInfo {
        network: NodeNetwork::default(),
        quote_info: ground.quote(key.public_key().id()),
        encryption_pub_key: String::new(),
        status,
        ledger_secret_seqno: None,
        code_digest: Some(ground.code_digest()),
        certificate_signing_request: None,
        public_key: Some(key.public_key().to_pem()),
        node_data: json!(null),
        cert: None,
        retired_committed: false,
    }
}

pub(crate) fn appraised(time: u64) -> Option<Appraisal> {
    Some(Appraisal { time, renewal: None, eviction: None })
}

impl Ledger {
    /// A service whose first node was judged at [`T`].
    pub(crate) fn on(ground: Ground) -> Self {
        Self::founded(ground, appraised(T), |_, _| ())
    }

    pub(crate) fn virtual_platform() -> Self {
        Self::on(Ground::Virtual(HOST_DATA))
    }

    /// A service with more in its first transaction.
    pub(crate) fn founded(
        ground: Ground,
        appraisal: Option<Appraisal>,
        more: impl FnOnce(&Tables, &mut Tx),
    ) -> Self {
        let empty = Forge::new();
        let mut ledger =
            Self { forge: Forge::empty(empty.service, empty.node), ground, tables: Tables::default() };
        let id = ledger.forge.node.id();
        let info = info(&ledger.forge.node.key, NodeStatus::Trusted, &ledger.ground);
        let certificate = ledger.forge.node.certificate.to_pem();
        let ground = ledger.ground.clone();
        ledger.status("Opening", |tables, tx| {
            tables.nodes.info.put(tx, &id, &info);
            tables.nodes.endorsed_certificates.put(tx, &id, &certificate);
            if let Some(appraisal) = appraisal {
                tables.nodes.appraisals.put(tx, &id, &appraisal);
            }
            let platforms = &tables.platforms;
            match ground {
                Ground::Virtual(host_data) => {
                    let measurement = MEASUREMENT.to_owned();
                    platforms.virtual_measurements.put(tx, &measurement, &CodeStatus::AllowedToJoin);
                    platforms.virtual_host_data.put(tx, &host_data, &Present);
                }
                Ground::Intel(machine) => admit_intel(tables, tx, machine.kind),
                Ground::Snp(_) => {
                    platforms.snp_measurements.put(tx, &"3e".repeat(48), &CodeStatus::AllowedToJoin);
                    platforms.snp_host_data.put(tx, &Digest([0x40; 32]), &"".into());
                    platforms.snp_tcb_versions.put(tx, &CPUID.to_owned(), &tcb(219));
                }
            }
            more(tables, tx);
        });
        ledger
    }

    /// A transaction.
    pub(crate) fn write(&mut self, write: impl FnOnce(&Tables, &mut Tx)) {
        let mut tx = Tx::new(Store::new().latest());
        write(&self.tables, &mut tx);
        self.forge.write(tx.finish().writes());
    }

    /// A transaction in which a proposal is accepted.
    pub(crate) fn vote(&mut self, write: impl FnOnce(&Tables, &mut Tx)) {
        self.write(|tables, tx| {
            accept(tx);
            write(tables, tx);
        });
    }

    fn status(&mut self, status: &str, write: impl FnOnce(&Tables, &mut Tx)) {
        let row = self.forge.service_row(status, "");
        let row = row.table(SERVICE_INFO).unwrap().values().next().unwrap().clone().unwrap();
        self.write(|tables, tx| {
            tx.put(&TableName::new(SERVICE_INFO), Key::new(&SINGLETON_KEY), row);
            write(tables, tx);
        });
    }

    pub(crate) fn open(&mut self) {
        self.status("Open", |_, tx| accept(tx));
    }

    pub(crate) fn open_without_vote(&mut self) {
        self.status("Open", |_, _| ());
    }

    /// A node with evidence for its key.
    pub(crate) fn joiner(&self, ground: &Ground, status: NodeStatus) -> Joiner {
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let info = info(&key, status, ground);
        Joiner { key, info }
    }

    /// Lets a node in that is judged at this time, if that is written down.
    pub(crate) fn join(&mut self, joiner: &Joiner, appraisal: Option<Appraisal>) {
        let id = joiner.id();
        self.write(|tables, tx| {
            tables.nodes.info.put(tx, &id, &joiner.info);
            if let Some(appraisal) = appraisal {
                tables.nodes.appraisals.put(tx, &id, &appraisal);
            }
        });
    }

    /// Lets a node in that runs on the same ground as the first.
    pub(crate) fn join_another(&mut self, status: NodeStatus, time: u64) -> Joiner {
        let joiner = self.joiner(&self.ground.clone(), status);
        self.join(&joiner, appraised(time));
        joiner
    }

    /// Writes that a node that joined stands otherwise.
    pub(crate) fn stand(&mut self, joiner: &mut Joiner, status: NodeStatus, accepted: bool) {
        joiner.info.status = status;
        let (id, info) = (joiner.id(), joiner.info.clone());
        self.write(|tables, tx| {
            if accepted {
                accept(tx);
            }
            tables.nodes.info.put(tx, &id, &info);
        });
    }

    /// What the evidence of the first node is bound to that answers a challenge.
    pub(crate) fn lease(&self, challenge: u8) -> Digest {
        self.lease_of(self.forge.node.id(), challenge)
    }

    /// The same of any node.
    fn lease_of(&self, node: Digest, challenge: u8) -> Digest {
        let service = self.forge.service.id();
        sha256(&[b"coco lease evidence v1", &service.0[..], &node.0, &[challenge; 32]].concat())
    }

    /// Writes that the first node showed evidence again.
    pub(crate) fn renew(&mut self, time: u64, report_data: Digest, challenge: u8) {
        let quote_info = self.ground.quote(report_data);
        let renewal = Renewal { quote_info, challenge: Digest([challenge; 32]) };
        self.show(self.forge.node.id(), time, renewal);
    }

    /// What any node shows again that answers a challenge.
    pub(crate) fn renewal_of(&self, node: Digest, challenge: u8) -> Renewal {
        let quote_info = self.ground.quote(self.lease_of(node, challenge));
        Renewal { quote_info, challenge: Digest([challenge; 32]) }
    }

    /// Writes that any node showed that.
    pub(crate) fn renew_of(&mut self, node: Digest, time: u64, challenge: u8) {
        self.show(node, time, self.renewal_of(node, challenge));
    }

    fn show(&mut self, node: Digest, time: u64, renewal: Renewal) {
        let row = Appraisal { time, renewal: Some(renewal), eviction: None };
        self.write(|tables, tx| tables.nodes.appraisals.put(tx, &node, &row));
    }

    /// Signs what is there, and writes the file and the service's certificate.
    pub(crate) fn save(&mut self, directory: &Path) {
        self.forge.sign();
        fs::create_dir_all(directory.join("ledger")).unwrap();
        fs::write(directory.join("ledger/ledger_1"), &self.forge.bytes).unwrap();
        fs::write(directory.join("service_cert.pem"), self.forge.service.certificate.to_pem()).unwrap();
        let root = match &self.ground {
            Ground::Virtual(_) => return,
            Ground::Snp(machine) => machine.root.sign(),
            Ground::Intel(machine) => machine.root.sign(),
        };
        fs::write(directory.join("root.der"), root).unwrap();
    }
}

/// Admits what [`intel::Machine::new`] makes.
fn admit_intel(tables: &Tables, tx: &mut Tx, kind: Kind) {
    let intel = &tables.intel;
    demand(tables, tx, 17);
    let (code, host_data) = match kind.is_tdx() {
        true => (&intel.tdx_measurements, &intel.tdx_host_data),
        false => (&intel.sgx_measurements, &intel.sgx_host_data),
    };
    let (measurement, config) = if kind.is_tdx() { (48, 48) } else { (32, 64) };
    code.put(tx, &"3e".repeat(measurement), &CodeStatus::AllowedToJoin);
    host_data.put(tx, &"40".repeat(config), &Present);
    for register in ["1", "2"].iter().filter(|_| kind.is_tdx()) {
        let values = Registers(vec!["00".repeat(48)]);
        intel.tdx_registers.put(tx, &(*register).to_owned(), &values);
    }
}

/// Has machines of Intel's admitted by documents of this evaluation or a later one.
pub(crate) fn demand(tables: &Tables, tx: &mut Tx, minimum_evaluation: u32) {
    let tcb = IntelTcb { minimum_evaluation, ..IntelTcb::default() };
    tables.intel.tcb.put(tx, &FMSPC.to_owned(), &tcb);
}

/// Has a proposal accepted.
fn accept(tx: &mut Tx) {
    let row = json!({ "state": "Accepted", "proposer_id": Digest([1; 32]), "ballots": {} });
    let table = TableName::new("public:ccf.gov.proposals_info");
    tx.put(&table, Key::new("ab".repeat(32).as_bytes()), Value::new(row.to_string().as_bytes()));
}

/// The least version for the processor of [`Machine::milan`], with this microcode.
pub(crate) fn tcb(microcode: u32) -> TcbVersion {
    TcbVersion {
        hexstring: None,
        microcode: Some(microcode),
        snp: Some(24),
        tee: Some(1),
        boot_loader: Some(4),
        fmc: None,
    }
}

pub(crate) fn require(tables: &Tables, tx: &mut Tx, microcode: u32) {
    tables.platforms.snp_tcb_versions.put(tx, &CPUID.to_owned(), &tcb(microcode));
}
