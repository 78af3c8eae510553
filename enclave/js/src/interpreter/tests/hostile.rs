//! Scripts that try to stop, starve or crash the node.

use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use coco_tables::Context;

use super::{empty_tx, environment, generous, run_in, summary};
use crate::Limits;

/// Name, body of the function, beginning of what comes of it (alternatives between bars) unless the machine
/// is so slow that the time is over before.
const CASES: &[(&str, &str, &str)] = &[
    // Time
    ("eternal loop", "for(;;);", "Timeout"),
    ("getter", "return {get x(){for(;;);}}.x", "Timeout"),
    ("toString trap", "return ''+{toString(){for(;;);}}", "Timeout"),
    ("toJSON of the result", "return {toJSON(){for(;;);}}", "Timeout"),
    ("caught timeout", "for(;;) try { for(;;); } catch {} finally { for(;;); }", "Timeout"),
    ("proxy traps", "return JSON.stringify(new Proxy({}, {ownKeys(){for(;;);}}))", "Timeout"),
    ("regular expression", "return /^(a+)+$/.test('a'.repeat(40)+'b')", "Timeout"),
    ("many regular expressions", "return 'a'.repeat(1e7).replace(/(?:a{0,9000}b)?/g,'').length", "Timeout"),
    (
        "character class",
        "let s=''; for(let i=256;i<60000;i+=2) s+=String.fromCharCode(i); return new RegExp(`[${s}]`).test('a')",
        "true|false",
    ),
    ("long prototype chain", "let o={}; for(let i=0;i<2e5;i++) o=Object.create(o); for(;;) o.x", "Timeout"),
    ("long ropes", "let a='a',b='a'; for(let i=0;i<28;i++){a+=a;b+=b} for(;;) a==b", "Timeout"),
    ("long strings", "const a='a'.repeat(1e7), b='a'.repeat(1e7-1)+'b'; for(;;) a==b", "Timeout"),
    ("long keys", "const a='a'.repeat(1e7), o={}; for(;;) o[a]", "Timeout"),
    ("enumeration", "const a=Array.from({length:5e5},(_,i)=>i); for(;;) for (const k in a) break", "Timeout"),
    ("object spread", "const o={}; for(let i=0;i<1e5;i++) o['k'+i]=i; for(;;) ({...o})", "Timeout"),
    ("array spread", "const a=Array.from({length:5e5},(_,i)=>i); for(;;) [...a]", "Timeout"),
    ("big integers", "const x=(1n<<1000000n); for(;;) x.toString()", "Exception: RangeError"),
    ("powers", "for(;;) 3n**600000n", "Timeout"),
    ("compilation", "const s='1;'.repeat(1e6); for(;;) new Function(s)", "Timeout"),
    (
        "many declarations",
        "return new Function('let '+Array.from({length:6e4},(_,i)=>'a'+i).join()+';return 1')()",
        "1",
    ),
    ("sparse callbacks", "new Array(4e9).forEach(x=>x)", "Timeout"),
    ("set of a sparse array", "return new Set(new Array(4e9)).size", "Timeout"),
    (
        "union with a sparse array",
        "return new Set().union({size:1,has(){},keys(){return new Array(4e9).values()}}).size",
        "Timeout",
    ),
    (
        "shared structure",
        "let a={}; for(let i=0;i<60;i++) a={x:a,y:a}; return JSON.stringify(a).length",
        "Timeout",
    ),
    (
        "invisible properties",
        "const o={}; for(let i=0;i<1e5;i++) o['k'+i]=undefined; return JSON.stringify(Array(1e5).fill(o)).length",
        "Timeout",
    ),
    (
        "sorting",
        "const a=[]; for(let i=0;i<5e5;i++) a.push(Math.random()); for(;;) a.slice().sort()",
        "Timeout",
    ),
    ("typed arrays", "const a=new Uint8Array(1e7); for(;;) a.fill(1)", "Timeout"),
    ("array-likes", "const a=new Uint8Array(1e6); for(;;) a.set({length:1e6})", "Timeout"),
    ("failed allocations", "for(;;) try { 'x'.repeat(2**29) } catch {}", "Timeout"),
    (
        "memory kept",
        "const a=[]; for(;;) try { for(;;) a.push('x'.repeat(1e6)+a.length) } catch {}",
        "Timeout",
    ),
    ("garbage cycles", "for(;;){const a={}; a.a=a; a.b=new Array(1000).fill(a)}", "Timeout"),
    ("traces", "for(;;) new Error('x'.repeat(1e6)).stack", "Timeout"),
    ("keys of tables", "for(let i=0;;i++) ccf.kv.t.has(ccf.strToBuf('k'+i%1000))", "Memory"),
    // Length
    ("sparse text", "return (new Array(1e9)+'').length", "Exception: RangeError: array length"),
    ("sparse reverse", "const a=[]; a.length=4e9; a.reverse()", "Exception: RangeError: array length"),
    ("sparse concat", "[].concat(new Array(4e9))", "Exception: RangeError: array length"),
    (
        "array-like concat",
        "[].concat({length:2**53-1,[Symbol.isConcatSpreadable]:true})",
        "Exception: RangeError: array length",
    ),
    (
        "length that changes",
        "let n=0; const t=new Uint8Array(8); return Array.prototype.join.call(new Proxy(t,{get(t,k){return \
         k==='length'?(n++?2**53-1:8):t[k]}}))",
        "\"0,0,0,0,0,0,0,0\"",
    ),
    (
        "writes into nothing",
        "Array.prototype.fill.call(new Proxy(new Uint8Array(8),{get(t,k){return k==='length'?2**53-1:t[k]}}),1)",
        "Exception: RangeError: array length",
    ),
    ("search", "'a'.repeat(1e7).indexOf('a'.repeat(5e6)+'b')", "Exception: RangeError: the strings"),
    ("split", "'a'.repeat(1e7).split('a'.repeat(5e6)+'b')", "Exception: RangeError: the strings"),
    (
        "needle that changes",
        "let n=0; 'a'.repeat(1e7).replace({get [Symbol.replace](){return n++?undefined:null}, \
         toString(){return 'a'.repeat(5e6)+'b'}},'')",
        "Exception: RangeError: the strings",
    ),
    ("normalisation", "('a'+'\\u0301\\u0323'.repeat(1e6)).normalize('NFD')", "Exception: RangeError: string"),
    ("iterators", "new Array(4e9).values().drop(3e9).next()", "Exception: RangeError: count"),
    (
        "keys of a proxy",
        "const k=Array.from({length:2e5},(_,i)=>'k'+i); Object.keys(new Proxy({},{ownKeys(){return k}}))",
        "Exception: RangeError: proxy",
    ),
    // Depth
    ("recursion", "function g(){g()} g()", "Exception: RangeError: Maximum call stack"),
    ("deep source", "new Function('return '+'('.repeat(1e6))", "Exception: RangeError: Maximum call stack"),
    (
        "deep JSON",
        "JSON.parse('['.repeat(1e6))",
        "Exception: RangeError: Maximum call stack|Exception: SyntaxError",
    ),
    ("deep result", "let a=[]; for(let i=0;i<1000;i++) a=[a]; return a", "Result"),
    ("deep flattening", "let a=[1]; for(let i=0;i<26;i++) a=[a,a]; return a.flat(Infinity).length", "Memory"),
    // Memory
    ("generator", "function* g(){for(;;) yield 1} return [...g()]", "Memory"),
    ("bound functions", "let f=()=>1; for(;;) f=f.bind(null,1)", "Memory"),
    ("doubling", "let s='x'; for(;;) s=(s+s).slice(0)", "Memory"),
    (
        "writes to tables",
        "const b=new ArrayBuffer(1e6); for(let i=0;;i++) ccf.kv.t.set(ccf.strToBuf('k'+i),b)",
        "Memory",
    ),
    ("table names", "for(let i=0;;i++) ccf.kv['t'+i].size", "Exception: RangeError: too many tables"),
    ("console", "for(let i=0;i<1e4;i++) console.log('x'.repeat(1e4)); return 1", "1"),
    // Ways out
    (
        "clock",
        "return typeof performance + typeof Atomics + typeof SharedArrayBuffer",
        "\"undefinedundefinedundefined\"",
    ),
    (
        "dates",
        "return [Date.now(), new Date().getTime(), new Date().constructor.now()]",
        "[1700000000123,1700000000123,1700000000123]",
    ),
    ("subclass", "class D extends Date {}; return new D().getTime()", "1700000000123"),
    ("import", "return typeof import('/x.js')", "\"object\""),
    ("promise loop", "function g(){Promise.resolve().then(g)} g(); return 1", "1"),
];

