//! `none` is never written as a word, whatever way it takes: as it is, in a list, through a filter that makes
//! text of what it is given, or joined to text by `~`.

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, Value, escape_formatter, filters,
    value::{Kwargs, Rest, ValueKind, ValueOrKwargs, from_args},
};

/// Marks our own error.
pub(super) const NONE: &str = "none";

/// The filter that gives back what it is given, unless that is `none`. The sources that are compiled have it on
/// both sides of each `~`, and nobody is shown it.
pub(super) const GUARD: &str = "__some";

/// Bytes that cost as much as one instruction.
const BYTES_OF_FUEL: u64 = 16;

/// Makes an environment refuse it.
pub(super) fn refuse_in(environment: &mut Environment<'static>) {
    environment.set_formatter(write);
    for (name, filter) in [
        (GUARD, Value::from_function(|value: Value| value)),
        ("safe", Value::from_function(filters::safe)),
        ("escape", Value::from_function(filters::escape)),
        ("e", Value::from_function(filters::escape)),
        ("lower", Value::from_function(filters::lower)),
        ("upper", Value::from_function(filters::upper)),
        ("title", Value::from_function(filters::title)),
        ("capitalize", Value::from_function(filters::capitalize)),
        ("trim", Value::from_function(filters::trim)),
        ("join", Value::from_function(filters::join)),
        ("split", Value::from_function(filters::split)),
        ("lines", Value::from_function(filters::lines)),
        ("string", Value::from_function(filters::string)),
        ("format", Value::from_function(filters::format)),
        ("urlencode", Value::from_function(filters::urlencode)),
        ("replace", Value::from_function(replace)),
        ("indent", Value::from_function(indent)),
        ("pprint", Value::from_function(pprint)),
    ] {
        environment.add_filter(
            name,
            move |state: &mut State<'_, '_>, values: Rest<ValueOrKwargs>| {
                let values = values.into_values();
                for value in &values {
                    refuse(state, value)?;
                }
                filter.call(state, &values)
            },
        );
    }
}

/// As the default formatter; JSON has a word for `none`.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if !matches!(state.auto_escape(), AutoEscape::Json) {
        refuse(state, value)?;
    }
    escape_formatter(out, state, value)
}

fn refuse(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    if has_none(state, value, LEVELS)? {
        return Err(Error::new(ErrorKind::UndefinedError, NONE));
    }
    Ok(())
}

/// Deeper than data and macros go; what a template nests deeper is not looked at, and not written.
const LEVELS: usize = 400;

fn has_none(state: &State<'_, '_>, value: &Value, levels: usize) -> Result<bool, Error> {
    let is_map = match value.kind() {
        ValueKind::None => return Ok(true),
        ValueKind::Map => true,
        ValueKind::Seq | ValueKind::Iterable => false,
        _ => return Ok(false),
    };
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "recursion limit exceeded",
        ));
    };
    for item in value.try_iter()? {
        state.consume_fuel(1)?;
        let item = if is_map { value.get_item(&item)? } else { item };
        if has_none(state, &item, levels)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The filter of the same name, which is not to be had as it is registered.
fn replace(state: &mut State<'_, '_>, values: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let values = values.into_values();
    let (value, from, to, count, named): (Value, Value, Value, Option<i64>, Kwargs) =
        from_args(&values)?;
    let count = match count {
        Some(count) => Some(count),
        None => named.get::<Option<i64>>("count")?,
    };
    named.assert_all_used()?;
    let all = Value::from_function(filters::replace);
    let Some(count) = count.and_then(|count| usize::try_from(count).ok()) else {
        return all.call(state, &[value, from, to]);
    };
    let (text, pattern) = (value.to_string(), from.to_string());
    if pattern.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "nothing to replace",
        ));
    }
    let end = text.match_indices(&pattern).nth(count);
    let (head, tail) = text.split_at(end.map_or(text.len(), |(at, _)| at));
    let like = |text: &str| match value.is_safe() {
        true => Value::from_safe_string(text.to_owned()),
        false => Value::from(text),
    };
    let head = all.call(state, &[like(head), from, to])?;
    if !head.is_safe() {
        return Ok(Value::from(format!("{head}{tail}")));
    }
    let tail = filters::escape(state, &like(tail))?;
    Ok(Value::from_safe_string(format!("{head}{tail}")))
}

/// The same, which is charged for what it writes.
fn indent(state: &mut State<'_, '_>, values: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let values = values.into_values();
    let width = values.get(1).filter(|width| !width.is_kwargs());
    let width = match width {
        Some(width) => width.as_i64(),
        None => match values.last().filter(|named| named.is_kwargs()) {
            Some(named) => named.get_attr("width")?.as_i64(),
            None => None,
        },
    };
    let width = u64::try_from(width.unwrap_or(4)).unwrap_or(0);
    let text = values.first().and_then(Value::as_str).unwrap_or_default();
    let lines = u64::try_from(text.lines().count()).unwrap_or(u64::MAX);
    state.consume_fuel(lines.saturating_mul(width) / BYTES_OF_FUEL)?;
    Value::from_function(filters::indent).call(state, &values)
}

fn pprint(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    let text = filters::pprint(value);
    let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
    state.consume_fuel(bytes / BYTES_OF_FUEL)?;
    Ok(text)
}
