#![cfg_attr(fuzzing, no_main)]
#![doc = "Runs the target `bounce` under libFuzzer; its body is in the library."]

signalbus_fuzz::fuzz!(bounce);
