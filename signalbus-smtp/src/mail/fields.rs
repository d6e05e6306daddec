//! Header fields as they stand in a mail.

/// Name and value of each field of a header section, folds and line ends and all. Lines that are no
/// fields are passed over; LF counts as a line end too.
pub(crate) fn fields(head: &[u8]) -> Vec<(String, String)> {
    let head = String::from_utf8_lossy(head);
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in head.split_inclusive('\n') {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim_end().to_owned(), value.to_owned()));
        }
    }
    fields
}

/// The first field of this name, on one line.
pub(crate) fn find(fields: &[(String, String)], name: &str) -> Option<String> {
    let (_, value) = fields
        .iter()
        .find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    Some(value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}
