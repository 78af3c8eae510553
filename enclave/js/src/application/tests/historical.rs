//! Past transactions and the state of consensus.

use coco_app::Receipt;
use coco_wire::{
    WriteSet,
    receipt::{JsonReceipt, LeafComponents, PathStep, ReceiptLeaf},
};

use super::*;

/// A transaction that wrote `value` to `k` in `t`, and removed `gone`.
fn past(seqno: u64, value: &str) -> Arc<Historical> {
    let mut writes = WriteSet::default();
    let table = writes.table_mut(&TableName::new("t"));
    table.insert(b"k".as_slice().into(), Some(value.as_bytes().into()));
    table.insert(b"gone".as_slice().into(), None);
    table.insert(b"m".as_slice().into(), Some(b"".as_slice().into()));
    let json = JsonReceipt {
        cert: Some("PEM".into()),
        leaf: ReceiptLeaf::Components(LeafComponents {
            claims_digest: Some(Digest::ZERO),
            commit_evidence: "ce:2.3:00".into(),
            write_set_digest: Digest([1; 32]),
        }),
        node_id: Digest([2; 32]),
        proof: vec![PathStep::Left(Digest([3; 32]))],
        service_endorsements: None,
        signature: vec![4; 3],
    };
    let receipt = Receipt {
        json: Some(json),
        cose_signature: None,
        cose_proof: None,
        cose: None,
        cose_endorsements: None,
    };
    let txid = TxId { view: View(2), seqno: Seqno(seqno) };
    Arc::new(Historical { txid, writes: Arc::new(writes), claims: Digest::ZERO, receipt: Arc::new(receipt) })
}

fn node(body: &str, mode: &str) -> Node {
    let module = format!(
        "const text = ccf.strToBuf;
         const caught = (f) => {{ try {{ return f() }} catch (e) {{ return `${{e.name}}: ${{e.message}}` }} }};
         export function f(request) {{ return {{ body: (() => {{ {body} }})() }} }}"
    );
    let differs = json!({ "mode": mode, "interpreter_reuse": { "key": "k" } });
    let mut node = Node::new(&module, &[("GET", "/f", "f", differs)]);
    node.history = vec![past(1, "one"), past(2, "two")];
    node
}

/// Also where a module looks at it when it is evaluated, as CCF's package does.
#[test]
fn a_module_sees_the_transaction_of_the_call_that_evaluates_it() {
    let module = "const { transactionId } = ccf.historicalState ?? {};
        export const f = () => ({ body: `${transactionId}` })";
    for (mode, expected) in [("historical", "200 2.2"), ("readonly", "200 undefined")] {
        let mut node = Node::new(module, &[("GET", "/f", "f", json!({ "mode": mode }))]);
        node.history = vec![past(1, "one"), past(2, "two")];
        let answer = node.ask_as(None, "GET /app/f", &[("x-ms-ccf-transaction-id", "2.2")], "");
        assert_eq!(answer.summary(), expected, "{mode}");
    }
}

