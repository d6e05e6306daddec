#![cfg_attr(fuzzing, no_main)]
#![doc = "Runs the target `kept_message` under libFuzzer; its body is in the library."]

signalbus_fuzz::fuzz!(kept_message);
