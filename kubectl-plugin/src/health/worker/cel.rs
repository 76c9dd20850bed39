//! Flux's three conditions in CEL.
//!
//! In: expressions over the fields of an object (`status.conditions.exists(...)`), and an object. Out: the first that holds
//! in Flux's order: in progress, failed, current; or what is wrong with one. Optional fields (`status.?conditions`) are
//! understood, as in Flux.

use std::collections::HashMap;
use std::sync::Arc;

use kube_cel::KubeCelExt as _;
use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr, operators};
use kube_cel::cel::parser::Parser;
use kube_cel::cel::{Context, Value};

use super::{Condition, Expressions};

pub(super) fn evaluate(expressions: &Expressions, object: &serde_json::Value) -> Result<Option<Condition>, String> {
    let mut context = Context::default().with_all();
    for (name, value) in object.as_object().into_iter().flatten() {
        context.add_variable_from_value(name.as_str(), cel_value(value));
    }
    let Expressions { in_progress, failed, current } = expressions;
    let conditions = [
        ("inProgress", Condition::InProgress, in_progress.as_deref()),
        ("failed", Condition::Failed, failed.as_deref()),
        ("current", Condition::Current, Some(current.as_str())),
    ];
    for (name, condition, expression) in conditions {
        let Some(expression) = expression else { continue };
        match holds(expression, &context) {
            Ok(true) => return Ok(Some(condition)),
            Ok(false) => {}
            Err(error) => return Err(format!("{name}: {error}")),
        }
    }
    Ok(None)
}

/// Whether these can be read as expressions: what is wrong, for each that cannot.
pub(in crate::health) fn check(expressions: &Expressions) -> Vec<String> {
    let Expressions { in_progress, failed, current } = expressions;
    let named = [("inProgress", in_progress.as_ref()), ("failed", failed.as_ref()), ("current", Some(current))];
    let wrong = named.into_iter().filter_map(|(name, expression)| {
        let error = parse(expression?).err()?;
        Some(format!("{name}: {error}"))
    });
    wrong.collect()
}

/// JSON as CEL has it. A number without a fraction is an `int`, as literals are: no `uint` is equal to one.
fn cel_value(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => {
            let whole = number.as_i64().map(Value::Int).or_else(|| number.as_u64().map(Value::UInt));
            whole.unwrap_or_else(|| Value::Float(number.as_f64().unwrap_or_default()))
        }
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(cel_value).collect())),
        Json::Object(fields) => {
            let fields: HashMap<String, Value> =
                fields.iter().map(|(name, field)| (name.clone(), cel_value(field))).collect();
            Value::Map(fields.into())
        }
    }
}

fn parse(expression: &str) -> Result<IdedExpr, String> {
    let parsed = Parser::default().enable_optional_syntax(true).parse(expression);
    let first = |errors: kube_cel::cel::ParseErrors| errors.to_string().lines().next().unwrap_or_default().to_owned();
    let mut parsed = parsed.map_err(first)?;
    mend(&mut parsed);
    Ok(parsed)
}

/// Makes `a[?'b']` of `a.?b`: they mean the same, but cel 0.13 takes a field that is not there for an error in the second.
fn mend(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Call(call) => {
            if call.func_name == operators::OPT_SELECT {
                operators::OPT_INDEX.clone_into(&mut call.func_name);
            }
            call.target.iter_mut().for_each(|target| mend(target));
            call.args.iter_mut().for_each(mend);
        }
        Expr::Comprehension(it) => {
            let parts = [&mut it.iter_range, &mut it.accu_init, &mut it.loop_cond, &mut it.loop_step, &mut it.result];
            parts.into_iter().for_each(mend);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(mend),
        Expr::Map(map) => map.entries.iter_mut().for_each(mend_entry),
        Expr::Struct(made) => made.entries.iter_mut().for_each(mend_entry),
        Expr::Select(select) => mend(&mut select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn mend_entry(entry: &mut IdedEntryExpr) {
    match &mut entry.expr {
        EntryExpr::StructField(field) => mend(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            mend(&mut entry.key);
            mend(&mut entry.value);
        }
    }
}

fn holds(expression: &str, context: &Context<'_>) -> Result<bool, String> {
    match Value::resolve(&parse(expression)?, context).map_err(|error| error.to_string())? {
        Value::Bool(holds) => Ok(holds),
        other => Err(format!("it gives {}, not true or false", other.type_of())),
    }
}
