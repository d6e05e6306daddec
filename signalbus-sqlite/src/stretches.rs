//! Random keys, found by the indexes that keep them by stretches of rows: see `signalbus_recipient_key` and
//! `signalbus_delivery_address`.

/// The numbers `s.n` of all stretches of the rows of a table.
macro_rules! stretches {
    ($table:literal, $row:literal) => {
        concat!(
            "(WITH RECURSIVE stretch (n) AS (
                  SELECT min(",
            $row,
            ") >> 12 FROM ",
            $table,
            " UNION ALL
                  SELECT n + 1 FROM stretch WHERE n < (SELECT max(",
            $row,
            ") >> 12 FROM ",
            $table,
            "))
              SELECT n FROM stretch) AS s"
        )
    };
}

/// The recipients `r` with the key `$key`.
macro_rules! recipients_with {
    ($key:literal) => {
        concat!(
            $crate::stretches::stretches!("signalbus_recipient", "event"),
            " CROSS JOIN signalbus_recipient AS r INDEXED BY signalbus_recipient_key
                ON r.event >> 12 = s.n AND r.key = ",
            $key
        )
    };
}

/// The deliveries `a` to the address `$address`.
macro_rules! deliveries_to {
    ($address:literal) => {
        concat!(
            $crate::stretches::stretches!("signalbus_delivery", "position"),
            " CROSS JOIN signalbus_delivery AS a INDEXED BY signalbus_delivery_address
                ON a.position >> 12 = s.n AND a.address = ",
            $address
        )
    };
}

pub(crate) use {deliveries_to, recipients_with, stretches};
