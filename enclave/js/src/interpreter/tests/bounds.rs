//! The bounded builtins do what the language says.

use coco_tables::Context;

use super::{empty_tx, generous, run_in, summary};

/// Expression and the JSON of its value.
const CASES: &[(&str, &str)] = &[
    ("[1,,3].join('-')", "\"1--3\""),
    ("[1,[2,[3]]].flat()", "[1,2,[3]]"),
    ("(function(){return Array.prototype.slice.call(arguments,1)})(1,2,3)", "[2,3]"),
    ("Array.prototype.join.call('abc')", "\"a,b,c\""),
    ("(function(){return [[].shift.call(arguments), arguments.length, arguments[0]]})(1,2)", "[1,1,2]"),
    (
        "(() => { const o={length:3,0:'c',1:'a',2:'b'}; return [[].sort.call(o)===o, o]})()",
        "[true,{\"0\":\"a\",\"1\":\"b\",\"2\":\"c\",\"length\":3}]",
    ),
    (
        "(() => { const o={length:2,0:1,1:2}; [].unshift.call(o,0); return o })()",
        "{\"0\":0,\"1\":1,\"2\":2,\"length\":3}",
    ),
    (
        "(() => { const o={length:3,0:1,2:3}; [].reverse.call(o); return Object.keys(o) })()",
        "[\"0\",\"2\",\"length\"]",
    ),
    ("[1].concat([2],3,{length:1,0:4},new Proxy([5],{}))", "[1,2,3,{\"0\":4,\"length\":1},5]"),
    ("[].concat({length:1,0:4,[Symbol.isConcatSpreadable]:true})", "[4]"),
    ("[3,1,2].toSorted((a,b)=>b-a)", "[3,2,1]"),
    ("[1,2,3].with(1,9)", "[1,9,3]"),
    ("[1,2,3,4].splice(1,2)", "[2,3]"),
    ("[1,[2]]+''", "\"1,2\""),
    ("Array.prototype.join.length + Array.prototype.splice.name", "\"1splice\""),
    ("new Uint8Array([3,1,2]).sort().join()", "\"1,2,3\""),
    ("'abcabc'.indexOf('c',3)", "5"),
    ("'abcabc'.lastIndexOf('a')", "3"),
    ("'abcabc'.lastIndexOf('c',4)", "2"),
    ("'abc'.includes('bc')", "true"),
    ("(() => { try { 'a'.includes(/a/) } catch (e) { return e.name } })()", "\"TypeError\""),
    ("'a,b,,c'.split(',')", "[\"a\",\"b\",\"\",\"c\"]"),
    ("'a1b2'.split(/\\d/)", "[\"a\",\"b\",\"\"]"),
    ("'abc'.split()", "[\"abc\"]"),
    ("'abc'.split('',2)", "[\"a\",\"b\"]"),
    ("'aXbX'.replace('X','$&-')", "\"aX-bX\""),
    ("'aXbX'.replaceAll('X',(x)=>x+x)", "\"aXXbXX\""),
    ("'aXbX'.replace(/x/gi,'-')", "\"a-b-\""),
    ("(() => { try { 'a'.replaceAll(/a/,'') } catch (e) { return e.name } })()", "\"TypeError\""),
    ("'undefined'.indexOf()", "0"),
    ("'e\\u0301'.normalize().length", "1"),
    ("'a'.localeCompare('b')", "-1"),
    (
        "JSON.stringify({a:1,b:[undefined,()=>1],c:undefined},null,1)",
        "\"{\\n \\\"a\\\": 1,\\n \\\"b\\\": [\\n  null,\\n  null\\n ]\\n}\"",
    ),
    ("JSON.stringify({a:1,b:{a:2,c:3}},['b','a'])", "\"{\\\"b\\\":{\\\"a\\\":2},\\\"a\\\":1}\""),
    ("JSON.stringify({a:1,b:2},(k,v)=>k==='a'?undefined:v)", "\"{\\\"b\\\":2}\""),
    ("typeof JSON.stringify(undefined)", "\"undefined\""),
    ("JSON.parse('{\"a\":[1]}',(k,v)=>k==='0'?2:v)", "{\"a\":[2]}"),
    ("[...new Set([1,2]).union(new Set([3]))]", "[1,2,3]"),
    ("[...new Set([1,2]).intersection(new Map([[2,0]]))]", "[2]"),
    ("[new Set([1]).isSubsetOf(new Set([1,2])), new Set([1,2]).isSupersetOf(new Set([1]))]", "[true,true]"),
    ("[1,2,3].values().drop(1).toArray()", "[2,3]"),
    (
        "(() => { const p=new Proxy({a:1},{get:(t,k)=>k+'!',has:()=>true,ownKeys:()=>['a']}); return [p.x,'y' in p,Object.keys(p)]})()",
        "[\"x!\",true,[\"a\"]]",
    ),
    (
        "(() => { const {proxy,revoke}=Proxy.revocable({a:1},{}); const a=proxy.a; revoke(); try {proxy.a} catch(e) {return [a,e.name]}})()",
        "[1,\"TypeError\"]",
    ),
    ("(() => { try { Proxy({}, {}) } catch (e) { return e.name } })()", "\"TypeError\""),
    ("new Date(2020,0,1).getFullYear() + new Date('2001-02-03').getMonth()", "2021"),
    (
        "[Date.UTC(1970,0,2), Date.parse('1970-01-01T00:00:01Z'), Date.name, Date.length]",
        "[86400000,1000,\"Date\",7]",
    ),
    ("[new Date() instanceof Date, Date().startsWith('Tue Nov 14 2023')]", "[true,true]"),
    ("(() => { const r=Math.random(); return r>=0 && r<1 && r!==Math.random() })()", "true"),
    ("parseInt('12px') + parseFloat('0.5')", "12.5"),
];

