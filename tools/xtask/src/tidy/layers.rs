//! Who may depend on whom: layers, sides, and crates that must not know each other.

use crate::workspace::{Package, Workspace};

/// Pairs where the first must not depend on the second although layer and side would allow it.
const STRANGERS: [(&str, &str); 17] = [
    ("coco-kv", "coco-raft"),
    ("coco-kv", "coco-ledger"),
    ("coco-raft", "coco-kv"),
    ("coco-raft", "coco-ledger"),
    ("coco-ledger", "coco-kv"),
    ("coco-ledger", "coco-raft"),
    ("coco-app", "coco-raft"),
    ("coco-app", "coco-ledger"),
    ("coco-js", "coco-raft"),
    ("coco-js", "coco-ledger"),
    ("coco-evm", "coco-raft"),
    ("coco-evm", "coco-ledger"),
    ("coco-ethereum", "coco-raft"),
    ("coco-ethereum", "coco-ledger"),
    ("coco-node", "coco-ethereum"),
    ("coco-node", "coco-js"),
    ("coco-node", "coco-evm"),
];

/// Packages that know only these of the workspace.
const CIRCLES: [(&str, &[&str]); 2] = [
    ("coco-audit", &["coco-wire", "coco-crypto"]),
    ("coco-host", &["coco-wire", "coco-boundary", "coco-attest"]),
];

/// Outside libraries that only these packages name, tools apart.
const OWNED: [(&[&str], &[&str]); 4] = [
    (
        &["aws-lc-rs", "aws-lc-sys", "ring", "openssl", "sha2", "aes-gcm", "p384", "rcgen", "ghash"],
        &["coco-crypto"],
    ),
    (&["rustls", "tokio-rustls"], &["coco-http", "coco-client"]),
    (&["rquickjs"], &["coco-js"]),
    (&["revm", "secp256k1"], &["coco-evm"]),
];

/// Checks each shipped dependency of each package; tests may reach further.
pub(super) fn check(workspace: &Workspace, breaches: &mut Vec<String>) {
    for package in &workspace.packages {
        if package.layer.is_none() || package.side.is_none() {
            breaches.push(format!("{}: no layer and side in [package.metadata.coco]", package.name));
            continue;
        }
        for dependency in package.dependencies.iter().filter(|dependency| dependency.shipped) {
            let inside = workspace.packages.iter().find(|other| other.name == dependency.name);
            let breach = match inside {
                Some(other) => between(package, other),
                None => outside(package, &dependency.name),
            };
            if let Some(why) = breach {
                breaches.push(format!("{} -> {}: {why}", package.name, dependency.name));
            }
        }
    }
}

fn between(package: &Package, other: &Package) -> Option<String> {
    let (from, to) = (package.side.as_deref()?, other.side.as_deref()?);
    if other.layer >= package.layer {
        return Some("a crate depends on strictly smaller layers only".to_owned());
    }
    let allowed = match from {
        "base" | "host" => to == "base",
        "enclave" => to == "enclave" || to == "base",
        "tools" | "bin" | "samples" => true,
        _ => return Some(format!("unknown side {from}")),
    };
    if !allowed {
        return Some(format!("the {from} side does not reach the {to} side"));
    }
    if from == "samples" && ["coco-raft", "coco-ledger"].contains(&other.name.as_str()) {
        return Some("an adapter sees neither raft nor ledger".to_owned());
    }
    if STRANGERS.contains(&(package.name.as_str(), other.name.as_str())) {
        return Some("these two do not know each other".to_owned());
    }
    let circle = CIRCLES.iter().find(|(name, _)| *name == package.name);
    if circle.is_some_and(|(_, known)| !known.contains(&other.name.as_str())) {
        return Some("outside the few crates that this one knows".to_owned());
    }
    None
}

fn outside(package: &Package, library: &str) -> Option<String> {
    if package.side.as_deref() == Some("tools") {
        return None;
    }
    let (_, owners) = OWNED.iter().find(|(libraries, _)| libraries.contains(&library))?;
    let owner = owners.contains(&package.name.as_str());
    (!owner).then(|| format!("only {} names this library", owners.join(" and ")))
}
