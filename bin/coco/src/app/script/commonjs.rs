//! Which modules a module of CommonJS wants.

use oxc_allocator::Allocator;
use oxc_ast::ast::{Argument, CallExpression, Expression, IdentifierReference};
use oxc_ast_visit::{VisitJs, walk_js};
use oxc_parser::Parser;
use oxc_span::SourceType;

use super::{Request, range};

/// What is wanted, in order; none if the source is no module of CommonJS.
pub(super) fn requests(source: &str) -> Option<Vec<Request>> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::cjs()).parse();
    if parsed.panicked || parsed.diagnostics.has_errors() {
        return None;
    }
    let mut calls = Calls::default();
    calls.visit_program(&parsed.program);
    calls.is_commonjs.then_some(calls.requests)
}

#[derive(Default)]
struct Calls {
    requests: Vec<Request>,
    /// Whether it names what only such modules have.
    is_commonjs: bool,
}

impl<'a> VisitJs<'a> for Calls {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.is_commonjs |= ["module", "exports", "require"].contains(&it.name.as_str());
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Expression::Identifier(callee) = &it.callee
            && callee.name == "require"
            && let [Argument::StringLiteral(specifier)] = it.arguments.as_slice()
        {
            self.requests.push(Request::named(&specifier.value, range(specifier.span)));
        }
        walk_js::walk_call_expression(self, it);
    }
}
