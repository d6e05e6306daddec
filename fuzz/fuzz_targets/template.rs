#![cfg_attr(fuzzing, no_main)]
#![doc = "Runs the target `template` under libFuzzer; its body is in the library."]

signalbus_fuzz::fuzz!(template);
