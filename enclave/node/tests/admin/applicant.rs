//! A node that asks to join.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use coco_app::{ChannelBinding, ClientCertificate, Headers, InterfaceName, Method, Peer, Request, Response};
use coco_crypto::{
    Certificate, Curve, EcKey, RsaKey, Signer as _, SystemEntropy,
    hash::sha256,
    rsa::RsaBits,
    x509::{Request as SigningRequest, UnixTime, Validity, issue_self_signed},
};
use coco_imitated::{intel, snp};
use coco_wire::Digest;
use serde_json::{Value, json};

use crate::harness::Admin;

pub(crate) const MEASUREMENT: &str = "Insecure hard-coded virtual measurement v1";

/// The session in which it asks, and for which it makes evidence.
const SESSION: ChannelBinding = ChannelBinding([5; ChannelBinding::LEN]);

static ENCRYPTION: LazyLock<String> =
    LazyLock::new(|| RsaKey::generate(RsaBits::B2048).public_key().to_pem());

/// A node that asks.
pub(crate) struct Applicant {
    pub(crate) key: EcKey,
    pub(crate) certificate: Certificate,
    /// What it runs on; none is a virtual platform.
    pub(crate) machine: Option<Box<dyn Hardware>>,
}

/// A machine that was never built.
pub(crate) trait Hardware {
    /// Evidence, as a node shows it.
    fn quote(&self) -> Value;

    /// The same, bound to report data.
    fn bound(&self, report_data: &Digest) -> Value;
}

impl Hardware for snp::Machine {
    fn quote(&self) -> Value {
        let shown = self.sign();
        let [quote, endorsements] = [&shown.report, &shown.certificates].map(|bytes| STANDARD.encode(bytes));
        let mut quote = json!({ "format": "AMD_SEV_SNP_v1", "quote": quote, "endorsements": endorsements });
        if let Some(uvm) = &shown.uvm {
            quote["uvm_endorsements"] = json!(STANDARD.encode(uvm));
        }
        quote
    }

    fn bound(&self, report_data: &Digest) -> Value {
        let mut machine = self.clone();
        machine.bind(report_data);
        machine.quote()
    }
}

impl Hardware for intel::Machine {
    fn quote(&self) -> Value {
        let shown = self.sign();
        let format = if self.kind.is_tdx() { "Intel_TDX_v1" } else { "Intel_SGX_DCAP_v1" };
        let [quote, endorsements] =
            [&shown.quote, &shown.collateral.to_json()].map(|bytes| STANDARD.encode(bytes));
        json!({ "format": format, "quote": quote, "endorsements": endorsements })
    }

    fn bound(&self, report_data: &Digest) -> Value {
        let mut machine = self.clone();
        machine.bind(report_data);
        machine.quote()
    }
}

impl Applicant {
    pub(crate) fn new() -> Self {
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let validity = Validity::days(UnixTime(1_780_000_000), 1).expect("valid");
        let name = "CN=Joiner".parse().expect("valid");
        let certificate = issue_self_signed(&key, &name, &[], validity, &SystemEntropy);
        Self { key, certificate, machine: None }
    }

    /// A node on a machine with hardware that vouches for it.
    pub(crate) fn on(machine: impl Hardware + 'static) -> Self {
        Self { machine: Some(Box::new(machine)), ..Self::new() }
    }

    pub(crate) fn id(&self) -> Digest {
        self.key.public_key().id()
    }

    pub(crate) fn quote(&self, edit: impl FnOnce(&mut Value)) -> Value {
        let mut quote = json!({ "measurement": MEASUREMENT, "host_data": Digest([7; 32]),
            "report_data": STANDARD.encode(self.id().0) });
        edit(&mut quote);
        json!({ "format": "Insecure_Virtual", "endorsements": "", "quote": STANDARD.encode(quote.to_string()) })
    }

    /// Evidence that is bound to report data.
    fn bound(&self, report_data: &Digest) -> Value {
        match &self.machine {
            None => self.quote(|quote| quote["report_data"] = json!(STANDARD.encode(report_data.0))),
            Some(machine) => machine.bound(report_data),
        }
    }

