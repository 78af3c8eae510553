use std::{fs, path::Path};

use serde_json::Value;

use super::{Built, InvalidApplication, Strictness, build};

/// An endpoint, `GET /a`, of the function `get` of a module.
fn metadata(module: &str) -> String {
    format!(
        r#"{{"endpoints": {{"/a": {{"get": {{
"js_module": "{module}", "js_function": "get", "mode": "readonly", "authn_policies": [],
"forwarding_required": "sometimes"}}}}}}}}"#
    )
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The application of these files, `app.json` naming `get` of `a.js` where they have none.
fn built(files: &[(&str, &str)]) -> Result<Built, String> {
    built_as(files, Strictness::Strict)
}

fn built_as(files: &[(&str, &str)], strictness: Strictness) -> Result<Built, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    write(folder.path(), &[("app.json", &metadata("a.js"))]);
    write(folder.path(), files);
    // Messages name files as they were asked for.
    let shown = format!("{}/", folder.path().display());
    let strip = |text: String| text.replace(&shown, "");
    match build(folder.path(), strictness) {
        Ok(built) => Ok(Built { notes: built.notes.into_iter().map(strip).collect(), ..built }),
        Err(InvalidApplication::Flaws(flaws)) => {
            Err(strip(flaws.to_string()).split_once(":\n").unwrap().1.to_owned())
        }
        Err(error) => Err(strip(error.to_string())),
    }
}

/// Names of modules, and their texts.
fn modules(built: &Built) -> Vec<(&str, &str)> {
    let modules = built.bundle["modules"].as_array().unwrap().iter();
    modules.map(|it| (it["name"].as_str().unwrap(), it["module"].as_str().unwrap())).collect()
}

#[test]
fn endpoints_decide_which_modules_there_are() {
    let built = built(&[
        (
            "src/a.js",
            "import { b } from './lib/b';\nimport { c } from 'lib/c.js';\nexport function get() { b(c); }",
        ),
        ("src/lib/b.ts", "import type { T } from './types';\nexport const b = (t: T) => t;"),
        ("src/lib/c.js", "import '../d/index.js'; export const c = 1;"),
        ("src/d/index.js", "import { b } from '../lib/b.js'; export { b };"),
        ("src/lib/types.ts", "export interface T {}"),
        ("src/lib/other.js", "this is no JavaScript"),
        ("src/lib/some.d.ts", "declare const x: number;"),
        ("src/README.md", "text"),
    ])
    .unwrap();
    let expected = [
        (
            "a.js",
            "import { b } from \"/lib/b.js\";\nimport { c } from 'lib/c.js';\nexport function get() { b(c); }",
        ),
        ("d/index.js", "import { b } from '../lib/b.js'; export { b };"),
        ("lib/b.js", ";                                \nexport const b = (t   ) => t;"),
        ("lib/c.js", "import '../d/index.js'; export const c = 1;"),
    ];
    assert_eq!(modules(&built), expected);
    assert_eq!(built.bundle["metadata"], serde_json::from_str::<Value>(&metadata("a.js")).unwrap());
    assert_eq!(built.notes, ["left out, as no endpoint leads there: src/lib/other.js, src/lib/types.ts"]);
}

#[test]
fn endpoints_that_cannot_be_called_may_be_noted_only() {
    let built = built_as(&[("src/a.js", "\nthrow new Error('no luck');")], Strictness::Lenient).unwrap();
    assert_eq!(built.notes, ["src/a.js:2:11: GET /a: Failed to execute /a.js: Error: no luck"]);
    let wrong = built_as(&[("src/a.js", "import './b.js';")], Strictness::Lenient).unwrap_err();
    assert_eq!(wrong, "src/a.js:1:8: there is no module `./b.js`");
}

#[test]
fn bundles_that_are_too_large_are_noted() {
    let source = format!("export function get() {{}} // {}", "x".repeat(1 << 20));
    let built = built(&[("src/a.js", &source)]).unwrap();
    let [note] = &built.notes[..] else { panic!("{:?}", built.notes) };
    assert!(
        note.ends_with("bytes: nodes take 1048576 with a request, unless max_body_size says more"),
        "{note}"
    );
}

#[test]
fn rings_are_noted() {
    let built = built(&[
        ("src/a.js", "import './b.js'; import './c.js'; export function get() {}"),
        ("src/b.js", "import './c.js'; export const b = 1;"),
        ("src/c.js", "import './b.js'; import './c.js';"),
    ])
    .unwrap();
    assert_eq!(
        built.notes,
        ["modules import each other: b.js → c.js → b.js", "modules import each other: c.js → c.js"]
    );
}

