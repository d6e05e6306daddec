//! Tables for a terminal of 80 columns, wherever the output goes.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets::NOTHING};
use signalbus::{Timestamp, store::DeliveryRecord};

use crate::moment;

/// As wide as every terminal is.
pub(crate) const WIDTH: u16 = 80;

/// Rows under headings, without lines. What does not fit is wrapped within its column; the columns
/// in `whole` never are.
pub(crate) fn table(headings: &[&str], whole: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(headings.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    let last = headings.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(index != last) * 2));
        if whole.contains(&index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    lines(&table)
}

/// Names and what they are.
pub(crate) fn facts(facts: &[(&str, String)]) -> String {
    let wide = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    for (name, value) in facts {
        table.add_row([*name, value.as_str()]);
    }
    let wide = u16::try_from(wide).unwrap_or(WIDTH).saturating_add(2);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(index == 0) * 2));
        if index == 0 {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(wide)));
        }
    }
    lines(&table)
}

fn lines(table: &Table) -> String {
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// Deliveries, one a row: the id whole, so that it can be copied.
pub(crate) fn deliveries(records: &[DeliveryRecord], now: Timestamp) -> String {
    let row = |record: &DeliveryRecord| {
        let channel = record.channel.as_ref();
        let reason = record.reason.as_ref().map(ToString::to_string);
        let waits = record
            .due
            .map(|due| format!("due {}", moment::age(due, now)));
        vec![
            record.id.to_string(),
            record.state.as_str().to_owned(),
            channel.map_or_else(|| "-".to_owned(), ToString::to_string),
            moment::age(record.accepted_at, now),
            format!("{}", record.attempt),
            reason.or(waits).unwrap_or_default(),
        ]
    };
    table(
        &["DELIVERY", "STATE", "CHANNEL", "AGE", "TRY", "WHY"],
        &[0],
        records.iter().map(row).collect(),
    )
}
