//! What scripts find in `ccf`.

use std::sync::Arc;

use coco_crypto::{
    Curve, EcKey, Signer, SystemEntropy,
    x509::{Name, Request, UnixTime, Validity, issue_endorsed, issue_participant, issue_self_signed},
};
use coco_kv::{Reader, Store, Tx};
use coco_tables::Context;
use coco_wire::{Seqno, TableName};

use super::{Recorder, empty_tx, execute, generous, run_in, summary};
use crate::{ConsoleLevel, Script, validate_constitution};

fn check(context: Context, body: &str, expected: &str) {
    let source = format!(
        "const text = (t) => ccf.strToBuf(t);
         const caught = (f) => {{ try {{ f() }} catch (e) {{ return `${{e.name}}: ${{e.message}}` }} }};
         export function f() {{ {body} }}"
    );
    let finished = run_in(&generous(context), &source, empty_tx());
    assert_eq!(summary(&finished), expected, "{body}");
}

#[test]
fn conversions() {
    for (body, expected) in [
        ("return new Uint8Array(ccf.strToBuf('aé\\0')).join()", "\"97,195,169,0\""),
        ("return ccf.bufToStr(text('aé'))", "\"aé\""),
        ("return ccf.bufToStr(new Uint8Array([255,97]).buffer).length", "2"),
        (
            "return ccf.bufToStr(ccf.jsonCompatibleToBuf({b:1,a:[null,'x']}))",
            "\"{\\\"b\\\":1,\\\"a\\\":[null,\\\"x\\\"]}\"",
        ),
        ("return ccf.bufToJsonCompatible(text('{\"a\":1}'))", "{\"a\":1}"),
        ("return caught(() => ccf.strToBuf(1))", "\"TypeError: Argument must be a string\""),
        ("return caught(() => ccf.strToBuf())", "\"TypeError: Passed 0 arguments, but expected 1\""),
        (
            "return caught(() => ccf.bufToStr(new Uint8Array(1)))",
            "\"TypeError: Argument must be an ArrayBuffer\"",
        ),
        (
            "const b = text('a'); b.transfer(); return caught(() => ccf.bufToStr(b))",
            "\"TypeError: Argument must be an ArrayBuffer\"",
        ),
        (
            "return caught(() => ccf.jsonCompatibleToBuf(undefined))",
            "\"TypeError: Argument must be a string\"",
        ),
        ("return caught(() => ccf.bufToJsonCompatible(text('{'))).slice(0, 12)", "\"SyntaxError:\""),
        (
            "return ccf.tcbHexToPolicy('00a00f11', 'd315000000000004')",
            "{\"boot_loader\":4,\"hexstring\":\"d315000000000004\",\"microcode\":211,\"snp\":21,\"tee\":0}",
        ),
        (
            "return [caught(() => ccf.tcbHexToPolicy('00a00f11', 'd3')), caught(() => ccf.tcbHexToPolicy('00a00f11'))]",
            "[\"InternalError: Failed to read TCB version: TCB version is not 16 hexadecimal digits\",\
             \"TypeError: Passed 1 arguments, but expected 2\"]",
        ),
        ("return caught(() => ccf.pemToId('x')).slice(0, 34)", "\"InternalError: Failed to parse PEM\""),
        (
            "return [ccf.enableUntrustedDateTime(true), Date.now(), ccf.enableUntrustedDateTime(false), Date.now()]",
            "[false,1700000000123,true,0]",
        ),
    ] {
        check(Context::GovernanceReadOnly, body, expected);
    }
}

