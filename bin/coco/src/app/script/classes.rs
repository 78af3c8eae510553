//! Classes of TypeScript: modifiers, members without code, and parameters that are properties.

use oxc_ast::ast::{
    BindingPattern, Class, ClassElement, Expression, Function, FunctionBody, MethodDefinition,
    MethodDefinitionKind, MethodDefinitionType, PropertyDefinition, PropertyDefinitionType, Statement,
};
use oxc_span::{GetSpan as _, Span};

use super::{range, types::Eraser};

const MODIFIERS: [&str; 7] =
    ["public", "private", "protected", "readonly", "override", "abstract", "declare"];
const SUPER: &str =
    "a constructor with properties among its parameters calls super(…) as a statement of its own";
const PATTERN: &str = "a parameter that is a property has a name";

impl Eraser<'_> {
    /// All of a class but its members.
    pub(super) fn class(&mut self, it: &Class<'_>) {
        let begin = it.span.start as usize;
        let name = it.id.as_ref().map_or(it.body.span, |id| id.span);
        if it.r#abstract {
            self.erase_modifiers(begin..name.start as usize, &["abstract"]);
        }
        self.erase(it.type_parameters.as_ref().map(|it| it.span));
        let heritage = it.heritage.as_ref();
        self.erase(heritage.and_then(|it| it.type_arguments.as_ref()).map(|it| it.span));
        if let (Some(first), Some(last)) = (it.implements.first(), it.implements.last()) {
            const KEYWORD: &str = "implements";
            let (from, until) = (begin, first.span.start as usize);
            let at = self.source[from..until].rfind(KEYWORD).map_or(until, |at| from + at);
            self.edits.erase(at..last.span.end as usize);
        }
        let derived = heritage.is_some();
        for element in &it.body.body {
            if let ClassElement::MethodDefinition(method) = element
                && method.kind == MethodDefinitionKind::Constructor
            {
                self.constructor(&method.value, derived);
            }
        }
    }

    /// A member; whether there is anything left of it.
    pub(super) fn element(&mut self, it: &ClassElement<'_>) -> bool {
        let is_type = match it {
            ClassElement::TSIndexSignature(_) => true,
            ClassElement::MethodDefinition(it) => {
                it.r#type == MethodDefinitionType::TSAbstractMethodDefinition || it.value.body.is_none()
            }
            ClassElement::PropertyDefinition(it) => {
                it.declare || it.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition
            }
            ClassElement::StaticBlock(_) | ClassElement::AccessorProperty(_) => false,
        };
        let span = it.span();
        if is_type {
            self.edits.erase_statement(range(span));
            return false;
        }
        match it {
            ClassElement::MethodDefinition(it) => self.method(it),
            ClassElement::PropertyDefinition(it) => self.property(it),
            _ => {}
        }
        true
    }

    fn method(&mut self, it: &MethodDefinition<'_>) {
        let (begin, key) = (it.span.start as usize, it.key.span());
        let first = self.erase_modifiers(begin..key.start as usize, &MODIFIERS);
        let starts = it.computed || it.value.generator;
        self.part(first.filter(|_| starts));
        if it.optional {
            self.erase_mark(self.behind_key(key, it.computed), '?');
        }
    }

    fn property(&mut self, it: &PropertyDefinition<'_>) {
        let (begin, key) = (it.span.start as usize, it.key.span());
        let first = self.erase_modifiers(begin..key.start as usize, &MODIFIERS);
        self.part(first.filter(|_| it.computed));
        let behind = self.behind_key(key, it.computed);
        if it.optional {
            self.erase_mark(behind, '?');
        }
        if it.definite {
            self.erase_mark(behind, '!');
        }
        self.erase(it.type_annotation.as_ref().map(|it| it.span));
        self.edits.statement_ends(it.span.end as usize);
    }

    /// Behind the name of a member, brackets included.
    fn behind_key(&self, key: Span, is_computed: bool) -> usize {
        let end = key.end as usize;
        let bracket = self.source[end..].find(']').filter(|_| is_computed);
        bracket.map_or(end, |at| end + at + 1)
    }

    /// Parts a member from the one before, which it would go on with where a modifier was.
    fn part(&mut self, at: Option<usize>) {
        if let Some(at) = at {
            self.edits.insert(at, ";");
        }
    }

    /// Sets the properties that parameters stand for.
    fn constructor(&mut self, it: &Function<'_>, derived: bool) {
        let mut assignments = String::new();
        for parameter in &it.params.items {
            if parameter.accessibility.is_none() && !parameter.readonly && !parameter.r#override {
                continue;
            }
            let pattern = parameter.pattern.span();
            self.erase_modifiers(parameter.span.start as usize..pattern.start as usize, &MODIFIERS);
            match &parameter.pattern {
                BindingPattern::BindingIdentifier(id) => {
                    assignments.push_str(&format!("this.{name} = {name};", name = id.name));
                }
                _ => self.refuse(pattern, PATTERN),
            }
        }
        let Some(body) = it.body.as_ref().filter(|_| !assignments.is_empty()) else { return };
        match behind_super(body) {
            Some(at) => self.edits.insert(at, format!(";{assignments}")),
            None if derived => self.refuse(body.span, SUPER),
            None => {
                let directives = body.directives.last().map(|it| it.span.end);
                let at = directives.unwrap_or(body.span.start + 1);
                self.edits.insert(at as usize, assignments);
            }
        }
    }
}

/// Where the statement ends that calls `super`.
fn behind_super(body: &FunctionBody<'_>) -> Option<usize> {
    body.statements.iter().find_map(|statement| {
        let Statement::ExpressionStatement(statement) = statement else { return None };
        let Expression::CallExpression(call) = &statement.expression else { return None };
        matches!(call.callee, Expression::Super(_)).then_some(statement.span.end as usize)
    })
}
