#![cfg_attr(fuzzing, no_main)]
#![doc = "Runs the target `smtp_reply` under libFuzzer; its body is in the library."]

signalbus_fuzz::fuzz!(smtp_reply);