#[test]
fn tables_behave_as_maps() {
    for (body, expected) in [
        (
            "const t = ccf.kv['public:t']; return [t.get(text('k')) === undefined, t.has(text('k')), t.size]",
            "[true,false,0]",
        ),
        (
            "const t = ccf.kv['public:t']; const same = t.set(text('k'), text('v')) === t; \
             return [same, ccf.bufToStr(ccf.kv['public:t'].get(text('k'))), t.size, t.delete(text('k')) === undefined, t.has(text('k'))]",
            "[true,\"v\",1,true,false]",
        ),
        (
            "const t = ccf.kv.t; for (const k of 'cab') t.set(text(k), text(k + k)); const seen = []; \
             t.forEach((v, k, self) => { self.delete(text('b')); self.set(text('d'), v); seen.push(ccf.bufToStr(k) + ccf.bufToStr(v) + (self === t)) }); \
             const after = []; t.forEach((v, k) => after.push(ccf.bufToStr(k))); return [seen, after, t.size]",
            "[[\"aaatrue\",\"bbbtrue\",\"ccctrue\"],[\"a\",\"c\",\"d\"],3]",
        ),
        (
            "const t = ccf.kv.t; for (const k of 'ab') t.set(text(k), text(k)); let n = 0; \
             t.forEach(() => t.forEach(() => n++)); t.clear(); return [n, t.size]",
            "[4,0]",
        ),
        (
            "ccf.kv.t.set(text('k'), text('v')); return caught(() => ccf.kv.t.forEach(() => { throw new Error('stop') })) + ccf.kv.t.size",
            "\"Error: stop1\"",
        ),
        ("return ccf.kv.t.getVersionOfPreviousWrite(text('k')) === undefined", "true"),
        ("return caught(() => ccf.kv.t.get('k'))", "\"TypeError: Argument must be an ArrayBuffer\""),
        ("return caught(() => ccf.kv.t.set(text('k')))", "\"TypeError: Passed 1 arguments, but expected 2\""),
        (
            "return caught(() => ccf.kv.t.set(text('k'), 'v'))",
            "\"TypeError: Arguments must be ArrayBuffers\"",
        ),
        ("return caught(() => ccf.kv.t.forEach(1))", "\"TypeError: Argument must be a function\""),
        (
            "return caught(() => ccf.kv['ccf.t'].size)",
            "\"TypeError: Cannot open table named ccf.t: table names that begin with ccf. are reserved\"",
        ),
        (
            "return caught(() => ccf.kv['public:ccf.gov.t'].clear()).slice(0, 81)",
            "\"TypeError: Cannot call clear on table named public:ccf.gov.t. This table is read-\"",
        ),
    ] {
        check(Context::Application, body, expected);
    }
}

/// Everything that each kind of script may and may not do with each kind of table.
#[test]
fn access_is_denied_by_method() {
    let body = "return ['public:ccf.gov.t', 'public:t', 't', 'public:ccf.internal.t', 'ccf.gov.t'].map((name) => { const t = ccf.kv[name]; \
        return caught(() => t.size) === undefined ? (caught(() => t.set(text('k'), text('v'))) === undefined ? 'rw' : 'r') \
        : (caught(() => t.delete(text('k'))) === undefined ? 'w' : '') }).join()";
    for (context, expected) in [
        (Context::GovernanceReadOnly, "\"r,,,r,\""),
        (Context::Governance, "\"rw,w,,r,\""),
        (Context::ApplicationReadOnly, "\"r,r,r,r,\""),
        (Context::Application, "\"r,rw,rw,r,\""),
    ] {
        check(context, body, expected);
    }
}

#[test]
fn versions_are_those_of_committed_writes() {
    let table = TableName::new("t");
    let mut store = Store::new();
    let mut tx = Tx::new(store.latest());
    tx.put(&table, b"k".as_slice(), b"v".as_slice());
    store.commit(Seqno(1), &tx.finish()).ok().unwrap();
    let source = "export function f() { const k = ccf.strToBuf('k'); const before = ccf.kv.t.getVersionOfPreviousWrite(k); \
        ccf.kv.t.set(k, k); return [before, ccf.kv.t.getVersionOfPreviousWrite(k)] }";
    let finished = run_in(&generous(Context::Application), source, Tx::new(store.latest()));
    assert_eq!(summary(&finished), "[1,1]");
    assert_eq!(finished.tx.get(&table, b"k").as_deref(), Some(&b"k"[..]));
}