#[test]
fn types_of_others_are_not_imported() {
    let built = built(&[
        (
            "src/a.ts",
            "import { T, t } from './b'; export { T, t } from './b'; export function get(a: any) { return t; }",
        ),
        ("src/b.ts", "export * from './c'; export { U, T } from './c';"),
        ("src/c.ts", "export interface T {} export type U = T; export const t = 1;"),
    ])
    .unwrap();
    let texts: Vec<_> = modules(&built)
        .into_iter()
        .map(|(_, text)| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        texts,
        [
            "import { t } from \"/b.js\"; export { t } from \"/b.js\"; export function get(a ) { return t; }",
            "export * from \"/c.js\"; ;",
            "; ; export const t = 1;",
        ]
    );
}

#[test]
fn packages_of_npm() {
    let built = built(&[
        (
            "src/a.js",
            "import './node_modules/b/c.js'; import one from 'one'; import { t } from '@s/two/in'; import three, { x } from 'three/sub';
            export const get = () => [one, t, three, x];",
        ),
        // What a bundler made of a package.
        ("src/node_modules/b/c.js", "import '../../_virtual/d.js';"),
        ("src/_virtual/d.js", ""),
        ("node_modules/one/package.json", r#"{"main": "cjs.js", "module": "es.js"}"#),
        ("node_modules/one/es.js", "import four from 'four'; export default four;"),
        ("node_modules/one/node_modules/four/package.json", "{}"),
        ("node_modules/one/node_modules/four/index.js", "export default 4;"),
        (
            "node_modules/@s/two/package.json",
            r#"{"exports": {".": "./no.js", "./in": {"types": "./t.d.ts", "require": "./c.js",
                "import": {"types": "./t.d.ts", "default": "./in.mjs"}}}}"#,
        ),
        ("node_modules/@s/two/in.mjs", "export const t = 2;"),
        ("node_modules/three/package.json", r#"{"exports": {"./*": ["./lib/*.js"]}}"#),
        ("node_modules/three/lib/sub.js", "import x from '../x.js'; export { x }; export default 3;"),
        ("node_modules/three/x.js", "export default 1;"),
    ])
    .unwrap();
    let names: Vec<_> = modules(&built).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "_virtual/d.js",
            "a.js",
            "node_modules/@s/two/in.mjs",
            "node_modules/b/c.js",
            "node_modules/one/es.js",
            "node_modules/one/node_modules/four/index.js",
            "node_modules/three/lib/sub.js",
            "node_modules/three/x.js",
        ]
    );
}

