//! Enumerations of TypeScript, as objects that know values by name and names by value.

use std::collections::BTreeSet;

use oxc_ast::ast::{Expression, IdentifierReference, TSEnumDeclaration, TSEnumMember, TSEnumMemberName};
use oxc_ast_visit::VisitJs;
use oxc_span::GetSpan as _;

use super::{behind_comma, range, types::Eraser};

const NAME: &str = "a member of an enumeration has a plain name";

impl Eraser<'_> {
    /// `enum E { A, B = 2 }` becomes
    /// `var E;(function (E) { E[E["A"] = 0] = "A"; E[E["B"] = 2] = "B"; })(E || (E = {}));`.
    pub(super) fn enumeration(&mut self, it: &TSEnumDeclaration<'_>) {
        let name = it.id.name.as_str();
        let (begin, end) = (it.span.start as usize, it.span.end as usize);
        let members = it.body.members.iter().filter_map(text).collect::<BTreeSet<_>>();
        self.edits
            .replace(begin..it.body.span.start as usize + 1, format!("var {name};(function ({name}) {{"));
        let mut before: Option<String> = None;
        for member in &it.body.members {
            let Some(key) = text(member) else {
                self.refuse(member.span, NAME);
                continue;
            };
            self.member(name, &key, before.as_deref(), member, &members);
            before = Some(key);
        }
        self.edits.replace(end - 1..end, format!("}})({name} || ({name} = {{}}));"));
        self.values.insert(name.to_owned());
    }

    fn member(
        &mut self,
        name: &str,
        key: &str,
        before: Option<&str>,
        member: &TSEnumMember<'_>,
        members: &BTreeSet<String>,
    ) {
        let key = serde_json::Value::from(key).to_string();
        let place = range(member.span);
        let behind = behind_comma(self.source, place.end);
        let Some(value) = &member.initializer else {
            let value = match before {
                None => "0".to_owned(),
                Some(before) => format!("{name}[{}] + 1", serde_json::Value::from(before)),
            };
            let text = format!("{name}[{name}[{key}] = {value}] = {key};");
            self.edits.replace(place.start..behind, text);
            return;
        };
        let (from, until) = (value.span().start as usize, value.span().end as usize);
        let is_text = matches!(value, Expression::StringLiteral(_) | Expression::TemplateLiteral(_));
        let (open, close) = if is_text {
            (format!("{name}[{key}] = "), ";".to_owned())
        } else {
            (format!("{name}[{name}[{key}] = "), format!("] = {key};"))
        };
        self.edits.replace(place.start..from, open);
        self.edits.replace(until..behind, close);
        Values { eraser: self, name, members }.visit_expression(value);
    }
}

/// The value of a member, where others are named without the enumeration.
struct Values<'e, 's, 'n> {
    eraser: &'e mut Eraser<'s>,
    name: &'n str,
    members: &'n BTreeSet<String>,
}

impl<'a> VisitJs<'a> for Values<'_, '_, '_> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if self.members.contains(it.name.as_str()) {
            self.eraser.edits.insert(it.span.start as usize, format!("{}.", self.name));
        } else {
            self.eraser.visit_identifier_reference(it);
        }
    }
}

/// The name of a member.
fn text(member: &TSEnumMember<'_>) -> Option<String> {
    match &member.id {
        TSEnumMemberName::Identifier(id) => Some(id.name.to_string()),
        TSEnumMemberName::String(text) | TSEnumMemberName::ComputedString(text) => {
            Some(text.value.to_string())
        }
        TSEnumMemberName::ComputedTemplateString(_) => None,
    }
}
