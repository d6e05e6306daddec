#![cfg_attr(fuzzing, no_main)]
#![doc = "Runs the target `sqlite_row` under libFuzzer; its body is in the library."]

signalbus_fuzz::fuzz!(sqlite_row);