#[test]
fn crypto() {
    let key = EcKey::generate(Curve::P256, &SystemEntropy);
    let signature: Vec<String> = key.sign(b"data").as_fixed().iter().map(u8::to_string).collect();
    let validity = Validity::days(UnixTime(1_699_000_000), 30).unwrap();
    let name = Name::common("member0").unwrap();
    let leaf = issue_participant(&key, &name, validity, &SystemEntropy);
    let root = issue_self_signed(&key, &name, &[], validity, &SystemEntropy);
    let request = Request::create(&key, &Name::common("node").unwrap(), &[]);
    let node = issue_endorsed(&key, &root, &request, validity, &SystemEntropy);
    let setup = format!(
        "const [leaf, root, node, key] = [`{}`, `{}`, `{}`, `{}`]; \
         const signature = new Uint8Array([{}]).buffer;",
        leaf.to_pem(),
        root.to_pem(),
        node.to_pem(),
        key.public_key().to_pem(),
        signature.join(",")
    );
    for (expression, expected) in [
        ("ccf.pemToId(leaf)", format!("\"{}\"", leaf.fingerprint())),
        (
            "[leaf, leaf + root, 'x', ''].map((pem) => ccf.crypto.isValidX509CertBundle(pem))",
            "[true,true,false,false]".into(),
        ),
        ("ccf.crypto.isValidX509CertChain(leaf, leaf)", "true".into()),
        ("ccf.crypto.isValidX509CertChain(leaf, root)", "true".into()),
        ("ccf.crypto.isValidX509CertChain('', root)", "false".into()),
        ("ccf.crypto.isValidX509CertChain(node, root)", "true".into()),
        // What is trusted must be authorities, whatever it leads to.
        ("ccf.crypto.isValidX509CertChain(node, node)", "false".into()),
        ("ccf.crypto.isValidX509CertChain(node, root + node)", "false".into()),
        ("ccf.crypto.isValidX509CertChain(node + root, node)", "false".into()),
        (
            "ccf.crypto.verifySignature({name:'ECDSA',hash:'SHA-256'}, key, signature, text('data'))",
            "true".into(),
        ),
        (
            "ccf.crypto.verifySignature({name:'ECDSA',hash:'SHA-256'}, leaf, signature, text('data'))",
            "true".into(),
        ),
        (
            "ccf.crypto.verifySignature({name:'ECDSA',hash:'SHA-256'}, key, signature, text('date'))",
            "false".into(),
        ),
        (
            "caught(() => ccf.crypto.verifySignature({name:'HMAC',hash:'SHA-256'}, key, signature, text('')))",
            "\"RangeError: Unsupported signing algorithm, supported: RSA-PSS, ECDSA, EdDSA\"".into(),
        ),
        (
            "caught(() => ccf.crypto.verifySignature({name:'ECDSA',hash:'SHA-1'}, key, signature, text('')))",
            "\"RangeError: Unsupported hash algorithm, supported: SHA-256\"".into(),
        ),
        ("new Uint8Array(ccf.crypto.digest('SHA-256', text('')))[0]", "227".into()),
        (
            "caught(() => ccf.crypto.digest('SHA-1', text('')))",
            "\"RangeError: unsupported digest algorithm, supported: SHA-256\"".into(),
        ),
    ] {
        check(Context::GovernanceReadOnly, &format!("{setup} return {expression}"), &expected);
    }
}

