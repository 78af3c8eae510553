//! A service in memory: the application over a store, everything committed as soon as it has its place.

use std::{cell::Cell, sync::Arc};

use bytes::Bytes;
use coco_app::{
    Adapter as _, Chain, ClientCertificate, Context, Headers, Historical, Index, InterfaceName, Lookup,
    Method, Mode, Origin, Peer, Plan, Receipt, Reject, Request, Response, RestAdapter, Services, Status,
};
use coco_crypto::{
    Curve, EcKey,
    entropy::SystemEntropy,
    x509::{Certificate, Name, UnixTime, Validity, issue_participant},
};
use coco_kv::{Executed, Store, Tx};
use coco_wire::{
    Digest, Seqno, TableName, TxId, View, WriteSet,
    receipt::{JsonReceipt, LeafComponents, PathStep, ReceiptLeaf},
};

const VIEW: View = View(2);
const NOW_S: i64 = 1_800_000_000;

/// A person with a key.
pub(crate) struct Person {
    pub(crate) key: EcKey,
    pub(crate) certificate: Certificate,
}

impl Person {
    pub(crate) fn new(name: &str) -> Self {
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let validity = Validity::days(UnixTime(NOW_S - 86_400), 365).unwrap();
        let certificate = issue_participant(&key, &Name::common(name).unwrap(), validity, &SystemEntropy);
        Self { key, certificate }
    }

    pub(crate) fn id(&self) -> String {
        self.certificate.fingerprint().to_hex()
    }
}

pub(crate) struct Service {
    pub(crate) adapter: RestAdapter,
    pub(crate) user: Person,
    pub(crate) admin: Person,
    pub(crate) member: Person,
    pub(crate) stranger: Person,
    store: Store,
    history: Vec<Arc<Historical>>,
    chain: Chain,
    /// Whether what is asked of history is still being read.
    pub(crate) loading: Cell<bool>,
    /// Number of the transactions that the index is behind.
    pub(crate) index_behind: u64,
}