/// Modules of CommonJS run once, in rings, too, and are imported as what they export.
#[test]
fn packages_of_commonjs() {
    let source =
        "import whole, { one } from 'p'; import * as all from 'p'; import * as es from 'q'; import 'p/more';
        import def from 'r';
        const told = [whole.one, one, all.one, all.two(), es.default.x, def].join();
        if (told !== '1,1,1,2,3,4') throw new Error(told);
        export { run as get } from 'p';";
    let built = built(&[
        ("src/a.js", source),
        ("node_modules/p/package.json", r#"{"main": "lib"}"#),
        (
            "node_modules/p/lib/index.js",
            "exports.one = 1; var two = require('./two'); exports.two = two.get; exports.run = function () {};
            try { require('fs'); } catch (e) { if (e.code !== 'MODULE_NOT_FOUND') throw e; }
            exports.data = function () { return require('./data.json'); };",
        ),
        ("node_modules/p/lib/data.json", "{}"),
        (
            "node_modules/p/lib/two.js",
            "var index = require('./index.js'), one = index.one;\nexports.get = function () { return one + 1; }",
        ),
        ("node_modules/p/more.js", "#!/usr/bin/env node\nif (this !== module.exports) throw new Error('this');"),
        ("node_modules/q/package.json", r#"{"exports": {"import": "./e.js", "require": "./c.js"}}"#),
        ("node_modules/q/e.js", "import c from './c.js'; export default { x: c };"),
        ("node_modules/q/c.js", "module.exports = require('r').default - 1;"),
        ("node_modules/r/package.json", r#"{"module": "e.js", "main": "c.js"}"#),
        ("node_modules/r/e.js", "export { default } from './c.js';"),
        ("node_modules/r/c.js", "exports.__esModule = true; exports.default = 4;"),
    ])
    .unwrap();
    let modules = modules(&built);
    let text = |wanted: &str| modules.iter().find(|(name, _)| *name == wanted).map(|(_, text)| *text);
    assert!(text("node_modules/.commonjs/p/lib/index.js").is_some());
    // Lines stay.
    let two = text("node_modules/p/lib/two.js").unwrap();
    assert!(two.lines().nth(1).unwrap().starts_with("exports.get = "), "{two}");
}

#[test]
fn the_package_of_ccf_is_there_without_npm() {
    let source = "import * as app from '@microsoft/ccf-app';
        import { digest } from '@microsoft/ccf-app/crypto';
        import { TextEncoder } from '@microsoft/ccf-app/textcodec.js';
        import { ccf } from '@microsoft/ccf-app/global.js';
        import { toArrayBuffer } from '@microsoft/ccf-app/utils.js';
        const table = app.typedKv('a', app.uint32, app.json()), set = app.typedKvSet('b', app.string);
        const round = (converter, value) => {
            const again = converter.decode(converter.encode(value));
            if (again !== value && again.length !== value.length) throw new Error(`${value} is ${again}`);
        };
        round(app.bool, true); round(app.int8, -3); round(app.uint8, 255); round(app.int16, -300);
        round(app.uint16, 65535); round(app.int32, -70000); round(app.uint32, 4294967295); round(app.int64, -5n);
        round(app.uint64, 2n ** 63n); round(app.float32, 0.5); round(app.float64, 0.1); round(app.string, 'é');
        round(app.typedArray(Uint16Array), new Uint16Array([1, 2]).subarray(1));
        if (new Uint8Array(app.uint8.encode(7)).join() !== '7,0') throw new Error('uint8');
        if (digest('SHA-256', app.string.encode('')).byteLength !== 32) throw new Error('digest');
        if (new TextEncoder().encode('é').length !== 2 || ccf !== globalThis.ccf) throw new Error('text');
        if (toArrayBuffer(new Uint8Array(4).subarray(1)).byteLength !== 3) throw new Error('buffer');
        table.set(1, { a: 1 }); set.add('x');
        if (table.get(1).a !== 1 || table.size !== 1 || !set.has('x')) throw new Error('table');
        table.forEach((value, key) => { if (key !== 1 || value.a !== 1) throw new Error('row'); });
        const wrongs = [
            () => app.uint8.encode(256), () => app.int64.encode(1), () => app.checkedJson().encode([new Map()]),
        ];
        for (const wrong of wrongs) {
            let threw = false;
            try { wrong(); } catch { threw = true; }
            if (!threw) throw new Error(`${wrong}`);
        }
        export function get() { return { body: app.getLastCommittedTxId() }; }";
    // What the module writes when it is evaluated is dropped.
    let writes = metadata("a.js").replace("readonly", "readwrite");
    let built = built(&[("app.json", &writes), ("src/a.js", source)]).unwrap();
    let names: Vec<_> = modules(&built).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 12, "{names:?}");
    assert!(names[..11].iter().all(|name| name.starts_with("@microsoft/ccf-app/")), "{names:?}");
    assert!(modules(&built)[11].1.contains("from \"/@microsoft/ccf-app/index.js\""));
}

/// Files and messages of each application in a text.
fn applications(text: &str) -> Vec<(Vec<(&str, String)>, String)> {
    let mut all = vec![(Vec::new(), String::new())];
    for line in text.lines() {
        let last = all.len() - 1;
        let (files, messages): &mut (Vec<(&str, String)>, String) = &mut all[last];
        if line.is_empty() && !messages.is_empty() {
            all.push((Vec::new(), String::new()));
        } else if let Some(name) = line.strip_prefix("--- ") {
            files.push((name, String::new()));
        } else if let Some(message) = line.strip_prefix("=== ") {
            messages.push_str(if messages.is_empty() { "" } else { "\n" });
            messages.push_str(message);
        } else if let Some((_, content)) = files.last_mut() {
            content.push_str(if line == "ok" { "export function get() {}" } else { line });
            content.push('\n');
        }
    }
    all
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let properties = "js_module, js_function, forwarding_required, authn_policies, mode, redirection_strategy, \
                      openapi, openapi_hidden, interpreter_reuse, at_commit_ms";
    let mut wrong = Vec::new();
    for (files, expected) in applications(include_str!("wrong.txt")) {
        let files: Vec<_> = files.iter().map(|(name, content)| (*name, content.as_str())).collect();
        let message = built(&files).err().unwrap_or_default();
        let expected = expected.replace("{properties}", properties);
        if message != expected {
            wrong.push((message, expected));
        }
    }
    assert_eq!(wrong, []);
}

#[test]
fn what_is_no_folder_of_an_application() {
    let folder = tempfile::tempdir().unwrap();
    let told = build(folder.path(), Strictness::Strict).unwrap_err().to_string();
    assert!(told.starts_with("not an application, which has app.json and src/: "), "{told}");
    assert!(told.ends_with("app.json: No such file or directory (os error 2)"), "{told}");
    fs::write(folder.path().join("app.json"), metadata("a.js")).unwrap();
    let told = build(folder.path(), Strictness::Strict).unwrap_err().to_string();
    assert!(told.ends_with("src: No such file or directory (os error 2)"), "{told}");
}
