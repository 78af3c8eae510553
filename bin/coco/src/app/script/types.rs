//! Erases types, and makes JavaScript of the little of TypeScript that is more than types.

use std::{collections::BTreeSet, ops::Range};

use oxc_ast::{
    AstKind,
    ast::{
        ArrowFunctionBody, ArrowFunctionExpression, CallExpression, CatchParameter, Class, ClassElement,
        Declaration, Decorator, ExportDefaultDeclarationKind, ExportSpecifier, Expression, FormalParameter,
        FormalParameterRest, Function, IdentifierReference, ImportDeclaration, ImportDeclarationSpecifier,
        NewExpression, Statement, TSAsExpression, TSEnumDeclaration, TSInstantiationExpression,
        TSNamespaceDeclaration, TSNamespaceDeclarationBody, TSNonNullExpression, TSSatisfiesExpression,
        TSTypeAssertion, TSTypeParameterDeclaration, TaggedTemplateExpression, VariableDeclarator,
    },
};
use oxc_ast_visit::{VisitJs, walk_js};
use oxc_span::{GetSpan as _, Span};

use super::{Flaw, behind_comma, edits::Edits, range};

/// Walks through a module and notes what to change.
pub(super) struct Eraser<'s> {
    pub(super) source: &'s str,
    pub(super) edits: Edits,
    /// Names that are used as values.
    pub(super) values: BTreeSet<String>,
    pub(super) flaws: Vec<Flaw>,
}

/// Whether a declaration leaves nothing.
pub(super) fn is_erased(declaration: &Declaration<'_>) -> bool {
    match declaration {
        Declaration::VariableDeclaration(it) => it.declare,
        Declaration::FunctionDeclaration(it) => it.declare || it.body.is_none(),
        Declaration::ClassDeclaration(it) => it.declare,
        Declaration::TSEnumDeclaration(it) => it.declare,
        Declaration::TSNamespaceDeclaration(it) => it.declare || holds_types(it),
        Declaration::TSImportEqualsDeclaration(it) => it.import_kind.is_type(),
        Declaration::TSTypeAliasDeclaration(_)
        | Declaration::TSInterfaceDeclaration(_)
        | Declaration::TSExternalModuleDeclaration(_)
        | Declaration::TSGlobalDeclaration(_) => true,
    }
}

/// The name of a type.
pub(super) fn names_type(declaration: &Declaration<'_>) -> Option<String> {
    match declaration {
        Declaration::TSTypeAliasDeclaration(it) => Some(it.id.name.to_string()),
        Declaration::TSInterfaceDeclaration(it) => Some(it.id.name.to_string()),
        Declaration::TSNamespaceDeclaration(it) => Some(it.id.name.to_string()),
        Declaration::TSImportEqualsDeclaration(it) => Some(it.id.name.to_string()),
        _ => None,
    }
}

/// Whether there are only types in a namespace.
fn holds_types(namespace: &TSNamespaceDeclaration<'_>) -> bool {
    match &namespace.body {
        TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) => holds_types(inner),
        TSNamespaceDeclarationBody::TSModuleBlock(block) => block.body.iter().all(|statement| {
            let declaration = match statement {
                Statement::ExportDeclaration(export) => Some(&export.declaration),
                other => other.as_declaration(),
            };
            declaration.is_some_and(is_erased)
        }),
    }
}

