use std::sync::Arc;

use coco_app::{ApiInfo, Manifest, RestAdapter};
use coco_boundary::Log;

use super::Adapters;

#[test]
fn applications_are_found_by_name() {
    let shipped = Adapters::shipped();
    let find = |name| shipped.find(name, &Log::discard());
    for (name, expected) in [
        ("logging", "logging"),
        ("js", "js"),
        ("js_generic", "js"),
        ("ethereum", "ethereum"),
        ("programmability", "programmability"),
    ] {
        assert_eq!(find(name).unwrap().manifest().name, expected);
    }
    let error = find("loging").err().unwrap();
    assert_eq!(
        error.to_string(),
        "there is no application `loging`; there is: logging, js, js_generic, ethereum, programmability"
    );
    assert!(shipped.is_name("logging") && shipped.is_name("js_generic") && !shipped.is_name("coco"));
}

#[test]
fn an_executable_may_bring_its_own() {
    const INFO: fn() -> ApiInfo = || ApiInfo { mount: "/app", title: "t", description: "d", version: "1" };
    let own = Adapters::none()
        .with("own", |_| Arc::new(RestAdapter::new(Manifest { name: "own", ..Manifest::default() }, INFO())));
    assert_eq!(own.find("own", &Log::discard()).unwrap().manifest().name, "own");
    assert!(own.find("logging", &Log::discard()).is_err());
}
