//! What a call does to its realm is undone before the next one.

use coco_tables::Context as Rights;

use super::{
    super::pool::{Key, Kind},
    *,
};

const PROBE: &str = "
    let calls = 0;
    export function probe(request) {
        const names = (object) => Reflect.ownKeys(object).map(String).join();
        const functions = [ccf.strToBuf, ccf.crypto.digest, ccf.kv.t.get, ccf.historical.getStateRange, request.body.json];
        const key = ccf.strToBuf('key');
        ccf.kv.other.set(key, key);
        return { body: [
            ++calls, names(globalThis), names(ccf), names(Array.prototype), names(Object.prototype),
            functions.map((it) => `${it.name}${it.length}`), ccf.bufToStr(ccf.kv.other.get(key)), `${[1, 2]}`,
            JSON.stringify({ a: 1 }), new Uint8Array(ccf.crypto.digest('SHA-256', key))[0], ccf.kv.t.size,
        ] };
    }";

/// Bodies of functions that leave nothing as it was.
const VANDALS: &[&str] = &[
    "globalThis.seen = (globalThis.seen ?? 0) + 1; return { body: globalThis.seen }",
    "for (const key of Reflect.ownKeys(ccf)) delete ccf[key]; delete globalThis.ccf; delete globalThis.console;
     for (let i = 0; i < 1e5; i++) { const a = {}; a.a = a; } return {}",
    "for (const key of Reflect.ownKeys(globalThis)) { try { delete globalThis[key] } catch {} }",
    "for (const holder of [Array.prototype, Object.prototype, String.prototype, Function.prototype])
        for (const key of Reflect.ownKeys(holder)) { try { holder[key] = () => 1 } catch {} }",
    "Object.freeze(Object.prototype); Object.freeze(ccf); Object.preventExtensions(globalThis)",
    "Object.setPrototypeOf(Array.prototype, null); Array.prototype.toString = null",
    "const f = () => f() + 1; f()",
    "for (;;);",
    "const a = []; for (;;) a.push(new Uint8Array(1 << 20))",
    "globalThis.kept = []; for (let i = 0; i < 20; i++) kept.push(new Uint8Array(1e5 * i).fill(7))",
    "globalThis.kept = {}; for (let i = 0; i < 5e4; i++) kept[`name${i}`] = { [`other${i}`]: Symbol.for(`s${i}`) }",
    "(async () => { for (;;) await 1; })(); Promise.resolve().then(() => 1); Promise.reject(1)",
    "new FinalizationRegistry(() => 1).register({}, 1); globalThis.weak = new WeakRef({}); new WeakMap([[{}, 1]])",
    "for (let i = 0; i < 2000; i++) ccf.kv[`table${i}`].size",
    "ccf.enableUntrustedDateTime?.(false); ccf.enableMetricsLogging?.(true); ccf.rpc.setApplyWrites(false)",
    "ccf.rpc.setClaimsDigest(ccf.crypto.digest('SHA-256', ccf.strToBuf(''))); throw ccf",
    "globalThis.request = request; request.body; request.caller; request.headers",
    "globalThis.it = ccf.kv.t; ccf.kv.t.set(ccf.strToBuf('k'), ccf.strToBuf('v')); throw 1",
    "function* g() { yield* g() } globalThis.g = g(); g.next; globalThis.r = /(a+)+$/g; r.exec('aaa'); throw r",
    "return import('/app.js')",
    "globalThis.f = new Function('return this'); globalThis.e = eval('(a) => a'); f(); throw new Error(e)",
    "ccf.historical.dropCachedStates(1); ccf.kv.t.forEach(() => { throw 1 })",
    "let s = 'x'; while (s.length < 1e6) s += s; globalThis.s = s; globalThis.parts = s.split('')",
];

#[test]
fn what_a_call_does_is_undone() {
    let vandals = VANDALS.iter().enumerate();
    let vandals =
        vandals.map(|(at, body)| format!("export function f{at}(request) {{ {body} }}")).collect::<String>();
    let names: Vec<_> = (0..VANDALS.len()).map(|at| (format!("/f{at}"), format!("f{at}"))).collect();
    let mut endpoints: Vec<_> =
        names.iter().map(|(path, function)| ("POST", &**path, &**function, json!({}))).collect();
    endpoints.push(("POST", "/probe", "probe", json!({})));
    let mut node = Node::new(&format!("{PROBE} {vandals}"), &endpoints);
    node.options(&json!({ "max_execution_time_ms": 100, "max_heap_bytes": 16 << 20 }));
    let expected = node.ask("POST /app/probe", "").summary();
    assert!(expected.starts_with("200 [1,"), "{expected}");
    for round in 0..3 {
        for (at, body) in VANDALS.iter().enumerate() {
            let answer = node.ask(&format!("POST /app/f{at}"), "").summary();
            let other = node.ask("POST /app/probe", "");
            assert_eq!(other.summary(), expected, "round {round}: {body} answered {answer}");
            assert_eq!(other.claims, None);
        }
    }
    let bundle = node.app.installed.at(&node.store.latest());
    let key = Key { kind: Kind::Undone("/app.js".to_owned()), rights: Rights::Application };
    assert!(node.app.undone.take(&key, &bundle).is_some());
    assert!(node.app.undone.take(&key, &bundle).is_none(), "all calls were served by one interpreter");
}

#[test]
fn an_undone_interpreter_is_of_the_modules_that_are_installed() {
    let endpoint = [("GET", "/f", "f", json!({}))];
    let mut node = Node::new("export const f = () => ({ body: 'first' })", &endpoint);
    assert_eq!(node.ask("GET /app/f", "").summary(), "200 first");
    assert_eq!(node.ask("GET /app/f", "").summary(), "200 first");
    node.install("export const f = () => ({ body: 'second' })", &endpoint);
    assert_eq!(node.ask("GET /app/f", "").summary(), "200 second");
    node.install("import { x } from '/none.js'; export const f = () => ({ body: x })", &endpoint);
    for _ in 0..3 {
        assert_eq!(node.ask("GET /app/f", "").response.status.0, 500);
    }
}

#[test]
fn large_modules_are_there_before_each_call() {
    let functions = (0..3000).map(|at| format!("export function g{at}(x) {{ return x + {at} }}\n"));
    let large = functions.collect::<String>() + &format!("export const text = '{}';", "long ".repeat(50_000));
    let main = "
        import { text, g7 } from './large.js';
        import * as large from '/large.js';
        const seen = [];
        export function f() {
            seen.push(large.g2999(1));
            globalThis.kept = `${text}${text}`;
            return { body: [seen, g7(1), text.length, typeof globalThis.other] };
        }
        export async function more() { globalThis.other = 1; await import('./other.js'); }";
    let endpoints =
        ["f", "more"].map(|function| ("POST", &*format!("/{function}").leak(), function, json!({})));
    let mut node = Node::new(main, &endpoints);
    node.put("modules", "/large.js", large.as_bytes());
    node.put("modules", "/other.js", b"globalThis.other = 2; export const x = 1;");
    for _ in 0..5 {
        assert_eq!(node.ask("POST /app/f", "").summary(), "200 [[3000],8,250000,\"undefined\"]");
        assert_eq!(node.ask("POST /app/more", "").response.status.0, 200);
    }
    let bundle = node.app.installed.at(&node.store.latest());
    assert_eq!(&*bundle.compiled.imports("/app.js").unwrap(), ["/large.js", "/app.js"]);
}
