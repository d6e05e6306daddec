#![cfg_attr(fuzzing, no_main)]
#![doc = "Runs the target `phone_number` under libFuzzer; its body is in the library."]

signalbus_fuzz::fuzz!(phone_number);
