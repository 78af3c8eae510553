//! Modules of CommonJS, in ES modules that define them, and others by which they are imported.

use std::collections::BTreeSet;

use serde_json::Value;

/// What defines and runs them.
pub(super) const RUNTIME: (&str, &str) =
    ("node_modules/.commonjs.js", include_str!("../../templates/commonjs.js"));

/// What a `require` means.
pub(super) enum Required<'a> {
    CommonJs(&'a str),
    Module(&'a str),
}

/// The ES module by which one is imported.
pub(super) fn facade_name(name: &str) -> String {
    name.replacen("node_modules/", "node_modules/.commonjs/", 1)
}

/// Runs a module, and exports what it exports by these names.
pub(super) fn facade(name: &str, names: &BTreeSet<String>) -> String {
    let (runtime, path, key) = (quoted(RUNTIME.0), quoted(name), Value::from(name));
    let mut text = format!(
        "import {{ load }} from {runtime};\nimport {path};\nconst exported = load({key});\n\
         export default exported?.__esModule && \"default\" in exported ? exported.default : exported;\n"
    );
    for (number, name) in names.iter().filter(|name| *name != "default" && *name != "*").enumerate() {
        let name = Value::from(name.as_str());
        text.push_str(&format!("const ${number} = exported[{name}];\nexport {{ ${number} as {name} }};\n"));
    }
    text
}

/// Defines a module. Its lines stay.
pub(super) fn wrap(name: &str, source: &str, requires: &[(&str, Required<'_>)]) -> String {
    let mut imports = format!("import {{ define }} from {}; ", quoted(RUNTIME.0));
    let mut modules = Vec::new();
    for (number, (specifier, required)) in requires.iter().enumerate() {
        let specifier = Value::from(*specifier);
        match required {
            Required::CommonJs(name) => {
                imports.push_str(&format!("import {}; ", quoted(name)));
                modules.push(format!("{specifier}: {}", Value::from(*name)));
            }
            Required::Module(name) => {
                imports.push_str(&format!("import * as $m{number} from {}; ", quoted(name)));
                modules.push(format!("{specifier}: $m{number}"));
            }
        }
    }
    // A line for the shell is none of JavaScript but in front of everything.
    let begin = if source.starts_with("#!") { "//" } else { "" };
    let (name, modules) = (Value::from(name), modules.join(", "));
    format!(
        "{imports}define({name}, {{ {modules} }}, function (module, exports, require) {{{begin}{source}\n}});\n"
    )
}

/// A module's name for `import`.
fn quoted(name: &str) -> Value {
    format!("/{name}").into()
}