impl<'s> Eraser<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        let (edits, values, flaws) = (Edits::default(), BTreeSet::new(), Vec::new());
        Self { source, edits, values, flaws }
    }

    pub(super) fn erase(&mut self, span: Option<Span>) {
        if let Some(span) = span {
            self.edits.erase(range(span));
        }
    }

    /// Erases from a mark behind `from`, such as `?`, if there is one.
    pub(super) fn erase_mark(&mut self, from: usize, mark: char) {
        if let Some(at) = self.source[from..].find(mark) {
            self.edits.erase(from..from + at + mark.len_utf8());
        }
    }

    pub(super) fn refuse(&mut self, span: Span, message: &str) {
        self.flaws.push(Flaw { at: span.start as usize, message: message.to_owned() });
    }

    /// Erases modifiers in front of something; yields where the first is.
    pub(super) fn erase_modifiers(&mut self, place: Range<usize>, modifiers: &[&str]) -> Option<usize> {
        let (text, mut first) = (&self.source[place.clone()], None);
        let mut at = 0;
        for word in text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric()) {
            let bare = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
            if modifiers.contains(&bare) {
                let begin = place.start + at;
                self.edits.erase(begin..begin + bare.len());
                first = first.or(Some(begin));
            }
            at += word.len();
        }
        first
    }

    /// Type parameters of an arrow function. The engine wants `async` and `(` on the same line.
    fn arrow_parameters(&mut self, types: Option<&TSTypeParameterDeclaration<'_>>, list: Span) {
        let Some(types) = types else { return };
        let place = range(types.span);
        if self.source[place.start..list.start as usize].contains('\n') {
            self.edits.replace(place.start..place.start + 1, "(");
            self.edits.erase(place.start + 1..place.end);
            self.edits.erase(list.start as usize..list.start as usize + 1);
        } else {
            self.edits.erase(place);
        }
    }

    /// Type of what an arrow function returns. The engine wants `)` and `=>` on the same line.
    fn arrow_returns(&mut self, list: Span, returned: Option<Span>) {
        let Some(returned) = returned.map(range) else { return };
        if self.source[returned.clone()].contains('\n') {
            let close = list.end as usize;
            self.edits.erase(close - 1..close);
            let last = self.source[returned.clone()].chars().next_back().map_or(1, char::len_utf8);
            self.edits.erase(returned.start..returned.end - last);
            self.edits.replace(returned.end - last..returned.end, ")");
        } else {
            self.edits.erase(returned);
        }
    }

    fn function(&mut self, it: &Function<'_>) {
        self.erase(it.type_parameters.as_ref().map(|it| it.span));
        if let Some(this) = &it.this_param {
            let place = range(this.span);
            self.edits.erase(place.start..behind_comma(self.source, place.end));
        }
        self.erase(it.return_type.as_ref().map(|it| it.span));
    }

    /// An expression and a type behind it.
    fn typed(&mut self, expression: Span, whole: Span) {
        self.edits.erase(expression.end as usize..whole.end as usize);
    }
}

const NAMESPACE: &str = "a namespace with code in it is not supported: make it a module of its own";
const REQUIRE: &str = "`import … =` is not supported: say import … from";
const ASSIGNMENT: &str = "`export =` is not supported: say export default";
const DECORATOR: &str = "decorators are not supported";

