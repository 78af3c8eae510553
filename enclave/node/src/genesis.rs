//! The first transaction of a service: members, configuration, constitution, and the node that wrote it.

use coco_app::Reject;
use coco_attest::ReportData;
use coco_boundary::Evidence;
use coco_crypto::{Certificate, RsaPublicKey, Signer as _};
use coco_kv::{Reader, Snapshot, Tx};
use coco_tables::{
    Tables,
    members::{MemberAck, MemberInfo, MemberStatus, RecoveryRole},
    nodes::{NodeInfo, NodeNetwork, NodeStatus},
    service::{ServiceConfig, ServiceInfo, ServiceStatus},
    value::JsonText,
};
use coco_wire::{Digest, Seqno, TxId, View as ViewNumber};
use serde_json::Value;

use crate::{
    call::{Mount, Write},
    evidence::{Judge, admit_first, quote_info},
    keys::ServiceIdentity,
    view::View,
};

/// What a new service is made of.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// Its first members.
    pub members: Vec<NewMember>,
    /// Source text of the constitution.
    pub constitution: String,
    /// What the service says of itself; null if nothing.
    pub service_data: Value,
    /// Recovery threshold and limits.
    pub configuration: ServiceConfig,
    /// Interfaces of the node.
    pub network: NodeNetwork,
    /// What the node says of itself; null if nothing.
    pub node_data: Value,
    /// On SEV-SNP, the text whose digest is the host data of the node's evidence, if it is known.
    pub security_policy: Option<String>,
}

/// A member to be.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// Names the member: the digest of the certificate.
    id: Digest,
    certificate: String,
    encryption_public_key: Option<String>,
    data: Value,
    recovery_role: Option<RecoveryRole>,
}

/// A member that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMember {
    /// Not one PEM certificate.
    #[error("the member's certificate is not one X.509 certificate in PEM")]
    Certificate,
    /// Not an RSA key.
    #[error("the member's encryption key is not an RSA public key in PEM")]
    EncryptionKey,
    /// Someone without a key cannot decrypt a share.
    #[error("a member with a part in recovery needs an encryption key")]
    RoleWithoutKey,
    /// Someone with a key takes part.
    #[error("a member with an encryption key is a recovery participant or owner")]
    KeyWithoutRole,
}

impl NewMember {
    /// A member known by `certificate` (PEM), who takes part in recovery with `encryption_public_key` (PEM).
    ///
    /// # Errors
    /// If a text is not what it should be, or role and key contradict each other.
    pub fn new(
        certificate: String,
        encryption_public_key: Option<String>,
        data: Value,
        recovery_role: Option<RecoveryRole>,
    ) -> Result<Self, InvalidMember> {
        let id = Certificate::from_pem(&certificate).map_err(|_| InvalidMember::Certificate)?.fingerprint();
        match (&encryption_public_key, recovery_role) {
            (None, Some(RecoveryRole::Participant | RecoveryRole::Owner)) => {
                return Err(InvalidMember::RoleWithoutKey);
            }
            (Some(_), Some(RecoveryRole::NonParticipant)) => return Err(InvalidMember::KeyWithoutRole),
            (Some(key), _) => {
                RsaPublicKey::from_spki_pem(key).map_err(|_| InvalidMember::EncryptionKey)?;
            }
            (None, _) => {}
        }
        Ok(Self { id, certificate, encryption_public_key, data, recovery_role })
    }

    fn write(&self, tables: &Tables, tx: &mut Tx) {
        let members = &tables.members;
        members.certs.put(tx, &self.id, &self.certificate);
        if let Some(key) = &self.encryption_public_key {
            members.encryption_public_keys.put(tx, &self.id, key);
        }
        let info = MemberInfo {
            status: MemberStatus::Accepted,
            member_data: self.data.clone(),
            recovery_role: self.recovery_role,
        };
        members.info.put(tx, &self.id, &info);
        members.acks.put(tx, &self.id, &MemberAck::default());
    }
}

impl Genesis {
    /// Runs the first transaction on the empty store.
    ///
    /// # Errors
    /// If the evidence is not of this node, or the application refuses.
    pub(crate) fn execute(&self, view: &View, empty: Snapshot, evidence: &Evidence) -> Result<Write, Reject> {
        let tables = Tables::default();
        let mut tx = Tx::new(empty);
        for member in &self.members {
            member.write(&tables, &mut tx);
        }
        tables.service.config.put(&mut tx, &self.configuration);
        tables.scripts.constitution.put(&mut tx, &JsonText(self.constitution.clone()));
        let service = view.shared.keys.service().expect("who starts a service has founded it");
        let first = TxId { view: ViewNumber(2), seqno: Seqno(1) };
        let info = ServiceInfo {
            cert: service.certificate.load().to_pem(),
            status: ServiceStatus::Opening,
            previous_service_identity_version: None,
            recovery_count: Some(0),
            service_data: self.service_data.clone(),
            current_service_create_txid: Some(first),
        };
        tables.service.info.put(&mut tx, &info);
        self.write_node(view, service, evidence, &tables, &mut tx)?;
        view.mounts.gov.genesis(&mut tx)?;
        view.mounts.node.genesis(&mut tx)?;
        let claims = view.mounts.app.genesis(&mut tx)?;
        Ok(Write {
            executed: tx.finish(),
            claims,
            requests: coco_app::NodeRequests::default(),
            mount: Mount::Node,
        })
    }

    /// Registers the node, and trusts what it runs.
    fn write_node(
        &self,
        view: &View,
        service: &ServiceIdentity,
        evidence: &Evidence,
        tables: &Tables,
        tx: &mut Tx,
    ) -> Result<(), Reject> {
        let keys = &view.shared.keys;
        let public_key = keys.node.public_key();
        let quote_info = quote_info(evidence);
        let judge = Judge::of(&view.shared);
        let claims = judge
            .appraise_first(&quote_info, &ReportData::of_node(public_key))
            .map_err(|refusal| Reject::internal(format!("The node's own evidence is refused: {refusal}")))?;
        admit_first(tables, tx, &claims, self.security_policy.as_deref())
            .map_err(|error| Reject::internal(error.to_string()))?;
        let info = NodeInfo {
            network: self.network.clone(),
            quote_info,
            encryption_pub_key: keys.encryption.public_key().to_pem(),
            status: NodeStatus::Trusted,
            ledger_secret_seqno: None,
            code_digest: Some(claims.code_digest()),
            certificate_signing_request: Some(keys.request.to_pem()),
            public_key: Some(public_key.to_pem()),
            node_data: self.node_data.clone(),
            cert: None,
            retired_committed: false,
        };
        tables.nodes.info.put(tx, &keys.node_id, &info);
        tables.nodes.appraisals.put(tx, &keys.node_id, &judge.found_good(None));
        tables.nodes.endorsed_certificates.put(tx, &keys.node_id, &service.endorsed.load().to_pem());
        Ok(())
    }
}

/// Whether the service takes requests of users.
#[must_use]
pub fn is_open(state: &impl Reader) -> bool {
    Tables::default()
        .service
        .info
        .get(state)
        .is_ok_and(|info| info.is_some_and(|info| info.status == ServiceStatus::Open))
}