#[test]
fn a_historical_call_sees_what_one_transaction_wrote() {
    for (body, expected) in [
        ("return ccf.historicalState.transactionId", "200 2.2"),
        (
            "const { t } = ccf.historicalState.kv; \
          return [ccf.bufToStr(t.get(text('k'))), t.has(text('gone')), t.get(text('gone')) ?? null, t.size, \
          t.getVersionOfPreviousWrite(text('k'))]",
            "200 [\"two\",false,null,2,2]",
        ),
        (
            "const seen = []; ccf.historicalState.kv.t.forEach((v, k) => seen.push(ccf.bufToStr(k) + ccf.bufToStr(v))); \
          return seen",
            "200 [\"ktwo\",\"m\"]",
        ),
        (
            "const { t } = ccf.historicalState.kv; const keys = (options) => { let seen = ''; \
          t.range((v, k) => { seen += ccf.bufToStr(k) }, options); return seen }; \
          return [keys(), keys({ reverse: true }), keys({ limit: 1 }), keys({ from: text('k'), to: text('l') }), \
          keys({ to: text('k') }), caught(() => keys({ limit: -1 }))]",
            "200 [\"km\",\"mk\",\"k\",\"k\",\"\",\"TypeError: limit must be a natural number\"]",
        ),
        ("return ccf.historicalState.kv.other.size", "200 0"),
        (
            "return caught(() => ccf.historicalState.kv.t.set(text('k'), text('v')))",
            "200 TypeError: Cannot call set on table named t. All tables are read-only during historical transaction.",
        ),
        (
            "return caught(() => ccf.historicalState.kv['ccf.x'].size)",
            "200 TypeError: Cannot open table named ccf.x: table names that begin with ccf. are reserved",
        ),
        (
            "const { receipt } = ccf.historicalState; \
          return [receipt.signature, receipt.cert, receipt.is_signature_transaction, receipt.leaf_components.commit_evidence, \
          receipt.proof[0].left.length, receipt.node_id.slice(0, 2)]",
            "200 [\"BAQE\",\"PEM\",false,\"ce:2.3:00\",64,\"02\"]",
        ),
        (
            "const { historicalState: state } = ccf; delete state.receipt.leaf_components.claims_digest; \
          return 'claims_digest' in state.receipt.leaf_components",
            "200 false",
        ),
        (
            "return caught(() => ccf.kv.t.set(text('k'), text('v'))).slice(0, 35)",
            "200 TypeError: Cannot call set on table",
        ),
    ] {
        let answer =
            node(body, "historical").ask_as(None, "GET /app/f", &[("x-ms-ccf-transaction-id", "2.2")], "");
        assert_eq!(answer.summary(), expected, "{body}");
    }
    let asked = node("", "historical").ask("GET /app/f", "");
    assert_eq!(asked.summary(), "400 Historical query is missing 'x-ms-ccf-transaction-id' header.");
    assert_eq!(
        node("return typeof ccf.historicalState", "readonly").ask("GET /app/f", "").summary(),
        "200 undefined"
    );
}

#[test]
fn ranges_of_states_are_given_once_they_are_there() {
    for (body, expected) in [
        (
            "return ccf.historical.getStateRange(1, 1, 2, 10).map((it) => it.transactionId + ccf.bufToStr(it.kv.t.get(text('k'))))",
            "200 [\"2.1one\",\"2.2two\"]",
        ),
        ("return ccf.historical.getStateRange(1, 1, 3, 10)", "200 null"),
        (
            "ccf.historical.getStateRange(7, 1, 3, 10); return [ccf.historical.dropCachedStates(7), ccf.historical.dropCachedStates(7)]",
            "200 [true,false]",
        ),
        (
            "return caught(() => ccf.historical.getStateRange(-1, 1, 2, 10))",
            "200 RangeError: Invalid handle or seqno or expiry: cannot be negative",
        ),
        (
            "return caught(() => ccf.historical.getStateRange(1, 1, 2))",
            "200 TypeError: Passed 3 arguments, but expected 4",
        ),
        (
            "return caught(() => ccf.historical.getStateRange(1, 2, 1, 10)).slice(0, 45)",
            "200 InternalError: Failed to get state range: 2 t",
        ),
        (
            "globalThis.old ??= ccf.historical.getStateRange(1, 1, 2, 10)[0]; return old.transactionId",
            "200 2.1",
        ),
    ] {
        assert_eq!(node(body, "readonly").ask("GET /app/f", "").summary(), expected, "{body}");
    }
    let body = "globalThis.old ??= ccf.historical.getStateRange(1, 1, 2, 10)[0]; \
                return caught(() => ccf.bufToStr(old.kv.t.get(text('k'))))";
    let mut node = node(body, "readonly");
    assert_eq!(node.ask("GET /app/f", "").summary(), "200 one");
    assert_eq!(
        node.ask("GET /app/f", "").summary(),
        "200 InternalError: The state belongs to a request that is over"
    );
}

#[test]
fn consensus_is_as_the_node_sees_it() {
    for (body, expected) in [
        ("return ccf.consensus.getLastCommittedTxId()", "200 {\"view\":2,\"seqno\":2}"),
        ("return ccf.consensus.getStatusForTxId(2, 1)", "200 Committed"),
        ("return ccf.consensus.getStatusForTxId(3, 99)", "200 Unknown"),
        ("return ccf.consensus.getStatusForTxId(1, 1)", "200 Invalid"),
        ("return [ccf.consensus.getViewForSeqno(1), ccf.consensus.getViewForSeqno(99)]", "200 [2,null]"),
        (
            "return caught(() => ccf.consensus.getViewForSeqno(-1))",
            "200 RangeError: Invalid seqno: cannot be negative",
        ),
    ] {
        assert_eq!(node(body, "readonly").ask("GET /app/f", "").summary(), expected, "{body}");
    }
}
