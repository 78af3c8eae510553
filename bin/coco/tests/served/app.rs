//! An application from an empty folder to a service that answers, and what it prints.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use coco_client::{Answer, Client, Identity, Method, StatusCode};
use coco_crypto::Certificate;
use serde_json::{Value, json};

use super::{COCO, Sandbox};

impl Sandbox {
    fn client(&self) -> Client {
        let text = |path: &Value| fs::read_to_string(self.folder.join(path.as_str().unwrap())).unwrap();
        let manifest: Value = serde_json::from_str(&text(&json!("service/sandbox.json"))).unwrap();
        let service = Certificate::from_pem(&text(&manifest["service_certificate"])).unwrap();
        let user = &manifest["users"][0];
        let user = Identity::from_pem(&text(&user["certificate"]), &text(&user["private_key"])).unwrap();
        Client::new(manifest["nodes"][0]["rpc_address"].as_str().unwrap(), &service, Some(&user)).unwrap()
    }
}

/// What is printed by a command that ends with this status.
fn coco(folder: &Path, status: i32, arguments: &str) -> String {
    let mut command = Command::new(COCO);
    let output = command.args(arguments.split(' ')).current_dir(folder).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(status), "{arguments}: {out}{err}");
    if status == 0 { out } else { err }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn put(client: &mut Client, path: &str, body: &Value) -> Answer {
    let body = body.to_string().into_bytes().into();
    client.send(Method::PUT, path, &[("content-type", "application/json")], body).await.unwrap()
}

/// What the templates offer: records of users, which anyone may count.
async fn records(client: &mut Client, refusal: &str) {
    let kept = put(client, "/app/records/a", &json!({ "text": "hello" })).await;
    assert_eq!(kept.status, StatusCode::NO_CONTENT, "{kept:?}");
    let read: Value = client.get("/app/records/a").await.unwrap().json().unwrap();
    assert_eq!(read["text"], "hello");
    assert_eq!(read["by"].as_str().unwrap().len(), 64);
    let counted: Value = client.get("/app/records").await.unwrap().json().unwrap();
    assert_eq!(counted, json!({ "count": 1 }));
    let refused = put(client, "/app/records/b", &json!({ "text": "" })).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(String::from_utf8_lossy(&refused.body).contains(refusal), "{refused:?}");
    assert_eq!(client.get("/app/records/b").await.unwrap().status, StatusCode::NOT_FOUND);
}

#[test]
fn from_init_to_answers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (language, refusal) in [("js", "a record is"), ("ts", "Empty")] {
        coco(folder, 0, &format!("app init {language} --language {language}"));
        let told = coco(folder, 0, &format!("app build {language}"));
        assert!(told.starts_with(&format!("{language}/bundle.json: 3 endpoints, ")), "{told}");
        let again = coco(folder, 2, &format!("app init {language}"));
        assert_eq!(again, format!("coco: {language} is not empty; choose another folder\n"));
        let sandbox = Sandbox::start(folder, "js");
        let told = coco(folder, 0, &format!("app deploy {language} --dir service"));
        assert!(told.contains(" is Accepted.\n"), "{told}");
        let mut client = sandbox.client();
        let row = format!("PUT     https://{}/app/records/{{id}}  records.js  put\n", client.address());
        assert!(told.contains(&row), "{told}");
        block_on(records(&mut client, refusal));
        printed(&sandbox);
        if language == "js" {
            votes(folder);
        }
        drop(sandbox);
        fs::remove_dir_all(folder.join("service")).unwrap();
    }
}

/// Lines that the application printed, before and while they are followed.
fn printed(sandbox: &Sandbox) {
    let folder = sandbox.folder.as_path();
    let told = coco(folder, 0, "app logs --dir service");
    let lines: Vec<_> = told.lines().map(|line| &line[13..]).collect();
    assert_eq!(lines[0], "info      PUT /records/{id}: record a is kept", "{told}");
    assert!(lines[1].starts_with("fail      PUT /records/{id}: record b is refused"), "{told}");
    assert_eq!(lines.len(), 2, "{told}");
    let last = Command::new(COCO)
        .args([
            "app",
            "logs",
            "--dir",
            "service",
            "--limit",
            "1",
            "--json",
            "--endpoint",
            "PUT /records/{id}",
        ])
        .current_dir(folder)
        .output()
        .unwrap();
    let last: Value = serde_json::from_slice(&last.stdout).unwrap();
    assert_eq!(last["level"], "fail", "{last}");
    assert_eq!(coco(folder, 0, "app logs --dir service --endpoint none"), "");
    let mut follow = Command::new(COCO)
        .args(["app", "logs", "--dir", "service", "--follow", "--interval", "50ms", "--limit", "1"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("record b is refused"));
    coco(folder, 2, "app logs --dir service --member member9");
    let mut client = sandbox.client();
    block_on(put(&mut client, "/app/records/c", &json!({ "text": "more" })));
    assert!(lines.next().unwrap().unwrap().ends_with("info      PUT /records/{id}: record c is kept"));
    follow.kill().unwrap();
    follow.wait().unwrap();
}

/// Who votes, and applications that are not installed.
fn votes(folder: &Path) {
    let told = coco(folder, 0, "app deploy js --dir service --vote none --json");
    let proposal: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&proposal["proposalState"], &proposal["ballotCount"]), (&json!("Open"), &json!(0)));
    let told = coco(folder, 0, "app deploy js/bundle.json --dir service --vote own --member member1 --json");
    let proposal: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&proposal["proposalState"], &proposal["ballotCount"]), (&json!("Open"), &json!(1)));
    let told = coco(folder, 2, "app deploy js --vote all");
    assert!(told.contains("only a sandbox has the keys of all members here"), "{told}");
    let told = coco(folder, 2, "app deploy js --dir service --vote own --prepare p.json");
    assert!(told.contains("votes by coco gov vote"), "{told}");
    coco(folder, 0, "app deploy js --dir service --prepare p.json");
    // Nothing is proposed that has errors.
    fs::write(folder.join("js/src/checks.js"), "export const other = 1;\n").unwrap();
    let told = coco(folder, 1, "app deploy js --dir service");
    assert_eq!(
        told,
        "coco: the application has 1 error:\njs/src/records.js:4:10: `./checks.js` does not export `checked`\n"
    );
    // The same bundle by the general command.
    let told = coco(folder, 2, "gov propose set_js_app --bundle js --dry-run --dir service");
    assert!(told.contains("does not export `checked`"), "{told}");
}
