//! The package `@microsoft/ccf-app` for applications without `node_modules`: modules of our own with the same exports.

use super::resolve::{Found, Source};

/// Name of the package, and of the folder of its modules.
const PACKAGE: &str = "@microsoft/ccf-app";

macro_rules! modules {
    ($($name:literal),*) => {
        const MODULES: &[(&str, &str)] = &[
            // CCF's name for it.
            ("utils.js", "export * from \"./buffers.js\";\n"),
            $(($name, include_str!(concat!("../../templates/ccf-app/", $name)))),*
        ];
    };
}
modules!(
    "index.js",
    "buffers.js",
    "consensus.js",
    "converters.js",
    "crypto.js",
    "endpoints.js",
    "global.js",
    "historical.js",
    "kv.js",
    "textcodec.js"
);

/// Types of all of them, and of the global `ccf`.
pub(super) const TYPES: &str = include_str!("../../templates/ccf-app/ccf-app.d.ts");

/// The module that an import of the package means. Endings may be left out, as CCF's applications do.
pub(super) fn find(specifier: &str) -> Option<Found> {
    let inner = specifier.strip_prefix(PACKAGE)?;
    let name = match inner.strip_prefix('/') {
        Some(name) => name,
        None if inner.is_empty() => "index.js",
        None => return None,
    };
    module(name)
}

/// The module beside another one of the package.
pub(super) fn beside(module_name: &str, specifier: &str) -> Option<Found> {
    module_name.strip_prefix(PACKAGE)?;
    module(specifier.strip_prefix("./")?)
}

fn module(name: &str) -> Option<Found> {
    let is_it = |known: &str| known == name || known.strip_suffix(".js") == Some(name);
    let (name, text) = MODULES.iter().find(|(known, _)| is_it(known))?;
    Some(Found { name: format!("{PACKAGE}/{name}"), source: Source::Shipped(text) })
}