    pub(crate) fn body(&self) -> Value {
        let request = SigningRequest::create(&self.key, &"CN=Joiner".parse().expect("valid"), &[]);
        json!({
            "node_info_network": {
                "node_to_node_interface": { "bind_address": "10.0.0.2:9000" },
                "rpc_interfaces": { "main": { "bind_address": "10.0.0.2:8000" } },
            },
            "quote_info": self.bound(&self.id()),
            "public_encryption_key": *ENCRYPTION,
            "startup_seqno": 0,
            "certificate_signing_request": request.to_pem(),
            "node_data": { "rack": 3 },
        })
    }

    pub(crate) fn ask(&self, admin: &mut Admin, body: &Value) -> (u16, Value, Response) {
        self.ask_at(admin, body, "configured.example:1")
    }

    /// Asks in a session of this name.
    pub(crate) fn ask_in(
        &self,
        admin: &mut Admin,
        body: &Value,
        session: Option<ChannelBinding>,
    ) -> (u16, Value, Response) {
        self.send(admin, body, "configured.example:1", session)
    }

    pub(crate) fn ask_at(&self, admin: &mut Admin, body: &Value, host: &str) -> (u16, Value, Response) {
        self.send(admin, body, host, Some(SESSION))
    }

    fn send(
        &self,
        admin: &mut Admin,
        body: &Value,
        host: &str,
        session: Option<ChannelBinding>,
    ) -> (u16, Value, Response) {
        let certificate = ClientCertificate::from_der(self.certificate.der()).expect("valid");
        let peer = Peer { interface: InterfaceName::new("main"), certificate: Some(certificate), session };
        let headers = Headers::from_pairs([(&b"host"[..], host.as_bytes())]);
        let body = Bytes::from(body.to_string());
        let response = admin.send_as(&peer, Request::new(Method::Post, "/node/join".into(), headers, body));
        (response.status.0, serde_json::from_slice(&response.body).unwrap_or_default(), response)
    }

    /// Asks, and checks that it is told its status without secrets.
    pub(crate) fn told(&self, admin: &mut Admin, status: &str) {
        let (code, body, _) = self.ask(admin, &self.body());
        assert_eq!((code, body), (200, json!({ "node_status": status, "node_id": self.id() })));
    }

    /// Asks, and gets a challenge.
    pub(crate) fn challenged(&self, admin: &mut Admin) -> Digest {
        let (code, body, _) = self.ask(admin, &self.body());
        assert_eq!((code, &body["node_status"]), (200, &json!("Trusted")), "{body}");
        assert!(body.get("network_info").is_none(), "{body}");
        serde_json::from_value(body["challenge"].clone()).expect("a challenge")
    }

    /// The question with evidence bound to a challenge.
    pub(crate) fn proof(&self, admin: &Admin, challenge: &Digest) -> Value {
        let service = admin.view.shared.keys.service().expect("valid").key.public_key().id();
        let bound =
            [&b"coco join evidence v2"[..], &service.0, &self.id().0, &challenge.0, &SESSION.0].concat();
        let mut body = self.body();
        body["fresh_quote_info"] = self.bound(&sha256(&bound));
        body
    }

    /// Asks with evidence bound to a challenge.
    pub(crate) fn show(&self, admin: &mut Admin, challenge: &Digest) -> (u16, Value, Response) {
        let body = self.proof(admin, challenge);
        self.ask(admin, &body)
    }

    /// Asks, proves what it runs, and checks the secrets that it gets.
    pub(crate) fn let_in(&self, admin: &mut Admin) -> Value {
        let challenge = self.challenged(admin);
        let (code, body, _) = self.show(admin, &challenge);
        assert_eq!((code, &body["node_status"]), (200, &json!("Trusted")), "{body}");
        let info = body["network_info"].clone();
        let service = admin.view.shared.keys.service().expect("valid");
        let certificate = service.certificate.load();
        assert_eq!(info["identity"]["cert"], json!(certificate.to_pem()));
        let key = EcKey::from_pem(info["identity"]["priv_key"].as_str().expect("valid")).expect("valid");
        assert_eq!(key.public_key(), service.key.public_key());
        let secrets = admin.view.shared.secrets.load().expect("valid");
        let (from, secret) = secrets.iter().next().expect("valid");
        let raw = STANDARD.encode(secret.as_bytes());
        assert_eq!(info["ledger_secrets"], json!([[from, { "raw_key": raw }]]));
        assert_eq!((&info["public_only"], &info["last_recovered_signed_idx"]), (&json!(false), &json!(0)));
        assert_eq!(info["cose_signatures_config"], json!({ "issuer": "issuer", "subject": "subject" }));
        info
    }
}
