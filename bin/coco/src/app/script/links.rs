//! What a module imports and exports.

use std::collections::BTreeSet;

use oxc_ast::ast::{
    BindingPattern, Declaration, ExportDefaultDeclarationKind, ExportSpecifier, ImportDeclaration,
    ImportDeclarationSpecifier, Program, Statement,
};
use oxc_span::{GetSpan as _, Span};

use super::{
    Name, Request, behind_comma,
    edits::Edits,
    range,
    types::{is_erased, names_type},
};

/// Imports and exports of a module.
#[derive(Default)]
pub(super) struct Links {
    pub(super) requests: Vec<Request>,
    pub(super) exports: BTreeSet<String>,
    pub(super) types: BTreeSet<String>,
    /// Exports of what is declared or imported here.
    lists: Vec<Listed>,
    declared_types: BTreeSet<String>,
    declared_values: BTreeSet<String>,
}

/// A name in the list of an `export { … }`.
struct Listed {
    local: String,
    exported: String,
    span: Span,
}

impl Links {
    pub(super) fn read(program: &Program<'_>) -> Self {
        let mut links = Self::default();
        for statement in &program.body {
            links.statement(statement);
        }
        links
    }

    fn statement(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::ImportDeclaration(import) if import.import_kind.is_value() => self.import(import),
            Statement::ExportAllDeclaration(export) if export.export_kind.is_value() => {
                if let Some(name) = &export.exported {
                    self.exports.insert(name.name().to_string());
                }
                let is_star = export.exported.is_none();
                self.request(&export.source.value, export.source.span, export.span, Vec::new(), is_star);
            }
            Statement::ExportFromDeclaration(export) if export.export_kind.is_value() => {
                let (types, values) = split(&export.specifiers);
                self.types.extend(types.map(|it| it.exported.name().to_string()));
                let names = values.map(|it| Name {
                    imported: it.local.name().to_string(),
                    local: None,
                    exported: Some(it.exported.name().to_string()),
                    place: range(it.span),
                    is_dropped: false,
                });
                let names: Vec<_> = names.collect();
                self.exports.extend(names.iter().filter_map(|name| name.exported.clone()));
                self.request(&export.source.value, export.source.span, export.span, names, false);
            }
            Statement::ExportFromDeclaration(export) => {
                self.types.extend(export.specifiers.iter().map(|it| it.exported.name().to_string()));
            }
            Statement::ExportNamedDeclaration(export) if export.export_kind.is_value() => {
                let (types, values) = split(&export.specifiers);
                self.types.extend(types.map(|it| it.exported.name().to_string()));
                self.lists.extend(values.map(|it| Listed {
                    local: it.local.name().to_string(),
                    exported: it.exported.name().to_string(),
                    span: it.span,
                }));
                self.exports.extend(self.lists.iter().map(|it| it.exported.clone()));
            }
            Statement::ExportNamedDeclaration(export) => {
                self.types.extend(export.specifiers.iter().map(|it| it.exported.name().to_string()));
            }
            Statement::ExportDefaultDeclaration(export) => {
                let is_type =
                    matches!(export.declaration, ExportDefaultDeclarationKind::TSInterfaceDeclaration(_));
                let names = if is_type { &mut self.types } else { &mut self.exports };
                names.insert("default".to_owned());
            }
            Statement::ExportDeclaration(export) => self.declaration(&export.declaration, true),
            other => {
                if let Some(declaration) = other.as_declaration() {
                    self.declaration(declaration, false);
                }
            }
        }
    }

    fn import(&mut self, import: &ImportDeclaration<'_>) {
        let mut names = Vec::new();
        for specifier in import.specifiers.iter().flatten() {
            let imported = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(it) if it.import_kind.is_value() => {
                    it.imported.name().to_string()
                }
                ImportDeclarationSpecifier::ImportSpecifier(_) => continue,
                ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => "default".to_owned(),
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => "*".to_owned(),
            };
            let local = Some(specifier.local().name.to_string());
            let place = range(specifier.span());
            names.push(Name { imported, local, exported: None, place, is_dropped: false });
        }
        // What only types were imported by is not imported.
        let had_names = import.specifiers.as_ref().is_some_and(|all| !all.is_empty());
        if had_names && names.is_empty() {
            return;
        }
        self.request(&import.source.value, import.source.span, import.span, names, false);
    }

    fn request(&mut self, specifier: &str, place: Span, statement: Span, names: Vec<Name>, is_star: bool) {
        let (specifier, statement) = (specifier.to_owned(), Some(range(statement)));
        self.requests.push(Request { specifier, place: range(place), statement, names, is_star });
    }

    fn declaration(&mut self, declaration: &Declaration<'_>, is_exported: bool) {
        // The signature of an overloaded function is erased, too, but not its name.
        let is_type = match declaration {
            Declaration::FunctionDeclaration(function) => function.declare,
            other => is_erased(other),
        };
        let mut names = Vec::new();
        match declaration {
            Declaration::VariableDeclaration(it) => {
                it.declarations.iter().for_each(|each| bound(&each.id, &mut names));
            }
            Declaration::FunctionDeclaration(it) => names.extend(it.id.iter().map(|id| id.name.to_string())),
            Declaration::ClassDeclaration(it) => names.extend(it.id.iter().map(|id| id.name.to_string())),
            Declaration::TSEnumDeclaration(it) => names.push(it.id.name.to_string()),
            other => names.extend(names_type(other)),
        }
        if is_exported {
            let exported = if is_type { &mut self.types } else { &mut self.exports };
            exported.extend(names.iter().cloned());
        }
        let declared = if is_type { &mut self.declared_types } else { &mut self.declared_values };
        declared.extend(names);
    }

    /// Drops imports that only types use, and exports of types declared here.
    pub(super) fn drop_unused(&mut self, values: &BTreeSet<String>, source: &str, edits: &mut Edits) {
        for listed in &self.lists {
            let is_type =
                self.declared_types.contains(&listed.local) && !self.declared_values.contains(&listed.local);
            if is_type {
                self.exports.remove(&listed.exported);
                self.types.insert(listed.exported.clone());
                let place = range(listed.span);
                edits.erase(place.start..behind_comma(source, place.end));
            }
        }
        for name in self.requests.iter_mut().flat_map(|request| &mut request.names) {
            name.is_dropped = name.local.as_ref().is_some_and(|local| !values.contains(local));
        }
    }
}

/// Types and values.
fn split<'a, 'b>(
    specifiers: &'b [ExportSpecifier<'a>],
) -> (impl Iterator<Item = &'b ExportSpecifier<'a>>, impl Iterator<Item = &'b ExportSpecifier<'a>>) {
    (
        specifiers.iter().filter(|it| it.export_kind.is_type()),
        specifiers.iter().filter(|it| it.export_kind.is_value()),
    )
}

/// Names that a pattern binds.
fn bound(pattern: &BindingPattern<'_>, names: &mut Vec<String>) {
    match pattern {
        BindingPattern::BindingIdentifier(id) => names.push(id.name.to_string()),
        BindingPattern::ObjectPattern(object) => {
            object.properties.iter().for_each(|property| bound(&property.value, names));
            if let Some(rest) = &object.rest {
                bound(&rest.argument, names);
            }
        }
        BindingPattern::ArrayPattern(array) => {
            array.elements.iter().flatten().for_each(|element| bound(element, names));
            if let Some(rest) = &array.rest {
                bound(&rest.argument, names);
            }
        }
        BindingPattern::AssignmentPattern(assignment) => bound(&assignment.left, names),
    }
}