#[test]
fn bounded_builtins_keep_their_meaning() {
    for (body, expected) in CASES {
        let source = format!("export function f() {{ return {body} }}");
        let finished = run_in(&generous(Context::Application), &source, empty_tx());
        assert_eq!(summary(&finished), *expected, "{body}");
    }
}

/// What a script breaks stays broken for itself only, and does not open the bounds.
#[test]
fn pollution_opens_nothing() {
    for (body, expected) in [
        (
            "Array.isArray=()=>false; Reflect.apply=()=>1; Math.min=()=>0; Object.prototype.length=0; \
             return (new Array(1e9)+'').length",
            "Exception: RangeError: array length",
        ),
        (
            "String=()=>''; Array.prototype[Symbol.iterator]=()=>({next(){return {done:true}}}); return 'ab'.indexOf('b')",
            "1",
        ),
        ("ccf.kv.t.constructor.prototype.get=()=>1; return 1", "Exception: TypeError"),
        ("Object.getPrototypeOf(ccf.kv.t).get=()=>1; return 1", "Exception: TypeError"),
        ("ccf.kv.t.get.call({}, ccf.strToBuf('k'))", "Exception: TypeError"),
        ("ccf.kv = {}; Object.prototype.get = () => 1; return typeof ccf.kv.t", "\"undefined\""),
        (
            "JSON.stringify=()=>'[]'; JSON.parse=()=>1; return ccf.bufToJsonCompatible(ccf.jsonCompatibleToBuf({a:1}))",
            "{\"a\":1}",
        ),
        ("Object.prototype.__proto__ === null && (Object.prototype.x = 1); return {}.x", "1"),
    ] {
        let source = format!("export function f() {{ {body} }}");
        let finished = run_in(&generous(Context::Application), &source, empty_tx());
        assert!(summary(&finished).starts_with(expected), "{body}: {}", summary(&finished));
        let after = run_in(
            &generous(Context::Application),
            "export function f() { return [{}.x, Array.isArray([])] }",
            finished.tx,
        );
        assert_eq!(summary(&after), "[null,true]");
    }
}
