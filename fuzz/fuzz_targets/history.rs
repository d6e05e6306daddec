#![cfg_attr(fuzzing, no_main)]
#![doc = "Runs the target `history` under libFuzzer; its body is in the library."]

signalbus_fuzz::fuzz!(history);
