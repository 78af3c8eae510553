//! What the functions of hostile endpoints do, and what comes of it.

/// Name, body of the function, beginning of the summary of the answer.
pub(crate) type Case = (&'static str, &'static str, &'static str);

const THREW: &str = "500 Exception thrown while executing.";

/// They take longer than the members allow, whatever they do meanwhile.
pub(crate) const ENDLESS: &[(&str, &str)] = &[
    ("eternal loop", "for(;;);"),
    ("loop that catches its end", "for(;;) try { for(;;); } catch {} finally { for(;;); }"),
    ("getter of the body", "return {get body(){for(;;);}}"),
    ("getter of the status", "return {get statusCode(){for(;;);}}"),
    ("toJSON of the body", "return {body:{toJSON(){for(;;);}}}"),
    ("toString of a header", "return {headers:{a:{toString(){for(;;);}}}}"),
    ("headers of a proxy", "return {headers:new Proxy({},{ownKeys(){for(;;);}})}"),
    ("the answer is a proxy", "return new Proxy({},{get(){for(;;);}})"),
    ("conversion", "return {body:''+{toString(){for(;;);}}}"),
    ("generator", "for (const x of (function*(){for(;;) yield 1})());"),
    (
        "callback of a table",
        "const k=new ArrayBuffer(8); ccf.kv.t.set(k,k); ccf.kv.t.forEach(()=>{for(;;);})",
    ),
    ("regular expression", "return {body:/^(a+)+$/.test('a'.repeat(40)+'b')}"),
    ("many regular expressions", "for(;;) 'a'.repeat(1e7).replace(/(?:a{0,9000}b)?/g,'')"),
    ("backtracking alternatives", "return {body:/^(a|a|a)*$/.test('a'.repeat(60)+'b')}"),
    ("long prototype chain", "let o={}; for(let i=0;i<2e5;i++) o=Object.create(o); for(;;) o.x"),
    ("long strings", "const a='a'.repeat(1e7), b='a'.repeat(1e7-1)+'b'; for(;;) a==b"),
    ("long keys", "const a='a'.repeat(1e7), o={}; for(;;) o[a]"),
    ("enumeration", "const a=Array.from({length:5e5},(_,i)=>i); for(;;) for (const k in a) break"),
    ("object spread", "const o={}; for(let i=0;i<1e5;i++) o['k'+i]=i; for(;;) ({...o})"),
    ("powers", "for(;;) 3n**600000n"),
    ("compilation", "const s='1;'.repeat(1e6); for(;;) try { new Function(s) } catch {}"),
    ("sparse callbacks", "new Array(4e9).forEach(x=>x)"),
    ("set of a sparse array", "return {body:new Set(new Array(4e9)).size}"),
    ("shared structure", "let a={}; for(let i=0;i<60;i++) a={x:a,y:a}; return {body:a}"),
    ("sorting", "const a=[]; for(let i=0;i<1e5;i++) a.push(Math.random()); for(;;) a.slice().sort()"),
    ("typed arrays", "const a=new Uint8Array(1e7); for(;;) a.fill(1)"),
    ("failed allocations", "for(;;) try { 'x'.repeat(2**29) } catch {}"),
    ("memory kept", "const a=[]; for(;;) try { for(;;) a.push('x'.repeat(1e6)+a.length) } catch {}"),
    ("garbage cycles", "for(;;){const a={}; a.a=a; a.b=new Array(1000).fill(a)}"),
    ("traces", "for(;;) new Error('x'.repeat(1e6)).stack"),
    ("keys", "for(;;) ccf.crypto.generateEcdsaKeyPair('secp384r1')"),
    ("digests", "const b=new ArrayBuffer(1e7); for(;;) ccf.crypto.digest('SHA-256',b)"),
];

/// They end by what they do, or do less than they mean to.
pub(crate) const OTHERS: &[Case] = &[
    // Depth
    (
        "recursion",
        "const g=()=>g()+1; g()",
        "500 Exception thrown while executing.: InternalError: stack overflow",
    ),
    ("recursive conversion", "const o={toString(){return ''+this}}; ''+o", THREW),
    ("recursive getter", "const o={get x(){return this.x}}; o.x", THREW),
    ("recursive proxy", "const p=new Proxy({},{get(t,k,r){return r[k]}}); p.x", THREW),
    ("deep JSON", "JSON.parse('['.repeat(1e6))", THREW),
    ("deep source", "new Function('return '+'('.repeat(1e6))", THREW),
    (
        "deep body",
        "let a={}; for(let i=0;i<1e4;i++) a={a}; return {body:a}",
        "500 Invalid endpoint function return value (error during JSON conversion of body).",
    ),
    (
        "body that holds itself",
        "const a=[]; a[0]=a; return {body:a}",
        "500 Invalid endpoint function return value (error during JSON conversion of body).",
    ),
    // Size
    (
        "sparse text",
        "return {body:new Array(1e9)+''}",
        "500 Exception thrown while executing.: RangeError: array length",
    ),
    (
        "sparse reverse",
        "const a=[]; a.length=4e9; a.reverse()",
        "500 Exception thrown while executing.: RangeError: array length",
    ),
    (
        "sparse concat",
        "[].concat(new Array(4e9))",
        "500 Exception thrown while executing.: RangeError: array length",
    ),
    (
        "array-like concat",
        "[].concat({length:2**53-1,[Symbol.isConcatSpreadable]:true})",
        "500 Exception thrown while executing.: RangeError: array length",
    ),
    ("large buffer", "new ArrayBuffer(2**40)", THREW),
    (
        "large typed array",
        "new Uint8Array(1<<28)",
        "500 Exception thrown while executing.: InternalError: out of memory",
    ),
    ("large integers", "let x=1n; for(;;) x<<=1000000n", THREW),
    (
        "search",
        "'a'.repeat(1e6).indexOf('a'.repeat(5e5)+'b')",
        "500 Exception thrown while executing.: RangeError: the strings",
    ),
    (
        "iterators",
        "new Array(4e9).values().drop(3e9).next()",
        "500 Exception thrown while executing.: RangeError: count",
    ),
    ("random bytes", "ccf.random(1e9)", THREW),
    // Memory
    (
        "memory bomb",
        "const a=[]; for(;;) a.push(new Uint8Array(1<<20))",
        "500 Exception thrown while executing.: InternalError: out of memory",
    ),
    ("doubling", "let s='x'; for(;;) s+=s", THREW),
    (
        "endless list",
        "function* g(){for(;;) yield 1} return {body:[...g()]}",
        "500 Exception thrown while executing.: InternalError: out of memory",
    ),
    ("bound functions", "let f=()=>1; for(;;) f=f.bind(null,1)", THREW),
    (
        "map that grows",
        "const m=new Map(); for(let i=0;;i++) m.set(i,{i})",
        "500 Exception thrown while executing.: InternalError: out of memory",
    ),
    (
        "flattening",
        "let a=[1]; for(let i=0;i<26;i++) a=[a,a]; return {body:a.flat(Infinity).length}",
        "500 Exception thrown while executing.: InternalError: out of memory",
    ),
    (
        "written rows",
        "const b=new ArrayBuffer(1<<16); for(let i=0;;i++) ccf.kv.t.set(ccf.strToBuf(`${i}`),b)",
        THREW,
    ),
    ("read keys", "for(let i=0;;i++) ccf.kv.t.has(ccf.strToBuf(`${i}`))", THREW),
    (
        "names of tables",
        "for(let i=0;;i++) ccf.kv['t'+i].size",
        "500 Exception thrown while executing.: RangeError: too many tables",
    ),
    ("console", "for(let i=0;i<1e4;i++) console.log('x'.repeat(1e4)); return {body:1}", "200 1"),
    // Poison
    (
        "poisoned prototypes",
        "Object.defineProperty(Object.prototype,'statusCode',{value:299}); Object.prototype.get=()=>1; \
         Array.prototype.map=null; return {body:request.method}",
        "299 POST",
    ),
    (
        "removed builtins",
        "JSON.parse=JSON.stringify=ArrayBuffer=Reflect=undefined; return {body:request.body.json()}",
        "200 {\"a\":1}",
    ),
    (
        "poisoned getters",
        "for (const k of ['body','headers','caller','method']) Object.defineProperty(request,k,{get(){throw 1}}); \
         Object.prototype.__defineGetter__('body',()=>'mine'); return {}",
        "200 mine",
    ),
    (
        "poisoned iteration",
        "Array.prototype[Symbol.iterator]=function*(){for(;;) yield 1}; return {body:[1]}",
        "200 [1]",
    ),
    (
        "replaced host",
        "globalThis.ccf=undefined; return {body:request.caller}",
        "200 {\"policy\":\"no_auth\"}",
    ),
    (
        "frozen host",
        "Object.freeze(ccf); Object.freeze(request); Object.freeze(Object.prototype); return {body:1}",
        "200 1",
    ),
    // What is no answer
    ("no answer", "return 1", "500 Invalid endpoint function return value (not an object)."),
    (
        "status that is none",
        "return {statusCode:1e99}",
        "500 Invalid endpoint function return value (status code type).",
    ),
    (
        "header that splits the answer",
        "return {headers:{a:'b\\r\\nset-cookie: c'}}",
        "500 Invalid endpoint function return value (header value type).",
    ),
    (
        "tables of the service",
        "const k=new ArrayBuffer(8); ccf.kv['public:ccf.gov.users.info'].set(k,k)",
        THREW,
    ),
    ("private tables of the service", "ccf.kv['ccf.internal.x'].get(new ArrayBuffer(8))", THREW),
    ("promises", "(async()=>{for(;;) await 1})(); return {body:1}", "200 1"),
];

/// Modules that are hostile before a function is called: name, source, summary of a call of `f`.
pub(crate) const MODULES: &[Case] = &[
    ("cycle.js", "import { g } from './cycle2.js'; export const f = () => ({ body: g() });", "200 2"),
    (
        "cycle2.js",
        "import { f } from './cycle.js'; export const g = () => typeof f === 'function' ? 2 : 3; export { f };",
        "200 2",
    ),
    ("itself.js", "import { f } from './itself.js'; export { f };", "500 Failed to execute /itself.js"),
    (
        "early.js",
        "import { late } from './late.js'; export const early = 1; export const f = () => ({ body: late });",
        "500 Failed to execute /early.js: ReferenceError",
    ),
    (
        "late.js",
        "import { early } from './early.js'; export const late = early; export const f = () => ({ body: late });",
        "200 1",
    ),
    (
        "throws.js",
        "throw new Error('no'); export const f = () => ({});",
        "500 Failed to execute /throws.js: Error: no",
    ),
    (
        "deep.js",
        "const g = () => g() + 1; g(); export const f = () => ({});",
        "500 Failed to execute /deep.js",
    ),
    ("await.js", "await 1; export const f = () => ({});", "500 Failed to execute /await.js"),
    ("nothing.js", "export const g = 1;", "500 Failed to find export 'f' in module '/nothing.js'"),
    ("value.js", "export const f = 1;", "500 Export 'f' of module '/value.js' is not a function"),
];
