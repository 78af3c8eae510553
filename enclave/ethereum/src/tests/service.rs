//! A service with this application, imitated: one store, whose transactions are committed when a block is closed.

use std::{cell::Cell, sync::Arc};

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Signature, TxKind, U256};
use bytes::Bytes;
use coco_app::{
    Adapter as _, Appended, Chain, Context, Headers, Historical, Index, InterfaceName, Lookup, Method, Mode,
    Origin, Peer, Plan, Reject, Request, Response, Services, Window,
};
use coco_kv::{Store, Tx};
use coco_wire::{Digest, Seqno, TableName, TxId};
use secp256k1::{Message, PublicKey, Secp256k1, SecretKey};
use serde_json::{Value, json};

use crate::{Ethereum, tables::Tables};

pub(super) const CHAIN: u64 = 4242;

/// A key of an account.
pub(super) struct Key(SecretKey);

/// The service.
pub(super) struct Service {
    pub(super) adapter: Ethereum,
    pub(super) store: Store,
    pub(super) now_ms: Cell<u64>,
    chain: Chain,
    random: Cell<u8>,
    calls: u32,
}

impl Key {
    pub(super) fn new(number: u8) -> Self {
        Self(SecretKey::from_byte_array([number; 32]).unwrap())
    }

    pub(super) fn address(&self) -> Address {
        let key = PublicKey::from_secret_key(&Secp256k1::new(), &self.0).serialize_uncompressed();
        Address::from_raw_public_key(&key[1..])
    }

    /// The bytes of a transaction that it signs, as JSON-RPC has them.
    pub(super) fn sign<T>(&self, transaction: T) -> String
    where
        T: SignableTransaction<Signature>,
        TxEnvelope: From<alloy_consensus::Signed<T>>,
    {
        let hash: B256 = transaction.signature_hash();
        let signed = Secp256k1::new().sign_ecdsa_recoverable(Message::from_digest(hash.0), &self.0);
        let (id, bytes) = signed.serialize_compact();
        let signature = Signature::from_bytes_and_parity(&bytes, i32::from(id) == 1);
        let bytes = TxEnvelope::from(transaction.into_signed(signature)).encoded_2718();
        alloy_primitives::hex::encode_prefixed(bytes)
    }
}

/// A call that offers nothing for gas.
pub(super) fn call(nonce: u64, to: TxKind, value: u64, input: &[u8]) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN,
        nonce,
        gas_limit: 300_000,
        to,
        value: U256::from(value),
        input: input.to_vec().into(),
        ..TxEip1559::default()
    }
}

/// Code that deploys `runtime`.
pub(super) fn deploying(runtime: &[u8]) -> Vec<u8> {
    let len = u16::try_from(runtime.len()).unwrap().to_be_bytes();
    let head = [0x61, len[0], len[1], 0x80, 0x60, 12, 0x60, 0, 0x39, 0x60, 0, 0xf3];
    [&head[..], runtime].concat()
}

/// A genesis with these balances.
pub(super) fn genesis(balances: &[(Address, u64)]) -> Value {
    let alloc: serde_json::Map<_, _> = balances
        .iter()
        .map(|(address, wei)| (address.to_string(), json!({ "balance": wei.to_string() })))
        .collect();
    json!({
        "config": {
            "chainId": CHAIN, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0,
            "byzantiumBlock": 0, "constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0, "berlinBlock": 0,
            "londonBlock": 0, "terminalTotalDifficulty": 0, "shanghaiTime": 0, "cancunTime": 0, "pragueTime": 0,
            "osakaTime": 0,
        },
        "gasLimit": "0x3b9aca00",
        "alloc": alloc,
    })
}

impl Service {
    /// One whose members decided nothing yet.
    pub(super) fn empty() -> Self {
        Self {
            adapter: Ethereum::default(),
            store: Store::new(),
            now_ms: Cell::new(1_800_000_000_000),
            chain: Chain::default(),
            random: Cell::new(0),
            calls: 0,
        }
    }

    /// One with a network that has begun.
    pub(super) fn new(network: &Value, balances: &[(Address, u64)]) -> Self {
        let mut service = Self::empty();
        service.govern("network", network);
        service.govern("genesis", &genesis(balances));
        service.timer();
        service
    }

    /// Writes a row as the members would.
    pub(super) fn govern(&mut self, name: &str, value: &Value) {
        let mut tx = Tx::new(self.store.latest());
        let table = TableName::new(&format!("public:coco.gov.ethereum.{name}"));
        tx.put(&table, [0; 8].as_slice(), value.to_string().into_bytes());
        self.place(tx);
        self.commit();
    }