impl<'a> VisitJs<'a> for Eraser<'_> {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        if let AstKind::Function(function) = kind {
            self.function(function);
        }
    }

    fn visit_statement(&mut self, statement: &Statement<'a>) {
        let is_type = match statement {
            Statement::ImportDeclaration(it) => is_import_of_types(it),
            Statement::ExportAllDeclaration(it) => it.export_kind.is_type(),
            Statement::ExportFromDeclaration(it) => it.export_kind.is_type(),
            Statement::ExportNamedDeclaration(it) => it.export_kind.is_type(),
            Statement::ExportDeclaration(it) => is_erased(&it.declaration),
            Statement::ExportDefaultDeclaration(it) => match &it.declaration {
                ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => true,
                ExportDefaultDeclarationKind::FunctionDeclaration(it) => it.body.is_none(),
                _ => false,
            },
            Statement::TSNamespaceExportDeclaration(_) => true,
            other => other.as_declaration().is_some_and(is_erased),
        };
        if is_type {
            self.edits.erase_statement(range(statement.span()));
            return;
        }
        match statement {
            Statement::TSExportAssignment(it) => self.refuse(it.span, ASSIGNMENT),
            _ => {
                self.edits.statement_ends(statement.span().end as usize);
                walk_js::walk_statement(self, statement);
            }
        }
    }

    fn visit_declaration(&mut self, declaration: &Declaration<'a>) {
        match declaration {
            Declaration::TSNamespaceDeclaration(it) => self.refuse(it.span, NAMESPACE),
            Declaration::TSImportEqualsDeclaration(it) => self.refuse(it.span, REQUIRE),
            Declaration::TSEnumDeclaration(it) => self.enumeration(it),
            other => walk_js::walk_declaration(self, other),
        }
    }

    fn visit_ts_enum_declaration(&mut self, it: &TSEnumDeclaration<'a>) {
        self.enumeration(it);
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.refuse(it.span, DECORATOR);
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.values.insert(it.name.to_string());
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        for specifier in it.specifiers.iter().flatten() {
            if let ImportDeclarationSpecifier::ImportSpecifier(specifier) = specifier
                && specifier.import_kind.is_type()
            {
                let place = range(specifier.span);
                self.edits.erase(place.start..behind_comma(self.source, place.end));
            }
        }
    }

    fn visit_export_specifier(&mut self, it: &ExportSpecifier<'a>) {
        if it.export_kind.is_type() {
            let place = range(it.span);
            self.edits.erase(place.start..behind_comma(self.source, place.end));
        } else {
            walk_js::walk_export_specifier(self, it);
        }
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite {
            self.erase_mark(it.id.span().end as usize, '!');
        }
        self.erase(it.type_annotation.as_ref().map(|it| it.span));
        walk_js::walk_variable_declarator(self, it);
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        if it.optional {
            self.erase_mark(it.pattern.span().end as usize, '?');
        }
        self.erase(it.type_annotation.as_ref().map(|it| it.span));
        walk_js::walk_formal_parameter(self, it);
    }

    fn visit_formal_parameter_rest(&mut self, it: &FormalParameterRest<'a>) {
        self.erase(it.type_annotation.as_ref().map(|it| it.span));
        walk_js::walk_formal_parameter_rest(self, it);
    }

    fn visit_catch_parameter(&mut self, it: &CatchParameter<'a>) {
        self.erase(it.type_annotation.as_ref().map(|it| it.span));
        walk_js::walk_catch_parameter(self, it);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.arrow_parameters(it.type_parameters.as_deref(), it.params.span);
        self.arrow_returns(it.params.span, it.return_type.as_ref().map(|it| it.span));
        if let ArrowFunctionBody::TSTypeAssertion(assertion) = &it.body
            && let Expression::ObjectExpression(object) = &assertion.expression
        {
            // Without the type in front, it would be the body of the function.
            self.edits.insert(object.span.start as usize, "(");
            self.edits.insert(object.span.end as usize, ")");
        }
        walk_js::walk_arrow_function_expression(self, it);
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        self.class(it);
        walk_js::walk_class(self, it);
    }

    fn visit_class_element(&mut self, it: &ClassElement<'a>) {
        if self.element(it) {
            walk_js::walk_class_element(self, it);
        }
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        self.erase(it.type_arguments.as_ref().map(|it| it.span));
        walk_js::walk_call_expression(self, it);
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        self.erase(it.type_arguments.as_ref().map(|it| it.span));
        walk_js::walk_new_expression(self, it);
    }

    fn visit_tagged_template_expression(&mut self, it: &TaggedTemplateExpression<'a>) {
        self.erase(it.type_arguments.as_ref().map(|it| it.span));
        walk_js::walk_tagged_template_expression(self, it);
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.typed(it.expression.span(), it.span);
        walk_js::walk_ts_as_expression(self, it);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.typed(it.expression.span(), it.span);
        walk_js::walk_ts_satisfies_expression(self, it);
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.typed(it.expression.span(), it.span);
        walk_js::walk_ts_non_null_expression(self, it);
    }

    fn visit_ts_instantiation_expression(&mut self, it: &TSInstantiationExpression<'a>) {
        self.typed(it.expression.span(), it.span);
        walk_js::walk_ts_instantiation_expression(self, it);
    }

    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        self.edits.erase(it.span.start as usize..it.expression.span().start as usize);
        walk_js::walk_ts_type_assertion(self, it);
    }
}

/// Whether an import names types and nothing else.
fn is_import_of_types(import: &ImportDeclaration<'_>) -> bool {
    let is_type = |specifier: &ImportDeclarationSpecifier<'_>| match specifier {
        ImportDeclarationSpecifier::ImportSpecifier(it) => it.import_kind.is_type(),
        _ => false,
    };
    let all_types = |all: &[ImportDeclarationSpecifier<'_>]| !all.is_empty() && all.iter().all(is_type);
    import.import_kind.is_type() || import.specifiers.as_ref().is_some_and(|all| all_types(all))
}