#[test]
fn effects_reach_the_host_in_apply_only() {
    check(
        Context::GovernanceReadOnly,
        "return [typeof ccf.node, typeof ccf.network]",
        "[\"undefined\",\"undefined\"]",
    );
    let host = Recorder::shared();
    let mut environment = generous(Context::Governance);
    environment.governance = Some(host.clone());
    let source = "const caught = (f) => { try { f() } catch (e) { return `${e.name}: ${e.message}` } };
        export function f() {
            ccf.node.triggerLedgerRekey();
            ccf.node.triggerRecoverySharesRefresh();
            ccf.node.triggerLedgerChunk();
            ccf.node.triggerSnapshot();
            ccf.node.transitionServiceToOpen(undefined, ccf.strToBuf('next'));
            ccf.refreshAppBytecodeCache();
            ccf.setJwtPublicSigningKeys('issuer', { a: 1 }, { keys: [] });
            ccf.removeJwtPublicSigningKeys('issuer');
            return [
                ccf.network.getLatestLedgerSecretSeqno(),
                ccf.network.generateEndorsedCertificate('csr', '20250101', 3),
                caught(() => ccf.network.generateNetworkCertificate('now', 1)),
                caught(() => ccf.network.generateNetworkCertificate('now', -1)),
                caught(() => ccf.network.generateNetworkCertificate('never', 1)),
                caught(() => ccf.node.triggerSnapshot(1)),
                caught(() => ccf.node.transitionServiceToOpen(undefined, undefined)),
                caught(() => ccf.node.transitionServiceToOpen('x', ccf.strToBuf('next'))),
            ];
        }";
    let finished = run_in(&environment, source, empty_tx());
    let expected = serde_json::json!([
        7,
        "endorsed csr 20250101 3",
        "InternalError: Error: not from now for 1 days",
        "RangeError: Invalid number of days",
        "InternalError: Error: not supported by this service",
        "TypeError: Passed 1 arguments, but expected 0",
        "InternalError: Proposal requires a service identity",
        "TypeError: Previous service identity argument is not an array buffer",
    ]);
    assert_eq!(finished.outcome.unwrap().json, expected);
    let calls = [
        "rekey",
        "refresh shares",
        "chunk",
        "snapshot",
        "open false 4",
        "refresh bytecode",
        "keys issuer {\"a\":1} {\"keys\":[]}",
        "no keys issuer",
    ];
    assert_eq!(host.borrow().calls, calls);
}

#[test]
fn the_console_is_collected() {
    let source = "export function f() { console.log('a', 1, { b: [2] }); console.info(undefined, () => 1); \
        console.warn(new Error('w')); console.error('x'.repeat(10000)); for (let i = 0; i < 300; i++) console.log(i) }";
    let console = run_in(&generous(Context::Application), source, empty_tx()).console;
    let texts: Vec<_> = console.lines.iter().take(3).map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["a 1 {\"b\":[2]}", "undefined undefined", "Error: w"]);
    assert_eq!((console.lines[2].level, console.lines[0].level), (ConsoleLevel::Fail, ConsoleLevel::Info));
    assert_eq!((console.lines[3].text.len(), console.lines.len(), console.dropped), (4096, 256, 48));
}

#[test]
fn modules_import_each_other() {
    let mut environment = generous(Context::Application);
    let sources = [
        (
            "/lib/a.js",
            "import { b } from './b.js'; import { c } from '../c.js'; export const a = () => b + c;",
        ),
        ("/lib/b.js", "import { a } from './a.js'; export const b = typeof (() => a);"),
        ("/c.js", "export const c = 1;"),
    ];
    environment.modules = Arc::new(sources.map(|(name, source)| (name.to_owned(), Arc::from(source))).into());
    for (source, expected) in [
        ("import { a } from '/lib/a.js'; export const f = () => a();", "\"function1\""),
        ("import { a } from 'lib/a.js'; export function f() { return a() }", "\"function1\""),
        ("import { x } from '/missing.js'; export function f() {}", "Load: ReferenceError: "),
        ("import { x } from '/c.js'; export function f() {}", "Load: SyntaxError: "),
        ("export function f() { return import.meta.url }", "null"),
        ("export function f( {}", "Load: SyntaxError: "),
        ("throw new TypeError('early'); export function f() {}", "Load: TypeError: early"),
        ("await new Promise(() => {}); export function f() {}", "Load: await at the top level"),
        ("export const f = 1;", "Load: module 'test' exports no function 'f'"),
        ("function f() {}", "Load: module 'test' exports no function 'f'"),
        ("export function f() { throw { code: 1 } }", "Exception: {\"code\":1}"),
        ("export function f() { throw 'text' }", "Exception: text"),
        ("export function f() { throw { toJSON() { throw 1 } } }", "Exception: "),
    ] {
        let finished = run_in(&environment, source, empty_tx());
        assert!(summary(&finished).starts_with(expected), "{source}: {}", summary(&finished));
    }
}