impl Service {
    /// With a user, an admin and a member registered.
    pub(crate) fn new() -> Self {
        let mut service = Self {
            adapter: coco_sample_logging::adapter(),
            user: Person::new("user"),
            admin: Person::new("admin"),
            member: Person::new("member"),
            stranger: Person::new("stranger"),
            store: Store::new(),
            history: Vec::new(),
            chain: Chain::default(),
            loading: Cell::new(false),
            index_behind: 0,
        };
        let rows = [
            ("public:ccf.gov.users.certs", &service.user, service.user.certificate.to_pem()),
            ("public:ccf.gov.users.certs", &service.admin, service.admin.certificate.to_pem()),
            ("public:ccf.gov.users.info", &service.admin, r#"{"user_data":{"isAdmin":true}}"#.into()),
            ("public:ccf.gov.members.certs", &service.member, service.member.certificate.to_pem()),
            (
                "public:ccf.gov.members.info",
                &service.member,
                r#"{"member_data":[1],"status":"Active"}"#.into(),
            ),
        ]
        .map(|(table, person, value)| (table, person.id(), value));
        service.write(&rows);
        service
    }

    /// Writes rows behind the application's back.
    pub(crate) fn write(&mut self, rows: &[(&str, String, String)]) {
        let mut tx = Tx::new(self.store.latest());
        for (table, key, value) in rows {
            tx.put(&TableName::new(table), key.as_bytes(), value.as_bytes());
        }
        let executed = tx.finish();
        self.place(&executed, None);
    }

    /// Sends a request without certificate.
    pub(crate) fn anonymous(&mut self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        self.send(None, line, headers, body)
    }

    /// Sends a request with the user's certificate.
    pub(crate) fn user(&mut self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let certificate = self.user.certificate.clone();
        self.send(Some(&certificate), line, headers, body)
    }

    /// Sends `line`, a method and a target such as `GET /app/log/private?id=1`.
    pub(crate) fn send(
        &mut self,
        certificate: Option<&Certificate>,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        match self.decode(certificate, line, headers, body) {
            Ok(plan) => self.perform(&plan),
            Err(response) => response,
        }
    }

    /// What the request asks for.
    pub(crate) fn decode(
        &self,
        certificate: Option<&Certificate>,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Plan, Response> {
        let (method, target) = line.split_once(' ').unwrap();
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let request = Request::new(
            Method::parse(method.as_bytes()).unwrap(),
            target.into(),
            Headers::from_pairs(headers),
            Bytes::copy_from_slice(body),
        );
        let peer = Peer {
            interface: InterfaceName::new("primary"),
            certificate: certificate.map(|shown| ClientCertificate::from_der(shown.der()).unwrap()),
            session: None,
        };
        let state = self.store.latest();
        let now_ms = u64::try_from(NOW_S).unwrap() * 1000;
        let origin = Origin { peer: &peer, offers: &|_| true, redirect: &|_, _| None, state: &state, now_ms };
        self.adapter.decode(request, &origin)
    }

    fn perform(&mut self, plan: &Plan) -> Response {
        let historical = match plan.mode {
            Mode::Historical(txid) => match self.history.get(usize::try_from(txid.seqno.0 - 1).unwrap()) {
                Some(historical) => Some(Arc::clone(historical)),
                None => return Response::empty(Status::NOT_FOUND),
            },
            _ => None,
        };
        let call = &plan.calls[0];
        let mut tx = Tx::new(self.store.latest());
        let services = FakeServices { service: self };
        let mut cx = Context::new(&mut tx, &services, historical);
        let answer = match plan.mode {
            Mode::Execute => self.adapter.execute(call, &mut cx),
            _ => self.adapter.query(call, &mut cx),
        };
        let mut response = answer.unwrap_or_else(Response::from);
        let (keep, claims) = (cx.keep_writes.unwrap_or(response.status.is_success()), cx.claims);
        if plan.mode == Mode::Execute && keep && !tx.is_read_only() {
            response.txid = Some(self.place(&tx.finish(), claims));
        } else {
            assert!(plan.mode == Mode::Execute || tx.is_read_only(), "a query writes nothing");
        }
        self.adapter.encode(&[], vec![response])
    }

    fn place(&mut self, executed: &Executed, claims: Option<Digest>) -> TxId {
        let txid = TxId { view: VIEW, seqno: Seqno(self.store.version().0 + 1) };
        self.store.commit(txid.seqno, executed).unwrap();
        let writes = Arc::clone(executed.writes());
        let committed = coco_app::Committed { seqno: txid.seqno, writes: &writes };
        assert_eq!(self.adapter.committed(&committed), []);
        self.adapter.index(&committed);
        let claims = claims.unwrap_or_default();
        let receipt = Arc::new(receipt(claims));
        self.history.push(Arc::new(Historical { txid, writes, claims, receipt }));
        self.chain = Chain { views: [(VIEW, Seqno(1))].into(), committed: txid, latest: txid };
        txid
    }

    /// Turns the last `count` transactions into pending ones.
    pub(crate) fn uncommit(&mut self, count: u64) {
        self.chain.committed.seqno = Seqno(self.chain.latest.seqno.0 - count);
    }

    pub(crate) fn latest(&self) -> u64 {
        self.chain.latest.seqno.0
    }
}

fn receipt(claims: Digest) -> Receipt {
    let digest = Digest([7; 32]);
    let leaf = LeafComponents {
        claims_digest: Some(claims),
        commit_evidence: "ce:2.1:00".into(),
        write_set_digest: digest,
    };
    let json = JsonReceipt {
        cert: None,
        leaf: ReceiptLeaf::Components(leaf),
        node_id: digest,
        proof: vec![PathStep::Left(digest)],
        service_endorsements: None,
        signature: vec![1, 2, 3],
    };
    Receipt {
        json: Some(json),
        cose_signature: Some(b"signature".to_vec()),
        cose_proof: Some(b"proof".to_vec()),
        cose: Some(b"receipt".to_vec()),
        cose_endorsements: None,
    }
}

struct FakeServices<'a> {
    service: &'a Service,
}

impl Services for FakeServices<'_> {
    fn chain(&self) -> &Chain {
        &self.service.chain
    }

    fn now_ms(&self) -> u64 {
        0
    }

    fn fill_random(&self, out: &mut [u8]) {
        out.fill(0);
    }

    fn history(&self, seqnos: &[Seqno]) -> Result<Lookup<Vec<Arc<Historical>>>, Reject> {
        if self.service.loading.get() {
            return Ok(Lookup::Loading);
        }
        let at = |seqno: &Seqno| usize::try_from(seqno.0 - 1).unwrap();
        let found = seqnos.iter().map(|seqno| Arc::clone(&self.service.history[at(seqno)]));
        Ok(Lookup::Found(found.collect()))
    }

    fn index(&self, table: &str) -> Option<&dyn Index> {
        self.service.adapter.manifest().indexed_tables.contains(&table).then_some(self as &dyn Index)
    }

    fn root(&self) -> Digest {
        Digest::default()
    }
}

impl Index for FakeServices<'_> {
    fn indexed_to(&self) -> Seqno {
        Seqno(self.service.chain.committed.seqno.0 - self.service.index_behind)
    }

    fn seqnos(&self, key: &[u8], from: Seqno, to: Seqno, limit: usize) -> Vec<Seqno> {
        let table = self.service.adapter.manifest().indexed_tables[0];
        let wrote = |writes: &WriteSet| writes.table(table).is_some_and(|rows| rows.contains_key(key));
        let all = self.service.history.iter().filter(|historical| wrote(&historical.writes));
        all.map(|historical| historical.txid.seqno)
            .filter(|seqno| (from..=to).contains(seqno))
            .take(limit)
            .collect()
    }

    fn last(&self, key: &[u8]) -> Option<Seqno> {
        self.seqnos(key, Seqno(1), Seqno(u64::MAX), usize::MAX).pop()
    }
}