#[test]
fn no_script_runs_on() {
    for (name, body, expected) in CASES {
        let environment = environment(Context::Application, Limits::default(), Duration::from_millis(150));
        let start = Instant::now();
        let finished = run_in(&environment, &format!("export function f() {{ {body} }}"), empty_tx());
        let took = start.elapsed();
        let found = summary(&finished);
        let as_expected = expected.split('|').any(|start| found.starts_with(start));
        assert!(as_expected || found.starts_with("Timeout"), "{name}: {found}");
        assert!(took < Duration::from_secs(20), "{name} took {took:?}");
    }
}

/// A ballot of one line must not hold the node for hours: the engine asks for the deadline more often than it
/// would by itself. Fails when an upgrade of the engine moves its counter.
#[test]
fn the_deadline_is_looked_at_often() {
    let looks = Rc::new(Cell::new(0));
    let seen = looks.clone();
    let mut environment = generous(Context::Application);
    environment.capabilities.deadline = Rc::new(move || {
        seen.set(seen.get() + 1);
        false
    });
    let finished = run_in(&environment, "export function f() { for (let i = 0; i < 1e6; i++); }", empty_tx());
    assert_eq!(summary(&finished), "null");
    assert!(looks.get() > 20_000, "{} looks in a million loops", looks.get());
}

/// Memory may end anywhere, while a realm is built, a module is loaded, or a script runs.
#[test]
fn memory_may_end_anywhere() {
    let source = "import './other.js'; const t = ccf.kv['public:t'];
        export function f() {
            const values = [];
            for (let i = 0; i < 300; i++) {
                values.push({ i, text: `${i}`.repeat(i), big: 3n ** BigInt(i), re: new RegExp(`a{${i}}`) });
                t.set(ccf.strToBuf(`${i}`), ccf.jsonCompatibleToBuf({ i, values: i % 50 ? [] : Object.keys(values) }));
            }
            t.forEach((value) => ccf.bufToJsonCompatible(value));
            console.log(new Map(values.entries()));
            return values.map(({ text }) => text.replace(/1/g, 'x')).join().length;
        }";
    let other = "export class A { #x = 1; static y = [1, 2, 3].map((x) => ({ x })); }
        export default async function* g() { yield* [1]; }";
    let (mut refused, mut done) = (0, 0);
    for step in 0..400 {
        let limits = Limits { heap_bytes: 64 * 1024 + step * 6 * 1024, ..Limits::default() };
        let mut environment = environment(Context::Application, limits, Duration::from_secs(60));
        environment.modules = Arc::new([("/other.js".to_owned(), other.into())].into());
        let finished = run_in(&environment, source, empty_tx());
        match finished.outcome {
            Ok(_) => done += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 50 && done > 50, "{refused} refused, {done} done");
}
