#![cfg_attr(fuzzing, no_main)]
#![doc = "Runs the target `email_address` under libFuzzer; its body is in the library."]

signalbus_fuzz::fuzz!(email_address);
