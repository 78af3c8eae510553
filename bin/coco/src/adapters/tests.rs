use std::sync::Arc;

use coco_app::{ApiInfo, Manifest, RestAdapter};

use super::{Adapters, UnknownApp};

#[test]
fn applications_are_found_by_name() {
    let shipped = Adapters::shipped();
    assert_eq!(shipped.find("logging").unwrap().manifest().name, "logging");
    let error = shipped.find("loging").err().unwrap();
    assert_eq!(error.to_string(), "there is no application `loging`; there is: logging");
    let error = shipped.find("js_generic").err().unwrap();
    assert!(matches!(error, UnknownApp::Planned { .. }), "{error}");
    assert!(shipped.is_name("logging") && shipped.is_name("js_generic") && !shipped.is_name("coco"));
}

#[test]
fn an_executable_may_bring_its_own() {
    const INFO: fn() -> ApiInfo = || ApiInfo { mount: "/app", title: "t", description: "d", version: "1" };
    let own = Adapters::none()
        .with("own", || Arc::new(RestAdapter::new(Manifest { name: "own", ..Manifest::default() }, INFO())));
    assert_eq!(own.find("own").unwrap().manifest().name, "own");
    assert!(own.find("logging").is_err());
}
