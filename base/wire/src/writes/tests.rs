//! Order and domains of a write set.

use super::*;

#[test]
fn tables_and_keys_come_in_byte_order() {
    let mut writes = WriteSet::default();
    for name in ["records", "public:b", "public:a", "public:b"] {
        let table = writes.table_mut(&TableName::new(name));
        table.insert(Key::new(b"b"), None);
        table.insert(Key::new(b"a"), Some(Value::new(b"1")));
    }
    let names: Vec<_> = writes.tables().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["public:a", "public:b", "records"]);
    let keys: Vec<_> = writes.table("records").unwrap().keys().map(|key| key.to_vec()).collect();
    assert_eq!(keys, [b"a", b"b"]);
    assert!(writes.table("public:c").is_none());
}

#[test]
fn the_name_decides_the_domain() {
    assert_eq!(TableName::new("public:records").domain(), Domain::Public);
    assert_eq!(TableName::new("records").domain(), Domain::Private);
    assert_eq!(TableName::new("xpublic:records").domain(), Domain::Private);
}
