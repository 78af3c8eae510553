//! `range` of tables: which rows, in which order, and what counts as read.

use coco_kv::{Conflict, Store, Tx};
use coco_tables::Context;
use coco_wire::{Seqno, TableName};

use super::{generous, run_in, summary};

/// A store whose table `t` has the keys `a` to `e`, each with the value of its capital.
fn store() -> Store {
    let mut store = Store::new();
    let mut tx = Tx::new(store.latest());
    for key in b'a'..=b'e' {
        tx.put(&TableName::new("t"), &[key][..], &[key.to_ascii_uppercase()][..]);
    }
    store.commit(Seqno(1), &tx.finish()).unwrap();
    store
}

/// The script of a function that may say `keys(options)`: the keys visited.
fn script(body: &str) -> String {
    format!(
        "const text = (t) => ccf.strToBuf(t);
         const {{ t }} = ccf.kv;
         const caught = (f) => {{ try {{ f() }} catch (e) {{ return `${{e.name}}: ${{e.message}}` }} }};
         const keys = (options, stop) => {{ let seen = ''; t.range((v, k, self) => {{
           if (self !== t || ccf.bufToStr(v).toLowerCase() !== ccf.bufToStr(k)) throw new Error('not the row');
           seen += ccf.bufToStr(k); return ccf.bufToStr(k) !== stop }}, options); return seen }};
         export function f() {{ {body} }}"
    )
}

#[test]
fn rows_are_visited_in_order_within_bounds() {
    for (body, expected) in [
        ("keys()", "abcde"),
        ("keys({})", "abcde"),
        ("keys({ from: text('b') })", "bcde"),
        ("keys({ to: text('d') })", "abc"),
        ("keys({ from: text('b'), to: text('d') })", "bc"),
        ("keys({ from: text('aa'), to: text('dd') })", "bcd"),
        ("keys({ from: text('d'), to: text('b') })", ""),
        ("keys({ from: text('b'), to: text('b') })", ""),
        ("keys({ reverse: true })", "edcba"),
        ("keys({ reverse: false, limit: 2 })", "ab"),
        ("keys({ reverse: true, limit: 2 })", "ed"),
        ("keys({ from: text('b'), to: text('d'), reverse: true })", "cb"),
        ("keys({ from: text(''), limit: 1 })", "a"),
        ("keys({ limit: 0 })", ""),
        ("keys({ limit: 1e300 })", "abcde"),
        ("keys({}, 'c')", "abc"),
        ("keys({ reverse: true }, 'c')", "edc"),
        // What the transaction itself wrote and removed.
        ("(t.set(text('bb'), text('BB')), t.delete(text('c')), keys({ from: text('b'), limit: 3 }))", "bbbd"),
        ("(t.set(text('f'), text('F')), t.delete(text('e')), keys({ reverse: true, limit: 2 }))", "fd"),
        ("(t.set(text('z'), text('Z')), t.delete(text('z')), keys({ from: text('e') }))", "e"),
        ("(t.clear(), keys())", ""),
        // Writes made meanwhile are not visited.
        (
            "(() => { let n = 0; t.range((v, k, t) => { t.set(text('x' + n++), v); t.clear() }); return `${n}` })()",
            "5",
        ),
        (
            "(() => { let n = ''; t.range(() => { n += keys({ limit: 2 }) }, { limit: 2 }); return n })()",
            "abab",
        ),
        // Only `false` ends it.
        (
            "(() => { let n = 0; t.range(() => { n++; return [0, '', null, undefined][n] }); return `${n}` })()",
            "5",
        ),
    ] {
        let finished = run_in(
            &generous(Context::Application),
            &script(&format!("return {body}")),
            Tx::new(store().latest()),
        );
        assert_eq!(summary(&finished), format!("{expected:?}"), "{body}");
    }
}

#[test]
fn what_is_no_range_is_refused() {
    for (call, expected) in [
        ("t.range()", "TypeError: Passed 0 arguments, but expected 2"),
        ("t.range(() => {}, {}, 1)", "TypeError: Passed 3 arguments, but expected 2"),
        ("t.range(1)", "TypeError: Argument must be a function"),
        ("keys('a')", "TypeError: Options must be an object"),
        ("keys(null)", "TypeError: Options must be an object"),
        ("keys({ from: 'a' })", "TypeError: from must be an ArrayBuffer"),
        ("keys({ to: null })", "TypeError: to must be an ArrayBuffer"),
        ("keys({ from: new Uint8Array(1) })", "TypeError: from must be an ArrayBuffer"),
        ("keys({ reverse: 1 })", "TypeError: reverse must be a boolean"),
        ("keys({ limit: -1 })", "TypeError: limit must be a natural number"),
        ("keys({ limit: 1.5 })", "TypeError: limit must be a natural number"),
        ("keys({ limit: NaN })", "TypeError: limit must be a natural number"),
        ("keys({ limit: '1' })", "TypeError: limit must be a natural number"),
        ("keys({ get limit() { throw new Error('mine') } })", "Error: mine"),
        ("t.range(() => { throw new Error('stop') })", "Error: stop"),
    ] {
        let source = script(&format!("return [caught(() => {call}), keys({{ limit: 1 }})]"));
        let finished = run_in(&generous(Context::Application), &source, Tx::new(store().latest()));
        assert_eq!(summary(&finished), format!("[{expected:?},\"a\"]"), "{call}");
    }
    let private = script("return caught(() => keys()).slice(0, 45)");
    let finished = run_in(&generous(Context::GovernanceReadOnly), &private, Tx::new(store().latest()));
    assert_eq!(summary(&finished), "\"TypeError: Cannot call range on table named t\"");
}

#[test]
fn a_range_conflicts_with_changes_of_what_it_visited_only() {
    let (yes, no) = (Ok(()), Err(Conflict));
    for (read, (key, value), expected) in [
        ("keys({ from: text('b'), to: text('d') })", ("bb", Some("BB")), no),
        ("keys({ from: text('b'), to: text('d') })", ("c", None), no),
        ("keys({ from: text('b'), to: text('d') })", ("d", Some("2")), yes),
        ("keys({ from: text('b'), to: text('d') })", ("a", None), yes),
        ("keys({ from: text('x') })", ("y", Some("Y")), no),
        ("keys({ from: text('x') })", ("e", None), yes),
        ("keys({ limit: 2 })", ("aa", Some("AA")), no),
        ("keys({ limit: 2 })", ("c", None), yes),
        ("keys({}, 'b')", ("b", None), no),
        ("keys({}, 'b')", ("bb", Some("BB")), yes),
        ("keys({ reverse: true, limit: 2 })", ("f", Some("F")), no),
        ("keys({ reverse: true, limit: 2 })", ("dd", Some("DD")), no),
        ("keys({ reverse: true, limit: 2 })", ("cc", Some("CC")), yes),
        ("keys({ limit: 0 })", ("a", None), yes),
        ("keys({ from: text('d'), to: text('b') })", ("c", None), yes),
    ] {
        let mut store = store();
        let source = script(&format!("{read}; ccf.kv.mine.set(text('k'), text('v'))"));
        let finished = run_in(&generous(Context::Application), &source, Tx::new(store.latest()));
        let mut other = Tx::new(store.latest());
        match value {
            Some(value) => other.put(&TableName::new("t"), key.as_bytes(), value.as_bytes()),
            None => other.remove(&TableName::new("t"), key.as_bytes()),
        }
        store.commit(Seqno(2), &other.finish()).unwrap();
        let outcome = store.commit(Seqno(3), &finished.tx.finish());
        assert_eq!(outcome, expected, "{read} and {key}");
    }
}
