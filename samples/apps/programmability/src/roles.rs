//! Roles of users, as scripts can ask for them: `my_object.hasRole(user, action)`.

use coco_app::Reject;
use coco_js::{NativeFunction, NativeObject};
use coco_kv::{Table, Tx};
use coco_tables::{
    users::Users,
    value::{JsonText, Present},
};
use coco_wire::Digest;
use serde_json::Value;

/// What scripts find.
pub(crate) const OBJECTS: &[NativeObject] = &[NativeObject {
    name: "my_object",
    constants: &[("my_constant", "Hello world")],
    functions: &[NativeFunction { name: "hasRole", arity: 2, body: has_role }],
}];

/// Whether one of the user's roles permits the action. The data of the user lists the roles, and a table for each role,
/// which members fill, lists the actions.
fn has_role(tx: &Tx, args: &[String]) -> Result<Value, Reject> {
    let [user, action] = args else {
        return Err(Reject::internal("Passed another number of arguments than 2"));
    };
    let Ok(user) = user.parse::<Digest>() else { return Ok(false.into()) };
    let Some(info) = Users::default().info.get(tx, &user)? else { return Ok(false.into()) };
    let action = JsonText(action.clone());
    let roles = info.user_data["roles"].as_array().map_or(&[][..], Vec::as_slice);
    let permits = |role: &str| {
        let actions: Table<JsonText, Present> = Table::new(&format!("public:programmability.roles.{role}"));
        actions.has(tx, &action)
    };
    Ok(roles.iter().filter_map(Value::as_str).any(permits).into())
}