#[test]
fn failures_carry_a_trace_and_results_their_truth() {
    let source = "function g() { throw new RangeError('deep') }\nexport function f() { g() }";
    let error = run_in(&generous(Context::Application), source, empty_tx()).outcome.unwrap_err();
    let trace = error.trace.unwrap();
    assert!(trace.contains("g (test:1") && trace.contains("f (test:2"), "{trace}");
    for (value, is_truthy) in [
        ("true", true),
        ("1", true),
        ("'x'", true),
        ("[]", true),
        ("Symbol()", true),
        ("async function() {}", true),
        ("0", false),
        ("NaN", false),
        ("''", false),
        ("null", false),
        ("undefined", false),
        ("0n === 1n", false),
    ] {
        let source = format!("export function f() {{ return {value} }}");
        let finished = run_in(&generous(Context::Application), &source, empty_tx());
        assert_eq!(finished.outcome.unwrap().is_truthy, is_truthy, "{value}");
    }
}

#[test]
fn arguments_keep_their_types() {
    let script =
        Script { name: "test", source: "export const f = (...args) => args.map((a) => [typeof a, a]);" };
    let arguments =
        [serde_json::json!("te\u{0}xt"), serde_json::json!({"a": [1.5, null]}), serde_json::json!(true)];
    let finished = execute(script, "f", &arguments, &generous(Context::Application), empty_tx());
    let expected =
        serde_json::json!([["string", "te\u{0}xt"], ["object", {"a": [1.5, null]}], ["boolean", true]]);
    assert_eq!(finished.outcome.unwrap().json, expected);
}

#[test]
fn constitutions_are_checked_before_they_come_into_force() {
    let good = "export function validate(input) {} export function resolve(p, i, v) {} export const apply = (p, i) => {};";
    for (source, expected) in [
        (good.to_owned(), None),
        (good.replace("(p, i, v)", "(p, i, v, w)"), None),
        (String::new(), Some("constitution is empty")),
        (good.replace("(p, i, v)", "(p, i)"), Some("exports function resolve with 2 args")),
        (good.replace("(input)", "()"), Some("exports function validate with 0 args, expected 1 arg (")),
        (good.replace("(p, i) =>", "(p) =>"), Some("exports function apply with 1 arg, expected 2 args (")),
        (good.replace("export const apply", "const apply"), Some("Failed to find export 'apply'")),
        (good.replace("(p, i) => {}", "1"), Some("does not export a function named apply")),
        (
            format!("{good} syntax error"),
            Some("a function named validate: Failed to compile proposed constitution: SyntaxError"),
        ),
        (
            format!("{good} ccf.kv;"),
            Some("Failed to execute proposed constitution: ReferenceError: ccf is not defined"),
        ),
        (format!("{good} console.log(1, [2]); console.error(new Error('x'));"), None),
        (format!("{good} for (let i = 0; i < 1000; i++) console.log('x'.repeat(1e4));"), None),
    ] {
        let environment = generous(Context::GovernanceReadOnly);
        let found = validate_constitution(&source, environment.limits, &environment.capabilities);
        let message = found.err().map(|invalid| invalid.to_string());
        match expected {
            None => assert_eq!(message, None, "{source}"),
            Some(part) => {
                assert!(message.as_deref().is_some_and(|m| m.contains(part)), "{source}: {message:?}");
            }
        }
    }
    check(
        Context::GovernanceReadOnly,
        "return [caught(() => ccf.gov.validateConstitution(1)), caught(() => ccf.gov.validateConstitution('for(;;')).slice(0, 67)]",
        "[\"TypeError: constitution is not a string\",\"TypeError: proposed constitution does not export a function named v\"]",
    );
}
