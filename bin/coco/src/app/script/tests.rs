use super::{Answer, Form, Language, Script};

/// What TypeScript becomes.
fn erased(source: &str) -> String {
    let script = Script::parse(source.to_owned(), Language::TypeScript);
    script.unwrap_or_else(|flaws| panic!("{source}: {flaws:?}")).render(&[])
}

/// Tells of all that is not as expected.
fn agree(told: Vec<(&str, String, &str)>) {
    let wrong = told.into_iter().filter(|(_, text, expected)| text != expected);
    assert_eq!(wrong.collect::<Vec<_>>(), []);
}

/// Without the spaces at the ends of lines, and with one where there are several.
fn tight(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn types_are_erased() {
    let mut told = Vec::new();
    for (source, expected) in [
        // Declarations.
        ("let a: number = 1, b: A<B>;", "let a = 1, b ;"),
        ("let a!: string;", "let a ;"),
        ("interface A { a: string }", ";"),
        ("export interface A extends B<C> {\n a: string;\n}\nlet a;", ";\n\n\nlet a;"),
        ("type A = { [K in B]?: C };", ";"),
        ("export type { A } from './a';", ";"),
        ("declare const a: number;", ";"),
        ("declare module 'a' { let b: number; }", ";"),
        ("declare global { var a: number }\nexport {}", ";\nexport {}"),
        ("namespace A { export type B = string }", ";"),
        ("export default interface A {}", ";"),
        ("export as namespace A;", ";"),
        ("export abstract class A {}", "export class A {}"),
        // Functions.
        (
            "function f<T>(this: A, a?: T, ...b: T[]): a is B { return a; }",
            "function f ( a , ...b ) { return a; }",
        ),
        ("function f(a: string): void;\nfunction f(a: any) {}", ";\nfunction f(a ) {}"),
        (
            "export default function f(): void;\nexport default function f() {}",
            ";\nexport default function f() {}",
        ),
        ("const f = async <T,>(a: T = 1 as any): Promise<T> => a;", "const f = async (a = 1 ) => a;"),
        ("const f = (a): {\n b: c\n} => a;", "const f = (a\n\n) => a;"),
        ("const f = async <\n T\n>(a) => a;", "const f = async (\n\na) => a;"),
        ("const f = () => <A>{ a: 1 };", "const f = () => ({ a: 1 });"),
        ("try {} catch (e: unknown) {}", "try {} catch (e ) {}"),
        // Expressions.
        ("f<A>(a as B, c!, d satisfies E, <F>g);", "f (a , c , d , g);"),
        ("new A<B>(); tag<C>`d`; const e = f<G>;", "new A (); tag `d`; const e = f ;"),
        ("a!.b!.c![0]!;", "a .b .c [0] ;"),
        ("const a = b as const", "const a = b;"),
        // A statement does not go on with the next line.
        ("const a = b as A\n[c] = d", "const a = b;\n[c] = d"),
        ("let a: A\n(b)", "let a;\n(b)"),
        ("a = b!\n(c)", "a = b\n(c)"),
        ("a = b!\n++c", "a = b;\n++c"),
        ("type A = B\n(c)", ";\n(c)"),
        ("for (let a: A; ;) {}", "for (let a ; ;) {}"),
        // What looks like TypeScript and is not.
        ("a < b; `${a as B}: C`; /: A/.test('d!')", "a < b; `${a }: C`; /: A/.test('d!')"),
        ("const type = 1; type\nA = 2", "const type = 1; type\nA = 2"),
    ] {
        told.push((source, tight(&erased(source)), expected));
    }
    agree(told);
}

#[test]
fn classes() {
    let mut told = Vec::new();
    for (source, expected) in [
        ("class A<B> extends C<D> implements E, F<G> {}", "class A extends C {}"),
        ("class A { private readonly a: B = 1; static b?: C; }", "class A { a = 1; static b ; }"),
        ("class A { declare c: D; e!: F }", "class A { ; e ; }"),
        ("abstract class A { abstract a(): void; abstract b: B; }", "class A { ; ; }"),
        ("class A { [c: string]: D; e?(): void {} ['f']?: G }", "class A { ; e () {} ['f'] ; }"),
        ("class A { f(a: B): void; f(a) {} }", "class A { ; f(a) {} }"),
        ("class A { private get g(): C { return 1 } }", "class A { get g() { return 1 } }"),
        ("class A { override async h() {} }", "class A { async h() {} }"),
        ("class A { a: B\n ['c'] = 1 }", "class A { a;\n['c'] = 1 }"),
        (
            "class A { a = 1\n public ['b'] = 2\n private *c() {} }",
            "class A { a = 1\n; ['b'] = 2\n; *c() {} }",
        ),
        (
            "class A { constructor(private a: B, readonly c = 1, d) { f(); } }",
            "class A { constructor( a , c = 1, d) {this.a = a;this.c = c; f(); } }",
        ),
        (
            "class A extends B { constructor(public a) { f(); super(a); g(); } }",
            "class A extends B { constructor( a) { f(); super(a);;this.a = a; g(); } }",
        ),
        (
            "class A { constructor(public a) { 'use strict'; } }",
            "class A { constructor( a) { 'use strict';this.a = a; } }",
        ),
    ] {
        told.push((source, tight(&erased(source)), expected));
    }
    agree(told);
}

#[test]
fn enumerations() {
    let mut told = Vec::new();
    for (source, expected) in [
        (
            "export enum A { B, C = 4, D }",
            "export var A;(function (A) { A[A[\"B\"] = 0] = \"B\"; A[A[\"C\"] = 4] = \"C\"; \
             A[A[\"D\"] = A[\"C\"] + 1] = \"D\"; })(A || (A = {}));",
        ),
        (
            "const enum A {\n B = 'b', // why\n 'c-d' = B + x\n}",
            "var A;(function (A) {\nA[\"B\"] = 'b'; // why\nA[A[\"c-d\"] = A.B + x] = \"c-d\";\n})(A || (A = {}));",
        ),
        ("declare enum A { B }", ";"),
    ] {
        told.push((source, tight(&erased(source)), expected));
    }
    agree(told);
}

#[test]
fn lines_and_columns_stay() {
    let source =
        "import type { A } from 'a'; // 🦀\nconst f = (a: A): void => { throw new Error(a as string) };\n";
    let text = erased(source);
    assert_eq!(text.lines().count(), source.lines().count());
    for (old, new) in source.lines().zip(text.lines()) {
        assert_eq!(old.chars().count(), new.chars().count());
        assert_eq!(old.find("throw"), new.find("throw"));
    }
}

#[test]
fn imports_that_only_types_use_are_left_out() {
    for (source, expected) in [
        ("import { A, b } from 'x'; b as A;", "import { b } from 'x'; b ;"),
        ("import A, { b } from 'x'; b;", "import { b } from 'x'; b;"),
        ("import A, { type B } from 'x'; A;", "import A, { } from 'x'; A;"),
        ("import { type A } from 'x';", ";"),
        ("import { A } from 'x'; let b: A;", "; let b ;"),
        ("import * as A from 'x'; let b: A.B;", "; let b ;"),
        ("import 'x'; import {} from 'y';", "import 'x'; import {} from 'y';"),
        ("import { A } from 'x'; export { A };", "import { A } from 'x'; export { A };"),
        ("interface A {} const b = 1; export { A, b };", "; const b = 1; export { b };"),
        ("import { A } from 'x'; class B extends A<C> {}", "import { A } from 'x'; class B extends A {}"),
    ] {
        let script = Script::parse(source.to_owned(), Language::TypeScript).unwrap();
        let as_written = vec![Answer::AsWritten; script.requests.len()];
        assert_eq!(tight(&script.render(&as_written)), expected, "{source}");
    }
}

#[test]
fn what_a_module_imports_and_exports() {
    let source = "import a, { b as c } from './x.js'; import * as d from \"y\"; export * from 'z';
        export * as e from 'w'; export { f as g, r } from 'v'; import('u'); import(a);
        export const { h, i: [j, ...k], ...l } = d, m = 1; export class n {} export function o() {}
        export { c as p, a as 'q' }; export default c;";
    let script = Script::parse(source.to_owned(), Language::JavaScript).unwrap();
    let requests = script.requests.iter().map(|it| (it.specifier.as_str(), it.names.len(), it.is_star));
    let requests: Vec<_> = requests.collect();
    let expected = [
        ("./x.js", 2, false),
        ("y", 1, false),
        ("z", 0, true),
        ("w", 0, false),
        ("v", 2, false),
        ("u", 0, false),
    ];
    assert_eq!(requests, expected);
    let exports: Vec<_> = script.exports.iter().map(String::as_str).collect();
    assert_eq!(exports, ["default", "e", "g", "h", "j", "k", "l", "m", "n", "o", "p", "q", "r"]);
    let written = Answer::AsWritten;
    let mut answers = vec![Answer::Name("/a.js".to_owned()), Answer::CommonJs("/c".to_owned())];
    answers.extend([written.clone(), written.clone(), written, Answer::Name("/b".to_owned())]);
    let text = script.render(&answers);
    assert!(text.contains("from \"/a.js\"; import d from \"/c\""), "{text}");
    assert!(text.contains("import(\"/b\")"), "{text}");
}

#[test]
fn modules_of_packages_say_what_they_are() {
    for (source, form, wanted) in [
        ("module.exports = () => require('a') + require(b) + c.require('d');", Form::CommonJs, 1),
        ("exports.a = 010;", Form::CommonJs, 0),
        ("import a from 'a'; const require = 1; require('b');", Form::Module, 1),
        ("globalThis.a = 1;", Form::Module, 0),
    ] {
        let script = Script::parse_packaged(source.to_owned()).unwrap();
        assert_eq!((script.form, script.requests.len()), (form, wanted), "{source}");
    }
    assert!(Script::parse_packaged("let a = ;".to_owned()).is_err());
}

#[test]
fn what_cannot_become_javascript() {
    for (source, at, message) in [
        ("let a = ;", 8, "Unexpected token"),
        ("let a;\nlet a: = 1", 14, "Unexpected token"),
        ("namespace A { export const b = 1 }", 0, "a namespace with code"),
        ("import a = require('b');", 0, "`import … =` is not supported"),
        ("const a = 1; export = a;", 13, "`export =` is not supported"),
        ("@dec class A {}", 0, "decorators are not supported"),
        (
            "class A extends B { constructor(public a) { if (a) super(); } }",
            42,
            "a constructor with properties",
        ),
    ] {
        let flaws = Script::parse(source.to_owned(), Language::TypeScript).unwrap_err();
        assert!(flaws[0].message.starts_with(message), "{source}: {flaws:?}");
        assert_eq!(flaws[0].at, at, "{source}: {flaws:?}");
    }
}