    /// Lets the timer of the adapter run, and commits what it wrote.
    pub(super) fn timer(&mut self) {
        let mut tx = Tx::new(self.store.latest());
        let mut cx = Context::new(&mut tx, &*self, None);
        self.adapter.timer(&mut cx).unwrap();
        self.place(tx);
        self.commit();
    }

    /// What a message is understood as.
    pub(super) fn plan(&self, path: &str, body: &[u8]) -> Result<Plan, Response> {
        let interface = InterfaceName::new("rpc");
        let peer = Peer { interface, certificate: None, session: None };
        let state = self.store.latest();
        let origin = Origin {
            peer: &peer,
            offers: &|_| true,
            redirect: &|_, _| None,
            state: &state,
            now_ms: self.now_ms.get(),
        };
        let body = Bytes::copy_from_slice(body);
        self.adapter.decode(Request::new(Method::Post, path.to_owned(), Headers::default(), body), &origin)
    }

    /// Sends a message and runs what it asks for; the answer, before anything is committed.
    pub(super) fn send_to(&mut self, path: &str, body: &[u8]) -> Response {
        let plan = match self.plan(path, body) {
            Ok(plan) => plan,
            Err(response) => return response,
        };
        let mut replies = Vec::new();
        for call in &plan.calls {
            let reads = plan.mode != Mode::Execute || self.adapter.only_reads(call);
            let state = if reads { self.store.committed() } else { self.store.latest() };
            let mut tx = Tx::new(state);
            let mut cx = Context::new(&mut tx, &*self, None);
            let ran =
                if reads { self.adapter.query(call, &mut cx) } else { self.adapter.execute(call, &mut cx) };
            let keep = cx.keep_writes.unwrap_or(true);
            if !reads && keep && !tx.is_read_only() {
                self.place(tx);
                self.calls += 1;
            }
            replies.push(ran.unwrap_or_else(Response::from));
        }
        self.adapter.encode(&plan.calls, replies)
    }

    /// Sends a message; its answer as JSON.
    pub(super) fn send(&mut self, message: &Value) -> Value {
        let response = self.send_to("/eth", message.to_string().as_bytes());
        serde_json::from_slice(&response.body).unwrap()
    }

    /// Asks for one thing; the result, or the error.
    pub(super) fn ask(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let answer = self.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }));
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["result"].clone()),
        }
    }

    /// Submits a transaction.
    pub(super) fn submit(&mut self, transaction: &str) -> Result<Value, Value> {
        self.ask("eth_sendRawTransaction", &json!([transaction]))
    }

    /// Closes the block, as a signature does, and commits everything.
    pub(super) fn close(&mut self) {
        if self.calls > 0 {
            let at = TxId::default();
            let window = Window { first: at, last: at, calls: std::mem::take(&mut self.calls) };
            let mut tx = Tx::new(self.store.latest());
            let mut cx = Context::new(&mut tx, &*self, None);
            self.adapter.close_window(&window, &mut cx).unwrap();
            self.place(tx);
        }
        self.commit();
    }

    /// Undoes what is not committed.
    pub(super) fn roll_back(&mut self) {
        let to = self.store.committed_version();
        self.store.rollback(to);
        self.adapter.rolled_back(to);
        self.calls = 0;
    }

    pub(super) fn tables(&self) -> Tables {
        Tables::default()
    }

    fn place(&mut self, tx: Tx) {
        if tx.is_read_only() {
            return;
        }
        let seqno = self.store.version().next();
        let executed = tx.finish();
        self.store.commit(seqno, &executed).unwrap();
        self.adapter.appended(&Appended { seqno, writes: executed.writes() });
    }

    fn commit(&mut self) {
        let to = self.store.version();
        drop(self.store.compact(to, &mut |_, _| {}));
    }
}

impl Services for Service {
    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn fill_random(&self, out: &mut [u8]) {
        self.random.set(self.random.get() + 1);
        out.fill(self.random.get());
    }

    fn history(&self, _: &[Seqno]) -> Result<Lookup<Vec<Arc<Historical>>>, Reject> {
        Ok(Lookup::Loading)
    }

    fn index(&self, _: &str) -> Option<&dyn Index> {
        None
    }

    fn root(&self) -> Digest {
        Digest::default()
    }
}
